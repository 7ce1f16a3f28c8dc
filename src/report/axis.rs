//! Axes: which stretch of numbers to show, where the ticks go and how they read.

/// A labelled position on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where.
    pub(super) value: f64,
    /// How it reads, without the axis' common factor.
    pub(super) label: String,
}

/// A stretch of numbers, finite and not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// Its lower end.
    pub(super) low: f64,
    /// Its upper end.
    pub(super) high: f64,
}

/// Beyond this a difference of two values may overflow, so nothing is drawn there.
const LARGEST: f64 = 1e300;

/// Whether a value can be placed on an axis.
pub(super) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < LARGEST
}

impl Range {
    /// The stretch that shows every value of `core`, those of `wanted` that lie
    /// near it, and the bulk of `cloud`, with some air around.
    ///
    /// "Near" is within one span of the core on either side. Without a core
    /// (an empty front) what is wanted takes its place, then the cloud.
    pub(super) fn around(core: &[f64], wanted: &[f64], cloud: &[f64]) -> Self {
        let bulk = central(cloud);
        let (mut low, mut high) = (extent(core))
            .or_else(|| extent(wanted))
            .or_else(|| extent(&bulk))
            .unwrap_or((0.0, 1.0));
        let magnitude = low.abs().max(high.abs());
        // A span below the resolution of the numbers cannot be told from none.
        let span = if high - low > magnitude * 1e-9 {
            high - low
        } else {
            match extent(&bulk) {
                Some((a, b)) if b - a > magnitude * 1e-9 => b - a,
                _ if magnitude > 0.0 => magnitude * 0.2,
                _ => 1.0,
            }
        };
        let (reach_low, reach_high) = (low - span, high + span);
        for &value in wanted
            .iter()
            .filter(|value| (reach_low..=reach_high).contains(value))
        {
            low = low.min(value);
            high = high.max(value);
        }
        for value in bulk {
            low = low.min(value.max(reach_low));
            high = high.max(value.min(reach_high));
        }
        if high - low <= magnitude * 1e-9 {
            (low, high) = (low - span / 2.0, high + span / 2.0);
        }
        let air = (high - low) * 0.06;
        Self {
            low: low - air,
            high: high + air,
        }
    }

    /// Whether `value` lies within.
    pub(super) fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Where `value` lies: 0 at the lower end, 1 at the upper.
    pub(super) fn fraction(self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// About `wanted` ticks at round values, and the power of ten that their
    /// labels leave out (zero as long as plain numbers are readable).
    pub(super) fn ticks(self, wanted: usize) -> (Vec<Tick>, i32) {
        let step = round_step((self.high - self.low) / wanted.max(1) as f64);
        let magnitude = self.low.abs().max(self.high.abs());
        let power = if (1e-3..1e5).contains(&magnitude) {
            0
        } else {
            3 * (magnitude.log10() / 3.0).floor() as i32
        };
        let unit = 10f64.powi(power);
        let decimals = (-(step / unit).log10().floor()).clamp(0.0, 12.0) as usize;
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        // The bound guards against a step that rounding has made too small to count with.
        let ticks = (0..=((last - first) as usize).min(4 * wanted.max(1)))
            .map(|index| (first + index as f64) * step)
            .filter(|value| self.contains(*value))
            .map(|value| {
                // `+ 0.0` turns minus zero into zero.
                let shown = value / unit + 0.0;
                Tick {
                    value,
                    label: format!("{shown:.decimals$}").replace('-', "−"),
                }
            })
            .collect();
        (ticks, power)
    }
}

/// Ten to the `power` as people write it: ` ×10⁶`; nothing for zero.
pub(super) fn power_label(power: i32) -> String {
    if power == 0 {
        return String::new();
    }
    let superscript = |c: char| match c {
        '-' => '⁻',
        digit => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']
            [digit.to_digit(10).unwrap_or(0) as usize],
    };
    format!(
        "×10{}",
        power
            .to_string()
            .chars()
            .map(superscript)
            .collect::<String>()
    )
}

/// The smallest of 1, 2, 2.5, 5 × 10ⁿ that is at least `raw`.
fn round_step(raw: f64) -> f64 {
    let decade = 10f64.powf(raw.log10().floor());
    let fraction = raw / decade;
    let rounded = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|step| fraction <= step * 1.000_001)
        .unwrap_or(10.0);
    rounded * decade
}

fn extent(values: &[f64]) -> Option<(f64, f64)> {
    values
        .iter()
        .filter(|value| drawable(**value))
        .fold(None, |extent, &value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
}

/// The ends of the central 98 % of `values`.
fn central(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| drawable(*value))
        .collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return Vec::new();
    };
    vec![sorted[last / 100], sorted[last - last / 100]]
}

/// How the numbers of one column are written, so that they line up and differ
/// where the values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberFormat {
    /// A whole number with its thousands set apart.
    Whole,
    /// This many decimals.
    Decimals(usize),
    /// An exponent and three decimals.
    Exponent,
}

impl NumberFormat {
    /// The format that suits `values`: about four digits across their span.
    pub(super) fn for_values(values: impl Iterator<Item = f64> + Clone) -> Self {
        let magnitude = values
            .clone()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        if magnitude >= 1e15 || (magnitude > 0.0 && magnitude < 1e-5) {
            return Self::Exponent;
        }
        if values.clone().all(|value| value.fract() == 0.0) {
            return Self::Whole;
        }
        let values: Vec<f64> = values.collect();
        let span = extent(&values).map_or(0.0, |(low, high)| high - low);
        let scale = if span > magnitude * 1e-9 {
            span
        } else {
            magnitude
        };
        Self::Decimals((3.0 - scale.log10().floor()).clamp(0.0, 9.0) as usize)
    }

    /// `value` in this format.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Whole => grouped(&format!("{:.0}", value + 0.0)),
            Self::Decimals(decimals) => format!("{:.decimals$}", value + 0.0),
            Self::Exponent => format!("{value:.3e}"),
        }
    }
}

/// Sets thousands apart with commas: `3,504,872`.
pub(super) fn grouped(digits: &str) -> String {
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |rest| ("-", rest));
    if digits.len() <= 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return format!("{sign}{digits}");
    }
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_read_well() {
        let cases: [(f64, f64, &[&str], i32); 6] = [
            (14.0, 62.0, &["20", "30", "40", "50", "60"], 0),
            (0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], 0),
            (-3.0, 3.0, &["−2", "0", "2"], 0),
            (2.1e6, 6.2e6, &["3", "4", "5", "6"], 6),
            (1.0e-7, 5.0e-7, &["100", "200", "300", "400", "500"], -9),
            (
                99.95,
                100.05,
                &["99.96", "99.98", "100.00", "100.02", "100.04"],
                0,
            ),
        ];
        for (low, high, labels, power) in cases {
            let (ticks, found) = Range { low, high }.ticks(5);
            assert_eq!(
                ticks
                    .iter()
                    .map(|tick| tick.label.as_str())
                    .collect::<Vec<_>>(),
                labels
            );
            assert_eq!(found, power);
        }
    }

    #[test]
    fn columns_read_well() {
        let cases: [(&[f64], &[&str]); 5] = [
            (&[15.0213, 59.5], &["15.02", "59.50"]),
            (&[3_504_872.0, 950.0], &["3,504,872", "950"]),
            (&[1e-9, 2e-9], &["1.000e-9", "2.000e-9"]),
            (&[0.0, -0.0], &["0", "0"]),
            (&[1000.001, 1000.002], &["1000.001000", "1000.002000"]),
        ];
        for (values, shown) in cases {
            let format = NumberFormat::for_values(values.iter().copied());
            assert_eq!(
                values
                    .iter()
                    .map(|value| format.show(*value))
                    .collect::<Vec<_>>(),
                shown
            );
        }
    }

    #[test]
    fn far_values_do_not_stretch_the_range() {
        let range = Range::around(&[10.0, 20.0], &[25.0, 400.0], &[12.0, 14.0, 9000.0]);
        assert!(
            range.contains(25.0) && !range.contains(400.0) && range.high < 32.0,
            "{range:?}"
        );
    }

    proptest! {
        #[test]
        fn any_numbers_give_a_usable_axis(
            core in prop::collection::vec(any::<f64>(), 0..6),
            wanted in prop::collection::vec(any::<f64>(), 0..4),
            cloud in prop::collection::vec(any::<f64>(), 0..6),
        ) {
            let range = Range::around(&core, &wanted, &cloud);
            prop_assert!(range.low.is_finite() && range.high.is_finite() && range.low < range.high, "{:?}", range);
            for value in core.iter().filter(|value| drawable(**value)) {
                prop_assert!(range.contains(*value), "{:?} lacks {}", range, value);
            }
            let (ticks, _) = range.ticks(6);
            prop_assert!(!ticks.is_empty() && ticks.len() <= 25, "{:?}: {:?}", range, ticks);
        }
    }
}

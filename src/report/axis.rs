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
    /// (an empty front) the cloud takes its place, then what is wanted.
    pub(super) fn around(core: &[f64], wanted: &[f64], cloud: &[f64]) -> Self {
        let bulk = central(cloud);
        let (mut low, mut high) =
            (extent(core)).or_else(|| extent(&bulk)).or_else(|| extent(wanted)).unwrap_or((0.0, 1.0));
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
        for &value in wanted.iter().filter(|value| (reach_low..=reach_high).contains(value)) {
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
        Self { low: low - air, high: high + air }
    }

    /// Whether `value` lies within.
    pub(super) fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Where `value` lies: 0 at the lower end, 1 at the upper.
    pub(super) fn fraction(self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// About `wanted` ticks at round values, at least three, and the power of ten
    /// that their labels leave out (zero as long as plain numbers are readable).
    pub(super) fn ticks(self, wanted: usize) -> (Vec<Tick>, i32) {
        let wanted = wanted.max(2);
        let attempts = (wanted..2 * wanted + 3).map(|wanted| self.ticks_once(wanted));
        let enough = attempts.clone().find(|(ticks, _)| ticks.len() >= 3);
        enough.unwrap_or_else(|| self.ticks_once(wanted))
    }

    fn ticks_once(self, wanted: usize) -> (Vec<Tick>, i32) {
        let step = round_step((self.high - self.low) / wanted.max(1) as f64);
        let magnitude = self.low.abs().max(self.high.abs());
        let power = if (1e-3..1e5).contains(&magnitude) { 0 } else { 3 * (magnitude.log10() / 3.0).floor() as i32 };
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
                Tick { value, label: format!("{shown:.decimals$}").replace('-', "−") }
            })
            .collect();
        (ticks, power)
    }
}

/// Ten to the `power` as people write it: `×10⁶`; nothing for zero.
pub(super) fn power_label(power: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match power {
        0 => String::new(),
        // The typeface has raised digits, but no raised minus sign.
        ..0 => format!("×10^−{}", power.unsigned_abs()),
        _ => {
            let digits = power.to_string();
            let raised = digits.chars().filter_map(|c| RAISED.get(c.to_digit(10)? as usize));
            format!("×10{}", raised.collect::<String>())
        }
    }
}

/// The smallest of 1, 2, 5 × 10ⁿ that is at least `raw`. Its leading digit alone fixes the decimals of the labels.
fn round_step(raw: f64) -> f64 {
    let decade = 10f64.powf(raw.log10().floor());
    let fraction = raw / decade;
    let rounded = [1.0, 2.0, 5.0].into_iter().find(|step| fraction <= step * 1.000_001).unwrap_or(10.0);
    rounded * decade
}

/// The least and the largest drawable value.
pub(super) fn extent(values: &[f64]) -> Option<(f64, f64)> {
    values.iter().filter(|value| drawable(**value)).fold(None, |extent, &value| {
        let (low, high) = extent.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// The ends of the central 98 % of `values`.
pub(super) fn central(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| drawable(*value)).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return Vec::new();
    };
    vec![sorted[last / 100], sorted[last - last / 100]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_read_well() {
        let cases: [(f64, f64, &[&str], i32); 7] = [
            (6.0, 33.0, &["10", "20", "30"], 0),
            (14.0, 62.0, &["20", "30", "40", "50", "60"], 0),
            (0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], 0),
            (-3.0, 3.0, &["−2", "0", "2"], 0),
            (2.1e6, 6.2e6, &["3", "4", "5", "6"], 6),
            (1.0e-7, 5.0e-7, &["100", "200", "300", "400", "500"], -9),
            (99.95, 100.05, &["99.96", "99.98", "100.00", "100.02", "100.04"], 0),
        ];
        for (low, high, labels, power) in cases {
            let (ticks, found) = Range { low, high }.ticks(5);
            assert_eq!(ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(), labels);
            assert_eq!(found, power);
        }
    }

    #[test]
    fn far_values_do_not_stretch_the_range() {
        let range = Range::around(&[10.0, 20.0], &[25.0, 400.0], &[12.0, 14.0, 9000.0]);
        assert!(range.contains(25.0) && !range.contains(400.0) && range.high < 32.0, "{range:?}");
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

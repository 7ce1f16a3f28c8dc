//! How numbers read in tables and labels.

use super::axis::extent;

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
        let magnitude = values.clone().fold(0.0_f64, |most, value| most.max(value.abs()));
        if magnitude >= 1e15 || (magnitude > 0.0 && magnitude < 1e-5) {
            return Self::Exponent;
        }
        if values.clone().all(|value| value.fract() == 0.0) {
            return Self::Whole;
        }
        let values: Vec<f64> = values.collect();
        let span = extent(&values).map_or(0.0, |(low, high)| high - low);
        let scale = if span > magnitude * 1e-9 { span } else { magnitude };
        let across = (3.0 - (scale.log10() + 1e-6).floor()).clamp(0.0, 9.0);
        // The smallest value still shows three digits, unless that would cost the largest more than two decimals.
        let least = values.iter().map(|value| value.abs()).filter(|&value| value > 0.0).fold(magnitude, f64::min);
        let smallest = (2.0 - least.log10().floor()).clamp(0.0, across + 2.0);
        Self::Decimals(across.max(smallest).min(9.0) as usize)
    }

    /// `value` in this format.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Whole => grouped(&format!("{:.0}", value + 0.0)),
            Self::Decimals(0) => grouped(&format!("{:.0}", value + 0.0)),
            Self::Decimals(decimals) => format!("{:.decimals$}", value + 0.0),
            Self::Exponent => format!("{value:.3e}"),
        }
    }
}

/// Sets thousands apart with commas: `3,504,872`.
pub(super) fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    if digits.len() <= 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
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

/// A single number for a sentence.
pub(super) fn readable(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { NumberFormat::Whole.show(value) } else { plain(value) }
}

/// A number in full: every digit that distinguishes it, and an exponent only
/// where the digits would otherwise run away.
pub(super) fn plain(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) { format!("{value:e}") } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_read_well() {
        let cases: [(&[f64], &[&str]); 6] = [
            (&[5.253, 1110.204], &["5.25", "1110.20"]),
            (&[15.0213, 59.5], &["15.02", "59.50"]),
            (&[3_504_872.0, 950.0], &["3,504,872", "950"]),
            (&[1e-9, 2e-9], &["1.000e-9", "2.000e-9"]),
            (&[0.0, -0.0], &["0", "0"]),
            (&[1000.001, 1000.002], &["1000.001000", "1000.002000"]),
        ];
        for (values, shown) in cases {
            let format = NumberFormat::for_values(values.iter().copied());
            assert_eq!(values.iter().map(|value| format.show(*value)).collect::<Vec<_>>(), shown);
        }
    }
}

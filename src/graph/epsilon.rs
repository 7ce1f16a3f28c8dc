//! The small number that keeps a norm from dividing by zero.

use serde::{Deserialize, Serialize};

/// What a norm adds to a variance, or to a mean square, before its root is taken: finite and above zero. Files leave
/// the common one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Epsilon(u64);

impl Epsilon {
    /// 1e-5, the default of PyTorch.
    pub const COMMON: Self = Self(1e-5f64.to_bits());

    /// Its value.
    pub const fn value(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The one that a number in single precision stands for: that with the fewest decimal digits, so that the `1e-6` of
    /// a file is the `1e-6` of another.
    ///
    /// # Errors
    /// As of a number in double precision.
    pub fn from_single(value: f32) -> Result<Self, String> {
        // Every number is written so that it can be read again.
        Self::try_from(value.to_string().parse::<f64>().unwrap_or(f64::NAN))
    }

    /// Whether it is the common one.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
    pub fn is_common(&self) -> bool {
        *self == Self::COMMON
    }

    /// Its word in a canonical hash: 0 for the common one, which hashes had before there was another.
    pub(super) fn code(self) -> u64 {
        if self.is_common() { 0 } else { self.0 }
    }
}

impl Default for Epsilon {
    fn default() -> Self {
        Self::COMMON
    }
}

impl TryFrom<f64> for Epsilon {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(value.to_bits()))
        } else {
            Err(format!("the epsilon of a norm is {value}, but it has to be finite and above 0"))
        }
    }
}

impl From<Epsilon> for f64 {
    fn from(epsilon: Epsilon) -> Self {
        epsilon.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_precision_stands_for_the_shortest_decimal() {
        for value in [1e-5, 1e-6, 1e-3, 1e-12, 0.001_953_125] {
            assert_eq!(Epsilon::from_single(value as f32).map(f64::from), Ok(value));
        }
        for value in [0.0, -1e-5, f32::NAN, f32::INFINITY] {
            assert!(Epsilon::from_single(value).is_err(), "{value}");
        }
    }
}

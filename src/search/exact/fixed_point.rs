//! Costs as whole numbers of a decimal quantum, so that sums are exact and ties are ties.
//! In binary floating point 0.1 + 0.2 differs from 0.3 and a sum depends on its order; both would add false points to a front.

/// The quantum of one column: 10^-`digits`.
///
/// It is the power of ten for which the largest sum of absolute costs over any
/// path takes about 15 decimal digits, which `f64` still holds exactly. A cost
/// written with fewer decimals than that survives unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FixedPoint {
    digits: i32,
}

/// Decimal digits that the largest sum may use.
const DIGITS: i32 = 15;
/// The largest power of ten that `f64` holds exactly.
const EXACT_POWER: i32 = 22;

impl FixedPoint {
    /// The finest quantum for sums of at most `largest` in absolute value, which must be finite.
    pub(super) fn for_sums_up_to(largest: f64) -> Self {
        if largest == 0.0 {
            return Self { digits: 0 };
        }
        // floor(log10) + 1 digits stand before the point; a slip of one digit by rounding does no harm.
        Self { digits: DIGITS - 1 - largest.log10().floor() as i32 }
    }

    /// The nearest whole number of quanta; values out of range saturate far below overflow.
    pub(super) fn quantise(self, value: f64) -> i64 {
        const FAR: f64 = (1u64 << 60) as f64;
        scale(value, self.digits).round().clamp(-FAR, FAR) as i64
    }

    /// The value of `quanta`.
    pub(super) fn value(self, quanta: i64) -> f64 {
        scale(quanta as f64, -self.digits)
    }
}

/// `value` times 10^`power`. Division by an exact power of ten rounds once, so that decimals come back as they were.
fn scale(mut value: f64, mut power: i32) -> f64 {
    while power != 0 {
        let step = power.clamp(-EXACT_POWER, EXACT_POWER);
        if step > 0 {
            value *= 10f64.powi(step)
        } else {
            value /= 10f64.powi(-step)
        }
        power -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_unchanged_and_sums_of_decimals_are_exact() {
        for (largest, values) in [
            (4.0, &[0.1, 0.2, 0.3, 3.999, -1.25][..]),
            (5e12, &[1e12, 0.5, 4_999_999_999_999.0]),
            (3e-30, &[1e-30, 2.5e-30, 7e-44]),
            (8e200, &[1e200, 7.25e200]),
        ] {
            let point = FixedPoint::for_sums_up_to(largest);
            for &value in values {
                let back = point.value(point.quantise(value));
                assert!((back - value).abs() <= value.abs() * 1e-15, "{value} became {back}");
            }
        }
        let point = FixedPoint::for_sums_up_to(1.0);
        assert_eq!(point.quantise(0.1) + point.quantise(0.2), point.quantise(0.3));
        assert_eq!(point.value(point.quantise(0.1) + point.quantise(0.2)), 0.3);
    }
}

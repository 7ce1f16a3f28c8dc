//! The error function, which the standard library lacks (W. J. Cody, "Rational Chebyshev approximations for the error
//! function", Mathematics of Computation 23, 1969). Double precision, one number at a time.

/// Numerator and denominator of erf(x) / x in x², |x| ≤ 0.46875; the highest power first, as below. Leading
/// coefficients of denominators are 1 and left out.
const SMALL: ([f64; 5], [f64; 4]) = (
    [
        1.857_777_061_846_031_5e-1,
        3.161_123_743_870_565_5,
        1.138_641_541_510_501_6e2,
        3.774_852_376_853_02e2,
        3.209_377_589_138_469_4e3,
    ],
    [2.360_129_095_234_412_2e1, 2.440_246_379_344_441_7e2, 1.282_616_526_077_372_3e3, 2.844_236_833_439_171e3],
);

/// Those of e^(x²) · erfc(x) in x, 0.46875 ≤ x ≤ 4.
const MIDDLE: ([f64; 9], [f64; 8]) = (
    [
        2.153_115_354_744_038_3e-8,
        5.641_884_969_886_701e-1,
        8.883_149_794_388_375,
        6.611_919_063_714_163e1,
        2.986_351_381_974_001e2,
        8.819_522_212_417_69e2,
        1.712_047_612_634_070_7e3,
        2.051_078_377_826_071_6e3,
        1.230_339_354_797_997_2e3,
    ],
    [
        1.574_492_611_070_983_5e1,
        1.176_939_508_913_125e2,
        5.371_811_018_620_099e2,
        1.621_389_574_566_690_3e3,
        3.290_799_235_733_459_7e3,
        4.362_619_090_143_247e3,
        3.439_367_674_143_721_6e3,
        1.230_339_354_803_749_3e3,
    ],
);

/// Those of x² · (1 / √π - x · e^(x²) · erfc(x)) in 1 / x², x ≥ 4.
const LARGE: ([f64; 6], [f64; 5]) = (
    [
        1.631_538_713_730_209_7e-2,
        3.053_266_349_612_323_6e-1,
        3.603_448_999_498_044_5e-1,
        1.257_817_261_112_292_6e-1,
        1.608_378_514_874_228e-2,
        6.587_491_615_298_378e-4,
    ],
    [
        2.568_520_192_289_822,
        1.872_952_849_923_467_3,
        5.279_051_029_514_285e-1,
        6.051_834_131_244_132e-2,
        2.335_204_976_268_691_8e-3,
    ],
);

/// The quotient of two polynomials, the second one with a leading 1 in front.
fn rational<const N: usize, const D: usize>((numerator, denominator): &([f64; N], [f64; D]), x: f64) -> f64 {
    let horner = |start: f64, rest: &[f64]| rest.iter().fold(start, |sum, &c| sum * x + c);
    horner(numerator[0], &numerator[1..]) / horner(1.0, denominator)
}

/// 2 / √π · ∫ e^(-t²) dt from 0 to `x`.
#[cfg(test)]
pub(super) fn erf(x: f64) -> f64 {
    if x.abs() <= 0.46875 { x * rational(&SMALL, x * x) } else { (1.0 - erfc_tail(x.abs())).copysign(x) }
}

/// 1 - erf(x), without cancellation where it is small.
pub(super) fn erfc(x: f64) -> f64 {
    if x.abs() <= 0.46875 {
        1.0 - x * rational(&SMALL, x * x)
    } else if x < 0.0 {
        2.0 - erfc_tail(-x)
    } else {
        erfc_tail(x)
    }
}

/// erfc(x) for x ≥ 0.46875 (NaN stays NaN).
fn erfc_tail(x: f64) -> f64 {
    // e^(-x²) in two factors: the first exponent is exact, the second one small.
    let coarse = (x * 16.0).trunc() / 16.0;
    let gauss = (-coarse * coarse).exp() * (-(x - coarse) * (x + coarse)).exp();
    if x <= 4.0 {
        gauss * rational(&MIDDLE, x)
    } else if x >= 27.0 {
        // Below the smallest double.
        0.0
    } else {
        let inverse = 1.0 / (x * x);
        gauss * (std::f64::consts::FRAC_2_SQRT_PI / 2.0 - inverse * rational(&LARGE, inverse)) / x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_the_c_library() {
        // x, erf(x), erfc(x), from Python's math module.
        let cases = [
            (0.0, 0.0, 1.0),
            (0.1, 0.1124629160182849, 0.8875370839817152),
            (0.46875, 0.49261347321793797, 0.507386526782062),
            (0.5, 0.5204998778130465, 0.4795001221869535),
            (1.0, 0.8427007929497149, 0.15729920705028513),
            (2.5, 0.999593047982555, 0.0004069520174449589),
            (4.0, 0.9999999845827421, 1.541725790028002e-08),
            (4.5, 0.9999999998033839, 1.9661604415428873e-10),
            (6.0, 1.0, 2.1519736712498916e-17),
        ];
        for (x, wanted, complement) in cases {
            assert!((erf(x) - wanted).abs() <= 2e-16, "erf({x}) = {}", erf(x));
            assert!((erf(-x) + wanted).abs() <= 2e-16, "erf(-{x}) = {}", erf(-x));
            assert!((erfc(x) / complement - 1.0).abs() <= 1e-15, "erfc({x}) = {}", erfc(x));
            assert!((erfc(-x) - 1.0 - wanted).abs() <= 5e-16, "erfc(-{x}) = {}", erfc(-x));
        }
        assert_eq!((erfc(30.0), erfc(-30.0), erf(f64::INFINITY)), (0.0, 2.0, 1.0));
        assert!(erf(f64::NAN).is_nan() && erfc(f64::NAN).is_nan());
    }
}

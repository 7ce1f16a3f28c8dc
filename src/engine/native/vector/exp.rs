//! The exponential function of vectors: reduction by powers of two, then the Taylor series (W. J. Cody and W. Waite,
//! Software Manual for the Elementary Functions, 1980, chapter 6).

use super::Vector;
use crate::engine::Element;

/// 1 / n! for n = 13, 12, …, 0.
const TAYLOR: [f64; 14] = {
    let mut coefficients = [1.0; 14];
    let mut factorial = 1.0;
    let mut n = 1;
    while n < 14 {
        factorial *= n as f64;
        coefficients[13 - n] = 1.0 / factorial;
        n += 1;
    }
    coefficients
};

/// How one kind of element is reduced.
struct Reduction {
    /// Arguments are held between these; what lies beyond them is 0 or infinite to that precision, or almost.
    range: [f64; 2],
    /// ln 2 in two parts. Products of the first with whole numbers are exact.
    ln2: [f64; 2],
    /// Adding and taking away this number rounds to a whole one.
    rounder: f64,
    /// Terms of the series: the first one left out is below half a unit of the last place where |r| ≤ ln 2 / 2.
    terms: usize,
}

impl Reduction {
    const SINGLE: Self = Self {
        range: [-87.0, 88.0],
        ln2: [0.693_359_375, -2.121_944_400_546_905_7e-4],
        rounder: 12_582_912.0,
        terms: 8,
    };
    const DOUBLE: Self = Self {
        range: [-708.0, 709.0],
        ln2: [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10],
        rounder: 6_755_399_441_055_744.0,
        terms: 14,
    };

    /// The one for an element.
    const fn of<T>() -> Self {
        if size_of::<T>() == size_of::<f32>() { Self::SINGLE } else { Self::DOUBLE }
    }
}

/// e to the power `x`, to a few units of the last place. Arguments outside the range of the element count as its ends;
/// NaN stays NaN.
///
/// # Safety
/// See [`Vector`].
#[inline(always)]
pub unsafe fn exp<V: Vector>(x: V) -> V {
    let reduction = const { Reduction::of::<V::Element>() };
    // Every call is allowed where `x` could be made.
    unsafe {
        let constant = |value: f64| V::splat(V::Element::of(value));
        // With the constant first, NaN passes through both.
        let x = constant(reduction.range[1]).min(constant(reduction.range[0]).max(x));
        let rounder = constant(reduction.rounder);
        let n = x.mul_add(constant(std::f64::consts::LOG2_E), rounder).sub(rounder);
        let r = n.mul_add(constant(-reduction.ln2[0]), x);
        let r = n.mul_add(constant(-reduction.ln2[1]), r);
        let mut sum = constant(TAYLOR[TAYLOR.len() - reduction.terms]);
        for &coefficient in &TAYLOR[TAYLOR.len() - reduction.terms + 1..] {
            sum = sum.mul_add(r, constant(coefficient));
        }
        sum.ldexp(n)
    }
}

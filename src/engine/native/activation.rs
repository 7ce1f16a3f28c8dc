//! Activations and their derivatives on vectors. Where a function has a kink, its derivative is the one of PyTorch.

use super::erf;
use super::vector::{Vector, exp};
use crate::engine::Element;
use crate::graph::Activation;

/// `a(u)`.
///
/// # Safety
/// See [`Vector`].
#[inline(always)]
pub(super) unsafe fn value<V: Vector>(a: Activation, u: V) -> V {
    // Every call is allowed where `u` could be made. Constants stand first in minima and maxima: NaN passes.
    unsafe {
        match a {
            Activation::Relu => splat::<V>(0.0).max(u),
            Activation::Relu6 => relu6(u),
            Activation::Hswish => u.mul(hsigmoid(u)),
            Activation::Swish => u.mul(sigmoid(u)),
            Activation::Gelu => u.mul(normal(u)),
            Activation::Sigmoid => sigmoid(u),
            Activation::Hsigmoid => hsigmoid(u),
        }
    }
}

/// `a'(u)`.
///
/// # Safety
/// See [`Vector`].
#[inline(always)]
pub(super) unsafe fn slope<V: Vector>(a: Activation, u: V) -> V {
    // As above.
    unsafe {
        let (zero, one) = (splat::<V>(0.0), splat::<V>(1.0));
        match a {
            Activation::Relu => u.select_greater(zero, one, zero),
            Activation::Relu6 => inside(u, 0.0, 6.0, one, zero),
            Activation::Hswish => {
                let middle = u.mul_add(splat(1.0 / 3.0), splat(0.5));
                inside(u, -3.0, 3.0, middle, u.select_greater(zero, one, zero))
            }
            Activation::Swish => {
                let s = sigmoid(u);
                // s + u · s · (1 - s)
                u.mul(s).mul_add(one.sub(s), s)
            }
            Activation::Gelu => {
                let density = exp(u.mul(u).mul(splat(-0.5))).mul(splat(DENSITY));
                u.mul_add(density, normal(u))
            }
            Activation::Sigmoid => {
                let s = sigmoid(u);
                s.mul(one.sub(s))
            }
            Activation::Hsigmoid => inside(u, -3.0, 3.0, splat(1.0 / 6.0), zero),
        }
    }
}

/// 1 / √(2π).
const DENSITY: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2 / 2.0;

#[inline(always)]
unsafe fn splat<V: Vector>(value: f64) -> V {
    unsafe { V::splat(V::Element::of(value)) }
}

/// `yes` where `low < u < high`.
#[inline(always)]
unsafe fn inside<V: Vector>(u: V, low: f64, high: f64, yes: V, no: V) -> V {
    unsafe { u.select_greater(splat(low), splat::<V>(high).select_greater(u, yes, no), no) }
}

#[inline(always)]
unsafe fn relu6<V: Vector>(u: V) -> V {
    unsafe { splat::<V>(6.0).min(splat::<V>(0.0).max(u)) }
}

#[inline(always)]
unsafe fn hsigmoid<V: Vector>(u: V) -> V {
    unsafe { relu6(u.add(splat(3.0))).mul(splat(1.0 / 6.0)) }
}

#[inline(always)]
unsafe fn sigmoid<V: Vector>(u: V) -> V {
    unsafe {
        let one = splat::<V>(1.0);
        one.div(one.add(exp(splat::<V>(0.0).sub(u))))
    }
}

/// The distribution function of the standard normal distribution: `(1 + erf(u / √2)) / 2`. Single precision takes the
/// fit of M. Abramowitz and I. A. Stegun (Handbook of Mathematical Functions, 1964, 7.1.26), good to 1.5e-7.
#[inline(always)]
unsafe fn normal<V: Vector>(u: V) -> V {
    if size_of::<V::Element>() != size_of::<f32>() {
        let of = |x: V::Element| V::Element::of(erf::erfc(-x.to_f64() * std::f64::consts::FRAC_1_SQRT_2) / 2.0);
        return unsafe { u.map(of) };
    }
    unsafe {
        let (zero, one) = (splat::<V>(0.0), splat::<V>(1.0));
        let magnitude = zero.sub(u).max(u);
        let t = one.div(magnitude.mul_add(splat(0.327_591_1 * std::f64::consts::FRAC_1_SQRT_2), one));
        let fit = t.mul_add(splat(1.061_405_429), splat(-1.453_152_027));
        let fit = fit.mul_add(t, splat(1.421_413_741)).mul_add(t, splat(-0.284_496_736));
        let fit = fit.mul_add(t, splat(0.254_829_592)).mul(t);
        let tail = fit.mul(exp(u.mul(u).mul(splat(-0.5)))).mul(splat(0.5));
        zero.select_greater(u, tail, one.sub(tail))
    }
}

#[cfg(test)]
mod tests;

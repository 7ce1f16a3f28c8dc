//! Vectors of numbers as kernels see them: one trait over the registers of each instruction set.
//!
//! A kernel is written once, generic over [`Vector`], and compiled for each set by [`super::Isa::run`].

use super::view::BLOCK;
use crate::engine::Element;

/// A register of an instruction set: what all sets have in common, by the names of their intrinsics. Where they differ, and
/// what only some of them have, follows as methods.
macro_rules! register {
    ($(#[$doc:meta])* $name:ident($register:ty), $lanes:literal of $element:ty, $registers:literal registers:
     $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $max:ident, $min:ident;
     $($rest:tt)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name($register);

        // Made and used only where the set is enabled, as the trait demands.
        unsafe impl Vector for $name {
            type Element = $element;
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;

            #[inline(always)]
            unsafe fn splat(value: $element) -> Self {
                Self(unsafe { $splat(value) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                Self(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                Self(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                Self(unsafe { $div(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                Self(unsafe { $min(self.0, other.0) })
            }
            $($rest)*
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod exp;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
pub use avx2::{F32x8, F64x4};
#[cfg(target_arch = "x86_64")]
pub use avx512::{F32x16, F64x8};
pub use exp::exp;
#[cfg(target_arch = "aarch64")]
pub use neon::{F32x4, F64x2};
pub use portable::Lanes;

/// A register of `LANES` elements.
///
/// # Safety
/// Values of an implementation may only be made and used where its instruction set is enabled; [`super::Isa::run`] sees
/// to it. Pointers must be valid for `LANES` elements (no alignment is needed).
pub unsafe trait Vector: Copy {
    /// What it holds.
    type Element: Element;
    /// How many; a divisor of [`super::BLOCK`].
    const LANES: usize;
    /// Registers that a kernel may use for accumulators and operands.
    const REGISTERS: usize;

    /// The same value in every lane.
    ///
    /// # Safety
    /// See the trait, here and below.
    unsafe fn splat(value: Self::Element) -> Self;
    /// Reads `LANES` elements.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// Writes `LANES` elements.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn store(self, to: *mut Self::Element);
    /// `self · a + b`, rounded once where the set has fused multiply-adds.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// Sum.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn add(self, other: Self) -> Self;
    /// Difference.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn sub(self, other: Self) -> Self;
    /// Product.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn mul(self, other: Self) -> Self;
    /// Quotient.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn div(self, other: Self) -> Self;
    /// The larger one, lane by lane.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn max(self, other: Self) -> Self;
    /// The smaller one, lane by lane.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn min(self, other: Self) -> Self;
    /// `yes` where `self > other`, `no` elsewhere.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn select_greater(self, other: Self, yes: Self, no: Self) -> Self;
    /// `self · 2ⁿ` for whole `n` for which 2ⁿ is a normal number; NaN stays NaN.
    ///
    /// # Safety
    /// See the trait.
    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        let (mut values, mut powers) = ([Self::Element::ZERO; BLOCK], [Self::Element::ZERO; BLOCK]);
        // Both arrays hold a whole register.
        unsafe {
            self.store(values.as_mut_ptr());
            n.store(powers.as_mut_ptr());
            for (value, power) in values.iter_mut().zip(powers).take(Self::LANES) {
                // The last bits of the sum are the whole number; shifted to the exponent they are the power.
                let whole = (power.to_f64() + 6_755_399_441_055_744.0).to_bits();
                *value *= Self::Element::of(f64::from_bits(whole.wrapping_add(1023) << 52));
            }
            Self::load(values.as_ptr())
        }
    }
    /// Runs a function on every lane.
    ///
    /// # Safety
    /// See the trait.
    #[inline(always)]
    unsafe fn map(self, of: impl Fn(Self::Element) -> Self::Element) -> Self {
        let mut values = [Self::Element::ZERO; BLOCK];
        // The array holds a whole register.
        unsafe {
            self.store(values.as_mut_ptr());
            values.iter_mut().take(Self::LANES).for_each(|x| *x = of(*x));
            Self::load(values.as_ptr())
        }
    }
}

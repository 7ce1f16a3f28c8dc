//! NEON of 64-bit ARM: four floats or two doubles.

use std::arch::aarch64::*;

use super::Vector;

macro_rules! neon {
    ($(#[$doc:meta])* $name:ident, $element:ty, $register:ty, $lanes:literal, $dup:ident, $load:ident, $store:ident,
     $fma:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $max:ident, $min:ident, $greater:ident,
     $select:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name($register);

        // Made and used only where NEON is enabled, as the trait demands.
        unsafe impl Vector for $name {
            type Element = $element;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 32;

            #[inline(always)]
            unsafe fn splat(value: $element) -> Self {
                Self(unsafe { $dup(value) })
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
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                // The accumulator comes first here.
                Self(unsafe { $fma(b.0, self.0, a.0) })
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
            #[inline(always)]
            unsafe fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
                Self(unsafe { $select($greater(self.0, other.0), yes.0, no.0) })
            }
        }
    };
}

neon!(
    /// Four floats.
    F32x4, f32, float32x4_t, 4, vdupq_n_f32, vld1q_f32, vst1q_f32, vfmaq_f32, vaddq_f32, vsubq_f32, vmulq_f32,
    vdivq_f32, vmaxq_f32, vminq_f32, vcgtq_f32, vbslq_f32
);
neon!(
    /// Two doubles.
    F64x2, f64, float64x2_t, 2, vdupq_n_f64, vld1q_f64, vst1q_f64, vfmaq_f64, vaddq_f64, vsubq_f64, vmulq_f64,
    vdivq_f64, vmaxq_f64, vminq_f64, vcgtq_f64, vbslq_f64
);

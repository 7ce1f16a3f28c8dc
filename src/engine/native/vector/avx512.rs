//! AVX-512: sixteen floats or eight doubles.

use std::arch::x86_64::*;

use super::Vector;

macro_rules! avx512 {
    ($(#[$doc:meta])* $name:ident, $element:ty, $register:ty, $lanes:literal, $set1:ident, $loadu:ident, $storeu:ident,
     $fmadd:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $max:ident, $min:ident, $cmp:ident, $blend:ident,
     $scalef:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name($register);

        // Made and used only where AVX-512F is enabled, as the trait demands.
        unsafe impl Vector for $name {
            type Element = $element;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 32;

            #[inline(always)]
            unsafe fn splat(value: $element) -> Self {
                Self(unsafe { $set1(value) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                Self(unsafe { $loadu(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                unsafe { $storeu(to, self.0) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                Self(unsafe { $fmadd(self.0, a.0, b.0) })
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
                Self(unsafe { $blend($cmp::<_CMP_GT_OQ>(self.0, other.0), no.0, yes.0) })
            }
            #[inline(always)]
            unsafe fn ldexp(self, n: Self) -> Self {
                Self(unsafe { $scalef(self.0, n.0) })
            }
        }
    };
}

avx512!(
    /// Sixteen floats.
    F32x16, f32, __m512, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps,
    _mm512_sub_ps, _mm512_mul_ps, _mm512_div_ps, _mm512_max_ps, _mm512_min_ps, _mm512_cmp_ps_mask, _mm512_mask_blend_ps,
    _mm512_scalef_ps
);
avx512!(
    /// Eight doubles.
    F64x8, f64, __m512d, 8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_fmadd_pd, _mm512_add_pd,
    _mm512_sub_pd, _mm512_mul_pd, _mm512_div_pd, _mm512_max_pd, _mm512_min_pd, _mm512_cmp_pd_mask, _mm512_mask_blend_pd,
    _mm512_scalef_pd
);

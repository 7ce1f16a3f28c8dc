//! NEON of 64-bit ARM: four floats or two doubles.

use std::arch::aarch64::*;

use super::Vector;

register! {
    /// Four floats.
    F32x4(float32x4_t), 4 of f32, 32 registers:
    vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32, vsubq_f32, vmulq_f32, vdivq_f32, vmaxq_f32, vminq_f32;

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // The accumulator comes first here.
        Self(unsafe { vfmaq_f32(b.0, self.0, a.0) })
    }

    #[inline(always)]
    unsafe fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(unsafe { vbslq_f32(vcgtq_f32(self.0, other.0), yes.0, no.0) })
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe {
            let exponent = vaddq_s32(vcvtnq_s32_f32(n.0), vdupq_n_s32(127));
            Self(vmulq_f32(self.0, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))))
        }
    }
}

register! {
    /// Two doubles.
    F64x2(float64x2_t), 2 of f64, 32 registers:
    vdupq_n_f64, vld1q_f64, vst1q_f64, vaddq_f64, vsubq_f64, vmulq_f64, vdivq_f64, vmaxq_f64, vminq_f64;

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // The accumulator comes first here.
        Self(unsafe { vfmaq_f64(b.0, self.0, a.0) })
    }

    #[inline(always)]
    unsafe fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(unsafe { vbslq_f64(vcgtq_f64(self.0, other.0), yes.0, no.0) })
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe {
            let exponent = vaddq_s64(vcvtnq_s64_f64(n.0), vdupq_n_s64(1023));
            Self(vmulq_f64(self.0, vreinterpretq_f64_s64(vshlq_n_s64::<52>(exponent))))
        }
    }
}

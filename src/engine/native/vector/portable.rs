//! Vectors as plain arrays, for machines without a set of their own here. The compiler makes of them what it can.

use super::Vector;
use crate::engine::Element;

/// Eight elements.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<T>([T; 8]);

impl<T: Element> Lanes<T> {
    #[inline(always)]
    fn zip(self, other: Self, of: impl Fn(T, T) -> T) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }
}

// Plain arithmetic, correct on every machine.
unsafe impl<T: Element> Vector for Lanes<T> {
    type Element = T;
    const LANES: usize = 8;
    // Sixteen registers of four, as SSE2 has them.
    const REGISTERS: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // The caller vouches for eight elements.
        Self(unsafe { from.cast::<[T; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        unsafe { to.cast::<[T; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * a.0[lane] + b.0[lane]))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|lane| if self.0[lane] > other.0[lane] { yes.0[lane] } else { no.0[lane] }))
    }
}

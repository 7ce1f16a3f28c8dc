//! The instruction set, chosen once when the program runs: the default build is as fast as the machine allows.

use std::fmt;
use std::sync::OnceLock;

use super::vector::{self, Vector};
use crate::engine::Element;

/// A set of instructions that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512F of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// NEON of 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Whatever the build assumes.
    Portable,
}

/// A kernel, generic over the vectors it is made of.
pub(super) trait Kernel<T: Element> {
    /// What it returns.
    type Output;

    /// Runs it. Must be `#[inline(always)]`, and so must all that it calls with vectors: only then is it compiled for
    /// the set.
    ///
    /// # Safety
    /// The instruction set of `V` is enabled.
    unsafe fn run<V: Vector<Element = T>>(self) -> Self::Output;
}

/// Elements that have vectors on every set.
pub trait Numeric: Element {
    /// Runs a kernel on vectors of this element.
    #[doc(hidden)]
    #[allow(private_bounds, private_interfaces)]
    fn dispatch<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output;
}

macro_rules! native {
    ($element:ty, $avx512:ident, $avx2:ident, $neon:ident) => {
        impl Numeric for $element {
            #[allow(private_bounds, private_interfaces)]
            fn dispatch<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
                unsafe fn avx512<K: Kernel<$element>>(kernel: K) -> K::Output {
                    unsafe { kernel.run::<vector::$avx512>() }
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                unsafe fn avx2<K: Kernel<$element>>(kernel: K) -> K::Output {
                    unsafe { kernel.run::<vector::$avx2>() }
                }
                #[cfg(target_arch = "aarch64")]
                #[target_feature(enable = "neon")]
                unsafe fn neon<K: Kernel<$element>>(kernel: K) -> K::Output {
                    unsafe { kernel.run::<vector::$neon>() }
                }
                // A set is only ever chosen where the machine has it.
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => unsafe { avx512(kernel) },
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => unsafe { avx2(kernel) },
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon => unsafe { neon(kernel) },
                    Isa::Portable => unsafe { kernel.run::<vector::Lanes<$element>>() },
                }
            }
        }
    };
}

native!(f32, F32x16, F32x8, F32x4);
native!(f64, F64x8, F64x4, F64x2);

impl Isa {
    /// The sets this machine has, best first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
        {
            sets.push(Self::Avx512);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            sets.push(Self::Avx2);
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            sets.push(Self::Neon);
        }
        sets.push(Self::Portable);
        sets
    }

    /// The best set of this machine.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Runs a kernel on this set.
    pub(super) fn run<T: Numeric, K: Kernel<T>>(self, kernel: K) -> K::Output {
        T::dispatch(self, kernel)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "NEON",
            Self::Portable => "portable",
        })
    }
}

//! What the core can do at best, to measure kernels by.

use crate::engine::native::isa::{Isa, Kernel};
use crate::engine::native::vector::Vector;

/// Chains of multiply-adds in single precision.
struct Chains(usize);

/// Enough of them to keep every unit busy.
const CHAINS: usize = 12;

impl Kernel<f32> for Chains {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector<Element = f32>>(self) -> usize {
        // Registers only.
        unsafe {
            let mut sums = [V::splat(std::hint::black_box(1.0)); CHAINS];
            let factor = V::splat(std::hint::black_box(0.5));
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = sum.mul_add(factor, factor);
                }
            }
            let mut lanes = [0.0_f32; 16];
            for sum in sums {
                sum.store(lanes.as_mut_ptr());
                std::hint::black_box(&lanes);
            }
        }
        2 * self.0 * CHAINS * V::LANES
    }
}

/// Does `steps` rounds of multiply-adds on registers alone; gives the number of operations.
pub fn multiply_adds(isa: Isa, steps: usize) -> usize {
    isa.run(Chains(steps))
}

//! What the cores can do at best, to measure kernels by.

use std::hint::black_box;
use std::time::Instant;

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
            let mut sums = [V::splat(black_box(1.0)); CHAINS];
            let factor = V::splat(black_box(0.5));
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = sum.mul_add(factor, factor);
                }
            }
            let mut lanes = [0.0_f32; 16];
            for sum in sums {
                sum.store(lanes.as_mut_ptr());
                black_box(&lanes);
            }
        }
        2 * self.0 * CHAINS * V::LANES
    }
}

/// Operations a second of multiply-adds on registers alone, on so many threads: of each thread the best of several runs.
pub fn peak(isa: Isa, threads: usize) -> f64 {
    const STEPS: usize = 200_000;
    let one = || {
        let start = Instant::now();
        let operations = black_box(isa.run(Chains(black_box(STEPS))));
        operations as f64 / start.elapsed().as_secs_f64()
    };
    let best = || (0..16).map(|_| one()).fold(0.0, f64::max);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(best)).collect();
        best() + others.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum::<f64>()
    })
}

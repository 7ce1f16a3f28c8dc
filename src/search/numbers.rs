//! The plainest variation there is, for tests that follow a strategy step by step.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Variation;

/// Whole numbers from 0 up to, not including, this one. Neighbours differ by 1, and so does a mutant from its parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers(pub u32);

impl Variation for Numbers {
    type Genotype = u32;

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<u32> {
        Some(rng.gen_range(0..self.0))
    }

    fn cross(&self, a: &u32, b: &u32, _: &mut ChaCha8Rng) -> Option<u32> {
        Some(a.midpoint(*b))
    }

    fn mutate(&self, parent: &u32, rng: &mut ChaCha8Rng) -> Option<u32> {
        let around = self.neighbours(parent);
        around.get(rng.gen_range(0..around.len().max(1))).copied()
    }

    fn neighbours(&self, of: &u32) -> Vec<u32> {
        of.checked_sub(1).into_iter().chain(Some(of + 1).filter(|&next| next < self.0)).collect()
    }
}

//! Random search without repeats: the baseline that every other strategy has to beat.
//! Li & Talwalkar, *Random Search and Reproducibility for Neural Architecture Search*, 2019, on why it has to be shown.

use super::asked::Asked;
use super::strategy::{Candidate, Outcome, Strategy};
use super::variation::Variation;

/// Draws candidates, whatever became of those before.
#[derive(Debug)]
pub struct Random<V: Variation> {
    variation: V,
    asked: Asked<V::Genotype>,
    exhausted: bool,
}

impl<V: Variation> Random<V> {
    /// Random search whose candidates follow from `seed`.
    pub fn new(variation: V, seed: u64) -> Self {
        Self { variation, asked: Asked::new(seed), exhausted: false }
    }
}

impl<V: Variation> Strategy<V::Genotype> for Random<V> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<V::Genotype>> {
        let mut candidates = Vec::new();
        while candidates.len() < n && !self.exhausted {
            match self.asked.next(&self.variation, |rng| self.variation.sample(rng)) {
                Some(candidate) => candidates.push(candidate),
                None => self.exhausted = true,
            }
        }
        candidates
    }

    fn tell(&mut self, _: u64, _: Outcome) {}

    fn exhausted(&self) -> bool {
        self.exhausted
    }
}

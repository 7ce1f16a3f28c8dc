//! Conditional genotypes: what is decided, path by path. Which decisions there are depends on those before.

use std::sync::Arc;

use rand::Rng;
use rand::distributions::{Distribution, WeightedIndex};
use rand_chacha::ChaCha8Rng;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gene {
    /// Where it is taken: `s2.0.kernel`. What stands before a dot is the scope of what follows.
    pub path: Arc<str>,
    /// The option, counted from 0.
    pub option: usize,
}

/// All decisions of a candidate, in the order in which they are taken.
pub type Genotype = Vec<Gene>;

/// A decision that is to be taken now.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Where.
    pub path: &'a Arc<str>,
    /// The options that lead on, in ascending order; never empty. Constraints may have removed others.
    pub allowed: &'a [usize],
    /// How many options there are, allowed or not.
    pub options: usize,
    /// How often each option is drawn, in proportion; equally often if absent. Indexed by option.
    pub weights: Option<&'a [f64]>,
    /// Whether neighbouring options are alike.
    pub ordered: bool,
    /// The option of the default candidate.
    pub default: usize,
}

impl Decision<'_> {
    /// One of the allowed options, by their weights.
    pub fn draw(&self, rng: &mut impl Rng) -> usize {
        let weights = self.weights.map(|weights| self.allowed.iter().map(|&option| weights[option]));
        match weights.and_then(|weights| WeightedIndex::new(weights).ok()) {
            Some(weights) => self.allowed[weights.sample(rng)],
            None => self.allowed[rng.gen_range(0..self.allowed.len())],
        }
    }
}

/// Everything that may be decided: what the strategies know of a space.
pub trait Domain: Sync {
    /// Takes every decision of one candidate in order: `answer` gets each open decision and returns one of its allowed
    /// options. `None` where the answers lead nowhere, which a space whose constraints are only checked at the end
    /// cannot avoid.
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype>;

    /// Draws a candidate: by the weights of its decisions, uniformly over all candidates where that is possible.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype>;
}

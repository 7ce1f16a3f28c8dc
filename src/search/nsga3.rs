//! NSGA-III: for four objectives and more, where almost nothing dominates anything and survivors are spread over directions.
//! Deb & Jain, *An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated Sorting*,
//! parts I and II (Jain & Deb, constraints), 2014.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::breeding::{Rates, child};
use super::generation::Generation;
use super::selection::{Member, fronts};
use super::strategy::{Candidate, Outcome, Strategy};
use super::variation::Variation;
use niching::spread;
use normalise::Normaliser;

mod directions;
mod niching;
mod normalise;
#[cfg(test)]
mod tests;

pub use directions::directions;

/// How [`Nsga3`] searches.
#[derive(Clone, Debug, PartialEq)]
pub struct Nsga3Options<G> {
    /// How many members survive, and how many children a generation has; at least 2. The directions are as many as fit
    /// into it, see [`directions`].
    pub population: usize,
    /// Asked for first, in this order, before anything is drawn: the front of a cheaper stand-in, say.
    pub seeds: Vec<G>,
    /// The share of children that have two parents. The others are a parent, mutated. 1 in the paper.
    pub crossover_rate: f64,
    /// The share of children of two parents that are mutated as well. 1 in the paper.
    pub mutation_rate: f64,
}

impl<G> Default for Nsga3Options<G> {
    fn default() -> Self {
        Self { population: 92, seeds: Vec::new(), crossover_rate: 0.9, mutation_rate: 0.3 }
    }
}

/// The search, by generations. Its state follows from its options, its seed, and the order of calls.
///
/// Parents are drawn without regard to rank, as in the paper; but one that keeps every limit comes before one that does
/// not, and of two that do not the one that breaks them less. What failed or was pruned is never a member.
#[derive(Debug)]
pub struct Nsga3<V: Variation> {
    variation: V,
    rates: Rates,
    /// Front by front.
    generation: Generation<V::Genotype>,
    /// Made when the number of objectives is known.
    directions: Vec<Vec<f64>>,
    normaliser: Normaliser,
}

impl<V: Variation> Nsga3<V> {
    /// A search whose candidates follow from `seed` and from what is told.
    pub fn new(variation: V, options: Nsga3Options<V::Genotype>, seed: u64) -> Self {
        let Nsga3Options { population, seeds, crossover_rate, mutation_rate } = options;
        let rates = Rates { crossover: crossover_rate, mutation: mutation_rate };
        let generation = Generation::new(population, false, seeds, seed);
        Self { variation, rates, generation, directions: Vec::new(), normaliser: Normaliser::default() }
    }

    /// The members that survive at this moment.
    pub fn population(&self) -> &[Member<V::Genotype>] {
        self.generation.population()
    }

    /// Who of parents and children survives.
    fn survivors(&mut self, all: &[Member<V::Genotype>]) -> Vec<usize> {
        let size = self.generation.size();
        let fronts = fronts(all, self.generation.seen());
        let objectives = fronts.first().map_or(0, |front| all[front[0]].objectives().len());
        if objectives > 0 && self.directions.first().map(Vec::len) != Some(objectives) {
            self.directions = directions(objectives, size);
        }
        let mut kept: Vec<usize> = Vec::new();
        for front in fronts {
            let free = size - kept.len();
            if front.len() <= free {
                kept.extend(front);
            } else if all[front[0]].objectives().is_empty() {
                // Broken limits are alike here, so the first of them may stay.
                kept.extend(front.into_iter().take(free));
            } else {
                let mut rng = self.generation.choice();
                kept.extend(spread(all, &kept, &front, free, &self.directions, &mut self.normaliser, &mut rng));
            }
        }
        kept
    }
}

/// The better of two drawn, where limits make a difference, else the first; the population holds the least broken first.
fn parent<G>(population: &[Member<G>], rng: &mut ChaCha8Rng) -> usize {
    let (first, second) = (rng.gen_range(0..population.len()), rng.gen_range(0..population.len()));
    let keeps_limits = |at: usize| !population[at].objectives().is_empty();
    if keeps_limits(first) && keeps_limits(second) { first } else { first.min(second) }
}

impl<V: Variation> Strategy<V::Genotype> for Nsga3<V> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<V::Genotype>> {
        let (variation, rates) = (&self.variation, self.rates);
        self.generation.ask(n, variation, |population, rng| {
            let (first, second) = (parent(population, rng), parent(population, rng));
            let other = (first != second).then(|| &population[second].genotype);
            child(variation, &population[first].genotype, other, rates, rng)
        })
    }

    fn tell(&mut self, id: u64, outcome: Outcome) {
        if let Some(all) = self.generation.tell(id, outcome) {
            let kept = self.survivors(&all);
            self.generation.survive(all, kept);
        }
    }

    fn exhausted(&self) -> bool {
        self.generation.exhausted()
    }
}

//! NSGA-III: for four objectives and more, where almost nothing dominates anything and survivors are spread over directions.
//! Deb & Jain, *An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated Sorting*,
//! parts I and II (Jain & Deb, constraints), 2014.

use std::collections::HashSet;
use std::mem;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::asked::Asked;
use super::breeding::{Rates, child};
use super::selection::{Member, Violations, fronts};
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
    options: Nsga3Options<V::Genotype>,
    asked: Asked<V::Genotype>,
    /// Asked for and not yet told.
    in_flight: HashSet<u64>,
    /// Those that survived, front by front.
    population: Vec<Member<V::Genotype>>,
    /// Told, and not yet compared with the population.
    children: Vec<Member<V::Genotype>>,
    /// How many candidates the current generation still lacks.
    lacking: usize,
    first_generation: bool,
    /// Made when the number of objectives is known.
    directions: Vec<Vec<f64>>,
    normaliser: Normaliser,
    seen: Violations,
    exhausted: bool,
}

impl<V: Variation> Nsga3<V> {
    /// A search whose candidates follow from `seed` and from what is told.
    pub fn new(variation: V, mut options: Nsga3Options<V::Genotype>, seed: u64) -> Self {
        options.population = options.population.max(2);
        // Seeds are taken from the end.
        options.seeds.reverse();
        Self {
            variation,
            asked: Asked::new(seed),
            in_flight: HashSet::new(),
            population: Vec::new(),
            children: Vec::new(),
            lacking: options.population.max(options.seeds.len()),
            first_generation: true,
            directions: Vec::new(),
            normaliser: Normaliser::default(),
            seen: Violations::default(),
            exhausted: false,
            options,
        }
    }

    /// The members that survive at this moment.
    pub fn population(&self) -> &[Member<V::Genotype>] {
        &self.population
    }

    fn next(&mut self) -> Option<Candidate<V::Genotype>> {
        while let Some(seed) = self.options.seeds.pop() {
            if let Some(candidate) = self.asked.given(seed) {
                return Some(candidate);
            }
        }
        let draw = self.first_generation || self.population.is_empty();
        let (population, variation) = (&self.population, &self.variation);
        let rates = Rates { crossover: self.options.crossover_rate, mutation: self.options.mutation_rate };
        self.asked.next(variation, |rng| {
            if draw {
                return variation.sample(rng);
            }
            let (first, second) = (parent(population, rng), parent(population, rng));
            let other = (first != second).then(|| &population[second].genotype);
            child(variation, &population[first].genotype, other, rates, rng)
        })
    }

    fn survive(&mut self) {
        let mut all = mem::take(&mut self.population);
        all.append(&mut self.children);
        let fronts = fronts(&all, &self.seen);
        let objectives = fronts.first().map_or(0, |front| all[front[0]].objectives().len());
        if objectives > 0 && self.directions.first().map(Vec::len) != Some(objectives) {
            self.directions = directions(objectives, self.options.population);
        }
        let mut kept: Vec<usize> = Vec::new();
        for front in fronts {
            let free = self.options.population - kept.len();
            if front.len() <= free {
                kept.extend(front);
            } else if all[front[0]].objectives().is_empty() {
                // Broken limits are alike here, so the first of them may stay.
                kept.extend(front.into_iter().take(free));
            } else {
                let mut rng = self.asked.choice();
                kept.extend(spread(&all, &kept, &front, free, &self.directions, &mut self.normaliser, &mut rng));
            }
        }
        let mut all: Vec<_> = all.into_iter().map(Some).collect();
        self.population = kept.into_iter().filter_map(|i| all[i].take()).collect();
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
        let mut candidates = Vec::new();
        while candidates.len() < n && !self.exhausted && self.lacking > 0 {
            let Some(candidate) = self.next() else {
                self.exhausted = true;
                break;
            };
            self.lacking -= 1;
            self.first_generation &= self.lacking > 0;
            self.in_flight.insert(candidate.id);
            candidates.push(candidate);
        }
        candidates
    }

    fn tell(&mut self, id: u64, outcome: Outcome) {
        // What was not asked for, or has been told before, is no news.
        if !self.in_flight.remove(&id) {
            return;
        }
        self.seen.see(&outcome);
        if let (Some(genotype), Outcome::Complete { .. } | Outcome::Infeasible { .. }) =
            (self.asked.genotype(id), &outcome)
        {
            self.children.push(Member { id, genotype: genotype.clone(), outcome });
        }
        if self.lacking == 0 && self.in_flight.is_empty() {
            self.survive();
            self.lacking = self.options.population;
        }
    }

    fn exhausted(&self) -> bool {
        self.exhausted
    }
}

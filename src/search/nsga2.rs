//! NSGA-II, by generations or one candidate at a time. Deb, Pratap, Agarwal & Meyarivan, 2002; the steady state is that of
//! Durillo, Nebro, Luna & Alba, *On the Effect of the Steady-State Selection Scheme in Multi-Objective Genetic Algorithms*, 2009.

use std::collections::HashSet;
use std::mem;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::asked::Asked;
use super::breeding::{self, Rates};
use super::selection::{Member, Violations, survivors};
use super::strategy::{Candidate, Outcome, Strategy};
use super::variation::Variation;

/// How [`Nsga2`] searches.
#[derive(Clone, Debug, PartialEq)]
pub struct Nsga2Options<G> {
    /// How many members survive, and how many children a generation has; at least 2.
    pub population: usize,
    /// Whether a child is made as soon as one is asked for. Otherwise a generation is asked for, and the next one waits
    /// until all of it has been told.
    pub steady_state: bool,
    /// Asked for first, in this order, before anything is drawn: the front of a cheaper stand-in, say.
    pub seeds: Vec<G>,
    /// The share of children that have two parents. The others are a parent, mutated.
    pub crossover_rate: f64,
    /// The share of children of two parents that are mutated as well.
    pub mutation_rate: f64,
}

impl<G> Default for Nsga2Options<G> {
    /// 50 members in a steady state, nine children in ten from two parents, three in ten of those mutated.
    ///
    /// `cargo bench --bench strategy` compares them at 250 to 2,000 evaluations of five categorical problems. The steady
    /// state is ahead of generations, most of all at first; 50 members stand between 20, ahead on short runs, and 100, ahead
    /// on long ones only. Crossover from 0.7 to 1 makes little difference. Always mutating is behind where decisions
    /// interact and ahead where they are ordered and nearly independent, which the exact search is for.
    fn default() -> Self {
        Self { population: 50, steady_state: true, seeds: Vec::new(), crossover_rate: 0.9, mutation_rate: 0.3 }
    }
}

/// The search. Its state follows from its options, its seed, and the order of calls.
#[derive(Debug)]
pub struct Nsga2<V: Variation> {
    variation: V,
    options: Nsga2Options<V::Genotype>,
    asked: Asked<V::Genotype>,
    /// Asked for and not yet told.
    in_flight: HashSet<u64>,
    /// Those that survived, best first.
    population: Vec<Member<V::Genotype>>,
    /// Told, and not yet compared with the population.
    children: Vec<Member<V::Genotype>>,
    /// How many candidates the first generation still lacks; in generations, the current one.
    lacking: usize,
    first_generation: bool,
    seen: Violations,
    exhausted: bool,
}

impl<V: Variation> Nsga2<V> {
    /// A search whose candidates follow from `seed` and from what is told.
    pub fn new(variation: V, mut options: Nsga2Options<V::Genotype>, seed: u64) -> Self {
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
            seen: Violations::default(),
            exhausted: false,
            options,
        }
    }

    /// The members that survive at this moment, best first.
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
        let (population, options, variation) = (&self.population, &self.options, &self.variation);
        self.asked.next(variation, |rng| {
            if draw { variation.sample(rng) } else { child(population, options, variation, rng) }
        })
    }

    fn survive(&mut self) {
        let mut all = mem::take(&mut self.population);
        all.append(&mut self.children);
        let order = survivors(&all, &self.seen, self.options.population);
        let mut all: Vec<_> = all.into_iter().map(Some).collect();
        self.population = order.into_iter().filter_map(|i| all[i].take()).collect();
    }
}

fn child<V: Variation>(
    population: &[Member<V::Genotype>],
    options: &Nsga2Options<V::Genotype>,
    variation: &V,
    rng: &mut ChaCha8Rng,
) -> Option<V::Genotype> {
    let first = tournament(population.len(), rng);
    let second = tournament(population.len(), rng);
    let other = (first != second).then(|| &population[second].genotype);
    let rates = Rates { crossover: options.crossover_rate, mutation: options.mutation_rate };
    breeding::child(variation, &population[first].genotype, other, rates, rng)
}

/// The better of two drawn from a population in which the best come first.
fn tournament(size: usize, rng: &mut ChaCha8Rng) -> usize {
    rng.gen_range(0..size).min(rng.gen_range(0..size))
}

impl<V: Variation> Strategy<V::Genotype> for Nsga2<V> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<V::Genotype>> {
        let mut candidates = Vec::new();
        while candidates.len() < n && !self.exhausted && (self.lacking > 0 || self.options.steady_state) {
            let Some(candidate) = self.next() else {
                self.exhausted = true;
                break;
            };
            self.lacking = self.lacking.saturating_sub(1);
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
        // What failed leaves no children.
        if let (Some(genotype), false) = (self.asked.genotype(id), matches!(outcome, Outcome::Failed { .. })) {
            self.children.push(Member { id, genotype: genotype.clone(), outcome });
        }
        if self.options.steady_state {
            self.survive();
        } else if self.lacking == 0 && self.in_flight.is_empty() {
            self.survive();
            self.lacking = self.options.population;
        }
    }

    fn exhausted(&self) -> bool {
        self.exhausted
    }
}

#[cfg(test)]
mod tests;

//! The life of a population that breeds: seeds are asked for first, then draws until a generation is full, then children.
//! What comes back joins its parents, and whoever owns the population says who survives; NSGA-II and NSGA-III do.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::mem;

use rand_chacha::ChaCha8Rng;

use super::asked::Asked;
use super::selection::{Member, Violations};
use super::strategy::{Candidate, Outcome};
use super::variation::Variation;

/// A population, what of it is on its way, and what was ever asked for.
#[derive(Debug)]
pub(super) struct Generation<G> {
    size: usize,
    /// Whether a child is made as soon as one is asked for. Otherwise a generation waits for the one before.
    steady_state: bool,
    /// To be asked for first, the last one first.
    seeds: Vec<G>,
    asked: Asked<G>,
    /// Asked for and not yet told.
    in_flight: HashSet<u64>,
    population: Vec<Member<G>>,
    /// Told, and not yet compared with the population.
    children: Vec<Member<G>>,
    /// How many candidates the first generation still lacks; without a steady state, the current one.
    lacking: usize,
    first: bool,
    seen: Violations,
    exhausted: bool,
}

impl<G: Clone + Debug + Eq + Hash> Generation<G> {
    /// An empty population of `size` at most, at least 2.
    pub(super) fn new(size: usize, steady_state: bool, mut seeds: Vec<G>, seed: u64) -> Self {
        let size = size.max(2);
        let lacking = size.max(seeds.len());
        seeds.reverse();
        Self {
            size,
            steady_state,
            seeds,
            asked: Asked::new(seed),
            in_flight: HashSet::new(),
            population: Vec::new(),
            children: Vec::new(),
            lacking,
            first: true,
            seen: Violations::default(),
            exhausted: false,
        }
    }

    /// How many survive.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Those that survived, in the order in which they were chosen.
    pub(super) fn population(&self) -> &[Member<G>] {
        &self.population
    }

    /// The worst that limits were broken so far.
    pub(super) fn seen(&self) -> &Violations {
        &self.seen
    }

    /// A stream for choices that make no candidate.
    pub(super) fn choice(&self) -> ChaCha8Rng {
        self.asked.choice()
    }

    /// Whether nothing new was found.
    pub(super) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Up to `n` candidates; `child` makes one from the population.
    pub(super) fn ask<V: Variation<Genotype = G>>(
        &mut self,
        n: usize,
        variation: &V,
        child: impl Fn(&[Member<G>], &mut ChaCha8Rng) -> Option<G>,
    ) -> Vec<Candidate<G>> {
        let mut candidates = Vec::new();
        while candidates.len() < n && !self.exhausted && (self.lacking > 0 || self.steady_state) {
            let Some(candidate) = self.next(variation, &child) else {
                self.exhausted = true;
                break;
            };
            self.lacking = self.lacking.saturating_sub(1);
            self.first &= self.lacking > 0;
            self.in_flight.insert(candidate.id);
            candidates.push(candidate);
        }
        candidates
    }

    fn next<V: Variation<Genotype = G>>(
        &mut self,
        variation: &V,
        child: &impl Fn(&[Member<G>], &mut ChaCha8Rng) -> Option<G>,
    ) -> Option<Candidate<G>> {
        while let Some(seed) = self.seeds.pop() {
            if let Some(candidate) = self.asked.given(seed) {
                return Some(candidate);
            }
        }
        let draw = self.first || self.population.is_empty();
        let population = &self.population;
        self.asked.next(variation, |rng| if draw { variation.sample(rng) } else { child(population, rng) })
    }

    /// Takes an outcome in. Where it is time to choose who survives: parents and children together, for
    /// [`survive`](Self::survive). What failed or was pruned leaves no children.
    pub(super) fn tell(&mut self, id: u64, outcome: Outcome) -> Option<Vec<Member<G>>> {
        // What was not asked for, or has been told before, is no news.
        if !self.in_flight.remove(&id) {
            return None;
        }
        self.seen.see(&outcome);
        if let (Some(genotype), Outcome::Complete { .. } | Outcome::Infeasible { .. }) =
            (self.asked.genotype(id), &outcome)
        {
            self.children.push(Member { id, genotype: genotype.clone(), outcome });
        }
        let whole = self.lacking == 0 && self.in_flight.is_empty();
        if whole && !self.steady_state {
            self.lacking = self.size;
        }
        (whole || self.steady_state).then(|| {
            let mut all = mem::take(&mut self.population);
            all.append(&mut self.children);
            all
        })
    }

    /// Those at `kept`, in that order, are the population from now on.
    pub(super) fn survive(&mut self, all: Vec<Member<G>>, kept: Vec<usize>) {
        let mut all: Vec<_> = all.into_iter().map(Some).collect();
        self.population = kept.into_iter().filter_map(|index| all[index].take()).collect();
    }
}

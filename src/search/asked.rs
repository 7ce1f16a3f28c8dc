//! What a strategy has asked for, and how it comes by something new: no candidate is ever asked for twice.
//! Every candidate has a stream of random numbers of its own, so that what one of them used up changes no other.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::strategy::Candidate;
use super::variation::Variation;

/// How many proposals, and then how many draws, may all be known before the space is searched systematically.
const TRIES: usize = 100;

/// How many draws in a row must find nothing new, when nothing new is next to what is known, to call a space used up.
const LAST_TRIES: usize = 2_000;

/// All candidates of a run, in the order in which they were asked for.
#[derive(Debug)]
pub struct Asked<G> {
    seed: u64,
    order: Vec<Arc<G>>,
    known: HashSet<Arc<G>>,
    /// How many of `order` have had their neighbours looked at.
    explored: usize,
    /// Neighbours found and not yet asked for.
    ahead: VecDeque<G>,
}

impl<G: Clone + Eq + std::hash::Hash> Asked<G> {
    /// Nothing yet. All random numbers follow from `seed` and the id of a candidate.
    pub fn new(seed: u64) -> Self {
        Self { seed, order: Vec::new(), known: HashSet::new(), explored: 0, ahead: VecDeque::new() }
    }

    /// How many have been asked for, which is the id of the next.
    pub fn count(&self) -> u64 {
        self.order.len() as u64
    }

    /// The candidate with that id, if it has been asked for.
    pub fn genotype(&self, id: u64) -> Option<&G> {
        Some(&**self.order.get(usize::try_from(id).ok()?)?)
    }

    /// Random numbers for a choice between candidates, from a stream that no candidate has: they are counted from the
    /// other end.
    pub fn choice(&self) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(!self.count());
        rng
    }

    /// Asks for something given from outside; `None` if it is known.
    pub fn given(&mut self, genotype: G) -> Option<Candidate<G>> {
        if self.known.contains(&genotype) {
            return None;
        }
        let id = self.count();
        let shared = Arc::new(genotype.clone());
        self.order.push(Arc::clone(&shared));
        self.known.insert(shared);
        Some(Candidate { id, genotype, fidelity: 1.0 })
    }

    /// Asks for something new: what `propose` finds, else a draw, else a neighbour of something known.
    ///
    /// `None` once the space is used up. That is certain where a candidate can be reached from any other by
    /// [neighbours](Variation::neighbours), as in any space whose constraints close options before they are chosen; other
    /// spaces count as used up when thousands of draws in a row find nothing either.
    pub fn next<V: Variation<Genotype = G>>(
        &mut self,
        variation: &V,
        mut propose: impl FnMut(&mut ChaCha8Rng) -> Option<G>,
    ) -> Option<Candidate<G>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.count());
        let proposed = self.first_new(TRIES, || propose(&mut rng));
        let found = proposed.or_else(|| self.first_new(TRIES, || variation.sample(&mut rng)));
        let found = found.or_else(|| self.unexplored(variation));
        let found = found.or_else(|| self.first_new(LAST_TRIES, || variation.sample(&mut rng)));
        found.and_then(|genotype| self.given(genotype))
    }

    fn first_new(&self, tries: usize, mut find: impl FnMut() -> Option<G>) -> Option<G> {
        (0..tries).filter_map(|_| find()).find(|genotype| !self.known.contains(genotype))
    }

    /// The next neighbour of anything known that is not known itself.
    fn unexplored<V: Variation<Genotype = G>>(&mut self, variation: &V) -> Option<G> {
        loop {
            while let Some(genotype) = self.ahead.pop_front() {
                if !self.known.contains(&genotype) {
                    return Some(genotype);
                }
            }
            let of = self.order.get(self.explored)?;
            self.explored += 1;
            self.ahead.extend(variation.neighbours(of));
        }
    }
}

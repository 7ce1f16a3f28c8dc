//! Pareto local search: everything next to what nothing dominates is tried, until nothing new comes of it; then again from
//! elsewhere. Paquete, Chiarandini & Stützle, *Pareto Local Optimum Sets in the Biobjective Traveling Salesman Problem*, 2004.

use std::collections::{HashSet, VecDeque};

use rand::seq::SliceRandom;

use super::asked::Asked;
use super::selection::{Member, Violations, crowding, fronts};
use super::strategy::{Candidate, Outcome, Strategy};
use super::variation::Variation;

/// How [`Local`] searches.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalOptions<G> {
    /// How many candidates are drawn to start from, at the beginning and at each restart; at least 1. The paper starts
    /// from one, which leaves parallel workers idle.
    pub starts: usize,
    /// Where the first search starts instead of drawing.
    pub seeds: Vec<G>,
}

impl<G> Default for LocalOptions<G> {
    fn default() -> Self {
        Self { starts: 10, seeds: Vec::new() }
    }
}

/// The search. Its archive holds the members that no other dominates, one for each vector of objectives; as long as no
/// candidate keeps every limit, those that break them least.
///
/// Of the members not yet explored the one with most room is next, and its neighbours are asked for in random order; the
/// rest of them is passed over once it is dominated. When all are explored, the search waits for what is in flight, and
/// then starts again with an empty archive: what was found before stays found, but must not stop a new climb.
#[derive(Debug)]
pub struct Local<V: Variation> {
    variation: V,
    options: LocalOptions<V::Genotype>,
    asked: Asked<V::Genotype>,
    in_flight: HashSet<u64>,
    archive: Vec<Member<V::Genotype>>,
    explored: HashSet<u64>,
    /// Whose neighbours are being asked for, and those that have not been.
    current: Option<(u64, VecDeque<V::Genotype>)>,
    /// How many starts are still to be drawn.
    lacking: usize,
    seen: Violations,
    exhausted: bool,
}

impl<V: Variation> Local<V> {
    /// A search whose candidates follow from `seed` and from what is told.
    pub fn new(variation: V, mut options: LocalOptions<V::Genotype>, seed: u64) -> Self {
        options.starts = options.starts.max(1);
        // Seeds are taken from the end.
        options.seeds.reverse();
        let lacking = options.starts.saturating_sub(options.seeds.len());
        Self {
            variation,
            options,
            asked: Asked::new(seed),
            in_flight: HashSet::new(),
            archive: Vec::new(),
            explored: HashSet::new(),
            current: None,
            lacking,
            seen: Violations::default(),
            exhausted: false,
        }
    }

    /// The members that nothing dominates since the last restart.
    pub fn archive(&self) -> &[Member<V::Genotype>] {
        &self.archive
    }

    fn next(&mut self) -> Option<Candidate<V::Genotype>> {
        while let Some(seed) = self.options.seeds.pop() {
            if let Some(candidate) = self.asked.given(seed) {
                return Some(candidate);
            }
        }
        loop {
            if self.lacking > 0 {
                self.lacking -= 1;
                let candidate = self.asked.next(&self.variation, |rng| self.variation.sample(rng));
                self.exhausted = candidate.is_none();
                return candidate;
            }
            while let Some(neighbour) = self.current.as_mut().and_then(|(_, ahead)| ahead.pop_front()) {
                if let Some(candidate) = self.asked.given(neighbour) {
                    return Some(candidate);
                }
            }
            if !self.explore() {
                if !self.in_flight.is_empty() {
                    return None;
                }
                self.archive.clear();
                self.lacking = self.options.starts;
            }
        }
    }

    /// Turns to the next member; whether there is one.
    fn explore(&mut self) -> bool {
        let all: Vec<usize> = (0..self.archive.len()).collect();
        let room = crowding(&self.archive, &all);
        let open = all.into_iter().filter(|&at| !self.explored.contains(&self.archive[at].id));
        let next = open.max_by(|&a, &b| room[a].total_cmp(&room[b]).then(self.archive[b].id.cmp(&self.archive[a].id)));
        let Some(member) = next.map(|at| &self.archive[at]) else {
            self.current = None;
            return false;
        };
        let mut ahead = self.variation.neighbours(&member.genotype);
        ahead.shuffle(&mut self.asked.choice());
        self.explored.insert(member.id);
        self.current = Some((member.id, ahead.into()));
        true
    }

    fn admit(&mut self, member: Member<V::Genotype>) {
        let known =
            |other: &Member<V::Genotype>| !member.objectives().is_empty() && other.objectives() == member.objectives();
        if self.archive.iter().any(known) {
            return;
        }
        self.archive.push(member);
        let mut best = vec![false; self.archive.len()];
        for at in fronts(&self.archive, &self.seen).into_iter().next().unwrap_or_default() {
            best[at] = true;
        }
        let mut best = best.into_iter();
        self.archive.retain(|_| best.next().unwrap_or_default());
        let current = self.current.as_ref().map(|(id, _)| *id);
        if current.is_some_and(|current| self.archive.iter().all(|member| member.id != current)) {
            self.current = None;
        }
    }
}

impl<V: Variation> Strategy<V::Genotype> for Local<V> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<V::Genotype>> {
        let mut candidates = Vec::new();
        while candidates.len() < n && !self.exhausted {
            let Some(candidate) = self.next() else { break };
            self.in_flight.insert(candidate.id);
            candidates.push(candidate);
        }
        candidates
    }

    fn tell(&mut self, id: u64, outcome: Outcome) {
        if !self.in_flight.remove(&id) {
            return;
        }
        self.seen.see(&outcome);
        if let (Some(genotype), Outcome::Complete { .. } | Outcome::Infeasible { .. }) =
            (self.asked.genotype(id), &outcome)
        {
            let genotype = genotype.clone();
            self.admit(Member { id, genotype, outcome });
        }
    }

    fn exhausted(&self) -> bool {
        self.exhausted
    }
}

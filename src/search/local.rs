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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::numbers::Numbers;
    use super::*;

    fn tell(search: &mut Local<Numbers>, judge: impl Fn(f64) -> Outcome) -> Option<u32> {
        let candidate = search.ask(1).pop()?;
        search.tell(candidate.id, judge(f64::from(candidate.genotype)));
        Some(candidate.genotype)
    }

    /// Nothing between 300 and 310 dominates anything else there, and everything outside is dominated.
    fn two_valleys(x: f64) -> Outcome {
        Outcome::Complete { objectives: vec![(x - 300.0).abs(), (x - 310.0).abs()] }
    }

    #[test]
    fn it_walks_downhill_and_along_the_whole_front() {
        let options = LocalOptions { starts: 1, seeds: vec![290] };
        let mut search = Local::new(Numbers(1_000_000), options, 0);
        let asked: Vec<u32> = (0..22).map(|_| tell(&mut search, two_valleys).unwrap()).collect();
        let mut found: Vec<u32> = search.archive().iter().map(|member| member.genotype).collect();
        found.sort_unstable();
        assert_eq!(found, (300..=310).collect::<Vec<_>>());
        // From 289, which it may try, to 311: no step is wasted.
        assert!(asked.iter().all(|x| (289..=311).contains(x)), "{asked:?}");
        assert_eq!(asked[0], 290);
    }

    #[test]
    fn when_all_is_explored_it_starts_elsewhere() {
        let mut search = Local::new(Numbers(1_000_000), LocalOptions { starts: 1, seeds: vec![300] }, 0);
        let far = (0..30).map(|_| tell(&mut search, two_valleys).unwrap()).position(|x| x.abs_diff(305) > 10);
        let far = far.unwrap();
        assert!((11..=13).contains(&far), "eleven members and the two beside them: {far}");
        assert!(search.archive().iter().all(|member| member.genotype.abs_diff(305) > 10), "the new climb is its own");
    }

    #[test]
    fn what_breaks_the_limits_least_leads_to_what_keeps_them() {
        let mut search = Local::new(Numbers(1_000_000), LocalOptions { starts: 1, seeds: vec![0] }, 0);
        let judge = |x: f64| match x {
            ..20.0 => Outcome::Infeasible { violations: vec![20.0 - x] },
            _ => Outcome::Complete { objectives: vec![x] },
        };
        let asked: Vec<u32> = (0..21).map(|_| tell(&mut search, judge).unwrap()).collect();
        assert_eq!(asked, (0..=20).collect::<Vec<_>>());
        assert_eq!(search.archive().len(), 1);
    }
}

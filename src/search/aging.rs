//! Aging evolution: the parent is the best of a random few, and the oldest dies, however good it is.
//! Real, Aggarwal, Huang & Le, *Regularized Evolution for Image Classifier Architecture Search*, 2019, algorithm 1.

use std::collections::{HashSet, VecDeque};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::asked::Asked;
use super::selection::{Member, Violations, crowding, fronts};
use super::strategy::{Candidate, Outcome, Strategy};
use super::variation::Variation;

/// How [`Aging`] searches.
#[derive(Clone, Debug, PartialEq)]
pub struct AgingOptions<G> {
    /// How many members live at once, and how many candidates are drawn before the first child; at least 2. The paper
    /// takes 100.
    pub population: usize,
    /// How many members, drawn with repetition, compete to be the parent of a child. The paper takes 25.
    pub sample: usize,
    /// Asked for first, in this order, before anything is drawn.
    pub seeds: Vec<G>,
}

impl<G> Default for AgingOptions<G> {
    fn default() -> Self {
        Self { population: 50, sample: 25, seeds: Vec::new() }
    }
}

/// The search. Candidates are mutants of one parent each; a child is made as soon as one is asked for.
///
/// With one objective the best of a sample is its parent, as in the paper. With several it is one of the best front of
/// the sample, under constraint domination: the one with more room of two drawn from it, since the one with most room
/// would always lie at an end of the front. What failed or was pruned is never a member.
#[derive(Debug)]
pub struct Aging<V: Variation> {
    variation: V,
    options: AgingOptions<V::Genotype>,
    asked: Asked<V::Genotype>,
    in_flight: HashSet<u64>,
    /// The oldest first.
    population: VecDeque<Member<V::Genotype>>,
    seen: Violations,
    exhausted: bool,
}

impl<V: Variation> Aging<V> {
    /// A search whose candidates follow from `seed` and from what is told.
    pub fn new(variation: V, mut options: AgingOptions<V::Genotype>, seed: u64) -> Self {
        options.population = options.population.max(2);
        options.sample = options.sample.max(1);
        // Seeds are taken from the end.
        options.seeds.reverse();
        Self {
            variation,
            options,
            asked: Asked::new(seed),
            in_flight: HashSet::new(),
            population: VecDeque::new(),
            seen: Violations::default(),
            exhausted: false,
        }
    }

    fn next(&mut self) -> Option<Candidate<V::Genotype>> {
        while let Some(seed) = self.options.seeds.pop() {
            if let Some(candidate) = self.asked.given(seed) {
                return Some(candidate);
            }
        }
        let first = self.asked.count() < self.options.population as u64;
        let (population, variation) = (&self.population, &self.variation);
        let (sample, seen) = (self.options.sample, &self.seen);
        self.asked.next(variation, |rng| match if first { None } else { parent(population, sample, seen, rng) } {
            Some(parent) => variation.mutate(&parent.genotype, rng),
            None => variation.sample(rng),
        })
    }
}

/// The winner of a tournament; none where nobody lives.
fn parent<'a, G>(
    population: &'a VecDeque<Member<G>>,
    sample: usize,
    seen: &Violations,
    rng: &mut ChaCha8Rng,
) -> Option<&'a Member<G>> {
    if population.is_empty() {
        return None;
    }
    let mut drawn: Vec<usize> = (0..sample).map(|_| rng.gen_range(0..population.len())).collect();
    drawn.sort_unstable();
    drawn.dedup();
    let rivals: Vec<Member<usize>> = drawn
        .into_iter()
        .map(|at| Member { id: population[at].id, genotype: at, outcome: population[at].outcome.clone() })
        .collect();
    let best = fronts(&rivals, seen).into_iter().next()?;
    let room = crowding(&rivals, &best);
    let (a, b) = (rng.gen_range(0..best.len()), rng.gen_range(0..best.len()));
    let winner = if room[b] > room[a] { b } else { a };
    population.get(rivals[best[winner]].genotype)
}

impl<V: Variation> Strategy<V::Genotype> for Aging<V> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<V::Genotype>> {
        let mut candidates = Vec::new();
        while candidates.len() < n && !self.exhausted {
            match self.next() {
                Some(candidate) => {
                    self.in_flight.insert(candidate.id);
                    candidates.push(candidate);
                }
                None => self.exhausted = true,
            }
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
            self.population.push_back(Member { id, genotype: genotype.clone(), outcome });
        }
        if self.population.len() > self.options.population {
            self.population.pop_front();
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

    fn search(population: usize, seeds: Vec<u32>) -> Aging<Numbers> {
        // So many drawn that the whole population takes part.
        Aging::new(Numbers(1_000_000), AgingOptions { population, sample: 64, seeds }, 0)
    }

    fn tell(search: &mut Aging<Numbers>, judge: impl Fn(f64) -> Outcome) -> u32 {
        let candidate = search.ask(1).pop().unwrap();
        search.tell(candidate.id, judge(f64::from(candidate.genotype)));
        candidate.genotype
    }

    fn value(x: f64) -> Outcome {
        Outcome::Complete { objectives: vec![x] }
    }

    #[test]
    fn the_best_of_a_sample_has_the_child_and_the_oldest_dies() {
        let mut search = search(4, vec![500, 900, 700, 800]);
        (0..4).for_each(|_| _ = tell(&mut search, value));
        assert_eq!(search.population.iter().map(|member| member.id).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(tell(&mut search, value).abs_diff(500), 1);
        // 500 was the oldest; its child is the best now.
        assert_eq!(search.population.iter().map(|member| member.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let best = search.population[3].genotype;
        assert_eq!(tell(&mut search, value).abs_diff(best), 1);
    }

    #[test]
    fn with_several_objectives_only_the_best_front_of_a_sample_has_children() {
        let judge = |x: f64| Outcome::Complete { objectives: vec![(x - 300.0).abs(), (x - 310.0).abs()] };
        let mut search = search(4, vec![305, 5000, 7000, 9000]);
        (0..4).for_each(|_| _ = tell(&mut search, judge));
        assert_eq!(tell(&mut search, judge).abs_diff(305), 1);
    }

    #[test]
    fn limits_come_before_objectives_and_what_did_not_get_there_is_no_member() {
        let mut search = search(4, vec![10, 20, 30, 40]);
        let judge = |x: f64| match x {
            10.0 => Outcome::Failed { reason: "a test".to_owned() },
            20.0 => Outcome::Pruned { fidelity: 0.5 },
            30.0 => Outcome::Infeasible { violations: vec![x] },
            _ => value(x),
        };
        (0..4).for_each(|_| _ = tell(&mut search, judge));
        assert_eq!(search.population.iter().map(|member| member.genotype).collect::<Vec<_>>(), [30, 40]);
        assert_eq!(tell(&mut search, judge).abs_diff(40), 1);
    }
}

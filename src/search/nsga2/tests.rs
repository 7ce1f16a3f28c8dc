//! What holds of every run: nothing twice, nothing left out, and the same again from the same record.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::search::toy::{BUDGET, NESTED, PARITY, Toy};
use crate::search::{Conditional, Genotype, Random, Strategy};

type Search = Nsga2<Conditional<'static, Toy>>;

static DOMAIN: Toy = NESTED;

fn search(steady_state: bool, population: usize, seed: u64) -> Search {
    let options = Nsga2Options { population, steady_state, ..Nsga2Options::default() };
    Nsga2::new(Conditional::new(&DOMAIN), options, seed)
}

/// Objectives in conflict, a limit, and a failure now and then, all from the decisions alone.
fn outcome(genotype: &Genotype) -> Outcome {
    let code = genotype.iter().fold(7usize, |code, gene| code * 31 + gene.option * 7 + gene.path.len());
    let size: usize = genotype.iter().map(|gene| gene.option).sum();
    match code % 11 {
        0 => Outcome::Failed { reason: "a test".to_owned() },
        1 | 2 => Outcome::Infeasible { violations: vec![size as f64, (code % 5 + 1) as f64] },
        3 => Outcome::Pruned { fidelity: 0.5 },
        _ => Outcome::Complete { objectives: vec![size as f64, (code % 101) as f64 / 10.0 - size as f64] },
    }
}

/// Keeps `window` candidates in flight, told in the order in which they were asked for, until `evaluations` are told.
fn drive<S: Strategy<Genotype>>(search: &mut S, window: usize, evaluations: usize) -> Vec<Candidate<Genotype>> {
    let (mut asked, mut waiting) = (Vec::new(), VecDeque::new());
    for _ in 0..evaluations {
        let more = search.ask(window - waiting.len());
        waiting.extend(more.iter().cloned());
        asked.extend(more);
        let Some(next) = waiting.pop_front() else { break };
        search.tell(next.id, outcome(&next.genotype));
    }
    asked
}

/// Asks until nothing more comes.
fn use_up(search: &mut dyn Strategy<Genotype>) -> Vec<Genotype> {
    let mut asked = Vec::new();
    loop {
        let candidates = search.ask(3);
        if candidates.is_empty() {
            assert!(search.exhausted());
            return asked;
        }
        for candidate in candidates {
            asked.push(candidate.genotype.clone());
            search.tell(candidate.id, outcome(&candidate.genotype));
        }
    }
}

#[test]
fn every_candidate_of_a_small_space_is_asked_for_once() {
    for domain in [NESTED, BUDGET, PARITY] {
        let all = domain.all();
        let searches: [Box<dyn Strategy<Genotype>>; 3] = [
            Box::new(Nsga2::new(
                Conditional::new(&domain),
                Nsga2Options { population: 8, ..Nsga2Options::default() },
                3,
            )),
            Box::new(Nsga2::new(
                Conditional::new(&domain),
                Nsga2Options { population: 8, steady_state: false, ..Nsga2Options::default() },
                4,
            )),
            Box::new(Random::new(Conditional::new(&domain), 5)),
        ];
        for mut search in searches {
            let asked = use_up(&mut *search);
            assert_eq!(asked.len(), all.len(), "nothing twice");
            assert_eq!(asked.into_iter().collect::<BTreeSet<_>>(), all, "nothing left out");
        }
    }
}

/// Draws find one candidate in a thousand; the others are reached as neighbours.
#[test]
fn a_space_is_used_up_even_where_draws_hardly_reach() {
    #[derive(Debug)]
    struct Lame<'a>(Conditional<'a, Toy>, Genotype);
    impl Variation for Lame<'_> {
        type Genotype = Genotype;
        fn sample(&self, _: &mut ChaCha8Rng) -> Option<Genotype> {
            Some(self.1.clone())
        }
        fn cross(&self, _: &Genotype, _: &Genotype, _: &mut ChaCha8Rng) -> Option<Genotype> {
            None
        }
        fn mutate(&self, _: &Genotype, _: &mut ChaCha8Rng) -> Option<Genotype> {
            None
        }
        fn neighbours(&self, of: &Genotype) -> Vec<Genotype> {
            self.0.neighbours(of)
        }
    }
    let all = BUDGET.all();
    let first = all.first().unwrap().clone();
    let asked = use_up(&mut Nsga2::new(Lame(Conditional::new(&BUDGET), first), Nsga2Options::default(), 1));
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn seeds_come_first_and_once() {
    let seeds: Vec<Genotype> = DOMAIN.all().into_iter().step_by(9).take(12).collect();
    let mut given = seeds.clone();
    given.insert(3, seeds[0].clone());
    for steady_state in [false, true] {
        let options = Nsga2Options { population: 8, steady_state, seeds: given.clone(), ..Nsga2Options::default() };
        let mut search = Nsga2::new(Conditional::new(&DOMAIN), options, 1);
        let asked: Vec<Genotype> = search.ask(12).into_iter().map(|candidate| candidate.genotype).collect();
        assert_eq!(asked, seeds);
    }
}

#[test]
fn a_generation_waits_for_its_last_outcome_and_a_steady_state_for_none() {
    let mut generations = search(false, 10, 1);
    let first = generations.ask(100);
    assert_eq!(first.len(), 10);
    for candidate in &first[1..] {
        generations.tell(candidate.id, outcome(&candidate.genotype));
        assert!(generations.ask(1).is_empty() && !generations.exhausted());
    }
    generations.tell(first[0].id, outcome(&first[0].genotype));
    assert_eq!(generations.ask(100).len(), 10);
    assert_eq!(search(true, 10, 1).ask(64).len(), 64);
}

#[test]
fn outcomes_of_nothing_and_second_outcomes_are_no_news() {
    let (mut plain, mut pestered) = (search(true, 6, 2), search(true, 6, 2));
    pestered.tell(0, Outcome::Complete { objectives: vec![0.0, 0.0] });
    for _ in 0..40 {
        let (a, b) = (plain.ask(1), pestered.ask(1));
        assert_eq!(a, b);
        plain.tell(a[0].id, outcome(&a[0].genotype));
        pestered.tell(a[0].id, outcome(&a[0].genotype));
        pestered.tell(a[0].id, Outcome::Complete { objectives: vec![-1e9, -1e9] });
        pestered.tell(1_000_000, Outcome::Complete { objectives: vec![-1e9, -1e9] });
    }
}

#[test]
fn odd_options_are_survived() {
    let options = Nsga2Options {
        population: 0,
        steady_state: true,
        seeds: Vec::new(),
        crossover_rate: f64::NAN,
        mutation_rate: -3.0,
    };
    let mut search = Nsga2::new(Conditional::new(&DOMAIN), options, 1);
    assert_eq!(drive(&mut search, 1, 30).len(), 30);
    let all_fail = |search: &mut Search| {
        for candidate in search.ask(5) {
            search.tell(candidate.id, Outcome::Failed { reason: "always".to_owned() });
        }
    };
    for steady_state in [false, true] {
        let mut search = self::search(steady_state, 5, 1);
        (0..6).for_each(|_| all_fail(&mut search));
        assert!(search.population().is_empty());
        assert_eq!(search.ask(5).len(), 5);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_seed_and_order_of_calls_give_the_same_candidates(
        steady_state: bool, population in 2usize..12, window in 1usize..20, seed: u64
    ) {
        let run = || drive(&mut search(steady_state, population, seed), window, 90);
        let asked = run();
        prop_assert_eq!(&asked, &run());
        let distinct: BTreeSet<_> = asked.iter().map(|candidate| &candidate.genotype).collect();
        prop_assert_eq!(distinct.len(), asked.len());
        prop_assert!(asked.iter().enumerate().all(|(i, candidate)| candidate.id == i as u64));
    }

    #[test]
    fn a_run_told_again_from_its_record_goes_on_as_if_unbroken(
        steady_state: bool, window in 1usize..12, broken_after in 0usize..60, seed: u64
    ) {
        // Calls with a window depend on nothing but how many have been told, so the record of outcomes is enough.
        let unbroken = drive(&mut search(steady_state, 7, seed), window, 90);
        let mut first = search(steady_state, 7, seed);
        let record: HashMap<u64, Outcome> =
            drive(&mut first, window, broken_after).into_iter().map(|c| (c.id, outcome(&c.genotype))).collect();
        let mut again = search(steady_state, 7, seed);
        let mut waiting = VecDeque::new();
        let mut asked = Vec::new();
        for _ in 0..90 {
            let more = again.ask(window - waiting.len());
            waiting.extend(more.iter().cloned());
            asked.extend(more);
            let Some(next) = waiting.pop_front() else { break };
            let known = record.get(&next.id).cloned();
            again.tell(next.id, known.unwrap_or_else(|| outcome(&next.genotype)));
        }
        prop_assert_eq!(asked, unbroken);
    }

    #[test]
    fn within_a_generation_the_order_of_outcomes_and_the_size_of_asks_do_not_matter(
        seed: u64, chunks in prop::collection::vec(1usize..5, 40)
    ) {
        let (mut whole, mut pieces) = (search(false, 8, seed), search(false, 8, seed));
        for round in 0..5 {
            let asked = whole.ask(8);
            let mut again = Vec::new();
            for &n in &chunks {
                again.extend(pieces.ask(n));
            }
            prop_assert_eq!(&asked, &again);
            asked.iter().for_each(|c| whole.tell(c.id, outcome(&c.genotype)));
            let turn = (seed % 8 + round) as usize % asked.len().max(1);
            again.rotate_left(turn);
            again.iter().rev().for_each(|c| pieces.tell(c.id, outcome(&c.genotype)));
        }
        prop_assert_eq!(whole.population(), pieces.population());
    }

    #[test]
    fn the_best_of_each_objective_survive(steady_state: bool, seed: u64) {
        let mut search = search(steady_state, 10, seed);
        let asked = drive(&mut search, 1, 120);
        let complete = |candidate: &Candidate<Genotype>| match outcome(&candidate.genotype) {
            Outcome::Complete { objectives } => Some(objectives),
            _ => None,
        };
        let told: Vec<Vec<f64>> = asked.iter().filter_map(complete).collect();
        let kept: Vec<&[f64]> = search.population().iter().map(|member| member.objectives()).collect();
        prop_assert!(kept.len() <= 10);
        for j in 0..2 {
            let best = |points: &mut dyn Iterator<Item = f64>| points.fold(f64::INFINITY, f64::min);
            prop_assert_eq!(best(&mut kept.iter().map(|p| p[j])), best(&mut told.iter().map(|p| p[j])));
        }
    }
}

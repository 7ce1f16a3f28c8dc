//! The schedule, step by step, around a strategy that writes down what it hears.
#![allow(clippy::unwrap_used)]

use super::*;

/// Gives so many numbers, counted from 0, and waits after each `generation` until all have been told.
#[derive(Debug)]
struct Counting {
    total: u64,
    generation: u64,
    asked: u64,
    heard: Vec<(u64, Outcome)>,
}

impl Counting {
    fn new(total: u64, generation: u64) -> Self {
        Self { total, generation, asked: 0, heard: Vec::new() }
    }
}

impl Strategy<u64> for Counting {
    fn ask(&mut self, n: usize) -> Vec<Candidate<u64>> {
        let open = self.generation * (self.heard.len() as u64 / self.generation + 1);
        let end = self.total.min(open).min(self.asked + n as u64);
        let candidates = (self.asked..end).map(|id| Candidate { id, genotype: id, fidelity: 1.0 }).collect();
        self.asked = end;
        candidates
    }

    fn tell(&mut self, id: u64, outcome: Outcome) {
        self.heard.push((id, outcome));
    }

    fn exhausted(&self) -> bool {
        self.asked == self.total
    }
}

fn halving(inner: Counting, bracket: usize) -> Halving<u64, Counting> {
    let options = HalvingOptions { fidelities: vec![0.1, 0.3, 1.0], eta: 3.0, bracket };
    Halving::new(inner, options).unwrap()
}

fn complete(value: f64) -> Outcome {
    Outcome::Complete { objectives: vec![value] }
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "a test".to_owned() }
}

fn broken(by: f64) -> Outcome {
    Outcome::Infeasible { violations: vec![by] }
}

/// One candidate at a time until nothing comes; returns genotype and fidelity of all.
fn run(halving: &mut Halving<u64, Counting>, judge: impl Fn(u64, f64) -> Outcome) -> Vec<(u64, f64)> {
    let mut asked = Vec::new();
    while let Some(candidate) = halving.ask(1).pop() {
        assert_eq!(candidate.id, asked.len() as u64);
        asked.push((candidate.genotype, candidate.fidelity));
        halving.tell(candidate.id, judge(candidate.genotype, candidate.fidelity));
    }
    asked
}

#[test]
fn one_in_three_goes_on_and_the_strategy_hears_how_far_each_came() {
    let mut search = halving(Counting::new(9, 9), 9);
    // Lower numbers are better, but 7 only shows at the second rung how good it is.
    let asked = run(&mut search, |x, fidelity| complete(if x == 7 && fidelity > 0.2 { -1.0 } else { x as f64 % 7.0 }));
    let first = (0..9).map(|x| (x, 0.1));
    assert_eq!(asked, first.chain([(0, 0.3), (1, 0.3), (7, 0.3), (7, 1.0)]).collect::<Vec<_>>());
    let pruned = |fidelity| Outcome::Pruned { fidelity };
    let heard: Vec<Outcome> = (0..9)
        .map(|x| match x {
            7 => complete(-1.0),
            0 | 1 => pruned(0.3),
            _ => pruned(0.1),
        })
        .collect();
    assert_eq!(search.inner().heard, (0..9).zip(heard).collect::<Vec<_>>());
    assert!(search.exhausted());
}

#[test]
fn what_keeps_the_limits_goes_first_and_what_breaks_them_is_told_as_that() {
    let mut search = halving(Counting::new(6, 6), 6);
    let asked = run(&mut search, |x, _| if x == 4 { complete(0.0) } else { broken(1.0 + (x as f64 - 2.0).abs()) });
    assert_eq!(asked[6..], [(2, 0.3), (4, 0.3), (4, 1.0)]);
    assert_eq!(search.inner().heard[2], (2, broken(1.0)));
    assert_eq!(search.inner().heard[4], (4, complete(0.0)));
    assert_eq!(search.inner().heard[5], (5, broken(4.0)));
}

#[test]
fn failures_end_a_bracket_early_and_not_the_search() {
    for fails_at in [0.1, 0.3, 1.0] {
        let mut search = halving(Counting::new(18, 100), 9);
        run(&mut search, |x, fidelity| if fidelity == fails_at { failed() } else { complete(x as f64) });
        let heard = &search.inner().heard;
        assert_eq!(heard.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..18).collect::<Vec<_>>());
        let failures = heard.iter().filter(|(_, outcome)| *outcome == failed()).count();
        assert_eq!(
            failures,
            if fails_at == 0.1 {
                18
            } else if fails_at == 0.3 {
                6
            } else {
                2
            }
        );
        assert!(search.exhausted());
    }
}

#[test]
fn a_strategy_that_waits_or_ends_in_mid_bracket_holds_nothing_up() {
    // Generations of 5 never fill a bracket of 9, and the last has 2.
    let mut search = halving(Counting::new(12, 5), 9);
    let asked = run(&mut search, |x, _| complete(x as f64));
    let at = |fidelity: f64| asked.iter().filter(|(_, f)| *f == fidelity).map(|(x, _)| *x).collect::<Vec<_>>();
    assert_eq!(at(0.1), (0..12).collect::<Vec<_>>());
    assert_eq!(at(1.0), [0, 5, 10]);
    assert!(search.exhausted());
}

#[test]
fn waiting_outcomes_do_not_leave_workers_idle_and_news_stay_in_order() {
    let mut search = halving(Counting::new(18, 18), 9);
    let both = search.ask(20);
    assert_eq!(both.len(), 18, "two brackets start while nothing has been told");
    assert!(!search.exhausted(), "the better ones are still to come");
    // The second bracket ends first; the strategy hears nothing of it before the first.
    both[9..].iter().for_each(|candidate| search.tell(candidate.id, failed()));
    assert!(search.inner().heard.is_empty());
    both[..9].iter().for_each(|candidate| search.tell(candidate.id, failed()));
    assert_eq!(search.inner().heard.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..18).collect::<Vec<_>>());
    assert!(search.exhausted());
}

#[test]
fn schedules_that_make_no_sense_are_refused() {
    let good = HalvingOptions::default();
    for (fidelities, eta, bracket, error) in [
        (vec![], 3.0, 9, HalvingOptionsError::Fidelities),
        (vec![0.5], 3.0, 9, HalvingOptionsError::Fidelities),
        (vec![0.5, 0.3, 1.0], 3.0, 9, HalvingOptionsError::Fidelities),
        (vec![0.5, 0.5, 1.0], 3.0, 9, HalvingOptionsError::Fidelities),
        (vec![0.0, 1.0], 3.0, 9, HalvingOptionsError::Fidelities),
        (vec![f64::NAN, 1.0], 3.0, 9, HalvingOptionsError::Fidelities),
        (good.fidelities.clone(), 1.0, 9, HalvingOptionsError::Eta),
        (good.fidelities.clone(), f64::NAN, 9, HalvingOptionsError::Eta),
        (good.fidelities.clone(), 3.0, 0, HalvingOptionsError::Bracket),
    ] {
        let options = HalvingOptions { fidelities, eta, bracket };
        assert_eq!(Halving::<u64, _>::new(Counting::new(1, 1), options.clone()).unwrap_err(), error, "{options:?}");
    }
    assert!(Halving::<u64, _>::new(Counting::new(1, 1), good).is_ok());
}

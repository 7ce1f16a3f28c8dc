//! What every strategy promises, asked of all of them: whoever adds one adds it to [`every`].
#![allow(clippy::unwrap_used)]

use std::collections::{HashSet, VecDeque};

use rand_chacha::ChaCha8Rng;

use super::*;

/// Small enough to be used up: 22 + 18 = 40 candidates, in two kinds that decide different things.
#[derive(Clone, Copy, Debug)]
struct Board {
    /// Whether a constraint is only checked when everything is decided, instead of closing options in time.
    late: bool,
}

const CANDIDATES: usize = 40;

impl Domain for Board {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        let mut genotype = Genotype::new();
        let mut decide = |path: &str, allowed: usize, options: usize, ordered: bool| {
            let path = path.into();
            let allowed: Vec<usize> = (0..allowed).collect();
            let option =
                answer(Decision { path: &path, allowed: &allowed, options, weights: None, ordered, default: 0 });
            assert!(allowed.contains(&option));
            genotype.push(Gene { path, option });
            option
        };
        if decide("kind", 2, 2, false) == 0 {
            let x = decide("a.x", 5, 5, true);
            let y = decide("a.y", if self.late { 5 } else { 5.min(7 - x) }, 5, true);
            if x + y > 6 {
                return None;
            }
        } else {
            decide("b.z", 18, 18, true);
        }
        Some(genotype)
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        (0..100).find_map(|_| self.walk(&mut |decision| decision.draw(rng)))
    }
}

/// Too large to be used up: 5¹² candidates.
#[derive(Clone, Copy, Debug)]
struct Line;

impl Domain for Line {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        let decide = |i: usize| {
            let path = format!("s{}.{i}", i / 4).into();
            let allowed = [0, 1, 2, 3, 4];
            let options = allowed.len();
            let ordered = i.is_multiple_of(2);
            let option =
                answer(Decision { path: &path, allowed: &allowed, options, weights: None, ordered, default: 0 });
            Gene { path, option }
        };
        Some((0..12).map(decide).collect())
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        self.walk(&mut |decision| decision.draw(rng))
    }
}

type Any<'a> = Box<dyn Strategy<Genotype> + 'a>;

/// Every strategy over a domain, with populations so small that generations pass.
fn every<'a, D: Domain>(domain: &'a D, seeds: &[Genotype], seed: u64) -> Vec<(String, Any<'a>)> {
    let variation = || Conditional::new(domain);
    let seeds = || seeds.to_vec();
    let nsga2 = |steady_state| Nsga2Options { population: 8, steady_state, seeds: seeds(), ..Nsga2Options::default() };
    let plain = || -> Vec<(&'static str, Any<'a>)> {
        let nsga3 = Nsga3Options { population: 8, seeds: seeds(), ..Nsga3Options::default() };
        let aging = AgingOptions { population: 8, sample: 4, seeds: seeds() };
        let local = LocalOptions { starts: 3, seeds: seeds() };
        vec![
            ("nsga2", Box::new(Nsga2::new(variation(), nsga2(false), seed))),
            ("steady nsga2", Box::new(Nsga2::new(variation(), nsga2(true), seed))),
            ("nsga3", Box::new(Nsga3::new(variation(), nsga3, seed))),
            ("aging", Box::new(Aging::new(variation(), aging, seed))),
            ("local", Box::new(Local::new(variation(), local, seed))),
            ("random", Box::new(Random::new(variation(), seed))),
        ]
    };
    let schedule = HalvingOptions { fidelities: vec![0.1, 0.5, 1.0], eta: 2.0, bracket: 7 };
    let halved = plain().into_iter().map(|(name, inner)| {
        let halving: Any<'a> = Box::new(Halving::new(inner, schedule.clone()).unwrap());
        (format!("halving over {name}"), halving)
    });
    plain().into_iter().map(|(name, strategy)| (name.to_owned(), strategy)).chain(halved).collect()
}

/// What becomes of candidates.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    /// Some fail, some break limits, the others have so many objectives.
    Mixed(usize),
    /// Values at the ends of what a number can be.
    Huge,
    /// Every candidate is worth the same.
    Flat,
    AllFail,
    AllBreak,
    AllPruned,
}

const WORLDS: [World; 8] = [
    World::Mixed(1),
    World::Mixed(2),
    World::Mixed(4),
    World::Huge,
    World::Flat,
    World::AllFail,
    World::AllBreak,
    World::AllPruned,
];

fn judge(world: World, candidate: &Candidate<Genotype>) -> Outcome {
    let sum = |weight: fn(usize) -> usize| -> usize {
        candidate.genotype.iter().enumerate().map(|(i, gene)| weight(i) * gene.option).sum()
    };
    let (a, b) = (sum(|i| i + 1), sum(|i| 7 * i * i + 3));
    let complete = |objectives: Vec<f64>| Outcome::Complete { objectives };
    match world {
        World::Mixed(_) if b % 11 == 5 => Outcome::Failed { reason: "a test".to_owned() },
        World::Mixed(_) if b % 5 == 2 => Outcome::Infeasible { violations: vec![(a % 4) as f64, 1000.0] },
        World::Mixed(objectives) => {
            let value =
                |j: usize| (a as f64 * (j as f64 + 1.0)).sin() + (b as f64 + j as f64).cos() * candidate.fidelity;
            complete((0..objectives).map(value).collect())
        }
        World::Huge => {
            let ends = [f64::MAX, f64::MIN, 0.0, f64::MIN_POSITIVE, -1.0];
            complete([a, b, a + b].map(|x| ends[x % ends.len()]).to_vec())
        }
        World::Flat => complete(vec![1.0, 1.0]),
        World::AllFail => Outcome::Failed { reason: "a test".to_owned() },
        World::AllBreak => Outcome::Infeasible { violations: vec![0.0, a as f64 + 1.0] },
        World::AllPruned => Outcome::Pruned { fidelity: candidate.fidelity / 2.0 },
    }
}

/// A run as it was: everything asked for, in order, and how much of it had been told each time something came.
#[derive(Debug, PartialEq)]
struct Run {
    asked: Vec<Candidate<Genotype>>,
    told_before: Vec<usize>,
    exhausted: bool,
}

/// Keeps `window` candidates in flight until `most` have been told or nothing comes any more, and checks on the way
/// what holds for every run. `recorded` outcomes come before those of `world`.
fn drive(name: &str, strategy: &mut Any<'_>, window: usize, most: usize, world: World, recorded: &[Outcome]) -> Run {
    let mut run = Run { asked: Vec::new(), told_before: Vec::new(), exhausted: false };
    let mut flight = VecDeque::new();
    let mut told = 0;
    let mut known = HashSet::new();
    while told < most {
        assert!(strategy.ask(0).is_empty(), "{name}: asked for nothing, got something");
        let wanted = window - flight.len();
        let was_exhausted = strategy.exhausted();
        let candidates = strategy.ask(wanted);
        assert!(candidates.len() <= wanted, "{name}: more than asked for");
        assert!(!was_exhausted || candidates.is_empty(), "{name}: exhausted, and yet something comes");
        for candidate in candidates {
            assert_eq!(candidate.id, run.asked.len() as u64, "{name}: ids count what was asked for");
            assert!(candidate.fidelity > 0.0 && candidate.fidelity <= 1.0, "{name}: fidelity {}", candidate.fidelity);
            let key = (candidate.genotype.clone(), candidate.fidelity.to_bits());
            assert!(known.insert(key), "{name}: asked for {:?} again", candidate.genotype);
            flight.push_back(candidate.clone());
            run.told_before.push(told);
            run.asked.push(candidate);
        }
        let Some(candidate) = flight.pop_front() else {
            run.exhausted = strategy.exhausted();
            assert!(run.exhausted, "{name}: {told} told, none in flight, and it neither asks nor gives up ({world:?})");
            break;
        };
        let outcome = recorded.get(told).cloned().unwrap_or_else(|| judge(world, &candidate));
        strategy.tell(candidate.id, outcome.clone());
        // News are told once; of what was never asked for there are none.
        strategy.tell(candidate.id, outcome.clone());
        strategy.tell(u64::MAX, outcome);
        told += 1;
    }
    run
}

const WINDOWS: [usize; 3] = [1, 3, 64];

#[test]
fn the_same_seed_and_the_same_outcomes_give_the_same_candidates() {
    for world in WORLDS {
        for window in WINDOWS {
            for ((name, mut one), (_, mut other)) in every(&Line, &[], 3).into_iter().zip(every(&Line, &[], 3)) {
                let run = drive(&name, &mut one, window, 150, world, &[]);
                assert_eq!(run, drive(&name, &mut other, window, 150, world, &[]), "{name}");
                assert!(run.asked.len() >= 150, "{name}: {} of a space without end", run.asked.len());
            }
        }
    }
    for ((name, mut one), (_, mut other)) in every(&Line, &[], 3).into_iter().zip(every(&Line, &[], 4)) {
        let run = drive(&name, &mut one, 3, 20, World::Mixed(2), &[]);
        assert_ne!(run, drive(&name, &mut other, 3, 20, World::Mixed(2), &[]), "{name} does not look at its seed");
    }
}

#[test]
fn outcomes_matter() {
    for ((name, mut one), (_, mut other)) in every(&Line, &[], 3).into_iter().zip(every(&Line, &[], 3)) {
        let run = drive(&name, &mut one, 3, 150, World::Mixed(2), &[]);
        let same = run == drive(&name, &mut other, 3, 150, World::AllBreak, &[]);
        assert_eq!(same, name == "random", "{name}");
    }
}

/// A run that broke off is told what it had been told, and goes on as if nothing had happened.
#[test]
fn a_replayed_run_continues_identically_from_any_point() {
    let world = World::Mixed(2);
    for window in WINDOWS {
        for at in [0, 1, 2, 7, 8, 9, 40, 95, 149] {
            for ((name, mut whole), (_, mut broken)) in every(&Line, &[], 5).into_iter().zip(every(&Line, &[], 5)) {
                let run = drive(&name, &mut whole, window, 150, world, &[]);
                let recorded: Vec<Outcome> = run.asked.iter().take(at).map(|c| judge(world, c)).collect();
                assert_eq!(run, drive(&name, &mut broken, window, 150, world, &recorded), "{name} from {at}");
            }
        }
    }
}

/// All candidates can be reached from each other by changing one decision at a time: kinds change freely and open at
/// their defaults, `b.z` may take any value, and `a.x` and `a.y` can both be lowered to 0 whatever the other is. A
/// strategy that finds nothing new by chance looks at the neighbours of all it knows, so it must find each of them.
#[test]
fn a_small_space_is_used_up_to_the_last_candidate() {
    for late in [false, true] {
        for world in WORLDS {
            for window in WINDOWS {
                for (name, mut strategy) in every(&Board { late }, &[], 7) {
                    let run = drive(&name, &mut strategy, window, 10 * CANDIDATES, world, &[]);
                    assert!(run.exhausted, "{name} goes on after {} candidates", run.asked.len());
                    let different: HashSet<&Genotype> = run.asked.iter().map(|c| &c.genotype).collect();
                    assert_eq!(different.len(), CANDIDATES, "{name}, {world:?}, {window} in flight");
                }
            }
        }
    }
}

#[test]
fn seeds_come_first_and_once() {
    let seeds: Vec<Genotype> = [1, 3, 1].map(|o| Line.walk(&mut |_| o).unwrap()).to_vec();
    for (name, mut strategy) in every(&Line, &seeds, 1).into_iter().filter(|(name, _)| !name.ends_with("random")) {
        let first: Vec<Genotype> = strategy.ask(3).into_iter().map(|candidate| candidate.genotype).collect();
        assert_eq!(first[..2], seeds[..2], "{name}");
        assert!(first[2..].iter().all(|other| !seeds.contains(other)), "{name}");
    }
}

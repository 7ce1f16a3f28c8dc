//! Strategies on problems whose answers are known: textbook problems beside pymoo, a conditional space beside Optuna and
//! its exact front.
#![allow(clippy::unwrap_used)]

#[path = "support/layers.rs"]
mod layers;
#[path = "support/textbook.rs"]
mod textbook;

use std::collections::HashMap;

use pocketnas::pareto;
use pocketnas::search::{Conditional, Domain, Genotype, Nsga2, Nsga2Options, Outcome, Random, Strategy};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use textbook::{PROBLEMS, median};

#[test]
fn textbook_problems_are_solved_as_well_as_pymoo_solves_them() {
    let mut failures = Vec::new();
    for problem in PROBLEMS {
        let found = median((0..5).map(|seed| problem.solve(problem.options(), seed)).collect());
        if found < problem.pymoo {
            failures.push(format!("{}: {found} is below {}", problem.name, problem.pymoo));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_steady_state_solves_them_too() {
    for problem in PROBLEMS.into_iter().filter(|problem| ["zdt2", "bnh"].contains(&problem.name)) {
        let options = Nsga2Options { steady_state: true, ..problem.options() };
        let found = median((0..3).map(|seed| problem.solve(options.clone(), seed)).collect());
        assert!(found >= problem.pymoo, "{}: {found} is below {}", problem.name, problem.pymoo);
    }
}

/// Median over 9 seeds of the hypervolume after so many evaluations, of Optuna 5.0.0's NSGA-II on [`layers`].
const OPTUNA: [(usize, f64); 4] = [(250, 66.345), (500, 67.251), (1000, 67.971), (2000, 68.611)];

/// The hypervolume of all that was found, at each budget of [`OPTUNA`].
fn on_layers(mut search: impl Strategy<Genotype>) -> Vec<f64> {
    let mut points: Vec<Vec<f64>> = Vec::new();
    let mut reached = Vec::new();
    for (budget, _) in OPTUNA {
        while points.len() < budget {
            let candidate = search.ask(1).pop().unwrap();
            let objectives = layers::objectives(&candidate.genotype);
            points.push(objectives.clone());
            search.tell(candidate.id, Outcome::Complete { objectives });
        }
        reached.push(pareto::hypervolume(&points, &layers::REFERENCE));
    }
    reached
}

/// At each budget, the median over nine seeds.
fn medians<S: Strategy<Genotype>>(search: impl Fn(u64) -> S) -> Vec<f64> {
    let runs: Vec<Vec<f64>> = (0..9).map(|seed| on_layers(search(seed))).collect();
    (0..OPTUNA.len()).map(|at| median(runs.iter().map(|run| run[at]).collect())).collect()
}

#[test]
fn a_conditional_space_is_searched_better_than_by_optuna_and_by_draws() {
    let exact = layers::exact_hypervolume();
    let variation = || Conditional::new(&layers::Layers);
    let draws = medians(|seed| Random::new(variation(), seed));
    for steady_state in [false, true] {
        let options = Nsga2Options { steady_state, ..Nsga2Options::default() };
        let found = medians(|seed| Nsga2::new(variation(), options.clone(), seed));
        for (i, (budget, optuna)) in OPTUNA.into_iter().enumerate() {
            let shares = [found[i], optuna, draws[i]].map(|x| format!("{:.2} %", 100.0 * x / exact));
            println!(
                "{budget} evaluations, steady state {steady_state}: {shares:?} of the exact front (us, Optuna, draws)"
            );
            assert!(found[i] <= exact, "{budget}: {} is more than there is", found[i]);
            assert!(found[i] > optuna, "{budget}: {} against Optuna's {optuna}", found[i]);
            assert!(found[i] > draws[i], "{budget}: {} against {} by draws", found[i], draws[i]);
        }
        assert!(found[3] > 0.975 * exact, "{found:?} of {exact}");
    }
}

/// The graph and the evaluation were written apart; each has to agree with the other.
#[test]
fn the_exact_front_of_the_layers_is_reached_and_never_passed() {
    let front = layers::exact_front();
    assert_eq!(pareto::non_dominated(&front).len(), front.len());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let slack = |p: &[f64]| p.iter().map(|x| x + 1e-9).collect::<Vec<_>>();
    for _ in 0..20_000 {
        let found = layers::objectives(&layers::Layers.sample(&mut rng).unwrap());
        let matched = front.iter().any(|p| pareto::weakly_dominates(p, &slack(&found)));
        assert!(matched, "{found:?} is better than the exact front");
    }
    // The cheapest three points by hand: nothing; one narrow separable layer of kernel 3, once and twice as wide.
    let sep = |e: f64| 0.07 * f64::ln(3.0) + 0.12 * e.ln();
    let cheapest = [[0.0, 1.0], [9.0 * 2.0 / 16.0, (-sep(2.0)).exp()]];
    for (expected, found) in cheapest.iter().zip(&front) {
        assert!(expected.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-12), "{expected:?}, {found:?}");
    }
}

/// Seeds from an exact front of something alike are where the search goes on from.
#[test]
fn a_given_front_is_a_head_start() {
    let plain = Nsga2Options { population: 20, ..Nsga2Options::default() };
    let mut search = Nsga2::new(Conditional::new(&layers::Layers), plain.clone(), 3);
    let mut asked: HashMap<u64, Genotype> = HashMap::new();
    for _ in 0..1000 {
        let candidate = search.ask(1).pop().unwrap();
        search.tell(candidate.id, Outcome::Complete { objectives: layers::objectives(&candidate.genotype) });
        asked.insert(candidate.id, candidate.genotype);
    }
    let seeds: Vec<Genotype> = search.population().iter().map(|member| asked[&member.id].clone()).collect();
    let seeded = |seed| {
        Nsga2::new(Conditional::new(&layers::Layers), Nsga2Options { seeds: seeds.clone(), ..plain.clone() }, seed)
    };
    let without = medians(|seed| Nsga2::new(Conditional::new(&layers::Layers), plain.clone(), seed));
    let with = medians(seeded);
    // After 250 evaluations it is where the other is after 1,000.
    assert!(with[0] > without[2], "{with:?} against {without:?}");
}

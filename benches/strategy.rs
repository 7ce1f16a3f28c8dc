//! Quality and speed of evolution: on textbook problems, to be held beside pymoo's; and on categorical ones, on which the
//! defaults of `Nsga2Options` were chosen.
//!
//!     cargo bench --bench strategy
//!
//! Limits to hold: on textbook problems a median hypervolume of at least pymoo's smallest, in a tenth of its time, which is
//! 0.5 to 1.1 seconds a run with pymoo 0.6.2 on two cores of 2026.

#[path = "../tests/support/categorical.rs"]
mod categorical;
#[path = "../tests/support/layers.rs"]
mod layers;
#[path = "../tests/support/textbook.rs"]
mod textbook;

use std::time::Instant;

use pocketnas::pareto;
use pocketnas::search::{Conditional, Domain, Genotype, Nsga2, Nsga2Options, Outcome, Random, Strategy};
use textbook::{PROBLEMS, median};

const BUDGETS: [usize; 4] = [250, 500, 1000, 2000];

fn main() {
    textbook_problems(5);
    categorical_problems(15);
}

fn textbook_problems(seeds: u64) {
    println!("{:10} {:14} {:>12} {:>12} {:>12}", "problem", "mode", "hypervolume", "pymoo", "seconds");
    for problem in PROBLEMS {
        for steady_state in [false, true] {
            let start = Instant::now();
            let options = Nsga2Options { steady_state, ..problem.options() };
            let found = median((0..seeds).map(|seed| problem.solve(options.clone(), seed)).collect());
            let seconds = start.elapsed().as_secs_f64() / seeds as f64;
            let mode = if steady_state { "steady state" } else { "generations" };
            println!("{:10} {mode:14} {found:12.5} {:12.5} {seconds:12.4}", problem.name, problem.pymoo);
        }
    }
}

/// Median hypervolume of all that was found, by evaluations: with draws, with the defaults, and with one of them changed.
fn categorical_problems(seeds: u64) {
    let problems = [
        categorical::Problem {
            name: "layers",
            domain: Box::new(layers::Layers),
            evaluate: Box::new(|genotype| Outcome::Complete { objectives: layers::objectives(genotype) }),
            reference: layers::REFERENCE.to_vec(),
        },
        categorical::knapsack(),
        categorical::landscape("landscape2", 20, 2, 2),
        categorical::landscape("landscape3", 16, 1, 3),
        categorical::library(),
    ];
    let defaults = Nsga2Options::default;
    let variants: [(&str, Option<Nsga2Options<Genotype>>); 9] = [
        ("draws", None),
        ("defaults", Some(defaults())),
        ("generations", Some(Nsga2Options { steady_state: false, ..defaults() })),
        ("20 members", Some(Nsga2Options { population: 20, ..defaults() })),
        ("100 members", Some(Nsga2Options { population: 100, ..defaults() })),
        ("crossover 0.7", Some(Nsga2Options { crossover_rate: 0.7, ..defaults() })),
        ("crossover 1", Some(Nsga2Options { crossover_rate: 1.0, ..defaults() })),
        ("mutation 0.6", Some(Nsga2Options { mutation_rate: 0.6, ..defaults() })),
        ("mutation 1", Some(Nsga2Options { mutation_rate: 1.0, ..defaults() })),
    ];
    println!("\nexact front of layers: {:.4}", layers::exact_hypervolume());
    println!("{:10} {:14} {}", "problem", "mode", BUDGETS.map(|budget| format!("{budget:>12}")).join(" "));
    for problem in &problems {
        for (mode, options) in &variants {
            let run = |seed| {
                let variation = Conditional::<dyn Domain>::new(&*problem.domain);
                match options {
                    Some(options) => by_budget(problem, Nsga2::new(variation, options.clone(), seed)),
                    None => by_budget(problem, Random::new(variation, seed)),
                }
            };
            let runs: Vec<Vec<f64>> = (0..seeds).map(run).collect();
            let cells = (0..BUDGETS.len()).map(|at| median(runs.iter().map(|run| run[at]).collect()));
            let cells: Vec<String> = cells.map(|found| format!("{found:12.5}")).collect();
            println!("{:10} {mode:14} {}", problem.name, cells.join(" "));
        }
    }
}

/// Hypervolume of all that was found, at each budget.
fn by_budget(problem: &categorical::Problem, mut search: impl Strategy<Genotype>) -> Vec<f64> {
    let (mut evaluations, mut points, mut reached) = (0, Vec::new(), Vec::new());
    for budget in BUDGETS {
        while evaluations < budget {
            for candidate in search.ask(1) {
                let outcome = (problem.evaluate)(&candidate.genotype);
                if let Outcome::Complete { objectives } = &outcome {
                    points.push(objectives.clone());
                }
                search.tell(candidate.id, outcome);
            }
            evaluations += 1;
        }
        reached.push(pareto::hypervolume(&points, &problem.reference));
    }
    reached
}

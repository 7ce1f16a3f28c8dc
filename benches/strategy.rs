//! Quality and speed of NSGA-II on textbook problems, to be held beside pymoo's.
//!
//!     cargo bench --bench strategy
//!
//! Limits to hold: a median hypervolume of at least pymoo's smallest, in a tenth of its time. pymoo 0.6.2 takes 0.5 to 1.1
//! seconds a run on two cores of 2026.

#[path = "../tests/support/textbook.rs"]
mod textbook;

use std::time::Instant;

use pocketnas::search::Nsga2Options;
use textbook::{PROBLEMS, median};

const SEEDS: u64 = 5;

fn main() {
    println!("{:8} {:12} {:>12} {:>12} {:>12}", "problem", "mode", "hypervolume", "pymoo", "seconds");
    for problem in PROBLEMS {
        for steady_state in [false, true] {
            let start = Instant::now();
            let options = Nsga2Options { steady_state, ..problem.options() };
            let found = (0..SEEDS).map(|seed| problem.solve(options.clone(), seed)).collect();
            let seconds = start.elapsed().as_secs_f64() / SEEDS as f64;
            let mode = if steady_state { "steady state" } else { "generations" };
            let (found, pymoo) = (median(found), problem.pymoo);
            println!("{:8} {mode:12} {found:12.5} {pymoo:12.5} {seconds:12.4}", problem.name);
        }
    }
}

//! NSGA-III on DTLZ2, whose front is the part of the unit sphere with no negative coordinate, whatever the number of objectives.
#![allow(clippy::unwrap_used)]

#[path = "support/textbook.rs"]
#[allow(dead_code)]
mod textbook;

use std::f64::consts::FRAC_PI_2;

use pocketnas::search::{Nsga2, Nsga2Options, Nsga3, Nsga3Options, Outcome, Strategy, directions};
use textbook::{Problem, Reals, median};

/// Deb, Thiele, Laumanns & Zitzler, 2005, section 8.2, with ten variables for the distance.
fn dtlz2<const M: usize>(x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let radius = 1.0 + x[M - 1..].iter().map(|x| (x - 0.5).powi(2)).sum::<f64>();
    let value = |i: usize| {
        let cosines: f64 = x[..M - 1 - i].iter().map(|x| (x * FRAC_PI_2).cos()).product();
        radius * cosines * if i == 0 { 1.0 } else { (x[M - 1 - i] * FRAC_PI_2).sin() }
    };
    ((0..M).map(value).collect(), Vec::new())
}

/// The same with each objective in a unit ten times smaller than the one before, and far from zero.
fn scaled<const M: usize>(x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (values, kept) = dtlz2::<M>(x);
    (values.into_iter().enumerate().map(|(i, value)| scale(i) * (value + 3.0)).collect(), kept)
}

fn scale(objective: usize) -> f64 {
    10f64.powi(objective as i32)
}

/// DTLZ2 below a plane: the first objective may be at most 0.4.
fn limited(x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (values, _) = dtlz2::<4>(x);
    let kept = vec![1000.0 * (0.4 - values[0])];
    (values, kept)
}

/// Objectives of a point, and by how much each constraint is kept.
type Evaluate = fn(&[f64]) -> (Vec<f64>, Vec<f64>);

fn problem(bounds: &'static [(f64, f64)], evaluate: Evaluate) -> Problem {
    Problem { name: "dtlz2", bounds, evaluate, population: 0, generations: 0, reference: &[], pymoo: 0.0 }
}

const FOUR: [(f64, f64); 13] = [(0.0, 1.0); 13];
const FIVE: [(f64, f64); 14] = [(0.0, 1.0); 14];

/// Runs so many generations and returns the last population's objectives.
fn evolve<S: Strategy<Reals>>(search: &mut S, problem: &Problem, evaluations: usize) {
    for _ in 0..evaluations {
        for candidate in search.ask(1) {
            let outcome: Outcome = problem.outcome(&candidate.genotype);
            search.tell(candidate.id, outcome);
        }
    }
}

fn nsga3(problem: &Problem, population: usize, generations: usize, seed: u64) -> Vec<Vec<f64>> {
    let options = Nsga3Options { population, crossover_rate: 1.0, mutation_rate: 1.0, ..Nsga3Options::default() };
    let mut search = Nsga3::new(*problem, options, seed);
    evolve(&mut search, problem, population * generations);
    search.population().iter().map(|member| member.objectives().to_vec()).collect()
}

fn nsga2(problem: &Problem, population: usize, generations: usize, seed: u64) -> Vec<Vec<f64>> {
    let options = Nsga2Options { population, crossover_rate: 1.0, mutation_rate: 1.0, ..Nsga2Options::default() };
    let mut search = Nsga2::new(*problem, options, seed);
    evolve(&mut search, problem, population * generations);
    search.population().iter().map(|member| member.objectives().to_vec()).collect()
}

fn norm(point: &[f64]) -> f64 {
    point.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// How far members are from the sphere: the median and the largest.
fn off_the_sphere(found: &[Vec<f64>]) -> (f64, f64) {
    let off: Vec<f64> = found.iter().map(|point| (norm(point) - 1.0).abs()).collect();
    (median(off.clone()), off.into_iter().fold(0.0, f64::max))
}

/// How far from the nearest member the places on the sphere are that the directions point at: on average, and at worst.
fn off_the_directions(found: &[Vec<f64>], directions: &[Vec<f64>]) -> (f64, f64) {
    let gaps = directions.iter().map(|direction| {
        let length = norm(direction);
        let gap =
            |point: &Vec<f64>| norm(&point.iter().zip(direction).map(|(x, d)| x - d / length).collect::<Vec<_>>());
        found.iter().map(gap).fold(f64::INFINITY, f64::min)
    });
    let gaps: Vec<f64> = gaps.collect();
    (gaps.iter().sum::<f64>() / gaps.len() as f64, gaps.iter().copied().fold(0.0, f64::max))
}

/// What this program reached over three seeds is half of these bars or less.
#[test]
fn dtlz2_with_four_and_five_objectives_is_covered_evenly() {
    for (objectives, problem, population, generations) in
        [(4, problem(&FOUR, dtlz2::<4>), 120, 150), (5, problem(&FIVE, dtlz2::<5>), 126, 200)]
    {
        let wanted = directions(objectives, population);
        for seed in 0..2 {
            let found = nsga3(&problem, population, generations, seed);
            assert_even(&found, &wanted);
            // Crowding is lost among so many objectives; that is what the directions are for.
            let (crowded, _) = off_the_directions(&nsga2(&problem, population, generations, seed), &wanted);
            let (even, _) = off_the_directions(&found, &wanted);
            assert!(crowded > 5.0 * even, "{objectives} objectives: NSGA-II {crowded}, NSGA-III {even}");
        }
    }
}

fn assert_even(found: &[Vec<f64>], wanted: &[Vec<f64>]) {
    let ((half, all), (mean, worst)) = (off_the_sphere(found), off_the_directions(found, wanted));
    assert!(half < 0.02 && all < 0.12, "off the sphere by {half}, at worst {all}");
    assert!(mean < 0.035 && worst < 0.15, "off the directions by {mean}, at worst {worst}");
}

#[test]
fn units_make_no_difference() {
    let found = nsga3(&problem(&FOUR, scaled::<4>), 120, 150, 0);
    let found: Vec<Vec<f64>> = found
        .into_iter()
        .map(|point| point.into_iter().enumerate().map(|(i, value)| value / scale(i) - 3.0).collect())
        .collect();
    assert_even(&found, &directions(4, 120));
}

#[test]
fn a_limit_cuts_the_front_and_the_rest_of_it_is_found() {
    let found = nsga3(&problem(&FOUR, limited), 120, 150, 0);
    let (half, all) = off_the_sphere(&found);
    assert!(half < 0.02 && all < 0.12, "off the sphere by {half}, at worst {all}");
    assert!(found.iter().all(|point| point.len() == 4 && point[0] <= 0.4), "the limit is broken");
    let most = |i: usize| found.iter().map(|point| point[i]).fold(0.0, f64::max);
    assert!(most(0) > 0.38 && (1..4).all(|i| most(i) > 0.95), "the ends are missing: {:?}", [0, 1, 2, 3].map(most));
}

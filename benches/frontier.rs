//! Speed of the exact and the certified front on block libraries of the sizes that DONNA and Puzzle use.
//!
//!     cargo bench --bench frontier
//!
//! Limits to hold: 5×384 independent 20 ms, 80×16 independent 300 ms, 5×384 anti-correlated at 1 % 1 s.
#![allow(clippy::unwrap_used)]

use divan::{Bencher, counter::ItemsCount};
use pocketnas::pareto;
use pocketnas::search::{Column, CostGraph, Options, front};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn main() {
    divan::main();
}

/// One cost vector for each of `positions`×`variants`.
fn chain<const K: usize>(
    positions: usize,
    variants: usize,
    mut draw: impl FnMut(&mut ChaCha8Rng) -> [f64; K],
) -> CostGraph {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut graph = CostGraph::new(columns(K), positions + 1, 0, positions).unwrap();
    for position in 0..positions {
        for _ in 0..variants {
            graph.add_edge(position, position + 1, &draw(&mut rng)).unwrap();
        }
    }
    graph
}

/// As [`chain`], with a cost of up to a tenth between every two neighbouring variants.
fn chain_with_transitions(
    positions: usize,
    variants: usize,
    mut draw: impl FnMut(&mut ChaCha8Rng) -> [f64; 2],
) -> CostGraph {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let sink = 1 + (positions - 1) * variants;
    let mut graph = CostGraph::new(columns(2), sink + 1, 0, sink).unwrap();
    let node = |position: usize, variant: usize| 1 + position * variants + variant;
    for position in 0..positions {
        let own: Vec<[f64; 2]> = (0..variants).map(|_| draw(&mut rng)).collect();
        for before in 0..if position == 0 { 1 } else { variants } {
            let from = if position == 0 { 0 } else { node(position - 1, before) };
            for (variant, [a, b]) in own.iter().enumerate() {
                let to = if position + 1 == positions { sink } else { node(position, variant) };
                let step: [f64; 2] = if position == 0 { [0.0; 2] } else { [rng.r#gen(), rng.r#gen()] };
                graph.add_edge(from, to, &[a + 0.1 * step[0], b + 0.1 * step[1]]).unwrap();
            }
        }
    }
    graph
}

fn columns(count: usize) -> Vec<Column> {
    (0..count).map(|i| Column::objective(format!("objective {i}"), "1")).collect()
}

fn independent<const K: usize>(rng: &mut ChaCha8Rng) -> [f64; K] {
    std::array::from_fn(|_| rng.r#gen())
}

/// Cost about one minus loss: with little noise every variant survives, and fronts explode.
fn conflicting(noise: f64) -> impl Fn(&mut ChaCha8Rng) -> [f64; 2] {
    move |rng| {
        let loss: f64 = rng.r#gen();
        let dust: f64 = rng.sample(StandardNormal);
        [1.0 - loss + noise * dust, loss]
    }
}

fn solve(bencher: Bencher, graph: CostGraph, epsilon: f64) {
    let options = Options { epsilon, ..Options::default() };
    let found = front(&graph, &options).unwrap();
    assert!(found.epsilon <= epsilon);
    bencher.counter(ItemsCount::new(found.len())).bench(|| front(&graph, &options).unwrap());
}

#[divan::bench]
fn independent_5x384(bencher: Bencher) {
    solve(bencher, chain(5, 384, independent::<2>), 0.0);
}

#[divan::bench]
fn independent_80x16(bencher: Bencher) {
    solve(bencher, chain(80, 16, independent::<2>), 0.0);
}

#[divan::bench(sample_count = 20)]
fn independent_3_objectives_5x384(bencher: Bencher) {
    solve(bencher, chain(5, 384, independent::<3>), 0.0);
}

#[divan::bench(sample_count = 5)]
fn independent_4_objectives_5x64(bencher: Bencher) {
    solve(bencher, chain(5, 64, independent::<4>), 0.0);
}

#[divan::bench(args = [0.05, 0.01, 0.001, 0.0], sample_count = 20)]
fn conflicting_5x384_within_1_percent(bencher: Bencher, noise: f64) {
    solve(bencher, chain(5, 384, conflicting(noise)), 0.01);
}

#[divan::bench(args = [0.05, 0.01, 0.001, 0.0001], sample_count = 5)]
fn conflicting_5x384_exact(bencher: Bencher, noise: f64) {
    solve(bencher, chain(5, 384, conflicting(noise)), 0.0);
}

#[divan::bench(sample_count = 10)]
fn independent_5x384_with_transitions(bencher: Bencher) {
    solve(bencher, chain_with_transitions(5, 384, independent::<2>), 0.0);
}

#[divan::bench(sample_count = 5)]
fn conflicting_5x384_with_transitions_within_1_percent(bencher: Bencher) {
    solve(bencher, chain_with_transitions(5, 384, conflicting(0.05)), 0.01);
}

#[divan::bench(args = [2, 3, 4, 5], sample_count = 10)]
fn hypervolume_of_100_points(bencher: Bencher, objectives: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let points: Vec<Vec<f64>> = (0..100)
        .map(|_| {
            // On a sphere, so that all of them are on the front.
            let raw: Vec<f64> = (0..objectives).map(|_| rng.sample::<f64, _>(StandardNormal).abs()).collect();
            let norm = raw.iter().map(|x| x * x).sum::<f64>().sqrt();
            raw.iter().map(|x| 1.0 - x / norm).collect()
        })
        .collect();
    let reference = vec![1.1; objectives];
    bencher.bench(|| pareto::hypervolume(&points, &reference));
}

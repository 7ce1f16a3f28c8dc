//! How fast networks are built, pruned, hashed and scored: all 15,625 of NAS-Bench-201 on one core.
//! The goal is under two seconds for build, prune and score together. Run: `cargo bench --bench graph`

#[path = "../tests/support/nas_bench_201.rs"]
mod benchmark;

use pocketnas::graph::Network;
use pocketnas::proxy::{Definition, Proxy};

fn main() {
    divan::main();
}

/// The texts of all 15,625 architectures.
fn architectures() -> Vec<String> {
    const OPS: [&str; 5] = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    (0..5usize.pow(6))
        .map(|index| {
            let op = |edge: u32| OPS[index / 5usize.pow(edge) % 5];
            let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(op);
            format!("|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|")
        })
        .collect()
}

fn build(text: &String) -> Network {
    benchmark::network(text).expect("the text names known operators")
}

fn s0() -> Box<dyn Proxy> {
    Definition::load("s0").expect("s0 is part of the program").proxy()
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_prune_and_score_nas_bench_201(bencher: divan::Bencher) {
    let (texts, s0) = (architectures(), s0());
    bencher.bench_local(|| {
        let score = |text| s0.score(&build(text)).map_or(0.0, |score| score.value);
        texts.iter().map(score).sum::<f64>()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_nas_bench_201(bencher: divan::Bencher) {
    let texts = architectures();
    bencher.bench_local(|| texts.iter().map(|text| build(text).len()).sum::<usize>());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn hash_one_in_ten_of_nas_bench_201(bencher: divan::Bencher) {
    let networks: Vec<Network> = architectures().iter().step_by(10).map(build).collect();
    bencher.bench_local(|| networks.iter().map(|network| network.canonical_hash()).max());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn prune_one_in_ten_of_nas_bench_201(bencher: divan::Bencher) {
    let networks: Vec<Network> = architectures().iter().step_by(10).map(build).collect();
    bencher.bench_local(|| networks.iter().map(|network| network.live().count()).sum::<usize>());
}

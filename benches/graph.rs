//! How fast networks are built, pruned, hashed and scored: all 15,625 of NAS-Bench-201 on one core.
//! The goal is under two seconds for build, prune and score together. Run: `cargo bench --bench graph`

use pocketnas::graph::Network;
use pocketnas::proxy::{Conditions, Definition, Proxy};
use pocketnas::space::{Architecture, Space};

fn main() {
    divan::main();
}

fn space() -> Space {
    Space::load("nas-bench-201", None).expect("the space is part of the program")
}

/// All 15,625 architectures.
fn architectures(space: &Space) -> Vec<Architecture> {
    const OPS: [&str; 5] = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    (0..5usize.pow(6))
        .map(|index| {
            let op = |edge: u32| OPS[index / 5usize.pow(edge) % 5];
            let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(op);
            let text = format!("|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|");
            space.parse(&text).expect("the text is of the space's form")
        })
        .collect()
}

fn networks(step: usize) -> Vec<Network> {
    let space = space();
    let build = |architecture| space.build(architecture).expect("the architecture is of the space");
    architectures(&space).iter().step_by(step).map(build).collect()
}

fn s0() -> Box<dyn Proxy> {
    Definition::load("s0").expect("s0 is part of the program").proxy(&Conditions::default())
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_prune_and_score_nas_bench_201(bencher: divan::Bencher) {
    let (space, s0) = (space(), s0());
    let architectures = architectures(&space);
    bencher.bench_local(|| {
        let network = |architecture| space.build(architecture).ok();
        let score = |network: Network| s0.score(&network).ok().map(|score| score.value);
        architectures.iter().filter_map(network).filter_map(score).sum::<f64>()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_nas_bench_201(bencher: divan::Bencher) {
    let space = space();
    let architectures = architectures(&space);
    bencher.bench_local(|| architectures.iter().filter_map(|a| space.build(a).ok()).map(|n| n.len()).sum::<usize>());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn hash_one_in_ten_of_nas_bench_201(bencher: divan::Bencher) {
    let networks = networks(10);
    bencher.bench_local(|| networks.iter().map(|network| network.canonical_hash()).max());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn prune_one_in_ten_of_nas_bench_201(bencher: divan::Bencher) {
    let networks = networks(10);
    bencher.bench_local(|| networks.iter().map(|network| network.live().count()).sum::<usize>());
}

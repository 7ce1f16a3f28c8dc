//! Time to compile spaces to their choice graphs, and to build single networks.
//! `cargo bench --bench space`

use pocketnas::space::{Budget, Space};

fn main() {
    divan::main();
}

fn shipped(name: &str) -> Space {
    Space::load(name, None).expect("the space is shipped")
}

#[divan::bench(args = ["nas-bench-201", "mobilenetv3-ofa", "mobilenetv3-ofa-resolution", "donna"], sample_count = 5)]
fn compile(bencher: divan::Bencher, name: &str) {
    let space = shipped(name);
    bencher.bench_local(|| space.compile(Budget::default()).map(|graph| graph.states()));
}

#[divan::bench(args = ["nas-bench-201", "mobilenetv3-ofa", "donna"])]
fn build(bencher: divan::Bencher, name: &str) {
    let space = shipped(name);
    let architecture = space.default_architecture();
    bencher.bench_local(|| space.build(&architecture).map(|network| network.len()));
}

//! Speed of pricing and fitting: a search prices every edge of its choice graph.
//! Run with `cargo bench --bench latency`.

use pocketnas::graph::{Activation, Builder, Conv2d, Network, NodeId, Op, Shape};
use pocketnas::latency::{Kernel, KernelKind, LatencyTable, Sample, fit, lower, predict, terms};

fn main() {
    divan::main();
}

/// A table of either model.
const TABLES: [&str; 2] = ["galaxy-s10-exynos9820/1large-float", "galaxy-s10-exynos9820/gpu-float"];

fn table(name: &str) -> LatencyTable {
    LatencyTable::named(name).expect("the table is shipped")
}

/// Inverted residual blocks of about 200 operators in all.
fn network() -> Network {
    let mut builder = Builder::new();
    let mut last = builder.add("image", Op::Input { shape: Shape::map(32, 56) }, &[]).expect("fits");
    for block in 0..66 {
        builder.block(format!("b{block}"), "");
        let entry = last;
        let mut add =
            |name: &str, op: Op, inputs: &[NodeId]| builder.add(format!("b{block}.{name}"), op, inputs).expect("fits");
        let depthwise = Conv2d { groups: 96, ..Conv2d::square(96, 3, 1) };
        last = add("expand", Op::Conv2d(Conv2d::square(96, 1, 1)), &[last]);
        last = add("act", Op::Activation { function: Activation::Relu6 }, &[last]);
        last = add("depthwise", Op::Conv2d(depthwise), &[last]);
        last = add("project", Op::Conv2d(Conv2d::square(32, 1, 1)), &[last]);
        last = add("add", Op::Add, &[entry, last]);
    }
    builder.output(last);
    builder.finish().expect("has an output")
}

#[divan::bench(args = TABLES)]
fn cost_of_198_operators(bencher: divan::Bencher, name: &str) {
    let (table, network) = (table(name), network());
    let kernels: Vec<Kernel> = lower(&network).into_iter().map(|l| l.kernel).collect();
    assert_eq!(kernels.len(), 198);
    bencher.bench_local(|| table.total(&kernels));
}

#[divan::bench(args = TABLES)]
fn price_of_198_operators_with_flags(bencher: divan::Bencher, name: &str) {
    let (table, network) = (table(name), network());
    let kernels: Vec<Kernel> = lower(&network).into_iter().map(|l| l.kernel).collect();
    bencher.bench_local(|| kernels.iter().map(|k| table.price(k).ms.0).sum::<f64>());
}

#[divan::bench(args = TABLES)]
fn lower_and_cost_a_network(bencher: divan::Bencher, name: &str) {
    let (table, network) = (table(name), network());
    bencher.bench_local(|| table.operators_cost(&network));
}

#[divan::bench(args = TABLES)]
fn predict_a_network(bencher: divan::Bencher, name: &str) {
    let (table, network) = (table(name), network());
    bencher.bench_local(|| predict(&table, &network));
}

#[divan::bench]
fn fit_to_84_networks(bencher: divan::Bencher) {
    let samples: Vec<Sample> = (1..=84u32)
        .map(|i| {
            let conv = Kernel {
                window: [1 + i % 2 * 2; 2],
                ..Kernel::pointwise(KernelKind::Conv, [7 * (1 + i % 8), 7], 8 * i)
            };
            let ms = conv.macs() as f64 * 1e-6 + 1.0;
            Sample { network: i.to_string(), kernels: vec![conv; 60], ms }
        })
        .collect();
    let samples: Vec<&Sample> = samples.iter().collect();
    bencher.bench_local(|| fit(&samples, &terms::FLOAT));
}

//! How fast the native engine runs whole networks, forward and backward in single precision: the median and the least of
//! several runs, against the multiply-adds that the threads can do at best, measured in the same run. `make` is what a
//! new network costs before it runs: compiling it and loading its weights. `benches/peers/engine.py` runs the same
//! networks in PyTorch. Run: `cargo bench --bench networks -- [part of a name] [--threads 2] [--runs 7]
//! [--direct]`; a share of the peak above 1 is Winograd's, whose multiply-adds are counted as if they were done.

#[path = "networks/shapes.rs"]
mod shapes;

use std::time::Instant;

use pocketnas::engine::native::{Convolutions, Native};
use pocketnas::engine::{Backend, Init, Plan, Program, Tensor, Weights, initialise};
use pocketnas::graph::Network;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut part, mut threads, mut runs) = (String::new(), 1, 7);
    let mut convolutions = Convolutions::default();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.parse().ok()).expect("a number follows");
        match word.as_str() {
            "--threads" => threads = number(),
            "--runs" => runs = number(),
            "--direct" => convolutions = Convolutions::Direct,
            _ => part = word,
        }
    }
    let engine = Native::default().with_threads(threads).expect("threads start").with_convolutions(convolutions);
    println!("{}, {threads} thread(s), load average {}", engine.isa(), load());
    println!(
        "{:<24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9}",
        "", "ms", "least", "forward", "make", "GFLOP/s", "of peak", "peak", "MiB"
    );
    for (name, batch, network) in shapes::all() {
        if name.contains(&part) {
            measure(&engine, runs, name, batch, &network);
        }
    }
}

/// The load of the machine in the last minute, where the system says so.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn measure(engine: &Native, runs: usize, name: &str, batch: usize, network: &Network) {
    let plan = Plan { prune: true, ..Plan::train(batch) };
    let weights = initialise(network, &Init::default(), 0);
    let shape = network.input_shapes()[0];
    let full = |shape| std::iter::once(batch).chain(Vec::<usize>::from(shape)).collect::<Vec<usize>>();
    let filled = |shape: Vec<usize>| {
        let elements: usize = shape.iter().product();
        Tensor::new(shape, (0..elements).map(|i| (i * 7919 % 1013) as f32 / 506.0 - 1.0).collect())
    };
    let input = filled(full(shape));
    let output = network.outputs()[0];
    let seed = filled(full(network.node(output).shape));

    let (mut steps, mut forwards, mut makes, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut peak = engine.peak() / 1e9;
    for _ in 0..3 {
        let start = Instant::now();
        let mut program = make(engine, network, &plan, &weights);
        makes.push(start.elapsed().as_secs_f64());
        bytes = program.bytes();
        // The first run touches memory for the first time: networks that are scored run two or three times.
        for _ in 0..runs.div_ceil(3) {
            let start = Instant::now();
            program.forward(&[&input]).expect("the input fits");
            forwards.push(start.elapsed().as_secs_f64());
            program.backward(&[(output, &seed)]).expect("the seed fits");
            steps.push(start.elapsed().as_secs_f64());
        }
        peak = peak.max(engine.peak() / 1e9);
    }
    for times in [&mut steps, &mut forwards, &mut makes] {
        times.sort_by(f64::total_cmp);
    }
    let median = steps[steps.len() / 2];
    let rate = work(network, batch) / median / 1e9;
    println!(
        "{name:<24} {:>9.1} {:>9.1} {:>9.1} {:>9.2} {rate:>9.1} {:>6.0} % {peak:>9.1} {:>9.1}",
        1e3 * median,
        1e3 * steps[0],
        1e3 * forwards[forwards.len() / 2],
        1e3 * makes[makes.len() / 2],
        100.0 * rate / peak,
        bytes as f64 / f64::from(1 << 20)
    );
}

fn make(engine: &Native, network: &Network, plan: &Plan, weights: &Weights) -> Box<dyn Program> {
    let mut program = Backend::<f32>::compile(engine, network, plan).expect("the engine has every operator");
    program.load(weights).expect("the weights are the network's");
    program
}

/// Floating-point operations of a pass forward and backward: two for a multiply-add, and backward twice as many as
/// forward.
fn work(network: &Network, batch: usize) -> f64 {
    let live = network.live();
    let forward: f64 =
        network.ids().filter(|id| live.contains(*id)).map(|id| network.node_cost(id).macs.0 as f64).sum();
    6.0 * forward * batch as f64
}

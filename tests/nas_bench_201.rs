//! All 15,625 networks of NAS-Bench-201 through the real graph, held against the benchmark's own
//! counts and accuracies (`data/README.md` of the shared folder says where they come from).
#![allow(clippy::unwrap_used)]

#[path = "support/nas_bench_201.rs"]
mod benchmark;

use std::path::Path;
use std::sync::OnceLock;

use pocketnas::audit::{Bootstrap, Judgement, Measured, Rows, Truth, judge, measure, resolve};
use pocketnas::proxy::{Conditions, Definition, Proxy};
use pocketnas::space::{Architecture, Space};
use rayon::prelude::*;

const DATA: &str = "../shared/data/nas-bench-201/cifar10.csv";
const PROXIES: [&str; 8] = ["params", "macs", "live_params", "live_macs", "live_convs", "s0", "s0_cells", "s0_bc"];

struct Benchmark {
    ids: Vec<String>,
    architectures: Vec<Architecture>,
    measured: Measured,
}

fn space() -> Space {
    Space::load("nas-bench-201", None).unwrap()
}

/// The whole benchmark, scored once; `None`, said plainly, where the data is not there.
fn scored() -> Option<&'static Benchmark> {
    static SCORED: OnceLock<Option<Benchmark>> = OnceLock::new();
    let scored = SCORED.get_or_init(|| {
        let (space, truth) = (space(), column("valid_accuracy")?);
        let architectures = resolve(&space, &truth, Path::new(DATA)).unwrap();
        let proxies: Vec<Box<dyn Proxy>> =
            PROXIES.map(|name| Definition::load(name).unwrap().proxy(&Conditions::default())).into();
        let measured = measure(architectures.len(), |row| space.build(&architectures[row]), &proxies, || ()).unwrap();
        Some(Benchmark { ids: truth.rows.into_iter().map(|row| row.id).collect(), architectures, measured })
    });
    scored.as_ref()
}

fn column(name: &str) -> Option<Truth> {
    if !Path::new(DATA).exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{DATA} is not there, and CI must not skip this");
        eprintln!("SKIPPED: {DATA} is not there, so NAS-Bench-201 was not checked");
        return None;
    }
    Some(Truth::read(Path::new(DATA), "arch_str", name).unwrap())
}

fn scores<'a>(benchmark: &'a Benchmark, proxy: &str) -> &'a [f64] {
    &benchmark.measured.columns.iter().find(|column| column.proxy == proxy).unwrap().scores
}

fn judgement(benchmark: &Benchmark, proxy: &str, truth: &str) -> Judgement {
    let truth: Vec<f64> = column(truth).unwrap().rows.iter().map(|row| row.value).collect();
    let column = benchmark.measured.columns.iter().find(|column| column.proxy == proxy).unwrap();
    judge(column, &Rows::new(truth), &Bootstrap { resamples: 0, ..Bootstrap::default() })
}

#[test]
fn counts_equal_the_benchmarks() {
    let Some(benchmark) = scored() else { return };
    assert_eq!(benchmark.ids.len(), 15_625);
    for (proxy, name) in [("params", "params"), ("macs", "macs")] {
        let published = column(name).unwrap();
        let ours = scores(benchmark, proxy);
        let wrong: Vec<&str> =
            published.rows.iter().zip(ours).filter(|(row, ours)| row.value != **ours).map(|(r, _)| &*r.id).collect();
        assert!(wrong.is_empty(), "{name} of {} networks differ, first {}", wrong.len(), wrong[0]);
    }
}

/// The space builds the very networks that the benchmark's own code builds, written out by hand beside this test.
#[test]
fn the_space_builds_the_benchmarks_networks() {
    let Some(benchmark) = scored() else { return };
    let space = space();
    let differ = benchmark.ids.par_iter().zip(&benchmark.architectures).find_first(|(id, architecture)| {
        let (ours, theirs) = (space.build(architecture).unwrap(), benchmark::network(id).unwrap());
        ours.canonical_hash() != theirs.canonical_hash() || space.format(architecture) != **id
    });
    assert_eq!(differ.map(|(id, _)| id), None);
}

#[test]
fn distinct_live_networks() {
    let Some(benchmark) = scored() else { return };
    // Counted independently: dead edges pruned, skips and sums kept as nodes.
    assert_eq!(benchmark.measured.distinct, 8_765);
}

#[test]
fn correlations_equal_the_reference() {
    let Some(benchmark) = scored() else { return };
    let cases = [
        ("s0_cells", "test_accuracy", 0.7985, 0.6257),
        ("s0_cells", "valid_accuracy", 0.7592, 0.5837),
        ("s0", "test_accuracy", 0.7993, 0.6290),
    ];
    for (proxy, truth, spearman, kendall) in cases {
        let judged = judgement(benchmark, proxy, truth);
        assert!((judged.spearman.unwrap() - spearman).abs() < 5e-5, "{proxy} {truth}: {judged:?}");
        assert!((judged.kendall.unwrap() - kendall).abs() < 5e-5, "{proxy} {truth}: {judged:?}");
    }
}

#[test]
fn shipped_proxies_state_what_is_measured() {
    let Some(benchmark) = scored() else { return };
    for name in PROXIES {
        let evidence = Definition::load(name).unwrap().evidence;
        assert!(!evidence.is_empty(), "{name} states no evidence");
        for stated in evidence.iter().filter(|e| e.space == "nas-bench-201") {
            let judged = judgement(benchmark, name, &stated.truth);
            assert_eq!(stated.n, judged.n as u64, "{name}");
            assert!((judged.spearman.unwrap() - stated.spearman).abs() <= 5e-5, "{name}: {judged:?}");
            assert!((judged.kendall.unwrap() - stated.kendall).abs() <= 5e-5, "{name}: {judged:?}");
        }
    }
}

#[test]
fn parts_add_up() {
    let text = "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    let space = space();
    let network = space.build(&space.parse(text).unwrap()).unwrap();
    for name in PROXIES {
        let proxy = Definition::load(name).unwrap().proxy(&Conditions::default());
        let blocks = proxy.structural().unwrap().block_contributions(&network).unwrap();
        assert_eq!(blocks.len(), network.blocks().len());
        let whole = proxy.score(&network).unwrap().value;
        assert!((blocks.iter().sum::<f64>() - whole).abs() <= 1e-9 * whole, "{name}");
    }
}

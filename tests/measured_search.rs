//! Searches by proxies that run networks, through the binary: where they start, what they measure, and that a kill, a
//! process or a core more changes nothing.
#![allow(clippy::unwrap_used)]

#[path = "support/tiny.rs"]
mod tiny;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pocketnas::graph::{Network, Op};
use pocketnas::pareto;
use pocketnas::search::Domain;
use pocketnas::space::{Budget, Space};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;
use tiny::{Bench, pocketnas, succeeded, told};

/// Writes a proxy file of two small batches, and a config of parameters against it.
fn config(bench: &Bench, space: &str, proxy: &str, rest: &str) -> PathBuf {
    let file = format!("{proxy}\nversion: 1\ndefinition: d\nsource: s\n");
    fs::write(bench.path("own.yaml"), file).unwrap();
    let text = format!(
        "search: s\nversion: 1\nspace: {space}\nobjectives:\n  params: {{ count: params }}\n  score: {{ proxy: own.yaml }}\n{rest}"
    );
    let path = bench.path("search.yaml");
    fs::write(&path, text).unwrap();
    path
}

const ZICO: &str = "proxy: zico_bc\nbeta: 1\nbatches: 2\nbatch_size: 2";

/// What the log says of that kind.
fn events(out: &Path, kind: &str) -> Vec<Json> {
    let log = fs::read_to_string(out.join("study.log.jsonl")).unwrap_or_default();
    // A killed run may leave half a line.
    log.lines()
        .filter_map(|line| serde_json::from_str::<Json>(line).ok())
        .filter(|line| line["event"] == kind)
        .collect()
}

#[test]
fn a_search_that_measures_comes_back_from_a_kill_and_measures_each_network_once() {
    let bench = Bench::new();
    let config =
        config(&bench, "nas-bench-201", ZICO, "evaluations: 30\nstrategy: { kind: nsga2, population: 10 }\nseed: 3\n");
    succeeded(&bench.run(&config, "unbroken", &["--jobs", "1"]));
    for wanted in [3, 12, 25] {
        let mut child = bench.start(&config, "killed", &[]);
        let began = Instant::now();
        while events(&bench.path("killed"), "evaluated").len() < wanted && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(300), "nothing is evaluated");
            sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeeded(&bench.run(&config, "killed", &[]));
    assert_eq!(bench.front("killed"), bench.front("unbroken"));

    // Isomorphic live networks are one evaluation, and those that were recognised are counted.
    let measured = events(&bench.path("unbroken"), "evaluated");
    let hashes: HashSet<&str> = measured.iter().map(|event| event["hash"].as_str().unwrap()).collect();
    assert_eq!((measured.len(), hashes.len()), (30, 30));
    let told = events(&bench.path("unbroken"), "told");
    let cached: Vec<&Json> = told.iter().filter(|event| event["cached"] == true).collect();
    assert!(cached.iter().all(|event| hashes.contains(event["hash"].as_str().unwrap())));
    let data = bench.data("unbroken");
    assert_eq!(data["course"]["cached"].as_u64(), Some(cached.len() as u64));
    let notes = data["notes"].to_string();
    assert!(notes.contains("2 batches of 2 from noise, weights of seed 3 and data of seed 3"), "{notes}");
    assert!(data["run"]["entries"].to_string().contains("score, seconds each"), "{}", data["run"]["entries"]);
}

#[test]
fn processes_measure_the_same_to_the_last_digit() {
    let bench = Bench::new();
    let rest = "evaluations: 12\nstrategy: { kind: nsga2, population: 10 }\n";
    succeeded(&bench.run(&config(&bench, "tiny.yaml", ZICO, rest), "threads", &[]));
    let processes = config(&bench, "tiny.yaml", ZICO, &format!("{rest}executor: processes\nworkers: 2\n"));
    succeeded(&bench.run(&processes, "processes", &[]));
    assert_eq!(bench.front("threads"), bench.front("processes"));
}

#[test]
fn the_exact_front_of_what_stands_in_comes_first() {
    let bench = Bench::new();
    // A limit on the score itself says nothing about what stands in for it.
    for (proxy, structural, rest) in [
        (ZICO, "proxy: s0_bc\nbeta: 1", "limits: [score >= -1000000]\n"),
        ("proxy: zico\nbatches: 2\nbatch_size: 2", "proxy: s0", ""),
    ] {
        succeeded(&bench.run(&config(&bench, "tiny.yaml", structural, ""), "exact", &["--new"]));
        let front = bench.data("exact")["front"].clone();
        let exact: Vec<f64> = front.as_array().unwrap().iter().map(|m| m["values"][0].as_f64().unwrap()).collect();
        let rest = format!("{rest}evaluations: 10\nstrategy: {{ kind: nsga2, population: 12 }}\n");
        succeeded(&bench.run(&config(&bench, "tiny.yaml", proxy, &rest), "out", &["--new"]));
        let entries = bench.data("out")["run"]["entries"].to_string();
        assert!(entries.contains("of the exact front between params and s0"), "{entries}");
        let log = fs::read_to_string(bench.path("out").join("study.log.jsonl")).unwrap();
        let this = log.rsplit_once("\"opened\"").unwrap().1;
        let first =
            this.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok()).filter(|l| l["event"] == "told");
        // Architectures with equal values are as good a start as each other, so values are compared.
        let params = |line: Json| {
            let values = line["values"].as_array().unwrap();
            values.iter().find(|pair| pair[0] == "params").unwrap()[1].as_f64().unwrap()
        };
        let first: Vec<f64> = first.map(params).take(6).collect();
        // A member that ties with another but for rounding is dropped from a certified front, and may be a start all the same.
        let known = first.iter().filter(|params| exact.contains(params)).count();
        assert!(first.len() == 6 && known >= 5, "{first:?} of {exact:?}");
        assert!(first.contains(&exact[0]) && first.contains(exact.last().unwrap()), "{first:?} of {exact:?}");
    }
}

/// Parameters of a network, and depth, Σ ln n and Σ ln(H·W/√C) of its live convolutions.
fn by_hand(network: &Network) -> [f64; 4] {
    let (mut sums, live) = ([0.0; 4], network.live());
    for id in network.ids() {
        sums[0] += network.node_cost(id).params.0 as f64;
        if let (Op::Conv2d(conv), true) = (&network.node(id).op, live.contains(id)) {
            let shape = network.node(id).shape;
            let (height, width) = shape.size();
            let inputs = network.input_shape(id).channels() / conv.groups;
            let weights = conv.kernel[0] * conv.kernel[1] * inputs * shape.channels();
            sums[1] += 1.0;
            sums[2] += (weights as f64).ln();
            sums[3] += ((height * width) as f64 / (shape.channels() as f64).sqrt()).ln();
        }
    }
    sums
}

#[test]
fn beta_is_raised_until_fewer_than_half_of_the_front_are_deepest() {
    let bench = Bench::new();
    let auto = "proxy: zico_bc\nbeta: auto\nbatches: 2\nbatch_size: 2";
    let path = config(&bench, "tiny.yaml", auto, "evaluations: 6\nlimits: [params <= 9000]\n");
    let output = pocketnas(&["plan", path.to_str().unwrap(), "--json"]);
    succeeded(&output);
    let plan: Json = serde_json::from_slice(&output.stdout).unwrap();
    let steps = plan["strategy"]["beta"].as_array().unwrap().clone();

    let space = Space::from_text("tiny.yaml", &fs::read_to_string(bench.path("tiny.yaml")).unwrap()).unwrap();
    let graph = space.compile(Budget::default()).unwrap();
    let all: Vec<[f64; 4]> =
        graph.paths().map(|path| by_hand(&space.build(&graph.architecture(&path)).unwrap())).collect();
    let greatest = all.iter().map(|sums| sums[1]).fold(0.0, f64::max);
    let inside: Vec<&[f64; 4]> = all.iter().filter(|sums| sums[0] <= 9000.0).collect();
    let mut expected = Vec::new();
    for step in 0.. {
        let beta = 0.5 * f64::from(step);
        // Of architectures with equal values one stands for all; the last digits of a sum decide nothing.
        let mut points: Vec<[f64; 3]> =
            (inside.iter()).map(|sums| [sums[0], ((beta * sums[3] - sums[2]) * 1e9).round() / 1e9, sums[1]]).collect();
        points.sort_by(|a, b| a.partial_cmp(b).unwrap());
        points.dedup();
        let front = pareto::non_dominated(&points.iter().map(|point| [point[0], point[1]]).collect::<Vec<_>>());
        let deepest = front.iter().filter(|&&index| points[index][2] == greatest).count();
        expected.push((beta, front.len() as u64, deepest as u64));
        if 2 * deepest < front.len() {
            break;
        }
    }
    let found: Vec<(f64, u64, u64)> = (steps.iter())
        .map(|s| (s["beta"].as_f64().unwrap(), s["front"].as_u64().unwrap(), s["deepest"].as_u64().unwrap()))
        .collect();
    assert_eq!(found, expected);
    assert!(found.len() > 1, "one step shows nothing: {found:?}");

    // The search tells it, is what it found, and continues as that.
    let output = bench.run(&path, "out", &[]);
    succeeded(&output);
    let beta = found.last().unwrap().0;
    let last = expected.last().unwrap();
    let line = format!("at {beta}, {} of {} members of the exact front", last.2, last.1);
    assert!(told(&output).contains(&line), "{}", told(&output));
    let data = bench.data("out");
    assert!(data["notes"].to_string().contains(&format!("Beta is {beta} (`beta: auto`)")), "{}", data["notes"]);
    assert!(data["run"]["versions"].to_string().contains(&format!(", beta {beta}")), "{}", data["run"]["versions"]);
    succeeded(&bench.run(&path, "out", &[]));
    // Another limit finds another beta or front: another study.
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("9000", "8000")).unwrap();
    assert_eq!(bench.run(&path, "out", &[]).status.code(), Some(2));
}

/// Where no choice graph holds the space, beta is found on the front of a random sample.
#[test]
fn beta_is_found_without_a_choice_graph() {
    let bench = Bench::new();
    let auto = "proxy: zico_bc\nbeta: auto\nbatches: 2\nbatch_size: 2";
    let path = config(&bench, "darts", auto, "evaluations: 6\nlimits: [params <= 4M]\nseed: 5\n");
    let output = pocketnas(&["plan", path.to_str().unwrap(), "--json"]);
    succeeded(&output);
    let plan: Json = serde_json::from_slice(&output.stdout).unwrap();
    let steps = plan["strategy"]["beta"].as_array().unwrap();

    // The same sample, counted by hand. What is dead does not count.
    let space = Space::load("darts", None).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let drawn: Vec<_> = (0..1000).filter_map(|_| Domain::sample(&space, &mut rng)).collect();
    let all: Vec<[f64; 4]> = (drawn.iter())
        .map(|genotype| space.realise(genotype).unwrap().1)
        .filter(|network| network.live().count() > 0)
        .map(|network| by_hand(&network))
        .collect();
    let greatest = all.iter().map(|sums| sums[1]).fold(0.0, f64::max);
    for (step, found) in steps.iter().enumerate() {
        let beta = 0.5 * step as f64;
        let inside: Vec<&[f64; 4]> = all.iter().filter(|sums| sums[0] <= 4e6).collect();
        let points: Vec<[f64; 2]> = inside.iter().map(|sums| [sums[0], beta * sums[3] - sums[2]]).collect();
        let front = pareto::non_dominated(&points);
        let deepest = front.iter().filter(|&&index| inside[index][1] == greatest).count();
        let told = ["beta", "front", "deepest", "depth", "sample"].map(|key| found[key].as_f64().unwrap());
        assert_eq!(told, [beta, front.len() as f64, deepest as f64, greatest, all.len() as f64]);
        assert_eq!(step + 1 == steps.len(), 2 * deepest < front.len());
    }
    assert!(!steps.is_empty());
}

const TWO_BACKBONES: &str = "\
space: two
version: 1
about: The second convolution keeps the size or halves it.
input: { channels: 3, size: 16 }
blocks:
  down:
    params: { channels: {}, stride: { choice: [1, 2] } }
    layers: [{ op: conv, kernel: 3, stride: =stride, channels: =channels, act: relu }]
network:
  - { name: stem, op: conv, kernel: 3, channels: { choice: [4, 8, 12] } }
  - { stage: s1, repeat: 1, channels: 8, block: { use: down } }
  - op: global_avg_pool
  - op: flatten
  - { op: linear, features: 10 }
";

#[test]
fn a_search_over_several_backbones_is_warned_of() {
    let bench = Bench::new();
    fs::write(bench.path("two.yaml"), TWO_BACKBONES).unwrap();
    let rest = "evaluations: 4\nstrategy: { kind: nsga2, population: 4 }\n";
    let warning = "`score` ranks networks of one backbone, but those of `two` differ";
    for (space, proxy, warned) in
        [("two.yaml", ZICO, true), ("tiny.yaml", ZICO, false), ("two.yaml", "proxy: naswot\nbatch_size: 4", false)]
    {
        let output = bench.run(&config(&bench, space, proxy, rest), "out", &["--new"]);
        succeeded(&output);
        assert_eq!(told(&output).contains(warning), warned, "{}", told(&output));
        assert_eq!(bench.data("out")["notes"].to_string().contains(warning), warned);
    }
}

#[test]
fn a_batch_beyond_memory_is_told_with_what_it_takes() {
    let bench = Bench::new();
    let proxy = "proxy: zico_bc\nbeta: 1\nbatches: 2\nbatch_size: 1048576";
    let output = bench.run(&config(&bench, "mobilenetv3-ofa", proxy, "evaluations: 3\n"), "out", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    for part in ["every evaluation so far failed (3)", "MiB for a batch of 1048576"] {
        assert!(told(&output).contains(part), "{}", told(&output));
    }
}

#[test]
fn what_is_wrong_is_told_at_its_line() {
    let bench = Bench::new();
    let auto = "proxy: zico_bc\nbeta: auto";
    for (proxy, rest, line, parts) in [
        (auto, "quantities:\n  other: { proxy: own.yaml }\n", 8, "`other` leaves its beta to the search"),
        (
            ZICO,
            "  more: { proxy: s0, stand_in: params }\n",
            7,
            "`more` adds up along a path, and nothing needs to stand in",
        ),
        (
            ZICO,
            "  more: { proxy: own.yaml, stand_in: score }\n",
            7,
            "`score` cannot stand in for `more`: it does not add up",
        ),
        (ZICO, "  more: { proxy: own.yaml, stand_in: scores }\n", 7, "`scores` is no objective and no quantity"),
        (ZICO, "data: nowhere/at/all\n", 7, "nowhere/at/all"),
        (ZICO, "strategy: { kind: exact }\n", 7, "`score` does not add up along a path"),
    ] {
        let output = bench.run(&config(&bench, "tiny.yaml", proxy, rest), "out", &[]);
        assert_eq!(output.status.code(), Some(2), "{rest}{}", told(&output));
        for part in [&format!("search.yaml:{line}:"), parts] {
            assert!(told(&output).contains(part), "{rest}{}", told(&output));
        }
    }
    // Networks of different input sizes do not compare, whatever stands in for the score.
    let output = bench.run(&config(&bench, "mobilenetv3-ofa-resolution", ZICO, ""), "out", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(
        told(&output).contains("`score` compares scores of networks with different input sizes"),
        "{}",
        told(&output)
    );
}

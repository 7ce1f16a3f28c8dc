//! Proxies of activations, Jacobians and spectra against PyTorch's values (`tests/fixtures/proxies/activations.py`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::chain::borders;
use super::*;
use crate::data::{Batch, Dataset};
use crate::engine::conformance::{fresh_weights, numbers};
use crate::engine::{Target, Tensor, Weights};
use crate::graph::{Pool, PoolKind, RawNetwork, Shape};

const GOLDEN: &str = include_str!("../../../tests/fixtures/proxies/activations.json");

/// A network and what PyTorch makes of it.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    samples: usize,
    network: RawNetwork,
    scores: BTreeMap<String, f64>,
}

fn define(fields: &str) -> Definition {
    written(&format!("{{{fields}, version: 1, definition: d, source: s}}")).unwrap()
}

fn batches(samples: usize, shape: Shape) -> Vec<Batch> {
    let shape: Vec<usize> = std::iter::once(samples).chain(Vec::from(shape)).collect();
    let inputs = |index: usize| {
        let numbers = numbers(&format!("batch.{index}")).take(shape.iter().product());
        Tensor::new(shape.clone(), numbers.map(|x| (2.0 * x - 1.0) as f32).collect())
    };
    (0..2).map(|index| Batch { inputs: inputs(index), target: Target::Labels(vec![0; samples]) }).collect()
}

#[test]
fn scores_are_those_of_pytorch() {
    let kinds = [
        ("jacov", 1e-4),
        ("naswot", 1e-12),
        ("swap", 0.0),
        ("zen", 1e-4),
        ("meco", 1e-4),
        ("expressivity", 1e-5),
        ("progressivity", 1e-4),
        ("vkdnw", 1e-4),
        ("vkdnw_single", 1e-4),
    ];
    let mut failures = Vec::new();
    for case in serde_json::from_str::<Vec<Case>>(GOLDEN).unwrap() {
        let network = case.network.build().unwrap();
        let conditions = Conditions::given(fresh_weights(&network), batches(case.samples, network.input_shapes()[0]));
        for (name, tolerance) in kinds {
            let fields = match name {
                "meco" => "proxy: meco, batch_size: 1".to_owned(),
                "vkdnw_single" => format!("proxy: vkdnw, layers: true, batch_size: {}", case.samples),
                _ => format!("proxy: {name}, batch_size: {}", case.samples),
            };
            let given = define(&fields).proxy(&conditions).score(&network).unwrap().value;
            let apart = (given / case.scores[name] - 1.0).abs();
            if apart.is_nan() || apart > tolerance {
                failures
                    .push(format!("{}: {name} is {given}, by PyTorch {}: {apart:.1e}", case.name, case.scores[name]));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Stem and a block that multiplies by a number.
fn scaling(by: f64) -> (Network, Weights) {
    let mut net = Builder::new();
    net.block("stem", "");
    let input = add(&mut net, "input", Op::Input { shape: Shape::map(3, 16) }, &[]);
    let stem = add(&mut net, "stem", Op::Conv2d(Conv2d::square(4, 3, 1)), &[input]);
    net.block("block", "");
    let conv = add(&mut net, "conv", Op::Conv2d(Conv2d::square(4, 1, 1)), &[stem]);
    net.output(conv);
    let network = net.finish().unwrap();
    let mut weights: Weights = fresh_weights(&network);
    let eye = (0..16).map(|at| if at % 5 == 0 { by as f32 } else { 0.0 }).collect();
    weights.0.insert("conv.weight".to_owned(), Tensor::new(vec![4, 4, 1, 1], eye));
    (network, weights)
}

/// The block's Jacobian is known, so that the score is, but for the chance in which signs agree.
#[test]
fn trainability_is_highest_where_gradients_keep_their_size() {
    for by in [0.1f64, 0.5, 2.0, 5.0] {
        let (network, weights) = scaling(by);
        let conditions = Conditions::given(weights, batches(16, Shape::map(3, 16)));
        let given = define("proxy: trainability, batch_size: 16").proxy(&conditions).score(&network).unwrap().value;
        let expected = 2.0 - by - 1.0 / by;
        assert!((given - expected).abs() < 0.1 * (by + 1.0 / by), "{by}: {given}, by hand {expected}");
    }
    let (network, weights) = scaling(1.0);
    let conditions = Conditions::given(weights, batches(16, Shape::map(3, 16)));
    let given = define("proxy: trainability, batch_size: 16").proxy(&conditions).score(&network).unwrap().value;
    assert_eq!(given, f64::MIN, "a block that passes on what it gets trains nothing");
}

#[test]
fn blocks_end_where_all_paths_meet() {
    let mut net = Builder::new();
    net.block("stem", "");
    let input = add(&mut net, "input", Op::Input { shape: Shape::map(3, 8) }, &[]);
    let stem = add(&mut net, "stem", Op::Conv2d(Conv2d::square(4, 3, 1)), &[input]);
    net.block("cell", "");
    let zero = add(&mut net, "zero", Op::Zero { stride: 1 }, &[stem]);
    let conv = add(&mut net, "conv", Op::Conv2d(Conv2d::square(4, 3, 1)), &[stem]);
    let sum = add(&mut net, "sum", Op::Add, &[zero, conv, stem]);
    net.block("tail", "");
    let norm = add(&mut net, "norm", Op::BatchNorm, &[sum]);
    net.block("last", "");
    let pool = Pool { kind: PoolKind::Avg, kernel: 2, stride: 2, padding: 0, ceil: false };
    let pool = add(&mut net, "pool", Op::Pool(pool), &[norm]);
    net.block("head", "");
    let mean = add(&mut net, "mean", Op::GlobalAvgPool, &[pool]);
    let flat = add(&mut net, "flat", Op::Flatten, &[mean]);
    net.output(flat);
    let network = net.finish().unwrap();
    let names: Vec<&str> = borders(&network).into_iter().map(|id| network.node(id).name.as_str()).collect();
    assert_eq!(names, ["stem", "sum", "pool"]);
}

#[test]
fn patterns_are_at_most_units_and_at_most_codes() {
    let network = network(16, squeeze_excite);
    for samples in [1, 3, 70] {
        let conditions = Conditions::new("noise", std::sync::Arc::new(Dataset::noise()), 3, 4);
        let score = define(&format!("proxy: swap, batch_size: {samples}")).proxy(&conditions).score(&network);
        let Ok(score) = score else {
            assert_eq!(samples, 1, "one sample is not enough for the norm of one position");
            continue;
        };
        let units = score.details.iter().find(|(name, _)| *name == "units").unwrap().1;
        assert!(score.value >= 1.0 && score.value <= units.min(2f64.powi(samples)), "{samples}: {score:?}");
    }
    // The same parameters at another size; and a size that the network does not have.
    let small = define("proxy: swap, batch_size: 3, size: 8").proxy(&Conditions::noise(1)).score(&network).unwrap();
    let large = define("proxy: swap, batch_size: 3").proxy(&Conditions::noise(1)).score(&network).unwrap();
    assert!(small.details[0].1 <= large.details[0].1);
}

#[test]
fn aggregates_have_members_and_no_score() {
    let aggregate = define("proxy: aggregate, members: [s0, live_macs]");
    assert_eq!(aggregate.members(), ["s0", "live_macs"]);
    assert_eq!(written(&aggregate.to_yaml()).unwrap().members(), aggregate.members());
    let error = aggregate.proxy(&Conditions::default()).score(&network(32, squeeze_excite)).unwrap_err().to_string();
    assert!(error.contains("one network has no score by it"), "{error}");
    for (fields, message) in [
        ("proxy: aggregate", "has no `members`"),
        ("proxy: aggregate, members: [s0_cb]", "there is no proxy of that name"),
        ("proxy: aggregate, members: [aggregate]", "is an aggregate itself"),
        ("proxy: s0, members: [s0]", "has no `members`"),
    ] {
        let error = written(&format!("{{{fields}, version: 1, definition: d, source: s}}")).unwrap_err();
        assert!(error.contains(message), "{fields}: {error}");
    }
}

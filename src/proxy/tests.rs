#![allow(clippy::unwrap_used)]
mod activations;
mod measured;

use std::cmp::Ordering;

use super::*;
use crate::graph::NodeId;
use crate::graph::{Activation, Builder, Conv2d, Op, SqueezeExcite};
use crate::yaml::Document;

fn proxy(name: &str) -> Box<dyn Proxy> {
    Definition::load(name).unwrap().proxy(&Conditions::default())
}

fn score(name: &str, network: &Network) -> f64 {
    proxy(name).score(network).unwrap().value
}

fn written(text: &str) -> Result<Definition, String> {
    Definition::from_document(&Document::parse("p.yaml", text).unwrap()).map_err(|error| format!("{error:?}"))
}

/// Adds an operator to a network whose shapes are known to fit.
fn add(net: &mut Builder, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
    net.add(name, op, inputs).unwrap()
}

/// The proxies that are sums over nodes.
fn structural() -> impl Iterator<Item = &'static str> {
    let sums = |definition: Definition| !definition.measured() && definition.members().is_empty();
    Definition::names().filter(move |name| sums(Definition::load(name).unwrap()))
}

fn act(function: Activation) -> Op {
    Op::Activation { function }
}

/// Stem, a dead branch, a depthwise layer gated in the given way, and a head with a convolution on a 1×1 map.
fn network(size: usize, gate: fn(&mut Builder, NodeId) -> NodeId) -> Network {
    let mut net = Builder::new();
    net.block("stem", "");
    let input = add(&mut net, "input", Op::Input { shape: Shape::map(3, size) }, &[]);
    let stem = add(&mut net, "stem.conv", Op::Conv2d(Conv2d::square(8, 3, 2)), &[input]);
    net.block("s1.0", "");
    let zero = add(&mut net, "s1.zero", Op::Zero { stride: 1 }, &[stem]);
    let dead = add(&mut net, "s1.dead", Op::Conv2d(Conv2d::square(8, 5, 1)), &[zero]);
    let depthwise = Conv2d { groups: 8, bias: true, ..Conv2d::square(8, 3, 1) };
    let depthwise = add(&mut net, "s1.depthwise", Op::Conv2d(depthwise), &[stem]);
    let norm = add(&mut net, "s1.bn", Op::BatchNorm, &[depthwise]);
    let gated = gate(&mut net, norm);
    let sum = add(&mut net, "s1.add", Op::Add, &[gated, dead]);
    net.block("head", "");
    let mean = add(&mut net, "head.mean", Op::GlobalAvgPool, &[sum]);
    let wide = add(&mut net, "head.conv", Op::Conv2d(Conv2d::square(32, 1, 1)), &[mean]);
    let relu = add(&mut net, "head.relu", act(Activation::Hswish), &[wide]);
    let flat = add(&mut net, "head.flatten", Op::Flatten, &[relu]);
    let linear = add(&mut net, "head.linear", Op::Linear { features: 10, bias: true }, &[flat]);
    net.output(linear);
    net.finish().unwrap()
}

fn squeeze_excite(net: &mut Builder, input: NodeId) -> NodeId {
    let se = SqueezeExcite { hidden: 2, activation: Activation::Relu, gate: Activation::Hsigmoid };
    add(net, "s1.se", Op::SqueezeExcite(se), &[input])
}

fn squeeze_excite_in_parts(net: &mut Builder, input: NodeId) -> NodeId {
    let biased = |channels| Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(channels, 1, 1) });
    let mean = add(net, "s1.se.mean", Op::GlobalAvgPool, &[input]);
    let down = add(net, "s1.se.down", biased(2), &[mean]);
    let relu = add(net, "s1.se.relu", act(Activation::Relu), &[down]);
    let up = add(net, "s1.se.up", biased(8), &[relu]);
    let gate = add(net, "s1.se.gate", act(Activation::Hsigmoid), &[up]);
    add(net, "s1.se.multiply", Op::Multiply, &[input, gate])
}

#[test]
fn scores_by_hand() {
    let net = network(32, squeeze_excite);
    // stem 3·3·3·8 = 216 at 16×16, depthwise 3·3·8 = 72 at 16×16 with 8 biases, head 8·32 = 256 at 1×1;
    // dead 5·5·8·8 = 1600; batch norm 16; squeeze-excite 2·8·2 = 32 and 10 biases; linear 32·10 + 10.
    let live = 216 + (72 + 8) + 16 + (32 + 10) + 256 + (320 + 10);
    let live_macs = (216 + 72) * 256 + 32 + 256 + 320;
    let correction = 2.0 * (256.0 / 8f64.sqrt()).ln() + (1.0 / 32f64.sqrt()).ln();
    let s0 = (216.0 * 72.0 * 256.0f64).ln();
    let cases = [
        ("params", f64::from(live + 1600)),
        ("live_params", f64::from(live)),
        ("macs", f64::from(live_macs + 1600 * 256)),
        ("live_macs", f64::from(live_macs)),
        ("live_convs", 3.0),
        ("s0", s0),
        ("s0_bc", s0 - correction),
    ];
    for (name, expected) in cases {
        let got = score(name, &net);
        assert!((got - expected).abs() < 1e-12 * expected.abs(), "{name}: {got}, by hand {expected}");
    }
    let half = written("{proxy: s0_bc, name: half, version: 1, definition: d, source: s, beta: 0.5}").unwrap();
    assert!((half.proxy(&Conditions::default()).score(&net).unwrap().value - (s0 - 0.5 * correction)).abs() < 1e-12);
}

#[test]
fn squeeze_excite_scores_the_same_in_both_spellings() {
    let (whole, parts) = (network(32, squeeze_excite), network(32, squeeze_excite_in_parts));
    for name in structural().filter(|name| *name != "s0_cells") {
        assert_eq!(score(name, &whole), score(name, &parts), "{name}");
    }
}

#[test]
fn a_gate_that_is_also_used_otherwise_counts() {
    let net = network(32, |net, input| {
        let mean = add(net, "s1.mean", Op::GlobalAvgPool, &[input]);
        let conv = add(net, "s1.conv", Op::Conv2d(Conv2d::square(8, 1, 1)), &[mean]);
        let gated = add(net, "s1.multiply", Op::Multiply, &[input, conv]);
        net.output(conv);
        gated
    });
    assert_eq!(score("live_convs", &net), 4.0);
}

#[test]
fn blocks_add_up_and_can_be_picked() {
    let net = network(32, squeeze_excite);
    for name in structural().filter(|name| *name != "s0_cells") {
        let blocks = proxy(name).structural().unwrap().block_contributions(&net).unwrap();
        assert!((blocks.iter().sum::<f64>() - score(name, &net)).abs() < 1e-9, "{name}");
    }
    for (patterns, count) in [("[s1*]", 1.0), ("['*']", 3.0), ("[stem, head]", 2.0), ("['s*m', 's*.*0']", 2.0)] {
        let text = format!("{{proxy: live_convs, version: 1, definition: d, source: s, blocks: {patterns}}}");
        assert_eq!(
            written(&text).unwrap().proxy(&Conditions::default()).score(&net).unwrap().value,
            count,
            "{patterns}"
        );
    }
    let error = proxy("s0_cells").score(&net).unwrap_err();
    assert_eq!(
        error.to_string(),
        "proxy `s0_cells` counts only blocks that match `stage*`, but the network's blocks are stem, s1.0, head"
    );
}

#[test]
fn input_sizes_are_never_compared() {
    let (small, large) = (network(32, squeeze_excite), network(64, squeeze_excite));
    let s0 = proxy("s0");
    let (small, large) = (s0.score(&small).unwrap(), s0.score(&large).unwrap());
    assert_eq!(small.compare(&small), Ok(Ordering::Equal));
    assert_eq!(
        small.compare(&large).unwrap_err().to_string(),
        "scores compare only at one input size, but these networks take 3×32×32 and 3×64×64; fix the input size"
    );
}

#[test]
fn a_dead_network_says_so() {
    let mut net = Builder::new();
    let input = add(&mut net, "input", Op::Input { shape: Shape::map(3, 8) }, &[]);
    let conv = add(&mut net, "conv", Op::Conv2d(Conv2d::square(8, 3, 1)), &[input]);
    let zero = add(&mut net, "zero", Op::Zero { stride: 1 }, &[conv]);
    net.output(zero);
    let net = net.finish().unwrap();
    let s0 = proxy("s0").score(&net).unwrap();
    assert_eq!((s0.value, s0.live), (0.0, false));
    assert!(s0.value.is_sign_positive());
    assert_eq!(score("params", &net), 216.0);
}

#[test]
fn shipped_definitions_go_by_their_names() {
    for name in Definition::names() {
        assert_eq!(Definition::load(name).unwrap().name, name);
        assert_eq!(proxy(name).name(), name);
    }
}

#[test]
fn broken_definitions_are_refused_with_their_place() {
    let cases = [
        (
            "{proxy: s0, version: 1, definition: d, source: s, beta: 2}",
            "p.yaml:1:57: `s0` has no `beta` (remove it, or use `proxy: s0_bc`)",
        ),
        (
            "proxy: s0_cb\nversion: 0\n",
            "p.yaml:1:1: `definition` is missing (definition: the formula, in words)\n\
             p.yaml:1:1: `source` is missing (source: the paper and equation, or who defined it)\n\
             p.yaml:1:8: `s0_cb` is not one of KINDS (did you mean `s0_bc`?)\n\
             p.yaml:2:10: expected a whole number of at least 1, found `0`",
        ),
        (
            "{proxy: s0_bc, version: 1, definition: d, source: s, beta: -1}",
            "p.yaml:1:60: expected a number of at least 0, found `-1`",
        ),
        (
            "[]",
            "p.yaml:1:1: a proxy file is a mapping, but this is a list (it needs at least: proxy, version, definition, source)",
        ),
    ];
    for (text, message) in cases {
        let message = message.replace("KINDS", &definition::KINDS.join(", "));
        assert_eq!(written(text).unwrap_err(), message, "{text}");
    }
    let cases = [
        ("s0_bcc", "s0_bcc: there is no proxy of that name (did you mean `s0_bc`? Or give the path of a .yaml file)"),
        (
            "no/such.yaml",
            "no/such.yaml: cannot be read: No such file or directory (os error 2) (check the path; relative paths start at the current folder)",
        ),
    ];
    for (name, message) in cases {
        assert_eq!(format!("{:?}", Definition::load(name).unwrap_err()), message);
    }
}

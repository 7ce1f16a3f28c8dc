//! The rules of fusion, one a line: what TFLite runs for a few nodes of a graph.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::graph::{Activation, Builder, SqueezeExcite};

const RELU: Op = Op::Activation { function: Activation::Relu };
const HSWISH: Op = Op::Activation { function: Activation::Hswish };

fn conv(kernel: usize, stride: usize) -> Op {
    Op::Conv2d(Conv2d::square(8, kernel, stride))
}

fn depthwise() -> Op {
    Op::Conv2d(Conv2d { groups: 8, ..Conv2d::square(8, 3, 1) })
}

fn padded(padding: usize) -> Op {
    Op::Conv2d(Conv2d { padding: [padding; 2], ..Conv2d::square(8, 3, 1) })
}

/// The operators that run for a chain of nodes behind an image of 8 channels and 16×16; `PAD+` marks a padding step.
fn runs(chain: Vec<Op>) -> Vec<String> {
    named(&lower_run(&of(chain)))
}

fn named(lowered: &[Lowered]) -> Vec<String> {
    let pad = |kernel: &Kernel| if kernel.explicit_padding { "PAD+" } else { "" };
    lowered.iter().map(|l| format!("{}{}", pad(&l.kernel), l.kernel.kind.name())).collect()
}

fn of(chain: Vec<Op>) -> Network {
    let mut builder = Builder::new();
    let mut last = builder.add("image", Op::Input { shape: Shape::map(8, 16) }, &[]).unwrap();
    for (at, op) in chain.into_iter().enumerate() {
        let inputs = if matches!(op, Op::Add | Op::Concat) { vec![last, last] } else { vec![last] };
        last = builder.add(format!("n{at}"), op, &inputs).unwrap();
    }
    builder.output(last);
    builder.finish().unwrap()
}

#[test]
fn rules() {
    let pool = Pool { kind: PoolKind::Max, kernel: 3, stride: 1, padding: 1, ceil: false };
    let counting = Pool { kind: PoolKind::PaddedAvg, ..pool };
    let gate = SqueezeExcite { hidden: 4, activation: Activation::Relu, gate: Activation::Hsigmoid };
    let cases: [(&str, Vec<Op>, &[&str]); 15] = [
        ("a norm is folded into its convolution", vec![conv(3, 1), Op::BatchNorm], &["CONV_2D"]),
        ("a clamp is fused into its producer", vec![conv(3, 1), Op::BatchNorm, RELU], &["CONV_2D"]),
        ("other activations run", vec![conv(3, 1), Op::BatchNorm, HSWISH], &["CONV_2D", "HARD_SWISH"]),
        ("a clamp ahead of its convolution runs", vec![Op::BatchNorm, RELU, conv(3, 1)], &["RELU", "CONV_2D"]),
        ("additions take a clamp in", vec![conv(1, 1), Op::Add, RELU], &["CONV_2D", "ADD"]),
        ("so do pools", vec![Op::Pool(pool), RELU], &["MAX_POOL_2D"]),
        ("a mean that counts its padding is padded by a step", vec![Op::Pool(counting)], &["PAD+AVERAGE_POOL_2D"]),
        ("concatenation does not", vec![Op::Concat, RELU], &["CONCATENATION", "RELU"]),
        ("skip connections do not run", vec![Op::Identity], &[]),
        ("SAME padding is the convolution's", vec![conv(3, 2)], &["CONV_2D"]),
        ("other padding is a step", vec![padded(2)], &["PAD+CONV_2D"]),
        ("a depthwise convolution is padded by a step", vec![depthwise()], &["PAD+DEPTHWISE_CONV_2D"]),
        ("a gate is four operators", vec![Op::SqueezeExcite(gate)], &["MEAN", "CONV_2D", "CONV_2D", "MUL"]),
        ("another view of the same bytes is free", vec![Op::GlobalAvgPool, Op::Flatten], &["MEAN"]),
        ("concatenation copies", vec![Op::Concat], &["CONCATENATION"]),
    ];
    for (rule, chain, expected) in cases {
        assert_eq!(runs(chain), expected, "{rule}");
    }
}

/// What two read is written, and the clamp is a step behind it; nothing is fused across the border of two blocks either,
/// since the costs of blocks have to add up to that of the network.
#[test]
fn a_clamp_is_fused_only_where_nothing_else_reads_and_within_a_block() {
    let network = |borders: bool, read_twice: bool| {
        let mut builder = Builder::new();
        builder.block("a", "");
        let image = builder.add("image", Op::Input { shape: Shape::map(8, 16) }, &[]).unwrap();
        let c = builder.add("c", conv(3, 1), &[image]).unwrap();
        if borders {
            builder.block("b", "");
        }
        let r = builder.add("r", RELU, &[c]).unwrap();
        let last = if read_twice { builder.add("sum", Op::Add, &[r, c]).unwrap() } else { r };
        builder.output(last);
        named(&lower_run(&builder.finish().unwrap()))
    };
    assert_eq!(network(false, false), ["CONV_2D"]);
    assert_eq!(network(true, false), ["CONV_2D", "RELU"]);
    assert_eq!(network(false, true), ["CONV_2D", "RELU", "ADD"]);
}

/// Lists of measured operators leave out sums and activations, whose cost is part of what the others are given.
#[test]
fn lists_have_neither_sums_nor_activations() {
    let chain = vec![Op::BatchNorm, RELU, conv(3, 1), Op::Add, HSWISH];
    assert_eq!(named(&lower(&of(chain))), ["CONV_2D"]);
}

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

/// The operators that run for a chain of nodes behind an image of 8 channels and 16×16; `pad` marks a padding step.
fn runs(chain: Vec<Op>) -> Vec<String> {
    let mut builder = Builder::new();
    let mut last = builder.add("image", Op::Input { shape: Shape::map(8, 16) }, &[]).unwrap();
    for (at, op) in chain.into_iter().enumerate() {
        let inputs = if matches!(op, Op::Add | Op::Concat) { vec![last, last] } else { vec![last] };
        last = builder.add(format!("n{at}"), op, &inputs).unwrap();
    }
    builder.output(last);
    let pad = |kernel: &Kernel| if kernel.explicit_padding { "PAD+" } else { "" };
    let network = builder.finish().unwrap();
    lower(&network).iter().map(|l| format!("{}{}", pad(&l.kernel), l.kernel.kind.name())).collect()
}

#[test]
fn rules() {
    let gate = SqueezeExcite { hidden: 4, activation: Activation::Relu, gate: Activation::Hsigmoid };
    let cases: [(&str, Vec<Op>, &[&str]); 11] = [
        ("a norm is folded into its convolution", vec![conv(3, 1), Op::BatchNorm], &["CONV_2D"]),
        ("an activation is fused into its producer", vec![conv(3, 1), Op::BatchNorm, RELU], &["CONV_2D"]),
        ("h-swish has no price of its own", vec![conv(3, 1), Op::BatchNorm, HSWISH], &["CONV_2D"]),
        ("a norm ahead of its convolution has none either", vec![Op::BatchNorm, RELU, conv(3, 1)], &["CONV_2D"]),
        ("additions have none", vec![conv(1, 1), Op::Add, RELU], &["CONV_2D"]),
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

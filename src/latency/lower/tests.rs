#![allow(clippy::unwrap_used)]
use super::*;
use crate::graph::{Activation, Builder};

fn network(build: impl FnOnce(&mut Builder, NodeId) -> NodeId) -> Network {
    let mut builder = Builder::new();
    let image = builder.add("image", Op::Input { shape: Shape::map(8, 16) }, &[]).unwrap();
    let last = build(&mut builder, image);
    builder.output(last);
    builder.finish().unwrap()
}

fn kernels(network: &Network) -> Vec<Kernel> {
    lower(network).into_iter().map(|l| l.kernel).collect()
}

#[test]
fn folded_and_fused_operators_leave_no_kernel() {
    let network = network(|b, image| {
        let conv = b.add("c", Op::Conv2d(Conv2d::square(8, 3, 1)), &[image]).unwrap();
        let norm = b.add("n", Op::BatchNorm, &[conv]).unwrap();
        let act = b.add("a", Op::Activation { function: Activation::Relu }, &[norm]).unwrap();
        b.add("sum", Op::Add, &[act, image]).unwrap()
    });
    let [conv] = kernels(&network)[..] else { panic!("one kernel") };
    assert_eq!((conv.kind, conv.input, conv.explicit_padding), (KernelKind::Conv, [16, 16], false));
}

#[test]
fn padding_that_same_cannot_express_is_a_step_of_its_own() {
    let padded = |padding: usize, kernel: usize, stride: usize| {
        let network = network(|b, image| {
            let conv = Conv2d { padding: [padding, padding], ..Conv2d::square(8, kernel, stride) };
            b.add("c", Op::Conv2d(conv), &[image]).unwrap()
        });
        let kernel = kernels(&network)[0];
        (kernel.input[0], kernel.explicit_padding)
    };
    assert_eq!(padded(1, 3, 1), (16, false));
    assert_eq!(padded(1, 3, 2), (16, false));
    assert_eq!(padded(0, 3, 1), (16, false));
    assert_eq!(padded(2, 3, 1), (20, true));
}

#[test]
fn dead_nodes_do_not_run() {
    let network = network(|b, image| {
        let zero = b.add("z", Op::Zero { stride: 1 }, &[image]).unwrap();
        let dead = b.add("dead", Op::Conv2d(Conv2d::square(8, 1, 1)), &[zero]).unwrap();
        let live = b.add("live", Op::Conv2d(Conv2d::square(8, 1, 1)), &[image]).unwrap();
        b.add("cat", Op::Concat, &[live, dead]).unwrap()
    });
    let kinds: Vec<(KernelKind, u32)> = kernels(&network).iter().map(|k| (k.kind, k.inputs)).collect();
    assert_eq!(kinds, [(KernelKind::Conv, 1), (KernelKind::Concatenation, 1)]);
}

#[test]
fn squeeze_excite_costs_the_same_in_both_spellings() {
    use crate::graph::SqueezeExcite;
    let whole = network(|b, image| {
        let gate = SqueezeExcite { hidden: 4, activation: Activation::Relu, gate: Activation::Sigmoid };
        b.add("se", Op::SqueezeExcite(gate), &[image]).unwrap()
    });
    let parts = network(|b, image| {
        let mean = b.add("mean", Op::GlobalAvgPool, &[image]).unwrap();
        let squeeze = b.add("squeeze", Op::Conv2d(Conv2d::square(4, 1, 1)), &[mean]).unwrap();
        let act = b.add("act", Op::Activation { function: Activation::Relu }, &[squeeze]).unwrap();
        let excite = b.add("excite", Op::Conv2d(Conv2d::square(8, 1, 1)), &[act]).unwrap();
        b.add("product", Op::Multiply, &[image, excite]).unwrap()
    });
    assert_eq!(kernels(&whole), kernels(&parts));
}

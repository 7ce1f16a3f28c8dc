//! Counts worked out by hand.

use super::*;
use crate::units::{Bytes, Macs, Params};

#[test]
fn cost_of_each_operator() {
    let depthwise = Conv2d { groups: 8, ..Conv2d::square(8, 3, 2) };
    let cases: Vec<(Op, Shape, u64, u64, u64)> = vec![
        // weights, multiply-adds = weights × positions, 4 bytes an element
        (conv(16, 3), map(8, 10, 10), 1152, 115_200, 6400),
        (Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(16, 1, 1) }), map(8, 10, 10), 144, 12_800, 6400),
        (Op::Conv2d(depthwise), map(8, 10, 10), 72, 1800, 800),
        (Op::Conv2d(Conv2d { groups: 2, ..Conv2d::square(16, 3, 1) }), map(8, 4, 4), 576, 9216, 1024),
        (
            Op::Conv2d(Conv2d { kernel: [1, 7], padding: [0, 3], ..Conv2d::square(4, 1, 1) }),
            map(3, 2, 9),
            84,
            1512,
            288,
        ),
        (Op::Linear { features: 10, bias: true }, vector(64), 650, 640, 40),
        (Op::Linear { features: 10, bias: false }, vector(64), 640, 640, 40),
        (Op::BatchNorm, map(8, 10, 10), 16, 0, 3200),
        // 2·8·3 weights, 3 + 8 biases; each weight works once
        (
            Op::SqueezeExcite(SqueezeExcite { hidden: 3, activation: Activation::Relu, gate: Activation::Hsigmoid }),
            map(8, 10, 10),
            59,
            48,
            3200,
        ),
        (Op::GlobalAvgPool, map(8, 10, 10), 0, 0, 32),
        (Op::Flatten, map(8, 10, 10), 0, 0, 3200),
        (relu(), map(8, 10, 10), 0, 0, 3200),
        (Op::Upsample { scale: 2, mode: Resample::Nearest }, map(8, 5, 5), 0, 0, 3200),
    ];
    for (op, from, params, macs, bytes) in cases {
        let expected = Cost { params: Params(params), macs: Macs(macs), activations: Bytes(bytes) };
        assert_eq!(op.cost(from, op.infer(&[from]).unwrap()), expected, "{op} of {from}");
    }
}

#[test]
fn totals_with_and_without_the_dead() {
    let mut net = Builder::new();
    let x = input(&mut net, map(4, 8, 8));
    let a = add(&mut net, "a", conv(4, 3), &[x]);
    let zero = add(&mut net, "zero", Op::Zero { stride: 1 }, &[x]);
    let dead = add(&mut net, "dead", conv(4, 1), &[zero]);
    let sum = add(&mut net, "sum", Op::Add, &[a, dead]);
    net.output(sum);
    let net = net.finish().unwrap();
    let all = net.cost();
    assert_eq!((all.params, all.macs, all.activations), (Params(144 + 16), Macs(160 * 64), Bytes(5 * 1024)));
    let live = net.live_cost(&net.live());
    assert_eq!((live.params, live.macs, live.activations), (Params(144), Macs(144 * 64), Bytes(3 * 1024)));
}

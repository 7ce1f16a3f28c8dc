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
        // a weight works once for each of 7 tokens
        (Op::Linear { features: 10, bias: true }, tokens(7, 64), 650, 7 * 640, 280),
        (Op::LAYER_NORM, tokens(7, 64), 128, 0, 1792),
        (Op::LAYER_NORM, map(8, 10, 10), 16, 0, 3200),
        (Op::RMS_NORM, tokens(7, 64), 64, 0, 1792),
        (Op::Embedding { vocabulary: 100, features: 16 }, vector(7), 1600, 0, 448),
        // a number for each feature of each token
        (Op::PositionEmbedding, tokens(7, 64), 448, 0, 1792),
        // 2 tokens before 7
        (Op::PrependTokens { count: 2 }, tokens(7, 64), 128, 0, 2304),
        (Op::Slice { axis: Axis::Tokens, start: 1, count: 3 }, tokens(7, 64), 0, 0, 768),
        (Op::ChannelShuffle { groups: 2 }, map(8, 10, 10), 0, 0, 3200),
        (Op::Softmax, tokens(7, 64), 0, 0, 1792),
        (Op::ToTokens, map(8, 10, 10), 0, 0, 3200),
        (Op::ToMap { height: 7 }, tokens(7, 64), 0, 0, 1792),
        (Op::PixelShuffle { scale: 2 }, map(8, 5, 5), 0, 0, 800),
        (Op::Reshape { shape: vector(800) }, map(8, 10, 10), 0, 0, 3200),
        (Op::GlobalAvgPool, tokens(7, 64), 0, 0, 256),
    ];
    for (op, from, params, macs, bytes) in cases {
        let expected = Cost { params: Params(params), macs: Macs(macs), activations: Bytes(bytes) };
        assert_eq!(op.cost(&[from], op.infer(&[from]).unwrap()), expected, "{op} of {from}");
    }
}

/// 9 queries, 7 keys, 4 heads of 16: for each head and pair 16 multiply-adds for the weight; then as many as a head of
/// a value is wide. Keys and values that heads share are multiplied for each of them.
#[test]
fn cost_of_an_attention() {
    let macs = |kv_heads: usize, keys: usize, values: usize| {
        let op = Op::Attention(attention(4, kv_heads));
        let inputs = [tokens(9, 64), tokens(7, keys), tokens(7, values)];
        let cost = op.cost(&inputs, op.infer(&inputs).unwrap());
        assert_eq!(cost.params, Params(0));
        cost.macs.0
    };
    assert_eq!(macs(4, 64, 64), 4 * 9 * 7 * (16 + 16));
    assert_eq!(macs(2, 32, 32), 4 * 9 * 7 * (16 + 16));
    assert_eq!(macs(2, 32, 6), 4 * 9 * 7 * (16 + 3));
    // A network counts by all three inputs too, and in their order.
    let mut net = Builder::new();
    let ids = input(&mut net, vector(7));
    let keys = add(&mut net, "keys", Op::Embedding { vocabulary: 10, features: 64 }, &[ids]);
    let map = add(&mut net, "fold", Op::Reshape { shape: tokens(28, 16) }, &[keys]);
    let queries = add(&mut net, "queries", Op::Linear { features: 64, bias: false }, &[map]);
    let mixed = add(&mut net, "mixed", Op::Attention(attention(4, 4)), &[queries, keys, keys]);
    net.output(mixed);
    let net = net.finish().unwrap();
    assert_eq!(net.node_cost(mixed).macs, Macs(4 * 28 * 7 * 32));
}

/// Of operators that no shipped space has; `space/tests` looks at all that it has.
#[test]
fn parameters_are_what_is_counted() {
    let cases = [
        (Op::Embedding { vocabulary: 100, features: 16 }, vector(7)),
        (Op::RMS_NORM, tokens(7, 64)),
        (Op::PositionEmbedding, tokens(7, 64)),
        (Op::PrependTokens { count: 3 }, tokens(7, 64)),
        (Op::LAYER_NORM, map(8, 10, 10)),
        (Op::Linear { features: 3, bias: false }, tokens(7, 64)),
        (Op::Conv2d(Conv2d { groups: 4, bias: true, kernel: [1, 7], ..Conv2d::square(8, 1, 1) }), map(4, 9, 9)),
    ];
    for (op, from) in cases {
        let elements: usize = op.parameters(from).iter().map(Parameter::elements).sum();
        assert_eq!(elements as u64, op.cost(&[from], from).params.0, "{op}");
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

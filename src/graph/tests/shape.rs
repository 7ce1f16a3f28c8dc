//! Output shapes against PyTorch's formulas worked out by hand, and every refusal with its message.

use super::*;

fn pool(kernel: usize, stride: usize, padding: usize, ceil: bool) -> Op {
    Op::Pool(Pool { kind: PoolKind::Max, kernel, stride, padding, ceil })
}

fn full_conv(
    channels: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: [usize; 2],
    dilation: usize,
    groups: usize,
) -> Op {
    Op::Conv2d(Conv2d { channels, kernel, stride, padding, dilation, groups, bias: false })
}

fn se(hidden: usize) -> Op {
    Op::SqueezeExcite(SqueezeExcite { hidden, activation: Activation::Relu, gate: Activation::Sigmoid })
}

fn upsample(scale: usize, mode: Resample) -> Op {
    Op::Upsample { scale, mode }
}

fn linear(features: usize) -> Op {
    Op::Linear { features, bias: true }
}

fn slice(axis: Axis, start: usize, count: usize) -> Op {
    Op::Slice { axis, start, count }
}

#[test]
fn shapes_that_come_out() {
    let image = map(3, 224, 224);
    let cases: Vec<(Op, Vec<Shape>, Shape)> = vec![
        (Op::Input { shape: image }, vec![], image),
        // ⌊(224 + 2·3 − 7) / 2⌋ + 1 = 112
        (full_conv(64, [7, 7], 2, [3, 3], 1, 1), vec![image], map(64, 112, 112)),
        // ⌊(224 + 2 − 3) / 2⌋ + 1 = 112; an odd map keeps its last position: ⌊(7 + 2 − 3) / 2⌋ + 1 = 4
        (Op::Conv2d(Conv2d::square(16, 3, 2)), vec![image], map(16, 112, 112)),
        (Op::Conv2d(Conv2d::square(16, 3, 2)), vec![map(3, 7, 7)], map(16, 4, 4)),
        // no padding: 9 − 3 + 1 = 7; a 1×7 kernel keeps the height: 9, and 9 + 6 − 7 + 1 = 9
        (full_conv(8, [3, 3], 1, [0, 0], 1, 1), vec![map(4, 9, 9)], map(8, 7, 7)),
        (full_conv(8, [1, 7], 1, [0, 3], 1, 1), vec![map(4, 9, 9)], map(8, 9, 9)),
        (full_conv(8, [7, 1], 1, [0, 3], 1, 1), vec![map(4, 9, 9)], map(8, 3, 15)),
        // dilation 2: extent 2·(3 − 1) + 1 = 5, so ⌊(20 + 4 − 5) / 3⌋ + 1 = 7
        (full_conv(8, [3, 3], 3, [2, 2], 2, 1), vec![map(4, 20, 20)], map(8, 7, 7)),
        // the window just fits
        (full_conv(8, [5, 5], 4, [1, 1], 1, 1), vec![map(4, 3, 3)], map(8, 1, 1)),
        // grouped, depthwise, depthwise with multiplier 2
        (full_conv(12, [1, 1], 1, [0, 0], 1, 4), vec![map(8, 5, 6)], map(12, 5, 6)),
        (full_conv(8, [3, 3], 2, [1, 1], 1, 8), vec![map(8, 6, 5)], map(8, 3, 3)),
        (full_conv(16, [3, 3], 1, [1, 1], 1, 8), vec![map(8, 6, 5)], map(16, 6, 5)),
        // ⌊(112 + 2 − 3) / 2⌋ + 1 = 56; floor and ceil of (6 − 3) / 2
        (pool(3, 2, 1, false), vec![map(64, 112, 112)], map(64, 56, 56)),
        (pool(3, 2, 0, false), vec![map(2, 6, 6)], map(2, 2, 2)),
        (pool(3, 2, 0, true), vec![map(2, 6, 6)], map(2, 3, 3)),
        // ceil, but the last window would start in the far padding: (3 + 2 − 2) / 2 → 2 steps, start 4 ≥ 3 + 1
        (pool(2, 2, 1, true), vec![map(2, 3, 3)], map(2, 2, 2)),
        (pool(2, 2, 0, false), vec![map(2, 8, 7)], map(2, 4, 3)),
        // kept where ceil and floor agree
        (pool(2, 2, 0, true), vec![map(2, 8, 8)], map(2, 4, 4)),
        (Op::GlobalAvgPool, vec![map(960, 7, 7)], map(960, 1, 1)),
        (Op::Add, vec![map(8, 4, 4); 3], map(8, 4, 4)),
        (Op::Add, vec![vector(5)], vector(5)),
        (Op::Multiply, vec![map(8, 4, 4), map(8, 1, 1)], map(8, 4, 4)),
        (Op::Multiply, vec![map(8, 1, 1), map(8, 4, 4)], map(8, 4, 4)),
        (Op::Multiply, vec![map(8, 1, 1), map(8, 1, 1)], map(8, 1, 1)),
        (Op::Multiply, vec![vector(9), vector(9)], vector(9)),
        (Op::Concat, vec![map(8, 4, 4), map(3, 4, 4), map(1, 4, 4)], map(12, 4, 4)),
        (Op::Concat, vec![vector(3), vector(4)], vector(7)),
        (se(2), vec![map(8, 4, 4)], map(8, 4, 4)),
        (upsample(2, Resample::Nearest), vec![map(8, 4, 5)], map(8, 8, 10)),
        (upsample(3, Resample::Bilinear), vec![map(8, 1, 1)], map(8, 3, 3)),
        (Op::Flatten, vec![map(8, 4, 5)], vector(160)),
        (Op::Flatten, vec![vector(7)], vector(7)),
        (linear(10), vec![vector(1280)], vector(10)),
        (Op::BatchNorm, vec![map(8, 4, 5)], map(8, 4, 5)),
        (relu(), vec![vector(4)], vector(4)),
        (Op::Identity, vec![map(8, 4, 5)], map(8, 4, 5)),
        (Op::Zero { stride: 1 }, vec![map(8, 4, 5)], map(8, 4, 5)),
        (Op::Zero { stride: 2 }, vec![map(8, 4, 5)], map(8, 2, 3)),
        (Op::Zero { stride: 2 }, vec![vector(8)], vector(8)),
        // tokens
        (Op::Input { shape: tokens(9, 4) }, vec![], tokens(9, 4)),
        (linear(10), vec![tokens(9, 4)], tokens(9, 10)),
        (Op::GlobalAvgPool, vec![tokens(9, 4)], vector(4)),
        (Op::Flatten, vec![tokens(9, 4)], vector(36)),
        (Op::Add, vec![tokens(9, 4); 2], tokens(9, 4)),
        (Op::Multiply, vec![tokens(9, 4); 2], tokens(9, 4)),
        (Op::Concat, vec![tokens(9, 4), tokens(9, 3)], tokens(9, 7)),
        (Op::Zero { stride: 2 }, vec![tokens(9, 4)], tokens(9, 4)),
        (Op::LAYER_NORM, vec![tokens(9, 4)], tokens(9, 4)),
        (Op::LAYER_NORM, vec![map(8, 4, 5)], map(8, 4, 5)),
        (Op::RMS_NORM, vec![vector(4)], vector(4)),
        (Op::PositionEmbedding, vec![tokens(9, 4)], tokens(9, 4)),
        (Op::PrependTokens { count: 2 }, vec![tokens(9, 4)], tokens(11, 4)),
        (slice(Axis::Tokens, 0, 1), vec![tokens(9, 4)], tokens(1, 4)),
        (slice(Axis::Tokens, 2, 7), vec![tokens(9, 4)], tokens(7, 4)),
        (slice(Axis::Channels, 1, 2), vec![tokens(9, 4)], tokens(9, 2)),
        (slice(Axis::Channels, 4, 4), vec![map(8, 4, 5)], map(4, 4, 5)),
        (slice(Axis::Channels, 0, 5), vec![vector(9)], vector(5)),
        (Op::ChannelShuffle { groups: 2 }, vec![map(8, 4, 5)], map(8, 4, 5)),
        (Op::Softmax, vec![tokens(9, 4)], tokens(9, 4)),
        (Op::ToTokens, vec![map(8, 4, 5)], tokens(20, 8)),
        (Op::ToMap { height: 4 }, vec![tokens(20, 8)], map(8, 4, 5)),
        (Op::Reshape { shape: tokens(10, 16) }, vec![map(8, 4, 5)], tokens(10, 16)),
        (Op::Reshape { shape: map(2, 8, 10) }, vec![vector(160)], map(2, 8, 10)),
        // 18 = 2·3² channels
        (Op::PixelShuffle { scale: 3 }, vec![map(18, 4, 5)], map(2, 12, 15)),
        (Op::Embedding { vocabulary: 1000, features: 64 }, vec![vector(12)], tokens(12, 64)),
        // as many tokens as queries; heads as wide as those of the values
        (Op::Attention(attention(4, 4)), vec![tokens(9, 64); 3], tokens(9, 64)),
        (Op::Attention(attention(4, 2)), vec![tokens(9, 64), tokens(7, 32), tokens(7, 32)], tokens(9, 64)),
        (Op::Attention(attention(4, 2)), vec![tokens(9, 64), tokens(7, 32), tokens(7, 6)], tokens(9, 12)),
        (Op::Attention(Attention { causal: true, ..attention(1, 1) }), vec![tokens(9, 5); 3], tokens(9, 5)),
        (Op::Attention(Attention { rotary: Some(10_000), ..attention(2, 2) }), vec![tokens(9, 8); 3], tokens(9, 8)),
    ];
    for (op, inputs, expected) in cases {
        assert_eq!(op.infer(&inputs), Ok(expected), "{op} {op:?} of {inputs:?}");
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let huge = 1 << 21;
    let cases: Vec<(Op, Vec<Shape>, &str)> = vec![
        (Op::Add, vec![], "takes at least 1 input(s), but 0 are given"),
        (relu(), vec![map(1, 1, 1); 2], "takes 1 input(s), but 2 are given"),
        (Op::Input { shape: vector(2) }, vec![vector(2)], "takes 0 input(s), but 1 are given"),
        (Op::Input { shape: map(3, 0, 8) }, vec![], "has elements 0; it must be at least 1"),
        (Op::Input { shape: map(huge, huge, 1) }, vec![], "makes a tensor of more than 2^40 elements or weights"),
        (conv(8, 3), vec![vector(4)], "needs a feature map, but input 0 is 4"),
        (conv(0, 3), vec![map(4, 8, 8)], "has channels 0; it must be at least 1"),
        (conv(8, 0), vec![map(4, 8, 8)], "has kernel 0; it must be at least 1"),
        (full_conv(8, [3, 3], 0, [1, 1], 1, 1), vec![map(4, 8, 8)], "has stride 0; it must be at least 1"),
        (full_conv(8, [3, 3], 1, [1, 1], 0, 1), vec![map(4, 8, 8)], "has dilation 0; it must be at least 1"),
        (full_conv(8, [3, 3], 1, [1, 1], 1, 0), vec![map(4, 8, 8)], "has groups 0; it must be at least 1"),
        (
            full_conv(9, [3, 3], 1, [1, 1], 1, 4),
            vec![map(8, 8, 8)],
            "has 4 groups, which must divide both its 8 input and its 9 output channels",
        ),
        (
            full_conv(8, [3, 3], 1, [0, 0], 4, 1),
            vec![map(4, 8, 8)],
            "has a window of 9, larger than the padded input of 8",
        ),
        (conv(huge, 1), vec![map(huge, 1, 1)], "makes a tensor of more than 2^40 elements or weights"),
        (pool(3, 1, 0, false), vec![vector(4)], "needs a feature map, but input 0 is 4"),
        (pool(0, 1, 0, false), vec![map(4, 8, 8)], "has kernel 0; it must be at least 1"),
        (pool(2, 0, 0, false), vec![map(4, 8, 8)], "has stride 0; it must be at least 1"),
        (pool(2, 1, 2, false), vec![map(4, 8, 8)], "has padding 2, which must be smaller than its window of 2"),
        (
            Op::Pool(Pool { kind: PoolKind::PaddedAvg, kernel: 3, stride: 1, padding: 1, ceil: true }),
            vec![map(4, 8, 8)],
            "counts its padding (`count_include_pad`), which is for whole windows; leave out `ceil`",
        ),
        (pool(9, 1, 0, true), vec![map(4, 8, 8)], "has a window of 9, larger than the padded input of 8"),
        (Op::GlobalAvgPool, vec![vector(4)], "needs a feature map, but input 0 is 4"),
        (
            Op::Add,
            vec![map(4, 8, 8), map(4, 8, 8), map(4, 8, 7)],
            "input 2 is 4×8×7, but input 0 is 4×8×8; add needs equal shapes",
        ),
        (
            Op::Multiply,
            vec![map(3, 1, 1), map(4, 8, 8)],
            "input 0 is 3×1×1, but input 1 is 4×8×8; multiply needs equal shapes, or C×1×1 beside C×H×W",
        ),
        (
            Op::Multiply,
            vec![vector(4), map(4, 8, 8)],
            "input 0 is 4, but input 1 is 4×8×8; multiply needs equal shapes, or C×1×1 beside C×H×W",
        ),
        (
            Op::Concat,
            vec![map(4, 8, 8), map(4, 4, 4)],
            "input 1 is 4×4×4, but input 0 is 4×8×8; concat needs maps of equal height and width, as many tokens, or only vectors",
        ),
        (
            Op::Concat,
            vec![map(4, 1, 1), vector(4)],
            "input 1 is 4, but input 0 is 4×1×1; concat needs maps of equal height and width, as many tokens, or only vectors",
        ),
        (se(0), vec![map(4, 8, 8)], "has hidden channels 0; it must be at least 1"),
        (se(2), vec![vector(4)], "needs a feature map, but input 0 is 4"),
        (se(usize::MAX), vec![map(4, 8, 8)], "makes a tensor of more than 2^40 elements or weights"),
        (upsample(0, Resample::Nearest), vec![map(4, 8, 8)], "has scale 0; it must be at least 1"),
        (upsample(2, Resample::Nearest), vec![vector(4)], "needs a feature map, but input 0 is 4"),
        (upsample(huge, Resample::Nearest), vec![map(4, 8, 8)], "makes a tensor of more than 2^40 elements or weights"),
        (
            linear(10),
            vec![map(4, 8, 8)],
            "needs a feature vector, or tokens (put a flatten or a to_tokens before it), but input 0 is 4×8×8",
        ),
        (linear(0), vec![vector(4)], "has features 0; it must be at least 1"),
        (linear(usize::MAX), vec![vector(4)], "makes a tensor of more than 2^40 elements or weights"),
        (Op::Zero { stride: 0 }, vec![map(4, 8, 8)], "has stride 0; it must be at least 1"),
        (
            Op::Concat,
            vec![tokens(9, 4), tokens(8, 4)],
            "input 1 is 8×4, but input 0 is 9×4; concat needs maps of equal height and width, as many tokens, or only \
             vectors",
        ),
        (conv(8, 3), vec![tokens(9, 4)], "needs a feature map, but input 0 is 9×4"),
        (Op::ToTokens, vec![tokens(9, 4)], "needs a feature map, but input 0 is 9×4"),
        (Op::ToMap { height: 3 }, vec![vector(9)], "needs a sequence of tokens, but input 0 is 9"),
        (Op::ToMap { height: 0 }, vec![tokens(9, 4)], "has height 0; it must be at least 1"),
        (Op::ToMap { height: 2 }, vec![tokens(9, 4)], "has 2 rows, which must divide its 9 tokens"),
        (Op::Reshape { shape: tokens(3, 4) }, vec![vector(11)], "has 11 elements, but the new shape 3×4 has 12"),
        (Op::PositionEmbedding, vec![map(4, 8, 8)], "needs a sequence of tokens, but input 0 is 4×8×8"),
        (Op::PrependTokens { count: 0 }, vec![tokens(9, 4)], "has tokens to prepend 0; it must be at least 1"),
        (
            Op::PrependTokens { count: usize::MAX },
            vec![tokens(9, 4)],
            "makes a tensor of more than 2^40 elements or weights",
        ),
        (slice(Axis::Tokens, 0, 0), vec![tokens(9, 4)], "has count 0; it must be at least 1"),
        (slice(Axis::Tokens, 8, 2), vec![tokens(9, 4)], "takes 2 tokens from 8 on (counted from 0), but there are 9"),
        (
            slice(Axis::Channels, usize::MAX, 2),
            vec![map(4, 8, 8)],
            "takes 2 channels from 18446744073709551615 on (counted from 0), but there are 4",
        ),
        (slice(Axis::Tokens, 0, 1), vec![map(4, 8, 8)], "needs a sequence of tokens, but input 0 is 4×8×8"),
        (Op::ChannelShuffle { groups: 3 }, vec![map(4, 8, 8)], "has 3 groups, which must divide its 4 channels"),
        (Op::ChannelShuffle { groups: 2 }, vec![tokens(9, 4)], "needs a feature map, but input 0 is 9×4"),
        (Op::PixelShuffle { scale: 0 }, vec![map(4, 8, 8)], "has scale 0; it must be at least 1"),
        (
            Op::PixelShuffle { scale: 2 },
            vec![map(6, 8, 8)],
            "has 4 parts of a channel, which must divide its 6 channels",
        ),
        (
            Op::PixelShuffle { scale: huge << 20 },
            vec![map(4, 8, 8)],
            "makes a tensor of more than 2^40 elements or weights",
        ),
        (Op::Embedding { vocabulary: 8, features: 4 }, vec![tokens(9, 4)], "needs a vector of ids, but input 0 is 9×4"),
        (Op::Embedding { vocabulary: 0, features: 4 }, vec![vector(9)], "has vocabulary 0; it must be at least 1"),
        (Op::Embedding { vocabulary: 8, features: 0 }, vec![vector(9)], "has features 0; it must be at least 1"),
        (
            Op::Embedding { vocabulary: huge, features: huge },
            vec![vector(9)],
            "makes a tensor of more than 2^40 elements or weights",
        ),
        (Op::Attention(attention(2, 2)), vec![tokens(9, 4)], "takes 3 input(s), but 1 are given"),
        (
            Op::Attention(attention(2, 2)),
            vec![tokens(9, 4), vector(4), tokens(9, 4)],
            "needs a sequence of tokens, but input 1 is 4",
        ),
        (Op::Attention(attention(0, 2)), vec![tokens(9, 4); 3], "has heads 0; it must be at least 1"),
        (Op::Attention(attention(2, 0)), vec![tokens(9, 4); 3], "has kv_heads 0; it must be at least 1"),
        (
            Op::Attention(attention(4, 3)),
            vec![tokens(9, 12); 3],
            "has 3 key and value heads, which must divide its 4 query heads",
        ),
        (
            Op::Attention(attention(3, 3)),
            vec![tokens(9, 4); 3],
            "has 3 heads, which must divide its 4 features of a query",
        ),
        (
            Op::Attention(attention(2, 2)),
            vec![tokens(9, 4), tokens(9, 5), tokens(9, 4)],
            "has 2 heads, which must divide its 5 features of a key",
        ),
        (
            Op::Attention(attention(2, 2)),
            vec![tokens(9, 4), tokens(9, 4), tokens(9, 5)],
            "has 2 heads, which must divide its 5 features of a value",
        ),
        (
            Op::Attention(attention(4, 2)),
            vec![tokens(9, 64); 3],
            "input 1 is 9×64, but input 0 is 9×64; a head of a key must be as wide as a head of a query",
        ),
        (
            Op::Attention(attention(2, 2)),
            vec![tokens(9, 4), tokens(7, 4), tokens(8, 4)],
            "input 2 is 8×4, but input 1 is 7×4; there must be as many values as keys",
        ),
        (
            Op::Attention(Attention { causal: true, ..attention(2, 2) }),
            vec![tokens(9, 4), tokens(7, 4), tokens(7, 4)],
            "input 1 is 7×4, but input 0 is 9×4; causal attention needs as many keys as queries",
        ),
        (
            Op::Attention(Attention { rotary: Some(100), ..attention(2, 2) }),
            vec![tokens(9, 6); 3],
            "has 2 halves, which must divide its 3 features of a head",
        ),
        (
            Op::Attention(Attention { rotary: Some(0), ..attention(2, 2) }),
            vec![tokens(9, 4); 3],
            "has rotary base 0; it must be at least 1",
        ),
        // the tensors themselves are small enough, the weights between all their tokens are not
        (
            Op::Attention(attention(1, 1)),
            vec![tokens(huge, 4); 3],
            "makes a tensor of more than 2^40 elements or weights",
        ),
        (
            Op::Attention(attention(huge, 1)),
            vec![tokens(1, huge), tokens(1, 1), tokens(1, huge)],
            "makes a tensor of more than 2^40 elements or weights",
        ),
    ];
    for (op, inputs, expected) in cases {
        let message = op.infer(&inputs).unwrap_err().to_string();
        assert_eq!(message, expected, "{op:?} of {inputs:?}");
    }
}

#[test]
fn refusals_name_both_ends_of_the_edge() {
    let mut net = Builder::new();
    let image = input(&mut net, map(3, 32, 32));
    let stem = add(&mut net, "stem.conv", Op::Conv2d(Conv2d::square(16, 3, 2)), &[image]);
    let mut error = |op: Op, inputs: &[NodeId]| net.add("bad", op, inputs).unwrap_err().to_string();
    assert_eq!(
        error(Op::Add, &[stem, image]),
        "`bad` (add), fed by `stem.conv` (16×16×16) and `input` (3×32×32): \
         input 1 is 3×32×32, but input 0 is 16×16×16; add needs equal shapes"
    );
    assert_eq!(
        error(Op::Linear { features: 10, bias: false }, &[stem]),
        "`bad` (linear → 10), fed by `stem.conv` (16×16×16): \
         needs a feature vector, or tokens (put a flatten or a to_tokens before it), but input 0 is 16×16×16"
    );
    assert_eq!(error(conv(8, 3), &[]), "`bad` (conv 3×3 → 8), fed by nothing: takes 1 input(s), but 0 are given");
}

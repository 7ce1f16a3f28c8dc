//! A network of one operator for every operator and every variant of its attributes.

use pocketnas::graph::{
    Activation, Attention, Axis, Builder, Conv2d, Epsilon, Network, Op, Pool, PoolKind, Resample, Shape, SqueezeExcite,
};

fn map(channels: usize, height: usize, width: usize) -> Shape {
    Shape::Map { channels, height, width }
}

fn tokens(tokens: usize, features: usize) -> Shape {
    Shape::Tokens { tokens, features }
}

fn vector(features: usize) -> Shape {
    Shape::Vector { features }
}

/// The operator alone, behind inputs of these shapes.
pub fn alone(op: Op, inputs: &[Shape]) -> Network {
    let mut builder = Builder::new();
    let ids: Vec<_> = (0..inputs.len())
        .map(|number| builder.add(format!("x{number}"), Op::Input { shape: inputs[number] }, &[]).unwrap())
        .collect();
    let id = builder.add("op", op, &ids).unwrap();
    builder.output(id);
    builder.finish().unwrap()
}

/// Every case by name.
pub fn cases() -> Vec<(String, Network)> {
    let mut cases: Vec<(String, Network)> = Vec::new();
    let mut case = |name: String, op: Op, inputs: &[Shape]| cases.push((name, alone(op, inputs)));
    convolutions(&mut case);
    pools(&mut case);
    norms_and_activations(&mut case);
    gates_and_sums(&mut case);
    shapes(&mut case);
    attentions(&mut case);
    cases
}

type Case<'a> = &'a mut dyn FnMut(String, Op, &[Shape]);

fn convolutions(case: Case) {
    let base = Conv2d::square(6, 3, 1);
    for (name, conv) in [
        ("plain", base),
        ("bias", Conv2d { bias: true, ..base }),
        ("pointwise", Conv2d::square(5, 1, 1)),
        ("stride", Conv2d { stride: 2, ..base }),
        ("oblong", Conv2d { kernel: [1, 5], padding: [0, 2], ..base }),
        ("unpadded", Conv2d { kernel: [3, 2], padding: [0, 0], ..base }),
        ("lopsided", Conv2d { padding: [2, 0], ..base }),
        ("dilation", Conv2d { dilation: 2, padding: [2, 1], ..base }),
        ("grouped", Conv2d { groups: 2, bias: true, ..base }),
        ("depthwise", Conv2d { channels: 4, groups: 4, stride: 2, kernel: [5, 5], padding: [2, 2], ..base }),
        ("multiplied", Conv2d { channels: 8, groups: 4, ..base }),
    ] {
        case(format!("conv_{name}"), Op::Conv2d(conv), &[map(4, 9, 7)]);
    }
    for bias in [false, true] {
        case(format!("linear_vector_{bias}"), Op::Linear { features: 5, bias }, &[vector(7)]);
        case(format!("linear_tokens_{bias}"), Op::Linear { features: 5, bias }, &[tokens(3, 7)]);
    }
}

fn pools(case: Case) {
    let kinds = [("max", PoolKind::Max), ("avg", PoolKind::Avg), ("padded_avg", PoolKind::PaddedAvg)];
    // Sizes at which the last window is whole, partial, or would see only padding.
    for (kernel, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (3, 3, 0), (2, 3, 1), (5, 4, 2), (4, 2, 3)] {
        for (name, kind) in kinds {
            for ceil in [false, true].into_iter().take(if kind == PoolKind::PaddedAvg { 1 } else { 2 }) {
                let pool = Pool { kind, kernel, stride, padding, ceil };
                let name = format!("pool_{name}_{kernel}_{stride}_{padding}_{ceil}");
                case(name, Op::Pool(pool), &[map(3, 11, 8)]);
            }
        }
    }
    case("global_map".to_owned(), Op::GlobalAvgPool, &[map(5, 7, 3)]);
    case("global_tokens".to_owned(), Op::GlobalAvgPool, &[tokens(7, 5)]);
}

fn norms_and_activations(case: Case) {
    for (name, shape) in [("map", map(5, 4, 3)), ("tokens", tokens(4, 6)), ("vector", vector(8))] {
        for op in [Op::BatchNorm, Op::LAYER_NORM, Op::RMS_NORM, Op::Softmax] {
            case(format!("{}_{name}", op.name()), op, &[shape]);
        }
        let epsilon = Epsilon::try_from(1e-2).unwrap();
        for op in [Op::LayerNorm { epsilon }, Op::RmsNorm { epsilon }] {
            case(format!("{}_{name}_epsilon", op.name()), op, &[shape]);
        }
        for function in Activation::ALL {
            case(format!("{}_{name}", function.name()), Op::Activation { function }, &[shape]);
        }
    }
}

fn gates_and_sums(case: Case) {
    for activation in Activation::ALL {
        for gate in [Activation::Sigmoid, Activation::Hsigmoid] {
            let name = format!("squeeze_excite_{}_{}", activation.name(), gate.name());
            case(name, Op::SqueezeExcite(SqueezeExcite { hidden: 3, activation, gate }), &[map(6, 4, 5)]);
        }
    }
    let (whole, spread) = (map(3, 4, 5), map(3, 1, 1));
    for count in 1..=4 {
        for (name, shape) in [("map", whole), ("tokens", tokens(4, 3)), ("vector", vector(6))] {
            for op in [Op::Add, Op::Multiply, Op::Concat] {
                case(format!("{}_{name}_{count}", op.name()), op, &vec![shape; count]);
            }
        }
    }
    case("concat_uneven".to_owned(), Op::Concat, &[map(2, 3, 4), map(5, 3, 4), map(1, 3, 4)]);
    for (name, inputs) in [
        ("gate_last", vec![whole, spread]),
        ("gate_first", vec![spread, whole]),
        ("gates", vec![spread, spread, whole, spread]),
        ("points", vec![spread, spread]),
    ] {
        case(format!("multiply_{name}"), Op::Multiply, &inputs);
    }
    for (name, shape) in [("map", map(3, 7, 4)), ("tokens", tokens(4, 3)), ("vector", vector(6))] {
        case(format!("identity_{name}"), Op::Identity, &[shape]);
        for stride in [1, 2, 3, 9] {
            case(format!("zero_{name}_{stride}"), Op::Zero { stride }, &[shape]);
        }
    }
}

fn shapes(case: Case) {
    for scale in 1..=4 {
        for (name, mode) in [("nearest", Resample::Nearest), ("bilinear", Resample::Bilinear)] {
            case(format!("upsample_{name}_{scale}"), Op::Upsample { scale, mode }, &[map(2, 3, 5)]);
        }
        case(format!("pixel_shuffle_{scale}"), Op::PixelShuffle { scale }, &[map(3 * scale * scale, 3, 4)]);
    }
    let all = [("map", map(4, 3, 5)), ("tokens", tokens(12, 5)), ("vector", vector(60))];
    for (from, shape) in all {
        case(format!("flatten_{from}"), Op::Flatten, &[shape]);
        for (to, shape_after) in [("map", map(5, 2, 6)), ("tokens", tokens(3, 20)), ("vector", vector(60))] {
            case(format!("reshape_{from}_{to}"), Op::Reshape { shape: shape_after }, &[shape]);
        }
    }
    for (name, shape) in all {
        case(format!("slice_channels_{name}"), Op::Slice { axis: Axis::Channels, start: 1, count: 2 }, &[shape]);
    }
    case("slice_tokens".to_owned(), Op::Slice { axis: Axis::Tokens, start: 2, count: 3 }, &[tokens(12, 5)]);
    case("first_token".to_owned(), Op::Slice { axis: Axis::Tokens, start: 0, count: 1 }, &[tokens(12, 5)]);
    for groups in [2, 3] {
        case(format!("channel_shuffle_{groups}"), Op::ChannelShuffle { groups }, &[map(6, 3, 5)]);
    }
    case("position_embedding".to_owned(), Op::PositionEmbedding, &[tokens(12, 5)]);
    for count in [1, 3] {
        case(format!("prepend_tokens_{count}"), Op::PrependTokens { count }, &[tokens(12, 5)]);
    }
    case("to_tokens".to_owned(), Op::ToTokens, &[map(4, 3, 5)]);
    case("to_map".to_owned(), Op::ToMap { height: 3 }, &[tokens(12, 5)]);
    case("embedding".to_owned(), Op::Embedding { vocabulary: 11, features: 4 }, &[vector(9)]);
}

fn attentions(case: Case) {
    for (heads, kv_heads) in [(1, 1), (4, 4), (4, 2), (6, 1)] {
        for causal in [false, true] {
            for rotary in [None, Some(10_000), Some(7)] {
                let attention = Op::Attention(Attention { heads, kv_heads, causal, rotary });
                let name = format!("attention_{heads}_{kv_heads}_{causal}_{}", rotary.unwrap_or(0));
                let (queries, keys, values) = (tokens(5, heads * 4), tokens(5, kv_heads * 4), tokens(5, kv_heads * 3));
                case(name.clone(), attention.clone(), &[queries, keys, values]);
                if !causal {
                    let across = [queries, tokens(7, kv_heads * 4), tokens(7, kv_heads * 3)];
                    case(format!("{name}_across"), attention, &across);
                }
            }
        }
    }
}

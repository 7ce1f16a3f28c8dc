//! Absurd attributes are refused or counted, never a panic (debug builds check for overflow).

use proptest::prelude::*;

use super::*;

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0usize..5,
        1 => prop::sample::select(vec![1 << 20, 1 << 40, (1 << 40) + 1, usize::MAX / 2, usize::MAX - 1, usize::MAX]),
        1 => any::<usize>(),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (size(), size(), size()).prop_map(|(channels, height, width)| Shape::Map { channels, height, width }),
        (size(), size()).prop_map(|(tokens, features)| Shape::Tokens { tokens, features }),
        size().prop_map(|features| Shape::Vector { features }),
    ]
}

/// Inputs of an operator, often three sequences that agree in part, as attention wants them.
fn inputs() -> impl Strategy<Value = Vec<Shape>> {
    let three = (size(), size(), size(), size()).prop_map(|(queries, keys, wide, values)| {
        let tokens = |tokens, features| Shape::Tokens { tokens, features };
        vec![tokens(queries, wide), tokens(keys, wide), tokens(keys, values)]
    });
    prop_oneof![prop::collection::vec(shape(), 0..4), three]
}

fn op() -> impl Strategy<Value = Op> {
    let flag = any::<bool>;
    let conv = (size(), size(), size(), size(), size(), size(), size(), size(), flag());
    prop_oneof![
        shape().prop_map(|shape| Op::Input { shape }),
        conv.prop_map(|(channels, h, w, stride, ph, pw, dilation, groups, bias)| {
            Op::Conv2d(Conv2d { channels, kernel: [h, w], stride, padding: [ph, pw], dilation, groups, bias })
        }),
        (size(), flag()).prop_map(|(features, bias)| Op::Linear { features, bias }),
        (size(), size(), size(), flag()).prop_map(|(kernel, stride, padding, ceil)| {
            Op::Pool(Pool { kind: PoolKind::Max, kernel, stride, padding, ceil })
        }),
        size().prop_map(|hidden| {
            Op::SqueezeExcite(SqueezeExcite { hidden, activation: Activation::Relu, gate: Activation::Sigmoid })
        }),
        size().prop_map(|scale| Op::Upsample { scale, mode: Resample::Nearest }),
        size().prop_map(|stride| Op::Zero { stride }),
        size().prop_map(|height| Op::ToMap { height }),
        size().prop_map(|count| Op::PrependTokens { count }),
        size().prop_map(|groups| Op::ChannelShuffle { groups }),
        (flag(), size(), size()).prop_map(|(tokens, start, count)| {
            Op::Slice { axis: if tokens { Axis::Tokens } else { Axis::Channels }, start, count }
        }),
        size().prop_map(|scale| Op::PixelShuffle { scale }),
        shape().prop_map(|shape| Op::Reshape { shape }),
        (size(), size()).prop_map(|(vocabulary, features)| Op::Embedding { vocabulary, features }),
        (size(), size(), flag(), prop::option::of(size())).prop_map(|(heads, kv_heads, causal, rotary)| {
            Op::Attention(Attention { heads, kv_heads, causal, rotary })
        }),
        prop::sample::select(vec![
            Op::BatchNorm,
            Op::GlobalAvgPool,
            Op::Add,
            Op::Multiply,
            Op::Concat,
            Op::Flatten,
            Op::Identity,
            Op::ToTokens,
            Op::LAYER_NORM,
            Op::PositionEmbedding,
            Op::RMS_NORM,
            Op::Softmax,
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn inference_and_cost_never_panic(op in op(), inputs in inputs()) {
        let _ = op.to_string();
        if let Ok(output) = op.infer(&inputs) {
            op.cost(&inputs, output);
            prop_assert!((1..=1 << 40).contains(&output.elements()), "{op:?} gives {output}");
        }
    }

    #[test]
    fn cost_of_anything_never_panics(op in op(), from in shape(), to in shape()) {
        op.cost(&[from, to, from], to);
    }

    #[test]
    fn windows_stay_inside_the_padded_map(
        size in 1usize..40, kernel in 1usize..8, stride in 1usize..8, padding in 0usize..8, ceil: bool
    ) {
        let pool = Op::Pool(Pool { kind: PoolKind::Avg, kernel, stride, padding, ceil });
        match pool.infer(&[Shape::map(1, size)]) {
            Ok(output) => {
                // The formula of PyTorch's pooling_output_shape, in signed arithmetic.
                let (size, kernel, stride, padding) = (size as i64, kernel as i64, stride as i64, padding as i64);
                let room = size + 2 * padding - kernel + if ceil { stride - 1 } else { 0 };
                let mut count = room.div_euclid(stride) + 1;
                if ceil && (count - 1) * stride >= size + padding {
                    count -= 1;
                }
                prop_assert_eq!(output, Shape::map(1, count as usize));
            }
            Err(_) => prop_assert!(padding >= kernel || kernel > size + 2 * padding),
        }
    }
}

#[test]
fn totals_of_absurd_networks_stop_at_the_largest_number() {
    let mut net = Builder::new();
    let mut last = input(&mut net, map(1, 1 << 20, 1 << 19));
    for index in 0..4 {
        // 2^20 weights at nearly 2^39 positions each: 2^59 multiply-adds; then saturated ones.
        let huge = Conv2d { kernel: [1 << 20, 1 << 19], padding: [1 << 19, 1 << 18], ..Conv2d::square(1, 1, 1) };
        last = add(&mut net, &format!("n{index}"), Op::Conv2d(huge), &[last]);
    }
    net.output(last);
    let net = net.finish().unwrap();
    assert_eq!(net.cost().macs.0, u64::MAX);
    net.canonical_hash();
}

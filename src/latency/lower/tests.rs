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

/// What operator lists leave out is there for the tables that price it: two sums for three inputs, a smooth activation, a
/// skip connection; a clamp is part of its convolution everywhere.
#[test]
fn the_whole_of_a_network_has_sums_skips_and_smooth_activations() {
    let network = network(|b, image| {
        let conv = b.add("c", Op::Conv2d(Conv2d::square(8, 3, 1)), &[image]).unwrap();
        let clamp = b.add("r", Op::Activation { function: Activation::Relu6 }, &[conv]).unwrap();
        let smooth = b.add("h", Op::Activation { function: Activation::Hswish }, &[clamp]).unwrap();
        let skip = b.add("s", Op::Identity, &[image]).unwrap();
        let dead = b.add("z", Op::Zero { stride: 1 }, &[image]).unwrap();
        b.add("sum", Op::Add, &[smooth, skip, image, dead]).unwrap()
    });
    let whole: Vec<KernelKind> = lower_whole(&network).into_iter().map(|lowered| lowered.kernel.kind).collect();
    use KernelKind as K;
    assert_eq!(whole, [K::Conv, K::HardSwish, K::Identity, K::Add, K::Add]);
    let listed: Vec<KernelKind> = kernels(&network).into_iter().map(|kernel| kernel.kind).collect();
    assert_eq!(listed, [K::Conv]);
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

/// Operators on tokens, as their kinds, rows, channels and groups.
#[test]
fn tokens_run_as_rows() {
    use crate::graph::Attention;
    let attention = Attention { heads: 2, kv_heads: 1, causal: true, rotary: Some(10_000) };
    let network = network(|b, image| {
        let tokens = b.add("tokens", Op::ToTokens, &[image]).unwrap();
        let norm = b.add("norm", Op::LAYER_NORM, &[tokens]).unwrap();
        let q = b.add("q", Op::Linear { features: 12, bias: true }, &[norm]).unwrap();
        let k = b.add("k", Op::Linear { features: 6, bias: true }, &[norm]).unwrap();
        let mixed = b.add("mixed", Op::Attention(attention), &[q, k, k]).unwrap();
        let soft = b.add("soft", Op::Softmax, &[mixed]).unwrap();
        let map = b.add("map", Op::ToMap { height: 16 }, &[soft]).unwrap();
        let large = b.add("large", Op::PixelShuffle { scale: 2 }, &[map]).unwrap();
        let turned =
            b.add("turned", Op::Reshape { shape: Shape::Tokens { tokens: 3, features: 1024 } }, &[large]).unwrap();
        let back = b.add("back", Op::Reshape { shape: Shape::Vector { features: 3072 } }, &[turned]).unwrap();
        b.add("mean", Op::Linear { features: 1, bias: false }, &[back]).unwrap()
    });
    use KernelKind as K;
    let rows = [256, 1];
    let whole = |kind, size: [u32; 2], from: u32, to: u32| Kernel {
        output_channels: to,
        ..Kernel::pointwise(kind, size, from)
    };
    let expected = [
        whole(K::Norm, rows, 8, 8),
        whole(K::FullyConnected, rows, 8, 12),
        whole(K::FullyConnected, rows, 8, 6),
        Kernel { inputs: 2, ..whole(K::Multiply, rows, 12, 12) },
        Kernel { inputs: 2, ..whole(K::Multiply, rows, 6, 6) },
        Kernel { inputs: 2, groups: 2, ..whole(K::MatMul, rows, 12, 512) },
        whole(K::Softmax, rows, 512, 512),
        Kernel { inputs: 2, groups: 2, ..whole(K::MatMul, rows, 512, 12) },
        whole(K::Softmax, rows, 12, 12),
        Kernel { output: [32, 32], ..whole(K::DepthToSpace, [16, 16], 12, 3) },
        whole(K::Transpose, [32, 32], 3, 3),
        whole(K::FullyConnected, [1, 1], 3072, 1),
    ];
    assert_eq!(kernels(&network), expected);
}

/// A transformer's work is all there, and a table says what it has never seen, or not with a bound.
#[test]
fn what_no_table_covers_is_priced_and_flagged() {
    use crate::latency::{Flag, LatencyTable, predict, terms};
    use crate::space::Space;
    for (name, unseen) in [
        ("autoformer-tiny", &["BATCH_MATMUL", "SOFTMAX", "NORMALIZATION"][..]),
        ("super-resolution", &["DEPTH_TO_SPACE"][..]),
    ] {
        let space = Space::load(name, None).unwrap();
        let network = space.build(&space.default_architecture()).unwrap();
        let work: u64 = kernels(&network).iter().map(Kernel::macs).sum();
        assert_eq!(work, network.cost().macs.0, "{name}");
        for table in LatencyTable::names() {
            let table = LatencyTable::named(table).unwrap();
            let flags = predict(&table, &network).flags;
            let fitted = table.model().coefficients();
            let knows_tokens =
                name == "autoformer-tiny" && fitted.iter().any(|(term, _)| terms::SEQUENCES.contains(term));
            for &operator in unseen {
                let flag = if knows_tokens { Flag::NotBounded { operator } } else { Flag::NotCovered { operator } };
                let wanted = !knows_tokens || operator == "BATCH_MATMUL";
                assert_eq!(flags.contains(&flag), wanted, "{name}: {operator} among {flags:?}");
            }
            for kernel in kernels(&network).iter().filter(|kernel| unseen.contains(&kernel.kind.name())) {
                assert!(table.price(kernel).ms.0 > 0.0, "{kernel} is free");
            }
        }
    }
}

/// Padding may be larger than half of what a 32-bit number holds: twice of it did not fit.
#[test]
fn absurd_padding_saturates() {
    let network = network(|b, image| {
        let conv = Conv2d { padding: [1 << 31, 1 << 31], stride: 1 << 20, ..Conv2d::square(8, 3, 1) };
        b.add("c", Op::Conv2d(conv), &[image]).unwrap()
    });
    let [conv] = kernels(&network)[..] else { panic!("one kernel") };
    assert_eq!(conv.input, [u32::MAX, u32::MAX]);
}

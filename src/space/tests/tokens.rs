//! Items that make, read and mix tokens, and the spaces of transformers and of super-resolution.

use super::*;
use crate::graph::{Axis, Epsilon, Op, Shape};

fn space_of(input: &str, rest: &str) -> String {
    format!("space: s\nversion: 1\nabout: a\ninput: {input}\n{rest}\n")
}

fn tokens(tokens: usize, features: usize) -> Shape {
    Shape::Tokens { tokens, features }
}

/// Name, operator and shape of every node behind the input.
fn nodes(space: &Space) -> Vec<(String, Op, Shape)> {
    let network = space.build(&space.default_architecture()).unwrap();
    let node = |id| (network.node(id).name.clone(), network.node(id).op.clone(), network.node(id).shape);
    network.ids().skip(1).map(node).collect()
}

#[test]
fn items_of_tokens_become_operators() {
    let map = |channels, height, width| Shape::Map { channels, height, width };
    let vector = |features| Shape::Vector { features };
    let cases = [
        ("{ tokens: 6, features: 8 }", "{ op: layer_norm }", Op::LAYER_NORM, tokens(6, 8)),
        ("{ tokens: 6, features: 8 }", "{ op: rms_norm }", Op::RMS_NORM, tokens(6, 8)),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: layer_norm, epsilon: { choice: [1e-6, 1e-5] } }",
            Op::LayerNorm { epsilon: Epsilon::try_from(1e-6).unwrap() },
            tokens(6, 8),
        ),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: rms_norm, epsilon: 1e-6 }",
            Op::RmsNorm { epsilon: Epsilon::try_from(1e-6).unwrap() },
            tokens(6, 8),
        ),
        ("{ tokens: 6, features: 8 }", "{ op: position_embedding }", Op::PositionEmbedding, tokens(6, 8)),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: prepend_tokens, count: 2 }",
            Op::PrependTokens { count: 2 },
            tokens(8, 8),
        ),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: slice, axis: tokens, start: 1, count: =in.tokens - 1 }",
            Op::Slice { axis: Axis::Tokens, start: 1, count: 5 },
            tokens(5, 8),
        ),
        (
            "{ channels: 8, size: 2, width: 3 }",
            "{ op: slice, axis: channels, count: { choice: [4, 6] } }",
            Op::Slice { axis: Axis::Channels, start: 0, count: 4 },
            map(4, 2, 3),
        ),
        (
            "{ channels: 8, size: 2, width: 3 }",
            "{ op: channel_shuffle, groups: 2 }",
            Op::ChannelShuffle { groups: 2 },
            map(8, 2, 3),
        ),
        ("{ tokens: 6, features: 8 }", "{ op: softmax }", Op::Softmax, tokens(6, 8)),
        ("{ tokens: 6, features: 8 }", "{ op: to_map, height: 2 }", Op::ToMap { height: 2 }, map(8, 2, 3)),
        ("{ tokens: 6, features: 8 }", "{ op: global_avg_pool }", Op::GlobalAvgPool, vector(8)),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: linear, features: =in.features + in.tokens, bias: false }",
            Op::Linear { features: 14, bias: false },
            tokens(6, 14),
        ),
        ("{ channels: 8, size: 2, width: 3 }", "{ op: to_tokens }", Op::ToTokens, tokens(6, 8)),
        ("{ channels: 8, size: 2 }", "{ op: pixel_shuffle, scale: 2 }", Op::PixelShuffle { scale: 2 }, map(2, 4, 4)),
        (
            "{ ids: 6 }",
            "{ op: embedding, vocabulary: 100, features: 8 }",
            Op::Embedding { vocabulary: 100, features: 8 },
            tokens(6, 8),
        ),
        ("{ ids: 6 }", "{ op: reshape, shape: [=in.features] }", Op::Reshape { shape: vector(6) }, vector(6)),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: reshape, shape: [=in.tokens / 2, { choice: [16] }] }",
            Op::Reshape { shape: tokens(3, 16) },
            tokens(3, 16),
        ),
        (
            "{ tokens: 6, features: 8 }",
            "{ op: reshape, shape: [4, 3, 4] }",
            Op::Reshape { shape: map(4, 3, 4) },
            map(4, 3, 4),
        ),
    ];
    for (input, item, op, shape) in cases {
        let space = space(&space_of(input, &format!("network: [ {item} ]")));
        let made: Vec<(Op, Shape)> = nodes(&space).into_iter().map(|(_, op, shape)| (op, shape)).collect();
        assert_eq!(made, [(op, shape)], "{item}");
    }
}

#[test]
fn an_attention_stands_between_four_linear_layers() {
    let made = |settings: &str| {
        let text = format!("network: [ {{ name: a, op: attention, {settings} }} ]");
        nodes(&space(&space_of("{ tokens: 6, features: 8 }", &text)))
    };
    let linear = |features, bias| Op::Linear { features, bias };
    let attention =
        |heads, kv_heads, causal, rotary| Op::Attention(crate::graph::Attention { heads, kv_heads, causal, rotary });
    let plain: Vec<_> = made("heads: 2");
    let expected = [
        ("a.q", linear(8, true), 8),
        ("a.k", linear(8, true), 8),
        ("a.v", linear(8, true), 8),
        ("a", attention(2, 2, false, None), 8),
        ("a.o", linear(8, true), 8),
    ];
    assert_eq!(plain, expected.map(|(name, op, features)| (name.to_owned(), op, tokens(6, features))));
    let rich = made("heads: 4, kv_heads: 2, width: =2 * in.features, causal: true, rotary: 500, bias: false");
    let expected = [
        ("a.q", linear(16, false), 16),
        ("a.k", linear(8, false), 8),
        ("a.v", linear(8, false), 8),
        ("a", attention(4, 2, true, Some(500)), 16),
        ("a.o", linear(8, false), 8),
    ];
    assert_eq!(rich, expected.map(|(name, op, features)| (name.to_owned(), op, tokens(6, features))));
    for (given, base) in [("true", Some(10_000)), ("false", None), ("=100 * 2", Some(200))] {
        assert_eq!(made(&format!("heads: 2, rotary: {given}"))[3].1, attention(2, 2, false, base), "{given}");
    }
    // The three layers read what enters, and the attention reads them in that order.
    let space = space(&space_of("{ tokens: 6, features: 8 }", "network: [ { name: a, op: attention, heads: 2 } ]"));
    let network = space.build(&space.default_architecture()).unwrap();
    let inputs = |name: &str| -> Vec<String> {
        let ids = network.inputs(network.find(name).unwrap());
        ids.into_iter().map(|id| network.node(id).name.clone()).collect()
    };
    assert_eq!(inputs("a"), ["a.q", "a.k", "a.v"]);
    assert_eq!(["a.q", "a.k", "a.v", "a.o"].map(inputs), [["input"], ["input"], ["input"], ["a"]]);
}

#[test]
fn norms_of_convolutions_may_run_over_channels() {
    let text = "network: [ { name: c, op: conv, kernel: 3, channels: 4, norm: layer, act: gelu } ]";
    let made: Vec<Op> = nodes(&space(&format!("{HEAD}{text}\n"))).into_iter().map(|(_, op, _)| op).collect();
    assert!(
        matches!(&made[..], [Op::Conv2d(conv), Op::LayerNorm { .. }, Op::Activation { .. }] if !conv.bias),
        "{made:?}"
    );
}

/// Every setting of an attention, the input and a new shape may be chosen, and the graph holds what enumeration finds.
#[test]
fn chosen_tokens_compile_as_they_are_enumerated() {
    let text = space_of(
        "{ tokens: { choice: [4, 6] }, features: 8 }",
        "decisions: { wide: { choice: [8, 16] } }\n\
         blocks:\n  mix:\n    residual: auto\n    layers:\n      - { op: rms_norm }\n      - { name: a, op: attention, \
         heads: { choice: [2, 4] }, kv_heads: { choice: [1, 2] }, width: =wide, causal: { choice: [true, false] }, \
         rotary: { choice: [false, true, 100] } }\n\
         network:\n  - { name: grow, op: linear, features: { choice: [8, 12] }, act: swish }\n  - stage: s\n    repeat: \
         { choice: [1, 2] }\n    block: { use: mix }\n    share: all\n  - { name: fold, op: reshape, shape: [=in.tokens / \
         2, =2 * in.features] }\n  - { name: mean, op: global_avg_pool }",
    );
    let space = space(&text);
    let graph = graph(&space);
    let all: BTreeSet<String> = space.enumerate(100_000).unwrap().iter().map(|a| space.format(a)).collect();
    let found: BTreeSet<String> = graph.paths().map(|path| space.format(&graph.architecture(&path))).collect();
    assert_eq!(found, all);
    assert_eq!(all.len(), 2 * 2 * 2 * 2 * (2 * 2 * 2 * 3));
    for path in graph.paths().step_by(31) {
        let network = space.build(&graph.architecture(&path)).unwrap();
        // The sums of `auto` are there, as the shapes agree.
        let sums = network.ids().filter(|&id| network.node(id).op == Op::Add).count();
        assert!((1..=2).contains(&sums));
        let whole = network.cost();
        let parts = path.iter().map(|&edge| graph.fragment(graph.edges()[edge].variant as usize).cost());
        let (params, macs) = parts.fold((0, 0), |(p, m), cost| (p + cost.params.0, m + cost.macs.0));
        assert_eq!((params, macs), (whole.params.0, whole.macs.0));
    }
}

#[test]
fn mistakes_with_tokens_name_place_and_remedy() {
    let (row, ids, image) = ("{ tokens: 6, features: 8 }", "{ ids: 6 }", "{ channels: 3, size: 8 }");
    let cases = [
        (
            image,
            "{ op: attention, heads: 2 }",
            "s.yaml:5:14: attention needs tokens, but 3×8×8 enters (put a `to_tokens`, an `embedding` or a `reshape` before \
             it)",
        ),
        (row, "{ op: attention }", "s.yaml:5:18: `attention` needs the setting `heads`"),
        (
            row,
            "{ op: attention, heads: 3 }",
            "s.yaml:5:14: `heads` is 3, which does not divide the 8 features of all query heads (give `width` a multiple of \
             `heads`)",
        ),
        (
            row,
            "{ op: attention, heads: 4, kv_heads: 3 }",
            "s.yaml:5:14: `kv_heads` is 3, which does not divide the 4 heads (a head of keys serves several of them, all as many)",
        ),
        (
            row,
            "{ op: attention, heads: 2, rotary: 1 }",
            "s.yaml:5:47: expected a whole number from 2 to 1073741824, found `1`",
        ),
        (
            row,
            "{ op: attention, heads: 2, rotary: =in.tokens / 4 }",
            "s.yaml:5:14: `rotary` is `1.5`, which is neither true nor false nor a base (a base is a whole number from 2, \
             commonly 10000)",
        ),
        (
            row,
            "{ op: attention, heads: 8, rotary: true }",
            "s.yaml:5:14: `attention` (attention of 8 heads), fed by `attention.q` (6×8) and `attention.k` (6×8) and \
             `attention.v` (6×8): has 2 halves, which must divide its 1 features of a head (change one of the two numbers)",
        ),
        (
            row,
            "{ op: linear, features: =in.height }",
            "s.yaml:5:36: `in.height` has no value here, in `in.height` (6×8 enters here; it has `in.channels`, `in.tokens`, \
             `in.features`)",
        ),
        (
            row,
            "{ op: linear, features: =in.feature }",
            "s.yaml:5:36: `in.feature` has no value here, in `in.feature` (did you mean `in.features`?)",
        ),
        (
            row,
            "{ op: to_map, height: 4 }",
            "s.yaml:5:14: `to_map` (to_map), fed by `input` (6×8): has 4 rows, which must divide its 6 tokens (change one of \
             the two numbers)",
        ),
        (
            row,
            "{ op: reshape, shape: [5, 8] }",
            "s.yaml:5:14: `reshape` (reshape → 5×8), fed by `input` (6×8): has 48 elements, but the new shape 5×8 has 40 (a \
             new shape holds the same elements, no more and no fewer)",
        ),
        (
            row,
            "{ op: reshape, shape: [1, 2, 3, 8] }",
            "s.yaml:5:34: a shape has at most 3 sizes, not 4 (write [features], [tokens, features] or [channels, height, \
             width])",
        ),
        (
            ids,
            "{ op: conv, kernel: 1, channels: 8 }",
            "s.yaml:5:14: `conv` (conv 1×1 → 8), fed by `input` (6): needs a feature map, but input 0 is 6 (mend the \
             channels, the stride or the size at one of the two ends)",
        ),
        (ids, "{ op: embedding, features: 8 }", "s.yaml:5:18: `embedding` needs the setting `vocabulary`"),
    ];
    let mut wrong = String::new();
    for (input, item, told) in cases {
        let given = mistakes(&space_of(input, &format!("network: [ {item} ]")));
        if given.trim() != told {
            wrong.push_str(&format!("{item}\ngave\n{given}\nnot\n{told}\n\n"));
        }
    }
    for (input, told) in [
        ("{ tokens: 6 }", "`features` is missing"),
        ("{ ids: 6, channels: 3 }", "unknown key"),
        ("{ size: 8 }", "channels"),
        ("{ tokens: 0, features: 8 }", "from 1 to"),
    ] {
        let given = mistakes(&space_of(input, "network: [ { op: softmax } ]"));
        if !given.contains(told) {
            wrong.push_str(&format!("{input}\ngave\n{given}\n\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Both defaults are networks whose sizes others have published.
#[test]
fn transformers_and_super_resolution_have_their_published_size() {
    let cost = |name: &str| {
        let space = shipped(name);
        let network = space.build(&space.default_architecture()).unwrap();
        let cost = network.cost();
        (cost.params.0, cost.macs.0, network.node(network.outputs()[0]).shape)
    };
    // DeiT-Tiny: 5,717,416 in the authors' code, which has a class token of 192 and 197 positions of 192 besides. By
    // hand, 196 tokens: patches, then 12 layers of 12·192² weights and two products of 196² by 192, then classes.
    let deit_tiny = 5_717_416 - 192 - 197 * 192;
    let macs = 196 * 3 * 256 * 192 + 12 * (196 * 12 * 192 * 192 + 2 * 196 * 196 * 192) + 192 * 1000;
    assert_eq!(cost("autoformer-tiny"), (deit_tiny, macs, Shape::Vector { features: 1000 }));
    // The authors' baseline for a factor of 2, and by hand: every weight at every position, those of the tail at four.
    let weights = 3 * 64 * 9 + (2 * 16 + 1) * 64 * 64 * 9 + 64 * 256 * 9 + 4 * 64 * 3 * 9;
    let output = Shape::Map { channels: 3, height: 360, width: 640 };
    assert_eq!(cost("super-resolution"), (1_369_859, 180 * 320 * weights, output));
}

/// What is trained of every node's parameters is what the node is counted with.
#[test]
fn parameters_of_shipped_spaces_are_what_is_counted() {
    for (name, _) in Space::shipped() {
        let space = shipped(name);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for _ in 0..10 {
            let network = space.build(&space.draw(&mut rng).unwrap()).unwrap();
            for id in network.ids() {
                let trained = network.parameters(id).into_iter().filter(|parameter| parameter.role.trained());
                let elements: usize = trained.map(|parameter| parameter.elements()).sum();
                assert_eq!(elements as u64, network.node_cost(id).params.0, "{name}: {}", network.node(id).name);
            }
        }
    }
}

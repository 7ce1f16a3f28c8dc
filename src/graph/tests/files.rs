//! The plain form of networks: what is written can be read back, and what is broken is refused.

use proptest::prelude::*;

use super::random::{build, recipe};
use super::*;

proptest! {
    #[test]
    fn written_networks_read_back(recipe in recipe(9, 20)) {
        let network = build(&recipe);
        let text = serde_json::to_string(&network.to_raw()).unwrap();
        let read = serde_json::from_str::<RawNetwork>(&text).unwrap().build().unwrap();
        prop_assert_eq!(read.outputs(), network.outputs());
        for id in network.ids() {
            prop_assert_eq!(&read.node(id).name, &network.node(id).name);
            prop_assert_eq!(&read.node(id).op, &network.node(id).op);
            prop_assert_eq!(read.node(id).shape, network.node(id).shape);
            prop_assert_eq!(read.inputs(id), network.inputs(id));
        }
        let names = |network: &Network| network.blocks().into_iter().map(|b| (b.name, b.nodes)).collect::<Vec<_>>();
        prop_assert_eq!(names(&read), names(&network));
    }
}

/// Every operator, as files spell it, in YAML and in JSON.
#[test]
fn every_operator_reads_back() {
    let ops = [
        Op::Conv2d(Conv2d { groups: 2, dilation: 3, bias: true, ..Conv2d::square(8, 5, 2) }),
        Op::Linear { features: 10, bias: true },
        Op::BatchNorm,
        Op::Activation { function: Activation::Hswish },
        Op::Pool(Pool { kind: PoolKind::Avg, kernel: 3, stride: 2, padding: 1, ceil: true }),
        Op::GlobalAvgPool,
        Op::Add,
        Op::Multiply,
        Op::Concat,
        Op::SqueezeExcite(SqueezeExcite { hidden: 8, activation: Activation::Relu, gate: Activation::Hsigmoid }),
        Op::Upsample { scale: 2, mode: Resample::Bilinear },
        Op::Flatten,
        Op::Identity,
        Op::Zero { stride: 2 },
        Op::ToTokens,
        Op::ToMap { height: 4 },
        Op::PixelShuffle { scale: 2 },
        Op::LAYER_NORM,
        Op::RMS_NORM,
        Op::LayerNorm { epsilon: Epsilon::try_from(1e-6).unwrap() },
        Op::RmsNorm { epsilon: Epsilon::try_from(3e-7).unwrap() },
        Op::PositionEmbedding,
        Op::PrependTokens { count: 2 },
        Op::Slice { axis: Axis::Tokens, start: 1, count: 3 },
        Op::Slice { axis: Axis::Channels, start: 0, count: 4 },
        Op::ChannelShuffle { groups: 2 },
        Op::Softmax,
        Op::Embedding { vocabulary: 100, features: 16 },
        Op::Attention(attention(4, 2)),
        Op::Attention(Attention { causal: true, rotary: Some(10_000), ..attention(4, 4) }),
    ];
    for op in ops {
        let node = RawNode { name: "n".into(), block: None, inputs: vec!["a".into()], shape: None, op: op.clone() };
        let json = serde_json::to_string(&node).unwrap();
        assert_eq!(serde_json::from_str::<RawNode>(&json).unwrap().op, op, "{json}");
        let yaml = serde_yaml::to_string(&node).unwrap();
        assert_eq!(serde_yaml::from_str::<RawNode>(&yaml).unwrap().op, op, "{yaml}");
    }
}

/// What is common is not written, so that files read as they did before there was another; what is no ε is refused.
#[test]
fn the_common_epsilon_is_left_out() {
    let text = |op: Op| serde_json::to_string(&op).unwrap();
    assert_eq!(text(Op::LAYER_NORM), r#"{"op":"layer_norm"}"#);
    let op = Op::RmsNorm { epsilon: Epsilon::try_from(1e-6).unwrap() };
    assert_eq!(text(op), r#"{"op":"rms_norm","epsilon":1e-6}"#);
    let node = |epsilon: &str| serde_yaml::from_str::<RawNode>(&format!("{{name: n, op: layer_norm{epsilon}}}"));
    assert_eq!(node("").unwrap().op, Op::LAYER_NORM);
    assert_eq!(node(", epsilon: 1e-5").unwrap().op, Op::LAYER_NORM);
    for wrong in ["0", "-1e-6", ".inf", ".nan", "x"] {
        assert!(node(&format!(", epsilon: {wrong}")).is_err(), "{wrong}");
    }
}

/// A network of tokens with every kind of shape, the order of an attention's inputs included.
#[test]
fn networks_of_tokens_read_back() {
    let mut net = Builder::new();
    let ids = input(&mut net, vector(6));
    let embedded = add(&mut net, "embedded", Op::Embedding { vocabulary: 9, features: 4 }, &[ids]);
    let turned = add(&mut net, "turned", Op::Reshape { shape: tokens(6, 4) }, &[embedded]);
    let normed = add(&mut net, "normed", Op::LAYER_NORM, &[embedded]);
    let mixed = add(&mut net, "mixed", Op::Attention(attention(2, 2)), &[turned, normed, embedded]);
    let map = add(&mut net, "map", Op::ToMap { height: 2 }, &[mixed]);
    net.output(map);
    let network = net.finish().unwrap();
    for text in [serde_json::to_string(&network.to_raw()).unwrap(), serde_yaml::to_string(&network.to_raw()).unwrap()] {
        let read = serde_yaml::from_str::<RawNetwork>(&text).unwrap().build().unwrap();
        for id in network.ids() {
            assert_eq!(read.node(id), network.node(id), "{text}");
            assert_eq!(read.inputs(id), network.inputs(id), "{text}");
        }
        assert_eq!(read.canonical_hash(), network.canonical_hash());
    }
}

fn refusal(nodes: &str, outputs: &str) -> String {
    let text = format!("{{nodes: [{nodes}], outputs: [{outputs}]}}");
    match serde_yaml::from_str::<RawNetwork>(&text) {
        Ok(raw) => raw.build().unwrap_err().to_string(),
        Err(error) => format!("unreadable: {}", error.without_snippet()),
    }
}

#[test]
fn broken_networks_are_refused() {
    let x = "{name: x, op: input, shape: [4, 8, 8]}";
    let cases = [
        (format!("{x}, {x}"), "x", "two nodes are named `x`; names must be unique"),
        (
            format!("{x}, {{name: a, op: batch_norm, inputs: [y]}}"),
            "a",
            "`a` takes its input from `y`, which does not exist",
        ),
        (x.to_owned(), "y", "`outputs` takes its input from `y`, which does not exist"),
        (x.to_owned(), "", "the network has no output"),
        ("{name: x, op: input}".to_owned(), "x", "`x` is an input and needs a `shape`"),
        (format!("{x}, {{name: a, op: reshape, inputs: [x]}}"), "a", "`a` is a reshape and needs a `shape`"),
        (
            format!("{x}, {{name: a, op: reshape, inputs: [x], shape: [64, 3]}}"),
            "a",
            "`a` (reshape → 64×3), fed by `x` (4×8×8): has 256 elements, but the new shape 64×3 has 192",
        ),
        (
            format!(
                "{x}, {{name: a, op: add, inputs: [x, c]}}, {{name: b, op: identity, inputs: [a]}}, {{name: c, op: identity, inputs: [b]}}"
            ),
            "c",
            "these nodes feed each other in a cycle: b → c → a → b",
        ),
        ("{name: a, op: identity, inputs: [a]}".to_owned(), "a", "these nodes feed each other in a cycle: a → a"),
        (
            format!("{x}, {{name: a, op: identity, inputs: [x], shape: [4, 8, 9]}}"),
            "a",
            "`a` claims the shape 4×8×9, but its inputs give 4×8×8",
        ),
        (
            format!("{x}, {{name: a, op: linear, features: 3, bias: true, inputs: [x]}}"),
            "a",
            "`a` (linear → 3), fed by `x` (4×8×8): needs a feature vector, or tokens (put a flatten or a to_tokens before it), but input 0 is 4×8×8",
        ),
        (
            "{name: x, op: input, shape: [4, 8, 8], block: p}, {name: a, op: identity, inputs: [x], block: q}, \
             {name: b, op: identity, inputs: [a], block: p}"
                .to_owned(),
            "b",
            "block `p` is opened twice; a block needs a name of its own, and its nodes must stand together",
        ),
    ];
    for (nodes, outputs, message) in cases {
        assert_eq!(refusal(&nodes, outputs), message);
    }
}

#[test]
fn unreadable_operators_are_refused() {
    for (node, part) in [
        ("{name: a, op: convolution, inputs: [x]}", "convolution"),
        ("{name: a, op: linear, features: 3, bias: true, fetures: 4, inputs: [x]}", "fetures"),
        ("{name: a, op: zero, inputs: [x]}", "stride"),
        (
            "{name: a, op: input, shape: [1, 2, 3, 4]}",
            "a shape has 3 sizes (channels, height, width), 2 (tokens, features) or 1 (features), not 4",
        ),
        ("{name: a, op: attention, heads: 2, causal: true, inputs: [x, x, x]}", "kv_heads"),
    ] {
        let message = refusal(node, "a");
        assert!(message.starts_with("unreadable") && message.contains(part), "{node}: {message}");
    }
}

#[test]
fn builders_refuse_repeated_names() {
    let mut net = Builder::new();
    let x = input(&mut net, map(4, 8, 8));
    add(&mut net, "input", Op::Identity, &[x]);
    net.output(x);
    assert_eq!(net.finish().unwrap_err(), NetworkError::Duplicate { name: "input".to_owned() });
    let mut net = Builder::new();
    net.block("a", "");
    net.block("b", "");
    net.block("a", "");
    let x = input(&mut net, map(4, 8, 8));
    net.output(x);
    assert_eq!(net.finish().unwrap_err(), NetworkError::Reopened { block: "a".to_owned() });
}

/// The order of the file is kept as far as the edges allow.
#[test]
fn nodes_may_come_in_any_order() {
    let text = "{nodes: [{name: b, op: identity, inputs: [a]}, {name: x, op: input, shape: [2]}, \
                {name: a, op: identity, inputs: [x]}], outputs: [b]}";
    let network = serde_yaml::from_str::<RawNetwork>(text).unwrap().build().unwrap();
    let names: Vec<&str> = network.ids().map(|id| network.node(id).name.as_str()).collect();
    assert_eq!(names, ["x", "a", "b"]);
    assert_eq!(network.find("a"), Some(NodeId(1)));
    assert_eq!(network.find("c"), None);
}

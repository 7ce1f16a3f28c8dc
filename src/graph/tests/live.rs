//! Live pruning on networks small enough to see.

use proptest::prelude::*;

use super::random::{build, recipe};
use super::*;

/// A network given as lines of `name op inputs…`; the last line is the output. Answers the live names.
fn live_names(lines: &str) -> Vec<String> {
    let mut net = Builder::new();
    let mut ids: Vec<(String, NodeId)> = Vec::new();
    for line in lines.split(';') {
        let mut words = line.split_whitespace();
        let (name, op) = (words.next().unwrap(), words.next().unwrap());
        let op = match op {
            "input" => Op::Input { shape: map(4, 8, 8) },
            "zero" => Op::Zero { stride: 1 },
            "add" => Op::Add,
            "mul" => Op::Multiply,
            "cat" => Op::Concat,
            "conv" => conv(4, 3),
            "bn" => Op::BatchNorm,
            "ids" => Op::Input { shape: vector(6) },
            "embed" => Op::Embedding { vocabulary: 9, features: 4 },
            "norm" => Op::LAYER_NORM,
            "place" => Op::PositionEmbedding,
            "softmax" => Op::Softmax,
            "attend" => Op::Attention(attention(2, 2)),
            "sigmoid" => Op::Activation { function: Activation::Sigmoid },
            other => panic!("{other}"),
        };
        let inputs: Vec<NodeId> = words.map(|word| ids.iter().find(|(name, _)| name == word).unwrap().1).collect();
        ids.push((name.to_owned(), add(&mut net, name, op, &inputs)));
    }
    net.output(ids[ids.len() - 1].1);
    let network = net.finish().unwrap();
    let live = network.live();
    network.ids().filter(|&id| live.contains(id)).map(|id| network.node(id).name.clone()).collect()
}

#[test]
fn zeros_cut() {
    let cases: [(&str, &str, &[&str]); 16] = [
        ("a chain", "x input; a conv x; b bn a", &["x", "a", "b"]),
        (
            "a zero cuts both sides of its branch",
            "x input; a conv x; z zero a; b conv z; c conv x; s add b c",
            &["x", "c", "s"],
        ),
        ("a residual around a dead branch", "x input; z zero x; b conv z; s add x b; y conv s", &["x", "s", "y"]),
        ("a dead factor kills the product", "x input; a conv x; z zero x; m mul a z; s add x m", &["x", "s"]),
        (
            "a dead gate that is not zero kills nothing",
            "x input; z zero x; b bn z; g sigmoid b; m mul x g",
            &["x", "m"],
        ),
        ("a concat lives by one input", "x input; z zero x; c cat z x; y conv c", &["x", "c", "y"]),
        ("what nobody reads is dead", "x input; a conv x; b conv x", &["x", "b"]),
        ("an input that reaches nothing is dead", "x input; w input; z zero w; a conv x; s add a z", &["x", "a", "s"]),
        ("attention to dead values is dead", "x ids; e embed x; z zero e; a attend e e z; s add e a", &["x", "e", "s"]),
        (
            "dead queries still take the mean of the values",
            "x ids; e embed x; q zero e; a attend q e e",
            &["x", "e", "a"],
        ),
        (
            "dead keys do too, and what reaches neither is dead",
            "x ids; e embed x; z zero e; k norm z; a attend e k e",
            &["x", "e", "a"],
        ),
        (
            "live queries choose among values that are the same for every sample",
            "x ids; e embed x; z zero e; v softmax z; a attend e e v",
            &["x", "e", "a"],
        ),
        (
            "softmax of nothing is not zero, and kills no product",
            "x ids; e embed x; z zero e; g softmax z; m mul e g",
            &["x", "e", "m"],
        ),
        (
            "a norm of nothing is nothing",
            "x ids; e embed x; z zero e; g norm z; m mul e g; s add e m",
            &["x", "e", "s"],
        ),
        (
            "learned positions of nothing are not zero",
            "x ids; e embed x; z zero e; p place z; m mul e p",
            &["x", "e", "m"],
        ),
        ("everything is dead", "x input; a conv x; z zero a; b conv z", &[]),
    ];
    for (name, lines, expected) in cases {
        assert_eq!(live_names(lines), expected, "{name}");
    }
}

proptest! {
    /// Without products and sigmoids, live means: on a path from an input to the output without a zero.
    #[test]
    fn live_means_on_a_path(recipe in recipe(4, 20)) {
        let network = build(&recipe);
        let live = network.live();
        let cut = |id: NodeId| matches!(network.node(id).op, Op::Zero { .. });
        for id in network.ids() {
            let from_input = walks(id, &|at| network.inputs(at), &|at| network.inputs(at).is_empty(), &cut);
            let to_output = walks(id, &|at| network.consumers(at).map(|(_, to)| to).collect(),
                &|at| network.outputs().contains(&at), &cut);
            prop_assert_eq!(live.contains(id), from_input && to_output);
        }
        prop_assert_eq!(live.count(), network.ids().filter(|&id| live.contains(id)).count());
    }
}

fn walks(
    at: NodeId,
    next: &dyn Fn(NodeId) -> Vec<NodeId>,
    end: &dyn Fn(NodeId) -> bool,
    cut: &dyn Fn(NodeId) -> bool,
) -> bool {
    !cut(at) && (end(at) || next(at).into_iter().any(|to| walks(to, next, end, cut)))
}

//! The canonical hash: equal for isomorphic live networks, and only for those as far as petgraph can tell.

use petgraph::algo::is_isomorphic_matching;
use petgraph::graph::DiGraph;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::random::{build, recipe};
use super::*;

/// The same network with its nodes renamed, listed in another order, and sums and products fed in another order.
fn disguised(network: &Network, seed: u64) -> Network {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut raw = network.to_raw();
    let mut names: Vec<usize> = (0..raw.nodes.len()).collect();
    names.shuffle(&mut rng);
    let rename = |name: &str| format!("x{}", names[network.find(name).unwrap().index()]);
    for node in &mut raw.nodes {
        node.name = rename(&node.name);
        node.block = None;
        node.inputs.iter_mut().for_each(|name| *name = rename(name));
        if matches!(node.op, Op::Add | Op::Multiply) {
            node.inputs.shuffle(&mut rng);
        }
    }
    raw.outputs.iter_mut().for_each(|name| *name = rename(name));
    raw.nodes.shuffle(&mut rng);
    raw.build().unwrap()
}

/// The live part as petgraph sees it: what a node is, and the port where ports matter.
fn plain(network: &Network) -> DiGraph<(Op, Shape, bool), u32> {
    let live = network.live();
    network.as_graph().filter_map(
        |index, node| {
            let id = NodeId(index.index() as u32);
            live.contains(id).then(|| (node.op.clone(), node.shape, network.outputs().contains(&id)))
        },
        |edge, &port| {
            let (_, to) = network.as_graph().edge_endpoints(edge).unwrap();
            Some(if network.as_graph()[to].op == Op::Concat { port } else { 0 })
        },
    )
}

fn isomorphic(a: &Network, b: &Network) -> bool {
    is_isomorphic_matching(&plain(a), &plain(b), |x, y| x == y, |x, y| x == y)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn order_and_names_do_not_matter(recipe in recipe(9, 30), seed: u64) {
        let network = build(&recipe);
        prop_assert_eq!(network.canonical_hash(), disguised(&network, seed).canonical_hash());
    }

    /// Few operators and few nodes, so that isomorphic pairs are common.
    #[test]
    fn hashes_agree_with_isomorphism(a in recipe(3, 4), b in recipe(3, 4)) {
        let (a, b) = (build(&a), build(&b));
        prop_assert_eq!(a.canonical_hash() == b.canonical_hash(), isomorphic(&a, &b));
    }

    #[test]
    fn hashes_agree_with_isomorphism_when_some_is_dead(a in recipe(7, 5), b in recipe(7, 5)) {
        let (a, b) = (build(&a), build(&b));
        prop_assert_eq!(a.canonical_hash() == b.canonical_hash(), isomorphic(&a, &b));
    }
}

/// Every pair among all networks of three steps over identity, relu and sums of two.
#[test]
fn hashes_agree_with_isomorphism_on_all_small_networks() {
    let mut networks = Vec::new();
    let steps = |at: usize| {
        let single = (0..=at).flat_map(|from| [(0, vec![from]), (1, vec![from])]);
        let sums = (0..=at).flat_map(|a| (0..a).map(move |b| (2, vec![a, b])));
        single.chain(sums).collect::<Vec<_>>()
    };
    for first in steps(0) {
        for second in steps(1) {
            for third in steps(2) {
                networks.push(build(&[first.clone(), second.clone(), third]));
            }
        }
    }
    let mut equal = 0;
    for (index, a) in networks.iter().enumerate() {
        for b in &networks[..index] {
            let same = a.canonical_hash() == b.canonical_hash();
            assert_eq!(same, isomorphic(a, b), "{:?}\n{:?}", a.to_raw(), b.to_raw());
            equal += usize::from(same);
        }
    }
    assert!(equal > networks.len() / 2, "only {equal} equal pairs among {} networks", networks.len());
}

/// Two inputs of different shape that meet in a concat, in one order or the other.
fn joined(order: [usize; 2], outputs: [usize; 2]) -> Network {
    let mut net = Builder::new();
    let a = input(&mut net, map(2, 4, 4));
    let b = add(&mut net, "second", conv(3, 1), &[a]);
    let both = [a, b];
    let joined = add(&mut net, "join", Op::Concat, &order.map(|i| both[i]));
    outputs.into_iter().for_each(|i| net.output([joined, b][i]));
    net.finish().unwrap()
}

#[test]
fn the_order_of_a_concat_and_of_the_outputs_matters() {
    let hash = |order, outputs| joined(order, outputs).canonical_hash();
    assert_eq!(hash([0, 1], [0, 1]), hash([0, 1], [0, 1]));
    assert_ne!(hash([0, 1], [0, 1]), hash([1, 0], [0, 1]));
    assert_ne!(hash([0, 1], [0, 1]), hash([0, 1], [1, 0]));
}

#[test]
fn attributes_and_parallel_edges_matter() {
    let twice = |op: Op, count: usize| {
        let mut net = Builder::new();
        let a = input(&mut net, map(4, 8, 8));
        let b = add(&mut net, "op", op, &[a]);
        let sum = add(&mut net, "sum", Op::Add, &vec![b; count]);
        net.output(sum);
        net.finish().unwrap().canonical_hash()
    };
    let base = Conv2d::square(4, 3, 1);
    let variants = [
        twice(Op::Conv2d(base), 1),
        twice(Op::Conv2d(base), 2),
        twice(Op::Conv2d(Conv2d { bias: true, ..base }), 1),
        twice(Op::Conv2d(Conv2d { groups: 4, ..base }), 1),
        twice(Op::Conv2d(Conv2d { dilation: 2, padding: [2, 2], ..base }), 1),
        twice(conv(4, 1), 1),
        twice(Op::BatchNorm, 1),
        twice(relu(), 1),
        twice(Op::Activation { function: Activation::Gelu }, 1),
        twice(Op::Pool(Pool { kind: PoolKind::Max, kernel: 3, stride: 1, padding: 1, ceil: false }), 1),
        twice(Op::Pool(Pool { kind: PoolKind::Avg, kernel: 3, stride: 1, padding: 1, ceil: false }), 1),
        twice(Op::Identity, 1),
    ];
    let distinct: std::collections::HashSet<_> = variants.iter().collect();
    assert_eq!(distinct.len(), variants.len());
}

#[test]
fn attributes_of_token_operators_matter() {
    let hash = |op: Op| {
        let mut net = Builder::new();
        let from = add(&mut net, "input", Op::Input { shape: tokens(16, 4) }, &[]);
        let inputs = if op.arity().0 == 3 { vec![from; 3] } else { vec![from] };
        let end = add(&mut net, "op", op, &inputs);
        let end = add(&mut net, "end", relu(), &[end]);
        net.output(end);
        net.finish().unwrap().canonical_hash()
    };
    let base = attention(2, 2);
    let variants = [
        Op::LAYER_NORM,
        Op::RMS_NORM,
        Op::LayerNorm { epsilon: Epsilon::try_from(1e-6).unwrap() },
        Op::LayerNorm { epsilon: Epsilon::try_from(1e-12).unwrap() },
        Op::RmsNorm { epsilon: Epsilon::try_from(1e-6).unwrap() },
        Op::PositionEmbedding,
        Op::PrependTokens { count: 1 },
        Op::PrependTokens { count: 2 },
        Op::Slice { axis: Axis::Tokens, start: 0, count: 4 },
        Op::Slice { axis: Axis::Tokens, start: 1, count: 4 },
        Op::Slice { axis: Axis::Channels, start: 0, count: 2 },
        Op::Slice { axis: Axis::Channels, start: 1, count: 2 },
        Op::Softmax,
        Op::Identity,
        Op::Linear { features: 4, bias: false },
        Op::Attention(base),
        Op::Attention(attention(4, 4)),
        Op::Attention(Attention { causal: true, ..base }),
        Op::Attention(Attention { rotary: Some(100), ..base }),
        Op::Attention(Attention { rotary: Some(10_000), ..base }),
        Op::ToMap { height: 16 },
        Op::ToMap { height: 4 },
        Op::Reshape { shape: tokens(16, 4) },
        Op::Reshape { shape: tokens(4, 16) },
        // As large as the first, but a map of one column, whose elements come channel by channel.
        Op::Reshape { shape: map(4, 16, 1) },
        Op::Reshape { shape: vector(64) },
        Op::Flatten,
    ];
    let distinct: std::collections::HashSet<_> = variants.iter().map(|op| hash(op.clone())).collect();
    assert_eq!(distinct.len(), variants.len());
}

/// Queries, keys and values are not each other, and an input of tokens is not a map of one column.
#[test]
fn the_order_of_an_attention_and_the_rank_of_an_input_matter() {
    let hash = |order: [usize; 3]| {
        let mut net = Builder::new();
        let from = add(&mut net, "input", Op::Input { shape: tokens(16, 4) }, &[]);
        let layers = [0, 1, 2].map(|i| {
            let op = [Op::LAYER_NORM, Op::RMS_NORM, Op::Softmax][i].clone();
            add(&mut net, &format!("l{i}"), op, &[from])
        });
        let end = add(&mut net, "op", Op::Attention(attention(2, 2)), &order.map(|i| layers[i]));
        net.output(end);
        net.finish().unwrap().canonical_hash()
    };
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    assert_eq!(orders.map(hash).iter().collect::<std::collections::HashSet<_>>().len(), orders.len());
    let alone = |shape: Shape| {
        let mut net = Builder::new();
        let from = input(&mut net, shape);
        net.output(from);
        net.finish().unwrap().canonical_hash()
    };
    assert_ne!(alone(tokens(16, 4)), alone(map(4, 16, 1)));
    assert_ne!(alone(tokens(1, 4)), alone(vector(4)));
}

#[test]
fn channels_of_a_dead_input_matter() {
    let with_dead = |channels: usize| {
        let mut net = Builder::new();
        let a = input(&mut net, map(4, 8, 8));
        let zero = add(&mut net, "zero", Op::Zero { stride: 1 }, &[a]);
        let dead = add(&mut net, "dead", conv(channels, 1), &[zero]);
        let wide = add(&mut net, "wide", Op::Concat, &[a, dead]);
        let out = add(&mut net, "out", conv(8, 1), &[wide]);
        net.output(out);
        net.finish().unwrap()
    };
    // The last convolution has weights for the dead channels too.
    assert_ne!(with_dead(2).canonical_hash(), with_dead(3).canonical_hash());
}

/// Files hold hashes, so the value itself must never change.
#[test]
fn the_hash_is_stable() {
    insta::assert_snapshot!(joined([0, 1], [0, 1]).canonical_hash(), @"135719b2059bb5a39613690fa83c9172");
}

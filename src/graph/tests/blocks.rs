//! Cut points and block borders against their definitions.

use std::collections::HashSet;

use proptest::prelude::*;

use super::random::{build, recipe};
use super::*;

/// Whether a live path leads from `at` to an output without passing `avoided`.
fn passes_by(network: &Network, live: &Live, at: NodeId, avoided: NodeId) -> bool {
    at != avoided
        && live.contains(at)
        && (network.outputs().contains(&at)
            || network.consumers(at).any(|(_, to)| passes_by(network, live, to, avoided)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cut_points_are_passed_by_every_path(recipe in recipe(9, 14)) {
        let network = build(&recipe);
        let live = network.live();
        let sources: Vec<NodeId> =
            network.ids().filter(|&id| live.contains(id) && network.inputs(id).is_empty()).collect();
        let by_definition: Vec<NodeId> = network
            .ids()
            .filter(|&id| live.contains(id) && !sources.iter().any(|&from| passes_by(&network, &live, from, id)))
            .collect();
        prop_assert_eq!(network.cut_points(), by_definition);
    }

    #[test]
    fn borders_follow_their_definition(recipe in recipe(9, 16)) {
        let network = build(&recipe);
        let live = network.live();
        for block in network.blocks() {
            let inside = |id: &NodeId| block.nodes.contains(&id.index());
            let own: Vec<NodeId> = network.ids().filter(|id| inside(id) && live.contains(*id)).collect();
            let mut entries: HashSet<NodeId> = own
                .iter()
                .flat_map(|&id| network.inputs(id))
                .filter(|id| live.contains(*id) && !inside(id))
                .collect();
            entries.extend(own.iter().filter(|&&id| network.inputs(id).is_empty()));
            let leaves = |id: NodeId| network.outputs().contains(&id)
                || network.consumers(id).any(|(_, to)| live.contains(to) && !inside(&to));
            let exits: Vec<NodeId> = own.into_iter().filter(|&id| leaves(id)).collect();
            let shape = |id: NodeId| network.node(id).shape;
            let entries: Vec<NodeId> = entries.into_iter().collect();
            let expected = match (&entries[..], &exits[..]) {
                ([entry], [exit]) => Some((shape(*entry), shape(*exit))),
                _ => None,
            };
            prop_assert_eq!(network.border(&block), expected);
        }
    }

    #[test]
    fn blocks_split_the_nodes(recipe in recipe(9, 16)) {
        let network = build(&recipe);
        let mut next = 0;
        for block in network.blocks() {
            prop_assert_eq!(block.nodes.start, next);
            next = block.nodes.end;
            for id in network.ids().filter(|id| block.nodes.contains(&id.index())) {
                prop_assert_eq!(network.block_name(network.node(id).block), block.name.as_str());
            }
        }
        prop_assert_eq!(next, network.len());
    }
}

/// A stem, a residual block and a head, as every network of the program is laid out.
fn residual() -> Network {
    let mut net = Builder::new();
    net.block("stem", "the image enters");
    let x = input(&mut net, map(3, 32, 32));
    let stem = add(&mut net, "stem.conv", Op::Conv2d(Conv2d::square(8, 3, 2)), &[x]);
    net.block("s1", "residual");
    let a = add(&mut net, "s1.conv", conv(8, 3), &[stem]);
    let sum = add(&mut net, "s1.add", Op::Add, &[stem, a]);
    net.block("head", "");
    let mean = add(&mut net, "head.mean", Op::GlobalAvgPool, &[sum]);
    let flat = add(&mut net, "head.flatten", Op::Flatten, &[mean]);
    net.output(flat);
    net.finish().unwrap()
}

#[test]
fn a_network_is_cut_where_its_blocks_meet() {
    let net = residual();
    let names: Vec<&str> = net.cut_points().into_iter().map(|id| net.node(id).name.as_str()).collect();
    assert_eq!(names, ["input", "stem.conv", "s1.add", "head.mean", "head.flatten"]);
    let borders: Vec<_> = net.blocks().iter().map(|block| net.border(block).unwrap()).collect();
    let (image, inner) = (map(3, 32, 32), map(8, 16, 16));
    assert_eq!(borders, [(image, inner), (inner, inner), (inner, vector(8))]);
    assert_eq!(net.blocks()[0].description, "the image enters");
}

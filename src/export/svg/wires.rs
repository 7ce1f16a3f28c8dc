//! What goes from block to block: to the next one straight down, to later ones on lanes beside the boxes.

use std::collections::BTreeMap;

use crate::graph::{Block, Network, NodeId};

/// The tensors that go from one block to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wire {
    /// Positions among the blocks that have nodes; one beyond them is the output of the network.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The shapes of the tensors.
    pub(super) shapes: Vec<String>,
    /// Nothing where it goes to the next block; otherwise which line beside the boxes it takes, the nearest being 0.
    pub(super) lane: Option<usize>,
}

/// The wires between blocks, of which every one has nodes.
pub(super) fn find(network: &Network, blocks: &[Block]) -> Vec<Wire> {
    let mut of_node = vec![0; network.len()];
    for (at, block) in blocks.iter().enumerate() {
        block.nodes.clone().for_each(|node| of_node[node] = at);
    }
    let mut tensors: BTreeMap<(usize, usize), Vec<NodeId>> = BTreeMap::new();
    for id in network.ids() {
        let from = of_node[id.index()];
        let mut readers: Vec<usize> = network.consumers(id).map(|(_, to)| of_node[to.index()]).collect();
        readers.extend(network.outputs().contains(&id).then_some(blocks.len()));
        readers.sort_unstable();
        readers.dedup();
        // Blocks stand in the order of their nodes, so that no tensor goes back.
        readers.into_iter().filter(|&to| to > from).for_each(|to| tensors.entry((from, to)).or_default().push(id));
    }
    let shape = |id: &NodeId| network.node(*id).shape.to_string();
    let wire = |((from, to), ids): ((usize, usize), Vec<NodeId>)| Wire {
        from,
        to,
        shapes: ids.iter().map(shape).collect(),
        lane: None,
    };
    let mut wires: Vec<Wire> = tensors.into_iter().map(wire).collect();
    // Short ones lie nearest, so that long ones go around them.
    wires.sort_by_key(|wire| (wire.to - wire.from, wire.from));
    let mut lanes: Vec<Vec<(usize, usize)>> = Vec::new();
    for wire in wires.iter_mut().filter(|wire| wire.to > wire.from + 1) {
        let free = |lane: &Vec<(usize, usize)>| lane.iter().all(|&(from, to)| wire.to <= from || to <= wire.from);
        let lane = lanes.iter().position(free).unwrap_or_else(|| {
            lanes.push(Vec::new());
            lanes.len() - 1
        });
        lanes[lane].push((wire.from, wire.to));
        wire.lane = Some(lane);
    }
    wires
}

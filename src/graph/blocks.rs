//! Blocks: named runs of nodes with one tensor entering and one leaving, and
//! the cut points at which any network can be taken apart.

use std::ops::Range;

use super::{BlockId, Network, NodeId, Op, Shape};

/// A named part of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name: `s2.0`.
    pub name: String,
    /// What it is, in a few words; may be empty.
    pub description: String,
    /// Its nodes, in topological order.
    pub nodes: Range<usize>,
}

impl Network {
    /// The names of the blocks, in the order in which they were opened.
    pub fn block_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.block_names.iter().map(|(name, _)| name.as_str())
    }

    /// The blocks, in the order in which they were opened. Nodes of a block stand together.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = self
            .block_names
            .iter()
            .map(|(name, description)| Block { name: name.clone(), description: description.clone(), nodes: 0..0 })
            .collect();
        for id in self.ids() {
            let nodes = &mut blocks[self.node(id).block.index()].nodes;
            if nodes.start == nodes.end {
                *nodes = id.index()..id.index() + 1;
            } else {
                nodes.end = id.index() + 1;
            }
        }
        blocks
    }

    /// The name of a block.
    pub fn block_name(&self, block: BlockId) -> &str {
        &self.block_names[block.index()].0
    }

    /// The live nodes that every path from an input to an output passes: the places where the
    /// network can be cut in two, in topological order. What lies between two of them is a
    /// single-entry single-exit region.
    pub fn cut_points(&self) -> Vec<NodeId> {
        let live = self.live();
        // A node is passed by all paths exactly if no live edge jumps over it in the topological
        // order. `reach` is the furthest consumer of anything before the node at hand.
        let mut reach = 0;
        let mut sources = 0;
        let mut cuts = Vec::new();
        let is_input = |id: NodeId| matches!(self.node(id).op, Op::Input { .. });
        let inputs = self.ids().filter(|&id| live.contains(id) && is_input(id)).count();
        for id in self.ids().filter(|&id| live.contains(id)) {
            sources += usize::from(is_input(id));
            if reach <= id.index() && sources == inputs && self.reaches_alone(id, &live) {
                cuts.push(id);
            }
            let furthest = self.consumers(id).filter(|(_, to)| live.contains(*to)).map(|(_, to)| to.index()).max();
            reach = reach.max(furthest.unwrap_or(0));
        }
        cuts
    }

    /// Whether no output lies before `id`, so that every path still has to pass it.
    fn reaches_alone(&self, id: NodeId, live: &super::Live) -> bool {
        self.outputs.iter().all(|&out| out >= id || !live.contains(out))
    }

    /// The shape that enters a block and the one that leaves it, if it has a single live entry and a
    /// single live exit. The network's own input counts as an entry, its output as an exit; what only
    /// dead nodes read or make does not count.
    pub fn border(&self, block: &Block) -> Option<(Shape, Shape)> {
        let live = self.live();
        let inside = |id: NodeId| block.nodes.contains(&id.index());
        let mut entry = None;
        let mut exit = None;
        for id in block.nodes.clone().map(|index| NodeId(index as u32)).filter(|&id| live.contains(id)) {
            let own = matches!(self.node(id).op, Op::Input { .. }).then_some(id);
            let outside = self.unordered_inputs(id).map(|(_, from)| from);
            for from in own.into_iter().chain(outside.filter(|&from| live.contains(from) && !inside(from))) {
                if *entry.get_or_insert(from) != from {
                    return None;
                }
            }
            let read = self.consumers(id).any(|(_, to)| live.contains(to) && !inside(to));
            if (read || self.outputs.contains(&id)) && *exit.get_or_insert(id) != id {
                return None;
            }
        }
        Some((self.node(entry?).shape, self.node(exit?).shape))
    }
}

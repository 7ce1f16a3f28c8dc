//! What backbone a network has. ZiCo-BC ranks networks of one backbone, whose blocks differ in depth and width, but not
//! networks of several (Bhardwaj et al., ICCV Workshops 2023, section 4): one that keeps a high resolution beside the low
//! ones scores as high with half the layers.

use std::collections::BTreeSet;
use std::fmt;

use super::structural::only_gates;
use crate::graph::{Network, NodeId, Shape};

/// The changes of size between live feature maps, whatever the order and number of the layers between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backbone(BTreeSet<(Size, Size)>);

/// Height and width.
type Size = (usize, usize);

/// The backbone of a network. Scores of ZiCo and ZiCo-BC compare where it is the same.
pub fn backbone(network: &Network) -> Backbone {
    let live = network.live();
    let map = |id: NodeId| matches!(network.node(id).shape, Shape::Map { .. }) && live.contains(id);
    let mut steps = BTreeSet::new();
    for id in network.ids().filter(|&id| map(id) && !only_gates(network, &live, id)) {
        for from in network.inputs(id).into_iter().filter(|&from| map(from) && !only_gates(network, &live, from)) {
            let (before, after) = (network.node(from).shape.size(), network.node(id).shape.size());
            if before != after {
                steps.insert((before, after));
            }
        }
    }
    Backbone(steps)
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |((h, w), (to_h, to_w)): &(Size, Size)| format!("{h}×{w} to {to_h}×{to_w}");
        // Largest first, as data flows.
        let steps: Vec<String> = self.0.iter().rev().map(step).collect();
        f.write_str(if steps.is_empty() { "one size".to_owned() } else { steps.join(", ") }.as_str())
    }
}

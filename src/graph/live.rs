//! Live pruning: which nodes lie on a path from an input to an output that no
//! zero cuts. Everything else computes nothing that the output depends on.

use super::{Network, NodeId, Op};

/// Which nodes of a network are live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live(Vec<bool>);

impl Live {
    /// Whether a node is live.
    pub fn contains(&self, id: NodeId) -> bool {
        self.0[id.index()]
    }

    /// Number of live nodes; zero when the output does not depend on the input.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|&&live| live).count()
    }
}

impl Network {
    /// The live nodes: reached from an input without passing a zero, and reaching an output likewise.
    /// A product is zero as soon as one factor is.
    pub fn live(&self) -> Live {
        let mut reached = vec![false; self.len()];
        for id in self.ids() {
            let mut inputs = self.unordered_inputs(id).map(|(_, from)| reached[from.index()]);
            reached[id.index()] = match self.node(id).op {
                Op::Input { .. } => true,
                Op::Zero { .. } => false,
                Op::Multiply => inputs.all(|live| live),
                _ => inputs.any(|live| live),
            };
        }
        let mut needed = vec![false; self.len()];
        for &id in &self.outputs {
            needed[id.index()] = reached[id.index()];
        }
        for id in self.ids().rev() {
            if needed[id.index()] {
                for (_, from) in self.unordered_inputs(id) {
                    needed[from.index()] = reached[from.index()];
                }
            }
        }
        Live(needed)
    }
}

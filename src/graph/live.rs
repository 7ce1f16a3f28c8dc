//! Live pruning: which nodes lie on a path from an input to an output that no
//! zero cuts. Everything else computes nothing that the output depends on.

use super::{Activation, Network, NodeId, Op};

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

/// What the tensor of a node can be, from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Carries {
    /// Zero everywhere.
    Zeros,
    /// The same for every sample, but not zero.
    Constant,
    /// Something that depends on an input.
    Data,
}

impl Carries {
    fn times(self, other: Self) -> Self {
        if self == Self::Zeros || other == Self::Zeros { Self::Zeros } else { self.max(other) }
    }
}

impl Network {
    /// The live nodes: reached from an input without passing a zero, and reaching an output likewise.
    ///
    /// A product is zero as soon as one factor is. Biases and batch-norm shifts count as zero, as they
    /// are before training; a sigmoid of zeros is one half, so such a gate lets its partner live.
    pub fn live(&self) -> Live {
        let carries = self.carries();
        let reached = |id: NodeId| carries[id.index()] == Carries::Data;
        let mut needed = vec![false; self.len()];
        for &id in &self.outputs {
            needed[id.index()] = reached(id);
        }
        for id in self.ids().rev() {
            if needed[id.index()] {
                for (_, from) in self.unordered_inputs(id) {
                    needed[from.index()] |= reached(from);
                }
            }
        }
        Live(needed)
    }

    /// Which nodes are zero whatever the input, with biases and shifts as [`live`](Self::live) has them.
    pub fn zeros(&self) -> Vec<bool> {
        self.carries().into_iter().map(|carries| carries == Carries::Zeros).collect()
    }

    fn carries(&self) -> Vec<Carries> {
        let mut carries = vec![Carries::Zeros; self.len()];
        for id in self.ids() {
            let inputs = self.unordered_inputs(id).map(|(_, from)| carries[from.index()]);
            carries[id.index()] = match self.node(id).op {
                Op::Input { .. } => Carries::Data,
                Op::Zero { .. } => Carries::Zeros,
                Op::Multiply => inputs.fold(Carries::Constant, Carries::times),
                // Softmax of zeros is not zero, nor is a row of a table, a learned position or token; attention mixes the values, whatever
                // queries and keys are.
                Op::Softmax | Op::Embedding { .. } | Op::PositionEmbedding | Op::PrependTokens { .. } => {
                    inputs.fold(Carries::Constant, Carries::max)
                }
                Op::Attention(_) => {
                    let mixed: Vec<(u32, Carries)> =
                        self.unordered_inputs(id).map(|(port, from)| (port, carries[from.index()])).collect();
                    let values = mixed.iter().find(|(port, _)| *port == 2).map_or(Carries::Zeros, |(_, c)| *c);
                    mixed.iter().fold(Carries::Constant, |all, (_, c)| all.max(*c)).times(values)
                }
                Op::Activation { function: Activation::Sigmoid | Activation::Hsigmoid } => {
                    inputs.fold(Carries::Constant, Carries::max)
                }
                _ => inputs.fold(Carries::Zeros, Carries::max),
            };
        }
        carries
    }
}

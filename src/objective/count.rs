//! Counts: parameters, multiply-adds and activation bytes, of the network as it is written, dead edges included.

use super::{Additive, Direction, Objective, ObjectiveError, Origin};
use crate::graph::{Cost, Network, NodeId, Op};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountKind {
    /// Weights, tables of embeddings, biases, scales and shifts of norms.
    Params,
    /// Multiply-adds of convolutions, linear layers and attention.
    Macs,
    /// Bytes of all computed activations together, as 32-bit floats at batch 1.
    Activations,
}

impl CountKind {
    /// Every kind, in the order messages list them.
    pub const ALL: [Self; 3] = [Self::Params, Self::Macs, Self::Activations];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Macs => "macs",
            Self::Activations => "activations",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The unit of the count.
    pub fn unit(self) -> &'static str {
        if self == Self::Activations { "B" } else { "1" }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Params => "Parameters",
            Self::Macs => "Multiply-adds",
            Self::Activations => "Activations",
        }
    }

    fn of(self, cost: &Cost) -> u64 {
        match self {
            Self::Params => cost.params.0,
            Self::Macs => cost.macs.0,
            Self::Activations => cost.activations.0,
        }
    }
}

/// A count as an objective; fewer is better.
#[derive(Clone, Debug)]
pub struct Count {
    name: String,
    label: String,
    kind: CountKind,
    origin: Origin,
}

impl Count {
    /// The count under the user's name and label for it.
    pub fn new(name: impl Into<String>, label: Option<String>, kind: CountKind) -> Self {
        let about = format!("{} of the whole network, dead edges included", kind.label().to_lowercase());
        let hash = blake3::hash(kind.name().as_bytes()).to_hex().to_string();
        let origin = Origin { kind: "count", name: kind.name().to_owned(), about, hash };
        Self { name: name.into(), label: label.unwrap_or_else(|| kind.label().to_owned()), kind, origin }
    }
}

impl Objective for Count {
    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.label.clone()
    }

    fn unit(&self) -> &str {
        self.kind.unit()
    }

    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn value(&self, network: &Network) -> Result<f64, ObjectiveError> {
        self.fragment(network)
    }

    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        let mut blocks = vec![0u64; network.blocks().len()];
        for id in network.ids().filter(|&id| !is_input(network, id)) {
            let block = &mut blocks[network.node(id).block.index()];
            *block = block.saturating_add(self.kind.of(&network.node_cost(id)));
        }
        Ok(blocks.into_iter().map(|count| count as f64).collect())
    }

    fn additive(&self) -> Option<&dyn Additive> {
        Some(self)
    }

    fn definition(&self) -> Option<String> {
        Some(self.kind.name().to_owned())
    }
}

impl Additive for Count {
    fn fragment(&self, fragment: &Network) -> Result<f64, ObjectiveError> {
        let computed = fragment.ids().filter(|&id| !is_input(fragment, id));
        Ok(computed.fold(0u64, |sum, id| sum.saturating_add(self.kind.of(&fragment.node_cost(id)))) as f64)
    }
}

/// Inputs are given, not computed: that of a fragment is counted by the fragment that makes it.
fn is_input(network: &Network, id: NodeId) -> bool {
    matches!(network.node(id).op, Op::Input { .. })
}

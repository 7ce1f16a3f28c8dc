//! What a network costs before it runs anywhere: parameters, multiply-adds and
//! the bytes of its activations, per node and in total.

use serde::Serialize;

use super::{Live, Network, NodeId, Op, Shape};
use crate::units::{Bytes, Macs, Params};

/// Bytes of one activation; networks are counted in 32-bit floats.
const ELEMENT: u64 = 4;

/// Counts of one node or of a whole network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Weights, tables of embeddings, learned positions and tokens, biases, and scales and shifts of norms.
    pub params: Params,
    /// Multiply-adds of convolutions and linear layers (those of squeeze-excite included), and of the two products of
    /// an attention: queries with keys, weights with values. A causal one counts in full, as runtimes compute it.
    pub macs: Macs,
    /// Bytes of the output, as 32-bit floats at batch 1.
    pub activations: Bytes,
}

impl Cost {
    /// Counts stop at the largest number there is: legal but absurd attributes must not overflow.
    fn add(&mut self, other: Self) {
        self.params = Params(self.params.0.saturating_add(other.params.0));
        self.macs = Macs(self.macs.0.saturating_add(other.macs.0));
        self.activations = Bytes(self.activations.0.saturating_add(other.activations.0));
    }
}

impl Op {
    /// What the operator costs between those shapes. All but attention go by their first input alone.
    pub fn cost(&self, inputs: &[Shape], output: Shape) -> Cost {
        let input = inputs.first().copied().unwrap_or(output);
        let channels = input.channels() as u64;
        let (params, macs) = match self {
            Self::Conv2d(conv) => {
                let weights = conv.weights(input.channels());
                let bias = if conv.bias { conv.channels as u64 } else { 0 };
                let (height, width) = output.size();
                let macs = weights.saturating_mul(height as u64).saturating_mul(width as u64);
                (weights.saturating_add(bias), macs)
            }
            Self::Linear { features, bias } => {
                let features = *features as u64;
                let weights = channels.saturating_mul(features);
                // A linear layer runs once for each token.
                let macs = weights.saturating_mul(input.size().0 as u64);
                (weights.saturating_add(if *bias { features } else { 0 }), macs)
            }
            Self::BatchNorm | Self::LayerNorm { .. } => (channels.saturating_mul(2), 0),
            Self::RmsNorm { .. } => (channels, 0),
            Self::PositionEmbedding => (input.elements(), 0),
            Self::PrependTokens { count } => (channels.saturating_mul(*count as u64), 0),
            Self::Embedding { vocabulary, features } => ((*vocabulary as u64).saturating_mul(*features as u64), 0),
            Self::SqueezeExcite(se) => {
                let hidden = se.hidden as u64;
                let weights = channels.saturating_mul(hidden).saturating_mul(2);
                (weights.saturating_add(hidden).saturating_add(channels), weights)
            }
            Self::Attention(_) => {
                let (queries, keys) = (input.size().0 as u64, inputs.get(1).unwrap_or(&input).size().0 as u64);
                // A weight takes as many multiply-adds as a head of a key is wide, and then serves as many as a head
                // of a value is wide; all heads together are as wide as the queries, and as what comes out.
                let wide = channels.saturating_add(output.channels() as u64);
                (0, queries.saturating_mul(keys).saturating_mul(wide))
            }
            _ => (0, 0),
        };
        Cost { params: Params(params), macs: Macs(macs), activations: Bytes(output.elements().saturating_mul(ELEMENT)) }
    }
}

impl Network {
    /// What one node costs.
    pub fn node_cost(&self, id: NodeId) -> Cost {
        let node = self.node(id);
        match node.op {
            Op::Attention(_) => {
                let inputs: Vec<Shape> = self.inputs(id).into_iter().map(|from| self.node(from).shape).collect();
                node.op.cost(&inputs, node.shape)
            }
            // The quick path: every network that is scored is counted.
            _ => node.op.cost(&[self.input_shape(id)], node.shape),
        }
    }

    /// What all nodes cost together, dead ones included.
    pub fn cost(&self) -> Cost {
        self.total(self.ids())
    }

    /// What the live nodes cost together.
    pub fn live_cost(&self, live: &Live) -> Cost {
        self.total(self.ids().filter(|&id| live.contains(id)))
    }

    fn total(&self, ids: impl Iterator<Item = NodeId>) -> Cost {
        ids.fold(Cost::default(), |mut total, id| {
            total.add(self.node_cost(id));
            total
        })
    }
}

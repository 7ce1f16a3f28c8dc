//! What of a network is worth writing: a choice may put zeros where another architecture has an operator, and files are
//! written without what only adds them up.

use crate::engine::{Weights, WeightsError};
use crate::graph::{Activation, Network, NodeId, Op, Role};

/// Which nodes give zeros whatever the input is, and which the outputs are computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    silent: Vec<bool>,
    needed: Vec<bool>,
}

impl Written {
    /// Of a network with these weights: a bias or a shift makes a sound of its own.
    ///
    /// # Errors
    /// Weights that are missing or have another shape.
    pub(super) fn of(network: &Network, weights: &Weights) -> Result<Self, WeightsError> {
        let mut silent = vec![false; network.len()];
        for id in network.ids() {
            let inputs: Vec<bool> = network.inputs(id).iter().map(|from| silent[from.index()]).collect();
            silent[id.index()] = is_silent(network, id, &inputs, weights)?;
        }
        let mut written = Self { silent, needed: vec![false; network.len()] };
        network.outputs().iter().for_each(|id| written.needed[id.index()] = true);
        for id in network.ids().rev() {
            if written.needed[id.index()] {
                written.inputs(network, id).iter().for_each(|from| written.needed[from.index()] = true);
            }
        }
        // An input is part of what a file promises, used or not.
        network.ids().filter(|&id| is_input(network, id)).for_each(|id| written.needed[id.index()] = true);
        Ok(written)
    }

    /// Whether a node is written.
    pub(super) fn contains(&self, id: NodeId) -> bool {
        self.needed[id.index()]
    }

    /// The inputs of a node that are written: a sum leaves zeros out, all but the last one.
    pub(super) fn inputs(&self, network: &Network, id: NodeId) -> Vec<NodeId> {
        let mut inputs = network.inputs(id);
        if network.node(id).op == Op::Add {
            let first = inputs[0];
            inputs.retain(|from| !self.silent[from.index()]);
            if inputs.is_empty() {
                inputs.push(first);
            }
        }
        inputs
    }
}

fn is_input(network: &Network, id: NodeId) -> bool {
    matches!(network.node(id).op, Op::Input { .. })
}

/// Whether a node gives nothing but zeros, where `inputs` says which of its inputs do.
fn is_silent(network: &Network, id: NodeId, inputs: &[bool], weights: &Weights) -> Result<bool, WeightsError> {
    let all = !inputs.is_empty() && inputs.iter().all(|&silent| silent);
    Ok(match &network.node(id).op {
        Op::Zero { .. } => true,
        Op::Multiply => inputs.iter().any(|&silent| silent),
        Op::Conv2d(_) | Op::Linear { .. } | Op::BatchNorm | Op::LayerNorm { .. } | Op::RmsNorm { .. } => {
            let added = |role: Role| matches!(role, Role::Bias | Role::Shift | Role::Mean);
            all && network
                .parameters(id)
                .iter()
                .zip(weights.of(network, id)?)
                .all(|(parameter, tensor)| !added(parameter.role) || tensor.data.iter().all(|&value| value == 0.0))
        }
        Op::Activation { function } => all && !matches!(function, Activation::Sigmoid | Activation::Hsigmoid),
        Op::Pool(_)
        | Op::GlobalAvgPool
        | Op::Add
        | Op::Concat
        | Op::SqueezeExcite(_)
        | Op::Upsample { .. }
        | Op::Flatten
        | Op::Reshape { .. }
        | Op::ToTokens
        | Op::ToMap { .. }
        | Op::PixelShuffle { .. }
        | Op::Slice { .. }
        | Op::ChannelShuffle { .. }
        | Op::Identity => all,
        Op::Attention(_) => inputs.get(2).copied().unwrap_or(false),
        Op::Input { .. } | Op::Softmax | Op::Embedding { .. } | Op::PositionEmbedding | Op::PrependTokens { .. } => {
            false
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::engine::{Init, initialise};
    use crate::graph::{Builder, Shape};

    /// An image and zeros through a norm, joined by `join`: whether the zeros are written, and what the join reads.
    fn joined(join: Op, shift: f32) -> (bool, Vec<String>) {
        let mut builder = Builder::new();
        let image = builder.add("image", Op::Input { shape: Shape::map(4, 8) }, &[]).unwrap();
        let zeros = builder.add("zeros", Op::Zero { stride: 1 }, &[image]).unwrap();
        let norm = builder.add("norm", Op::BatchNorm, &[zeros]).unwrap();
        let last = builder.add("last", join, &[image, norm]).unwrap();
        builder.output(last);
        let network = builder.finish().unwrap();
        let mut weights = initialise(&network, &Init::default(), 0);
        weights.0.get_mut("norm.bias").unwrap().data[1] = shift;
        let written = Written::of(&network, &weights).unwrap();
        let read = written.inputs(&network, last);
        (written.contains(zeros), read.into_iter().map(|id| network.node(id).name.clone()).collect())
    }

    #[test]
    fn a_sum_leaves_out_zeros_but_not_what_a_norm_makes_of_them() {
        assert_eq!(joined(Op::Add, 0.0), (false, vec!["image".to_owned()]));
        assert_eq!(joined(Op::Add, 0.5), (true, vec!["image".to_owned(), "norm".to_owned()]));
        assert_eq!(joined(Op::Concat, 0.0), (true, vec!["image".to_owned(), "norm".to_owned()]));
    }

    #[test]
    fn a_network_of_nothing_but_zeros_is_written_all_the_same() {
        let mut builder = Builder::new();
        let image = builder.add("image", Op::Input { shape: Shape::map(4, 8) }, &[]).unwrap();
        let [a, b] = ["a", "b"].map(|name| builder.add(name, Op::Zero { stride: 1 }, &[image]).unwrap());
        let sum = builder.add("sum", Op::Add, &[a, b]).unwrap();
        builder.output(sum);
        let network = builder.finish().unwrap();
        let written = Written::of(&network, &initialise(&network, &Init::default(), 0)).unwrap();
        assert_eq!(written.inputs(&network, sum), [a]);
        assert!(written.contains(a) && !written.contains(b));
    }
}

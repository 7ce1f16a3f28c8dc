//! The parameters of a network, by node and name.

use std::collections::BTreeMap;

use super::{Element, Tensor};
use crate::graph::{Network, NodeId};

/// Parameters by `node.name`, such as `s1.0.conv.weight`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights<T = f32>(pub BTreeMap<String, Tensor<T>>);

/// Why weights do not fit a network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WeightsError {
    /// A parameter is missing.
    #[error("there is no `{name}` among the weights")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A parameter has another shape.
    #[error("`{name}` is {given:?} among the weights, but the network needs {wanted:?}")]
    Shape {
        /// The parameter.
        name: String,
        /// Its shape among the weights.
        given: Vec<usize>,
        /// Its shape in the network.
        wanted: Vec<usize>,
    },
}

impl<T: Element> Weights<T> {
    /// The parameters of a node, in the order of [`Network::parameters`].
    ///
    /// # Errors
    /// One that is missing or has another shape.
    pub fn of(&self, network: &Network, id: NodeId) -> Result<Vec<&Tensor<T>>, WeightsError> {
        let node = &network.node(id).name;
        let find = |parameter: crate::graph::Parameter| {
            let name = format!("{node}.{}", parameter.name);
            match self.0.get(&name) {
                Some(tensor) if tensor.shape == parameter.shape => Ok(tensor),
                Some(tensor) => Err(WeightsError::Shape { name, given: tensor.shape.clone(), wanted: parameter.shape }),
                None => Err(WeightsError::Missing { name }),
            }
        };
        network.parameters(id).into_iter().map(find).collect()
    }

    /// The same numbers in another kind of element.
    pub fn cast<U: Element>(&self) -> Weights<U> {
        Weights(self.0.iter().map(|(name, tensor)| (name.clone(), tensor.cast())).collect())
    }
}

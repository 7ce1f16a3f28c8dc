//! Zero-shot scores as objectives: any proxy of `crate::proxy`, under the user's name for it.

use super::{Additive, Direction, Objective, ObjectiveError, Origin};
use crate::graph::Network;
use crate::proxy::{Definition, Proxy};

/// A proxy as an objective.
#[derive(Debug)]
pub struct Zeroshot {
    name: String,
    label: String,
    proxy: Box<dyn Proxy>,
    origin: Origin,
    definition: String,
}

impl Zeroshot {
    /// The proxy that `definition` pins, under the user's name and label for it.
    pub fn new(name: impl Into<String>, label: Option<String>, definition: &Definition) -> Self {
        // The debug form holds every field, the formula's constants included.
        let pinned = format!("{definition:?}");
        let origin = Origin {
            kind: "proxy",
            name: format!("{} version {}", definition.name, definition.version),
            about: definition.definition.clone(),
            hash: blake3::hash(pinned.as_bytes()).to_hex().to_string(),
        };
        Self {
            name: name.into(),
            label: label.unwrap_or_else(|| format!("Score {}", definition.name)),
            proxy: definition.proxy(),
            origin,
            definition: definition.to_yaml(),
        }
    }
}

impl Objective for Zeroshot {
    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.label.clone()
    }

    fn unit(&self) -> &str {
        "1"
    }

    fn direction(&self) -> Direction {
        self.proxy.direction()
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn compares_input_sizes(&self) -> bool {
        false
    }

    fn value(&self, network: &Network) -> Result<f64, ObjectiveError> {
        self.proxy.score(network).map(|score| score.value).map_err(|error| ObjectiveError(error.to_string()))
    }

    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        self.proxy.block_contributions(network).map_err(|error| ObjectiveError(error.to_string()))
    }

    fn additive(&self) -> Option<&dyn Additive> {
        Some(self)
    }

    fn definition(&self) -> Option<String> {
        Some(self.definition.clone())
    }
}

impl Additive for Zeroshot {
    fn fragment(&self, fragment: &Network) -> Result<f64, ObjectiveError> {
        // Not `score`: a proxy limited to some blocks refuses a network without them, but a fragment may lack them.
        let live = fragment.live();
        Ok(fragment.ids().map(|id| self.proxy.node_contribution(fragment, &live, id)).sum())
    }
}

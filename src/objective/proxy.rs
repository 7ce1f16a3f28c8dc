//! Zero-shot scores as objectives: any proxy of `crate::proxy`, under the user's name for it.

use serde_json::json;

use super::{Additive, Direction, Objective, ObjectiveError, Origin};
use crate::graph::Network;
use crate::proxy::{Conditions, Definition, Proxy};

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
    pub fn new(
        name: impl Into<String>,
        label: Option<String>,
        definition: &Definition,
        conditions: &Conditions,
    ) -> Self {
        let Conditions { source, seed, data_seed, .. } = conditions;
        // The debug form holds every field, the formula's constants included.
        let mut pinned = format!("{definition:?}");
        let mut rebuilt = definition.to_yaml();
        if definition.measured() {
            pinned.push_str(&format!("{source} {seed} {data_seed}"));
            rebuilt = json!({ "file": rebuilt, "data": source, "seed": seed, "data_seed": data_seed }).to_string();
        }
        let origin = Origin {
            kind: "proxy",
            name: format!("{} version {}", definition.name, definition.version),
            about: definition.definition.clone(),
            hash: blake3::hash(pinned.as_bytes()).to_hex().to_string(),
        };
        Self {
            name: name.into(),
            label: label.unwrap_or_else(|| format!("Score {}", definition.name)),
            proxy: definition.proxy(conditions),
            origin,
            definition: rebuilt,
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

    fn cheap(&self) -> bool {
        self.proxy.structural().is_some()
    }

    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        match self.proxy.structural() {
            Some(proxy) => proxy.block_contributions(network).map_err(|error| ObjectiveError(error.to_string())),
            None => Ok(Vec::new()),
        }
    }

    fn additive(&self) -> Option<&dyn Additive> {
        self.proxy.structural().map(|_| self as &dyn Additive)
    }

    fn definition(&self) -> Option<String> {
        Some(self.definition.clone())
    }
}

impl Additive for Zeroshot {
    fn fragment(&self, fragment: &Network) -> Result<f64, ObjectiveError> {
        let Some(proxy) = self.proxy.structural() else {
            return Err(ObjectiveError(format!("{} does not add up along a path", self.label)));
        };
        // Not `score`: a proxy limited to some blocks refuses a network without them, but a fragment may lack them.
        let live = fragment.live();
        Ok(fragment.ids().map(|id| proxy.node_contribution(fragment, &live, id)).sum())
    }
}

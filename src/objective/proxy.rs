//! Zero-shot scores as objectives: any proxy of `crate::proxy`, under the user's name for it.

use std::sync::Arc;

use serde_json::json;

use super::{Additive, Direction, Objective, ObjectiveError, Origin};
use crate::graph::Network;
use crate::proxy::{Conditions, Definition, Proxy, Setup};

/// A proxy as an objective.
#[derive(Debug)]
pub struct Zeroshot {
    name: String,
    label: String,
    proxy: Box<dyn Proxy>,
    origin: Origin,
    definition: Definition,
    conditions: Conditions,
    stand_in: Option<String>,
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
        let mut about = definition.definition.clone();
        if let Some(Setup { batches, batch_size, repeats, .. }) = definition.setup() {
            pinned.push_str(&format!("{source} {seed} {data_seed}"));
            let batches = if *batches == 1 { "one batch".to_owned() } else { format!("{batches} batches") };
            let repeats = if *repeats == 1 { String::new() } else { format!(", the mean of {repeats} repeats") };
            about.push_str(&format!(
                " Measured on {batches} of {batch_size} from {source}, weights of seed {seed} and data of seed {data_seed}{repeats}."
            ));
        }
        let origin = Origin {
            kind: "proxy",
            name: format!("{} version {}", definition.name, definition.version),
            about,
            hash: blake3::hash(pinned.as_bytes()).to_hex().to_string(),
        };
        Self {
            name: name.into(),
            label: label.unwrap_or_else(|| format!("Score {}", definition.name)),
            proxy: definition.proxy(conditions),
            origin,
            definition: definition.clone(),
            conditions: conditions.clone(),
            stand_in: None,
        }
    }

    /// The same with an objective or quantity of the config that stands in for it.
    pub fn with_stand_in(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        // Where a search starts decides what it finds.
        self.origin.hash = blake3::hash(format!("{} {name}", self.origin.hash).as_bytes()).to_hex().to_string();
        self.stand_in = Some(name);
        self
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

    fn compares_backbones(&self) -> bool {
        self.proxy.compares_backbones()
    }

    fn value(&self, network: &Network) -> Result<f64, ObjectiveError> {
        let score = self.proxy.score(network).map_err(|error| ObjectiveError(error.to_string()))?;
        if score.value.is_finite() {
            return Ok(score.value);
        }
        let reason = "activations or gradients of this network overflow, or vanish, with the weights it starts from";
        Err(ObjectiveError(format!("the score is {}, which is no finite number: {reason}", score.value)))
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

    fn stand_in(&self) -> Option<&str> {
        self.stand_in.as_deref()
    }

    fn additive_stand_in(&self) -> Option<Arc<dyn Objective>> {
        let definition = self.definition.stand_in()?;
        Some(Arc::new(Self::new(definition.name.clone(), None, &definition, &Conditions::default())))
    }

    fn with_beta(&self, beta: f64) -> Option<Arc<dyn Objective>> {
        let definition = self.definition.with_beta(beta)?;
        let mut found = Self::new(self.name.clone(), Some(self.label.clone()), &definition, &self.conditions);
        found.origin.name.push_str(&format!(", beta {beta}"));
        Some(Arc::new(match &self.stand_in {
            Some(name) => found.with_stand_in(name),
            None => found,
        }))
    }

    /// The file; of a measured proxy with its data and seeds.
    fn definition(&self) -> Option<String> {
        let file = self.definition.to_yaml();
        if !self.definition.measured() {
            return Some(file);
        }
        let Conditions { source, seed, data_seed, .. } = &self.conditions;
        Some(json!({ "file": file, "data": source, "seed": seed, "data_seed": data_seed }).to_string())
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

//! Latency as an objective: a table's price of a network, under the user's name for it.
//!
//! With a confidence the value is the upper bound, so that limits, fronts, files and reports all speak of what holds on
//! the device, and nothing else has to know of bounds. The bound is the mean times one factor: it adds up along a path as
//! the mean does, and the exact search stays exact. The mean is listed beside it as a quantity of its own.

use std::sync::Arc;

use super::{Additive, Direction, Objective, ObjectiveError, Origin};
use crate::graph::Network;
use crate::latency::{LatencyTable, NoBound, predict};

/// A latency table as an objective; faster is better.
#[derive(Debug)]
pub struct Latency {
    name: String,
    label: String,
    table: LatencyTable,
    origin: Origin,
    /// Confidence of an upper bound, and what it multiplies a mean by.
    bound: Option<(f64, f64)>,
}

/// The definition of a bound for another process: the table and the confidence.
#[derive(serde::Deserialize, serde::Serialize)]
pub(super) struct BoundDefinition {
    pub(super) table: String,
    pub(super) confidence: f64,
}

impl Latency {
    /// The mean latencies of `table` under the user's name and label. `reference` is what the config calls the table.
    pub fn new(name: impl Into<String>, label: Option<String>, reference: &str, table: LatencyTable) -> Self {
        let hash = blake3::hash(table.to_yaml().as_bytes()).to_hex().to_string();
        let origin = Origin { kind: "table", name: reference.to_owned(), about: table.about(), hash };
        Self { name: name.into(), label: label.unwrap_or_else(|| table.label()), table, origin, bound: None }
    }

    /// The upper bounds of `table` that hold at a confidence.
    ///
    /// # Errors
    /// A table that has none at that confidence.
    pub fn bounded(
        name: impl Into<String>,
        label: Option<String>,
        reference: &str,
        table: LatencyTable,
        confidence: f64,
    ) -> Result<Self, NoBound> {
        let factor = table.bound_factor(confidence)?;
        let percent = format!("{} %", (1e4 * confidence).round() / 1e2);
        let label = label.unwrap_or_else(|| format!("{}, upper bound at {percent}", table.label()));
        let mut bounded = Self::new(name, Some(label), reference, table);
        bounded.origin.about += &format!(
            ". The value is an upper bound, {factor:.3} times the mean: it holds for {percent} of networks that are as \
             new to the fit as those left out of it"
        );
        bounded.bound = Some((confidence, factor));
        if let Some(definition) = bounded.definition() {
            bounded.origin.hash = blake3::hash(definition.as_bytes()).to_hex().to_string();
        }
        Ok(bounded)
    }

    /// The confidence that [`bounded`](Self::bounded) states in what it is about.
    pub fn stated_confidence(about: &str) -> Option<f64> {
        let (_, stated) = about.rsplit_once(" times the mean: it holds for ")?;
        Some(stated.split_once(" %")?.0.parse::<f64>().ok()? / 100.0)
    }

    fn factor(&self) -> f64 {
        self.bound.map_or(1.0, |(_, factor)| factor)
    }
}

impl Objective for Latency {
    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.label.clone()
    }

    fn unit(&self) -> &str {
        "ms"
    }

    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn value(&self, network: &Network) -> Result<f64, ObjectiveError> {
        Ok(predict(&self.table, network).mean.0 * self.factor())
    }

    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        Ok(predict(&self.table, network).blocks.into_iter().map(|block| block.ms.0 * self.factor()).collect())
    }

    fn additive(&self) -> Option<&dyn Additive> {
        Some(self)
    }

    fn listed_beside(&self) -> Option<Arc<dyn Objective>> {
        self.bound?;
        let name = format!("{}_mean", self.name);
        let label = format!("{}, mean", self.table.label());
        Some(Arc::new(Self::new(name, Some(label), &self.origin.name, self.table.clone())))
    }

    fn definition(&self) -> Option<String> {
        let table = self.table.to_yaml();
        match self.bound {
            None => Some(table),
            Some((confidence, _)) => serde_json::to_string(&BoundDefinition { table, confidence }).ok(),
        }
    }

    fn flags(&self, network: &Network) -> Vec<String> {
        predict(&self.table, network).flags.iter().map(ToString::to_string).collect()
    }
}

impl Additive for Latency {
    fn constant(&self) -> f64 {
        self.table.overhead().0 * self.factor()
    }

    fn fragment(&self, fragment: &Network) -> Result<f64, ObjectiveError> {
        Ok(self.table.operators_cost(fragment).0 * self.factor())
    }
}

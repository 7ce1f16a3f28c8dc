//! Latency as an objective: a table's price of a network, under the user's name for it.

use super::{Additive, Direction, Objective, ObjectiveError, Origin};
use crate::graph::Network;
use crate::latency::{LatencyTable, predict};

/// A latency table as an objective; faster is better.
#[derive(Debug)]
pub struct Latency {
    name: String,
    label: String,
    table: LatencyTable,
    origin: Origin,
}

impl Latency {
    /// The latencies of `table` under the user's name and label. `reference` is what the config calls the table.
    pub fn new(name: impl Into<String>, label: Option<String>, reference: &str, table: LatencyTable) -> Self {
        let hash = blake3::hash(table.to_yaml().as_bytes()).to_hex().to_string();
        let origin = Origin { kind: "table", name: reference.to_owned(), about: table.about(), hash };
        Self { name: name.into(), label: label.unwrap_or_else(|| table.label()), table, origin }
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
        Ok(predict(&self.table, network).mean.0)
    }

    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        Ok(predict(&self.table, network).blocks.into_iter().map(|block| block.ms.0).collect())
    }

    fn additive(&self) -> Option<&dyn Additive> {
        Some(self)
    }

    fn definition(&self) -> Option<String> {
        Some(self.table.to_yaml())
    }

    fn flags(&self, network: &Network) -> Vec<String> {
        predict(&self.table, network).flags.iter().map(ToString::to_string).collect()
    }
}

impl Additive for Latency {
    fn constant(&self) -> f64 {
        self.table.overhead().0
    }

    fn fragment(&self, fragment: &Network) -> Result<f64, ObjectiveError> {
        Ok(self.table.operators_cost(fragment).0)
    }
}

//! Prices whole networks by a table, with a breakdown by block and a list of
//! what the table does not really know.

use std::collections::BTreeSet;

use serde::Serialize;

use super::lower::lower;
use super::{Flag, Kernel, LatencyTable};
use crate::graph::Network;
use crate::units::Millis;

/// What a part of a network costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockCost {
    /// The block, or the operator in a network without blocks.
    pub name: String,
    /// Its cost.
    pub ms: Millis,
    /// Its part of the whole, from 0 to 1.
    pub share: f64,
}

/// The predicted latency of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The expected latency.
    pub mean: Millis,
    /// The part of it that no operator causes.
    pub overhead: Millis,
    /// Costs by block, in the order of the network's blocks.
    pub blocks: Vec<BlockCost>,
    /// Where the prediction goes beyond what was measured, each case once.
    pub flags: Vec<Flag>,
}

/// Predicts a network.
pub fn predict(table: &LatencyTable, network: &Network) -> Prediction {
    let names: Vec<String> = network.blocks().into_iter().map(|block| block.name).collect();
    let kernels = lower(network);
    collect(table, names, kernels.iter().map(|lowered| (lowered.block.index(), &lowered.kernel)))
}

/// Predicts a list of operators; every operator is a block of its own.
pub fn predict_operators(table: &LatencyTable, kernels: &[Kernel]) -> Prediction {
    let names = kernels.iter().enumerate().map(|(i, kernel)| format!("{i} {kernel}")).collect();
    collect(table, names, kernels.iter().enumerate())
}

fn collect<'a>(
    table: &LatencyTable,
    names: Vec<String>,
    kernels: impl Iterator<Item = (usize, &'a Kernel)>,
) -> Prediction {
    let mut costs = vec![Millis(0.0); names.len()];
    let mut flags = BTreeSet::new();
    for (block, kernel) in kernels {
        let priced = table.price(kernel);
        costs[block] += priced.ms;
        flags.extend(priced.flags);
    }
    let overhead = table.overhead();
    let mean = overhead + costs.iter().copied().sum();
    let share = |ms: Millis| if mean.0 > 0.0 { ms.0 / mean.0 } else { 0.0 };
    let blocks = names.into_iter().zip(costs).map(|(name, ms)| BlockCost { name, ms, share: share(ms) }).collect();
    Prediction { mean, overhead, blocks, flags: flags.into_iter().collect() }
}

impl LatencyTable {
    /// What the operators of a network, or of a part of one, cost together: the quick path for
    /// searches. Costs of parts add up to the cost of the whole.
    pub fn operators_cost(&self, network: &Network) -> Millis {
        lower(network).iter().map(|lowered| self.cost(&lowered.kernel)).sum()
    }
}

//! Prices whole networks by a table, with a breakdown by block and a list of
//! what the table does not really know.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Flag, Kernel, LatencyTable, Lowered, Source, lower::lower_where};
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
    /// The weakest of what its operators' prices rest on; `None` where nothing runs.
    pub source: Option<Source>,
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
    let names = network.block_names().map(str::to_owned).collect();
    let mut flags = BTreeSet::new();
    let kernels = lower_where(network, |kernel| {
        let priced = table.prices(kernel);
        if !priced && kernel.kind.is_unmeasured() {
            flags.insert(Flag::NotPriced { operator: kernel.kind.name() });
        }
        priced
    });
    collect(table, names, kernels.iter().map(|lowered| (lowered.block.index(), &lowered.kernel)), flags)
}

/// Predicts a list of operators; every operator is a block of its own.
pub fn predict_operators(table: &LatencyTable, kernels: &[Kernel]) -> Prediction {
    let names = kernels.iter().enumerate().map(|(i, kernel)| format!("{i} {kernel}")).collect();
    collect(table, names, kernels.iter().enumerate(), BTreeSet::new())
}

/// What the operators of a block add up to.
#[derive(Clone, Copy, Default)]
struct Cost {
    ms: Millis,
    source: Option<Source>,
}

impl Cost {
    fn add(&mut self, ms: Millis, source: Source) {
        self.ms += ms;
        self.source = Some(self.source.map_or(source, |weakest| weakest.max(source)));
    }
}

fn collect<'a>(
    table: &LatencyTable,
    names: Vec<String>,
    kernels: impl Iterator<Item = (usize, &'a Kernel)>,
    mut flags: BTreeSet<Flag>,
) -> Prediction {
    let mut costs = vec![Cost::default(); names.len()];
    let mut price = |costs: &mut [Cost], block: usize, kernel: &Kernel| {
        let priced = table.price(kernel);
        costs[block].add(priced.ms, priced.source);
        flags.extend(priced.flags);
    };
    if table.blocks.is_empty() {
        kernels.for_each(|(block, kernel)| price(&mut costs, block, kernel));
    } else {
        for (block, kernels) in by_block(kernels) {
            match table.block_row(&kernels) {
                Some(row) => costs[block].add(row.ms, Source::Measured),
                None => kernels.iter().for_each(|kernel| price(&mut costs, block, kernel)),
            }
        }
    }
    let overhead = table.overhead();
    let mean = overhead + costs.iter().map(|cost| cost.ms).sum();
    let share = |ms: Millis| if mean.0 > 0.0 { ms.0 / mean.0 } else { 0.0 };
    let block = |(name, Cost { ms, source })| BlockCost { name, ms, share: share(ms), source };
    let blocks = names.into_iter().zip(costs).map(block).collect();
    Prediction { mean, overhead, blocks, flags: flags.into_iter().collect() }
}

/// Operators with their blocks, gathered by block, in the order of the blocks.
fn by_block<'a>(kernels: impl Iterator<Item = (usize, &'a Kernel)>) -> BTreeMap<usize, Vec<Kernel>> {
    let mut blocks: BTreeMap<usize, Vec<Kernel>> = BTreeMap::new();
    for (block, kernel) in kernels {
        blocks.entry(block).or_default().push(*kernel);
    }
    blocks
}

impl LatencyTable {
    /// What the operators of a network, or of a part of one, cost together: the quick path for
    /// searches. Costs of parts add up to the cost of the whole.
    pub fn operators_cost(&self, network: &Network) -> Millis {
        let lowered = self.lower(network);
        if self.blocks.is_empty() {
            return lowered.iter().map(|lowered| self.cost(&lowered.kernel)).sum();
        }
        let blocks = by_block(lowered.iter().map(|lowered| (lowered.block.index(), &lowered.kernel)));
        let cost = |kernels: &Vec<Kernel>| match self.block_row(kernels) {
            Some(row) => row.ms,
            None => kernels.iter().map(|kernel| self.cost(kernel)).sum(),
        };
        blocks.values().map(cost).sum()
    }

    /// The operators of a network that this table prices: those that lists leave out only where it has costs for them.
    pub fn lower(&self, network: &Network) -> Vec<Lowered> {
        lower_where(network, |kernel| self.prices(kernel))
    }
}

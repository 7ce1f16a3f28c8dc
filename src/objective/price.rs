//! What every edge of a choice graph costs: each distinct fragment is built and judged once, on all cores.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Objective, ObjectiveError};
use crate::graph::{Network, NodeId};
use crate::space::ChoiceGraph;

/// The costs of every edge of a choice graph.
#[derive(Clone, Debug)]
pub struct Prices {
    /// One row for each edge, one column for each objective; no row where the edge is dead.
    rows: Vec<Option<Box<[f64]>>>,
    /// Once per network, for each objective.
    pub constants: Vec<f64>,
    /// How many fragments differ in content.
    pub distinct: usize,
    /// What readers must know about the fragments, each with how many distinct fragments it concerns.
    pub flags: Vec<(String, usize)>,
}

/// Why edges have no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    /// An objective does not add up along a path.
    #[error("`{0}` does not add up along a path, so no exact front exists for it")]
    NotAdditive(String),
    /// An objective cannot judge a fragment.
    #[error("`{objective}` cannot price block `{block}` ({label}): {source}")]
    Fragment {
        /// The objective.
        objective: String,
        /// The block.
        block: String,
        /// What was decided there.
        label: String,
        /// Why not.
        source: ObjectiveError,
    },
    /// A cost is NaN, infinite or negative where it cannot be.
    #[error("`{objective}` gives block `{block}` ({label}) the cost {value}, which is not finite")]
    NotFinite {
        /// The objective.
        objective: String,
        /// The block.
        block: String,
        /// What was decided there.
        label: String,
        /// The cost.
        value: String,
    },
}

impl Prices {
    /// The costs of an edge, one for each objective; nothing for an edge whose input does not reach its output.
    pub fn of(&self, edge: usize) -> Option<&[f64]> {
        self.rows[edge].as_deref()
    }

    /// How many edges cut the network in two, so that no architecture with them computes anything.
    pub fn dead(&self) -> usize {
        self.rows.iter().filter(|row| row.is_none()).count()
    }

    /// The values of a path; nothing if one of its edges is dead.
    pub fn along(&self, path: &[usize]) -> Option<Vec<f64>> {
        let mut values = self.constants.clone();
        for &edge in path {
            values.iter_mut().zip(self.of(edge)?).for_each(|(value, cost)| *value += cost);
        }
        Some(values)
    }
}

/// A fragment by content, names left out unless an objective reads them.
fn content(fragment: &Network, names: bool) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for id in fragment.ids() {
        let node = fragment.node(id);
        let inputs: Vec<usize> = fragment.inputs(id).into_iter().map(NodeId::index).collect();
        let name = if names { fragment.block_name(node.block) } else { "" };
        hasher.update(format!("{name} {:?} {} {inputs:?};", node.op, node.shape).as_bytes());
    }
    hasher.update(format!("{:?}", fragment.outputs()).as_bytes());
    *hasher.finalize().as_bytes()
}

/// Prices every edge of `graph`. `step` is told how many more edges are done;
///
/// # Errors
/// The first edge, in the order of the graph, that some objective cannot price.
pub fn price(
    graph: &ChoiceGraph,
    objectives: &[&dyn Objective],
    step: &(dyn Fn(u64) + Sync),
) -> Result<Prices, PricingError> {
    let additive = objectives
        .iter()
        .map(|objective| objective.additive().ok_or_else(|| PricingError::NotAdditive(objective.name().to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    let names = additive.iter().any(|objective| objective.reads_names());
    let edges = graph.edges().len();
    let keys: Vec<[u8; 32]> = (0..edges)
        .into_par_iter()
        .map(|edge| content(&graph.fragment(edge), names))
        .collect();
    let mut first: HashMap<[u8; 32], usize> = HashMap::new();
    let mut representatives = Vec::new();
    let mut sharers = Vec::new();
    let class: Vec<usize> = keys
        .iter()
        .enumerate()
        .map(|(edge, key)| {
            let class = *first.entry(*key).or_insert_with(|| {
                representatives.push(edge);
                sharers.push(0u64);
                representatives.len() - 1
            });
            sharers[class] += 1;
            class
        })
        .collect();

    let priced: Vec<Result<(Option<Box<[f64]>>, Vec<String>), PricingError>> = representatives
        .par_iter()
        .zip(&sharers)
        .map(|(&edge, &shared)| {
            let fragment = graph.fragment(edge);
            if fragment.live().count() == 0 {
                step(shared);
                return Ok((None, Vec::new()));
            }
            let mut row = Vec::with_capacity(objectives.len());
            let mut flags = Vec::new();
            for (objective, additive) in objectives.iter().zip(&additive) {
                let place = || (objective.name().to_owned(), graph.position(edge), label(graph, edge));
                let value = additive.fragment(&fragment).map_err(|source| {
                    let (objective, block, label) = place();
                    PricingError::Fragment { objective, block, label, source }
                })?;
                if !value.is_finite() {
                    let (objective, block, label) = place();
                    return Err(PricingError::NotFinite { objective, block, label, value: value.to_string() });
                }
                row.push(value);
                flags.extend(objective.flags(&fragment));
            }
            step(shared);
            Ok((Some(row.into_boxed_slice()), flags))
        })
        .collect();
    let priced = priced.into_iter().collect::<Result<Vec<_>, _>>()?;

    let mut flags: Vec<(String, usize)> = Vec::new();
    for flag in priced.iter().flat_map(|(_, flags)| flags) {
        match flags.iter_mut().find(|(known, _)| known == flag) {
            Some((_, count)) => *count += 1,
            None => flags.push((flag.clone(), 1)),
        }
    }
    Ok(Prices {
        rows: class.into_iter().map(|class| priced[class].0.clone()).collect(),
        constants: additive.iter().map(|objective| objective.constant()).collect(),
        distinct: priced.len(),
        flags,
    })
}

fn label(graph: &ChoiceGraph, edge: usize) -> String {
    let label = graph.label(edge);
    if label.is_empty() { "nothing decided".to_owned() } else { label }
}

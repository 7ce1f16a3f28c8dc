//! What every edge of a choice graph costs: each variant is built and judged once, on all cores.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Objective, ObjectiveError};
use crate::graph::Op;
use crate::space::ChoiceGraph;

/// The costs of every edge of a choice graph.
#[derive(Clone, Debug)]
pub struct Prices {
    /// One row for each variant, one column for each objective; no row where the variant is dead.
    rows: Vec<Option<Box<[f64]>>>,
    /// The variant of each edge.
    variants: Vec<u32>,
    /// Once per network, for each objective.
    pub constants: Vec<f64>,
    /// What readers must know about the fragments, each with how many of them it concerns, most common first.
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
    /// One of several inputs of a fragment does not reach its output, so what is live before it is not its own matter.
    #[error(
        "block `{block}` ({label}) takes several tensors and drops one, so that what is before it counts in some architectures \
         only, and nothing adds up along a path; offer nothing there that cuts a single input"
    )]
    HalfDead {
        /// The block.
        block: String,
        /// What was decided there.
        label: String,
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
        self.rows[self.variants[edge] as usize].as_deref()
    }

    /// How many edges cut the network in two, so that no architecture with them computes anything.
    pub fn dead(&self) -> usize {
        (0..self.variants.len()).filter(|&edge| self.of(edge).is_none()).count()
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

/// The costs of a variant, one for each objective, or nothing where it is dead; and what is to be known about them.
type Row = (Option<Box<[f64]>>, Vec<String>);

/// Prices every edge of `graph`: each variant once. `step` is told how many more of them are done.
///
/// # Errors
/// The first variant, in the order of the graph, that some objective cannot price.
pub fn price(
    graph: &ChoiceGraph,
    objectives: &[&dyn Objective],
    step: &(dyn Fn(u64) + Sync),
) -> Result<Prices, PricingError> {
    let additive = objectives
        .iter()
        .map(|objective| objective.additive().ok_or_else(|| PricingError::NotAdditive(objective.name().to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    let place = |variant: usize| {
        let edge = graph.edges().iter().position(|edge| edge.variant as usize == variant);
        edge.map_or_else(Default::default, |edge| (graph.position(edge), label(graph, edge)))
    };
    let priced: Vec<Result<Row, PricingError>> = (0..graph.variants())
        .into_par_iter()
        .map(|variant| {
            let fragment = graph.fragment(variant);
            step(1);
            let live = fragment.live();
            if live.count() == 0 {
                return Ok((None, Vec::new()));
            }
            // A tensor that only passes by, for a later block to take, is no input of this one.
            let taken = |input| fragment.ids().any(|id| fragment.inputs(id).contains(&input));
            let is_cut = |id| matches!(fragment.node(id).op, Op::Input { .. }) && !live.contains(id) && taken(id);
            if fragment.ids().any(is_cut) {
                let (block, label) = place(variant);
                return Err(PricingError::HalfDead { block, label });
            }
            let mut row = Vec::with_capacity(objectives.len());
            let mut flags = Vec::new();
            for (objective, additive) in objectives.iter().zip(&additive) {
                let name = || objective.name().to_owned();
                let value = additive.fragment(&fragment).map_err(|source| {
                    let (block, label) = place(variant);
                    PricingError::Fragment { objective: name(), block, label, source }
                })?;
                if !value.is_finite() {
                    let (block, label) = place(variant);
                    return Err(PricingError::NotFinite { objective: name(), block, label, value: value.to_string() });
                }
                row.push(value);
                flags.extend(objective.flags(&fragment));
            }
            // A bound and its mean say the same, and count once.
            flags.sort_unstable();
            flags.dedup();
            Ok((Some(row.into_boxed_slice()), flags))
        })
        .collect();
    let priced = priced.into_iter().collect::<Result<Vec<_>, _>>()?;

    let mut flags: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = Vec::with_capacity(priced.len());
    for (row, found) in priced {
        rows.push(row);
        for flag in found {
            *flags.entry(flag).or_default() += 1;
        }
    }
    let mut flags: Vec<(String, usize)> = flags.into_iter().collect();
    flags.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Prices {
        rows,
        variants: graph.edges().iter().map(|edge| edge.variant).collect(),
        constants: additive.iter().map(|objective| objective.constant()).collect(),
        flags,
    })
}

fn label(graph: &ChoiceGraph, edge: usize) -> String {
    let label = graph.label(edge);
    if label.is_empty() { "nothing decided".to_owned() } else { label }
}

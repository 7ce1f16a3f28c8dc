//! The plan of a search: the space compiled, every edge priced, the limits in place.

use crate::config::{Relation, SearchConfig};
use crate::graph::Shape;
use crate::objective::{Count, CountKind, Objective, Prices, PricingError, price};
use crate::search::{self, CostGraph, Genotype, Role};
use crate::space::{Budget, ChoiceGraph, CompileError, Space};
use crate::yaml::Diagnostics;

use super::cost_graph::{ColumnSource, priced_graph};
use super::{Progress, StudyError};

/// A search that can be run.
#[derive(Debug)]
pub struct Plan {
    pub(super) config: SearchConfig,
    pub(super) graph: ChoiceGraph,
    /// Counts that are limited without being objectives.
    pub(super) counts: Vec<Count>,
    pub(super) prices: Prices,
    pub(super) columns: Vec<ColumnSource>,
    pub(super) costs: CostGraph,
    /// For each edge of the cost graph the edge of the choice graph; nothing for the overhead.
    pub(super) edges: Vec<Option<u32>>,
    /// For each limit of the config, the one of the search.
    pub(super) limits: Vec<search::Limit>,
}

/// What a quantity can reach over the whole space, limits left aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Reachable {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Plan {
    /// Compiles the space and prices its edges.
    ///
    /// # Errors
    /// [`StudyError::Input`] where the space has too many states, objectives cannot be compared over it or
    /// cannot price it, or no architecture of it computes anything.
    pub fn new(config: SearchConfig, progress: &dyn Progress) -> Result<Self, StudyError> {
        let graph = compile(&config.space, progress).map_err(|error| StudyError::Input(error.into()))?;
        Self::priced(config, graph, progress)
    }

    /// Prices the edges of the compiled space.
    pub(super) fn priced(
        config: SearchConfig,
        graph: ChoiceGraph,
        progress: &dyn Progress,
    ) -> Result<Self, StudyError> {
        refuse_unequal_inputs(&config, &graph)?;

        let counts = limited_counts(&config);
        let quantities = quantities(&config, &counts);
        progress.stage("Pricing the edges", Some(graph.variants() as u64));
        let prices = price(&graph, &quantities, &|by| progress.step(by))
            .map_err(|error| StudyError::Input(explain(&config, &error)))?;
        let remarks = match prices.flags.len() {
            0 => String::new(),
            n => format!("; {n} remarks on what the tables cover (`pocketnas plan` lists them)"),
        };
        progress.done(&format!("{} different fragments{remarks}", graph.variants()));

        let mut columns: Vec<ColumnSource> =
            config.objectives.iter().enumerate().map(|(i, o)| ColumnSource::objective(i, o.as_ref())).collect();
        let mut limits = Vec::new();
        for limit in &config.limits {
            let quantity = quantities.iter().position(|q| q.name() == limit.quantity).expect("limits name quantities");
            let sign = if limit.relation == Relation::AtMost { 1.0 } else { -1.0 };
            let known = columns.iter().position(|c| c.quantity == quantity && c.sign == sign);
            let column = known.unwrap_or_else(|| {
                columns.push(ColumnSource { quantity, sign, role: Role::Resource });
                columns.len() - 1
            });
            limits.push(search::Limit { column, at_most: sign * limit.bound });
        }
        // What is neither optimised nor limited is still summed, so that its range can be told.
        for (quantity, objective) in quantities.iter().enumerate() {
            if columns.iter().all(|column| column.quantity != quantity) {
                columns.push(ColumnSource { role: Role::Resource, ..ColumnSource::objective(quantity, *objective) });
            }
        }
        let (costs, edges) = priced_graph(&graph, &prices, &quantities, &columns)
            .map_err(|error| StudyError::Input(config.problem("objectives", error.to_string(), "")))?;
        Ok(Self { counts, prices, columns, costs, edges, limits, graph, config })
    }

    /// The config it was made from.
    pub fn config(&self) -> &SearchConfig {
        &self.config
    }

    /// The compiled space.
    pub fn graph(&self) -> &ChoiceGraph {
        &self.graph
    }

    /// What every edge costs.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Everything that is priced: the objectives, the quantities, then counts that are only limited.
    pub fn quantities(&self) -> Vec<&dyn Objective> {
        quantities(&self.config, &self.counts)
    }

    /// What each quantity can reach, in the order of [`quantities`](Self::quantities).
    ///
    /// # Errors
    /// [`StudyError::Input`] where no architecture of the space computes anything, or sums overflow.
    pub fn reachable(&self) -> Result<Vec<Reachable>, StudyError> {
        let reach = search::reach(&self.costs).map_err(|error| self.explain_front(error))?;
        let of = |quantity: usize| {
            let column = self.columns.iter().position(|c| c.quantity == quantity).expect("each quantity has a column");
            let (low, high) = (reach.min[column], reach.max[column]);
            if self.columns[column].sign > 0.0 {
                Reachable { min: low, max: high }
            } else {
                Reachable { min: -high, max: -low }
            }
        };
        Ok((0..self.quantities().len()).map(of).collect())
    }

    /// The decisions of a point of the front.
    pub(super) fn genotype(&self, point: search::Point<'_>) -> Genotype {
        self.graph.genotype(&self.path(point.edges.iter().map(|&edge| edge as usize)))
    }

    /// The path of the choice graph behind a path of the cost graph.
    pub(super) fn path(&self, edges: impl IntoIterator<Item = usize>) -> Vec<usize> {
        edges.into_iter().filter_map(|edge| self.edges[edge]).map(|edge| edge as usize).collect()
    }
}

fn quantities<'a>(config: &'a SearchConfig, counts: &'a [Count]) -> Vec<&'a dyn Objective> {
    config.named().chain(counts.iter().map(|count| count as &dyn Objective)).collect()
}

/// The choice graph of a space.
pub(super) fn compile(space: &Space, progress: &dyn Progress) -> Result<ChoiceGraph, CompileError> {
    progress.stage("Compiling the space", None);
    let graph = space.compile(Budget::default());
    match &graph {
        Ok(graph) => {
            let (count, states, edges) = (graph.count(), graph.states(), graph.edges().len());
            progress.done(&format!("{count} architectures as paths through {states} states and {edges} edges"));
        }
        Err(CompileError::TooLarge(_)) => progress.done("too large for a choice graph"),
        Err(CompileError::Wrong(_)) => {}
    }
    graph
}

pub(super) fn limited_counts(config: &SearchConfig) -> Vec<Count> {
    let is_named = |name: &str| config.named().any(|objective| objective.name() == name);
    CountKind::ALL
        .into_iter()
        .filter(|kind| !is_named(kind.name()) && config.limits.iter().any(|limit| limit.quantity == kind.name()))
        .map(|kind| Count::new(kind.name(), None, kind))
        .collect()
}

/// Structural scores ignore the input size, or even rise as it falls.
pub(super) fn refuse_unequal_inputs(config: &SearchConfig, graph: &ChoiceGraph) -> Result<(), StudyError> {
    let shapes = graph.input_shapes();
    let Some(score) = config.named().find(|objective| !objective.compares_input_sizes()) else {
        return Ok(());
    };
    if shapes.len() < 2 {
        return Ok(());
    }
    Err(StudyError::Input(unequal_inputs(config, score, &shapes)))
}

/// That a score compares networks with different inputs.
pub(super) fn unequal_inputs(config: &SearchConfig, score: &dyn Objective, shapes: &[Shape]) -> Diagnostics {
    let sizes: Vec<String> = shapes.iter().take(3).map(ToString::to_string).collect();
    let message = format!(
        "`{}` compares scores of networks with different input sizes: `{}` chooses among {} ({}{})",
        score.name(),
        config.space.name(),
        shapes.len(),
        sizes.join(", "),
        if shapes.len() > sizes.len() { ", …" } else { "" }
    );
    let help = "a zero-shot score says nothing across input sizes (it ignores them, or rises as they fall): fix the input \
                size in the space, run one search for each size, or use another objective";
    config.problem(&config.place(score.name()), message, help)
}

fn explain(config: &SearchConfig, error: &PricingError) -> Diagnostics {
    let objective = match error {
        PricingError::NotAdditive(objective)
        | PricingError::Fragment { objective, .. }
        | PricingError::NotFinite { objective, .. } => objective,
        PricingError::HalfDead { .. } => return config.problem("space", error.to_string(), ""),
    };
    config.problem(&config.place(objective), error.to_string(), "")
}

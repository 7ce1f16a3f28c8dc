//! From a priced choice graph to the cost graph that is searched.

use crate::objective::{Direction, Objective, Prices};
use crate::search::{Column, CostGraph, GraphError, Role};
use crate::space::ChoiceGraph;

/// What a column of the cost graph holds: a quantity, negated where more of it is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnSource {
    /// Index among the priced quantities.
    pub quantity: usize,
    /// 1, or −1 where the column holds the negated quantity.
    pub sign: f64,
    /// Whether it is optimised or only limited.
    pub role: Role,
}

impl ColumnSource {
    /// The column of an objective.
    pub fn objective(quantity: usize, objective: &dyn Objective) -> Self {
        Self { quantity, sign: sign(objective.direction()), role: Role::Objective }
    }
}

/// 1 where lower is better, −1 where higher is.
pub(super) fn sign(direction: Direction) -> f64 {
    match direction {
        Direction::Lower => 1.0,
        Direction::Higher => -1.0,
    }
}

/// The cost graph of a priced choice graph, and for each of its edges the edge of the choice graph.
///
/// Dead edges are left out. What every network pays once is an edge of its own before the first state,
/// which stands for no edge of the choice graph.
///
/// # Errors
/// Columns that the search cannot carry.
pub fn priced_graph(
    graph: &ChoiceGraph,
    prices: &Prices,
    quantities: &[&dyn Objective],
    columns: &[ColumnSource],
) -> Result<(CostGraph, Vec<Option<u32>>), GraphError> {
    let heads = columns.iter().map(|column| {
        let quantity = quantities[column.quantity];
        let negated = column.sign < 0.0 && quantity.direction() == Direction::Lower;
        let name = if negated { format!("-{}", quantity.name()) } else { quantity.name().to_owned() };
        match column.role {
            Role::Objective => Column::objective(name, quantity.unit()),
            Role::Resource => Column::resource(name, quantity.unit()),
        }
    });
    let overhead = prices.constants.iter().any(|&constant| constant != 0.0);
    let shift = usize::from(overhead);
    let nodes = graph.states() + shift;
    let mut costs = CostGraph::new(heads.collect(), nodes, 0, nodes - 1)?;
    let mut edges = Vec::with_capacity(graph.edges().len() + shift);
    let mut row = vec![0.0; columns.len()];
    // `+ 0.0` turns minus zero into zero.
    let fill = |row: &mut [f64], values: &[f64]| {
        row.iter_mut().zip(columns).for_each(|(cell, column)| *cell = column.sign * values[column.quantity] + 0.0);
    };
    if overhead {
        fill(&mut row, &prices.constants);
        costs.add_edge(0, 1, &row)?;
        edges.push(None);
    }
    for (index, edge) in graph.edges().iter().enumerate() {
        if let Some(values) = prices.of(index) {
            fill(&mut row, values);
            costs.add_edge(edge.from as usize + shift, edge.to as usize + shift, &row)?;
            edges.push(Some(index as u32));
        }
    }
    Ok((costs, edges))
}

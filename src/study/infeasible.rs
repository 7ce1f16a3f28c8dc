//! Why there is no front, told at the line of the config that is to blame, with the block that binds.

use std::fmt::Write;

use super::{Plan, StudyError, present};
use crate::config::{Limit, Relation};
use crate::report::{Broken, Closest};
use crate::search::{self, Column, CostGraph, FrontError, Options, Role};

/// How many of the closest architectures are shown.
pub(super) const CLOSEST: usize = 5;

/// How many labels the trade-offs between limits may take: about a second of search.
const TRADE_OFFS: u64 = 10_000_000;

impl Plan {
    /// What the search says, in the words and at the place of the config.
    pub(super) fn explain_front(&self, error: FrontError) -> StudyError {
        let config = &self.config;
        match error {
            FrontError::LimitUnreachable { column, at_most, .. } => {
                let index = self
                    .limits
                    .iter()
                    .position(|limit| limit.at_most == at_most && self.costs.columns()[limit.column].name == column);
                match index {
                    Some(index) => self.unreachable_limit(index),
                    None => StudyError::Infeasible(config.problem("limits", "a limit cannot be met", "")),
                }
            }
            FrontError::LimitsConflict(_) => self.conflict(),
            FrontError::Budget { labels, done, .. } => {
                let message = format!(
                    "the exact front is too large to hold: {labels} partial architectures were kept when {done:.0} % of the space was done"
                );
                let help = "set `epsilon: 0.01` for a front that is certified to be within 1 % of each objective's range, \
                            or tighten a limit";
                let place = if config.epsilon > 0.0 { "epsilon" } else { "objectives" };
                StudyError::Input(config.problem(place, message, help))
            }
            FrontError::Unreachable { .. } => {
                let message = format!("no architecture of `{}` connects its input to its output", config.space.name());
                StudyError::Input(config.problem(
                    "space",
                    message,
                    "every path passes an operator that cuts the network",
                ))
            }
            other => StudyError::Input(config.problem("objectives", other.to_string(), "")),
        }
    }

    fn unreachable_limit(&self, index: usize) -> StudyError {
        let (limit, column) = (&self.config.limits[index], self.limits[index].column);
        let Ok(reach) = search::reach(&self.costs) else {
            return StudyError::Infeasible(self.config.problem("limits", format!("`{limit}` cannot be met"), ""));
        };
        let quantity = self.quantities()[self.columns[column].quantity];
        let sign = self.columns[column].sign;
        let best = sign * reach.min[column];
        let extreme = if sign > 0.0 { "smallest" } else { "largest" };
        let (name, unit) = (quantity.name(), unit(quantity.unit()));
        let message = format!(
            "nothing in `{}` satisfies `{limit}`: the {extreme} {name} it can reach is {}{unit}",
            self.config.space.name(),
            rounded(best)
        );
        let mut help = format!("relax the limit to {}{unit}", enough(best, sign > 0.0));
        if let Some((position, label, share)) = self.dearest(column, &reach.cheapest[column]) {
            let _ = write!(
                help,
                "; on the way there, block `{position}`{label} weighs most: {}{unit}. Offer something lighter there",
                rounded(share)
            );
        }
        StudyError::Infeasible(self.config.problem(&format!("limits[{index}]"), message, help))
    }

    /// The edge of a path that costs most in a column: its block, its decisions, its cost.
    fn dearest(&self, column: usize, path: &[usize]) -> Option<(String, String, f64)> {
        let cost = |edge: usize| self.costs.edge(edge).costs[column];
        let edge =
            path.iter().copied().filter(|&e| self.edges[e].is_some()).max_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
        let choice = self.edges[edge]? as usize;
        let label = self.graph.label(choice);
        let label = if label.is_empty() { label } else { format!(" ({label})") };
        Some((self.graph.position(choice), label, self.columns[column].sign * cost(edge)))
    }

    /// Each limit can be met, but not all at once: say how far each one is off while the others hold.
    fn conflict(&self) -> StudyError {
        let mut help = String::from("relax one of them");
        for (index, limit) in self.config.limits.iter().enumerate() {
            if let Some(best) = self.best_under_others(index) {
                let column = self.columns[self.limits[index].column];
                let quantity = self.quantities()[column.quantity];
                let value = rounded(column.sign * best);
                let _ = write!(
                    help,
                    "; while the others hold, {} reaches {value}{}",
                    limit.quantity,
                    unit(quantity.unit())
                );
            }
        }
        let all: Vec<String> = self.config.limits.iter().map(|limit| format!("`{limit}`")).collect();
        let message = format!(
            "each limit can be met alone, but nothing in `{}` meets {}",
            self.config.space.name(),
            all.join(" and ")
        );
        StudyError::Infeasible(self.config.problem("limits", message, help))
    }

    /// What comes closest to the limits where nothing meets them: the best trade-offs between the limited quantities, by
    /// the sum of what each is off, as a share of its bound.
    pub(super) fn closest(&self) -> Result<Vec<Closest>, StudyError> {
        let limited = |column: usize| self.limits.iter().any(|limit| limit.column == column);
        let Some(graph) = self.graph_with(limited) else { return Ok(Vec::new()) };
        let options = Options { epsilon: 0.01, max_labels: TRADE_OFFS, ..Options::default() };
        let Ok(front) = search::front(&graph, &options) else { return Ok(Vec::new()) };
        let off = |costs: &[f64]| -> f64 {
            let shares = self.limits.iter().map(|limit| {
                let over = (costs[limit.column] - limit.at_most).max(0.0);
                if limit.at_most == 0.0 { over } else { over / limit.at_most.abs() }
            });
            shares.sum()
        };
        let mut points: Vec<(f64, search::Point<'_>)> = front.points().map(|point| (off(point.costs), point)).collect();
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        points
            .into_iter()
            .take(CLOSEST)
            .enumerate()
            .map(|(rank, (_, point))| {
                let path = self.path(point.edges.iter().map(|&edge| edge as usize));
                let (judged, values) = self.judge_unlimited(&path, &format!("c{:03}", rank + 1))?;
                let value = |limit: &Limit| {
                    let at = self.quantities().iter().position(|quantity| quantity.name() == limit.quantity);
                    at.map(|at| values[at])
                };
                Ok(Closest { member: judged.member, broken: broken(&self.config.limits, value) })
            })
            .collect()
    }

    /// The cost graph with other columns to minimise.
    fn graph_with(&self, objective: impl Fn(usize) -> bool) -> Option<CostGraph> {
        let columns = self.costs.columns().iter().enumerate().map(|(index, column)| {
            let role = if objective(index) { Role::Objective } else { Role::Resource };
            Column { role, ..column.clone() }
        });
        let (source, sink) = (self.costs.source(), self.costs.sink());
        let mut graph = CostGraph::new(columns.collect(), self.costs.node_count(), source, sink).ok()?;
        for edge in self.costs.edges() {
            graph.add_edge(edge.from, edge.to, edge.costs).ok()?;
        }
        Some(graph)
    }

    /// The smallest sum of a limit's column while the other limits hold; nothing if even they conflict.
    pub(super) fn best_under_others(&self, index: usize) -> Option<f64> {
        let column = self.limits[index].column;
        let graph = self.graph_with(|index| index == column)?;
        let others = self.limits.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, limit)| *limit);
        let options = Options { limits: others.collect(), ..Options::default() };
        let front = search::front(&graph, &options).ok()?;
        front.points().next().map(|point| point.costs[column])
    }
}

/// The limits that values break, the worst first as a share of its bound.
pub(super) fn broken(limits: &[Limit], value: impl Fn(&Limit) -> Option<f64>) -> Vec<Broken> {
    let mut broken: Vec<(f64, Broken)> = limits
        .iter()
        .filter_map(|limit| {
            let value = value(limit)?;
            let by = if limit.relation == Relation::AtMost { value - limit.bound } else { limit.bound - value };
            let share = if limit.bound == 0.0 { by } else { by / limit.bound.abs() };
            let sentence = present::limit(limit).sentence();
            (by > 0.0).then(|| (share, Broken { limit: sentence, value, by, unit: limit.unit.clone() }))
        })
        .collect();
    broken.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    broken.into_iter().map(|(_, broken)| broken).collect()
}

/// Six digits.
pub(super) fn rounded(value: f64) -> String {
    shortened(value, f64::round)
}

/// Six digits, rounded to the side on which a limit of that value can be met.
fn enough(value: f64, upwards: bool) -> String {
    shortened(value, if upwards { f64::ceil } else { f64::floor })
}

fn shortened(value: f64, round: impl Fn(f64) -> f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (5 - value.abs().log10().floor() as i32).clamp(0, 12);
    let unit = 10f64.powi(digits);
    let text = format!("{:.1$}", round(value * unit) / unit, digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn unit(unit: &str) -> String {
    if unit == "1" { String::new() } else { format!(" {unit}") }
}

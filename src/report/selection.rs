//! Questions about the data that several writers ask: in which order do members
//! stand, which of them may no shortened view leave out.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Direction, Limit, Member, Relation, ReportData};
use crate::pareto;

impl ReportData {
    /// Indices into `front`, best first objective first, ties by the next ones,
    /// then by hash and identifier, so that equal data give equal files.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.front.len()).collect();
        order.sort_by(|&a, &b| {
            let (left, right) = (&self.front[a], &self.front[b]);
            self.objectives
                .iter()
                .zip(left.values.iter().zip(&right.values))
                .map(|(objective, (x, y))| objective.direction.cost(*x).total_cmp(&objective.direction.cost(*y)))
                .find(|ordering| ordering.is_ne())
                .unwrap_or_else(|| (&left.hash, &left.id, a).cmp(&(&right.hash, &right.id, b)))
        });
        order
    }

    /// The objective values of the front as costs: lower is always better.
    pub fn costs(&self) -> Vec<Vec<f64>> {
        let cost = |member: &Member| -> Vec<f64> {
            let values = member.values.iter().zip(&self.objectives);
            values.map(|(value, objective)| objective.direction.cost(*value)).collect()
        };
        self.front.iter().map(cost).collect()
    }

    /// The member where giving up a little of one objective buys most of another.
    pub fn find_knee(&self) -> Option<usize> {
        pareto::knee(&self.costs())
    }

    /// The best member in an objective that no limit holds down, one to be raised before one to be lowered; nothing
    /// without limits.
    pub fn find_best_under_limit(&self) -> Option<usize> {
        if self.limits.is_empty() {
            return None;
        }
        let limited = |name: &str| self.limits.iter().any(|limit| limit.quantity == name);
        let mut free = (0..self.objectives.len()).filter(|&at| !limited(&self.objectives[at].name));
        let raised = |&at: &usize| self.objectives[at].direction == Direction::Maximise;
        let free = free.clone().find(raised).or_else(|| free.next())?;
        let costs = self.costs();
        (0..costs.len()).min_by(|&a, &b| costs[a][free].total_cmp(&costs[b][free]))
    }

    /// The samples that are finite, and how many others there are.
    pub(super) fn finite_samples(&self) -> (Vec<&[f64]>, usize) {
        let finite = finite(&self.sampled);
        let dropped = self.sampled.len() - finite.len();
        (finite, dropped)
    }

    /// The candidates outside the limits whose values are all known.
    pub(super) fn finite_infeasible(&self) -> Vec<&[f64]> {
        finite(&self.infeasible)
    }

    /// The members no shortened view may leave out, each with what is special
    /// about it: the best in each objective, knee, best under the limit.
    pub(super) fn landmarks(&self, order: &[usize]) -> BTreeMap<usize, String> {
        let mut remarks: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        if let Some(index) = self.best_under_limit {
            remarks.entry(index).or_default().push(self.best_phrase().to_owned());
        }
        if let Some(index) = self.knee {
            remarks.entry(index).or_default().push("knee".to_owned());
        }
        for (column, objective) in self.objectives.iter().enumerate() {
            let cost = |member: usize| objective.direction.cost(self.front[member].values[column]);
            // With one member, being the best says nothing.
            let contested = order.iter().any(|&index| cost(index) != cost(order[0]));
            if let Some(index) =
                order.iter().copied().min_by(|&a, &b| cost(a).total_cmp(&cost(b))).filter(|_| contested)
            {
                let word = match objective.direction {
                    Direction::Minimise => "lowest",
                    Direction::Maximise => "highest",
                };
                remarks.entry(index).or_default().push(format!("{word} {}", objective.name));
            }
        }
        remarks.into_iter().map(|(index, remarks)| (index, remarks.join(", "))).collect()
    }

    /// What the best member is the best of.
    pub(super) fn best_phrase(&self) -> &'static str {
        match self.limits.as_slice() {
            [] => "best",
            [Limit { relation: Relation::AtMost, .. }] => "best under the limit",
            [_] => "best over the limit",
            _ => "best within the limits",
        }
    }

    /// At most `room` members in the order of [`order`](Self::order): the
    /// landmarks, and others evenly spread over the rest.
    pub(super) fn representatives(&self, room: usize) -> Vec<usize> {
        let order = self.order();
        if order.len() <= room {
            return order;
        }
        let landmarks = self.landmarks(&order);
        let ranks = order.iter().enumerate().filter(|(_, index)| landmarks.contains_key(index));
        let mut chosen: BTreeSet<usize> = ranks.map(|(rank, _)| rank).take(room).collect();
        let rest = room - chosen.len();
        chosen.extend((1..=rest).map(|step| step * order.len() / (rest + 1)));
        chosen.into_iter().map(|rank| order[rank]).collect()
    }
}

fn finite(rows: &[Vec<f64>]) -> Vec<&[f64]> {
    rows.iter().map(Vec::as_slice).filter(|row| row.iter().all(|value| value.is_finite())).collect()
}

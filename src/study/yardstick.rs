//! What the exact search knows, for other strategies to be measured against: the front itself, and the outcome of any
//! genotype from the prices along its path.

use super::{Plan, Progress, StudyError};
use crate::search::{Gene, Outcome, Role};

/// The front that no strategy can pass.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactFront {
    /// One row for each member, one value for each objective, all to be minimised: negated where more is better.
    pub points: Vec<Vec<f64>>,
    /// Whether the whole exact front is here.
    pub complete: bool,
}

impl Plan {
    /// The exact front as points.
    ///
    /// # Errors
    /// [`StudyError`]: nothing feasible, or a front too large.
    pub fn exact(&self, progress: &dyn Progress) -> Result<ExactFront, StudyError> {
        let front = self.front(progress)?;
        let is_objective = |(column, _): &(usize, &f64)| self.columns[*column].role == Role::Objective;
        let points = front
            .points()
            .map(|point| point.costs.iter().enumerate().filter(is_objective).map(|(_, &cost)| cost).collect());
        Ok(ExactFront { points: points.collect(), complete: front.complete })
    }

    /// What becomes of a genotype, by the prices along its path.
    pub fn outcome(&self, genotype: &[Gene]) -> Outcome {
        let failed = |reason: &str| Outcome::Failed { reason: reason.to_owned() };
        let Some(path) = self.graph.path_of(genotype) else {
            return failed("it does not belong to the space");
        };
        let Some(values) = self.prices.along(&path) else {
            return failed("it computes nothing: its input does not reach its output");
        };
        let column = |column: usize| self.columns[column].sign * values[self.columns[column].quantity];
        let violations: Vec<f64> =
            self.limits.iter().map(|limit| (column(limit.column) - limit.at_most).max(0.0)).collect();
        if violations.iter().any(|&violation| violation > 0.0) {
            return Outcome::Infeasible { violations };
        }
        let objectives = (0..self.columns.len()).filter(|&i| self.columns[i].role == Role::Objective).map(column);
        Outcome::Complete { objectives: objectives.collect() }
    }
}

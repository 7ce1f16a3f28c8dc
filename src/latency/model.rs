//! The operator model: what an operator costs, as non-negative coefficients
//! times the counts that its geometry gives (`terms`).

use super::{Kernel, Term};
use crate::units::Millis;

/// A cost per unit of each term.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorModel {
    coefficients: Vec<(Term, f64)>,
}

impl OperatorModel {
    /// A model from terms and their costs in ms per unit. Both are checked by whoever reads or fits them:
    /// finite, not negative, each term once.
    pub(super) fn new(coefficients: Vec<(Term, f64)>) -> Self {
        Self { coefficients }
    }

    /// The terms and their costs.
    ///
    /// # Units
    /// ms per unit of the term.
    pub fn coefficients(&self) -> &[(Term, f64)] {
        &self.coefficients
    }

    /// The model of a device that takes so many times as long for everything.
    pub(super) fn times(&self, ratio: f64) -> Self {
        Self::new(self.coefficients.iter().map(|&(term, cost)| (term, ratio * cost)).collect())
    }

    /// What one operator costs: a pure function of its geometry.
    pub fn price(&self, kernel: &Kernel) -> Millis {
        Millis(self.coefficients.iter().filter(|(_, c)| *c > 0.0).map(|(term, c)| c * term.count(kernel)).sum())
    }

    /// What a network costs besides its operators.
    pub fn overhead(&self) -> Millis {
        Millis(self.coefficients.iter().filter(|(term, _)| *term == Term::Network).map(|(_, c)| c).sum())
    }

    /// What a whole network costs.
    pub fn total(&self, kernels: &[Kernel]) -> Millis {
        self.overhead() + kernels.iter().map(|kernel| self.price(kernel)).sum()
    }
}

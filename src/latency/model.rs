//! The operator model: what an operator costs, as non-negative coefficients
//! times the counts that its geometry gives (`terms`).

use super::terms::SEQUENCES;
use super::{Kernel, KernelKind, Term};
use crate::units::Millis;

/// A cost per unit of each term.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorModel {
    coefficients: Vec<(Term, f64)>,
    /// Those that a kind of operator can have any of, in the order of [`KernelKind::ALL`]: searches price millions.
    by_kind: Vec<Vec<(Term, f64)>>,
}

impl OperatorModel {
    /// A model from terms and their costs in ms per unit. Both are checked by whoever reads or fits them:
    /// finite, not negative, each term once.
    pub(super) fn new(coefficients: Vec<(Term, f64)>) -> Self {
        let of_kind = |kind: KernelKind| -> Vec<(Term, f64)> {
            coefficients.iter().copied().filter(|(term, cost)| *cost > 0.0 && term.concerns(kind)).collect()
        };
        let by_kind = KernelKind::ALL.into_iter().map(of_kind).collect();
        Self { coefficients, by_kind }
    }

    /// The terms and their costs.
    ///
    /// # Units
    /// ms per unit of the term.
    pub fn coefficients(&self) -> &[(Term, f64)] {
        &self.coefficients
    }

    /// Whether it has costs that only networks of tokens have.
    pub(super) fn has_sequences(&self) -> bool {
        self.coefficients.iter().any(|(term, _)| SEQUENCES.contains(term))
    }

    /// The model of a device that takes so many times as long for everything.
    pub(super) fn times(&self, ratio: f64) -> Self {
        Self::new(self.coefficients.iter().map(|&(term, cost)| (term, ratio * cost)).collect())
    }

    /// What one operator costs: a pure function of its geometry.
    pub fn price(&self, kernel: &Kernel) -> Millis {
        Millis(self.by_kind[kernel.kind as usize].iter().map(|(term, cost)| cost * term.count(kernel)).sum())
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

//! The class model: operators fall into classes by the way they run, and each
//! class has costs of its own, times amounts of work that follow from geometry
//! alone. All costs are non-negative, so a latency stays a sum over operators.
//!
//! It is for devices whose operators differ in kind more than one list of terms
//! can say: GPUs, where single operators were measured, and tables that rest on
//! whole cells or blocks. [`super::OperatorModel`] is for CPUs.

mod class;
mod fit;
mod neighbours;
mod prices;
mod work;

pub use class::Class;
pub use fit::{CELL, MOBILE_BLOCKS, OperatorFit, TimedNetwork, fit_operators, fit_totals};
use neighbours::Neighbours;
pub(super) use prices::ClassPrices;
pub use work::Work;

use super::Kernel;
use crate::units::Millis;

/// What turns a sum of operator times into the latency of a network: `scale · Σ time + operator · n + network`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// What a time measured alone is multiplied by.
    pub scale: f64,
    /// What every operator costs besides, ms.
    pub operator: f64,
    /// What every network costs besides, ms.
    pub network: f64,
}

impl Calibration {
    /// Sums are latencies as they are.
    pub const NONE: Self = Self { scale: 1.0, operator: 0.0, network: 0.0 };
}

/// The cost of one unit of work in operators of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassCost {
    /// The class.
    pub class: Class,
    /// The work.
    pub work: Work,
    /// ms per unit.
    pub cost: f64,
}

/// Costs by class of operator, and their calibration to whole networks.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassModel {
    costs: Vec<ClassCost>,
    calibration: Calibration,
    /// The costs that apply to each class, its stand-in's where it has none, in the order of [`Class::ALL`].
    applied: [Vec<(Work, f64)>; Class::ALL.len()],
}

impl ClassModel {
    /// A model from costs and calibration, all of them checked by whoever reads or fits them: finite, not negative,
    /// each work of a class once.
    pub(super) fn new(costs: Vec<ClassCost>, calibration: Calibration) -> Self {
        let own = |class: Class| -> Vec<(Work, f64)> {
            costs.iter().filter(|cost| cost.class == class).map(|cost| (cost.work, cost.cost)).collect()
        };
        let has_costs = |class: &Class| costs.iter().any(|cost| cost.class == *class);
        let applied = Class::ALL.map(|class| class.or_stand_in(has_costs).map(own).unwrap_or_default());
        Self { costs, calibration, applied }
    }

    /// The costs, as tables list them.
    ///
    /// # Units
    /// ms per unit of work.
    pub fn costs(&self) -> &[ClassCost] {
        &self.costs
    }

    /// The calibration to whole networks.
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// Whether an operator costs anything of its own here. The others are part of what their neighbours cost.
    pub fn prices(&self, kernel: &Kernel) -> bool {
        !self.applied[Class::of(kernel) as usize].is_empty()
    }

    /// What an operator takes alone, before calibration; `None` where it has no price of its own.
    pub(super) fn alone(&self, kernel: &Kernel) -> Option<f64> {
        let costs = &self.applied[Class::of(kernel) as usize];
        (!costs.is_empty()).then(|| costs.iter().map(|(work, cost)| cost * work.count(kernel)).sum())
    }

    /// What an operator that takes `alone` adds to a network.
    pub(super) fn calibrated(&self, alone: f64) -> Millis {
        Millis(self.calibration.scale * alone + self.calibration.operator)
    }

    /// What one operator adds to a network: a pure function of its geometry.
    pub fn price(&self, kernel: &Kernel) -> Millis {
        self.alone(kernel).map_or(Millis(0.0), |alone| self.calibrated(alone))
    }

    /// What a network costs besides its operators.
    pub fn overhead(&self) -> Millis {
        Millis(self.calibration.network)
    }

    /// What a whole network costs.
    pub fn total(&self, kernels: &[Kernel]) -> Millis {
        self.overhead() + kernels.iter().map(|kernel| self.price(kernel)).sum()
    }
}

#[cfg(test)]
mod tests;

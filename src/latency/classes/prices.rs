//! Prices from a class model and the operators that were measured: exact row,
//! then interpolation, then model.

use std::collections::HashMap;

use super::{ClassModel, Neighbours};
use crate::latency::{Kernel, MeasuredRow, Source};
use crate::units::Millis;

/// A class model with what measured rows say of it. The rows themselves stay with the table.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::latency) struct ClassPrices {
    pub(in crate::latency) model: ClassModel,
    neighbours: Neighbours,
}

impl ClassPrices {
    /// Prepares the look-up of neighbours.
    pub(in crate::latency) fn new(model: ClassModel, measured: &HashMap<Kernel, MeasuredRow>) -> Self {
        Self { neighbours: Neighbours::new(measured, &model), model }
    }

    /// What an operator takes alone, ms, and what that rests on; `None` where it has no price of its own.
    pub(super) fn alone(&self, kernel: &Kernel, row: Option<&MeasuredRow>) -> Option<(f64, Source)> {
        if let Some(row) = row {
            return Some((row.ms.0, Source::Measured));
        }
        let alone = self.model.alone(kernel)?;
        Some(match self.neighbours.ratio(kernel) {
            Some(ratio) => (alone * ratio, Source::Interpolated),
            None => (alone, Source::Fitted),
        })
    }

    /// What an operator adds to a network, given its measured row if there is one.
    pub(in crate::latency) fn price(&self, kernel: &Kernel, row: Option<&MeasuredRow>) -> (Millis, Source) {
        match self.alone(kernel, row) {
            Some((alone, source)) => (self.model.calibrated(alone), source),
            None => (Millis(0.0), Source::Fitted),
        }
    }
}

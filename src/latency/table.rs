//! Latency tables: what operators cost on one device, in one runtime, precision
//! and core set. A price comes from a measured row of exactly that operator
//! where there is one, from the fitted operator model otherwise.

use std::collections::HashMap;

use serde::Serialize;

use super::{Bound, BoundRatios, Coverage, Flag, Kernel, NoBound, OperatorModel};
use crate::units::Millis;

/// What a table says about itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableInfo {
    /// Its name: `galaxy-s10-exynos9820-1large-float`.
    pub table: String,
    /// The device, as its maker calls it.
    pub device: String,
    /// Its system on chip.
    pub soc: String,
    /// The runtime and its version.
    pub runtime: String,
    /// `float` or `quant`.
    pub precision: String,
    /// The core set.
    pub cores: String,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// Where a table's numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// Who measured what.
    pub source: String,
    /// The licence of the measurements.
    pub licence: String,
    /// What a reader has to know before trusting a number.
    pub note: String,
    /// The command that made the table.
    pub command: String,
    /// The files it read, with their BLAKE3 hashes.
    pub files: Vec<SourceFile>,
    /// How many measured networks it was fitted to; `None` for tables of measured rows alone.
    pub networks: Option<u64>,
    /// The error on networks left out; `None` if none were.
    pub error: Option<FitError>,
}

/// A file that a table was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    /// File name without its folder.
    pub name: String,
    /// BLAKE3 hash in hexadecimal.
    pub blake3: String,
}

/// The error of a fit on networks that it had not seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FitError {
    /// What was left out together: `families` or `folds`.
    pub left_out: String,
    /// Mean absolute relative error, percent.
    pub mape: f64,
    /// Share of networks within 10 %, percent.
    pub within_10: f64,
    /// Rank correlation of predicted and measured latencies.
    pub spearman: f64,
    /// The 17-term baseline's mean absolute relative error on the same splits, percent.
    pub baseline_mape: f64,
    /// Share of networks under the bound at 95 %, made without their group, percent; `None` without bounds.
    pub coverage: Option<f64>,
    /// Median of that bound over the mean.
    pub bound_over_mean: Option<f64>,
}

/// The measured cost of one operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredRow {
    /// Mean.
    pub ms: Millis,
    /// Standard deviation.
    pub std: Millis,
    /// Number of runs.
    pub count: u64,
}

/// What a price rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A measurement of exactly this operator.
    Measured,
    /// The operator model, fitted to whole networks.
    Fitted,
}

/// The price of an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// What it costs.
    pub ms: Millis,
    /// What that rests on.
    pub source: Source,
    /// Where it goes beyond what was measured.
    pub flags: Vec<Flag>,
}

/// A checked table.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyTable {
    pub(super) info: TableInfo,
    pub(super) model: OperatorModel,
    pub(super) coverage: Coverage,
    pub(super) measured: HashMap<Kernel, MeasuredRow>,
    pub(super) ratios: Option<BoundRatios>,
}

impl LatencyTable {
    /// A table of a fitted model.
    pub fn fitted(info: TableInfo, model: OperatorModel, coverage: Coverage) -> Self {
        Self { info, model, coverage, measured: HashMap::new(), ratios: None }
    }

    /// The same table with what upper bounds are made from.
    pub fn with_ratios(mut self, ratios: BoundRatios) -> Self {
        self.ratios = Some(ratios);
        self
    }

    /// What upper bounds are made from, if the fit was compared with networks left out.
    pub fn ratios(&self) -> Option<&BoundRatios> {
        self.ratios.as_ref()
    }

    /// What a latency is multiplied by to get an upper bound on it that holds at a confidence.
    ///
    /// # Errors
    /// A table without ratios of networks left out, and a confidence that their number does not give.
    pub fn bound_factor(&self, confidence: f64) -> Result<f64, NoBound> {
        self.ratios.as_ref().ok_or(NoBound::NotCalibrated)?.factor(confidence)
    }

    /// The upper bound on a latency of that mean.
    ///
    /// # Errors
    /// As [`bound_factor`](Self::bound_factor).
    pub fn bound(&self, mean: Millis, confidence: f64) -> Result<Bound, NoBound> {
        Ok(Bound { ms: Millis(mean.0 * self.bound_factor(confidence)?), confidence })
    }

    /// What it says about itself.
    pub fn info(&self) -> &TableInfo {
        &self.info
    }

    /// What an axis calls its latencies: device, precision and cores.
    pub fn label(&self) -> String {
        let info = &self.info;
        format!("{} ({}) latency, {}, {}", info.device, info.soc, info.precision, info.cores)
    }

    /// What a reader of its latencies has to know, in a sentence or two.
    pub fn about(&self) -> String {
        let info = &self.info;
        let mut about = format!(
            "{} ({}), {}, {}, cores {}: {}",
            info.device, info.soc, info.runtime, info.precision, info.cores, info.provenance.source
        );
        if let Some(error) = &info.provenance.error {
            about += &format!(". Mean error {:.1} % on networks of {} left out of the fit", error.mape, error.left_out);
            if let Some(coverage) = error.coverage {
                about += &format!(", {coverage:.1} % of them under their bound at 95 %");
            }
        }
        if !info.provenance.note.is_empty() {
            about += &format!(". {}", info.provenance.note);
        }
        about
    }

    /// The operator model of its fitted rows.
    pub fn model(&self) -> &OperatorModel {
        &self.model
    }

    /// What the fit has seen.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The measured rows.
    pub fn measured(&self) -> &HashMap<Kernel, MeasuredRow> {
        &self.measured
    }

    /// What a network costs besides its operators.
    pub fn overhead(&self) -> Millis {
        self.model.overhead()
    }

    /// The cost of an operator alone, without flags: the quick path for searches.
    pub fn cost(&self, kernel: &Kernel) -> Millis {
        match self.measured_row(kernel) {
            Some(row) => row.ms,
            None => self.model.price(kernel),
        }
    }

    /// The price of an operator: a pure function of its geometry.
    pub fn price(&self, kernel: &Kernel) -> Priced {
        match self.measured_row(kernel) {
            Some(row) => Priced { ms: row.ms, source: Source::Measured, flags: Vec::new() },
            None => Priced { ms: self.model.price(kernel), source: Source::Fitted, flags: self.coverage.flags(kernel) },
        }
    }

    /// The cost of a whole list of operators, overhead included.
    pub fn total(&self, kernels: &[Kernel]) -> Millis {
        self.overhead() + kernels.iter().map(|kernel| self.cost(kernel)).sum()
    }

    fn measured_row(&self, kernel: &Kernel) -> Option<&MeasuredRow> {
        // Most tables have no measured rows, and hashing is the dearest part of a price.
        if self.measured.is_empty() { None } else { self.measured.get(kernel) }
    }
}

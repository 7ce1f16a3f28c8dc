//! Latency tables: what operators cost on one device, in one runtime, precision
//! and core set. A price comes from a measured row of exactly that operator
//! where there is one, from the fitted operator model otherwise.

use std::collections::HashMap;

use serde::Serialize;

use super::classes::{ClassModel, ClassPrices};
use super::{Bound, BoundRatios, Coverage, Flag, Kernel, NoBound, OperatorModel};
use crate::units::Millis;

/// What a table says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    /// What was left out together: `families`, `folds`, `operators` or `resolutions`.
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

/// What a price rests on, from the strongest to the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A measurement of exactly this operator.
    Measured,
    /// The model, corrected by measurements of operators that differ in size only.
    Interpolated,
    /// The model alone, fitted to whole networks or to single operators.
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
    pub(super) classes: Option<ClassPrices>,
    /// Blocks measured as a whole; their operators are sorted.
    pub(super) blocks: HashMap<Vec<Kernel>, MeasuredRow>,
    pub(super) ratios: Option<BoundRatios>,
}

impl LatencyTable {
    /// A table of a fitted model.
    pub fn fitted(info: TableInfo, model: OperatorModel, coverage: Coverage) -> Self {
        let (measured, blocks) = (HashMap::new(), HashMap::new());
        Self { info, model, coverage, measured, classes: None, blocks, ratios: None }
    }

    /// A table of a class model, and of the operators that were measured themselves, if they are to be in it.
    pub fn by_class(
        info: TableInfo,
        model: ClassModel,
        coverage: Coverage,
        measured: HashMap<Kernel, MeasuredRow>,
    ) -> Self {
        let classes = Some(ClassPrices::new(model, &measured));
        let model = OperatorModel::new(Vec::new());
        Self { info, model, coverage, measured, classes, blocks: HashMap::new(), ratios: None }
    }

    /// The same table with blocks that were measured as a whole; a block of exactly these operators costs that.
    pub fn with_blocks(mut self, blocks: impl IntoIterator<Item = (Vec<Kernel>, MeasuredRow)>) -> Self {
        let sorted = |(mut kernels, row): (Vec<Kernel>, MeasuredRow)| {
            kernels.sort_unstable();
            (kernels, row)
        };
        self.blocks = blocks.into_iter().map(sorted).collect();
        self
    }

    /// The measurement of a block of these operators as a whole.
    pub(super) fn block_row(&self, kernels: &[Kernel]) -> Option<&MeasuredRow> {
        if self.blocks.is_empty() {
            return None;
        }
        let mut kernels = kernels.to_vec();
        kernels.sort_unstable();
        self.blocks.get(&kernels)
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
            let left_out = match &*error.left_out {
                "operators" => "networks of operator sets",
                "resolutions" => "blocks of resolutions",
                other => &format!("networks of {other}"),
            };
            about += &format!(". Mean error {:.1} % on {left_out} left out of the fit", error.mape);
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

    /// The class model, of a table that has one.
    pub fn classes(&self) -> Option<&ClassModel> {
        self.classes.as_ref().map(|classes| &classes.model)
    }

    /// How many fitted rows there are.
    pub fn fitted_rows(&self) -> usize {
        self.model.coefficients().len() + self.classes().map_or(0, |classes| classes.costs().len())
    }

    /// Whether it has a price of its own for an operator. Of those that operator lists leave out it has one where it was
    /// measured or fitted with them; elsewhere they are part of what the others cost.
    pub fn prices(&self, kernel: &Kernel) -> bool {
        if !kernel.kind.is_folded() {
            return true;
        }
        match self.classes() {
            Some(classes) => classes.prices(kernel),
            None => self.coverage.kind(kernel.kind, kernel.is_over_sequence()).is_some(),
        }
    }

    /// What the fit has seen.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How many measured rows there are, of operators and of blocks.
    pub fn measured_rows(&self) -> usize {
        self.measured.len() + self.blocks.len()
    }

    /// The measured rows of operators.
    pub fn measured(&self) -> &HashMap<Kernel, MeasuredRow> {
        &self.measured
    }

    /// What a network costs besides its operators.
    pub fn overhead(&self) -> Millis {
        self.classes().map_or_else(|| self.model.overhead(), ClassModel::overhead)
    }

    /// The cost of an operator alone, without flags: the quick path for searches.
    pub fn cost(&self, kernel: &Kernel) -> Millis {
        self.priced(kernel).0
    }

    fn priced(&self, kernel: &Kernel) -> (Millis, Source) {
        let row = self.measured_row(kernel);
        match (&self.classes, row) {
            (Some(classes), row) => classes.price(kernel, row),
            (None, Some(row)) => (row.ms, Source::Measured),
            (None, None) if self.prices(kernel) => (self.model.price(kernel), Source::Fitted),
            (None, None) => (Millis(0.0), Source::Fitted),
        }
    }

    /// The price of an operator: a pure function of its geometry.
    pub fn price(&self, kernel: &Kernel) -> Priced {
        let (ms, source) = self.priced(kernel);
        let known = source == Source::Measured || !self.prices(kernel);
        let mut flags = if known { Vec::new() } else { self.coverage.flags(kernel) };
        // Flags of what is not covered say as much.
        if flags.is_empty() && source == Source::Fitted && kernel.is_over_sequence() && self.model.has_sequences() {
            flags.push(Flag::NotBounded { operator: kernel.kind.name() });
        }
        Priced { ms, source, flags }
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

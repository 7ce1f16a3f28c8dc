//! Reads measured networks and operator lists from CSV, every value checked.
//! The columns are those of the qed-usc mobile-ml-benchmark files (EdgeSys
//! 2024); of operator lists only the geometry is read, never a measured column.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::{Kernel, KernelKind, LatencyError};
use crate::yaml::nearest;

pub use architectures::read_architectures;
pub use times::{OperatorTimes, read_operator_times};

/// Which measurements of a file with several devices are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Device, as the file names it.
    pub device: String,
    /// Core set, as the file names it: `1large`, `4small`.
    pub cores: String,
    /// `float` or `quant`.
    pub precision: String,
}

/// One measured network.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Model name, or path of an architecture file.
    pub network: String,
    /// Mean latency in ms.
    pub ms: f64,
}

/// The operators of one network, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorList {
    /// Model name.
    pub model: String,
    /// Its operators, hidden ones included.
    pub kernels: Vec<Kernel>,
}

/// A CSV file read whole: header and rows with their line numbers.
pub(super) struct Csv<'a> {
    path: &'a Path,
    header: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl<'a> Csv<'a> {
    pub(super) fn read(path: &'a Path) -> Result<Self, LatencyError> {
        let bytes = std::fs::read(path).map_err(LatencyError::read(path))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            LatencyError::content(path, format!("line {line} is not UTF-8 text; save the file as UTF-8"))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let broken = |e: csv::Error| LatencyError::content(path, format!("not a CSV table: {e}"));
        let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(broken)?;
            rows.push((record.position().map_or(0, csv::Position::line), record));
        }
        if rows.is_empty() {
            return Err(LatencyError::content(path, "has no rows; it needs a header and at least one row"));
        }
        let csv = Self { path, header, rows };
        let mut seen = HashSet::new();
        if let Some(twice) = csv.header.iter().find(|name| !seen.insert(*name)) {
            return Err(LatencyError::content(path, format!("has two columns named `{twice}`")));
        }
        Ok(csv)
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    pub(super) fn column<'c>(&self, name: &'c str) -> Result<Column<'c>, LatencyError> {
        let index = self.header.iter().position(|h| h == name).ok_or_else(|| {
            let problem = format!("has no column `{name}`; its columns are: {}", self.header.join(", "));
            LatencyError::content(self.path, problem)
        })?;
        Ok(Column { name, index })
    }

    /// The rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row { csv: self, line: *line, record })
    }

    fn wrong(&self, line: u64, column: Column<'_>, value: &str, problem: impl Into<String>) -> LatencyError {
        LatencyError::Value {
            path: self.path.to_owned(),
            line,
            column: column.name.to_owned(),
            value: value.to_owned(),
            problem: problem.into(),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Column<'c> {
    name: &'c str,
    index: usize,
}

/// A row with what is needed to say where a bad value stands.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    csv: &'a Csv<'a>,
    line: u64,
    record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    pub(super) fn text(self, column: Column<'_>) -> &'a str {
        self.record.get(column.index).unwrap_or("")
    }

    fn wrong(self, column: Column<'_>, problem: impl Into<String>) -> LatencyError {
        self.csv.wrong(self.line, column, self.text(column), problem)
    }

    pub(super) fn latency(self, column: Column<'_>) -> Result<f64, LatencyError> {
        match self.text(column).parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
            _ => Err(self.wrong(column, "a latency is a finite number above zero")),
        }
    }

    /// A size or count; `absent` stands in for an empty cell.
    fn count(self, column: Column<'_>, absent: Option<u32>) -> Result<u32, LatencyError> {
        let text = self.text(column);
        match (text.parse::<u32>(), absent) {
            (Ok(value), _) if (1..=1 << 20).contains(&value) => Ok(value),
            (Err(_), Some(absent)) if text.is_empty() => Ok(absent),
            _ => Err(self.wrong(column, "a whole number from 1 to 1048576 is needed here")),
        }
    }
}

/// The latencies that `selector` picks, in ms, in the order of the file.
///
/// Two layouts are read. With columns `model, device, cores, precision,
/// mean_us` the selector picks rows, and the values are microseconds. With
/// columns `network, ms` all rows are taken, and the values are milliseconds.
///
/// # Errors
/// Missing columns, values that are no latencies, networks listed twice, and a
/// selector that picks nothing (the message lists what there is).
pub fn read_measurements(path: &Path, selector: &Selector) -> Result<Vec<Measurement>, LatencyError> {
    let csv = Csv::read(path)?;
    let simple = !csv.has("model") && csv.has("network");
    let (name, value, to_ms) = if simple { ("network", "ms", 1.0) } else { ("model", "mean_us", 1e-3) };
    let (name, value) = (csv.column(name)?, csv.column(value)?);
    let selecting = if simple {
        None
    } else {
        Some([
            (csv.column("device")?, selector.device.as_str()),
            (csv.column("cores")?, selector.cores.as_str()),
            (csv.column("precision")?, selector.precision.as_str()),
        ])
    };
    if let Some(selecting) = &selecting {
        check_selector(&csv, selecting)?;
    }
    let mut seen = HashSet::new();
    let mut measurements = Vec::new();
    for (line, record) in &csv.rows {
        let row = Row { csv: &csv, line: *line, record };
        if selecting.iter().flatten().any(|(column, wanted)| row.text(*column) != *wanted) {
            continue;
        }
        let network = row.text(name).to_owned();
        if network.is_empty() {
            return Err(row.wrong(name, "a network needs a name"));
        }
        if !seen.insert(network.clone()) {
            return Err(row.wrong(name, "this network is listed twice; keep one measurement of each"));
        }
        measurements.push(Measurement { network, ms: row.latency(value)? * to_ms });
    }
    Ok(measurements)
}

/// Says which part of a selector picks nothing, and what there is to pick from.
fn check_selector(csv: &Csv, selecting: &[(Column<'_>, &str); 3]) -> Result<(), LatencyError> {
    for depth in 0..selecting.len() {
        let (column, wanted) = selecting[depth];
        let present: BTreeSet<&str> = csv
            .rows
            .iter()
            .filter(|(_, record)| selecting[..depth].iter().all(|(c, w)| record.get(c.index) == Some(w)))
            .filter_map(|(_, record)| record.get(column.index))
            .collect();
        if !present.contains(wanted) {
            let within = if depth == 0 {
                String::new()
            } else {
                let so_far: Vec<&str> = selecting[..depth].iter().map(|(_, w)| *w).collect();
                format!(" for {}", so_far.join(", "))
            };
            let all: Vec<&str> = present.iter().copied().collect();
            let hint = nearest(wanted, present.iter().copied());
            let hint = if hint.starts_with("did you mean") { format!("; {hint}") } else { String::new() };
            let problem = format!("has no {} `{wanted}`{within}; there are: {}{hint}", column.name, all.join(", "));
            return Err(LatencyError::content(csv.path, problem));
        }
    }
    Ok(())
}

/// The family of each network, for leaving whole families out.
///
/// # Errors
/// Missing columns and networks listed twice.
pub fn read_families(path: &Path) -> Result<HashMap<String, String>, LatencyError> {
    let csv = Csv::read(path)?;
    let (model, family) = (csv.column("model")?, csv.column("family")?);
    let mut families = HashMap::new();
    for (line, record) in &csv.rows {
        let row = Row { csv: &csv, line: *line, record };
        if row.text(family).is_empty() {
            return Err(row.wrong(family, "every network needs a family"));
        }
        if families.insert(row.text(model).to_owned(), row.text(family).to_owned()).is_some() {
            return Err(row.wrong(model, "this network is listed twice"));
        }
    }
    Ok(families)
}

/// The operator lists of a file, in the order of the file.
///
/// Only the columns `model, operator, input_hw, input_channels, output_hw,
/// kernel, stride, filters, groups` are read, and `position` where it is there.
///
/// # Errors
/// Missing columns, unknown operators, sizes that are none, positions out of order.
pub fn read_operators(path: &Path) -> Result<Vec<OperatorList>, LatencyError> {
    let csv = Csv::read(path)?;
    let model = csv.column("model")?;
    let columns = GeometryColumns::find(&csv)?;
    let position = if csv.has("position") { Some(csv.column("position")?) } else { None };
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut lists: Vec<OperatorList> = Vec::new();
    let mut last_position: Vec<Option<u32>> = Vec::new();
    for (line, record) in &csv.rows {
        let row = Row { csv: &csv, line: *line, record };
        let name = row.text(model);
        if name.is_empty() {
            return Err(row.wrong(model, "a model needs a name"));
        }
        let at = *index.entry(name.to_owned()).or_insert(lists.len());
        if at == lists.len() {
            lists.push(OperatorList { model: name.to_owned(), kernels: Vec::new() });
            last_position.push(None);
        }
        if let Some(position) = position {
            let here = row.text(position).parse::<u32>();
            let here = here.map_err(|_| row.wrong(position, "a whole number is needed here"))?;
            if last_position[at].is_some_and(|last| here <= last) {
                return Err(row.wrong(position, "operators of a model stand in order, each position once"));
            }
            last_position[at] = Some(here);
        }
        lists[at].kernels.push(columns.kernel(row)?);
    }
    for list in &mut lists {
        mark_explicit_padding(&mut list.kernels);
        insert_gates(&mut list.kernels);
    }
    Ok(lists)
}

struct GeometryColumns {
    operator: Column<'static>,
    input_hw: Column<'static>,
    input_channels: Column<'static>,
    output_hw: Column<'static>,
    kernel: Column<'static>,
    stride: Column<'static>,
    filters: Column<'static>,
    groups: Column<'static>,
}

impl GeometryColumns {
    fn find(csv: &Csv) -> Result<Self, LatencyError> {
        Ok(Self {
            operator: csv.column("operator")?,
            input_hw: csv.column("input_hw")?,
            input_channels: csv.column("input_channels")?,
            output_hw: csv.column("output_hw")?,
            kernel: csv.column("kernel")?,
            stride: csv.column("stride")?,
            filters: csv.column("filters")?,
            groups: csv.column("groups")?,
        })
    }

    /// The kernel of a row; what the columns mean differs by operator (data/README.md).
    fn kernel(&self, row: Row) -> Result<Kernel, LatencyError> {
        let name = row.text(self.operator);
        let listed = KernelKind::ALL.into_iter().filter(|kind| kind.is_listed());
        let kind = KernelKind::from_name(name).filter(|kind| kind.is_listed()).ok_or_else(|| {
            row.wrong(self.operator, format!("unknown operator; {}", nearest(name, listed.map(KernelKind::name))))
        })?;
        let channels = row.count(self.input_channels, None)?;
        let square = |size: u32| [size, size];
        if kind == KernelKind::FullyConnected {
            let output_channels = row.count(self.filters, None)?;
            return Ok(Kernel { output_channels, ..Kernel::pointwise(kind, [1, 1], channels) });
        }
        let input = square(row.count(self.input_hw, None)?);
        let base = Kernel::pointwise(kind, input, channels);
        if kind == KernelKind::Mean {
            // `output_hw` holds the channels here, and `kernel` whether the result keeps its two axes.
            return Ok(Kernel { output: [1, 1], ..base });
        }
        let output = square(row.count(self.output_hw, None)?);
        let base = Kernel { output, ..base };
        if matches!(kind, KernelKind::Multiply | KernelKind::Resize) {
            return Ok(base);
        }
        if kind == KernelKind::Concatenation {
            // `kernel` holds the number of inputs.
            let inputs = row.count(self.kernel, None)?;
            return Ok(Kernel { inputs, output_channels: row.count(self.filters, None)?, ..base });
        }
        let windowed =
            Kernel { window: square(row.count(self.kernel, None)?), stride: row.count(self.stride, Some(1))?, ..base };
        let kernel = match kind {
            KernelKind::Depthwise => {
                // `filters` is the channel multiplier.
                let output_channels = channels.saturating_mul(row.count(self.filters, Some(1))?);
                Kernel { output_channels, groups: channels, explicit_padding: windowed.taps() > 1, ..windowed }
            }
            KernelKind::Conv => Kernel { output_channels: row.count(self.filters, None)?, ..windowed },
            KernelKind::Grouped => {
                let (output_channels, groups) = (row.count(self.filters, None)?, row.count(self.groups, None)?);
                if channels % groups != 0 || output_channels % groups != 0 {
                    return Err(row.wrong(self.groups, "groups must divide the input channels and the filters"));
                }
                Kernel { output_channels, groups, ..windowed }
            }
            _ => windowed,
        };
        Ok(kernel)
    }
}

/// Convolutions whose input is larger than any tensor made so far were padded by a step of its own.
fn mark_explicit_padding(kernels: &mut [Kernel]) {
    let mut made: HashSet<[u32; 2]> = HashSet::new();
    for kernel in kernels {
        if matches!(kernel.kind, KernelKind::Conv | KernelKind::Grouped) && kernel.taps() > 1 {
            let [size, _] = kernel.input;
            let [output, _] = kernel.output;
            kernel.explicit_padding =
                u64::from(size) > u64::from(output) * u64::from(kernel.stride) && !made.contains(&kernel.input);
        }
        made.insert(kernel.output);
    }
}

/// A squeeze-excite shows as a mean and two convolutions on a single position, the second of which
/// makes as many channels as the mean read. The product with what the mean read has no row; it is put
/// after them. Other operators may stand in between, as those of a shortcut do.
fn insert_gates(kernels: &mut Vec<Kernel>) {
    const REACH: usize = 4;
    if kernels.iter().any(|kernel| kernel.kind == KernelKind::Multiply) {
        // The list has products of its own, so nothing is hidden.
        return;
    }
    let mut gates = Vec::new();
    for (at, mean) in kernels.iter().enumerate().filter(|(_, k)| k.kind == KernelKind::Mean && k.input != [1, 1]) {
        let mut convs = (at + 1..kernels.len().min(at + 1 + REACH))
            .filter(|&i| kernels[i].kind == KernelKind::Conv && kernels[i].input == [1, 1]);
        if let (Some(squeeze), Some(excite)) = (convs.next(), convs.next())
            && kernels[squeeze].input_channels == mean.input_channels
            && kernels[excite].output_channels == mean.input_channels
        {
            gates.push((excite, Kernel::pointwise(KernelKind::Multiply, mean.input, mean.input_channels)));
        }
    }
    for (after, gate) in gates.into_iter().rev() {
        kernels.insert(after + 1, Kernel { inputs: 2, ..gate });
    }
}

mod architectures;
#[cfg(test)]
mod tests;
mod times;

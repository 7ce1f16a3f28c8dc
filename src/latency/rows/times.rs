//! The measured time of every operator, from files that hold one beside the geometry.

use std::collections::HashMap;
use std::path::Path;

use super::{Csv, Row};
use crate::latency::LatencyError;

/// The time of each operator in ms, by model and in the order of the file; `None` where it was not measured.
pub type OperatorTimes = HashMap<String, Vec<Option<f64>>>;

/// The times in the column `column`, by model and in the order of the file; `None` where there is no such column.
///
/// # Units
/// The file has microseconds, the answer milliseconds. An empty cell is an operator that was not measured.
///
/// # Errors
/// Files that cannot be read, and values that are no latencies.
pub fn read_operator_times(path: &Path, column: &str) -> Result<Option<OperatorTimes>, LatencyError> {
    let csv = Csv::read(path)?;
    if !csv.has(column) {
        return Ok(None);
    }
    let (model, column) = (csv.column("model")?, csv.column(column)?);
    let mut times = OperatorTimes::new();
    for (line, record) in &csv.rows {
        let row = Row { csv: &csv, line: *line, record };
        let time = if row.text(column).is_empty() { None } else { Some(row.latency(column)? * 1e-3) };
        times.entry(row.text(model).to_owned()).or_default().push(time);
    }
    Ok(Some(times))
}

//! Measured architectures of a search space: their text forms beside latencies.

use std::collections::HashSet;
use std::path::Path;

use super::{Csv, Row};
use crate::latency::{KernelKind, LatencyError, Sample, lower_whole};
use crate::space::Space;

/// Column names that hold text forms of architectures, the first that is there.
const NAMES: [&str; 3] = ["arch_str", "architecture", "network"];

/// The architectures of a file, built by their space, each with the latency in `column` and all its operators.
///
/// # Units
/// Milliseconds.
///
/// # Errors
/// Missing columns, texts that are no architectures of the space, architectures listed twice, values that are no
/// latencies.
pub fn read_architectures(path: &Path, space: &Space, column: &str) -> Result<Vec<Sample>, LatencyError> {
    let csv = Csv::read(path)?;
    let named = NAMES.into_iter().find(|name| csv.has(name)).unwrap_or(NAMES[0]);
    let (named, latency) = (csv.column(named)?, csv.column(column)?);
    let mut seen = HashSet::new();
    let mut samples = Vec::with_capacity(csv.rows.len());
    for (line, record) in &csv.rows {
        let row = Row { csv: &csv, line: *line, record };
        let text = row.text(named);
        let architecture = space.parse(text).map_err(|e| row.wrong(named, e.to_string()))?;
        if !seen.insert(space.format(&architecture)) {
            return Err(row.wrong(named, "this architecture is listed twice; keep one measurement of each"));
        }
        let network = space.build(&architecture).map_err(|e| row.wrong(named, e.to_string()))?;
        // Clamps are part of what their neighbours cost, as in every measured list.
        let kernels = lower_whole(&network).into_iter().map(|lowered| lowered.kernel);
        let kernels = kernels.filter(|kernel| kernel.kind != KernelKind::Relu).collect();
        samples.push(Sample { network: text.to_owned(), kernels, ms: row.latency(latency)? });
    }
    Ok(samples)
}

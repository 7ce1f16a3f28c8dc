//! `latency eval`: a table beside measured networks.

use std::path::Path;

use clap::Args;

use super::super::{Failure, emit, emit_json};
use super::confidence::Confidence;
use super::measurements::Measurements;
use super::scores::{sentence, worst};
use super::{load, say};
use crate::latency::{predict_samples, score};

#[derive(Args)]
pub(super) struct EvalArguments {
    /// The table: a file, or the name of a shipped one
    #[arg(long)]
    table: String,
    #[command(flatten)]
    measurements: Measurements,
    #[command(flatten)]
    confidence: Confidence,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    let table = load(&arguments.table)?;
    let samples = arguments.measurements.samples()?;
    let info = table.info();
    for (what, of_table, wanted) in [
        ("precision", &info.precision, &arguments.measurements.precision),
        ("cores", &info.cores, &arguments.measurements.cores),
    ] {
        if of_table != wanted {
            say(format_args!("note: the table is for {what} `{of_table}`, the measurements are of `{wanted}`"));
        }
    }
    if info.provenance.files.iter().any(|file| file.blake3 == hash(&arguments.measurements.networks)) {
        say(format_args!(
            "note: the table was fitted to this very file; what it is worth on networks that it has not seen is in \
             `latency tables`"
        ));
    }
    let beyond = samples.iter().filter(|s| s.kernels.iter().any(|k| !table.price(k).flags.is_empty())).count();
    if beyond > 0 {
        say(format_args!("note: {beyond} of {} networks go beyond what the table covers", samples.len()));
    }
    let predicted = predict_samples(&samples, |kernels| table.total(kernels));
    let bounded: Vec<(f64, f64, f64)> = match arguments.confidence.factor(&arguments.table, &table)? {
        None => Vec::new(),
        Some((factor, _)) => {
            predicted.iter().map(|p| (p.measured_ms, p.predicted_ms, factor * p.predicted_ms)).collect()
        }
    };
    let scores = score(&predicted).with_bounds(&bounded);
    if arguments.json {
        return emit_json(&scores);
    }
    emit(&format!("{}\n{}", sentence(scores), worst(&predicted)))
}

/// BLAKE3 of a file that was read already; nothing that matches where it is gone.
fn hash(path: &Path) -> String {
    std::fs::read(path).map(|bytes| blake3::hash(&bytes).to_hex().to_string()).unwrap_or_default()
}

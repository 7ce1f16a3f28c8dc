//! `latency fit --adapt`: a table moved to another phone from a few networks measured there.

use std::path::Path;

use super::super::super::{Failure, emit, emit_json};
use super::{FitArguments, Groups, bounded, confidence, info, input, load, report, say, validate, write};
use crate::latency::{
    Coverage, CurvePoint, LatencyError, LatencyTable, Sample, SourceFile, adapt, file_name, learning_curve, leave_out,
    predict_samples, read_families, terms,
};

/// The fewest networks whose ratios give a bound at 95 %.
const ENOUGH_FOR_BOUNDS: usize = 19;

/// A table as commands and notes name it: a file without its folder, a shipped one as it is.
pub(super) fn table_name(table: &str) -> String {
    let path = Path::new(table);
    if path.exists() { file_name(path) } else { table.to_owned() }
}

pub(super) fn run(arguments: &FitArguments, name: &str) -> Result<(), Failure> {
    let old = load(name)?;
    check(arguments, name, &old)?;
    let samples = arguments.measurements.samples()?;
    if !arguments.learning_curve.is_empty() {
        return curve(arguments, &old, &samples);
    }
    let adapted = adapt(old.model(), &samples.iter().collect::<Vec<_>>()).map_err(input)?;
    say(format_args!(
        "the new device takes {:.3} times as long; costs are pulled towards that with a strength of {}",
        adapted.ratio, adapted.strength
    ));
    let validation = validate(arguments, groups(arguments, samples.len()), |split| {
        leave_out(&samples, split, confidence(arguments), |seen, unseen| {
            let seen: Vec<&Sample> = seen.iter().map(|&at| &samples[at]).collect();
            let model = adapt(old.model(), &seen)?.model;
            Ok(unseen.iter().map(|kernels| model.total(kernels)).collect())
        })
    })?;
    if let Some(path) = &arguments.out {
        let coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels)).union(old.coverage());
        let mut info = info(arguments, samples.len(), validation.as_ref())?;
        let of = old.info();
        info.provenance.note = format!(
            "{} Moved from `{}` ({}, {}, {}; {}; {}) by {} networks measured on this device; ranges are those of both.",
            info.provenance.note,
            table_name(name),
            of.device,
            of.soc,
            of.cores,
            of.provenance.source,
            of.provenance.licence,
            samples.len()
        );
        let file = Path::new(name);
        if file.exists() {
            let bytes = std::fs::read(file).map_err(|e| Failure::input(format!("cannot read {name}: {e}")))?;
            let blake3 = blake3::hash(&bytes).to_hex().to_string();
            info.provenance.files.push(SourceFile { name: file_name(file), blake3 });
        }
        let table = LatencyTable::fitted(info, adapted.model.clone(), coverage);
        write(path, &bounded(table, validation.as_ref()).to_yaml())?;
        say(format_args!("table written to {}", path.display()));
    }
    report(arguments, &predict_samples(&samples, |kernels| adapted.model.total(kernels)), validation.as_ref())
}

/// Refuses tables that cannot be moved.
fn check(arguments: &FitArguments, name: &str, old: &LatencyTable) -> Result<(), Failure> {
    if old.classes().is_some() || old.measured_rows() > 0 || old.model().coefficients().is_empty() {
        return Err(Failure::refuse(
            format!(
                "`{name}` holds costs by class or measured rows, and only fitted terms can be moved to another device"
            ),
            "move a table of fitted terms, such as galaxy-s10-exynos9820/1large-float, or measure the new device with \
             `pocketnas latency profile`",
        ));
    }
    let (of_table, wanted) = (&old.info().precision, &arguments.measurements.precision);
    if of_table != wanted {
        return Err(Failure::refuse(
            format!("`{name}` is of precision `{of_table}`, and the measurements are of `{wanted}`"),
            "the two run through different kernels; move a table of the same precision",
        ));
    }
    Ok(())
}

/// What is left out in turn. Where nobody says, folds give bounds, if there are enough networks.
fn groups(arguments: &FitArguments, networks: usize) -> Option<Groups> {
    if arguments.cross_validate.is_none() && networks < ENOUGH_FOR_BOUNDS {
        say(format_args!("no upper bounds: they take {ENOUGH_FOR_BOUNDS} networks, and there are {networks}"));
        return None;
    }
    arguments.cross_validate.or(Some(Groups::Folds))
}

/// Tells the error by the number of networks.
fn curve(arguments: &FitArguments, old: &LatencyTable, samples: &[Sample]) -> Result<(), Failure> {
    let precision = &arguments.measurements.precision;
    let terms = terms::for_precision(precision).ok_or_else(|| {
        Failure::refuse(
            format!("no operator model for precision `{precision}`"),
            "the operator model has terms for `float` and for `quant` (int8)",
        )
    })?;
    let families = match &arguments.families {
        Some(path) => Some(read_families(path).map_err(input)?),
        None => None,
    };
    let sizes = &arguments.learning_curve;
    let points = learning_curve(old.model(), samples, terms, families.as_ref(), sizes, arguments.draws);
    let points = points.map_err(|error: LatencyError| input(error))?;
    if arguments.json {
        return emit_json(&points);
    }
    let row = |p: &CurvePoint| {
        let CurvePoint { networks, adapted, adapted_p90, one_ratio, from_scratch } = p;
        format!("| {networks} | {adapted:.2} | {adapted_p90:.2} | {one_ratio:.2} | {from_scratch:.2} |\n")
    };
    let head =
        "| networks | moved, % | nine of ten draws, % | one ratio, % | from scratch, % |\n|---|---|---|---|---|\n";
    emit(&points.iter().map(row).fold(head.to_owned(), |text, row| text + &row))
}

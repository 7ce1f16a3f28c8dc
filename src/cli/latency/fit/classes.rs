//! `latency fit` where the class model is the right one: operators of a device that were measured one by one, and
//! architectures of a cell space.

use super::super::super::Failure;
use super::{FitArguments, bounded, confidence, info, input, report, say, validate, write};
use crate::latency::{
    CELL, Coverage, LatencyTable, fit_operators, fit_totals, leave_out, predict_samples, read_architectures, read_timed,
};
use crate::space::Space;

/// What prices inside a cell rest on.
const CELL_NOTE: &str = "Every architecture repeats one cell at all widths, so times of single stages cannot be told \
                         apart: what a kind of operator costs in a network is shared out by geometry. Nothing but \
                         cells of this space is covered.";
/// How the costs of operators were found.
const OPERATOR_NOTE: &str = "Costs of operators are fitted to operators measured one by one, and their sum is \
                             calibrated to whole networks.";

/// Fits to architectures of a space.
pub(super) fn fit_space(arguments: &FitArguments, space: &str, column: &str) -> Result<(), Failure> {
    let path = &arguments.measurements.networks;
    let space = Space::load(space, None)?;
    let samples = read_architectures(path, &space, column).map_err(input)?;
    say(format_args!("{} architectures of {} measured, column {column}", samples.len(), space.name()));
    let model = fit_totals(&samples.iter().collect::<Vec<_>>(), &CELL, true).map_err(input)?;
    let validation = validate(arguments, arguments.cross_validate, |split| {
        leave_out(&samples, split, confidence(arguments), |seen, unseen| {
            let seen: Vec<_> = seen.iter().map(|&at| &samples[at]).collect();
            let model = fit_totals(&seen, &CELL, true)?;
            Ok(unseen.iter().map(|kernels| model.total(kernels)).collect())
        })
    })?;
    let seen = predict_samples(&samples, |kernels| model.total(kernels));
    if let Some(path) = &arguments.out {
        let mut info = info(arguments, samples.len(), validation.as_ref())?;
        info.provenance.note = format!("{} {CELL_NOTE}", info.provenance.note);
        let coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels));
        let table = LatencyTable::by_class(info, model, coverage, Default::default());
        write(path, &bounded(table, validation.as_ref()).to_yaml())?;
        say(format_args!("table written to {}", path.display()));
    }
    report(arguments, &seen, validation.as_ref())
}

/// Fits to operators that were measured one by one, if the files have such measurements; says whether they had.
pub(super) fn fit_measured_operators(arguments: &FitArguments) -> Result<bool, Failure> {
    let measurements = &arguments.measurements;
    let Some(operators) = &measurements.operators else { return Ok(false) };
    let timed = read_timed(&measurements.networks, operators, &measurements.selector()).map_err(input)?;
    let Some(networks) = timed else {
        if arguments.measured_rows {
            let (device, cores) = (&measurements.device, &measurements.cores);
            return Err(Failure::refuse(
                format!("{} has no column `{device}_{cores}_us`", operators.display()),
                "measured rows need the time of each operator in such a column, in microseconds",
            ));
        }
        return Ok(false);
    };
    say(format_args!("{} networks measured, and each of their operators", networks.len()));
    let fit = |seen: &[usize]| {
        let seen: Vec<_> = seen.iter().map(|&at| &networks[at]).collect();
        fit_operators(&seen, arguments.measured_rows)
    };
    let samples: Vec<_> = networks.iter().map(|network| network.sample.clone()).collect();
    let fitted = fit(&(0..networks.len()).collect::<Vec<_>>()).map_err(input)?;
    let validation = validate(arguments, arguments.cross_validate, |split| {
        leave_out(&samples, split, confidence(arguments), |seen, unseen| Ok(fit(seen)?.totals(unseen)))
    })?;
    let coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels));
    let mut info = info(arguments, samples.len(), validation.as_ref())?;
    info.provenance.note = info.provenance.note.replace(crate::latency::INFERRED, OPERATOR_NOTE);
    let table = bounded(LatencyTable::by_class(info, fitted.model, coverage, fitted.rows), validation.as_ref());
    if let Some(path) = &arguments.out {
        write(path, &table.to_yaml())?;
        say(format_args!("table written to {}", path.display()));
    }
    let seen = predict_samples(&samples, |kernels| table.total(kernels));
    report(arguments, &seen, validation.as_ref())?;
    Ok(true)
}

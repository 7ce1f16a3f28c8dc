//! `latency fit`: a table of an operator model fitted to measured networks, and how far it is off on those left out.

mod adapt;
mod classes;
mod sequences;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use miette::miette;

use super::super::{Failure, emit, emit_json};
use super::confidence::{Confidence, no_bound};
use super::measurements::Measurements;
use super::origin::Origin;
use super::scores::{sentence, worst};
use super::{check_out, input, load, say, write};
use crate::latency::{
    CONFIDENCE, Coverage, CrossValidation, LatencyError, LatencyTable, Predicted, Split, TableInfo, cross_validate,
    describe, file_name, fit_beside, predict_samples, read_families, score, terms,
};

#[derive(Args)]
pub(super) struct FitArguments {
    #[command(flatten)]
    measurements: Measurements,
    /// Where the table goes; may be left out with --cross-validate and --learning-curve
    #[arg(long, value_name = "TABLE", required_unless_present_any = ["cross_validate", "learning_curve"])]
    out: Option<PathBuf>,
    /// Move this table, a file or a shipped one, to the device that was measured, instead of fitting one from scratch; 10 to
    /// 30 networks are enough
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["space", "measured_rows"])]
    adapt: Option<String>,
    /// Only tell the error of the moved table with so many of the networks drawn, on those not drawn: `10,15,20,30`
    #[arg(long, value_name = "N,N…", value_delimiter = ',', requires = "adapt")]
    #[arg(conflicts_with_all = ["out", "cross_validate"])]
    learning_curve: Vec<usize>,
    /// How many draws the medians of --learning-curve are of
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    draws: u64,
    /// Also fit with groups left out in turn and report the error on them, beside the 17-term baseline's
    #[arg(long, value_name = "GROUPS")]
    cross_validate: Option<Groups>,
    /// The search space whose architectures were measured: the networks file then holds their text forms in a column
    /// `arch_str`, `architecture` or `network`
    #[arg(long, requires = "column")]
    space: Option<String>,
    /// Column of the networks file that holds the latencies, in ms
    #[arg(long, requires = "space")]
    column: Option<String>,
    /// Also write the operators that were measured one by one into the table: prices then rest on them, and on
    /// interpolation between them, before the model. Needs a column `DEVICE_CORES_us` in the operator lists
    #[arg(long)]
    measured_rows: bool,
    /// Measured networks of tokens, in the layout of --networks and described by --architectures: what they take beyond the
    /// other costs is fitted to them alone
    #[arg(long, value_name = "CSV", requires = "architectures", conflicts_with_all = ["adapt", "space"])]
    sequences: Option<PathBuf>,
    /// Family of each network: columns `model,family`
    #[arg(long, value_name = "CSV")]
    families: Option<PathBuf>,
    #[command(flatten)]
    confidence: Confidence,
    #[command(flatten)]
    origin: Origin,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is left out together.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Groups {
    /// Ten folds of networks; siblings fall on both sides, so this flatters
    Folds,
    /// Whole families
    Families,
    /// Networks of the same operators
    Operators,
}

pub(super) fn run(arguments: &FitArguments) -> Result<(), Failure> {
    check_out(arguments.out.as_deref())?;
    let nothing_left_out = arguments.cross_validate.is_none() && arguments.adapt.is_none();
    for (given, flag) in
        [(arguments.families.is_some(), "--families"), (arguments.confidence.confidence.is_some(), "--confidence")]
    {
        if given && nothing_left_out {
            let message = format!("{flag} is of use only where networks are left out of the fit");
            return Err(Failure::refuse(message, "give --cross-validate families too"));
        }
    }
    if let (Some(space), Some(column)) = (&arguments.space, &arguments.column) {
        return classes::fit_space(arguments, space, column);
    }
    if let Some(table) = &arguments.adapt {
        return adapt::run(arguments, table);
    }
    if classes::fit_measured_operators(arguments)? {
        return Ok(());
    }
    let precision = &arguments.measurements.precision;
    let samples = arguments.measurements.samples()?;
    let siblings = arguments.measurements.siblings()?;
    let terms = terms::for_precision(precision).ok_or_else(|| {
        Failure::Input(miette!(
            help = "the operator model has terms for `float` and for `quant` (int8)",
            "no operator model for precision `{precision}`"
        ))
    })?;
    if samples.len() < 2 * terms.len() {
        say(format_args!(
            "warning: {} networks for {} terms; coefficients that they leave open are kept small, and errors on other \
             networks can be large",
            samples.len(),
            terms.len()
        ));
    }
    let model = fit_beside(&samples.iter().collect::<Vec<_>>(), terms, &siblings).map_err(input)?;
    let validation = validate(arguments, arguments.cross_validate, |split| {
        cross_validate(&samples, terms, split, &siblings, confidence(arguments))
    })?;
    let sequences = sequences::fit(arguments, &model)?;
    if let Some(path) = &arguments.out {
        let mut coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels));
        let mut info = info(arguments, samples.len(), validation.as_ref())?;
        let mut model = model.clone();
        if let Some(fitted) = &sequences {
            coverage = coverage.union(&fitted.coverage);
            fitted.describe(&mut info)?;
            model = fitted.model.clone();
        }
        let table = bounded(LatencyTable::fitted(info, model, coverage), validation.as_ref());
        write(path, &table.to_yaml())?;
        say(format_args!("table written to {}", path.display()));
    }
    report(arguments, &predict_samples(&samples, |kernels| model.total(kernels)), validation.as_ref())
}

/// Tells how well a fit fits: errors in sample, and on what was left out.
fn report(arguments: &FitArguments, seen: &[Predicted], validation: Option<&CrossValidation>) -> Result<(), Failure> {
    match (validation, arguments.json) {
        (Some(result), true) => emit_json(result),
        (None, true) => emit_json(&score(seen)),
        (_, false) => {
            let mut text = format!("in sample          {}\n", sentence(score(seen)));
            if let Some(result) = validation {
                text += &format!("left out           {}\n", sentence(result.scores));
                text += &format!("17-term baseline   {}\n", sentence(result.baseline));
            }
            emit(&(text + &worst(validation.map_or(seen, |result| &result.predicted))))
        }
    }
}

/// The error on each group left out in turn, told by `leave_out`; nothing where no groups were named.
fn validate(
    arguments: &FitArguments,
    groups: Option<Groups>,
    leave_out: impl Fn(Split) -> Result<CrossValidation, LatencyError>,
) -> Result<Option<CrossValidation>, Failure> {
    let result = match groups {
        None => return Ok(None),
        Some(Groups::Folds) => leave_out(Split::Folds),
        Some(Groups::Operators) => leave_out(Split::Operators),
        Some(Groups::Families) => {
            let families = read_families(&families_file(arguments)?).map_err(input)?;
            leave_out(Split::Families(&families))
        }
    };
    let result = result.map_err(input)?;
    say_bounds(arguments, &result)?;
    Ok(Some(result))
}

/// The confidence that bounds are judged at.
fn confidence(arguments: &FitArguments) -> f64 {
    arguments.confidence.confidence.unwrap_or(CONFIDENCE)
}

/// Says it where networks left out are too few for a bound; refuses where one was asked for.
fn say_bounds(arguments: &FitArguments, result: &CrossValidation) -> Result<(), Failure> {
    let confidence = confidence(arguments);
    match (result.ratios.factor(confidence), arguments.confidence.confidence) {
        (Err(reason), Some(_)) => return Err(no_bound("these networks", &reason)),
        (Err(reason), None) => say(format_args!("no upper bounds: {reason}")),
        (Ok(_), _) => {}
    }
    Ok(())
}

/// The families file that was named, or the one that lies beside the networks.
fn families_file(arguments: &FitArguments) -> Result<PathBuf, Failure> {
    if let Some(path) = &arguments.families {
        return Ok(path.clone());
    }
    let beside = arguments.measurements.networks.with_file_name("families.csv");
    if beside.is_file() {
        say(format_args!("families from {}", beside.display()));
        return Ok(beside);
    }
    Err(Failure::Input(miette!(
        help = "give --families CSV with columns `model,family`, or use --cross-validate folds",
        "families can only be left out when they are known"
    )))
}
/// The table with what its upper bounds are made from, if networks were left out.
fn bounded(table: LatencyTable, validation: Option<&CrossValidation>) -> LatencyTable {
    match validation {
        Some(result) => table.with_ratios(result.ratios.clone()),
        None => table,
    }
}

/// What a fitted table says about itself.
fn info(arguments: &FitArguments, networks: usize, validation: Option<&CrossValidation>) -> Result<TableInfo, Failure> {
    let measurements = &arguments.measurements;
    describe(
        &measurements.networks,
        measurements.operators.as_deref(),
        &measurements.selector(),
        &arguments.origin.stated(),
        command_line(arguments),
        networks,
        validation.map(CrossValidation::summary),
    )
    .map_err(input)
}

/// The command in a form that holds on other machines: files without their folders.
fn command_line(arguments: &FitArguments) -> String {
    let m = &arguments.measurements;
    let mut command = format!("pocketnas latency fit --networks {}", file_name(&m.networks));
    if let Some(path) = &m.operators {
        command += &format!(" --operators {}", file_name(path));
    }
    if let (Some(space), Some(column)) = (&arguments.space, &arguments.column) {
        command += &format!(" --space {space} --column {column}");
    }
    let quoted = |text: &str| if text.contains(' ') { format!("'{text}'") } else { text.to_owned() };
    for (flag, value) in [("device", &m.device), ("cores", &m.cores), ("precision", &m.precision)] {
        command += &format!(" --{flag} {}", quoted(value));
    }
    if let Some(table) = &arguments.adapt {
        command += &format!(" --adapt {}", adapt::table_name(table));
    }
    command += match arguments.cross_validate {
        None => "",
        Some(Groups::Folds) => " --cross-validate folds",
        Some(Groups::Families) => " --cross-validate families",
        Some(Groups::Operators) => " --cross-validate operators",
    };
    if arguments.measured_rows {
        command += " --measured-rows";
    }
    if let Some(path) = &arguments.families {
        command += &format!(" --families {}", file_name(path));
    }
    if let (Some(path), Some(folder)) = (&arguments.sequences, &m.architectures) {
        command += &format!(" --sequences {} --architectures {}", file_name(path), file_name(folder));
    }
    if let Some(confidence) = arguments.confidence.confidence {
        command += &format!(" --confidence {confidence}");
    }
    command
}

//! `pocketnas latency`: fit tables to measured networks, judge them, price networks, list tables.

mod adapt;
mod blocks;
mod classes;
mod covered;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use miette::miette;
use serde_json::{Value, json};

use super::{Failure, emit, emit_json};
use crate::latency::{
    Bound, CONFIDENCE, Coverage, CrossValidation, LatencyError, LatencyTable, NoBound, OperatorModel, Predicted,
    Prediction, Sample, Scores, Selector, Siblings, Source, Split, Stated, TableInfo, Term, cross_validate, describe,
    file_name, fit_beside, predict, predict_operators, predict_samples, read_families, read_network, read_operators,
    read_samples, read_siblings, score, terms,
};
use crate::units::Millis;

/// Fit latency tables to measured networks, judge them, and price networks by them.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit a table to measured networks.
    Fit(Box<FitArguments>),
    /// Fit a table to measured blocks.
    Blocks(Box<blocks::BlocksArguments>),
    /// Compare a table with measured networks.
    Eval(EvalArguments),
    /// Price a network, by block, and say what is extrapolated.
    Predict(PredictArguments),
    /// List tables with their provenance and error.
    Tables(TablesArguments),
    Profile(Box<super::latency_profile::Arguments>),
}

/// Which measurements.
#[derive(Args)]
struct Measurements {
    /// Measured networks: columns `model,device,cores,precision,mean_us`, or `network,ms` where a network is a
    /// model of the operators file or the path of an architecture file
    #[arg(long, value_name = "CSV")]
    networks: PathBuf,
    /// Operator lists of the networks; only the geometry columns are read
    #[arg(long, value_name = "CSV")]
    operators: Option<PathBuf>,
    /// Device, as the networks file names it
    #[arg(long)]
    device: String,
    /// Core set, as the networks file names it
    #[arg(long)]
    cores: String,
    /// Number format: `float` or `quant`
    #[arg(long)]
    precision: String,
}

#[derive(Args)]
struct Confidence {
    /// Share of networks that upper bounds are to hold for, from 0.5 to below 1; 0.95 where the table can give it
    #[arg(long, value_name = "SHARE")]
    confidence: Option<f64>,
}

#[derive(Args)]
struct FitArguments {
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
    /// Family of each network: columns `model,family`
    #[arg(long, value_name = "CSV")]
    families: Option<PathBuf>,
    #[command(flatten)]
    confidence: Confidence,
    /// Name of the table; made of device, cores and precision if left out
    #[arg(long)]
    name: Option<String>,
    /// The device as its maker calls it; known for s10 and pixel4
    #[arg(long)]
    device_name: Option<String>,
    /// The device's system on chip; known for s10 and pixel4
    #[arg(long)]
    soc: Option<String>,
    /// What ran the networks, with its version; known for s10 and pixel4
    #[arg(long)]
    runtime: Option<String>,
    /// Who measured, and where it is published; known for s10 and pixel4
    #[arg(long)]
    source: Option<String>,
    /// Licence of the measurements; known for s10 and pixel4
    #[arg(long)]
    licence: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct EvalArguments {
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

#[derive(Args)]
struct PredictArguments {
    /// The table: a file, or the name of a shipped one
    #[arg(long)]
    table: String,
    /// An architecture file (YAML or JSON), or operator lists (CSV)
    #[arg(value_name = "ARCH_OR_NETWORK_FILE")]
    network: PathBuf,
    /// Which model of an operators file that holds several
    #[arg(long)]
    model: Option<String>,
    #[command(flatten)]
    confidence: Confidence,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct TablesArguments {
    /// A folder to search for tables; the shipped ones if left out
    dir: Option<PathBuf>,
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

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Fit(arguments) => run_fit(arguments),
        Command::Blocks(arguments) => blocks::run(arguments),
        Command::Eval(arguments) => run_eval(arguments),
        Command::Predict(arguments) => run_predict(arguments),
        Command::Tables(arguments) => run_tables(arguments),
        Command::Profile(arguments) => super::latency_profile::run(arguments),
    }
}

fn input(error: LatencyError) -> Failure {
    match error {
        LatencyError::Table(problems) => Failure::Input(problems.into_report()),
        other => Failure::Input(miette!("{other}")),
    }
}

/// Progress and remarks; stdout is for data.
fn say(text: std::fmt::Arguments) {
    // Nothing is left to be done where even stderr is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

impl Confidence {
    /// What a table multiplies a mean by for an upper bound, with the confidence; nothing where none was asked for
    /// and the table cannot give the usual one.
    fn factor(&self, name: &str, table: &LatencyTable) -> Result<Option<(f64, f64)>, Failure> {
        let confidence = self.confidence.unwrap_or(CONFIDENCE);
        match (table.bound_factor(confidence), self.confidence) {
            (Ok(factor), _) => Ok(Some((factor, confidence))),
            (Err(reason), None) => {
                say(format_args!("no upper bound: {name}: {reason}"));
                Ok(None)
            }
            (Err(reason), Some(_)) => Err(no_bound(name, &reason)),
        }
    }
}

/// Why a table has no bound, with the remedy.
fn no_bound(name: &str, reason: &NoBound) -> Failure {
    Failure::Input(miette!(help = reason.remedy(), "{name}: {reason}"))
}

impl Measurements {
    fn selector(&self) -> Selector {
        Selector { device: self.device.clone(), cores: self.cores.clone(), precision: self.precision.clone() }
    }

    fn samples(&self) -> Result<Vec<Sample>, Failure> {
        let samples = read_samples(&self.networks, self.operators.as_deref(), &self.selector()).map_err(input)?;
        say(format_args!("{} networks measured on {} {} {}", samples.len(), self.device, self.cores, self.precision));
        Ok(samples)
    }

    fn siblings(&self) -> Result<Siblings, Failure> {
        let siblings = read_siblings(&self.networks, &self.selector()).map_err(input)?;
        if !siblings.sets.is_empty() {
            say(format_args!("costs lean on those of other core sets: {}", siblings.names().join(", ")));
        }
        Ok(siblings)
    }
}

fn run_fit(arguments: &FitArguments) -> Result<(), Failure> {
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
    let validation = validate(arguments, &samples, &siblings, terms)?;
    if let Some(path) = &arguments.out {
        let table = table(arguments, model.clone(), &samples, validation.as_ref())?;
        write(path, &table.to_yaml())?;
        say(format_args!("table written to {}", path.display()));
    }
    report(arguments, &predict_samples(&samples, |kernels| model.total(kernels)), validation.as_ref())
}

/// Tells how well a fit fits: errors in sample, and on what was left out.
fn report(arguments: &FitArguments, seen: &[Predicted], validation: Option<&CrossValidation>) -> Result<(), Failure> {
    match (validation, arguments.json) {
        (Some(result), true) => emit_json(&serde_json::to_value(result).unwrap_or(Value::Null)),
        (None, true) => emit_json(&scores_json(score(seen))),
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

fn validate(
    arguments: &FitArguments,
    samples: &[Sample],
    siblings: &Siblings,
    terms: &[Term],
) -> Result<Option<CrossValidation>, Failure> {
    let families;
    let split = match arguments.cross_validate {
        None => return Ok(None),
        Some(Groups::Folds) => Split::Folds,
        Some(Groups::Operators) => Split::Operators,
        Some(Groups::Families) => {
            families = read_families(&families_file(arguments)?).map_err(input)?;
            Split::Families(&families)
        }
    };
    let result = cross_validate(samples, terms, split, siblings, confidence(arguments)).map_err(input)?;
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

/// The fitted model as a table that says where it comes from.
fn table(
    arguments: &FitArguments,
    model: OperatorModel,
    samples: &[Sample],
    validation: Option<&CrossValidation>,
) -> Result<LatencyTable, Failure> {
    let coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels));
    Ok(bounded(LatencyTable::fitted(info(arguments, samples.len(), validation)?, model, coverage), validation))
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
    let stated = Stated {
        table: arguments.name.clone(),
        device: arguments.device_name.clone(),
        soc: arguments.soc.clone(),
        runtime: arguments.runtime.clone(),
        source: arguments.source.clone(),
        licence: arguments.licence.clone(),
    };
    describe(
        &measurements.networks,
        measurements.operators.as_deref(),
        &measurements.selector(),
        &stated,
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
    if let Some(confidence) = arguments.confidence.confidence {
        command += &format!(" --confidence {confidence}");
    }
    command
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| Failure::Failed(miette!("cannot write {}: {e}", path.display())))
}

fn scores_json(scores: Scores) -> Value {
    serde_json::to_value(scores).unwrap_or(Value::Null)
}

fn sentence(scores: Scores) -> String {
    let rank = scores.spearman.map_or("undefined".to_owned(), |r| format!("{r:.3}"));
    let bounds = match (scores.coverage, scores.bound_over_mean) {
        (Some(coverage), Some(width)) => format!(", {coverage:.1} % under their bound, {width:.3} times the mean"),
        _ => String::new(),
    };
    format!(
        "mean error {:5.2} %, within 10 % {:5.1} %, rank correlation {rank}, {} networks{bounds}",
        scores.mape, scores.within_10, scores.networks
    )
}

/// The networks furthest off.
fn worst(predicted: &[Predicted]) -> String {
    let mut sorted: Vec<&Predicted> = predicted.iter().collect();
    sorted.sort_by(|a, b| b.error().abs().total_cmp(&a.error().abs()));
    let mut text = "furthest off:\n".to_owned();
    for p in sorted.iter().take(8) {
        text += &format!(
            "  {:28} measured {:9.2} ms  predicted {:9.2} ms  {:+6.1} %\n",
            p.network,
            p.measured_ms,
            p.predicted_ms,
            p.error()
        );
    }
    text
}

/// A file, or a shipped table; a file wins.
pub(super) fn load(table: &str) -> Result<LatencyTable, Failure> {
    let path = Path::new(table);
    if !path.exists() && LatencyTable::names().any(|name| name == table) {
        return LatencyTable::named(table).map_err(|e| input(e.into()));
    }
    LatencyTable::load(path).map_err(input)
}

fn run_eval(arguments: &EvalArguments) -> Result<(), Failure> {
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
    let predicted = predict_samples(&samples, |kernels| table.total(kernels));
    let bounded: Vec<(f64, f64, f64)> = match arguments.confidence.factor(&arguments.table, &table)? {
        None => Vec::new(),
        Some((factor, _)) => {
            predicted.iter().map(|p| (p.measured_ms, p.predicted_ms, factor * p.predicted_ms)).collect()
        }
    };
    let scores = score(&predicted).with_bounds(&bounded);
    if arguments.json {
        return emit_json(&scores_json(scores));
    }
    emit(&format!("{}\n{}", sentence(scores), worst(&predicted)))
}

fn run_predict(arguments: &PredictArguments) -> Result<(), Failure> {
    let table = load(&arguments.table)?;
    let path = &arguments.network;
    let prediction = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        let lists = read_operators(path).map_err(input)?;
        let names: Vec<&str> = lists.iter().map(|list| list.model.as_str()).collect();
        let list = match &arguments.model {
            Some(model) => lists.iter().find(|list| list.model == *model).ok_or_else(|| {
                let help = crate::yaml::nearest(model, names.iter().copied());
                Failure::Input(miette!(help = help, "{} has no model `{model}`", path.display()))
            })?,
            None if lists.len() == 1 => &lists[0],
            None => {
                let help = format!("give --model with one of: {}", names.join(", "));
                return Err(Failure::Input(miette!(help = help, "{} holds {} models", path.display(), lists.len())));
            }
        };
        predict_operators(&table, &list.kernels)
    } else {
        predict(&table, &read_network(path).map_err(input)?)
    };
    let bound = arguments.confidence.factor(&arguments.table, &table)?;
    let bound = bound.map(|(factor, confidence)| Bound { ms: Millis(factor * prediction.mean.0), confidence });
    if arguments.json {
        emit_json(&prediction_json(&prediction, bound))
    } else {
        emit(&prediction_text(&table, &prediction, bound))
    }
}

/// Blocks as they are shown: what no operator causes comes last, so that shares add up to one.
fn shown_blocks(prediction: &Prediction) -> Vec<(&str, f64, f64, Option<Source>)> {
    let mut blocks: Vec<(&str, f64, f64, Option<Source>)> =
        prediction.blocks.iter().map(|b| (b.name.as_str(), b.ms.0, b.share, b.source)).collect();
    if prediction.overhead.0 > 0.0 {
        let share = prediction.overhead.0 / prediction.mean.0;
        blocks.push(("(overhead)", prediction.overhead.0, share, Some(Source::Fitted)));
    }
    blocks
}

pub(super) fn prediction_json(prediction: &Prediction, bound: Option<Bound>) -> Value {
    let blocks: Vec<Value> = shown_blocks(prediction)
        .into_iter()
        .map(|(name, ms, share, source)| json!({"name": name, "ms": ms, "share": share, "source": source}))
        .collect();
    let flags: Vec<Value> = prediction
        .flags
        .iter()
        .map(|flag| {
            let mut value = serde_json::to_value(flag).unwrap_or(Value::Null);
            value["message"] = Value::from(flag.to_string());
            value
        })
        .collect();
    json!({
        "mean_ms": prediction.mean.0,
        "bound_ms": bound.map(|bound| bound.ms.0),
        "confidence": bound.map(|bound| bound.confidence),
        "blocks": blocks,
        "flags": flags,
    })
}

pub(super) fn prediction_text(table: &LatencyTable, prediction: &Prediction, bound: Option<Bound>) -> String {
    let mut text = format!("{:.3} ms: {}\n", prediction.mean.0, table.about());
    if let Some(Bound { ms, confidence }) = bound {
        text += &format!("at most {:.3} ms with a confidence of {:.1} %\n", ms.0, 100.0 * confidence);
    }
    for (name, ms, share, _) in shown_blocks(prediction) {
        text += &format!("{ms:10.4} ms {:5.1} %  {name}\n", 100.0 * share);
    }
    for flag in &prediction.flags {
        text += &format!("flag: {flag}\n");
    }
    text
}

fn run_tables(arguments: &TablesArguments) -> Result<(), Failure> {
    let mut tables: Vec<(String, LatencyTable)> = Vec::new();
    match &arguments.dir {
        None => {
            for name in LatencyTable::names() {
                tables.push((name.to_owned(), LatencyTable::named(name).map_err(|e| input(e.into()))?));
            }
        }
        Some(dir) => {
            for path in yaml_files(dir)? {
                tables.push((path.display().to_string(), LatencyTable::load(&path).map_err(input)?));
            }
        }
    }
    if arguments.json {
        let list: Vec<Value> = tables.iter().map(|(name, table)| table_json(name, table)).collect();
        return emit_json(&Value::from(list));
    }
    let mut text = String::new();
    for (name, table) in &tables {
        let rows = format!("{} fitted rows, {} measured", table.fitted_rows(), table.measured_rows());
        text += &format!("{name}\n  {}\n  {rows}; {}\n", table.about(), covered::line(table));
    }
    emit(&text)
}

fn table_json(name: &str, table: &LatencyTable) -> Value {
    let mut value = serde_json::to_value(table.info()).unwrap_or(Value::Null);
    value["name"] = Value::from(name);
    value["rows"] = json!({"fitted": table.fitted_rows(), "measured": table.measured_rows()});
    value["covered"] = covered::json(table);
    value
}

/// The YAML files of a folder and of its folders, in order.
fn yaml_files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(dir)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>())
        .map_err(|e| Failure::Input(miette!("cannot read the folder {}: {e}", dir.display())))?;
    let mut files = Vec::new();
    for path in entries {
        // Links are not followed, so a circle of them is no trap.
        if path.is_dir() && !path.is_symlink() {
            files.extend(yaml_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

//! `pocketnas audit`: how far a score can be trusted.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::progress::Stages;
use super::{Failure, emit, emit_json};
use crate::audit::{Bootstrap, Judgement, MeasureError, Measured, Truth, judge, measure, resolve};
use crate::proxy::{Definition, Proxy};
use crate::space::Space;
use crate::study::Progress;

/// Measure how far scores can be trusted.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    Proxies(Args),
    Strategies(super::strategies::Args),
}

/// Correlate zero-shot proxies with known accuracies.
///
/// Every audit also shows params, macs and s0, the baselines that a proxy has to beat.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A search space: the path of a file, or the name of a shipped one
    #[arg(long, value_name = "SPACE")]
    space: String,
    /// A CSV file of architectures and their accuracies; its first line names the columns
    #[arg(long, value_name = "CSV")]
    truth: PathBuf,
    /// The column of architectures in the space's text form
    #[arg(long, value_name = "COLUMN")]
    id_column: String,
    /// The column of accuracies, higher is better; rows without a number are left out and counted
    #[arg(long, value_name = "COLUMN")]
    truth_column: String,
    /// Proxies: names of shipped ones, or paths of .yaml files
    #[arg(long, value_name = "NAME_OR_FILE", num_args = 1..)]
    proxy: Vec<String>,
    #[command(flatten)]
    conditions: super::conditions::Args,
    /// Audit on a uniform sample of so many rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    limit: Option<u64>,
    /// Seed of the sample and of the intervals
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    sample_seed: u64,
    /// Bootstrap resamples for the 95 % intervals; 0 for none
    #[arg(long, value_name = "N", default_value_t = Bootstrap::default().resamples,
        value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    resamples: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Write every architecture with its truth and its scores to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// What every audit is held against.
const BASELINES: [&str; 3] = ["params", "macs", "s0"];

/// One proxy of the answer.
#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    judgement: Judgement,
    version: u32,
    baseline: bool,
    #[serde(flatten)]
    context: Context,
}

/// What all rows of the answer share.
#[derive(Clone, Serialize)]
struct Context {
    space: String,
    truth_column: String,
    best_truth: f64,
    distinct: usize,
    dead: usize,
    skipped: usize,
    #[serde(flatten)]
    bootstrap: Bootstrap,
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Proxies(args) => proxies(args),
        Command::Strategies(args) => super::strategies::run(args),
    }
}

fn proxies(args: Args) -> Result<(), Failure> {
    let space = Space::load(&args.space, None)?;
    let definitions = definitions(&args.proxy)?;
    let mut truth = Truth::read(&args.truth, &args.id_column, &args.truth_column).map_err(Failure::input)?;
    truth.sample(usize::try_from(args.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX), args.sample_seed);
    let architectures = resolve(&space, &truth, &args.truth).map_err(Failure::input)?;
    // Opened before the work, so that a path that cannot be written is told at once.
    let csv = args.csv.as_ref().map(|path| open(path, &args.truth)).transpose()?;

    let conditions = args.conditions.conditions()?;
    let proxies: Vec<Box<dyn Proxy>> =
        definitions.iter().map(|(definition, _)| definition.proxy(&conditions)).collect();
    let stages = Stages::new(false);
    stages.stage("scoring networks", Some(architectures.len() as u64));
    let build = |row: usize| space.build(&architectures[row]);
    let measured = measure(architectures.len(), build, &proxies, || stages.step(1));
    let measured = measured.map_err(|error| at_line(&error, &truth, &args))?;
    stages.done(&format!("{} networks by {} proxies", architectures.len(), proxies.len()));
    if let Some((path, writer)) = csv {
        write(writer, &truth, &measured)
            .map_err(|error| Failure::failed(format!("{}: cannot be written: {error}", path.display())))?;
    }

    let values: Vec<f64> = truth.rows.iter().map(|row| row.value).collect();
    let bootstrap = Bootstrap { resamples: args.resamples, seed: args.sample_seed, ..Bootstrap::default() };
    let context = Context {
        space: space.name().to_owned(),
        truth_column: args.truth_column.clone(),
        best_truth: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        distinct: measured.distinct,
        dead: measured.dead,
        skipped: truth.skipped,
        bootstrap,
    };
    stages.stage("resampling for intervals", Some(measured.columns.len() as u64));
    let entries: Vec<Entry> = measured
        .columns
        .iter()
        .zip(&definitions)
        .map(|(column, (definition, baseline))| {
            let judgement = judge(column, &values, &bootstrap);
            stages.step(1);
            Entry { judgement, version: definition.version, baseline: *baseline, context: context.clone() }
        })
        .collect();
    stages.done(&format!("{} resamples", bootstrap.resamples));
    if args.json { emit_json(&entries) } else { emit(&table(&entries, &context)) }
}

/// The proxies asked for, then the baselines that are not among them.
fn definitions(names: &[String]) -> Result<Vec<(Definition, bool)>, Failure> {
    let mut found: Vec<(Definition, bool)> = Vec::new();
    let asked = names.iter().map(|name| (name.as_str(), false));
    let baselines = BASELINES.into_iter().filter(|name| !names.iter().any(|asked| asked == name));
    for (name, baseline) in asked.chain(baselines.map(|name| (name, true))) {
        let definition = Definition::load(name)?;
        if found.iter().any(|(other, _)| other.name == definition.name) {
            let message = format!("two proxies are named `{}`; give one of them another `name:`", definition.name);
            return Err(Failure::input(message));
        }
        found.push((definition, baseline));
    }
    Ok(found)
}

fn at_line<E: std::error::Error>(error: &MeasureError<E>, truth: &Truth, args: &Args) -> Failure {
    let row = &truth.rows[error.row()];
    let reason: &dyn std::fmt::Display = match error {
        MeasureError::Build { source, .. } => source,
        MeasureError::Score { source, .. } => source,
    };
    Failure::input(format!("{}:{}: `{}`: {reason}", args.truth.display(), row.line, row.id))
}

type Output = (PathBuf, csv::Writer<std::fs::File>);

fn open(path: &Path, truth: &Path) -> Result<Output, Failure> {
    if path.canonicalize().ok().is_some_and(|path| truth.canonicalize().is_ok_and(|truth| truth == path)) {
        let message = format!("{}: the scores would be written over the truth", path.display());
        return Err(Failure::refuse(message, "give `--csv` another file"));
    }
    let file = std::fs::File::create(path)
        .map_err(|error| Failure::input(format!("{}: cannot be written: {error}", path.display())))?;
    Ok((path.to_owned(), csv::Writer::from_writer(file)))
}

fn write(mut writer: csv::Writer<std::fs::File>, truth: &Truth, measured: &Measured) -> csv::Result<()> {
    let names = measured.columns.iter().map(|column| column.proxy.as_str());
    writer.write_record(["architecture", "truth"].into_iter().chain(names))?;
    for (index, row) in truth.rows.iter().enumerate() {
        let scores = measured.columns.iter().map(|column| column.scores[index].to_string());
        writer.write_record([row.id.clone(), row.value.to_string()].into_iter().chain(scores))?;
    }
    Ok(writer.flush()?)
}

fn table(entries: &[Entry], context: &Context) -> String {
    let mut text = format!(
        "{} against `{}`: {} distinct live networks, {} dead, {} rows without a number left out, best truth {}\n",
        context.space, context.truth_column, context.distinct, context.dead, context.skipped, context.best_truth
    );
    text += &format!(
        "{:<14} {:>7}  {:<24} {:<24} {:<16} {:>12} {:>9}\n",
        "proxy", "n", "Spearman (95 %)", "Kendall (95 %)", "top half ρ / τ", "best of 10", "µs each"
    );
    for entry in entries {
        let judged = &entry.judgement;
        let correlation = |value: Option<f64>, interval: Option<crate::audit::Interval>| match (value, interval) {
            (Some(value), Some(i)) => format!("{value:.4} [{:.4}, {:.4}]", i.low, i.high),
            (Some(value), None) => format!("{value:.4}"),
            (None, _) => "not defined".to_owned(),
        };
        let short = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
        text += &format!(
            "{:<14} {:>7}  {:<24} {:<24} {:<16} {:>12} {:>9.1}{}\n",
            judged.proxy,
            judged.n,
            correlation(judged.spearman, judged.spearman_interval),
            correlation(judged.kendall, judged.kendall_interval),
            format!("{} / {}", short(judged.top_half.spearman, 3), short(judged.top_half.kendall, 3)),
            short(judged.best_of_top_10, 3),
            judged.seconds_per_architecture * 1e6,
            if entry.baseline { "  baseline" } else { "" },
        );
    }
    text
}

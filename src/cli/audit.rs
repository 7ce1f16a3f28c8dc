//! `pocketnas audit`: how far a score can be trusted.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::progress::Stages;
use super::{Failure, emit, emit_json, say};
use crate::audit::{
    Bootstrap, Column, Journal, Judgement, Lineup, MeasureError, Measured, Rows, Run, Survey, Truth, definition_key,
    judge, present, resolve,
};
use crate::latency::LatencyTable;
use crate::proxy::{Conditions, Definition, Proxy};
use crate::report;
use crate::space::{Architecture, Space};
use crate::study::{self, Interrupt, Interruptible, Lock, Progress};

mod table;

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
    /// Audit on the rows that a sample of so many, with the same seed, does not hold: what was chosen on that sample is
    /// judged on the rest
    #[arg(long, value_name = "N")]
    except_sample: Option<u64>,
    /// A latency table, by path or name: correlations with latency, and bands of equal latency
    #[arg(long, value_name = "TABLE")]
    latency: Option<String>,
    /// Seed of the samples and of the intervals
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
    /// Keep scores as they come and write tables, plots and a page to this folder; the same command continues there
    /// after an interrupt
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
    rows: usize,
    distinct: usize,
    dead: usize,
    skipped: usize,
    latency_table: Option<String>,
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
    let (lineup, baselines) = lineup(&args.proxy)?;
    let table = args.latency.as_deref().map(super::latency::load).transpose()?;
    let (truth, architectures) = rows(&args, &space)?;
    // Opened before the work, so that a path that cannot be written is told at once.
    let csv = args.csv.as_ref().map(|path| open(path, &args.truth)).transpose()?;
    let folder = args.out.as_deref().map(Folder::open).transpose()?;

    let conditions = args.conditions.conditions()?;
    let work = Work { space: &space, truth: &truth, architectures: &architectures, table: table.as_ref(), args: &args };
    let stages = Stages::new(false);
    let measured = lineup.show(work.measure(&lineup, &conditions, folder.as_ref(), &stages)?);
    if let Some((path, writer)) = csv {
        write(writer, &truth, &measured)
            .map_err(|error| Failure::failed(format!("{}: cannot be written: {error}", path.display())))?;
    }

    let rows = Rows::measured(truth.rows.iter().map(|row| row.value).collect(), &measured);
    let bootstrap = Bootstrap { resamples: args.resamples, seed: args.sample_seed, ..Bootstrap::default() };
    let context = Context {
        space: space.name().to_owned(),
        truth_column: args.truth_column.clone(),
        best_truth: rows.truth.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        rows: rows.truth.len(),
        distinct: measured.distinct,
        dead: measured.dead,
        skipped: truth.skipped,
        latency_table: table.as_ref().map(LatencyTable::label),
        bootstrap,
    };
    stages.stage("resampling for intervals", Some(measured.columns.len() as u64));
    let entries: Vec<Entry> = (measured.columns.iter())
        .zip(lineup.shown().iter().zip(baselines))
        .map(|(column, (definition, baseline))| {
            let judgement = judge(column, &rows, &bootstrap);
            stages.step(1);
            Entry { judgement, version: definition.version, baseline, context: context.clone() }
        })
        .collect();
    stages.done(&format!("{} resamples", bootstrap.resamples));
    if let Some(folder) = &folder {
        let judged: Vec<_> = (entries.iter().zip(lineup.shown()))
            .map(|(entry, definition)| (&entry.judgement, definition, entry.baseline))
            .collect();
        let mut report = present(&judged, &measured, &rows, facts(&args, &conditions, &context));
        report.title = format!("How far scores can be trusted on {}", context.space);
        report.truth = args.truth_column.clone();
        report.lead = lead(&context);
        folder.write(&report, &entries, &truth, &measured)?;
        say(format_args!("{}: the report is written; open audit.html", folder.path.display()));
    }
    if args.json { emit_json(&entries) } else { emit(&table::table(&entries, &context)) }
}

/// What was audited, in a sentence.
fn lead(context: &Context) -> String {
    let Context { rows, distinct, dead, truth_column, .. } = context;
    let dead = match dead {
        0 => String::new(),
        _ => format!("; {dead} rows have an output that does not depend on the input"),
    };
    format!("{rows} architectures with a known {truth_column}, {distinct} of them distinct networks{dead}.")
}

/// How the audit was made.
fn facts(args: &Args, conditions: &Conditions, context: &Context) -> Vec<report::Entry> {
    let mut facts = vec![
        ("space", context.space.clone()),
        ("truth", format!("{}, column {}", args.truth.display(), context.truth_column)),
        ("rows without a number, left out", context.skipped.to_string()),
        ("data", conditions.source.clone()),
        ("seed of the weights", conditions.seed.to_string()),
        ("seed of the batches", conditions.data_seed.to_string()),
        ("resamples", format!("{} of isomorphism classes, seed {}", args.resamples, args.sample_seed)),
    ];
    if let Some(limit) = args.limit {
        facts.push(("sample", format!("{limit} rows, seed {}", args.sample_seed)));
    }
    if let Some(except) = args.except_sample {
        facts.push(("left out", format!("a sample of {except} rows, seed {}", args.sample_seed)));
    }
    if let Some(table) = &context.latency_table {
        facts.push(("latency", table.clone()));
    }
    facts.push(("pocketnas", env!("CARGO_PKG_VERSION").to_owned()));
    facts.into_iter().map(|(key, value)| report::Entry { key: key.to_owned(), value }).collect()
}

/// The rows to audit on, and their architectures.
fn rows(args: &Args, space: &Space) -> Result<(Truth, Vec<Architecture>), Failure> {
    let mut truth = Truth::read(&args.truth, &args.id_column, &args.truth_column).map_err(Failure::input)?;
    let count = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    if args.except_sample.is_some() {
        truth.leave_out_sample(count(args.except_sample), args.sample_seed);
        if truth.rows.len() < 2 {
            let message = format!("{}: {} row(s) are left without the sample", args.truth.display(), truth.rows.len());
            return Err(Failure::refuse(message, "leave out fewer with `--except-sample`"));
        }
    }
    truth.sample(count(args.limit), args.sample_seed);
    let architectures = resolve(space, &truth, &args.truth).map_err(Failure::input)?;
    Ok((truth, architectures))
}

/// What is measured.
struct Work<'a> {
    space: &'a Space,
    truth: &'a Truth,
    architectures: &'a [Architecture],
    table: Option<&'a LatencyTable>,
    args: &'a Args,
}

impl Work<'_> {
    fn measure(
        &self,
        lineup: &Lineup,
        conditions: &Conditions,
        folder: Option<&Folder>,
        stages: &Stages,
    ) -> Result<Measured, Failure> {
        let proxies: Vec<Box<dyn Proxy>> = lineup.scored().iter().map(|scored| scored.proxy(conditions)).collect();
        let keys: Vec<String> = lineup.scored().iter().map(|scored| definition_key(scored, conditions)).collect();
        let build = |row: usize| self.space.build(&self.architectures[row]);
        stages.stage("scoring networks", Some(self.architectures.len() as u64));
        let survey = Survey::take(self.architectures.len(), &build, &proxies, self.table, || stages.step(1));
        let survey = survey.map_err(|error| self.at_line(&error))?;
        let running = proxies.iter().filter(|proxy| proxy.structural().is_none()).count();
        stages.done(&format!("{} networks by {} proxies", self.architectures.len(), proxies.len() - running));
        // More than four threads are of no use to one network.
        let at_once = rayon::current_num_threads().div_ceil(4);
        let mut run = Run { at_once, ..Run::default() };
        if running == 0 {
            return survey.run(&build, &proxies, &run).map_err(|error| self.at_line(&error));
        }

        if let Some([(row, one), (other, another)]) = survey.mixed() {
            let line = |row: usize| self.truth.rows[row].line;
            say(format_args!(
                "warning: the networks have different backbones: {one} on line {}, {another} on line {}; ZiCo and ZiCo-BC rank \
                 networks of one backbone",
                line(row),
                line(other)
            ));
        }
        let distinct = survey.distinct();
        let interrupt = folder.map(|folder| folder.interruptible()).transpose()?;
        let known = folder.map_or(0, |folder| survey.known(&proxies, &folder.journal, &keys));
        if known > 0 {
            say(format_args!("continues: {known} of {distinct} distinct networks are scored already"));
        }
        stages.stage("running networks", Some(distinct as u64));
        run.peak = conditions.engine.peak() / at_once as f64;
        let fresh = AtomicU64::new(0);
        let scored = || stages.counted(fresh.fetch_add(1, Ordering::Relaxed) + 1, known as u64, distinct as u64);
        let stop = || interrupt.as_ref().is_some_and(Interruptible::asked);
        let name = |row: usize| self.truth.rows[row].id.clone();
        (run.scored, run.stop, run.name) = (&scored, &stop, &name);
        run.journal = folder.map(|folder| (&folder.journal, &keys[..]));
        let measured = survey.run(&build, &proxies, &run).map_err(|error| self.at_line(&error))?;
        stages.done(&format!("{distinct} distinct networks by {running} proxies"));
        for Column { proxy, unfit, .. } in &measured.columns {
            let Some((count, row, reason)) = unfit else { continue };
            let row = &self.truth.rows[*row];
            let first = format!("{}:{}: `{}`: {reason}", self.args.truth.display(), row.line, row.id);
            if *count + usize::from(measured.dead > 0) >= distinct {
                return Err(Failure::input(first));
            }
            say(format_args!(
                "note: {count} of {distinct} networks have no score by {proxy} and are left out; the first is {first}"
            ));
        }
        Ok(measured)
    }

    fn at_line<E: std::error::Error>(&self, error: &MeasureError<E>) -> Failure {
        let reason: &dyn std::fmt::Display = match error {
            MeasureError::Build { source, .. } => source,
            MeasureError::Score { source, .. } => source,
            MeasureError::Journal(error) => return Failure::failed(error),
            MeasureError::Stopped { .. } => {
                let message = format!("{error}; state saved: the same command continues");
                return Failure::Interrupted(miette::miette!("{message}"));
            }
        };
        let row = &self.truth.rows[error.row().unwrap_or(0)];
        Failure::input(format!("{}:{}: `{}`: {reason}", self.args.truth.display(), row.line, row.id))
    }
}

/// The folder that keeps the scores and takes the report.
struct Folder {
    path: PathBuf,
    journal: Journal,
    _lock: Lock,
}

impl Folder {
    fn open(path: &Path) -> Result<Self, Failure> {
        report::prepare_audit(path).map_err(Failure::input)?;
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        let lock = Lock::take(path, &command)?;
        Ok(Self { path: path.to_owned(), journal: Journal::open(path).map_err(Failure::input)?, _lock: lock })
    }

    /// Writes every score, the verdicts, the plots and the page.
    fn write(
        &self,
        report: &report::AuditReport,
        entries: &[Entry],
        truth: &Truth,
        measured: &Measured,
    ) -> Result<(), Failure> {
        report::write_atomically(&self.path.join("audit.csv"), |out| {
            write(csv::Writer::from_writer(out), truth, measured).map_err(std::io::Error::from)
        })
        .map_err(Failure::failed)?;
        report::write_atomically(&self.path.join("audit.json"), |out| {
            serde_json::to_writer_pretty(&mut *out, entries)?;
            out.write_all(b"\n")
        })
        .map_err(Failure::failed)?;
        report::write_audit(report, &self.path).map_err(Failure::failed)
    }

    /// From now on the first interrupt lets the networks that run finish.
    fn interruptible(&self) -> Result<Interruptible, Failure> {
        ctrlc::set_handler(|| match study::interrupt() {
            Interrupt::Finishing => {
                say(format_args!(
                    "interrupted: the networks that run are finished and recorded; interrupt again to stop now"
                ));
            }
            Interrupt::Now => {
                say(format_args!("interrupted: what was scored is recorded; the same command continues"));
                std::process::exit(130);
            }
        })
        .map_err(Failure::failed)?;
        Ok(Interruptible::new())
    }
}

/// The proxies asked for, then the baselines that are not among them; and which are baselines.
fn lineup(names: &[String]) -> Result<(Lineup, Vec<bool>), Failure> {
    let mut found: Vec<Definition> = Vec::new();
    let mut baseline = Vec::new();
    let asked = names.iter().map(|name| (name.as_str(), false));
    let baselines = BASELINES.into_iter().filter(|name| !names.iter().any(|asked| asked == name));
    for (name, is_baseline) in asked.chain(baselines.map(|name| (name, true))) {
        let definition = Definition::load(name)?;
        if found.iter().any(|other| other.name == definition.name) {
            let message = format!("two proxies are named `{}`; give one of them another `name:`", definition.name);
            return Err(Failure::input(message));
        }
        found.push(definition);
        baseline.push(is_baseline);
    }
    Ok((Lineup::new(found)?, baseline))
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

fn write<W: std::io::Write>(mut writer: csv::Writer<W>, truth: &Truth, measured: &Measured) -> csv::Result<()> {
    let names = measured.columns.iter().map(|column| column.proxy.as_str());
    writer.write_record(["architecture", "truth"].into_iter().chain(names))?;
    for (index, row) in truth.rows.iter().enumerate() {
        let scores = measured.columns.iter().map(|column| column.scores[index].to_string());
        writer.write_record([row.id.clone(), row.value.to_string()].into_iter().chain(scores))?;
    }
    Ok(writer.flush()?)
}

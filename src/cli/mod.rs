//! The command line: one file per subcommand, each of which parses, calls the
//! library and prints. Data goes to stdout, progress and messages to stderr.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use serde::Serialize;

use crate::config::{ConfigError, SearchConfig};
use crate::space::CompileError;
use crate::study::StudyError;
use crate::study::store::StoreError;
use crate::yaml::Diagnostics;

mod audit;
mod completions;
mod conditions;
mod export;
mod frontier;
mod import;
mod latency;
mod plan;
mod progress;
mod report;
mod schema;
mod score;
mod search;
mod space;
mod status;
mod strategies;
mod verify;
mod worker;

/// Why a command ended without its answer; decides the exit code.
#[derive(Debug)]
pub enum Failure {
    /// The input or the configuration is wrong (exit code 2).
    Input(miette::Report),
    /// Everything was understood, but nothing satisfies the limits (exit code 3).
    Infeasible(miette::Report),
    /// The work itself failed, a full disk for example (exit code 1).
    Failed(miette::Report),
    /// An interrupt stopped it, with its state saved (exit code 130).
    Interrupted(miette::Report),
}

impl Failure {
    /// Wrong input, told by any error that explains itself.
    pub fn input(error: impl fmt::Display) -> Self {
        // Messages of this program hold their causes already; a chain would say them twice.
        Self::Input(miette::miette!("{error}"))
    }

    /// Wrong input without an error type behind it.
    pub fn refuse(message: impl fmt::Display, help: impl fmt::Display) -> Self {
        Self::Input(miette::miette!(help = help.to_string(), "{message}"))
    }

    /// Failed work, told by any error that explains itself.
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(miette::miette!("{error}"))
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
            Self::Infeasible(_) => 3,
            Self::Interrupted(_) => 130,
        }
    }

    fn report(&self) -> &miette::Report {
        match self {
            Self::Input(report) | Self::Infeasible(report) | Self::Failed(report) | Self::Interrupted(report) => report,
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(problems: Diagnostics) -> Self {
        Self::Input(problems.into_report())
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        Diagnostics::from(error).into()
    }
}

impl From<ConfigError> for Failure {
    fn from(ConfigError(mut files): ConfigError) -> Self {
        if files.len() == 1 {
            return files.swap_remove(0).into();
        }
        Self::Input(miette::Report::new(Several(files.into_iter().map(Diagnostics::into_report).collect())))
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Input(problems) => problems.into(),
            StudyError::Infeasible(problems) => Self::Infeasible(problems.into_report()),
            StudyError::Folder { message, help } => Self::refuse(message, help),
            StudyError::Store(error) => error.into(),
            stopped @ StudyError::Stopped { .. } => Self::Interrupted(miette::miette!("{stopped}")),
            other => Self::failed(other),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unusable { .. } | StoreError::NotFinite(_) => Self::failed(error),
            wrong => Self::input(wrong),
        }
    }
}

/// Problems in more than one file.
#[derive(Debug)]
struct Several(Vec<miette::Report>);

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "problems in {} files", self.0.len())
    }
}

impl std::error::Error for Several {}

impl miette::Diagnostic for Several {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().map(AsRef::as_ref)))
    }
}

/// Neural architecture search for phones: one YAML config in, a certified Pareto front out.
#[derive(Parser)]
#[command(name = "pocketnas", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find the Pareto front that a search config asks for; write plots, tables and architecture files.
    Search(search::Arguments),
    /// Say what a search would do: size of the space, reachable ranges, table coverage, time.
    Plan(plan::Arguments),
    /// Count, show, sample or price a search space.
    Space(space::Arguments),
    Frontier(frontier::Arguments),
    Import(import::Arguments),
    Latency(latency::Arguments),
    #[command(subcommand)]
    Audit(audit::Command),
    Score(score::Args),
    /// Write the architectures of a finished search, or one architecture file, in other formats.
    Export(export::Arguments),
    /// Draw the report of a finished search again, from its front.json.
    Report(report::Arguments),
    Verify(verify::Arguments),
    /// Say how a search stands, from another shell while it runs or after it.
    Status(status::Arguments),
    Worker(worker::Arguments),
    /// Print the JSON Schema of a file kind, for editors.
    Schema(schema::Arguments),
    /// Print completions for a shell.
    Completions(completions::Arguments),
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Search(arguments) => search::run(arguments),
            Self::Plan(arguments) => plan::run(arguments),
            Self::Space(arguments) => space::run(arguments),
            Self::Frontier(arguments) => frontier::run(&arguments),
            Self::Import(arguments) => import::run(&arguments),
            Self::Latency(arguments) => latency::run(&arguments),
            Self::Audit(command) => audit::run(command),
            Self::Score(arguments) => score::run(arguments),
            Self::Export(arguments) => export::run(arguments),
            Self::Report(arguments) => report::run(arguments),
            Self::Verify(arguments) => verify::run(&arguments),
            Self::Status(arguments) => status::run(&arguments),
            Self::Worker(arguments) => worker::run(&arguments),
            Self::Schema(arguments) => schema::run(arguments),
            Self::Completions(arguments) => completions::run(&arguments, &mut Cli::command()),
        }
    }
}

/// Parses the command line, runs it, prints what went wrong if something did.
pub fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(format_args!("{:?}", failure.report()));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Progress and remarks on stderr; stdout is for data.
fn say(text: fmt::Arguments) {
    // Nothing is left to be done where even stderr is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes data to stdout. A reader that has seen enough (`| head`) is no failure.
///
/// # Errors
/// When stdout cannot take it for any other reason, such as a full disk.
pub fn emit(text: &str) -> Result<(), Failure> {
    emit_bytes(text.as_bytes())
}

/// Writes data that may not be text to stdout.
///
/// # Errors
/// As [`emit`].
fn emit_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(miette::miette!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes one JSON document to stdout.
///
/// # Errors
/// As [`emit`].
pub fn emit_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    text.push('\n');
    emit(&text)
}

/// Reads a search config, with the seed of the command line in place of its own.
fn read_config(path: &Path, seed: Option<u64>) -> Result<SearchConfig, Failure> {
    Ok(SearchConfig::read_with(path, seed)?)
}

/// Sets the number of threads, one for each core by default.
fn use_jobs(jobs: Option<u32>) -> Result<(), Failure> {
    let Some(jobs) = jobs else { return Ok(()) };
    rayon::ThreadPoolBuilder::new().num_threads(jobs as usize).build_global().map_err(Failure::failed)
}

//! `pocketnas search`: from a config to a folder with the front.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::progress::Stages;
use super::{Failure, emit, emit_json, read_config, say, use_jobs};
use crate::report;
use crate::study::{self, Continuation, Interrupt, Journal, Outcome, Outputs, Search};
use crate::units::counted;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The search config.
    #[arg(value_name = "CONFIG.yaml")]
    config: PathBuf,
    /// Where the results go [default: reports/<name of the search>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of every random draw, in place of the config's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads [default: one for each core]. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Start over: replace what the output folder holds, results of another config included.
    #[arg(long, conflicts_with = "extend")]
    new: bool,
    /// Go on with a study whose config has changed in `evaluations`, `workers`, `architectures` or `baselines`.
    #[arg(long)]
    extend: bool,
    /// Print one JSON document in place of the table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    use_jobs(arguments.jobs)?;
    stop_on_interrupt()?;
    let config = read_config(&arguments.config, arguments.seed)?;
    let folder = arguments.out.clone().unwrap_or_else(|| Path::new("reports").join(&config.name));
    let seed = config.seed;
    let command = command(&arguments.config, &folder, seed);
    let outputs = Outputs::prepare(&folder)?;
    let continuation = match (arguments.new, arguments.extend) {
        (true, _) => Continuation::New,
        (_, true) => Continuation::Extend,
        _ => Continuation::Same,
    };
    let stages = Stages::new(false);
    let search = Search::new(config, &stages)?;
    // What the search found out about the config is part of it.
    let hash = search.config().hash();
    let mut journal = Journal::open(&folder, search.config(), continuation, &command)?;
    let outcome = search.run(&outputs, &mut journal, &command, &stages)?;
    if arguments.json {
        return emit_json(&document(&outcome, &folder, &hash));
    }
    let mut text = report::table(&outcome.data, width());
    let _ = writeln!(
        text,
        "\n{}: {}, {}",
        folder.display(),
        counted(outcome.data.front.len(), "member"),
        outcome.data.certificate.short()
    );
    let _ = writeln!(text, "reproduce: config {hash}, seed {seed}, pocketnas {}: {command}", env!("CARGO_PKG_VERSION"));
    emit(&text)
}

/// The first interrupt lets a search that evaluates candidates finish what runs; nothing half-written stays behind any.
fn stop_on_interrupt() -> Result<(), Failure> {
    ctrlc::set_handler(|| match study::interrupt() {
        Interrupt::Finishing => {
            say(format_args!("interrupted: what runs is finished and recorded; interrupt again to stop now"));
        }
        Interrupt::Now => {
            say(format_args!("interrupted: nothing was written over; the same command starts or continues the search"));
            std::process::exit(130);
        }
    })
    .map_err(Failure::failed)
}

fn command(config: &Path, folder: &Path, seed: u64) -> String {
    let word = |path: &Path| {
        let text = path.display().to_string();
        let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'));
        if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    format!("pocketnas search {} --out {} --seed {seed}", word(config), word(folder))
}

/// Columns for the table: enough for a line of text where nobody's terminal says otherwise.
fn width() -> usize {
    let wanted = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    wanted.unwrap_or(if io::stdout().is_terminal() { 100 } else { 120 })
}

fn document(outcome: &Outcome, folder: &Path, hash: &str) -> Json {
    let data = &outcome.data;
    let front: Vec<Json> = (data.order().into_iter())
        .map(|index| {
            let member = &data.front[index];
            let values: Map<String, Json> =
                data.objectives.iter().zip(&member.values).map(|(o, v)| (o.name.clone(), json!(v))).collect();
            json!({"id": member.id, "architecture": member.architecture, "hash": member.hash, "values": values, "file": member.file})
        })
        .collect();
    let id = |index: Option<usize>| index.map(|index| data.front[index].id.clone());
    json!({
        "search": data.title,
        "folder": folder.display().to_string(),
        "config_hash": hash,
        "seed": data.run.seed,
        "version": env!("CARGO_PKG_VERSION"),
        "objectives": data.objectives,
        "limits": data.limits,
        "certificate": data.certificate,
        "front": front,
        "knee": id(data.knee),
        "best_under_limit": id(data.best_under_limit),
        "architecture_files": outcome.files,
        "seconds": data.run.seconds,
    })
}

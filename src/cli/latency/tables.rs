//! `latency tables`: what tables there are, with their provenance, coverage and error.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use miette::miette;
use serde_json::{Value, json};

use super::super::{Failure, emit, emit_json, say};
use super::{covered, input, load};
use crate::latency::{CONFIDENCE, LatencyTable};
use crate::units::counted;
use crate::yaml::Document;

#[derive(Args)]
pub(super) struct TablesArguments {
    /// A folder to search for tables, or one table, a file or a shipped one, to say all of; the shipped ones in short if left
    /// out
    #[arg(value_name = "DIR_OR_TABLE")]
    place: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A table with its name: of a file its path.
type Named = (String, LatencyTable);

pub(super) fn run(arguments: &TablesArguments) -> Result<(), Failure> {
    let (tables, one) = match &arguments.place {
        None => {
            let named = |name: &str| Ok((name.to_owned(), LatencyTable::named(name).map_err(|e| input(e.into()))?));
            (LatencyTable::names().map(named).collect::<Result<Vec<Named>, Failure>>()?, false)
        }
        Some(place) if Path::new(place).is_dir() => (of_folder(Path::new(place))?, false),
        Some(place) => (vec![(place.clone(), load(place)?)], true),
    };
    if arguments.json {
        let list: Vec<Value> = tables.iter().map(|(name, table)| table_json(name, table)).collect();
        return emit_json(&Value::from(list));
    }
    emit(&if one { tables.iter().map(|(name, table)| in_full(name, table)).collect() } else { in_short(&tables) })
}

/// The tables in a folder; what else lies there is counted.
fn of_folder(folder: &Path) -> Result<Vec<Named>, Failure> {
    let mut tables = Vec::new();
    let mut others = 0;
    for path in yaml_files(folder)? {
        match Document::read(&path) {
            Ok(document) if document.root.get("table").is_some() => {
                let table = LatencyTable::from_document(&document)?;
                tables.push((path.display().to_string(), table));
            }
            // What is no table may be anything, and need not even be sound.
            _ => others += 1,
        }
    }
    if tables.is_empty() {
        say(format_args!("no tables in {}", folder.display()));
    }
    if others > 0 {
        say(format_args!("passed over: {} without a `table:`", counted(others, "YAML file")));
    }
    Ok(tables)
}

/// A line for each table, below what it shares with its neighbours.
fn in_short(tables: &[Named]) -> String {
    let split = |name: &str| {
        let (folder, own) = name.rsplit_once('/').unwrap_or(("", name));
        (folder.to_owned(), own.to_owned())
    };
    let shared = |(name, table): &Named| (split(name).0, origin(table));
    let width = tables.iter().map(|(name, _)| split(name).1.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for group in tables.chunk_by(|a, b| shared(a) == shared(b)) {
        let (folder, origin) = shared(&group[0]);
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}: ") };
        let _ = writeln!(text, "{folder}{origin}");
        for (name, table) in group {
            let (own, info) = (split(name).1, table.info());
            let _ = writeln!(
                text,
                "  {own:<width$}  {} on {}: {}; {}",
                info.precision,
                info.cores,
                error(table),
                covered::line(table)
            );
        }
    }
    if !tables.is_empty() {
        text += "`pocketnas latency tables TABLE` says all of one, with the ranges it covers\n";
    }
    text
}

/// Device, runtime and who measured.
fn origin(table: &LatencyTable) -> String {
    let info = table.info();
    let of = &info.provenance;
    format!("{} ({}), {}; {}; {}", info.device, info.soc, info.runtime, of.source, of.licence)
}

/// How far off it is, and its bound.
fn error(table: &LatencyTable) -> String {
    let mut text = match &table.info().provenance.error {
        Some(error) => format!("{:.1} % off on {} left out", error.mape, error.left_out),
        None => "error not known".to_owned(),
    };
    text += &match (table.bound_factor(CONFIDENCE), &table.info().provenance.error) {
        (Ok(factor), error) => {
            let held = error.as_ref().and_then(|error| error.coverage);
            let held = held.map_or_else(String::new, |held| format!(" (held by {held:.1} %)"));
            format!(", bound {factor:.2} x mean{held}")
        }
        (Err(_), _) => ", no bound".to_owned(),
    };
    text
}

/// Everything about one table.
fn in_full(name: &str, table: &LatencyTable) -> String {
    let info = table.info();
    let of = &info.provenance;
    let rows = format!("{} fitted, {} measured", table.fitted_rows(), table.measured_rows());
    let lines = [
        ("device", format!("{} ({})", info.device, info.soc)),
        ("runs", format!("{}, {}, cores {}", info.runtime, info.precision, info.cores)),
        ("source", format!("{}; {}", of.source, of.licence)),
        ("command", of.command.clone()),
        ("error", error(table)),
        ("rows", rows),
    ];
    let mut text = format!("{name}\n");
    for (key, value) in lines {
        let _ = writeln!(text, "  {key:<8} {value}");
    }
    if !of.note.is_empty() {
        let _ = writeln!(text, "  {:<8} {}", "note", of.note);
    }
    text + &covered::ranges(table)
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

//! `latency tables`: what tables there are, with their provenance and error.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use miette::miette;
use serde_json::{Value, json};

use super::super::{Failure, emit, emit_json};
use super::{covered, input};
use crate::latency::LatencyTable;

#[derive(Args)]
pub(super) struct TablesArguments {
    /// A folder to search for tables; the shipped ones if left out
    dir: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &TablesArguments) -> Result<(), Failure> {
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

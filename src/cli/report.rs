//! `pocketnas report`: the report of a finished search, drawn again from its front.json.

use std::path::PathBuf;

use super::{Failure, emit, emit_json};
use crate::report;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A folder that a search has filled.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the data as one JSON document, and write nothing.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let path = arguments.folder.join("front.json");
    let data = report::read(&path)
        .map_err(|error| Failure::refuse(error, "give a folder that `pocketnas search` has filled"))?;
    if arguments.json {
        return emit_json(&data);
    }
    let files = report::write(&data, &arguments.folder).map_err(Failure::failed)?;
    let mut text = report::table(&data, 120);
    for file in files {
        text.push_str(&format!("{}\n", file.display()));
    }
    emit(&text)
}

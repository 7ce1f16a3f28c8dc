//! `pocketnas latency`: fit tables to measured networks, judge them, price networks, list tables, measure devices.

mod blocks;
mod confidence;
mod covered;
mod eval;
mod fit;
mod measurements;
mod origin;
mod predict;
mod profile;
mod scores;
mod tables;

use std::path::Path;

use clap::{Args, Subcommand};
use miette::miette;

use super::{Failure, say};
use crate::config::{Found, resolve};
use crate::graph::Network;
use crate::latency::{LatencyError, LatencyTable, SpaceOrNetwork, read_space_or_network};
use crate::report::write_atomically;
use crate::space::Space;
use crate::yaml::nearest;

pub(super) use predict::{prediction_json, prediction_text};

/// Fit latency tables to measured networks, judge them, and price networks by them.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit a table to measured networks.
    Fit(Box<fit::FitArguments>),
    /// Fit a table to measured blocks.
    Blocks(Box<blocks::BlocksArguments>),
    /// Compare a table with measured networks.
    Eval(eval::EvalArguments),
    /// Price a network, by block, and say what is extrapolated.
    Predict(predict::PredictArguments),
    /// List tables with their provenance and error.
    Tables(tables::TablesArguments),
    Profile(Box<profile::ProfileArguments>),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Fit(arguments) => fit::run(arguments),
        Command::Blocks(arguments) => blocks::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Tables(arguments) => tables::run(arguments),
        Command::Profile(arguments) => profile::run(arguments),
    }
}

fn input(error: LatencyError) -> Failure {
    match error {
        LatencyError::Table(problems) => Failure::Input(problems.into_report()),
        other => Failure::Input(miette!("{other}")),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_atomically(path, |file| file.write_all(text.as_bytes())).map_err(Failure::failed)
}

/// Refuses a place where no table can go, before anything is worked out, and a file that is something else: measurements
/// are named on the same line.
fn check_out(out: Option<&Path>) -> Result<(), Failure> {
    let Some(out) = out else { return Ok(()) };
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if out.is_dir() || parent.is_some_and(|parent| !parent.is_dir()) {
        let message = format!("the table cannot be written to `{}`", out.display());
        return Err(Failure::refuse(message, "give --out a file in a folder that is there"));
    }
    if out.exists() && LatencyTable::load(out).is_err() {
        let message = format!("`{}` is there, and is no latency table: it would be lost", out.display());
        return Err(Failure::refuse(message, "give --out another file, or remove that one"));
    }
    Ok(())
}

/// A file, or a shipped table; a file wins.
pub(super) fn load(table: &str) -> Result<LatencyTable, Failure> {
    match resolve(table, Path::new(""), LatencyTable::names()) {
        Found::File(path) => LatencyTable::load(&path).map_err(input),
        Found::Shipped => LatencyTable::named(table).map_err(|e| input(e.into())),
        Found::Nothing => Err(Failure::refuse(
            format!("there is no latency table `{table}`: no shipped one has that name, and no file that path"),
            nearest(table, LatencyTable::names()),
        )),
    }
}

/// The network in a file, or the default of a space: a file, or a shipped one by its name. What is meant is said.
fn network(named: &Path) -> Result<Network, Failure> {
    let name = named.to_string_lossy();
    let shipped = Space::shipped().iter().map(|(name, _)| *name);
    let space = match resolve(&name, Path::new(""), shipped) {
        Found::Shipped => Space::load(&name, None)?,
        Found::File(_) | Found::Nothing => match read_space_or_network(named).map_err(input)? {
            SpaceOrNetwork::Network(network) => return Ok(network),
            SpaceOrNetwork::Space(space) => space,
        },
    };
    say(format_args!("`{name}` is a search space: its default architecture is meant"));
    space.build(&space.default_architecture()).map_err(Failure::input)
}

//! The command line: one file per subcommand, each of which parses, calls the
//! library and prints. Data goes to stdout, progress and messages to stderr.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod frontier;
mod latency;

/// Why a command ended without its answer; decides the exit code.
#[derive(Debug)]
pub enum Failure {
    /// The input or the configuration is wrong (exit code 2).
    Input(miette::Report),
    /// Everything was understood, but nothing satisfies the limits (exit code 3).
    Infeasible(miette::Report),
    /// The work itself failed, a full disk for example (exit code 1).
    Failed(miette::Report),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
            Self::Infeasible(_) => 3,
        }
    }

    fn report(&self) -> &miette::Report {
        match self {
            Self::Input(report) | Self::Infeasible(report) | Self::Failed(report) => report,
        }
    }
}

#[derive(Parser)]
#[command(name = "pocketnas", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Frontier(frontier::Arguments),
    Latency(latency::Arguments),
}

/// Parses the command line, runs it, prints what went wrong if something did.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome: Result<(), Failure> = match cli.command {
        Command::Frontier(arguments) => frontier::run(&arguments),
        Command::Latency(arguments) => latency::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{:?}", failure.report());
            ExitCode::from(failure.exit_code())
        }
    }
}

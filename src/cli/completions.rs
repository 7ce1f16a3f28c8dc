//! `pocketnas completions`: what a shell needs to complete this program's arguments.

use clap_complete::Shell;

use super::{Failure, emit};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, command: &mut clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "pocketnas", &mut script);
    emit(&String::from_utf8_lossy(&script))
}

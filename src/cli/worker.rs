//! `pocketnas worker`: serves evaluation requests, one JSON object a line, from stdin to stdout.

use std::io;

use super::Failure;
use crate::evaluate::worker::serve;

/// Serve evaluation requests on stdin, one JSON object a line, until it ends; answers go to stdout.
#[derive(clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Result<(), Failure> {
    match serve(io::stdin().lock(), io::stdout().lock()) {
        // Nobody reads the answers any more: the search that asked is gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(|error| Failure::failed(format!("cannot go on serving requests: {error}"))),
    }
}

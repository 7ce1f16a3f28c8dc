//! `pocketnas schema`: the JSON Schema of a file kind, which editors complete from.

use clap::ValueEnum;

use super::{Failure, emit_json};
use crate::yaml::{Schema, json_schema};
use crate::{config, latency, proxy, space};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The file kind.
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Space,
    Search,
    Proxy,
    Table,
}

impl Kind {
    fn schema(self) -> &'static Schema {
        match self {
            Self::Space => &space::SCHEMA,
            Self::Search => &config::SCHEMA,
            Self::Proxy => &proxy::SCHEMA,
            Self::Table => &latency::TABLE_SCHEMA,
        }
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    emit_json(&json_schema(arguments.kind.schema()))
}

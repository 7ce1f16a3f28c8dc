//! `pocketnas score`: the zero-shot scores of one architecture.

use serde_json::{Map, Value as Json, json};

use super::{Failure, emit, emit_json, say};
use crate::proxy::Definition;
use crate::space::Space;

/// Score one architecture by zero-shot proxies.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A search space: the path of a file, or the name of a shipped one
    #[arg(long, value_name = "SPACE")]
    space: String,
    /// The architecture in the space's text form
    #[arg(long, value_name = "ID")]
    arch: String,
    /// Proxies: names of shipped ones, or paths of .yaml files
    #[arg(long, value_name = "NAME_OR_FILE", required = true, num_args = 1..)]
    proxy: Vec<String>,
    #[command(flatten)]
    conditions: super::conditions::Args,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let space = Space::load(&args.space, None)?;
    let architecture = space.parse(&args.arch).map_err(Failure::input)?;
    let network = space.build(&architecture).map_err(Failure::input)?;
    if network.live().count() == 0 {
        say(format_args!(
            "note: the output of this architecture does not depend on its input; its scores mean nothing"
        ));
    }
    let conditions = args.conditions.conditions()?;
    let (mut scores, mut details) = (Map::new(), Map::new());
    let mut lines = Vec::new();
    for name in &args.proxy {
        let proxy = Definition::load(name)?.proxy(&conditions);
        let score = proxy.score(&network).map_err(Failure::input)?;
        lines.push(format!("{:<16} {}", proxy.name(), score.value));
        for (name, value) in &score.details {
            lines.push(format!("  {name:<14} {value}"));
        }
        let named = score.details.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        details.insert(proxy.name().to_owned(), Json::Object(named.collect()));
        scores.insert(proxy.name().to_owned(), json!(score.value));
    }
    if args.json {
        let document = json!({
            "architecture": space.format(&architecture),
            "scores": scores,
            "details": details,
            "inputs": network.input_shapes(),
            "hash": network.canonical_hash(),
        });
        emit_json(&document)
    } else {
        emit(&format!("{}\n{}\n", space.format(&architecture), lines.join("\n")))
    }
}

//! `pocketnas space`: what a search space holds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;

use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value as Json, json};

use super::{Failure, emit, emit_json, say};
use crate::config::objective_by_reference;
use crate::objective::{Count, CountKind, Direction, Objective, price};
use crate::search::library;
use crate::space::{Architecture, Budget, ChoiceGraph, CompileError, Space};
use crate::study::{ColumnSource, distinct, priced_graph};
use crate::yaml::Diagnostics;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Count the architectures exactly, and the distinct networks among them where there are few enough.
    Count(Named),
    /// Show what is chosen where.
    Show(Named),
    /// Draw architectures uniformly.
    Sample(Sample),
    /// Print the choice graph with its costs, in the format that `frontier` reads.
    Graph(Graph),
}

#[derive(clap::Args)]
struct Named {
    /// A shipped space by name, or the path of a space file.
    space: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Sample {
    #[command(flatten)]
    named: Named,
    /// How many.
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    number: u32,
    /// Seed of the draw.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

#[derive(clap::Args)]
struct Graph {
    #[command(flatten)]
    named: Named,
    /// A cost of the edges: a count (params, macs, activations), a proxy or a latency table, by name or path.
    /// What is better when larger is written negated. Can be repeated [default: params, macs and s0].
    #[arg(long = "objective", value_name = "NAME=WHAT")]
    objectives: Vec<String>,
}

/// Up to how many architectures every one is built to count the distinct networks.
const ENUMERABLE: u32 = 200_000;

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Count(named) => count(&named),
        Command::Show(named) => show(&named),
        Command::Sample(arguments) => sample(&arguments),
        Command::Graph(arguments) => graph(&arguments),
    }
}

fn open(named: &Named) -> Result<(Space, ChoiceGraph), Failure> {
    let space = Space::load(&named.space, None)?;
    let graph = space.compile(Budget::default())?;
    Ok((space, graph))
}

/// The choice graph, or the reason why the space is too large for one.
fn open_any(named: &Named) -> Result<(Space, Result<ChoiceGraph, Diagnostics>), Failure> {
    let space = Space::load(&named.space, None)?;
    match space.compile(Budget::default()) {
        Ok(graph) => Ok((space, Ok(graph))),
        Err(CompileError::TooLarge(reason)) => Ok((space, Err(reason))),
        Err(wrong) => Err(wrong.into()),
    }
}

/// The count of a space without a choice graph; the reason for that where it is not known either.
fn counted(space: &Space, reason: Diagnostics) -> Result<BigUint, Failure> {
    match space.count_by_arithmetic() {
        Some(count) => Ok(count),
        None => Err(reason.into()),
    }
}

fn count(named: &Named) -> Result<(), Failure> {
    let (space, graph) = open_any(named)?;
    let graph = match graph {
        Ok(graph) => graph,
        Err(reason) => {
            let architectures = counted(&space, reason)?;
            if named.json {
                return emit_json(
                    &json!({"architectures": architectures.to_string(), "distinct": null, "states": null}),
                );
            }
            return emit(&format!("{}: {architectures} architectures; too large for a choice graph\n", space.name()));
        }
    };
    let architectures = graph.count();
    let few = *architectures <= BigUint::from(ENUMERABLE);
    let distinct = few.then(|| distinct(&space, &graph)).transpose().map_err(Failure::failed)?;
    if named.json {
        return emit_json(&json!({
            "architectures": architectures.to_string(),
            "distinct": distinct,
            "states": graph.states(),
        }));
    }
    let mut text = format!(
        "{}: {architectures} architectures, {} states, {} edges\n",
        space.name(),
        graph.states(),
        graph.edges().len()
    );
    if let Some(distinct) = distinct {
        let _ = writeln!(text, "{distinct} distinct networks by canonical hash of the live graph");
    }
    emit(&text)
}

/// The positions of a choice graph, each with the variants that occur there.
fn positions(graph: &ChoiceGraph) -> Vec<(String, BTreeSet<String>)> {
    let mut positions: Vec<(String, BTreeSet<String>)> = Vec::new();
    for edge in 0..graph.edges().len() {
        let (name, label) = (graph.position(edge), graph.label(edge));
        let at = positions.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            positions.push((name, BTreeSet::new()));
            positions.len() - 1
        });
        if !label.is_empty() {
            positions[at].1.insert(label);
        }
    }
    positions
}

/// What a space without a choice graph holds: its decisions.
fn show_decisions(named: &Named, space: &Space, reason: Diagnostics) -> Result<(), Failure> {
    let architectures = counted(space, reason)?;
    let (decisions, default) = (space.default_decisions(), space.default_architecture());
    if named.json {
        return emit_json(&json!({
            "space": space.name(),
            "about": space.about().trim(),
            "architectures": architectures.to_string(),
            "states": null,
            "edges": null,
            "default": described(space, &default)?,
            "decisions": decisions,
        }));
    }
    let mut text = format!("{}\n{}\n\n", space.name(), space.about().trim());
    let _ = writeln!(text, "{architectures} architectures, too large for a choice graph");
    let _ = writeln!(text, "default {}", space.format(&default));
    for decision in &decisions {
        let options: Vec<String> = decision.options.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  {}  {}", decision.path, options.join(" | "));
    }
    emit(&text)
}

fn show(named: &Named) -> Result<(), Failure> {
    let (space, graph) = open_any(named)?;
    let graph = match graph {
        Ok(graph) => graph,
        Err(reason) => return show_decisions(named, &space, reason),
    };
    let positions = positions(&graph);
    let default = space.default_architecture();
    if named.json {
        let positions: Vec<Json> =
            positions.iter().map(|(name, variants)| json!({"name": name, "variants": variants})).collect();
        return emit_json(&json!({
            "space": space.name(),
            "about": space.about().trim(),
            "architectures": graph.count().to_string(),
            "states": graph.states(),
            "edges": graph.edges().len(),
            "inputs": graph.input_shapes(),
            "default": described(&space, &default)?,
            "positions": positions,
            "decisions": graph.decisions(),
        }));
    }
    let mut text = format!("{}\n{}\n\n", space.name(), space.about().trim());
    let inputs: Vec<String> = graph.input_shapes().iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "{} architectures, {} states, {} edges", graph.count(), graph.states(), graph.edges().len());
    let _ = writeln!(text, "input {}", inputs.join(", "));
    let _ = writeln!(text, "default {}", space.format(&default));
    let width = positions.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, variants) in &positions {
        const SHOWN: usize = 12;
        let shown: Vec<&str> = variants.iter().take(SHOWN).map(String::as_str).collect();
        let more = if variants.len() > SHOWN { format!(" … {} in all", variants.len()) } else { String::new() };
        let _ = writeln!(
            text,
            "  {name:width$}  {}{more}",
            if shown.is_empty() { "fixed".to_owned() } else { shown.join(" | ") }
        );
    }
    emit(&text)
}

fn described(space: &Space, architecture: &Architecture) -> Result<Json, Failure> {
    let network = space.build(architecture).map_err(Failure::input)?;
    let cost = network.cost();
    let decisions: Map<String, Json> = (architecture.decisions.iter())
        .map(|decision| (decision.path.clone(), serde_json::to_value(&decision.value).unwrap_or_default()))
        .collect();
    Ok(json!({
        "architecture": space.format(architecture),
        "hash": network.canonical_hash(),
        "decisions": decisions,
        "params": cost.params.0,
        "macs": cost.macs.0,
    }))
}

fn sample(arguments: &Sample) -> Result<(), Failure> {
    let (space, graph) = open_any(&arguments.named)?;
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let drawn: Vec<Architecture> = match &graph {
        Ok(graph) => (0..arguments.number).map(|_| graph.architecture(&graph.sample(&mut rng))).collect(),
        Err(_) => {
            say(format_args!(
                "drawn decision by decision, by their weights: the space is too large for a choice graph"
            ));
            (0..arguments.number).filter_map(|_| space.draw(&mut rng)).collect()
        }
    };
    if arguments.named.json {
        let all = drawn.iter().map(|architecture| described(&space, architecture)).collect::<Result<Vec<_>, _>>()?;
        return emit_json(&all);
    }
    emit(&drawn.iter().map(|architecture| space.format(architecture) + "\n").collect::<String>())
}

fn graph(arguments: &Graph) -> Result<(), Failure> {
    let (_, graph) = open(&arguments.named)?;
    let objectives = objectives(&arguments.objectives)?;
    let borrowed: Vec<&dyn Objective> = objectives.iter().map(AsRef::as_ref).collect();
    let prices = price(&graph, &borrowed, &|_| {}).map_err(Failure::input)?;
    let columns: Vec<ColumnSource> =
        borrowed.iter().enumerate().map(|(index, objective)| ColumnSource::objective(index, *objective)).collect();
    let (costs, edges) = priced_graph(&graph, &prices, &borrowed, &columns).map_err(Failure::input)?;
    tell_what_is_not_plain(&borrowed, prices.dead());
    let names: Vec<String> = edges
        .iter()
        .map(|edge| match edge {
            None => "overhead".to_owned(),
            Some(edge) => {
                let (position, label) = (graph.position(*edge as usize), graph.label(*edge as usize));
                if label.is_empty() { position } else { format!("{position}={label}") }
            }
        })
        .collect();
    let mut out = BufWriter::new(io::stdout().lock());
    match library::write_graph(&costs, |edge| names[edge].as_str(), &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// What a reader of the numbers must know, on stderr.
fn tell_what_is_not_plain(objectives: &[&dyn Objective], dead: usize) {
    let negated: Vec<&str> =
        objectives.iter().filter(|o| o.direction() == Direction::Higher).map(|objective| objective.name()).collect();
    if !negated.is_empty() {
        say(format_args!("negated, since a library is minimised: {}", negated.join(", ")));
    }
    if dead > 0 {
        say(format_args!("left out: {dead} edges that cut the network in two"));
    }
}

fn objectives(asked: &[String]) -> Result<Vec<Arc<dyn Objective>>, Failure> {
    if asked.is_empty() {
        let s0 = objective_by_reference("s0", "s0")?;
        let count = |kind: CountKind| Arc::new(Count::new(kind.name(), None, kind)) as Arc<dyn Objective>;
        return Ok(vec![count(CountKind::Params), count(CountKind::Macs), s0]);
    }
    asked
        .iter()
        .map(|text| {
            let (name, what) = text.split_once('=').unwrap_or((text, text));
            Ok(objective_by_reference(name.trim(), what.trim())?)
        })
        .collect()
}

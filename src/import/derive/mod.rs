//! A search space around an imported network, as a file that can be edited: every block with variants of itself, between
//! borders that stay the network's own tensors, so that a variant can take the place of the block it is made from. The
//! default architecture is the network itself.

mod unit;
mod vary;

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use crate::graph::{Network, NodeId, Op, Shape};
use unit::{Unit, chain};
use vary::Variation;

/// Why a network cannot be written as a space.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("no space is made of this network: {what}, which the space language cannot say; {remedy}")]
pub struct DeriveError {
    what: String,
    remedy: String,
}

impl DeriveError {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// A part of a chain.
enum Part {
    Unit(Unit),
    Joined(Joined),
}

/// Parallel chains that are joined again.
struct Joined {
    /// `add`, `multiply` or `concat`.
    combine: &'static str,
    branches: Vec<Vec<Part>>,
}

impl Part {
    fn unit(&self) -> Option<&Unit> {
        match self {
            Self::Unit(unit) => Some(unit),
            Self::Joined(_) => None,
        }
    }

    /// Whether it has layers with weights.
    fn works(&self) -> bool {
        match self {
            Self::Unit(unit) => unit.is_weighted(),
            Self::Joined(joined) => joined.branches.iter().flatten().any(Self::works),
        }
    }
}

/// The text of a space file around the network of the architecture file `NAME.yaml`.
///
/// # Errors
/// The block that the space language has no words for.
pub fn space(name: &str, network: &Network) -> Result<String, DeriveError> {
    let ids: Vec<NodeId> = network.ids().collect();
    let mut blocks = String::new();
    let mut items = String::new();
    for block in network.blocks().into_iter().filter(|block| !block.nodes.is_empty()) {
        let title = identifier(&block.name);
        let keeps = network.border(&block).is_some_and(|(from, to)| from == to) && block.nodes.start > 0;
        let body = body(network, &ids, block.nodes.clone(), &block.name)?;
        if body.is_empty() {
            continue;
        }
        let variation = Variation::of(&body);
        write_block(&mut blocks, &title, &block.description, &body, &variation);
        if keeps && body.iter().any(Part::works) {
            let _ = writeln!(
                items,
                "  - {{ name: {title}, choice: [ {{ name: keep, use: {title} }}, {{ name: skip, op: identity }} ], default: keep }}"
            );
        } else {
            let _ = writeln!(items, "  - {{ name: {title}, use: {title} }}");
        }
    }
    Ok(format!(
        "space: {}\nversion: 1\nabout: >\n  Made by pocketnas from an imported network, which is the default architecture. \
         Every block of the network is a position\n  of that name, and what crosses its borders is the network's own tensor, \
         so that a variant can take the place of the\n  block, and be trained alone against it. Edit what follows: values in \
         a choice, blocks that may be skipped.\n{}\nboundary: teacher\nteacher: {}\n\nblocks:\n{blocks}\nnetwork:\n{items}",
        plain(name),
        input(network)?,
        quoted(&format!("{name}.yaml")),
    ))
}

/// The text of a search config over the space file `NAME.space.yaml`: a smaller cost than the network's own against a
/// higher structural score. `tables` are names of latency tables, each with what it predicts of the network, in milliseconds:
/// the first is searched by, the others are told besides.
pub fn search(name: &str, network: &Network, tables: &[(String, f64)]) -> String {
    let (objective, limit) = match tables.first() {
        Some((table, mean)) => {
            // Rounded up, so that the network itself stays within it.
            let limit = (mean * 1000.0).ceil() / 1000.0;
            (format!("  latency:\n    table: {}", quoted(table)), format!("latency <= {limit} ms"))
        }
        None => ("  macs:\n    count: macs".to_owned(), format!("macs <= {}", network.cost().macs.0)),
    };
    let mut besides = String::new();
    for (number, (table, _)) in tables.iter().enumerate().skip(1) {
        if number == 1 {
            besides += "quantities:\n";
        }
        besides += &format!("  latency_{}:\n    table: {}\n", number + 1, quoted(table));
    }
    // The score of structure counts convolutions alone, and would leave out every other layer but the classifier.
    let linear = network.ids().filter(|&id| matches!(network.node(id).op, Op::Linear { .. })).count();
    let proxy = if linear > 1 { "live_params" } else { "s0_bc" };
    format!(
        "search: {}\nversion: 1\nabout: >\n  Made by pocketnas from an imported network: variants of its blocks, no more \
         costly together than it is, against a score\n  that needs no training. What it finds are architectures: their weights \
         have to be trained. Edit what follows.\nspace: {}\n\
         objectives:\n{objective}\n  score:\n    proxy: {proxy}\n{besides}limits:\n  - {limit}\nseed: 0\n",
        plain(name),
        quoted(&format!("{name}.space.yaml")),
    )
}

/// A name as spaces and searches may have one.
fn plain(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
    if name.is_empty() { "model".to_owned() } else { name }
}

/// Text between quotes, as JSON and YAML have it alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The only input of a network as a space file has it.
fn input(network: &Network) -> Result<String, DeriveError> {
    let [shape] = network.input_shapes()[..] else {
        return Err(DeriveError::new("several inputs", "cut the model to one input before it is imported"));
    };
    if network.outputs().len() != 1 {
        return Err(DeriveError::new("several outputs", "cut the model to one output before it is imported"));
    }
    Ok(match shape {
        Shape::Map { channels, height, width } if height == width => {
            format!("input: {{ channels: {channels}, size: {height} }}")
        }
        Shape::Map { channels, height, width } => {
            format!("input: {{ channels: {channels}, size: {height}, width: {width} }}")
        }
        Shape::Tokens { tokens, features } => format!("input: {{ tokens: {tokens}, features: {features} }}"),
        Shape::Vector { features } if network.ids().any(|id| matches!(network.node(id).op, Op::Embedding { .. })) => {
            format!("input: {{ ids: {features} }}")
        }
        Shape::Vector { .. } => {
            return Err(DeriveError::new("a vector as input", "search networks of images or tokens"));
        }
    })
}

fn identifier(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("b{plain}") }
}

/// The chain that a block is.
fn body(network: &Network, ids: &[NodeId], nodes: Range<usize>, name: &str) -> Result<Vec<Part>, DeriveError> {
    let refuse = |what: String| {
        DeriveError::new(format!("block `{name}` has {what}"), "import it without --space, or write the space by hand")
    };
    let inside: Vec<NodeId> =
        ids[nodes].iter().copied().filter(|&id| !matches!(network.node(id).op, Op::Input { .. })).collect();
    let Some(&end) = inside.last() else { return Ok(Vec::new()) };
    let joins = inside.iter().filter(|&&id| is_join(network, id)).count();
    if joins > MOST_JOINS {
        return Err(refuse(format!("{joins} places where branches are joined")));
    }
    let steps = Walk { network, inside: &inside, known: HashMap::new() }.back(end).map_err(refuse)?;
    if size(&steps) != inside.len() {
        return Err(refuse(READ_BY_SEVERAL.to_owned()));
    }
    parts(network, &steps).map_err(refuse)
}

fn is_join(network: &Network, id: NodeId) -> bool {
    matches!(network.node(id).op, Op::Add | Op::Multiply | Op::Concat)
}

/// More joins than this in a block, or branches at a join, are not taken apart.
const MOST_JOINS: usize = 64;

const READ_BY_SEVERAL: &str = "tensors that are read by several branches";

/// A node of a chain, or chains that are joined by one.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Node(NodeId),
    Join(NodeId, Vec<Vec<Step>>),
}

/// Nodes of a chain, those of its branches among them.
fn size(steps: &[Step]) -> usize {
    let of = |step: &Step| match step {
        Step::Node(_) => 1,
        Step::Join(_, branches) => 1 + branches.iter().map(|branch| size(branch)).sum::<usize>(),
    };
    steps.iter().map(of).sum()
}

/// The nodes of a block on the way back from its end.
struct Walk<'n> {
    network: &'n Network,
    /// All of them but inputs, in order.
    inside: &'n [NodeId],
    /// The chains that end at joins.
    known: HashMap<NodeId, Vec<Step>>,
}

impl Walk<'_> {
    /// The chain that ends at a node, from where it enters the block.
    fn back(&mut self, end: NodeId) -> Result<Vec<Step>, String> {
        let mut reversed = Vec::new();
        let mut at = end;
        let mut steps = loop {
            if self.inside.binary_search(&at).is_err() {
                break Vec::new();
            }
            if is_join(self.network, at) {
                break self.join(at)?;
            }
            let from = self.network.inputs(at);
            reversed.push(Step::Node(at));
            at = match (&self.network.node(at).op, &from[..]) {
                (_, &[one]) => one,
                (Op::Attention(_), &[q, k, v]) => {
                    let sources = [q, k, v].map(|id| self.network.inputs(id));
                    if sources[0].len() != 1 || sources[1] != sources[0] || sources[2] != sources[0] {
                        return Err("an attention between different tensors".to_owned());
                    }
                    reversed.extend([v, k, q].map(Step::Node));
                    sources[0][0]
                }
                _ => return Err(format!("`{}` of several tensors", self.network.node(at).name)),
            };
        };
        steps.extend(reversed.into_iter().rev());
        // Where branches cross, what they share would be counted again and again.
        if size(&steps) > self.inside.len() { Err(READ_BY_SEVERAL.to_owned()) } else { Ok(steps) }
    }

    /// The chain that ends at a join: what all branches begin with comes before they part.
    fn join(&mut self, join: NodeId) -> Result<Vec<Step>, String> {
        if let Some(known) = self.known.get(&join) {
            return Ok(known.clone());
        }
        let ends = self.network.inputs(join);
        if ends.len() > MOST_JOINS {
            return Err(format!("{} branches side by side", ends.len()));
        }
        let paths = ends.into_iter().map(|end| self.back(end)).collect::<Result<Vec<_>, _>>()?;
        let least = paths.iter().map(Vec::len).min().unwrap_or(0);
        let alike = |&at: &usize| paths.len() > 1 && paths.iter().all(|path| path[at] == paths[0][at]);
        let shared = (0..least).take_while(alike).count();
        let branches = paths.iter().map(|path| path[shared..].to_vec()).collect();
        let mut steps = paths[0][..shared].to_vec();
        steps.push(Step::Join(join, branches));
        self.known.insert(join, steps.clone());
        Ok(steps)
    }
}

/// Steps as the space language has them.
fn parts(network: &Network, steps: &[Step]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for run in steps.chunk_by(|a, b| matches!((a, b), (Step::Node(_), Step::Node(_)))) {
        if let [Step::Join(join, branches)] = run {
            let combine = match network.node(*join).op {
                Op::Multiply => "multiply",
                Op::Concat => "concat",
                _ => "add",
            };
            let branches = branches.iter().map(|branch| self::parts(network, branch)).collect::<Result<_, _>>()?;
            parts.push(Part::Joined(Joined { combine, branches }));
            continue;
        }
        let nodes: Vec<NodeId> = run
            .iter()
            .filter_map(|step| match step {
                Step::Node(id) => Some(*id),
                Step::Join(..) => None,
            })
            .collect();
        parts.extend(chain(network, &nodes)?.into_iter().map(Part::Unit));
    }
    Ok(parts)
}

/// Writes the definition of a block.
fn write_block(text: &mut String, title: &str, about: &str, body: &[Part], variation: &Variation) {
    let _ = writeln!(text, "  # {about}\n  {title}:");
    let params = variation.params();
    if !params.is_empty() {
        let _ = writeln!(text, "    params:");
        params.iter().for_each(|param| {
            let _ = writeln!(text, "      {param}");
        });
    }
    let _ = writeln!(text, "    layers:");
    let mut number = 0;
    let mut name = || {
        number += 1;
        format!("l{number}")
    };
    for line in written(body, variation, &mut name) {
        let _ = writeln!(text, "      {line}");
    }
}

/// The lines of a chain, whose last layer with weights makes the border.
fn written(body: &[Part], variation: &Variation, name: &mut impl FnMut() -> String) -> Vec<String> {
    let last = body.iter().rposition(|part| part.unit().is_some_and(Unit::is_weighted));
    let (at_border, fixed) = (variation.own.at_border(), Variation::default());
    let mut lines = Vec::new();
    for (at, part) in body.iter().enumerate() {
        match part {
            Part::Unit(unit) => {
                let varied = match variation.until {
                    Some(until) if at > until => &fixed.own,
                    None if Some(at) == last => &at_border,
                    _ => &variation.own,
                };
                if varied.gate_at == Some(at) {
                    let hidden = varied.excite_name();
                    let gate = format!("op: squeeze_excite, hidden: ={hidden}, when: {hidden} > 0");
                    lines.push(format!("- {{ name: {}, {gate} }}", name()));
                }
                lines.push(format!("- {}", unit.written(&name(), varied)));
            }
            Part::Joined(joined) => {
                lines.push(format!("- combine: {}", joined.combine));
                lines.push("  branches:".to_owned());
                for (index, branch) in joined.branches.iter().enumerate() {
                    let varied = variation.branches.get(&(at, index)).unwrap_or(&fixed);
                    if branch.is_empty() {
                        lines.push("    - []".to_owned());
                    }
                    for (at, line) in written(branch, varied, name).iter().enumerate() {
                        lines.push(format!("    {} {line}", if at == 0 { "-" } else { " " }));
                    }
                }
            }
        }
    }
    lines
}

//! A search space around an imported network, as a file that can be edited: every block with variants of itself, between
//! borders that stay the network's own tensors, so that a variant can take the place of the block it is made from. The
//! default architecture is the network itself.

mod unit;
mod vary;

use std::fmt::Write;
use std::ops::Range;

use crate::graph::{Network, NodeId, Op, Shape};
use unit::{Unit, chain};
use vary::Varied;

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

/// Parallel chains that are joined again.
struct Joined {
    /// `add`, `multiply` or `concat`.
    combine: &'static str,
    branches: Vec<Vec<Unit>>,
}

/// What a block is made of: perhaps chains side by side, then one chain.
struct Body {
    joined: Option<Joined>,
    rest: Vec<Unit>,
}

/// The text of a space file around a network.
///
/// # Errors
/// The block that the space language has no words for.
pub fn space(name: &str, network: &Network) -> Result<String, DeriveError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let ids: Vec<NodeId> = network.ids().collect();
    let mut blocks = String::new();
    let mut items = String::new();
    for block in network.blocks().into_iter().filter(|block| !block.nodes.is_empty()) {
        let title = identifier(&block.name);
        let keeps = network.border(&block).is_some_and(|(from, to)| from == to) && block.nodes.start > 0;
        let body = body(network, &ids, block.nodes.clone(), &block.name)?;
        let varied = Varied::of(&body);
        if body.joined.is_none() && varied.is_fixed() {
            for (at, unit) in body.rest.iter().enumerate() {
                let _ = writeln!(items, "  - {}", unit.written(&format!("{title}_{}", at + 1), &Varied::default()));
            }
            continue;
        }
        write_block(&mut blocks, &title, &block.description, &body, &varied);
        if keeps {
            let _ = writeln!(
                items,
                "  - {{ name: {title}, choice: [ {{ name: keep, use: {title} }}, {{ name: skip, op: identity }} ], default: keep }}"
            );
        } else {
            let _ = writeln!(items, "  - {{ name: {title}, use: {title} }}");
        }
    }
    let mut text = format!(
        "space: {name}\nversion: 1\nabout: >\n  Made by pocketnas from an imported network, which is the default architecture. \
         Borders of blocks are the network's\n  own tensors. Edit what follows: values in a choice, blocks that may be \
         skipped.\n{}\n",
        input(network)?
    );
    if !blocks.is_empty() {
        let _ = write!(text, "\nblocks:\n{blocks}");
    }
    let _ = write!(text, "\nnetwork:\n{items}");
    Ok(text)
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

/// What a block is made of.
fn body(network: &Network, ids: &[NodeId], nodes: Range<usize>, name: &str) -> Result<Body, DeriveError> {
    let refuse = |what: String| {
        DeriveError::new(format!("block `{name}` has {what}"), "import it without --space, or write the space by hand")
    };
    let inside: Vec<NodeId> =
        ids[nodes].iter().copied().filter(|&id| !matches!(network.node(id).op, Op::Input { .. })).collect();
    let joins: Vec<usize> = (0..inside.len())
        .filter(|&at| matches!(network.node(inside[at]).op, Op::Add | Op::Multiply | Op::Concat))
        .collect();
    let Some(&join) = joins.last() else {
        return Ok(Body { joined: None, rest: chain(network, &inside).map_err(refuse)? });
    };
    if joins.len() > 1 {
        return Err(refuse("branches within branches".to_owned()));
    }
    let combine = match network.node(inside[join]).op {
        Op::Multiply => "multiply",
        Op::Concat => "concat",
        _ => "add",
    };
    let is_inside = |id: NodeId| inside.contains(&id);
    let mut branches = Vec::new();
    let mut counted = 0;
    for end in network.inputs(inside[join]) {
        let mut path = Vec::new();
        let mut at = end;
        while is_inside(at) {
            path.push(at);
            let from = network.inputs(at);
            at = match (&network.node(at).op, &from[..]) {
                (_, [one]) => *one,
                (Op::Attention(_), [q, k, v]) => {
                    let sources = [q, k, v].map(|&id| network.inputs(id));
                    if sources[0].len() != 1 || sources[1] != sources[0] || sources[2] != sources[0] {
                        return Err(refuse("an attention between different tensors".to_owned()));
                    }
                    path.extend([*v, *k, *q]);
                    sources[0][0]
                }
                _ => return Err(refuse(format!("`{}` of several tensors in a branch", network.node(at).name))),
            };
        }
        path.reverse();
        counted += path.len();
        branches.push(chain(network, &path).map_err(refuse)?);
    }
    if counted != join {
        return Err(refuse("tensors that are read by several branches".to_owned()));
    }
    let rest = chain(network, &inside[join + 1..]).map_err(refuse)?;
    Ok(Body { joined: Some(Joined { combine, branches }), rest })
}

/// Writes the definition of a block.
fn write_block(text: &mut String, title: &str, about: &str, body: &Body, varied: &Varied) {
    let _ = writeln!(text, "  # {about}\n  {title}:");
    let params = varied.params();
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
    if let Some(joined) = &body.joined {
        let _ = writeln!(text, "      - combine: {}\n        branches:", joined.combine);
        for (at, branch) in joined.branches.iter().enumerate() {
            // Only the branch that does the work varies: a shortcut has to fit it.
            let varied = if Some(at) == varied.branch { varied.clone() } else { Varied::default() };
            if branch.is_empty() {
                let _ = writeln!(text, "          - []");
            }
            for (at, line) in written(branch, &varied, &mut name).iter().enumerate() {
                let _ = writeln!(text, "          {} {line}", if at == 0 { "- -" } else { "  -" });
            }
        }
    }
    let varied = if body.joined.is_some() { Varied::default() } else { varied.clone() };
    for line in written(&body.rest, &varied, &mut name) {
        let _ = writeln!(text, "      - {line}");
    }
}

/// The layers of a chain, the last of which makes the border.
fn written(units: &[Unit], varied: &Varied, name: &mut impl FnMut() -> String) -> Vec<String> {
    let last = units.iter().rposition(Unit::is_weighted);
    let at_border = varied.at_border();
    let line = |(at, unit): (usize, &Unit)| unit.written(&name(), if Some(at) == last { &at_border } else { varied });
    units.iter().enumerate().map(line).collect()
}

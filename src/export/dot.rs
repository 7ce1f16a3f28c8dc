//! Graphviz: a drawing of the operator graph, blocks as boxes, shapes on the edges.

use std::fmt::Write;

use super::{Export, ExportError, Exporter, Rendered};
use crate::graph::{Network, NodeId, Op};

/// The Graphviz format.
#[derive(Debug)]
pub(super) struct Dot;

impl Exporter for Dot {
    fn name(&self) -> &'static str {
        "dot"
    }

    fn about(&self) -> &'static str {
        "a drawing for Graphviz"
    }

    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError> {
        let Export { file, network, .. } = *export;
        let live = network.live();
        let mut out = String::new();
        let _ = writeln!(out, "// {}", one_line(&file.architecture));
        out.push_str("digraph architecture {\n  rankdir=TB;\n  fontname=\"sans-serif\";\n");
        out.push_str("  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n");
        out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
        for (number, block) in network.blocks().iter().enumerate() {
            if block.nodes.is_empty() {
                continue;
            }
            let title = if block.description.is_empty() {
                block.name.clone()
            } else {
                format!("{}: {}", block.name, block.description)
            };
            let _ = writeln!(out, "  subgraph cluster_{number} {{");
            let _ = writeln!(out, "    label={}; style=filled; color=\"#eef2f6\";", quoted(&title));
            for id in network.ids().filter(|id| block.nodes.contains(&id.index())) {
                let op = &network.node(id).op;
                let dead = if live.contains(id) { "" } else { ", style=dashed, fontcolor=gray" };
                let _ = writeln!(out, "    n{} [label={}{dead}];", id.index(), quoted(&label(network, id, op)));
            }
            out.push_str("  }\n");
        }
        for to in network.ids() {
            for from in network.inputs(to) {
                let shape = quoted(&network.node(from).shape.to_string());
                let _ = writeln!(out, "  n{} -> n{} [label={shape}];", from.index(), to.index());
            }
        }
        for (number, &id) in network.outputs().iter().enumerate() {
            let shape = quoted(&network.node(id).shape.to_string());
            let _ = writeln!(out, "  out{number} [label=output, shape=plaintext, style=\"\"];");
            let _ = writeln!(out, "  n{} -> out{number} [label={shape}];", id.index());
        }
        out.push_str("}\n");
        Ok(Rendered::only("dot", out.into_bytes()))
    }
}

/// The operator, and below it the node's name within its block.
fn label(network: &Network, id: NodeId, op: &Op) -> String {
    let node = network.node(id);
    let name =
        node.name.strip_prefix(network.block_name(node.block)).map_or(&*node.name, |rest| rest.trim_start_matches('.'));
    if name.is_empty() { op.to_string() } else { format!("{op}\n{name}") }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

//! Block libraries as JSON files: what `pocketnas frontier` reads and `pocketnas space graph` writes.
//!
//! Version 1 has two forms. Both open with
//!
//! ```json
//! {"version": 1, "objectives": [{"name": "latency", "unit": "ms"}, {"name": "loss", "unit": "1"}]}
//! ```
//!
//! and may add `"resources"`, written like objectives: quantities that can be
//! limited but are not minimised. Every `costs` has one number for each objective,
//! then one for each resource. The *graph* form goes on with `"nodes"`, `"source"`,
//! `"sink"` and `"edges": [{"from": 0, "to": 1, "name": "k3e4", "costs": [1.2, 0.03]}]`;
//! the *chain* form with `"positions": [{"name": "b0", "variants": [{"name": "k3e4",
//! "costs": [1.2, 0.03]}]}]` and optionally `"transitions": [{"from": 0, "costs":
//! [[[0.1, 0.0]]]}]`, where `costs[a][b]` is added when position `from` uses variant
//! `a` and the next one variant `b`.

use std::io::{self, Write};

use serde_json::Value;
use thiserror::Error;

use super::{Column, CostGraph, GraphError, Role};

mod chain;
mod field;

use field::{At, object, unsigned};

/// The only version of the format so far.
const VERSION: u64 = 1;

/// A library that was read: the graph to search, and how to name what was found.
#[derive(Debug, Clone)]
pub struct Library {
    graph: CostGraph,
    form: Form,
    /// For each edge, the number by which an answer reports it.
    choice: Vec<u32>,
    /// For each edge, its name or, in the chain form, that of its variant.
    names: Vec<String>,
}

#[derive(Debug, Clone)]
enum Form {
    Graph,
    /// Names of the positions; and for each edge its position.
    Chain {
        positions: Vec<String>,
        position: Vec<u32>,
    },
}

/// Why a library is refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LibraryError {
    /// The text is not JSON.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A value is missing or wrong.
    #[error("{}: {message}", if path.is_empty() { "the document" } else { path.as_str() })]
    Value {
        /// Where in the document, as in `positions[3].variants[2].costs`.
        path: String,
        /// What is wrong, and what is expected.
        message: String,
    },
}

impl Library {
    /// Reads either form.
    ///
    /// # Errors
    /// If the text is not JSON, or a value is missing, of the wrong kind or out of
    /// range. Cycles and an unreachable sink are reported by the search.
    pub fn parse(text: &[u8]) -> Result<Self, LibraryError> {
        let document: Value = serde_json::from_slice(text).map_err(|error| LibraryError::Json {
            line: error.line(),
            column: error.column(),
            message: error.to_string().split(" at line ").next().unwrap_or("not JSON").to_owned(),
        })?;
        let root = At::root(&document);
        let known =
            ["version", "objectives", "resources", "nodes", "source", "sink", "edges", "positions", "transitions"];
        object(&root, &known)?;
        let version = root.get("version")?;
        if version.value.as_u64() != Some(VERSION) {
            let message = format!(
                "version {} is unknown, this program reads version {VERSION}: write \"version\": {VERSION} \
                 if the file has that format, or use a newer pocketnas",
                version.value
            );
            return Err(version.error(message));
        }
        let columns = read_columns(&root)?;
        match (document.get("edges"), document.get("positions")) {
            (Some(_), Some(_)) => {
                Err(root.error("both `edges` and `positions` are given: use the graph form or the chain form"))
            }
            (Some(_), None) => read_graph(&root, columns),
            (None, Some(_)) => chain::read(&root, columns),
            (None, None) => Err(root.error(
                "neither `edges` nor `positions` is given: list the edges of a graph or the positions of a chain",
            )),
        }
    }

    /// The graph to search.
    pub fn graph(&self) -> &CostGraph {
        &self.graph
    }

    /// A path as an answer reports it: variant indices by position, or edge indices.
    pub fn choices<'a>(&'a self, edges: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        edges.iter().map(|&edge| self.choice[edge as usize])
    }

    /// The short name of an edge: its own or its variant's.
    pub fn name(&self, edge: usize) -> &str {
        &self.names[edge]
    }

    /// An edge in words, for messages.
    pub fn describe(&self, edge: usize) -> String {
        match &self.form {
            Form::Graph => format!("edge {edge} (`{}`)", self.names[edge]),
            Form::Chain { positions, position } => {
                let at = position[edge] as usize;
                format!("position {at} (`{}`), variant {} (`{}`)", positions[at], self.choice[edge], self.names[edge])
            }
        }
    }
}

fn read_columns(root: &At) -> Result<Vec<Column>, LibraryError> {
    let mut columns: Vec<Column> = Vec::new();
    for (key, role) in [("objectives", Role::Objective), ("resources", Role::Resource)] {
        if role == Role::Resource && root.value.get(key).is_none() {
            continue;
        }
        let list = root.get(key)?;
        for item in list.items()? {
            object(&item, &["name", "unit"])?;
            let (name, unit) = (item.get("name")?.text()?, item.get("unit")?.text()?);
            if name.is_empty() {
                return Err(item.get("name")?.error("the name is empty: limits refer to it, so give it one"));
            }
            if columns.iter().any(|column| column.name == name) {
                return Err(item.error(GraphError::DuplicateColumn(name.to_owned())));
            }
            columns.push(Column { name: name.to_owned(), unit: unit.to_owned(), role });
        }
        // Checks the number of objectives where it can be located.
        CostGraph::new(columns.clone(), 1, 0, 0).map_err(|error| list.error(error))?;
    }
    Ok(columns)
}

fn read_graph(root: &At, columns: Vec<Column>) -> Result<Library, LibraryError> {
    if root.value.get("transitions").is_some() {
        return Err(root.error("`transitions` belong to the chain form: in a graph, add their costs to the edges"));
    }
    let edges = root.get("edges")?;
    let count = edges.items()?.len();
    let [nodes, source, sink] = ["nodes", "source", "sink"].map(|key| root.get(key).and_then(|at| unsigned(&at)));
    let (nodes, source, sink) = (nodes?, source?, sink?);
    if nodes > 2 * count + 2 {
        let message =
            format!("{nodes} nodes, but {count} edges touch at most {}: give the real number of nodes", 2 * count);
        return Err(root.get("nodes")?.error(message));
    }
    let mut graph = CostGraph::new(columns, nodes, source, sink).map_err(|error| root.error(error))?;
    let (mut names, mut row) = (Vec::with_capacity(count), Vec::new());
    for edge in edges.items()? {
        object(&edge, &["from", "to", "name", "costs"])?;
        let (from, to) = (unsigned(&edge.get("from")?)?, unsigned(&edge.get("to")?)?);
        edge.get("costs")?.numbers(graph.columns(), &mut row)?;
        graph.add_edge(from, to, &row).map_err(|error| edge.error(error))?;
        names.push(edge.optional_text("name")?);
    }
    let choice = (0..count as u32).collect();
    Ok(Library { graph, form: Form::Graph, choice, names })
}

/// Writes `graph` in the graph form, one edge a line; `name` gives the name of each edge.
///
/// # Errors
/// Those of the writer.
pub fn write_graph<'a>(graph: &CostGraph, name: impl Fn(usize) -> &'a str, out: &mut impl Write) -> io::Result<()> {
    let list = |role: Role| -> Vec<Value> {
        let of_role = graph.columns().iter().filter(|column| column.role == role);
        of_role.map(|c| serde_json::json!({"name": c.name, "unit": c.unit})).collect()
    };
    writeln!(out, "{{\"version\": {VERSION},")?;
    writeln!(out, " \"objectives\": {},", Value::from(list(Role::Objective)))?;
    if !list(Role::Resource).is_empty() {
        writeln!(out, " \"resources\": {},", Value::from(list(Role::Resource)))?;
    }
    let (nodes, source, sink) = (graph.node_count(), graph.source(), graph.sink());
    write!(out, " \"nodes\": {nodes}, \"source\": {source}, \"sink\": {sink},\n \"edges\": [")?;
    // In the file objectives come first, in memory columns may stand in any order.
    let mut order: Vec<usize> = (0..graph.columns().len()).collect();
    order.sort_by_key(|&j| graph.columns()[j].role == Role::Resource);
    for (index, edge) in graph.edges().enumerate() {
        let separator = if index == 0 { "\n" } else { ",\n" };
        write!(
            out,
            "{separator}  {{\"from\": {}, \"to\": {}, \"name\": {}, \"costs\": [",
            edge.from,
            edge.to,
            Value::from(name(index))
        )?;
        for (i, &j) in order.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(out, "{separator}{}", Value::from(edge.costs[j]))?;
        }
        write!(out, "]}}")?;
    }
    writeln!(out, "\n ]}}")
}

#[cfg(test)]
mod tests;

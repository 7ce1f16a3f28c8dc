//! Finds again what exporters took apart: activations, norms and rotary positions that stand in a file as several
//! operators. The last operator of a match becomes the whole function; the others are left without readers.

mod norm;
mod product;
mod rotary;

use std::collections::HashMap;

use super::constant::Constant;
use super::model::{Model, Node};
use crate::onnx::schema::{AttributeProto, AttributeType};

/// The operators of a model by what they make, and how often that is read.
#[derive(Debug)]
struct Graph<'m> {
    nodes: &'m [Node],
    constants: &'m HashMap<String, Constant>,
    maker: HashMap<&'m str, usize>,
    reads: HashMap<&'m str, usize>,
}

/// What an operator becomes.
struct Found {
    op: &'static str,
    inputs: Vec<String>,
    attributes: Vec<AttributeProto>,
}

/// Replaces what was taken apart.
pub(super) fn fuse(model: &mut Model) {
    let graph = Graph::new(model);
    let mut found: Vec<(usize, Found)> = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if !node.domain.is_empty() {
            continue;
        }
        let whole = match node.op.as_str() {
            "Mul" => product::activation(&graph, node).or_else(|| norm::norm(&graph, node)),
            "Div" => product::activation(&graph, node).or_else(|| norm::norm(&graph, node)),
            "Add" => norm::norm(&graph, node).or_else(|| rotary::rotated(&graph, node)),
            "Concat" => rotary::rotary(&graph, node),
            _ => None,
        };
        found.extend(whole.map(|whole| (index, whole)));
    }
    for (index, whole) in found {
        let node = &mut model.nodes[index];
        node.op = whole.op.to_owned();
        node.found = true;
        (node.inputs, node.attributes) = (whole.inputs, whole.attributes);
    }
    drop_unread(model);
}

/// Takes out what no output depends on.
pub(super) fn drop_unread(model: &mut Model) {
    let mut read: std::collections::HashSet<String> = model.outputs.iter().cloned().collect();
    let mut kept = Vec::with_capacity(model.nodes.len());
    for node in std::mem::take(&mut model.nodes).into_iter().rev() {
        if node.outputs.iter().any(|output| read.contains(output)) {
            read.extend(node.inputs.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    model.nodes = kept;
}

impl<'m> Graph<'m> {
    fn new(model: &'m Model) -> Self {
        let mut maker = HashMap::new();
        let mut reads: HashMap<&str, usize> = HashMap::new();
        for (index, node) in model.nodes.iter().enumerate() {
            maker.extend(node.outputs.iter().map(|output| (output.as_str(), index)));
            node.inputs.iter().for_each(|input| *reads.entry(input).or_default() += 1);
        }
        model.outputs.iter().for_each(|output| *reads.entry(output).or_default() += 1);
        Self { nodes: &model.nodes, constants: &model.constants, maker, reads }
    }

    /// The operator that makes a tensor, if it is of that kind.
    fn made(&self, tensor: &str, op: &str) -> Option<&'m Node> {
        let node = &self.nodes[*self.maker.get(tensor)?];
        (node.op == op && node.domain.is_empty() && node.output() == tensor).then_some(node)
    }

    /// Whether only one operator reads a tensor.
    fn read_once(&self, tensor: &str) -> bool {
        self.reads.get(tensor) == Some(&1)
    }

    fn constant(&self, tensor: &str) -> Option<&'m Constant> {
        self.constants.get(tensor)
    }

    /// A number that is known.
    fn number(&self, tensor: &str) -> Option<f64> {
        self.constant(tensor)?.scalar()
    }

    /// The two inputs of an operator that makes `tensor`.
    fn pair(&self, tensor: &str, op: &str) -> Option<(&'m str, &'m str)> {
        let node = self.made(tensor, op)?;
        Some((node.input(0)?, node.input(1)?))
    }

    /// What a number is added to, and the number.
    fn plus(&self, tensor: &str) -> Option<(&'m str, f64)> {
        if let Some((a, b)) = self.pair(tensor, "Add") {
            return self.number(b).map(|number| (a, number)).or_else(|| self.number(a).map(|number| (b, number)));
        }
        let (a, b) = self.pair(tensor, "Sub")?;
        Some((a, -self.number(b)?))
    }

    /// What is multiplied by a number or divided by it, and the number.
    fn times(&self, tensor: &str) -> Option<(&'m str, f64)> {
        if let Some((a, b)) = self.pair(tensor, "Mul") {
            return self.number(b).map(|number| (a, number)).or_else(|| self.number(a).map(|number| (b, number)));
        }
        let (a, b) = self.pair(tensor, "Div")?;
        Some((a, 1.0 / self.number(b)?))
    }

    /// What is cut off below and above, and where.
    fn clip(&self, tensor: &str) -> Option<(&'m str, f64, f64)> {
        let node = self.made(tensor, "Clip")?;
        let bound = |at: usize, name: &str, default: f32| match node.input(at) {
            Some(input) => self.number(input),
            None => Some(f64::from(node.float_or(name, default))),
        };
        Some((node.input(0)?, bound(1, "min", f32::MIN)?, bound(2, "max", f32::MAX)?))
    }
}

/// Whether two numbers are the same but for single precision.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * b.abs().max(1e-3)
}

fn number(name: &str, value: f64) -> AttributeProto {
    let r#type = AttributeType::Float.into();
    AttributeProto { name: name.to_owned(), f: Some(value as f32), r#type, ..Default::default() }
}

fn whole(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value), r#type: AttributeType::Int.into(), ..Default::default() }
}

//! A model whose parts fit together: every name is made once, everything that is read is there, and the nodes stand in an
//! order in which they can be computed.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::constant::Constant;
use super::inputs::{self, Input};
use super::order;
use super::{ImportError, Options, tensor};
use crate::onnx::schema::{AttributeProto, FunctionProto, ModelProto};

/// The versions of the standard operators that are understood. The newest is the newest there is (onnx 1.23).
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// A checked model.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// The file, for messages.
    pub(super) file: String,
    /// The program that wrote it.
    pub(super) producer: String,
    /// The version of the standard operators.
    pub(super) opset: i64,
    /// What goes in.
    pub(super) inputs: Vec<Input>,
    /// Values in the file, by name.
    pub(super) constants: HashMap<String, Constant>,
    /// The operators, each after what it reads.
    pub(super) nodes: Vec<Node>,
    /// Names of what comes out.
    pub(super) outputs: Vec<String>,
    /// Operators that the file makes of others.
    pub(super) functions: Vec<FunctionProto>,
}

/// An operator of a model.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its name, or that of its first output.
    pub(super) name: String,
    /// Its kind.
    pub(super) op: String,
    /// The set that the kind is from; empty for the standard one.
    pub(super) domain: String,
    /// Whether it stands for operators that were found to be one, and may have other inputs than the standard one.
    pub(super) found: bool,
    /// What it reads; an empty name stands for an input that is left out.
    pub(super) inputs: Vec<String>,
    /// What it makes.
    pub(super) outputs: Vec<String>,
    /// Its attributes.
    pub(super) attributes: Vec<AttributeProto>,
}

impl Node {
    /// Its name, the way messages quote it.
    pub(super) fn output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }

    pub(super) fn input(&self, at: usize) -> Option<&str> {
        self.inputs.get(at).map(String::as_str).filter(|name| !name.is_empty())
    }
}

impl Model {
    /// Checks the messages of a file. `folder` is where it lies.
    ///
    /// # Errors
    /// What is wrong, where, and a remedy.
    pub(super) fn check(
        file: &str,
        model: ModelProto,
        folder: Option<&Path>,
        options: &Options,
    ) -> Result<Self, ImportError> {
        let refuse = |message: String, remedy: String| ImportError::File { file: file.to_owned(), message, remedy };
        let damaged = "the file was damaged, or its writer is at fault; write the model again";
        let opset = opset(&model).map_err(|(message, remedy)| refuse(message, remedy))?;
        let Some(graph) = model.graph else { return Err(refuse("holds no graph".to_owned(), damaged.to_owned())) };

        let mut constants = HashMap::new();
        for proto in graph.initializer {
            let constant = tensor::read(&proto, folder).map_err(|(message, remedy)| refuse(message, remedy))?;
            if constants.insert(proto.name.clone(), constant).is_some() {
                return Err(refuse(format!("two tensors are named `{}`", proto.name), damaged.to_owned()));
            }
        }
        // Before version 4 of the format, tensors with values are listed among the inputs too.
        let open: Vec<_> = graph.input.into_iter().filter(|input| !constants.contains_key(&input.name)).collect();
        let inputs = inputs::check(open, options).map_err(|(message, remedy)| refuse(message, remedy))?;

        let mut made: HashSet<&str> = HashSet::new();
        for input in &inputs {
            if !made.insert(&input.name) {
                return Err(refuse(format!("two inputs are named `{}`", input.name), damaged.to_owned()));
            }
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(graph.node.len());
        for proto in graph.node {
            let mut outputs = proto.output;
            while outputs.last().is_some_and(String::is_empty) {
                outputs.pop();
            }
            let name = [proto.name.as_str(), outputs.first().map_or("", String::as_str), "?"];
            let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or("?").to_owned();
            let domain = if proto.domain == "ai.onnx" { String::new() } else { proto.domain };
            let (op, inputs, attributes) = (proto.op_type, proto.input, proto.attribute);
            nodes.push(Node { name, op, domain, found: false, inputs, outputs, attributes });
        }
        for node in &nodes {
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                if constants.contains_key(output) || !made.insert(output) {
                    let message = format!("the tensor `{output}` is made twice, once by `{}` ({})", node.name, node.op);
                    return Err(refuse(message, damaged.to_owned()));
                }
            }
        }
        let sparse: HashSet<&str> =
            graph.sparse_initializer.iter().filter_map(|sparse| Some(sparse.values.as_ref()?.name.as_str())).collect();
        for node in &nodes {
            for input in node.inputs.iter().filter(|name| !name.is_empty()) {
                if !made.contains(input.as_str()) && !constants.contains_key(input) {
                    if sparse.contains(input.as_str()) {
                        let message = format!("the tensor `{input}` is sparse, and sparse tensors are not read");
                        let remedy = "write all of its elements, zeros too, as an initializer";
                        return Err(refuse(message, remedy.to_owned()));
                    }
                    let message = format!(
                        "`{}` ({}) reads `{input}`, which nothing makes and which has no values in the file",
                        node.name, node.op
                    );
                    let remedy = "write the model with all of its weights (export_params=True in PyTorch)";
                    return Err(refuse(message, remedy.to_owned()));
                }
            }
        }
        let outputs: Vec<String> = graph.output.into_iter().map(|output| output.name).collect();
        if outputs.is_empty() {
            return Err(refuse("names no output".to_owned(), damaged.to_owned()));
        }
        if let Some(missing) =
            outputs.iter().find(|&name| !made.contains(name.as_str()) && !constants.contains_key(name))
        {
            return Err(refuse(format!("the output `{missing}` is made by no operator"), damaged.to_owned()));
        }
        let nodes = order::sort(nodes).map_err(|cycle| {
            refuse(format!("these operators feed each other in a cycle: {cycle}"), damaged.to_owned())
        })?;
        let (file, producer, functions) = (file.to_owned(), model.producer_name, model.functions);
        Ok(Self { file, producer, opset, inputs, constants, nodes, outputs, functions })
    }
}

/// The version of the standard operators.
fn opset(model: &ModelProto) -> Result<i64, (String, String)> {
    let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let Some(set) = model.opset_import.iter().find(|set| standard(&set.domain)) else {
        let sets: Vec<&str> = model.opset_import.iter().map(|set| set.domain.as_str()).collect();
        let message = format!("uses the operators of {}, but none of the standard set", sets.join(", "));
        return Err((message, "only networks of standard ONNX operators are imported".to_owned()));
    };
    if OPSETS.contains(&set.version) {
        return Ok(set.version);
    }
    let message = format!(
        "is written in version {} of the standard operators; versions {} to {} are understood",
        set.version,
        OPSETS.start(),
        OPSETS.end()
    );
    Err((message, "convert it: in Python, onnx.version_converter.convert_version(model, 21)".to_owned()))
}

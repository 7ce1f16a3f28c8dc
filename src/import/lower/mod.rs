//! Turns the operators of a model, one after the other, into operators of a network. What cannot be turned is noted with a
//! remedy, and what depends on it is passed over, so that one run tells of everything that stands in the way.

mod attention;
mod convolution;
mod elementwise;
mod layout;
mod linear;
mod norm;
mod pool;
mod realise;
mod resample;
mod selection;

use std::collections::HashMap;

use super::constant::Constant;
use super::draft::Draft;
use super::error::Refused;
use super::fold::{self, Budget};
use super::inputs::Input;
use super::model::{Model, Node};
use super::names::Names;
use super::passes;
use super::view::{Base, View};
use crate::graph::{Op, Shape};
use crate::onnx::schema::{DataType, FunctionProto};
use attention::Scores;
use layout::Padding;

/// What an operator cannot be turned into, and what can be done.
#[derive(Debug)]
pub(super) struct Fault {
    message: String,
    remedy: String,
}

impl Fault {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into() }
    }
}

/// Sizes or attributes that no model should have.
fn wrong(message: impl Into<String>) -> Fault {
    Fault::new(message, "the file was damaged, or its writer is at fault; check it with onnx.checker")
}

/// What is known of a tensor of the file.
#[derive(Clone, Debug)]
enum Value {
    /// All of it.
    Constant(Constant),
    /// How it lies over the network.
    View(View),
    /// The same with a frame around it, for the convolution or the pool that reads it.
    Padded(View, Padding),
    /// Nothing: something before it was not understood.
    Lost,
}

/// What a model was turned into.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) draft: Draft,
    pub(super) refused: Vec<Refused>,
    /// What a person should know of what was done.
    pub(super) notes: Vec<String>,
    /// The tensor of the file that each node stands for.
    pub(super) tensors: Vec<String>,
    /// Whether that tensor can be the output of a model.
    pub(super) leaves: Vec<bool>,
}

/// A model on its way to a network.
struct Lowerer<'m> {
    model: &'m Model,
    draft: Draft,
    tensors: Vec<String>,
    names: Names,
    values: HashMap<&'m str, Value>,
    /// The nodes that read each tensor; an output counts as a reader that is no node.
    readers: HashMap<&'m str, Vec<Option<&'m Node>>>,
    scores: Vec<Scores>,
    /// What a view was made into, so that several readers share one node.
    realised: Vec<(View, Shape, usize)>,
    budget: Budget,
    /// What a person should know of what was done.
    notes: Vec<String>,
}

type Done = Result<(), Fault>;

/// Turns a model into a draft.
pub(super) fn lower(model: &Model, budget: Budget) -> Lowered {
    let mut readers: HashMap<&str, Vec<Option<&Node>>> = HashMap::new();
    for node in &model.nodes {
        node.inputs.iter().for_each(|input| readers.entry(input).or_default().push(Some(node)));
    }
    model.outputs.iter().for_each(|output| readers.entry(output).or_default().push(None));
    let mut lowerer = Lowerer {
        model,
        draft: Draft::default(),
        tensors: Vec::new(),
        names: Names::default(),
        values: HashMap::with_capacity(model.nodes.len()),
        readers,
        scores: Vec::new(),
        realised: Vec::new(),
        budget,
        notes: Vec::new(),
    };
    let mut refused = lowerer.inputs();
    for node in &model.nodes {
        if let Err(fault) = lowerer.node(node) {
            let op = if node.domain.is_empty() { node.op.clone() } else { format!("{} of {}", node.op, node.domain) };
            refused.push(Refused { node: node.name.clone(), op, message: fault.message, remedy: fault.remedy });
        }
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            lowerer.values.entry(output).or_insert(Value::Lost);
        }
    }
    for output in &model.outputs {
        let at = lowerer.output(output).and_then(|at| match at {
            // Nothing that stands in the way was told, so it is something that operators make besides.
            None if refused.is_empty() => {
                let message = "it comes from what an operator makes besides its first output";
                Err(Fault::new(message, "leave it out of the outputs"))
            }
            at => Ok(at),
        });
        if let Err(fault) = at.map(|at| lowerer.draft.outputs.extend(at)) {
            let op = "output".to_owned();
            refused.push(Refused { node: output.clone(), op, message: fault.message, remedy: fault.remedy });
        }
    }
    let leaves = (0..lowerer.draft.nodes.len()).map(|at| lowerer.leaves(at)).collect();
    let Lowerer { draft, tensors, notes, .. } = lowerer;
    Lowered { draft, refused, notes, tensors, leaves }
}

impl<'m> Lowerer<'m> {
    /// Adds the inputs of the network.
    fn inputs(&mut self) -> Vec<Refused> {
        let mut refused = Vec::new();
        for input in &self.model.inputs {
            let mut sizes = input.sizes.clone();
            let turned = sizes.len() == 3 && passes::channels_last(self.model, &input.name);
            if turned {
                sizes.rotate_right(1);
            }
            self.notes.extend(told(input, turned));
            let added = Shape::try_from(sizes).and_then(|shape| {
                let name = self.names.take(&input.name);
                self.tensors.push(input.name.clone());
                self.draft.add(name, Op::Input { shape }, &[], Vec::new()).inspect_err(|_| {
                    self.tensors.pop();
                })
            });
            let value = match added {
                Ok(at) if turned => Value::View(self.whole(at).transposed(&[0, 2, 3, 1])),
                Ok(at) => Value::View(self.whole(at)),
                Err(message) => {
                    let remedy = "write the model for images, tokens or vectors".to_owned();
                    let (node, op) = (input.name.clone(), "input".to_owned());
                    refused.push(Refused { node, op, message, remedy });
                    Value::Lost
                }
            };
            self.values.insert(&input.name, value);
        }
        refused
    }

    /// The node that an output of the model is, if all before it was understood.
    fn output(&mut self, name: &'m str) -> Result<Option<usize>, Fault> {
        match self.values.get(name) {
            Some(Value::View(view)) => {
                let view = view.clone();
                let turned = (view.axes.len() == 4).then(|| view.transposed(&[0, 3, 1, 2]));
                let natural = self.natural(&view, name);
                natural.map(Some).or_else(|fault| {
                    let at = turned.and_then(|turned| self.try_natural(&turned, name)).ok_or(fault)?;
                    self.notes.push(order(name));
                    Ok(Some(at))
                })
            }
            Some(Value::Padded(..)) => Err(self.framed(name)),
            Some(Value::Constant(_)) => Err(Fault::new("does not depend on any input", "leave it out of the outputs")),
            None if self.model.constants.contains_key(name) => {
                Err(Fault::new("does not depend on any input", "leave it out of the outputs"))
            }
            _ => Ok(None),
        }
    }

    /// The value of a tensor.
    fn value(&self, name: &str) -> Value {
        match self.values.get(name) {
            Some(value) => value.clone(),
            None => self.model.constants.get(name).cloned().map_or(Value::Lost, Value::Constant),
        }
    }

    /// The values of a constant input; nothing where it is left out.
    fn constant(&self, node: &Node, at: usize) -> Result<Option<Constant>, Fault> {
        match node.input(at).map(|name| (name, self.value(name))) {
            None => Ok(None),
            Some((_, Value::Constant(constant))) => Ok(Some(constant)),
            Some((name, _)) => Err(Fault::new(
                format!("its input `{name}` is computed from the input of the network, but has to be known"),
                "write the model with fixed sizes and with weights as constants",
            )),
        }
    }

    /// A constant input of floating point.
    fn floats(&self, node: &Node, at: usize) -> Result<Option<Constant>, Fault> {
        let constant = self.constant(node, at)?;
        match &constant {
            Some(values) if !values.is_float() => Err(wrong(format!("its input {at} has whole numbers for floats"))),
            _ => Ok(constant),
        }
    }

    /// A tensor that depends on an input.
    fn view(&self, node: &Node, at: usize) -> Result<View, Fault> {
        match node.input(at).map(|name| (name, self.value(name))) {
            Some((_, Value::View(view))) => Ok(view),
            Some((name, Value::Padded(..))) => Err(self.framed(name)),
            Some((name, _)) => {
                let message = format!("its input `{name}` does not depend on the input of the network");
                Err(Fault::new(message, "compute it once and for all, and keep the result"))
            }
            None => Err(wrong(format!("input {at} is left out"))),
        }
    }

    /// A tensor with a frame around it, where no frame can be.
    fn framed(&self, name: &str) -> Fault {
        let sides = match self.values.get(name) {
            Some(Value::Padded(_, padding)) => padding.said(),
            _ => String::new(),
        };
        Fault::new(
            format!("`{name}` is padded {sides}, and what reads it is no convolution or pool"),
            "pad right before a convolution or a pool, which take the padding over",
        )
    }

    fn set(&mut self, node: &'m Node, view: View) -> Done {
        self.values.insert(node.output(), Value::View(view));
        Ok(())
    }

    /// Whether only one operator reads a tensor.
    fn read_once(&self, name: &str) -> bool {
        self.readers.get(name).is_some_and(|readers| readers.len() == 1)
    }

    /// Adds an operator to the draft under the name of a node of the model.
    fn add(&mut self, node: &Node, op: Op, inputs: &[usize], parameters: Vec<Vec<f32>>) -> Result<usize, Fault> {
        let name = self.names.of(node);
        self.add_named(name, node.output(), op, inputs, parameters)
    }

    fn add_named(
        &mut self,
        name: String,
        tensor: &str,
        op: Op,
        inputs: &[usize],
        parameters: Vec<Vec<f32>>,
    ) -> Result<usize, Fault> {
        let at = self.draft.add(name, op, inputs, parameters).map_err(wrong)?;
        self.tensors.push(tensor.to_owned());
        Ok(at)
    }

    /// A node of the draft as a tensor of the file.
    fn whole(&self, at: usize) -> View {
        View::whole(Base::Node(at), &Vec::from(self.draft.nodes[at].shape))
    }

    /// Sets the tensor that a node makes to all of a node of the draft.
    fn done(&mut self, node: &'m Node, at: usize) -> Done {
        let view = self.whole(at);
        self.set(node, view)
    }

    /// Turns one operator.
    fn node(&mut self, node: &'m Node) -> Done {
        if node.outputs.is_empty() {
            return Ok(());
        }
        let values: Vec<Value> =
            node.inputs.iter().filter(|name| !name.is_empty()).map(|name| self.value(name)).collect();
        if values.iter().any(|value| matches!(value, Value::Lost)) {
            // What stands in the way was told already, but what else there is none of is told too.
            let known = node.found || node.domain.is_empty() && KNOWN.contains(&node.op.as_str());
            return if known { Ok(()) } else { Err(self.unknown(node)) };
        }
        if values.iter().all(|value| matches!(value, Value::Constant(_))) {
            return self.compute(node);
        }
        let since = since(&node.op);
        if node.found || node.domain.is_empty() && since <= self.model.opset {
            return self.operator(node, &node.op);
        }
        if node.domain.is_empty() {
            let message = format!("version {} of the standard operators has none of that name", self.model.opset);
            return Err(Fault::new(message, format!("write the model in version {since} or later")));
        }
        Err(self.unknown(node))
    }

    /// Computes a node that depends on no input.
    fn compute(&mut self, node: &'m Node) -> Done {
        let inputs = (0..node.inputs.len()).map(|at| self.constant(node, at)).collect::<Result<Vec<_>, _>>()?;
        match fold::compute(node, &inputs, self.model.opset, &mut self.budget).map_err(wrong)? {
            Some(values) => {
                let named = node.outputs.iter().map(String::as_str).zip(values);
                self.values.extend(named.map(|(name, value)| (name, Value::Constant(value))));
                Ok(())
            }
            None => Err(Fault::new(
                "computes a constant by an operator that is not evaluated here",
                "fold constants first: in Python, onnxsim.simplify(model), or do_constant_folding=True in the exporter",
            )),
        }
    }

    fn operator(&mut self, node: &'m Node, op: &str) -> Done {
        match op {
            "Conv" => self.convolution(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.product(node),
            "BatchNormalization" => self.batch_norm(node),
            "LayerNormalization" | "RMSNormalization" => self.position_norm(node),
            "Softmax" => self.softmax(node),
            "Relu" | "Clip" | "HardSwish" | "HardSigmoid" | "Sigmoid" | "Swish" | "Gelu" => self.activation(node),
            "Add" | "Sub" | "Sum" => self.sum(node),
            "Mul" | "Div" => self.multiply(node),
            "Where" => self.mask(node),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" | "ReduceMean" => self.mean(node),
            "Concat" => self.concat(node),
            "Identity" => self.identity(node),
            "Cast" => self.cast(node),
            // One that does nothing was taken out before.
            "Dropout" => {
                let message = "it drops elements at random, or its mask is read";
                Err(Fault::new(message, "write the model after model.eval()"))
            }
            "Shape" | "Size" => self.shape(node),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape(node),
            "Transpose" => self.transpose(node),
            "Expand" => self.expand(node),
            "Pad" => self.pad(node),
            "Resize" | "Upsample" => self.resize(node),
            "DepthToSpace" => self.depth_to_space(node),
            "Split" => self.split(node),
            "Slice" => self.slice(node),
            "Gather" => self.gather(node),
            "Rotate" if node.found => self.rotate(node),
            "Attention" => self.whole_attention(node),
            _ => Err(self.unknown(node)),
        }
    }

    /// An operator that there is none of here.
    fn unknown(&self, node: &Node) -> Fault {
        let own = |function: &&FunctionProto| function.name == node.op && function.domain == node.domain;
        if self.model.functions.iter().any(|function| own(&function)) {
            let message = "it is a function, which the file makes of other operators";
            return Fault::new(
                message,
                "put these in its place: in Python, onnx.inliner.inline_local_functions(model)",
            );
        }
        let remedy = match node.op.as_str() {
            "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Celu" | "Tanh" | "Softplus" | "Mish" | "Erf" | "Pow" | "Sqrt" => {
                "use relu, relu6, hswish, swish, gelu (by erf), sigmoid or hsigmoid instead, and train on"
            }
            "ConvTranspose" => "use an upsampling and a convolution instead",
            "InstanceNormalization" | "GroupNormalization" | "LRN" => "use a batch norm or a layer norm instead",
            "QuantizeLinear" | "DequantizeLinear" | "DynamicQuantizeLinear" => QUANTIZED,
            op if op.starts_with("QLinear") || op.ends_with("Integer") => QUANTIZED,
            "If" | "Loop" | "Scan" => "write the model by tracing, without branches and loops",
            "LSTM" | "GRU" | "RNN" => "recurrent networks cannot be held; keep this part outside",
            "NonMaxSuppression" | "TopK" | "ArgMax" => "cut it off: what comes after the network is not part of it",
            _ if !node.domain.is_empty() => "write the model with standard operators alone",
            _ => "replace it, or cut the model before it",
        };
        Fault::new("there is no such operator in a network here", remedy)
    }
}

/// What can be done about quantized models. Weights alone may be quantized: these are known.
const QUANTIZED: &str = "the model computes with quantized values; import it as it was before quantization";

/// The version of the standard operators that brought one, where that is a later one than the first that is understood.
/// ONNX Runtime has layer norms in all of them.
fn since(op: &str) -> i64 {
    match op {
        "HardSwish" => 14,
        "Gelu" => 20,
        "Attention" | "RMSNormalization" => 23,
        "Swish" => 24,
        _ => 0,
    }
}

/// What a person should know of an input.
fn told(input: &Input, turned: bool) -> impl Iterator<Item = String> {
    let name = &input.name;
    let kind = match input.kind {
        DataType::Float | DataType::Int32 | DataType::Int64 => None,
        kind => Some(format!("`{name}` is of type {kind:?} in the file, and of 32-bit floats here")),
    };
    let batch = input.batch.map(|batch| format!("`{name}` is a batch of {batch} in the file, and one sample here"));
    kind.into_iter().chain(batch).chain(turned.then(|| order(name)))
}

/// What a person should know of a tensor that has its channels last.
fn order(name: &str) -> String {
    format!("`{name}` is height×width×channels in the file, and channels×height×width here")
}

/// Operators that are turned, or computed, where what they read is understood.
const KNOWN: [&str; 61] = [
    "Add",
    "And",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "DepthToSpace",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "Equal",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "Greater",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsNaN",
    "LayerNormalization",
    "Less",
    "MatMul",
    "MaxPool",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Pad",
    "RMSNormalization",
    "Range",
    "Reciprocal",
    "ReduceMean",
    "ReduceProd",
    "Relu",
    "Reshape",
    "Resize",
    "Shape",
    "Sigmoid",
    "Size",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Upsample",
    "Where",
];

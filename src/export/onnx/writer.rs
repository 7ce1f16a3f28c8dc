//! Puts an ONNX graph together: unique names, nodes with the shapes of what they compute, and tensors with their values.

use std::collections::{HashMap, HashSet};

use super::OnnxError;
use crate::graph::{Network, Shape};
use crate::onnx::schema::{
    AttributeProto, AttributeType, DataLocation, DataType, GraphProto, NodeProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};

/// The name of the size of a batch, which is left open.
const BATCH: &str = "batch";

/// The most bytes of values that a file may hold: a message of Protocol Buffers is below 2 GiB, and the rest of it needs
/// some room.
pub(super) const LIMIT: u64 = (1 << 31) - (64 << 20);

/// Tensors of fewer bytes stay in the model, whose shapes may depend on them; the official tools do so too.
const SMALL: u64 = 1024;

/// What the values in another file are aligned to, so that they can be mapped and read in vectors.
const ALIGNMENT: usize = 64;

/// A file for values beside the model.
struct Beside {
    location: String,
    data: Vec<u8>,
    /// Bytes of memory that are free.
    available: u64,
}

/// A graph under construction.
pub(super) struct Writer {
    graph: GraphProto,
    names: HashSet<String>,
    /// Values that several nodes share, by what they are.
    shared: HashMap<String, String>,
    /// The block that the next nodes belong to.
    block: String,
    bytes: u64,
    beside: Option<Beside>,
}

/// What one operator of a network is written as: steps towards it, and at last the one that bears its name.
pub(super) struct Scope<'w> {
    writer: &'w mut Writer,
    name: &'w str,
    shape: Shape,
}

/// A tensor: its name in the file, and its sizes after the batch.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) sizes: Vec<usize>,
}

impl Writer {
    /// An empty graph. The names of the network's nodes are kept for what these compute.
    pub(super) fn new(name: String, network: &Network) -> Self {
        let names = network.ids().map(|id| network.node(id).name.clone()).filter(|name| !name.is_empty()).collect();
        let graph = GraphProto { name, ..Default::default() };
        Self { graph, names, shared: HashMap::new(), block: String::new(), bytes: 0, beside: None }
    }

    /// The same, with values in the file `location`, as far as they fit into `available` bytes of memory.
    pub(super) fn beside(name: String, network: &Network, location: &str, available: u64) -> Self {
        let beside = Beside { location: location.to_owned(), data: Vec::new(), available };
        Self { beside: Some(beside), ..Self::new(name, network) }
    }

    /// The graph, and the content of the file beside it.
    pub(super) fn finish(self) -> (GraphProto, Vec<u8>) {
        (self.graph, self.beside.map(|beside| beside.data).unwrap_or_default())
    }

    /// Begins a block of the network.
    pub(super) fn block(&mut self, name: &str) {
        name.clone_into(&mut self.block);
    }

    /// A name that nothing else bears, the one that is wanted if possible.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while name.is_empty() || !self.names.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    /// An input of the network.
    pub(super) fn input(&mut self, name: &str, shape: Shape) {
        self.graph.input.push(info(name, DataType::Float, &batched(&sizes(shape))));
    }

    /// An output of the network. An input, or what is an output already, is passed on under a name of its own, since
    /// runtimes look outputs up by their names.
    pub(super) fn output(&mut self, tensor: &str, shape: Shape) {
        let sizes = batched(&sizes(shape));
        let taken = self.graph.input.iter().chain(&self.graph.output).any(|value| value.name == tensor);
        let name = if taken {
            let name = self.fresh(&format!("{tensor}/output"));
            self.push("Identity", &[tensor], Vec::new(), &name);
            name
        } else {
            // The type of an output stands with the outputs alone.
            self.graph.value_info.retain(|value| value.name != tensor);
            tensor.to_owned()
        };
        self.graph.output.push(info(&name, DataType::Float, &sizes));
    }

    /// Begins the operator that computes the tensor `name`.
    pub(super) fn scope<'w>(&'w mut self, name: &'w str, shape: Shape) -> Scope<'w> {
        Scope { writer: self, name, shape }
    }

    /// A tensor with its values, which are only made where they fit into the file.
    pub(super) fn initializer(
        &mut self,
        name: &str,
        data_type: DataType,
        sizes: &[usize],
        bytes: impl FnOnce() -> Vec<u8>,
    ) -> Result<String, OnnxError> {
        let width = if data_type == DataType::Int64 { 8 } else { 4 };
        let needed = sizes.iter().fold(width, |product: u64, &size| product.saturating_mul(size as u64));
        self.bytes = self.bytes.saturating_add(needed);
        match &self.beside {
            None => check_size(self.bytes)?,
            Some(beside) if self.bytes > beside.available => {
                return Err(OnnxError::Memory { bytes: self.bytes, available: beside.available });
            }
            Some(_) => {}
        }
        let name = self.fresh(name);
        let mut tensor = TensorProto {
            dims: sizes.iter().map(|&size| whole(size)).collect(),
            data_type: data_type.into(),
            name: name.clone(),
            ..Default::default()
        };
        match &mut self.beside {
            Some(beside) if needed >= SMALL => beside.store(&mut tensor, &bytes()),
            _ => tensor.raw_data = bytes(),
        }
        self.graph.initializer.push(tensor);
        Ok(name)
    }

    /// As [`initializer`](Self::initializer), once for all who ask for `constant/KEY`.
    pub(super) fn shared(
        &mut self,
        key: &str,
        data_type: DataType,
        sizes: &[usize],
        bytes: impl FnOnce() -> Vec<u8>,
    ) -> Result<String, OnnxError> {
        if let Some(name) = self.shared.get(key) {
            return Ok(name.clone());
        }
        let name = self.initializer(&format!("constant/{key}"), data_type, sizes, bytes)?;
        self.shared.insert(key.to_owned(), name.clone());
        Ok(name)
    }

    fn push(&mut self, op: &str, inputs: &[&str], attribute: Vec<AttributeProto>, output: &str) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op.to_owned(),
            attribute,
            metadata_props: vec![entry("block", self.block.clone())],
            ..Default::default()
        });
    }
}

impl Beside {
    /// Appends the values of a tensor, which then says where they are.
    fn store(&mut self, tensor: &mut TensorProto, values: &[u8]) {
        self.data.resize(self.data.len().next_multiple_of(ALIGNMENT), 0);
        tensor.data_location = DataLocation::External.into();
        tensor.external_data = vec![
            entry("location", self.location.clone()),
            entry("offset", self.data.len().to_string()),
            entry("length", values.len().to_string()),
        ];
        self.data.extend_from_slice(values);
    }
}

impl Scope<'_> {
    /// A step on the way, of the given sizes after the batch.
    pub(super) fn step(
        &mut self,
        label: &str,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
        sizes: &[usize],
    ) -> Value {
        let name = self.untyped(label, op, inputs, attributes);
        self.writer.graph.value_info.push(info(&name, DataType::Float, &batched(sizes)));
        Value { name, sizes: sizes.to_vec() }
    }

    /// A step that makes whole numbers, of the given sizes after the batch.
    pub(super) fn whole_step(&mut self, label: &str, op: &str, input: &str, to: DataType, sizes: &[usize]) -> String {
        let name = self.untyped(label, op, &[input], vec![int("to", i32::from(to).into())]);
        self.writer.graph.value_info.push(info(&name, to, &batched(sizes)));
        name
    }

    /// A step over parameters alone, which knows no batch.
    pub(super) fn fixed_step(
        &mut self,
        label: &str,
        op: &str,
        input: &str,
        attributes: Vec<AttributeProto>,
        sizes: &[usize],
    ) -> String {
        let name = self.untyped(label, op, &[input], attributes);
        let sizes: Vec<_> = sizes.iter().map(|&size| fixed(size)).collect();
        self.writer.graph.value_info.push(info(&name, DataType::Float, &sizes));
        name
    }

    fn untyped(&mut self, label: &str, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let name = self.writer.fresh(&format!("{}/{label}", self.name));
        self.writer.push(op, inputs, attributes, &name);
        name
    }

    /// Splits a tensor along its last axis in two.
    pub(super) fn halves(&mut self, label: &str, value: &Value) -> [Value; 2] {
        let mut sizes = value.sizes.clone();
        if let Some(last) = sizes.last_mut() {
            *last /= 2;
        }
        let parts = ["first", "second"].map(|half| {
            let name = self.writer.fresh(&format!("{}/{label}.{half}", self.name));
            self.writer.graph.value_info.push(info(&name, DataType::Float, &batched(&sizes)));
            Value { name, sizes: sizes.clone() }
        });
        self.writer.push("Split", &[&value.name], vec![int("axis", -1), int("num_outputs", 2)], &parts[0].name);
        if let Some(node) = self.writer.graph.node.last_mut() {
            node.output.push(parts[1].name.clone());
        }
        parts
    }

    /// The last step, which computes what the operator of the network computes.
    pub(super) fn last(self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) {
        self.writer.push(op, inputs, attributes, self.name);
        self.writer.graph.value_info.push(info(self.name, DataType::Float, &batched(&sizes(self.shape))));
    }

    /// The sizes of what the operator computes, after the batch.
    pub(super) fn sizes(&self) -> Vec<usize> {
        sizes(self.shape)
    }

    /// A number, once in the file.
    pub(super) fn number(&mut self, name: &str, value: f32) -> Result<String, OnnxError> {
        self.writer.shared(name, DataType::Float, &[], || value.to_le_bytes().to_vec())
    }

    /// A list of numbers, once in the file.
    pub(super) fn numbers(&mut self, name: &str, values: &[f32]) -> Result<String, OnnxError> {
        self.table(name, &[values.len()], || values.to_vec())
    }

    /// Numbers in a table, once in the file, made only where they fit into it.
    pub(super) fn table(
        &mut self,
        name: &str,
        sizes: &[usize],
        values: impl FnOnce() -> Vec<f32>,
    ) -> Result<String, OnnxError> {
        self.writer.shared(name, DataType::Float, sizes, || little_endian(&values()))
    }

    /// A list of whole numbers, once in the file.
    pub(super) fn whole_numbers(&mut self, values: &[i64]) -> Result<String, OnnxError> {
        let name = values.iter().map(i64::to_string).collect::<Vec<_>>().join("_");
        let bytes = || values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.writer.shared(&name, DataType::Int64, &[values.len()], bytes)
    }

    /// The new sizes for a reshape that keeps the batch: 0 stands for the size that is there.
    pub(super) fn keeping_batch(&mut self, sizes: &[usize]) -> Result<String, OnnxError> {
        let sizes: Vec<i64> = std::iter::once(0).chain(sizes.iter().map(|&size| whole(size))).collect();
        self.whole_numbers(&sizes)
    }

    /// Gives a tensor other sizes; the batch stays.
    pub(super) fn reshape(&mut self, label: &str, value: &Value, sizes: &[usize]) -> Result<Value, OnnxError> {
        let to = self.keeping_batch(sizes)?;
        Ok(self.step(label, "Reshape", &[&value.name, &to], Vec::new(), sizes))
    }

    /// Changes the order of the axes; the batch is axis 0.
    pub(super) fn transpose(&mut self, label: &str, value: &Value, order: &[i64]) -> Value {
        let sizes: Vec<usize> = order[1..].iter().map(|&axis| value.sizes[axis as usize - 1]).collect();
        self.step(label, "Transpose", &[&value.name], vec![ints("perm", order)], &sizes)
    }
}

/// A named piece of text.
fn entry(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto { key: key.to_owned(), value }
}

/// Refuses more values than a file holds.
pub(super) fn check_size(bytes: u64) -> Result<(), OnnxError> {
    if bytes > LIMIT { Err(OnnxError::TooLarge { bytes }) } else { Ok(()) }
}

/// The bytes of numbers, little end first.
pub(super) fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The sizes of a shape, after the batch.
pub(super) fn sizes(shape: Shape) -> Vec<usize> {
    shape.into()
}

/// A size as ONNX has it; what is larger than any tensor stays so.
pub(super) fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// An attribute that is a whole number.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value), r#type: AttributeType::Int.into(), ..Default::default() }
}

/// An attribute that is a list of whole numbers.
pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let (name, ints) = (name.to_owned(), values.to_vec());
    AttributeProto { name, ints, r#type: AttributeType::Ints.into(), ..Default::default() }
}

/// An attribute that is a number.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f: Some(value), r#type: AttributeType::Float.into(), ..Default::default() }
}

/// An attribute that is text.
pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    let (name, s) = (name.to_owned(), Some(value.as_bytes().to_vec()));
    AttributeProto { name, s, r#type: AttributeType::String.into(), ..Default::default() }
}

fn fixed(size: usize) -> tensor_shape_proto::Dimension {
    let value = Some(tensor_shape_proto::Value::DimValue(whole(size)));
    tensor_shape_proto::Dimension { value, ..Default::default() }
}

fn batched(sizes: &[usize]) -> Vec<tensor_shape_proto::Dimension> {
    let value = Some(tensor_shape_proto::Value::DimParam(BATCH.to_owned()));
    let batch = tensor_shape_proto::Dimension { value, ..Default::default() };
    std::iter::once(batch).chain(sizes.iter().map(|&size| fixed(size))).collect()
}

fn info(name: &str, element: DataType, sizes: &[tensor_shape_proto::Dimension]) -> ValueInfoProto {
    let shape = Some(TensorShapeProto { dim: sizes.to_vec() });
    let value = Some(type_proto::Value::TensorType(type_proto::Tensor { elem_type: element.into(), shape }));
    let r#type = Some(TypeProto { value, ..Default::default() });
    ValueInfoProto { name: name.to_owned(), r#type, ..Default::default() }
}

//! ONNX: the network as runtimes on phones, and most other tools, read it. Operator set 21 and IR version 10 of the
//! [specification](https://onnx.ai/onnx/repo-docs/IR.html); the size of the batch is left open.
//!
//! Tensors are named after the nodes of the network, and parameters as PyTorch names them: `s1.0.conv.weight`.

use prost::Message;

use super::silent::Written;
use super::{ArchitectureFile, ExportError, Exporter};
use crate::engine::{Init, Weights, WeightsError, initialise};
use crate::graph::{Network, NodeId, Op};

mod attention;
mod operators;
mod writer;

use crate::onnx::schema::{DataType, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use writer::{Value, Writer};

/// The version of the standard operators.
const OPSET: i64 = 21;

/// The version of the schema, the one that came with those operators.
const IR_VERSION: i64 = 10;

/// What fresh weights are drawn from.
const SEED: u64 = 0;

/// The ONNX format.
#[derive(Debug)]
pub(super) struct Onnx;

impl Exporter for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn extension(&self) -> &'static str {
        "onnx"
    }

    fn about(&self) -> &'static str {
        "the network for runtimes, with untrained weights"
    }

    fn render(&self, file: &ArchitectureFile, network: &Network) -> Result<Vec<u8>, ExportError> {
        let refuse = |source| ExportError::Onnx { architecture: file.architecture.clone(), source };
        // Asked before the weights are drawn: a file may name more of them than fit into memory.
        writer::check_size(network.cost().params.0.saturating_mul(4)).map_err(refuse)?;
        let weights = initialise(network, &Init::default(), SEED);
        let model = model(network, &weights, &untrained(file)).map_err(refuse)?;
        Ok(encode(&model))
    }
}

/// A network as a model whose speed is all that matters: with fresh weights. The batch is left open.
///
/// # Errors
/// [`OnnxError::TooLarge`], as text.
pub fn speed_model(network: &Network) -> Result<Vec<u8>, String> {
    writer::check_size(network.cost().params.0.saturating_mul(4)).map_err(|error| error.to_string())?;
    let weights = initialise(network, &Init::default(), SEED);
    let about = About { name: "benchmark".to_owned(), ..About::default() };
    model(network, &weights, &about).map(|model| encode(&model)).map_err(|error| error.to_string())
}

/// What a model without training says about itself.
fn untrained(file: &ArchitectureFile) -> About {
    let program = format!("pocketnas {}", env!("CARGO_PKG_VERSION"));
    let metadata = [
        ("architecture", &file.architecture),
        ("space", &file.space),
        ("canonical_hash", &file.hash),
        ("program", &program),
        ("weights", &format!("untrained, seed {SEED}")),
    ];
    About {
        name: file.space.clone(),
        doc: format!(
            "{} of the space {}. The weights are untrained: drawn at random (Kaiming normal for convolutions) from \
             seed {SEED}.",
            file.architecture, file.space
        ),
        metadata: metadata.map(|(key, value)| (key.to_owned(), value.clone())).into(),
    }
}

/// What a model says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The name of the graph.
    pub name: String,
    /// What a person should know.
    pub doc: String,
    /// What a program may want to know, by name.
    pub metadata: Vec<(String, String)>,
}

/// Why a network is not written as ONNX.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OnnxError {
    /// More values than a file holds.
    #[error(
        "the network's values take {} MiB, but an ONNX file holds at most {} MiB; choose a smaller architecture, or a \
         format without weights",
        bytes.div_ceil(1 << 20), writer::LIMIT >> 20
    )]
    TooLarge {
        /// Bytes needed, as far as they were counted.
        bytes: u64,
    },
    /// The weights do not fit the network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// The network with its weights as an ONNX model.
///
/// Inputs and outputs are `f32` with the sizes of their nodes after a batch of any size; ids for an embedding are whole
/// numbers written as `f32`. Batch norms use their running statistics. What gives nothing but zeros is written only where
/// something else than a sum reads it.
///
/// # Errors
/// [`OnnxError::Weights`] where a parameter is missing or has another shape, [`OnnxError::TooLarge`] where the values do
/// not fit into one file.
pub fn model(network: &Network, weights: &Weights, about: &About) -> Result<ModelProto, OnnxError> {
    let mut writer = Writer::new(about.name.clone(), network);
    let written = Written::of(network, weights)?;
    let mut values: Vec<Option<Value>> = vec![None; network.len()];
    for id in network.ids().filter(|&id| written.contains(id)) {
        let node = network.node(id);
        // ONNX takes an empty name for no tensor at all.
        let name = if node.name.is_empty() { writer.fresh("node") } else { node.name.clone() };
        let inputs = written.inputs(network, id);
        let inputs: Vec<Value> = inputs.iter().filter_map(|input| values[input.index()].clone()).collect();
        if matches!(node.op, Op::Input { .. }) {
            writer.input(&name, node.shape);
        } else {
            let parameters = parameters(network, id, weights, &mut writer)?;
            let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
            operators::write(&node.op, &inputs, &parameters, writer.scope(&name, node.shape))?;
        }
        values[id.index()] = Some(Value { name, sizes: writer::sizes(node.shape) });
    }
    for &id in network.outputs() {
        if let Some(value) = &values[id.index()] {
            writer.output(&value.name, network.node(id).shape);
        }
    }
    let entry = |(key, value): &(String, String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    Ok(ModelProto {
        ir_version: IR_VERSION,
        producer_name: "pocketnas".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: about.doc.clone(),
        graph: Some(writer.finish()),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: about.metadata.iter().map(entry).collect(),
        ..Default::default()
    })
}

/// Writes the parameters of a node, and says by what names.
fn parameters(network: &Network, id: NodeId, weights: &Weights, writer: &mut Writer) -> Result<Vec<String>, OnnxError> {
    let node = &network.node(id).name;
    let tensors = weights.of(network, id)?;
    let named = network.parameters(id).into_iter().zip(tensors);
    let write = |(parameter, tensor): (crate::graph::Parameter, &crate::engine::Tensor)| {
        let name = format!("{node}.{}", parameter.name);
        writer.initializer(&name, DataType::Float, &tensor.shape, || writer::little_endian(&tensor.data))
    };
    named.map(write).collect()
}

/// The bytes of an ONNX file.
pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

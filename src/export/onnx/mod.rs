//! ONNX: the network as runtimes on phones, and most other tools, read it. Operator set 21 and IR version 10 of the
//! [specification](https://onnx.ai/onnx/repo-docs/IR.html); the size of the batch is left open.
//!
//! Tensors are named after the nodes of the network, and parameters as PyTorch names them: `s1.0.conv.weight`. Every node
//! says in its metadata (`block`) which block of the network it belongs to.
//!
//! Values are in the file, or, where they are asked to be or would make it too large, in `NAME.onnx.data` beside it
//! ([external data](https://onnx.ai/onnx/repo-docs/ExternalData.html)).

use prost::Message;

use super::{Carries, Export, ExportError, Exporter, Rendered, SEED};
use crate::engine::native::available_memory;
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

/// The ONNX format.
#[derive(Debug)]
pub(super) struct Onnx;

impl Exporter for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn about(&self) -> &'static str {
        "the network with its weights, for runtimes"
    }

    fn carries(&self) -> Carries {
        Carries::Values
    }

    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError> {
        let refuse = |source| ExportError::Onnx { architecture: export.file.architecture.clone(), source };
        let (weights, about) = (export.weights_or_untrained()?, about(export));
        if !export.external_data {
            match model(export.network, &weights, &about) {
                Err(OnnxError::TooLarge { .. }) => {}
                written => return Ok(Rendered::only("onnx", encode(&written.map_err(refuse)?))),
            }
        }
        let location = format!("{}.onnx.data", export.name);
        let (model, data) = model_beside(export.network, &weights, &about, &location).map_err(refuse)?;
        let mut files = Rendered::only("onnx", encode(&model));
        if !data.is_empty() {
            files.push(Rendered { extension: "onnx.data", bytes: data });
        }
        Ok(files)
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

/// What a model says about itself.
fn about(export: &Export<'_>) -> About {
    let Export { file, .. } = export;
    let program = format!("pocketnas {}", env!("CARGO_PKG_VERSION"));
    let origin = export.origin();
    let metadata = [
        ("architecture", &file.architecture),
        ("space", &file.space),
        ("canonical_hash", &file.hash),
        ("program", &program),
        ("weights", &origin),
    ];
    let weights = match export.weights {
        Some(_) => format!("The weights are {origin}."),
        None => {
            format!("The weights are untrained: drawn at random (Kaiming normal for convolutions) from seed {SEED}.")
        }
    };
    About {
        name: file.space.clone(),
        doc: format!("{} of the space {}. {weights}", file.architecture, file.space),
        metadata: metadata.map(|(key, value)| (key.to_owned(), value.clone())).into(),
    }
}

/// What stands in a model besides the network.
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
        "the network's values take {} MiB, but an ONNX file holds at most {} MiB; choose a smaller architecture, or write \
         the values to a file beside it",
        bytes.div_ceil(1 << 20), writer::LIMIT >> 20
    )]
    TooLarge {
        /// Bytes needed, as far as they were counted.
        bytes: u64,
    },
    /// More values than the memory has room for.
    #[error(
        "the network's values take {} MiB, but {} MiB of memory are free; choose a smaller architecture, or a format \
         without weights",
        bytes.div_ceil(1 << 20), available >> 20
    )]
    Memory {
        /// Bytes needed, as far as they were counted.
        bytes: u64,
        /// Bytes there are.
        available: u64,
    },
    /// The weights do not fit the network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// The network with its weights as an ONNX model.
///
/// Inputs and outputs are `f32` with the sizes of their nodes after a batch of any size; ids for an embedding are whole
/// numbers written as `f32`. Batch norms use their running statistics.
///
/// # Errors
/// [`OnnxError::Weights`] where a parameter is missing or has another shape, [`OnnxError::TooLarge`] where the values do
/// not fit into one file.
pub fn model(network: &Network, weights: &Weights, about: &About) -> Result<ModelProto, OnnxError> {
    write(Writer::new(about.name.clone(), network), network, weights, about).map(|(model, _)| model)
}

/// The same, with all tensors but small ones in the bytes of another file, `location`, which has to lie beside the model.
///
/// # Errors
/// [`OnnxError::Weights`] as above, [`OnnxError::Memory`] where the values do not fit into the memory.
pub fn model_beside(
    network: &Network,
    weights: &Weights,
    about: &About,
    location: &str,
) -> Result<(ModelProto, Vec<u8>), OnnxError> {
    let available = available_memory().unwrap_or(u64::MAX);
    write(Writer::beside(about.name.clone(), network, location, available), network, weights, about)
}

fn write(
    mut writer: Writer,
    network: &Network,
    weights: &Weights,
    about: &About,
) -> Result<(ModelProto, Vec<u8>), OnnxError> {
    let mut values: Vec<Value> = Vec::with_capacity(network.len());
    for id in network.ids() {
        let node = network.node(id);
        writer.block(network.block_name(node.block));
        // ONNX takes an empty name for no tensor at all.
        let name = if node.name.is_empty() { writer.fresh("node") } else { node.name.clone() };
        let inputs: Vec<Value> = network.inputs(id).iter().map(|input| values[input.index()].clone()).collect();
        if matches!(node.op, Op::Input { .. }) {
            writer.input(&name, node.shape);
        } else {
            let parameters = parameters(network, id, weights, &mut writer)?;
            let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
            operators::write(&node.op, &inputs, &parameters, writer.scope(&name, node.shape))?;
        }
        values.push(Value { name, sizes: writer::sizes(node.shape) });
    }
    for &id in network.outputs() {
        writer.output(&values[id.index()].name, network.node(id).shape);
    }
    let entry = |(key, value): &(String, String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    let (graph, data) = writer.finish();
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "pocketnas".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: about.doc.clone(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: about.metadata.iter().map(entry).collect(),
        ..Default::default()
    };
    Ok((model, data))
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

//! Weights beside an architecture file: `NAME.safetensors`, a format that every library of tensors reads (the header is
//! JSON, the values follow as they lie in memory).
//!
//! Tensors are `f32` and named as the ONNX exporter and the PyTorch module name them, `s1.0.conv.weight`. The metadata hold
//! the canonical hash of the network and the program. The architecture file names the file and its BLAKE3.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::engine::{Tensor, Weights};
use crate::graph::{Network, NodeId, Op, Parameter};

/// The ending of the files.
pub const EXTENSION: &str = "safetensors";

/// What PyTorch counts in each batch norm besides its parameters. Files saved by PyTorch have it, and nothing here needs it.
const BATCHES: &str = "num_batches_tracked";

/// Where the weights of an architecture lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsFile {
    /// The name of a file in the folder of the architecture file.
    pub file: String,
    /// BLAKE3 of its content.
    pub blake3: String,
}

/// Why weights are not read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}; {remedy}")]
pub struct WeightsFileError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
    /// What can be done.
    pub remedy: &'static str,
}

impl fmt::Display for WeightsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (blake3 {})", self.file, self.blake3)
    }
}

impl WeightsFile {
    /// A file of that name and content.
    pub fn new(file: String, bytes: &[u8]) -> Self {
        Self { file, blake3: blake3::hash(bytes).to_string() }
    }

    /// What [`Display`](fmt::Display) says, in files that were made with these weights.
    pub fn parse(text: &str) -> Option<Self> {
        let (file, blake3) = text.strip_suffix(')')?.rsplit_once(" (blake3 ")?;
        Some(Self { file: file.to_owned(), blake3: blake3.to_owned() })
    }

    /// Whether the name is that of a file beside the architecture file, and nowhere else.
    pub(super) fn is_beside(&self) -> bool {
        let name = self.file.as_str();
        let elsewhere = |c: char| matches!(c, '/' | '\\' | ':') || c.is_control();
        !name.is_empty() && !matches!(name, "." | "..") && !name.contains(elsewhere)
    }

    /// Reads the weights of a network from `folder`.
    ///
    /// # Errors
    /// A file that is not there, was changed, or does not hold exactly the parameters of the network.
    pub fn read(&self, folder: &Path, network: &Network) -> Result<Weights, WeightsFileError> {
        let path = folder.join(&self.file);
        let shown = path.display().to_string();
        let fail = |problem: String, remedy| WeightsFileError { file: shown.clone(), problem, remedy };
        if !self.is_beside() {
            return Err(fail(format!("`{}` is not the name of a file", self.file), BESIDE));
        }
        if leads_out(folder, &path) {
            return Err(fail(
                "is a link to another folder".to_owned(),
                "copy the file itself beside the one that names it",
            ));
        }
        let unreadable = |error: std::io::Error| {
            fail(format!("cannot be read: {error}"), "keep the weights beside the architecture file that names them")
        };
        // Asked before it is opened: a pipe that nobody writes to opens only when someone does.
        let held = std::fs::metadata(&path).map_err(unreadable)?;
        if !held.is_file() {
            return Err(fail("is no file of bytes".to_owned(), "name a file, not a folder, pipe or device"));
        }
        let mut file = File::open(&path).map_err(unreadable)?;
        let (least, most) = size(network);
        if held.len() < least || held.len() > most {
            let problem =
                format!("has {} bytes, but the weights of this network take {least} or little more", held.len());
            return Err(fail(problem, DAMAGED));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(held.len()).unwrap_or(0));
        // A file that grows meanwhile is another one.
        file.by_ref().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
        let found = blake3::hash(&bytes).to_string();
        if found != self.blake3.to_ascii_lowercase() {
            let problem = format!("has the BLAKE3 {found}, but the architecture file names {}", self.blake3);
            return Err(fail(problem, "the two do not belong together: copy them again, or export both once more"));
        }
        decode(&shown, &bytes, network)
    }
}

/// Whether a path within a folder, by links on the way, leads out of it: a folder that comes from elsewhere would bring in
/// what lies here.
pub fn leads_out(folder: &Path, path: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // A file that is not there is reported when it is opened.
    matches!((path.canonicalize(), folder.canonicalize()), (Ok(real), Ok(root)) if !real.starts_with(&root))
}

/// The remedy for a name that leads elsewhere.
pub(super) const BESIDE: &str = "name a file in the folder of the architecture file, without a path";
const DAMAGED: &str = "it was damaged or belongs to another network; export the weights once more";

/// The names of a node's parameters: `node.weight`.
fn name(network: &Network, id: NodeId, parameter: &Parameter) -> String {
    format!("{}.{}", network.node(id).name, parameter.name)
}

/// Bytes of values, and the most that a file may have with its header: names may be escaped, and PyTorch adds tensors.
fn size(network: &Network) -> (u64, u64) {
    let (mut values, mut header) = (0u64, 1u64 << 20);
    for id in network.ids() {
        for parameter in network.parameters(id) {
            let elements = parameter.shape.iter().fold(4u64, |bytes, &size| bytes.saturating_mul(size as u64));
            values = values.saturating_add(elements);
            header += 512 + 6 * (network.node(id).name.len() + parameter.name.len()) as u64;
        }
    }
    (values, values.saturating_add(header))
}

/// The content of a file with the weights of a network.
///
/// # Errors
/// A parameter that is missing, has another shape, or holds a value that is not finite.
pub fn encode(network: &Network, weights: &Weights) -> Result<Vec<u8>, WeightsFileError> {
    encode_as(network, weights, |id, parameter| name(network, id, parameter))
}

/// The same under other names.
pub(super) fn encode_as(
    network: &Network,
    weights: &Weights,
    name: impl Fn(NodeId, &Parameter) -> String,
) -> Result<Vec<u8>, WeightsFileError> {
    let fail = |problem: String, remedy| WeightsFileError { file: "weights".to_owned(), problem, remedy };
    let program = format!("pocketnas {}", env!("CARGO_PKG_VERSION"));
    let mut header = Map::new();
    // The crate would write these in the order of a hash map, and two files of the same weights would differ.
    header.insert(
        "__metadata__".to_owned(),
        json!({"format": "pt", "canonical_hash": network.canonical_hash().to_string(), "program": program}),
    );
    let mut tensors: Vec<&Tensor> = Vec::new();
    let mut offset = 0;
    for id in network.ids() {
        let found = weights.of(network, id).map_err(|error| {
            fail(error.to_string(), "give the weights of this very network, under the names of its parameters")
        })?;
        for (parameter, tensor) in network.parameters(id).iter().zip(found) {
            let name = name(id, parameter);
            if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
                let remedy =
                    "a network with such a weight computes nothing of use; train it again, with a smaller rate";
                return Err(fail(format!("`{name}` holds the value {value}"), remedy));
            }
            let end = offset + 4 * tensor.data.len();
            let entry = json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end]});
            // Two parameters of one name are one tensor, as they are in `Weights`.
            if header.insert(name, entry).is_none() {
                tensors.push(tensor);
                offset = end;
            }
        }
    }
    let mut header = Json::Object(header).to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + offset);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.into_bytes());
    for tensor in tensors {
        bytes.extend(tensor.data.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(bytes)
}

/// The shape and the content of each tensor of a file, by name.
pub type Listed<'a> = BTreeMap<String, (Vec<usize>, &'a [u8])>;

/// The tensors of a file of this format: shape and content of each, whatever network they belong to.
///
/// # Errors
/// Content that is not of this format.
pub fn listed(bytes: &[u8]) -> Result<Listed<'_>, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| format!("not a safetensors file: {error}"))?;
    Ok(tensors.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.data()))).collect())
}

/// The weights of a network from the content of the file `file`.
///
/// # Errors
/// Content that is not of this format, and tensors that are not exactly the parameters of the network, finite and `f32`.
/// Nothing makes this panic, or take more memory than in proportion to the content.
pub fn decode(file: &str, bytes: &[u8], network: &Network) -> Result<Weights, WeightsFileError> {
    let fail = |problem: String, remedy| WeightsFileError { file: file.to_owned(), problem, remedy };
    let (least, most) = size(network);
    let header = bytes.first_chunk::<8>().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    // Asked before the header is parsed: one of a hundred megabytes becomes gigabytes of entries.
    if header > most - least {
        let problem = format!("is not a safetensors file of this network: a header of {header} bytes");
        return Err(fail(problem, DAMAGED));
    }
    let malformed = |error| fail(format!("is not a safetensors file: {error}"), DAMAGED);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(malformed)?;
    let hash = network.canonical_hash().to_string();
    let claimed = metadata.metadata().as_ref().and_then(|entries| entries.get("canonical_hash"));
    if let Some(claimed) = claimed.filter(|claimed| **claimed != hash) {
        let problem = format!("holds the weights of the network {claimed}, but this one is {hash}");
        return Err(fail(problem, "name the weights of this very network"));
    }
    let mut left: HashMap<String, TensorView<'_>> = tensors.tensors().into_iter().collect();
    let mut weights = Weights::default();
    for id in network.ids() {
        for parameter in network.parameters(id) {
            let name = name(network, id, &parameter);
            if weights.0.contains_key(&name) {
                continue;
            }
            let Some(view) = left.remove(&name) else {
                return Err(fail(format!("holds no `{name}`"), DAMAGED));
            };
            if view.dtype() != Dtype::F32 || view.shape() != parameter.shape {
                let problem = format!(
                    "`{name}` is {:?} of {:?}, but the network needs F32 of {:?}",
                    view.shape(),
                    view.dtype(),
                    parameter.shape
                );
                return Err(fail(problem, "save the parameters as 32-bit floats, unchanged in shape"));
            }
            let values = view.data().as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four));
            let data: Vec<f32> = values.collect();
            if let Some(value) = data.iter().find(|value| !value.is_finite()) {
                return Err(fail(format!("`{name}` holds the value {value}"), "train or export it again"));
            }
            weights.0.insert(name, Tensor::new(parameter.shape, data));
        }
        if network.node(id).op == Op::BatchNorm {
            left.remove(&format!("{}.{BATCHES}", network.node(id).name));
        }
    }
    if let Some(extra) = left.keys().min() {
        return Err(fail(format!("holds `{extra}`, which the network does not have"), DAMAGED));
    }
    Ok(weights)
}

#[cfg(test)]
mod tests;

//! ONNX models: the network that is read back, held against the hash, the shapes and the weights that the file names.

use std::collections::HashMap;
use std::path::Path;

use prost::Message;

use super::{Finding, Given, Kind, Opened, Unreadable, blake3_of, gathered, text_form};
use crate::engine::{Init, Weights, initialise};
use crate::export::{Claim, WeightsFile};
use crate::graph::{Network, NodeId, Op};
use crate::import::{self, Imported, Options};
use crate::onnx::schema::{GraphProto, ModelProto, ValueInfoProto, tensor_shape_proto, type_proto};

/// The kind of ONNX models.
#[derive(Debug)]
pub(super) struct Onnx;

impl Kind for Onnx {
    fn name(&self) -> &'static str {
        "ONNX model"
    }

    fn recognises(&self, file: &Opened) -> bool {
        file.extension() == "onnx"
    }

    fn verify(&self, file: &Opened, given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let refuse = |error: &dyn std::fmt::Display| Unreadable::Other(error.to_string());
        let path = file.path();
        let read =
            std::fs::read(path).map_err(|error| refuse(&format!("cannot read `{}`: {error}", path.display())))?;
        let model = ModelProto::decode(&*read)
            .map_err(|error| refuse(&format!("`{}` is no ONNX model, or not all of it: {error}", path.display())))?;
        drop(read);
        let said = |key: &str| model.metadata_props.iter().find(|entry| entry.key == key).map(|entry| &*entry.value);
        let imported = match (import::read(path, &Options::default()), said("canonical_hash")) {
            (Ok(imported), _) => imported,
            // A file of ours is one that can be read.
            (Err(error), Some(_)) => {
                return Ok(vec![Finding::disagrees("network", "one that can be read back", error.to_string())]);
            }
            (Err(error), None) => return Err(refuse(&error)),
        };
        let found = imported.network.canonical_hash().to_string();
        let mut findings = Vec::new();
        match said("canonical_hash") {
            Some(hash) => {
                findings.push(Claim::text("hash", hash, found).into());
                if let (Some(space), Some(architecture)) = (said("space"), said("architecture")) {
                    findings.extend(text_form::claims(space, architecture, hash, given).0);
                }
            }
            None => findings.push(Finding::unchecked("hash", format!("the file names none; its network has {found}"))),
        }
        if let Some(graph) = &model.graph {
            findings.extend(shapes(graph, &imported.network));
        }
        findings.extend(weights(&imported, said("weights"), path.parent().unwrap_or_else(|| Path::new(""))));
        Ok(findings)
    }
}

/// The shapes that the file states: those of inputs and outputs in order, those in between by name.
fn shapes(graph: &GraphProto, network: &Network) -> Vec<Finding> {
    let ids: Vec<NodeId> = network.ids().collect();
    let by_name: HashMap<&str, NodeId> = ids.iter().map(|&id| (network.node(id).name.as_str(), id)).collect();
    // What has values in the file is no input, though old files list it as one.
    let held = |value: &&ValueInfoProto| graph.initializer.iter().all(|tensor| tensor.name != value.name);
    let inputs = ids.iter().filter(|&&id| matches!(network.node(id).op, Op::Input { .. }));
    let stated = (graph.input.iter().filter(held).zip(inputs.copied()))
        .chain(graph.output.iter().zip(network.outputs().iter().copied()))
        .chain(graph.value_info.iter().filter_map(|value| Some((value, *by_name.get(value.name.as_str())?))));
    let claim = |(value, id): (&ValueInfoProto, NodeId)| -> Option<Finding> {
        let found: Vec<usize> = network.node(id).shape.into();
        let claimed = sizes(value)?;
        // Views and single features may be written with axes of size 1 more or less.
        let core = |sizes: &[usize]| sizes.iter().copied().filter(|&size| size != 1).collect::<Vec<_>>();
        let holds = core(&claimed) == core(&found);
        let (claimed, found) = (format!("{claimed:?}"), format!("{found:?}"));
        Some(Claim { what: format!("shape of {}", value.name), claimed, found, holds }.into())
    };
    gathered("shapes", stated.filter_map(claim).collect())
}

/// The sizes of a tensor after the batch, where all of them are fixed.
fn sizes(value: &ValueInfoProto) -> Option<Vec<usize>> {
    let type_proto::Value::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    let sizes = tensor.shape.as_ref()?.dim.iter().skip(1);
    sizes
        .map(|dimension| match dimension.value {
            Some(tensor_shape_proto::Value::DimValue(size)) => usize::try_from(size).ok(),
            _ => None,
        })
        .collect()
}

/// Whether every parameter is there; where they were drawn from a seed, or come from a file that lies beside the model, whether
/// they are those. What is not finite is not read back at all.
fn weights(imported: &Imported, stated: Option<&str>, folder: &Path) -> Vec<Finding> {
    let Imported { network, weights, .. } = imported;
    let wanted = network.ids().map(|id| network.parameters(id).len()).sum::<usize>();
    let there = network.ids().filter_map(|id| weights.of(network, id).ok()).map(|tensors| tensors.len()).sum::<usize>();
    let mut findings = vec![Claim::text("weights", format!("{wanted} tensors"), format!("{there} tensors")).into()];
    let Some(stated) = stated else { return findings };
    let claim = "origin of the weights";
    let compared = |given: &Weights, found: &str| -> Vec<Finding> {
        let other = given.0.iter().filter(|(name, tensor)| weights.0.get(*name) != Some(tensor));
        let other: Vec<Finding> =
            other.map(|(name, _)| Finding::disagrees(format!("weights {name}"), stated, "other numbers")).collect();
        if other.is_empty() { vec![Finding::agrees(claim, found)] } else { other }
    };
    if let Some(seed) = stated.strip_prefix("untrained, seed ").and_then(|seed| seed.parse().ok()) {
        findings.extend(compared(&initialise(network, &Init::default(), seed), stated));
    } else if let Some(named) = WeightsFile::parse(stated) {
        match named.read(folder, network) {
            Ok(there) => findings.extend(compared(&there, &format!("every tensor of {stated}"))),
            // It is the file that is named, but not with weights of this network.
            Err(error) if blake3_of(&folder.join(&named.file)).is_ok_and(|found| found == named.blake3) => {
                findings.push(Finding::disagrees(claim, stated, error.to_string()));
            }
            Err(error) => findings.push(Finding::unchecked(claim, error.to_string())),
        }
    } else {
        findings.push(Finding::unchecked(claim, format!("nothing here can show it: \"{stated}\"")));
    }
    findings
}

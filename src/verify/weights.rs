//! Weights beside architecture files, and the PyTorch modules that load them: written again from the architecture file and
//! compared.

use std::path::{Path, PathBuf};

use super::{Finding, Given, Kind, Opened, Unreadable, architecture};
use crate::export::{self, ArchitectureFile, Claim, Export, exporter};
use crate::graph::Network;

/// The kind of weights, and of modules that load them.
#[derive(Debug)]
pub(super) struct Weights;

impl Kind for Weights {
    fn name(&self) -> &'static str {
        "weights or PyTorch module"
    }

    fn recognises(&self, file: &Opened) -> bool {
        matches!(file.extension(), "py" | "safetensors")
    }

    fn verify(&self, file: &Opened, _given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let path = file.path();
        let bytes = std::fs::read(path)
            .map_err(|error| Unreadable::Other(format!("cannot read `{}`: {error}", path.display())))?;
        let name = file.name().split('.').next().unwrap_or_default();
        let Some(described) = beside(path, name) else {
            let why = format!("`{name}.yaml`, the architecture file, lies neither beside it nor in ../architectures");
            return Ok(vec![Finding::unchecked("everything", why)]);
        };
        let folder = described.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let described = architecture::parsed(&Opened::new(&described))?;
        let network = match described.network.build() {
            Ok(network) => network,
            Err(error) => return Ok(vec![Finding::disagrees("architecture file", "a network", error.to_string())]),
        };
        let named = described.weights.as_ref().is_some_and(|stored| stored.file == file.name());
        if named && folder.join(file.name()) == *path {
            return Ok(stored(&described, &network, &folder).into_iter().collect());
        }
        Ok(rendered(name, file, &bytes, &described, &network, &folder))
    }
}

/// The architecture file of that name.
fn beside(path: &Path, name: &str) -> Option<PathBuf> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let folders = [folder.to_owned(), folder.join("../architectures")];
    let places = folders.iter().flat_map(|folder| {
        ["yaml", "json"].into_iter().map(move |extension| folder.join(format!("{name}.{extension}")))
    });
    places.into_iter().find(|place| place.is_file())
}

/// The weights that an architecture file names: there, unchanged, and exactly the parameters of its network.
pub(super) fn stored(file: &ArchitectureFile, network: &Network, folder: &Path) -> Option<Finding> {
    let stored = file.weights.as_ref()?;
    Some(match file.read_weights(network, folder) {
        Ok(read) => {
            let tensors = read.map_or(0, |weights| weights.0.len());
            Finding::agrees("weights", format!("{tensors} tensors in {}, with the BLAKE3 named", stored.file))
        }
        Err(error) if !folder.join(&stored.file).exists() => Finding::unchecked("weights", error.to_string()),
        Err(error) => {
            Finding::disagrees("weights", format!("{} with {}", stored.file, stored.blake3), error.to_string())
        }
    })
}

/// A file of the PyTorch format, against the one that is written from the architecture file now.
fn rendered(
    name: &str,
    file: &Opened,
    bytes: &[u8],
    described: &ArchitectureFile,
    network: &Network,
    folder: &Path,
) -> Vec<Finding> {
    let weights = match described.read_weights(network, folder) {
        Ok(weights) => weights,
        Err(error) => return vec![Finding::unchecked("everything", error.to_string())],
    };
    let export = Export { weights: weights.as_ref(), ..Export::new(name, described, network) };
    let written = exporter("pytorch").map(|format| format.render(&export));
    let written = match written {
        Some(Ok(written)) => written,
        Some(Err(error)) => return vec![Finding::unchecked("everything", error.to_string())],
        None => Vec::new(),
    };
    let Some(wanted) = written.into_iter().find(|written| format!("{name}.{}", written.extension) == file.name())
    else {
        let why = "the architecture file neither names it nor is it written from it".to_owned();
        return vec![Finding::unchecked("everything", why)];
    };
    if wanted.bytes == bytes {
        return vec![Finding::agrees("what is written from the architecture file", format!("{} bytes", bytes.len()))];
    }
    let (Ok(there), Ok(text)) = (std::str::from_utf8(bytes), std::str::from_utf8(&wanted.bytes)) else {
        return tensors(bytes, &wanted.bytes);
    };
    let mut lines = there.lines().zip(text.lines()).enumerate();
    vec![match lines.find(|(_, (there, wanted))| there != wanted) {
        Some((line, (there, wanted))) => Finding::disagrees(format!("line {}", line + 1), there.trim(), wanted.trim()),
        None => Claim::text("lines", there.lines().count().to_string(), text.lines().count().to_string()).into(),
    }]
}

/// Two files of weights, tensor by tensor.
fn tensors(there: &[u8], wanted: &[u8]) -> Vec<Finding> {
    let (there, wanted) = match (export::weights::listed(there), export::weights::listed(wanted)) {
        (Ok(there), Ok(wanted)) => (there, wanted),
        (Err(error), _) | (_, Err(error)) => return vec![Finding::disagrees("weights", "a file of tensors", error)],
    };
    let missing = wanted.iter().filter(|(name, _)| !there.contains_key(*name));
    let missing = missing.map(|(name, _)| Finding::disagrees(format!("weights {name}"), "nothing", "a tensor"));
    let other = there.iter().filter_map(|(name, tensor)| match wanted.get(name) {
        Some(known) if known == tensor => None,
        Some((shape, _)) if *shape != tensor.0 => {
            let (claimed, found) = (format!("{:?}", tensor.0), format!("{shape:?}"));
            Some(Finding::disagrees(format!("weights {name}"), claimed, found))
        }
        Some(_) => Some(Finding::disagrees(format!("weights {name}"), "other numbers", "those of the architecture")),
        None => Some(Finding::disagrees(format!("weights {name}"), "a tensor", "no parameter of that name")),
    });
    let mut findings: Vec<Finding> = missing.chain(other).collect();
    if findings.is_empty() {
        findings.push(Finding::agrees("weights", format!("{} tensors, though not every byte", there.len())));
    }
    findings
}

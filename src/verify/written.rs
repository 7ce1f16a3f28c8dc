//! What is written from an architecture file: drawings, weights, and PyTorch modules that load them. Written again and
//! compared.

use std::path::{Path, PathBuf};

use super::{Finding, Given, Kind, Opened, Unreadable, architecture};
use crate::export::{self, ArchitectureFile, Carries, Claim, Export, exporter};
use crate::graph::Network;

/// What stands behind the name of an architecture in those of such files, and the format that writes them.
const FORMATS: &[(&str, &str)] = &[
    ("py", "pytorch"),
    ("safetensors", "pytorch"),
    ("pytorch.safetensors", "pytorch"),
    ("svg", "svg"),
    ("dot", "dot"),
];

/// The kind of files that are written from an architecture file.
#[derive(Debug)]
pub(super) struct Written;

impl Kind for Written {
    fn name(&self) -> &'static str {
        "weights, PyTorch module or drawing of an architecture"
    }

    fn recognises(&self, file: &Opened) -> bool {
        match file.extension() {
            // Anything may be drawn.
            "svg" | "dot" => beside(file).is_some(),
            extension => FORMATS.iter().any(|(known, _)| *known == extension),
        }
    }

    fn verify(&self, file: &Opened, _given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let path = file.path();
        let bytes = std::fs::read(path)
            .map_err(|error| Unreadable::Other(format!("cannot read `{}`: {error}", path.display())))?;
        let unreadable = || match file.extension() {
            export::weights::EXTENSION => export::weights::listed(&bytes).err(),
            _ => None,
        };
        let refuse = |why: String| {
            Unreadable::Other(format!("`{}`: {why}; copy it again, or export it once more", path.display()))
        };
        let Some((name, described)) = beside(file) else {
            if let Some(why) = unreadable() {
                return Err(refuse(why));
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = name.strip_suffix(".pytorch").unwrap_or(&name);
            let why = format!("`{name}.yaml`, the architecture file, lies neither beside it nor in ../architectures");
            return Ok(vec![Finding::unchecked("everything", why)]);
        };
        let folder = described.path().parent().unwrap_or_else(|| Path::new("")).to_owned();
        let described = architecture::parsed(&described)?;
        let network = match described.network.build() {
            Ok(network) => network,
            Err(error) => return Ok(vec![Finding::disagrees("architecture file", "a network", error.to_string())]),
        };
        let named = described.weights.as_ref().is_some_and(|stored| stored.file == file.name());
        if named && folder.join(file.name()) == *path {
            return Ok(stored(&described, &network, &folder).into_iter().collect());
        }
        if let Some(why) = unreadable() {
            return Err(refuse(why));
        }
        Ok(rendered(&name, file, &bytes, &described, &network, &folder))
    }
}

/// The architecture file that a file is written from, with what it is called: that of the same name comes first.
fn beside(file: &Opened) -> Option<(String, Opened)> {
    let folder = file.path().parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut places: Vec<(bool, PathBuf, String)> = Vec::new();
    for folder in [folder.to_owned(), folder.join("../architectures")] {
        let listed = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut named: Vec<(bool, PathBuf, String)> = listed
            .filter_map(|path| {
                let name = path.file_stem()?.to_str()?.to_owned();
                let written = FORMATS.iter().any(|(extension, _)| export::file_name(&name, extension) == file.name());
                (Opened::new(&path).is_document() && written).then(|| (!file.name().starts_with(&name), path, name))
            })
            .collect();
        named.sort();
        places.append(&mut named);
    }
    let opened = places.into_iter().map(|(_, path, name)| (name, Opened::new(&path)));
    opened.into_iter().find(|(_, file)| architecture::Architecture.recognises(file))
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

/// A file, against the one that is written from the architecture file now.
fn rendered(
    name: &str,
    file: &Opened,
    bytes: &[u8],
    described: &ArchitectureFile,
    network: &Network,
    folder: &Path,
) -> Vec<Finding> {
    let format = FORMATS.iter().find(|(extension, _)| export::file_name(name, extension) == file.name());
    let Some(format) = format.and_then(|(_, format)| exporter(format)) else { return Vec::new() };
    let weights = match format.carries() {
        Carries::Nothing => Ok(None),
        _ => described.read_weights(network, folder),
    };
    let weights = match weights {
        Ok(weights) => weights,
        Err(error) => return vec![Finding::unchecked("everything", error.to_string())],
    };
    let export = Export { weights: weights.as_ref(), ..Export::new(name, described, network) };
    let written = match format.render(&export) {
        Ok(written) => written,
        Err(error) => return vec![Finding::unchecked("everything", error.to_string())],
    };
    let Some(wanted) = written.into_iter().find(|written| written.file_name(name) == file.name()) else {
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

//! Reads the network out of an architecture file, so that a file which a search
//! wrote, or a person did, can be priced or fitted to; or out of a space file,
//! which is how a person writes a network most shortly.

use std::path::Path;

use serde::Deserialize;

use super::LatencyError;
use crate::graph::{Network, RawNetwork};
use crate::space::Space;
use crate::yaml::Document;

/// The part of an architecture file that has a latency; the rest is not read.
#[derive(Deserialize)]
struct NetworkFile {
    network: RawNetwork,
}

/// What a file with a `network:` holds.
#[derive(Debug)]
pub enum SpaceOrNetwork {
    /// A search space.
    Space(Space),
    /// One network.
    Network(Network),
}

/// Reads a YAML or JSON document with a `network: {nodes: [...], outputs: [...]}`, or a search space, of which the default
/// architecture is meant.
///
/// # Errors
/// A file that cannot be read, is no such document, or whose operators do not fit together.
pub fn read_network(path: &Path) -> Result<Network, LatencyError> {
    match read_space_or_network(path)? {
        SpaceOrNetwork::Network(network) => Ok(network),
        SpaceOrNetwork::Space(space) => {
            let built = space.build(&space.default_architecture());
            built.map_err(|error| LatencyError::content(path, error.to_string()))
        }
    }
}

/// Reads the same, and leaves a space as it is.
///
/// # Errors
/// As [`read_network`].
pub fn read_space_or_network(path: &Path) -> Result<SpaceOrNetwork, LatencyError> {
    let document = Document::read(path)?;
    let Some(network) = document.root.get("network") else {
        let problem = "is no architecture file: it has no `network: {nodes: [...], outputs: [...]}`";
        return Err(LatencyError::content(path, problem));
    };
    if !network.items().is_empty() {
        return Ok(SpaceOrNetwork::Space(Space::from_text(&document.name, &document.text)?));
    }
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let file: NetworkFile = if document.text.trim_start().starts_with('{') {
        serde_json::from_str(&document.text).map_err(|e| LatencyError::content(path, e.to_string()))?
    } else {
        serde_yaml::from_str(&document.text).map_err(|e| LatencyError::content(path, first_line(e.to_string())))?
    };
    let built = file.network.build().map_err(|e| LatencyError::content(path, e.to_string()))?;
    Ok(SpaceOrNetwork::Network(built))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_space_file_means_its_default() {
        let folder = tempfile::tempdir().unwrap();
        let (space_file, network_file) = (folder.path().join("s.yaml"), folder.path().join("n.json"));
        let text = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 8 }\nnetwork:\n  - { op: conv, kernel: 3, channels: { \
                    choice: [8, 16], default: 16 } }\n";
        std::fs::write(&space_file, text).unwrap();
        let network = read_network(&space_file).unwrap();
        let channels: Vec<usize> = network.ids().map(|id| network.node(id).shape.channels()).collect();
        assert!(channels.contains(&16) && !channels.contains(&8), "{channels:?}");
        let text = serde_json::json!({ "network": network.to_raw() }).to_string();
        std::fs::write(&network_file, text).unwrap();
        assert_eq!(read_network(&network_file).unwrap().canonical_hash(), network.canonical_hash());
        std::fs::write(&space_file, misspelt(&space_file)).unwrap();
        assert!(read_network(&space_file).is_err());
    }

    /// The file with a misspelt operator.
    fn misspelt(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap().replace("op: conv", "op: conf")
    }
}

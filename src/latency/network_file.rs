//! Reads the network out of an architecture file, so that a file which a search
//! wrote, or a person did, can be priced or fitted to.

use std::path::Path;

use serde::Deserialize;

use super::LatencyError;
use crate::graph::{Network, RawNetwork};
use crate::yaml::Document;

/// The part of an architecture file that has a latency; the rest is not read.
#[derive(Deserialize)]
struct NetworkFile {
    network: RawNetwork,
}

/// Reads a YAML or JSON document with a `network: {nodes: [...], outputs: [...]}`.
///
/// # Errors
/// A file that cannot be read, is no such document, or whose operators do not fit together.
pub fn read_network(path: &Path) -> Result<Network, LatencyError> {
    let document = Document::read(path)?;
    if document.root.get("network").is_none() {
        let problem = "is no architecture file: it has no `network: {nodes: [...], outputs: [...]}`";
        return Err(LatencyError::content(path, problem));
    }
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let file: NetworkFile = if document.text.trim_start().starts_with('{') {
        serde_json::from_str(&document.text).map_err(|e| LatencyError::content(path, e.to_string()))?
    } else {
        serde_yaml::from_str(&document.text).map_err(|e| LatencyError::content(path, first_line(e.to_string())))?
    };
    file.network.build().map_err(|e| LatencyError::content(path, e.to_string()))
}

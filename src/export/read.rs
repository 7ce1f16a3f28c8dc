//! Reading an architecture file back: the network is rebuilt, and every claim that can be recomputed is.

use std::path::Path;

use super::{ArchitectureFile, weights};
use crate::graph::{Network, NetworkError};
use crate::objective::{Count, CountKind, Objective};
use crate::yaml::{Diagnostics, Document};

/// Why an architecture file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read, or is neither YAML nor JSON.
    #[error(transparent)]
    Text(#[from] Diagnostics),
    /// It is not an architecture file.
    #[error("{file}: not an architecture file: {reason}")]
    Form {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Its operators do not make a network.
    #[error("{file}: {source}")]
    Network {
        /// The file.
        file: String,
        /// What is wrong with the network.
        source: NetworkError,
    },
    /// It claims something that is not so.
    #[error("{file}: claims {what} {claimed}, but its network has {found}; it was changed by hand, or damaged")]
    Claim {
        /// The file.
        file: String,
        /// Which quantity.
        what: String,
        /// What the file says.
        claimed: String,
        /// What follows from its network.
        found: String,
    },
}

/// Reads an architecture file, YAML or JSON. The weights that it may name are left to
/// [`ArchitectureFile::read_weights`].
///
/// # Errors
/// A file that is not one, whose network does not fit together, or whose hash or counts differ from its network's.
pub fn read(path: &Path) -> Result<(ArchitectureFile, Network), ReadError> {
    // Every JSON document that pocketnas writes is YAML too; the document check brings size limits and positions.
    let document = Document::read(path)?;
    let file = document.name.clone();
    let form = |reason: String| ReadError::Form { file: file.clone(), reason };
    let parsed: ArchitectureFile = if document.text.trim_start().starts_with('{') {
        serde_json::from_str(&document.text).map_err(|error| form(error.to_string()))?
    } else {
        serde_yaml::from_str(&document.text)
            .map_err(|error| form(error.to_string().lines().next().unwrap_or_default().to_owned()))?
    };
    if !parsed.readable() {
        return Err(form(format!("version {} is not understood; this program reads version 1", parsed.version)));
    }
    if let Some(stored) = parsed.weights.as_ref().filter(|stored| !stored.is_beside()) {
        return Err(form(format!("its weights are in `{}`, which leads elsewhere; {}", stored.file, weights::BESIDE)));
    }
    let network = parsed.network.build().map_err(|source| ReadError::Network { file: file.clone(), source })?;
    let claim = |what: &str, claimed: String, found: String| {
        if claimed == found {
            return Ok(());
        }
        Err(ReadError::Claim { file: file.clone(), what: what.to_owned(), claimed, found })
    };
    claim("the hash", parsed.hash.clone(), network.canonical_hash().to_string())?;
    for kind in CountKind::ALL {
        if let Some(metric) = parsed.metrics.get(kind.name()) {
            let count = Count::new(kind.name(), None, kind).value(&network);
            let count = count.map_err(|error| form(error.to_string()))?;
            claim(kind.name(), metric.value.to_string(), count.to_string())?;
        }
    }
    Ok((parsed, network))
}

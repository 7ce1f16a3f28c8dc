//! Reading an architecture file back: the network is rebuilt, and every claim that follows from it alone is checked.

use std::path::Path;

use super::{ArchitectureFile, claims, weights};
use crate::graph::{Network, NetworkError};
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
    let document = Document::read(path)?;
    let parsed = parse(&document)?;
    let file = document.name;
    if let Some(stored) = parsed.weights.as_ref().filter(|stored| !stored.is_beside()) {
        let reason = format!("its weights are in `{}`, which leads elsewhere; {}", stored.file, weights::BESIDE);
        return Err(ReadError::Form { file, reason });
    }
    let network = parsed.network.build().map_err(|source| ReadError::Network { file: file.clone(), source })?;
    let claims =
        claims(&parsed, &network).map_err(|error| ReadError::Form { file: file.clone(), reason: error.to_string() })?;
    match claims.into_iter().find(|claim| !claim.holds) {
        Some(claim) => Err(ReadError::Claim { file, what: claim.what, claimed: claim.claimed, found: claim.found }),
        None => Ok((parsed, network)),
    }
}

/// What an architecture file says, before any of it is checked.
///
/// # Errors
/// A document that is no architecture file.
pub fn parse(document: &Document) -> Result<ArchitectureFile, ReadError> {
    let form = |reason: String| ReadError::Form { file: document.name.clone(), reason };
    let has = |key: &str| document.root.get(key).is_some();
    if has("objectives") && has("search") {
        return Err(form(
            "it is a search config; `pocketnas search` writes the architectures that it finds".to_owned(),
        ));
    }
    if has("space") && !has("architecture") {
        let reason = "it is a search space; `pocketnas search` writes the architectures that it finds in one";
        return Err(form(reason.to_owned()));
    }
    // Every JSON document that pocketnas writes is YAML too; the document check brings size limits and positions.
    let parsed: ArchitectureFile = if document.text.trim_start().starts_with('{') {
        serde_json::from_str(&document.text).map_err(|error| form(error.to_string()))?
    } else {
        serde_yaml::from_str(&document.text)
            .map_err(|error| form(error.to_string().lines().next().unwrap_or_default().to_owned()))?
    };
    if !parsed.readable() {
        return Err(form(format!("version {} is not understood; this program reads version 1", parsed.version)));
    }
    Ok(parsed)
}

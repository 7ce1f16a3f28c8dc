//! From the texts of a truth file to the architectures of a space.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Truth;
use crate::space::{Architecture, ArchitectureError, Space};

/// Why the rows of a truth file are not architectures of a space.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A text that the space does not know.
    #[error("{path}:{line}: `{id}` is no architecture of `{space}`: {source}")]
    Unknown {
        /// The truth file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The text.
        id: String,
        /// The space.
        space: String,
        /// What the space says.
        source: ArchitectureError,
    },
    /// Two texts of one architecture.
    #[error("{path}:{line}: `{id}` is the architecture of line {first} already; give each architecture one row")]
    Duplicate {
        /// The truth file.
        path: PathBuf,
        /// The second line, from 1.
        line: u64,
        /// The second text.
        id: String,
        /// The first line.
        first: u64,
    },
}

/// The architecture of each row. `path` is what messages call the truth file.
///
/// # Errors
/// The first row that is no architecture of the space, or one that stands there already.
pub fn resolve(space: &Space, truth: &Truth, path: &Path) -> Result<Vec<Architecture>, ResolveError> {
    let parsed: Vec<Result<(Architecture, String), ArchitectureError>> = truth
        .rows
        .par_iter()
        .map(|row| {
            let architecture = space.parse(&row.id)?;
            let text = space.format(&architecture);
            Ok((architecture, text))
        })
        .collect();
    let mut seen: HashMap<String, u64> = HashMap::with_capacity(parsed.len());
    let mut architectures = Vec::with_capacity(parsed.len());
    for (row, parsed) in truth.rows.iter().zip(parsed) {
        let (architecture, text) = parsed.map_err(|source| ResolveError::Unknown {
            path: path.to_path_buf(),
            line: row.line,
            id: row.id.clone(),
            space: space.name().to_owned(),
            source,
        })?;
        if let Some(first) = seen.insert(text, row.line) {
            return Err(ResolveError::Duplicate {
                path: path.to_path_buf(),
                line: row.line,
                id: row.id.clone(),
                first,
            });
        }
        architectures.push(architecture);
    }
    Ok(architectures)
}

//! What can go wrong between a measurement file and a price.

use std::path::{Path, PathBuf};

use crate::yaml::Diagnostics;

/// Why latencies cannot be read, fitted or predicted.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// A file cannot be opened or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file as a whole is not what it should be.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// One value of a CSV file is wrong.
    #[error("{}:{line}: column `{column}` holds `{value}`: {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1 with the header.
        line: u64,
        /// The column's name.
        column: String,
        /// What it holds.
        value: String,
        /// What it should be.
        problem: String,
    },
    /// The measurements do not support a fit.
    #[error("cannot fit: {0}")]
    Fit(String),
    /// A table is not well formed.
    #[error(transparent)]
    Table(#[from] Diagnostics),
}

impl LatencyError {
    pub(super) fn content(path: &Path, problem: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), problem: problem.into() }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action: "read", path, source }
    }
}

//! How many different networks a space holds: every architecture built, and its canonical hash taken.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::graph::CanonicalHash;
use crate::space::{ArchitectureError, ChoiceGraph, Space};

/// The number of different canonical hashes among all architectures of a space.
///
/// # Errors
/// An architecture that does not build.
pub fn distinct(space: &Space, graph: &ChoiceGraph) -> Result<usize, ArchitectureError> {
    let paths: Vec<Vec<usize>> = graph.paths().collect();
    let hashes: HashSet<CanonicalHash> = paths
        .into_par_iter()
        .map(|path| space.build(&graph.architecture(&path)).map(|network| network.canonical_hash()))
        .collect::<Result<_, _>>()?;
    Ok(hashes.len())
}

//! How many different networks a space holds: every architecture built, and its canonical hash taken.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::graph::CanonicalHash;
use crate::space::{ArchitectureError, ChoiceGraph, Space};

/// Every path of a choice graph from its source to its sink, in the order of their edges.
pub fn paths(graph: &ChoiceGraph) -> Vec<Vec<usize>> {
    let Some(sink) = graph.states().checked_sub(1) else { return Vec::new() };
    let edges = graph.edges();
    let leaving = |state: usize| {
        let start = edges.partition_point(|edge| (edge.from as usize) < state);
        let end = edges.partition_point(|edge| (edge.from as usize) <= state);
        start..end
    };
    let mut found = Vec::new();
    let mut path = Vec::new();
    let mut open = vec![leaving(0)];
    if sink == 0 {
        return vec![path];
    }
    while let Some(range) = open.last_mut() {
        match range.next() {
            Some(edge) => {
                path.push(edge);
                let state = edges[edge].to as usize;
                if state == sink {
                    found.push(path.clone());
                    path.pop();
                } else {
                    open.push(leaving(state));
                }
            }
            None => {
                open.pop();
                path.pop();
            }
        }
    }
    found
}

/// The number of different canonical hashes among all architectures of a space.
///
/// # Errors
/// An architecture that does not build.
pub fn distinct(space: &Space, graph: &ChoiceGraph) -> Result<usize, ArchitectureError> {
    let hashes: HashSet<CanonicalHash> = paths(graph)
        .into_par_iter()
        .map(|path| space.build(&graph.architecture(&path)).map(|network| network.canonical_hash()))
        .collect::<Result<_, _>>()?;
    Ok(hashes.len())
}

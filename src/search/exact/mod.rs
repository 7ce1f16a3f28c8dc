//! Search over costs that add up along a path: the exact Pareto front, or a front with a certified gap.
//! Knows no network: a space, a block library or a textbook problem becomes a [`CostGraph`], and an answer is a set of paths.
//!
//! The method is multi-objective label setting (Martins, *On a multicriteria
//! shortest path problem*, 1984) in topological order on an acyclic graph.

mod certificate;
mod cost_graph;
mod fixed_point;
mod forest;
mod front;
mod instance;
mod label_setting;
pub mod library;
mod merge;
mod merge_pair;
mod queue;
mod reach;
mod skeleton;
mod solve;

pub use cost_graph::{Column, CostGraph, Edge, GraphError, MAX_OBJECTIVES, Role};
pub use front::{Front, FrontError, Limit, Options, Point, front};
pub use reach::{Reach, reach};

#[cfg(test)]
mod tests;

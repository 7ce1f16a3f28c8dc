//! Search spaces (API sketch; bodies follow).
#![allow(unused_variables, missing_docs, clippy::todo)]

use std::path::Path;

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};

use crate::graph::Network;
use crate::yaml::Diagnostics;

/// A value that a setting takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Real(f64),
    Word(String),
}

/// One point of a space: every decision it takes, by path (`s2.0.kernel`), in the order they are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    pub decisions: Vec<Decision>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub path: String,
    /// Index of the chosen option.
    pub option: usize,
    /// The option, for people.
    pub value: Value,
}

/// A checked search space.
#[derive(Clone, Debug)]
pub struct Space {}

/// An architecture text that does not belong to the space. Displays what, where and the remedy.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ArchitectureError {
    pub message: String,
}

/// Too many states, or a space that cannot be compiled; names the decision or constraint at fault.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    pub message: String,
}

impl Space {
    /// A shipped space by name (`mobilenetv3-ofa`), or a file. Relative paths are tried against `base` first.
    pub fn load(name_or_path: &str, base: Option<&Path>) -> Result<Self, Diagnostics> {
        todo!()
    }
    pub fn from_text(file_name: &str, text: &str) -> Result<Self, Diagnostics> {
        todo!()
    }
    /// Names of the shipped spaces.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        std::iter::empty()
    }
    pub fn name(&self) -> &str {
        todo!()
    }
    pub fn about(&self) -> &str {
        todo!()
    }
    /// The whole network of an architecture; its blocks are named as the positions (`stem`, `s2.0`).
    pub fn build(&self, architecture: &Architecture) -> Result<Network, ArchitectureError> {
        todo!()
    }
    pub fn parse(&self, text: &str) -> Result<Architecture, ArchitectureError> {
        todo!()
    }
    pub fn format(&self, architecture: &Architecture) -> String {
        todo!()
    }
    /// All `default:` options, first option where none is given.
    pub fn default_architecture(&self) -> Architecture {
        todo!()
    }
    /// Compiles to the automaton.
    pub fn compile(&self, budget: &Budget) -> Result<ChoiceGraph, CompileError> {
        todo!()
    }
}

/// Limits of compilation.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub states: usize,
    pub edges: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { states: 2_000_000, edges: 20_000_000 }
    }
}

/// The finite automaton of a space. States are numbered in topological order, 0 is the source, the last the sink.
/// An architecture is a path; distinct paths are distinct architectures.
#[derive(Debug)]
pub struct ChoiceGraph {}

#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub from: u32,
    pub to: u32,
}

impl ChoiceGraph {
    pub fn states(&self) -> usize {
        todo!()
    }
    /// Sorted by `from`.
    pub fn edges(&self) -> &[Edge] {
        todo!()
    }
    /// The position of an edge, as a block name (`s2.0`).
    pub fn position(&self, edge: usize) -> String {
        todo!()
    }
    /// The decisions of an edge as short text (`k5,e4`); empty where nothing is decided.
    pub fn label(&self, edge: usize) -> String {
        todo!()
    }
    /// The sub-network of an edge: one input (the tensor that crosses the border), one output, one block.
    pub fn fragment(&self, edge: usize) -> Network {
        todo!()
    }
    /// Exact number of architectures.
    pub fn count(&self) -> BigUint {
        todo!()
    }
    /// A uniformly drawn path (edge indices).
    pub fn sample(&self, rng: &mut impl rand::Rng) -> Vec<usize> {
        todo!()
    }
    pub fn architecture(&self, path: &[usize]) -> Architecture {
        todo!()
    }
    /// The input shapes among which the space chooses (more than one: scores are not comparable).
    pub fn input_shapes(&self) -> Vec<crate::graph::Shape> {
        todo!()
    }
}

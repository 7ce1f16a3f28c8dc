//! Zero-shot proxies: scores that rank networks before any of them is trained.
//!
//! A [`Structural`] one adds up what each node contributes, so its score splits by block and along a path of the search
//! space, and takes no time. A [`Measured`] one runs the untrained network: it is a [`Measure`] in a file of its own,
//! made in a [`Lab`] that lends weights, batches and programs. What a name such as `zico_bc` means is pinned by a file
//! in `proxies/`, read by [`Definition`].

mod aggregate;
mod az_nas;
mod backbone;
mod bisection;
mod chain;
mod codes;
mod definition;
mod fisher;
mod grad_norm;
mod grad_sign;
mod grasp;
mod jacov;
mod kinds;
mod l2_norm;
mod lab;
mod measured;
mod meco;
mod naswot;
mod ntk;
mod room;
mod samples;
mod snip;
mod spectrum;
mod statistics;
mod structural;
mod swap;
mod synflow;
#[cfg(test)]
mod tests;
mod vkdnw;
mod zen;
mod zico;

use std::cmp::Ordering;

use serde::Serialize;

use crate::data::DataError;
use crate::engine::{EngineError, LossError};
use crate::graph::{Network, Shape};

pub use aggregate::{Aggregate, aggregate};
pub use backbone::{Backbone, backbone};
pub use definition::{Definition, Evidence, SCHEMA};
pub use lab::{Conditions, Lab, Setup};
pub use measured::{Measure, Measured, Reading};
pub use structural::Structural;

/// Which scores are the better ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
}

impl Direction {
    /// The value, negated where lower is better, so that more is always better.
    pub fn orient(self, value: f64) -> f64 {
        match self {
            Self::Higher => value,
            Self::Lower => -value,
        }
    }
}

/// The score of one network by one proxy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The score itself, in the proxy's own unit.
    pub value: f64,
    /// The shapes of the network's inputs. Scores compare only where these are equal.
    pub inputs: Vec<Shape>,
    /// Whether the output depends on an input at all. What a dead network scores means nothing.
    pub live: bool,
    /// What else came up on the way, by name: counts of what was left out, parts of the score.
    pub details: Vec<(&'static str, f64)>,
    /// Bytes of the largest program that ran; 0 where none did.
    pub bytes: u64,
    /// Floating-point operations of the programs that ran, as [`operations`](crate::engine::native::Native::operations) of the engine counts them.
    pub operations: u64,
}

impl Score {
    /// Orders two scores of one proxy by value.
    ///
    /// # Errors
    /// [`ScoreError::InputSizes`] when the networks take inputs of different shapes: structural scores
    /// ignore the resolution or even rise as it falls, so they say nothing across input sizes.
    pub fn compare(&self, other: &Self) -> Result<Ordering, ScoreError> {
        if self.inputs == other.inputs {
            Ok(self.value.total_cmp(&other.value))
        } else {
            Err(ScoreError::InputSizes { first: list(&self.inputs), second: list(&other.inputs) })
        }
    }
}

fn list(shapes: &[Shape]) -> String {
    shapes.iter().map(Shape::to_string).collect::<Vec<_>>().join(", ")
}

/// Why a network has no score, or two scores no order.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// Scores at different input sizes.
    #[error("scores compare only at one input size, but these networks take {first} and {second}; fix the input size")]
    InputSizes {
        /// Inputs of the first network.
        first: String,
        /// Inputs of the second network.
        second: String,
    },
    /// A proxy is limited to blocks that the network does not have.
    #[error("proxy `{proxy}` counts only blocks that match `{pattern}`, but the network's blocks are {blocks}")]
    NoSuchBlock {
        /// The proxy.
        proxy: String,
        /// The pattern that matches nothing.
        pattern: String,
        /// The blocks there are.
        blocks: String,
    },
    /// A network that this proxy says nothing about.
    #[error("proxy `{proxy}` {reason}")]
    Unfit {
        /// The proxy.
        proxy: String,
        /// What the network lacks, and what can be done.
        reason: String,
    },
    /// The network cannot be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// The batches cannot be made.
    #[error("{0}")]
    Data(String),
}

impl From<DataError> for ScoreError {
    fn from(error: DataError) -> Self {
        Self::Data(error.to_string())
    }
}

/// A zero-shot proxy.
pub trait Proxy: std::fmt::Debug + Send + Sync {
    /// The name that tables and files use.
    fn name(&self) -> &str;

    /// Which scores are the better ones.
    fn direction(&self) -> Direction {
        Direction::Higher
    }

    /// The score of a network.
    ///
    /// # Errors
    /// [`ScoreError`] when the network is not one this proxy can score.
    fn score(&self, network: &Network) -> Result<Score, ScoreError>;

    /// Whether scores of networks with different backbones may be compared.
    fn compares_backbones(&self) -> bool {
        true
    }

    /// The proxy as a sum over nodes, if it is one.
    fn structural(&self) -> Option<&Structural> {
        None
    }
}

/// Adds in order of size, so that isomorphic networks, whose nodes come in different orders, tie exactly.
fn sum(mut terms: Vec<f64>) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    // The sum of no floats is -0 in std.
    terms.into_iter().fold(0.0, |total, term| total + term)
}

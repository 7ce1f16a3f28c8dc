//! Zero-shot proxies: scores that rank networks before any of them is trained.
//!
//! A [`Proxy`] adds up what each node contributes, so its score splits by block
//! and along a path of the search space. What a name such as `s0_bc` means is
//! pinned by a file in `proxies/`, read by [`Definition`].

mod definition;
mod structural;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use serde::Serialize;

use crate::graph::{Live, Network, NodeId, Shape};

pub use definition::{Definition, Evidence, SCHEMA};
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
}

/// A zero-shot proxy whose score is a sum over nodes.
pub trait Proxy: std::fmt::Debug + Send + Sync {
    /// The name that tables and files use.
    fn name(&self) -> &str;

    /// Which scores are the better ones.
    fn direction(&self) -> Direction;

    /// Whether the network is one this proxy can score.
    ///
    /// # Errors
    /// [`ScoreError`] says what the network lacks.
    fn check(&self, network: &Network) -> Result<(), ScoreError>;

    /// What one node adds to the score; 0 for most. `live` is the live part of the same network.
    fn node_contribution(&self, network: &Network, live: &Live, node: NodeId) -> f64;

    /// What each block adds to the score, in the order of [`Network::blocks`].
    ///
    /// # Errors
    /// [`ScoreError`] when the network is not one this proxy can score.
    fn block_contributions(&self, network: &Network) -> Result<Vec<f64>, ScoreError> {
        self.check(network)?;
        let live = network.live();
        let mut blocks = vec![Vec::new(); network.blocks().len()];
        for id in network.ids() {
            blocks[network.node(id).block.index()].push(self.node_contribution(network, &live, id));
        }
        Ok(blocks.into_iter().map(sum).collect())
    }

    /// The score of a network.
    ///
    /// # Errors
    /// [`ScoreError`] when the network is not one this proxy can score.
    fn score(&self, network: &Network) -> Result<Score, ScoreError> {
        self.check(network)?;
        let live = network.live();
        let terms = network.ids().map(|id| self.node_contribution(network, &live, id));
        let value = sum(terms.filter(|&term| term != 0.0).collect());
        Ok(Score { value, inputs: network.input_shapes(), live: live.count() > 0 })
    }
}

/// Adds in order of size, so that isomorphic networks, whose nodes come in different orders, tie exactly.
fn sum(mut terms: Vec<f64>) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    // The sum of no floats is -0 in std.
    terms.into_iter().fold(0.0, |total, term| total + term)
}

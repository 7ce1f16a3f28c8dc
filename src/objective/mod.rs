//! What a search optimises or limits: latency, counts and proxies behind one trait.
//!
//! An [`Objective`] has a value for a whole network. An additive one also has a
//! cost for each fragment between two block borders, so that a constant and the
//! sum over a path give exactly the value of the network that the path builds;
//! that is what makes the exact search exact. One file per kind of objective.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;

use crate::graph::Network;
use crate::space::Value;

mod count;
mod latency;
mod price;
mod program;
mod proxy;
mod rebuild;
pub mod request;

pub use crate::proxy::Direction;
pub use count::{Count, CountKind};
pub use latency::Latency;
pub use price::{Prices, PricingError, price};
pub use program::{Program, ProgramSettings};
pub use proxy::Zeroshot;
pub use rebuild::rebuild;

#[cfg(test)]
mod tests;

/// Why a network has no value for an objective. Displays what, where and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ObjectiveError(pub String);

/// Where the numbers of an objective come from: enough to tell two definitions apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// `table`, `proxy`, `count` or `program`.
    pub kind: &'static str,
    /// The name or path that the config gives.
    pub name: String,
    /// What it measures and how, for people.
    pub about: String,
    /// BLAKE3 of the file that defines it; of the name where the program defines it.
    pub hash: String,
}

/// A network that is to be judged, with all that an objective outside this program may want to know.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The network.
    pub network: &'a Network,
    /// The space it comes from, by name.
    pub space: &'a str,
    /// Its text form in that space.
    pub architecture: &'a str,
    /// The decisions that make it: paths and values.
    pub decisions: &'a [(String, Value)],
    /// Seed of whatever is random about judging it.
    pub seed: u64,
    /// How thoroughly it is judged, above 0 and at most 1, which is in full.
    pub fidelity: f64,
}

/// A quantity of a network that a search optimises or limits.
pub trait Objective: Debug + Send + Sync {
    /// The user's name for it.
    fn name(&self) -> &str;

    /// How axes and tables call it.
    fn label(&self) -> String;

    /// Its unit; `1` for a plain number.
    fn unit(&self) -> &str;

    /// Which values are the better ones.
    fn direction(&self) -> Direction;

    /// Where its numbers come from.
    fn origin(&self) -> &Origin;

    /// Whether values of networks with different input sizes may be compared.
    fn compares_input_sizes(&self) -> bool {
        true
    }

    /// Whether values of networks with different [backbones](crate::proxy::backbone()) may be compared.
    fn compares_backbones(&self) -> bool {
        true
    }

    /// The value of a whole network.
    ///
    /// # Errors
    /// A network that this objective cannot judge.
    fn value(&self, network: &Network) -> Result<f64, ObjectiveError>;

    /// The value of a candidate; what [`value`](Self::value) says, for objectives that look at nothing but the network.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    fn evaluate(&self, subject: &Subject<'_>) -> Result<f64, ObjectiveError> {
        self.value(subject.network)
    }

    /// Whether a value takes no time worth mentioning, so that limits on it are checked before anything dear runs.
    fn cheap(&self) -> bool {
        true
    }

    /// What each block adds, in the order of [`Network::blocks`]; what belongs to no block is left out.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError>;

    /// Its cost along a path, if it has one.
    fn additive(&self) -> Option<&dyn Additive>;

    /// The name of the objective or quantity whose values stand in for this one where a search starts from an exact
    /// front; it adds up.
    fn stand_in(&self) -> Option<&str> {
        None
    }

    /// What stands in for it where no other is named: an objective of its own making that adds up. Its name is none that
    /// a config could give.
    fn additive_stand_in(&self) -> Option<Arc<dyn Objective>> {
        None
    }

    /// A quantity that is listed wherever this one is, whether or not a config names it: the mean beside a bound.
    fn listed_beside(&self) -> Option<Arc<dyn Objective>> {
        None
    }

    /// The same with that strength of the correction for depth, if it leaves that to the search (`beta: auto`).
    fn with_beta(&self, _beta: f64) -> Option<Arc<dyn Objective>> {
        None
    }

    /// Everything that another process of this program needs to compute the same values ([`rebuild`]); nothing where
    /// the values come from elsewhere.
    fn definition(&self) -> Option<String> {
        None
    }

    /// What a reader of the value must know: operators extrapolated or not covered.
    fn flags(&self, _network: &Network) -> Vec<String> {
        Vec::new()
    }
}

/// An objective that adds up along a path of the choice graph.
pub trait Additive: Debug + Send + Sync {
    /// What every network pays once, whatever it is made of.
    fn constant(&self) -> f64 {
        0.0
    }

    /// What a fragment adds. Its input stands for the tensor that crosses the border.
    ///
    /// # Errors
    /// A fragment that this objective cannot judge.
    fn fragment(&self, fragment: &Network) -> Result<f64, ObjectiveError>;
}

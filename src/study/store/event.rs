//! What is recorded of a study: the bodies of the rows of `event`. This is a file format; see the [module](super).

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One decision of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Where it is taken: `s2.0.kernel`.
    pub path: String,
    /// The option, counted from 0.
    pub option: usize,
    /// What the option stands for.
    pub value: Json,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub enum ToldOutcome {
    /// Evaluated, and within every limit.
    Complete,
    /// Outside of some limit.
    Infeasible {
        /// By how much each limit is broken, in its own unit and the order of the config; 0 where it is kept.
        violations: Vec<f64>,
        /// Whether cheap objectives told, so that dear ones were not evaluated.
        screened: bool,
    },
    /// It could not be evaluated.
    Failed {
        /// Why.
        reason: String,
        /// Whether nothing was evaluated, since that could be told beforehand.
        screened: bool,
    },
}

impl ToldOutcome {
    /// Whether it was known before anything dear was evaluated.
    pub fn is_screened(&self) -> bool {
        matches!(self, Self::Infeasible { screened: true, .. } | Self::Failed { screened: true, .. })
    }
}

/// Something that happened. Numbers are finite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A process took the study up.
    Opened {
        /// Its id.
        pid: u32,
        /// The machine it runs on.
        host: String,
        /// The version of this program.
        version: String,
    },
    /// Objectives of a network were measured.
    Evaluated {
        /// The candidate it was done for.
        trial: u64,
        /// The canonical hash of the network.
        hash: String,
        /// How thoroughly, above 0 and at most 1.
        fidelity: f64,
        /// The seed.
        seed: u64,
        /// Objective, hash of its definition, value in its own unit, seconds that it took.
        readings: Vec<(String, String, f64, f64)>,
    },
    /// A strategy was told what became of a candidate. Trials are told in order, from 0.
    Told {
        /// The candidate.
        trial: u64,
        /// Its architecture string.
        architecture: String,
        /// The canonical hash of its network.
        hash: String,
        /// Its decisions, in the order in which they were taken.
        decisions: Vec<Taken>,
        /// How thoroughly it was evaluated, above 0 and at most 1.
        fidelity: f64,
        /// Whether an earlier candidate with the same network settled it.
        cached: bool,
        /// Values of objectives and limited quantities, by name, in their own direction and unit.
        values: Vec<(String, f64)>,
        /// What became of it.
        outcome: ToldOutcome,
    },
    /// The config changed where that is allowed.
    Extended {
        /// Key, value before, value from now on; an empty value stands for an absent key.
        changes: Vec<(String, String, String)>,
    },
    /// A run ended before its time.
    Stopped {
        /// Why.
        reason: String,
    },
    /// A run has its result.
    Finished {
        /// Members of the front.
        members: usize,
        /// How long the run took.
        seconds: f64,
        /// Whether the front is that of a choice graph, so that its members stand as candidates and no other was tried.
        #[serde(default)]
        exact: bool,
    },
}

impl Event {
    /// The name of the kind, as in the column `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Evaluated { .. } => "evaluated",
            Self::Told { .. } => "told",
            Self::Extended { .. } => "extended",
            Self::Stopped { .. } => "stopped",
            Self::Finished { .. } => "finished",
        }
    }

    /// The candidate that it is about.
    pub fn trial(&self) -> Option<u64> {
        match self {
            Self::Evaluated { trial, .. } | Self::Told { trial, .. } => Some(*trial),
            _ => None,
        }
    }
}

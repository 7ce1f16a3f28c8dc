//! The contract with whoever computes a value outside of this program: JSON objects, one a line.
//!
//! A [`Request`] goes to a program's stdin, an [`Answer`] comes back on its stdout, and so on until stdin ends. A user's
//! own program ([`super::Program`]) and `pocketnas worker` keep the same contract.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{ObjectiveError, Subject};
use crate::graph::RawNetwork;
use crate::process::Pool;

/// The version of the contract.
pub const VERSION: u32 = 1;

/// One value that is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The version of the contract, 1. A program should refuse another.
    pub version: u32,
    /// The number of this try; the answer has to repeat it.
    pub attempt: u64,
    /// What is asked for.
    pub objective: Wanted,
    /// What it is asked of.
    pub architecture: Described,
    /// Seed for whatever is random about the value.
    pub seed: u64,
    /// How thoroughly to judge, above 0 and at most 1, which is in full: a share of the training steps, for example.
    pub fidelity: f64,
    /// What the value needs to be computed, such as a device; empty for now.
    #[serde(default)]
    pub resources: Map<String, Json>,
}

/// The objective of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The user's name for it.
    pub name: String,
    /// `program`, `table`, `proxy` or `count`.
    pub kind: String,
    /// Everything that defines it: the words of the command, the text of the table or proxy file, the name of the count.
    pub definition: String,
}

/// The architecture of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Described {
    /// The name of the space it comes from; empty for a network that comes from none.
    pub space: String,
    /// Its text form in that space; empty for a network that comes from none.
    pub text: String,
    /// The canonical hash of the network: equal for networks that compute the same.
    pub hash: String,
    /// The decisions that make it, by path: `{"s1.0.kernel": 5, "act": "relu"}`.
    pub decisions: Map<String, Json>,
    /// The network: nodes in topological order, with operators, inputs and shapes, as in exported JSON files.
    pub network: RawNetwork,
}

/// What comes back: `value`, or `error` where there is none. Fields beside these are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The attempt of the request; nothing where the request could not be read that far.
    pub attempt: Option<u64>,
    /// The value, in the unit of the objective; finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Why there is no value. The request is not tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Seconds that the value took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl Described {
    /// A subject as a request describes it.
    pub fn new(subject: &Subject<'_>) -> Self {
        let decisions = (subject.decisions.iter())
            .map(|(path, value)| (path.clone(), serde_json::to_value(value).unwrap_or(Json::Null)))
            .collect();
        Self {
            space: subject.space.to_owned(),
            text: subject.architecture.to_owned(),
            hash: subject.network.canonical_hash().to_string(),
            decisions,
            network: subject.network.to_raw(),
        }
    }
}

/// Asks a child of `pool` for a value.
///
/// # Errors
/// No answer, an answer that tells an error, and one without a finite number; each names the program.
pub fn ask(pool: &Pool, wanted: &Wanted, subject: &Subject<'_>) -> Result<f64, ObjectiveError> {
    let mut request = Request {
        version: VERSION,
        attempt: 0,
        objective: wanted.clone(),
        architecture: Described::new(subject),
        seed: subject.seed,
        fidelity: subject.fidelity,
        resources: Map::new(),
    };
    let call = |attempt| {
        request.attempt = attempt;
        // Every map in a request has text for keys, so that nothing of it can fail.
        serde_json::to_value(&request).unwrap_or(Json::Null)
    };
    let answer = pool.call(call).map_err(|error| ObjectiveError(error.to_string()))?;
    let program = pool.command().words();
    match (&answer["error"], answer["value"].as_f64()) {
        (Json::Null, Some(value)) if value.is_finite() => Ok(value),
        (Json::Null, _) => Err(ObjectiveError(format!(
            "`{program}` answered without a finite number as `value`: {}",
            shortened(&answer.to_string())
        ))),
        (Json::String(reason), _) => Err(ObjectiveError(format!("`{program}` says: {}", shortened(reason)))),
        (other, _) => Err(ObjectiveError(format!("`{program}` says: {}", shortened(&other.to_string())))),
    }
}

/// Enough of a text to see what was meant.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(1000) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

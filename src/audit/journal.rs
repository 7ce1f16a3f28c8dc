//! The journal of an audit: every score as soon as it is there, a line of JSON each, so that an audit of hours goes on
//! where it was stopped or killed.
//!
//! A score stands under what decides it: the hash of the proxy's definition, of the data and of the seeds, the canonical
//! hash of the network, and its input shapes. Other definitions or seeds thus never answer.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::graph::{CanonicalHash, Shape};
use crate::proxy::{Conditions, Definition};

#[cfg(test)]
mod tests;

/// The name of the file in the folder of an audit.
pub const JOURNAL: &str = "scores.jsonl";

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("{path}: the scores cannot be kept: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of it is no score.
    #[error("{path}:{line}: this is no score of an audit: {source}; remove the line to have it measured again", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the reader says.
        source: serde_json::Error,
    },
}

/// A score that was measured, and what that took.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The score, as the proxy gave it; NaN where it gave none.
    pub value: f64,
    /// Why it gave none.
    pub reason: Option<String>,
    /// What else came up, by name.
    pub details: Vec<(String, f64)>,
    /// Seconds to build and score the network on the threads it had.
    pub seconds: f64,
    /// Bytes of the largest program that ran.
    pub bytes: u64,
    /// Floating-point operations of the programs that ran.
    pub operations: u64,
    /// Operations a second that the threads could do at best.
    pub peak: f64,
}

impl Known {
    /// A score for which nothing ran.
    pub(super) fn counted(value: f64, seconds: f64) -> Self {
        Self { value, reason: None, details: Vec::new(), seconds, bytes: 0, operations: 0, peak: 0.0 }
    }
}

/// What decides a score.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    key: String,
    class: String,
    inputs: Vec<String>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    proxy: String,
    key: String,
    class: String,
    inputs: Vec<String>,
    /// The network that was scored, of all that share the class.
    architecture: String,
    /// A number, or a text where it is not finite, since JSON has no such numbers.
    value: Json,
    details: Map<String, Json>,
    /// Why there is no score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    seconds: f64,
    bytes: u64,
    #[serde(default)]
    operations: u64,
    #[serde(default)]
    peak: f64,
}

/// The scores that are known, and the file that new ones are added to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    known: HashMap<Place, Known>,
    file: Mutex<File>,
}

/// What decides the scores of a proxy besides the network: its definition, the data and the seeds, as a hash.
pub fn definition_key(definition: &Definition, conditions: &Conditions) -> String {
    let Conditions { source, seed, data_seed, .. } = conditions;
    let all = json!([definition.to_yaml(), source, seed, data_seed]);
    blake3::hash(all.to_string().as_bytes()).to_hex()[..32].to_owned()
}

impl Journal {
    /// Opens or starts the journal in a folder. What a killed process left of its last line is cut off.
    ///
    /// # Errors
    /// A file that cannot be read or written, or holds a whole line that is no score.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(JOURNAL);
        let unusable = |source| JournalError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path).map_err(unusable)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(unusable)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(unusable)?;
        }
        let mut known = HashMap::new();
        for (index, line) in text[..whole].split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty())
        {
            let refuse = |source| JournalError::Line { path: path.clone(), line: index + 1, source };
            let line: Line = serde_json::from_slice(line).map_err(refuse)?;
            let read = |value: &Json| match value {
                Json::String(text) => text.parse().unwrap_or(f64::NAN),
                number => number.as_f64().unwrap_or(f64::NAN),
            };
            let scored = Known {
                value: read(&line.value),
                details: line.details.iter().map(|(name, value)| (name.clone(), read(value))).collect(),
                reason: line.reason,
                seconds: line.seconds,
                bytes: line.bytes,
                operations: line.operations,
                peak: line.peak,
            };
            let place = Place { key: line.key, class: line.class, inputs: line.inputs };
            known.insert(place, scored);
        }
        Ok(Self { path, known, file: Mutex::new(file) })
    }

    /// What was known of a network when the journal was opened.
    pub fn get(&self, key: &str, class: CanonicalHash, inputs: &[Shape]) -> Option<Known> {
        self.known.get(&Place { key: key.to_owned(), class: class.to_string(), inputs: texts(inputs) }).cloned()
    }

    /// Adds a score. It is with the system when this returns, so that only a machine that falls loses it.
    ///
    /// # Errors
    /// A file that cannot be written, for want of space for example.
    pub fn add(
        &self,
        proxy: &str,
        key: &str,
        class: CanonicalHash,
        inputs: &[Shape],
        architecture: &str,
        known: &Known,
    ) -> Result<(), JournalError> {
        let finite = |value: f64| if value.is_finite() { json!(value) } else { json!(value.to_string()) };
        let line = Line {
            proxy: proxy.to_owned(),
            key: key.to_owned(),
            class: class.to_string(),
            inputs: texts(inputs),
            architecture: architecture.to_owned(),
            value: finite(known.value),
            details: known.details.iter().map(|(name, value)| (name.clone(), finite(*value))).collect(),
            reason: known.reason.clone(),
            seconds: known.seconds,
            bytes: known.bytes,
            operations: known.operations,
            peak: known.peak,
        };
        let unusable = |source| JournalError::Io { path: self.path.clone(), source };
        let mut text = serde_json::to_vec(&line).map_err(|error| unusable(error.into()))?;
        text.push(b'\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text).map_err(unusable)
    }
}

fn texts(inputs: &[Shape]) -> Vec<String> {
    inputs.iter().map(Shape::to_string).collect()
}

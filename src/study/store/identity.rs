//! What makes a study the same study: everything of a config that decides its result, and how two of them differ.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// What is fixed when a study is created.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the search.
    pub name: String,
    /// The version of this program.
    pub version: String,
    /// The machine.
    pub host: String,
    /// The text of the config.
    pub config: String,
    /// The text of the space.
    pub space: String,
    /// What is optimised, in the order of the config.
    pub objectives: Vec<Goal>,
    /// What is limited, as a sentence each, in the order of the config.
    pub limits: Vec<String>,
    /// What decides the result, key by key.
    pub fingerprint: Vec<(String, String)>,
}

/// Something that is optimised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The name of the objective.
    pub name: String,
    /// Its unit; `1` for a plain number.
    pub unit: String,
    /// Whether more is better.
    pub higher: bool,
}

/// Keys that a study may be continued with another value of; a dot and more may follow.
const EXTENDABLE: [&str; 4] = ["evaluations", "workers", "architectures", "baselines"];

/// A key whose value differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its value in the study; nothing where it has none.
    pub from: Option<String>,
    /// Its value in the config; nothing where it has none.
    pub to: Option<String>,
}

impl Change {
    /// Whether the study may go on with it.
    pub fn is_extension(&self) -> bool {
        EXTENDABLE.contains(&self.key.split(['.', '[']).next().unwrap_or_default())
    }
}

/// Where two fingerprints differ, in the order of `old`, then of what only `new` has.
pub fn difference(old: &[(String, String)], new: &[(String, String)]) -> Vec<Change> {
    let value = |list: &[(String, String)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let added = new.iter().filter(|(key, _)| value(old, key).is_none());
    (old.iter().chain(added))
        .map(|(key, _)| Change { key: key.clone(), from: value(old, key), to: value(new, key) })
        .filter(|change| change.from != change.to)
        .collect()
}

/// Changes as a person reads them, at most 12 lines.
pub fn describe(changes: &[Change]) -> String {
    const MOST: usize = 12;
    let shown = if changes.len() > MOST { MOST - 1 } else { changes.len() };
    let mut text = String::new();
    for Change { key, from, to } in &changes[..shown] {
        let [from, to] = [from, to].map(|value| value.as_deref().unwrap_or("(absent)").replace('\n', " "));
        let _ = writeln!(text, "{key}: {from} -> {to}");
    }
    if shown < changes.len() {
        let _ = writeln!(text, "and {} more", changes.len() - shown);
    }
    text
}

//! The trials of a study in formats of others: for scripts, for spreadsheets, for the tools around Optuna; and its
//! [`members`] as architecture files.
//!
//! A format is a [`StudyExporter`] in a file of its own and a line in [`STUDY_EXPORTERS`]. It sees what the store holds, at
//! any time, and nothing else.

use std::fmt::Debug;
use std::path::Path;

use super::status::trials;
use super::store::{Event, Goal, Identity, STORE, Store, StoreError, Taken, ToldOutcome};

mod csv;
mod jsonl;
mod members;
mod optuna;

pub use members::{Choice, Exported, MembersError, members};

/// A format in which the trials of a study can be written.
pub trait StudyExporter: Debug + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// The name of its file.
    fn file(&self) -> &'static str;

    /// What it is good for, in a few words.
    fn about(&self) -> &'static str;

    /// The text of the file.
    fn render(&self, study: &Study) -> String;
}

/// Every format, in the order that help lists them.
pub static STUDY_EXPORTERS: &[&dyn StudyExporter] = &[&jsonl::JsonLines, &csv::Csv, &optuna::OptunaJournal];

/// The format of that name.
pub fn study_exporter(name: &str) -> Option<&'static dyn StudyExporter> {
    STUDY_EXPORTERS.iter().copied().find(|exporter| exporter.name() == name)
}

/// A study as the formats see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Study {
    /// What was fixed when it was created.
    pub identity: Identity,
    /// Its candidates in the order in which they were told.
    pub trials: Vec<Tried>,
}

/// A candidate and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// When it was told, in unix seconds.
    pub time: f64,
    /// Counted from 0.
    pub id: u64,
    /// Its architecture string.
    pub architecture: String,
    /// The canonical hash of its network.
    pub hash: String,
    /// Its decisions, in the order in which they were taken.
    pub decisions: Vec<Taken>,
    /// How thoroughly it was evaluated, above 0 and at most 1.
    pub fidelity: f64,
    /// Whether an earlier candidate with the same network settled it.
    pub cached: bool,
    /// Values of objectives and limited quantities, in their own direction and unit.
    pub values: Vec<(String, f64)>,
    /// What became of it.
    pub outcome: ToldOutcome,
    /// Whether it is on the front; of equal ones the first is.
    pub on_front: bool,
}

impl Study {
    /// Reads the study of a folder, while a search adds to it as well.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let (store, record) = Store::read(&folder.join(STORE))?;
        let mut study = Self::new(store.identity().clone(), store.events()?);
        let front = trials(&study.identity.objectives, &record).front;
        for index in front {
            study.trials[index].on_front = true;
        }
        Ok(study)
    }

    fn new(identity: Identity, events: Vec<(f64, Event)>) -> Self {
        let tried = |(time, event)| match event {
            Event::Told { trial, architecture, hash, decisions, fidelity, cached, values, outcome } => Some(Tried {
                time,
                id: trial,
                architecture,
                hash,
                decisions,
                fidelity,
                cached,
                values,
                outcome,
                on_front: false,
            }),
            _ => None,
        };
        Self { identity, trials: events.into_iter().filter_map(tried).collect() }
    }

    /// Names of everything that has values: objectives first, then what is limited or told of besides.
    fn quantities(&self) -> Vec<String> {
        let mut names: Vec<String> = self.identity.objectives.iter().map(|goal| goal.name.clone()).collect();
        for (name, _) in self.trials.iter().flat_map(|trial| &trial.values) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The unit of a quantity; nothing where it is a plain number, or neither objective nor limit tells.
    fn unit(&self, name: &str) -> Option<&str> {
        let goal = self.identity.objectives.iter().find(|goal| goal.name == name);
        let limited = || {
            self.identity.limits.iter().find_map(|limit| {
                let mut words = limit.split_whitespace();
                (words.next() == Some(name)).then(|| words.nth(2)).flatten()
            })
        };
        goal.map(|goal| goal.unit.as_str()).or_else(limited).filter(|unit| *unit != "1")
    }
}

impl Tried {
    /// The value of a quantity, where it is known.
    fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// The value of every objective; nothing where one is not known.
    fn objectives(&self, goals: &[Goal]) -> Option<Vec<f64>> {
        goals.iter().map(|goal| self.value(&goal.name)).collect()
    }

    /// By how much it breaks each limit, 0 where it keeps it; nothing where that was not found out.
    fn violations(&self, limits: usize) -> Option<Vec<f64>> {
        match &self.outcome {
            ToldOutcome::Complete => Some(vec![0.0; limits]),
            ToldOutcome::Infeasible { violations, .. } => Some(violations.clone()),
            ToldOutcome::Failed { .. } => None,
        }
    }

    /// What became of it, in a word, and why where it failed.
    fn outcome(&self) -> (&'static str, Option<&str>) {
        match &self.outcome {
            ToldOutcome::Complete => ("complete", None),
            ToldOutcome::Infeasible { .. } => ("infeasible", None),
            ToldOutcome::Failed { reason, .. } => ("failed", Some(reason)),
        }
    }
}

#[cfg(test)]
mod tests;

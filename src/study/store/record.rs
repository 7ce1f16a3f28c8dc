//! What the events of a study add up to: a pure fold, so that a resumed run knows exactly what the former one knew.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Event, ToldOutcome};
use crate::search::{Gene, Genotype};

/// A candidate and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What was decided.
    pub genotype: Genotype,
    /// Its architecture string.
    pub architecture: String,
    /// The canonical hash of its network.
    pub hash: String,
    /// How thoroughly it was evaluated.
    pub fidelity: f64,
    /// Whether an earlier candidate with the same network settled it.
    pub cached: bool,
    /// Values by name, in their own direction and unit.
    pub values: HashMap<String, f64>,
    /// What became of it.
    pub outcome: ToldOutcome,
}

/// How the last run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// Neither stopped nor finished: it runs, or was killed; the lock tells which.
    #[default]
    Open,
    /// It ended before its time, for this reason.
    Stopped(String),
    /// It has its result; see [`Event::Finished`].
    Finished {
        /// Members of the front.
        members: usize,
        /// How long the run took.
        seconds: f64,
        /// Whether the front is that of a choice graph.
        exact: bool,
    },
}

/// All that is known of a study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Candidates, in the order in which they were told.
    pub trials: Vec<Told>,
    /// How the last run stands.
    pub state: State,
    /// What the config says now: as of the creation, with all extensions.
    pub identity: Vec<(String, String)>,
    readings: HashMap<(String, String, u64, u64), f64>,
}

impl Record {
    /// The record of a new study.
    pub(in crate::study) fn new(identity: Vec<(String, String)>) -> Self {
        Self { identity, ..Self::default() }
    }

    /// The value of an objective that was measured before: by network hash, hash of the definition, fidelity and seed.
    pub fn reading(&self, hash: &str, definition: &str, fidelity: f64, seed: u64) -> Option<f64> {
        self.readings.get(&(hash.to_owned(), definition.to_owned(), fidelity.to_bits(), seed)).copied()
    }

    /// Takes in the next event; `Err` says why it cannot follow on those before.
    pub(super) fn push(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Opened { .. } => self.state = State::Open,
            Event::Evaluated { hash, fidelity, seed, readings, .. } => {
                for (_, definition, value, _) in readings {
                    // The first value stands: candidates may have been told by it.
                    self.readings.entry((hash.clone(), definition, fidelity.to_bits(), seed)).or_insert(value);
                }
            }
            Event::Told { trial, architecture, hash, decisions, fidelity, cached, values, outcome } => {
                if trial != self.trials.len() as u64 {
                    return Err(format!("candidate {trial} follows on {} candidates", self.trials.len()));
                }
                let gene = |taken: super::Taken| Gene { path: Arc::from(taken.path), option: taken.option };
                self.trials.push(Told {
                    genotype: decisions.into_iter().map(gene).collect(),
                    architecture,
                    hash,
                    fidelity,
                    cached,
                    values: values.into_iter().collect(),
                    outcome,
                });
            }
            Event::Extended { changes } => {
                for (key, _, to) in changes {
                    match self.identity.iter().position(|(name, _)| *name == key) {
                        Some(at) if to.is_empty() => drop(self.identity.remove(at)),
                        Some(at) => self.identity[at].1 = to,
                        None => self.identity.push((key, to)),
                    }
                }
            }
            Event::Stopped { reason } => self.state = State::Stopped(reason),
            Event::Finished { members, seconds, exact } => self.state = State::Finished { members, seconds, exact },
        }
        Ok(())
    }
}

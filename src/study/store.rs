//! Stand-in for the store.
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::search::{Gene, Genotype};

/// One decision of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Path.
    pub path: String,
    /// Option.
    pub option: usize,
    /// Value.
    pub value: Json,
}

/// Outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub enum ToldOutcome {
    /// c
    Complete,
    /// i
    Infeasible {
        /// v
        violations: Vec<f64>,
        /// s
        screened: bool,
    },
    /// f
    Failed {
        /// r
        reason: String,
        /// whether nothing was evaluated
        screened: bool,
    },
}

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// e
    Evaluated {
        /// t
        trial: u64,
        /// h
        hash: String,
        /// f
        fidelity: f64,
        /// s
        seed: u64,
        /// (objective, definition, value, seconds)
        readings: Vec<(String, String, f64, f64)>,
    },
    /// t
    Told {
        /// t
        trial: u64,
        /// a
        architecture: String,
        /// h
        hash: String,
        /// d
        decisions: Vec<Taken>,
        /// f
        fidelity: f64,
        /// c
        cached: bool,
        /// v
        values: Vec<(String, f64)>,
        /// o
        outcome: ToldOutcome,
    },
    /// s
    Stopped {
        /// r
        reason: String,
    },
    /// f
    Finished {
        /// m
        members: usize,
        /// s
        seconds: f64,
    },
}

/// Told trial
#[derive(Clone, Debug)]
pub struct Told {
    /// g
    pub genotype: Genotype,
    /// a
    pub architecture: String,
    /// h
    pub hash: String,
    /// f
    pub fidelity: f64,
    /// c
    pub cached: bool,
    /// v
    pub values: HashMap<String, f64>,
    /// o
    pub outcome: ToldOutcome,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// trials
    pub trials: Vec<Told>,
    readings: HashMap<(String, String, u64, u64), f64>,
}

impl Record {
    /// A reading.
    pub fn reading(&self, hash: &str, definition: &str, fidelity: f64, seed: u64) -> Option<f64> {
        self.readings.get(&(hash.to_owned(), definition.to_owned(), fidelity.to_bits(), seed)).copied()
    }
    fn push(&mut self, event: Event) {
        match event {
            Event::Evaluated { hash, fidelity, seed, readings, .. } => {
                for (_, definition, value, _) in readings {
                    self.readings.insert((hash.clone(), definition, fidelity.to_bits(), seed), value);
                }
            }
            Event::Told { architecture, hash, decisions, fidelity, cached, values, outcome, .. } => {
                let genotype =
                    decisions.into_iter().map(|t| Gene { path: Arc::from(t.path), option: t.option }).collect();
                let values = values.into_iter().collect();
                self.trials.push(Told { genotype, architecture, hash, fidelity, cached, values, outcome });
            }
            _ => {}
        }
    }
}

/// The store.
#[derive(Debug)]
pub struct Store {
    file: std::fs::File,
}

impl Store {
    /// o
    pub fn open(path: &Path) -> std::io::Result<(Self, Record)> {
        let mut record = Record::default();
        if let Ok(file) = std::fs::File::open(path) {
            for line in std::io::BufReader::new(file).lines() {
                if let Ok(event) = serde_json::from_str(&line?) {
                    record.push(event);
                }
            }
        }
        Ok((Self { file: std::fs::OpenOptions::new().create(true).append(true).open(path)? }, record))
    }
    /// r
    pub fn record(&mut self, events: &[Event]) -> std::io::Result<()> {
        for event in events {
            let mut line = serde_json::to_string(event)?;
            line.push('\n');
            self.file.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

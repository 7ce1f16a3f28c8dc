//! What a run writes as it goes: the store, from which it resumes, and the log beside it.

use std::path::Path;

use super::StudyError;
use super::judged::Judged;
use super::log::Log;
use super::outputs::write_error;
use super::store::{Event, Record, Store, Taken, ToldOutcome};
use crate::config::SearchConfig;

/// What may become of a study that the folder holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// It is continued if its config is the same.
    Same,
    /// It is continued with a config that differs where that changes no candidate.
    Extend,
    /// It is started over.
    New,
}

/// The record of a run, open for writing.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    record: Record,
    log: Log,
}

impl Journal {
    /// Opens the study of a folder, or begins one.
    ///
    /// # Errors
    /// [`StudyError::Folder`] where it cannot be written, is in use, or belongs to another config.
    pub fn open(
        folder: &Path,
        _config: &SearchConfig,
        continuation: Continuation,
        _command: &str,
    ) -> Result<Self, StudyError> {
        let path = folder.join("study.stub");
        if continuation == Continuation::New {
            let _ = std::fs::remove_file(&path);
        }
        let (store, record) = Store::open(&path).map_err(|error| write_error(&path, error))?;
        let log = Log::open(folder).map_err(|error| write_error(folder, error))?;
        Ok(Self { store, record, log })
    }

    /// What an earlier run had recorded, in a line; nothing for a new study.
    pub fn resumed(&self) -> Option<String> {
        let trials = self.record.trials.len();
        (trials > 0).then(|| format!("continuing a study with {trials} candidates on record"))
    }

    /// What earlier runs recorded.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Records events, all or none, and logs them.
    pub(super) fn write(&mut self, events: &[Event]) -> Result<(), StudyError> {
        self.store.record(events).map_err(|error| write_error(Path::new("study.sqlite"), error))?;
        for event in events {
            self.log.write("info", event);
        }
        Ok(())
    }

    /// The run ends before its time.
    pub(super) fn stopped(&mut self, reason: &str) -> Result<(), StudyError> {
        self.write(&[Event::Stopped { reason: reason.to_owned() }])
    }

    /// The run has its result.
    pub(super) fn finished(&mut self, members: usize, seconds: f64) -> Result<(), StudyError> {
        self.write(&[Event::Finished { members, seconds }])
    }

    /// Members of an exact front, as if they had been tried; the first ten thousand of them, once.
    pub(super) fn members(&mut self, config: &SearchConfig, members: &[Judged]) -> Result<(), StudyError> {
        const MOST: usize = 10_000;
        if !self.record.trials.is_empty() {
            return Ok(());
        }
        let event = |(trial, judged): (usize, &Judged)| Event::Told {
            trial: trial as u64,
            architecture: judged.member.architecture.clone(),
            hash: judged.member.hash.clone(),
            decisions: (judged.architecture.decisions.iter())
                .map(|decision| Taken {
                    path: decision.path.clone(),
                    option: decision.option,
                    value: serde_json::to_value(&decision.value).unwrap_or_default(),
                })
                .collect(),
            fidelity: 1.0,
            cached: false,
            values: config.named().map(|named| named.name().to_owned()).zip(judged.values.iter().copied()).collect(),
            outcome: ToldOutcome::Complete,
        };
        let events: Vec<Event> = members.iter().take(MOST).enumerate().map(event).collect();
        self.write(&events)
    }
}

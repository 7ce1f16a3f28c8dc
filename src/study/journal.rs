//! What a run writes as it goes: the store, from which it resumes, and the log beside it.

use std::fs;
use std::path::Path;

use super::StudyError;
use super::judged::Judged;
use super::lock::{Lock, host};
use super::log::{LOG, Log};
use super::outputs::write_error;
use super::store::{
    Change, Event, Goal, Identity, Record, STORE, Store, Taken, ToldOutcome, describe, difference, with_companions,
};
use crate::config::SearchConfig;
use crate::objective::{Direction, Objective};

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
    /// Nobody else writes meanwhile.
    _lock: Lock,
}

impl Journal {
    /// Opens the study of a folder, or begins one.
    ///
    /// # Errors
    /// [`StudyError::Folder`] where it cannot be written, is in use, or belongs to another config.
    pub fn open(
        folder: &Path,
        config: &SearchConfig,
        continuation: Continuation,
        command: &str,
    ) -> Result<Self, StudyError> {
        let lock = Lock::take(folder, command)?;
        let path = folder.join(STORE);
        if continuation == Continuation::New {
            set_aside(&path)?;
        }
        let identity = Identity {
            name: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
            config: config.text().to_owned(),
            space: config.space.text().to_owned(),
            objectives: config.objectives.iter().map(|objective| goal(objective.as_ref())).collect(),
            limits: config.limits.iter().map(ToString::to_string).collect(),
            fingerprint: config.fingerprint(),
        };
        let exists = path.metadata().is_ok_and(|file| file.len() > 0);
        let (store, record) = if exists {
            Store::open(&path)?
        } else {
            if continuation != Continuation::New {
                refuse_results_without_a_study(folder)?;
            }
            let store = Store::create(&path, &identity)?;
            (store, Record::new(identity.fingerprint.clone()))
        };
        let log = Log::open(folder).map_err(|error| write_error(&folder.join(LOG), error))?;
        let mut journal = Self { store, record, log, _lock: lock };
        let changes = difference(&journal.record.identity, &identity.fingerprint);
        if !changes.is_empty() {
            if continuation != Continuation::Extend || !changes.iter().all(Change::is_extension) {
                return Err(refuse(folder, &changes));
            }
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let changes = changes.iter().map(|c| (c.key.clone(), text(&c.from), text(&c.to))).collect();
            journal.write(&[Event::Extended { changes }])?;
        }
        let Identity { host, version, .. } = identity;
        journal.write(&[Event::Opened { pid: std::process::id(), host, version }])?;
        Ok(journal)
    }

    /// What earlier runs recorded.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Records events, all or none, and logs them.
    pub(super) fn write(&mut self, events: &[Event]) -> Result<(), StudyError> {
        self.store.record(events)?;
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
    pub(super) fn finished(&mut self, members: usize, seconds: f64, exact: bool) -> Result<(), StudyError> {
        self.write(&[Event::Finished { members, seconds, exact }])
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

fn goal(objective: &dyn Objective) -> Goal {
    Goal {
        name: objective.name().to_owned(),
        unit: objective.unit().to_owned(),
        higher: objective.direction() == Direction::Higher,
    }
}

/// A study that is started over is kept under another name until the next time.
fn set_aside(path: &Path) -> Result<(), StudyError> {
    if !path.exists() {
        return Ok(());
    }
    let aside = path.with_extension("previous.sqlite");
    for (from, to) in with_companions(path).into_iter().zip(with_companions(&aside)) {
        let moved = if from.exists() { fs::rename(&from, &to) } else { fs::remove_file(&to).or(Ok(())) };
        moved.map_err(|error| write_error(&from, error))?;
    }
    Ok(())
}

/// Results that nothing here can have written are not written over.
fn refuse_results_without_a_study(folder: &Path) -> Result<(), StudyError> {
    if !folder.join("front.json").exists() {
        return Ok(());
    }
    Err(StudyError::Folder {
        message: format!("`{}` holds results, but no study that says which config made them", folder.display()),
        help: "choose another folder with --out, or pass --new to replace what is there".to_owned(),
    })
}

fn refuse(folder: &Path, changes: &[Change]) -> StudyError {
    let extendable = changes.iter().all(Change::is_extension);
    StudyError::Folder {
        message: format!(
            "`{}` holds the results of another config:\n{}",
            folder.display(),
            describe(changes).trim_end()
        ),
        help: if extendable {
            "pass --extend to go on with it, --new to start over, or choose another folder with --out".to_owned()
        } else {
            "choose another folder with --out, or pass --new to start over".to_owned()
        },
    }
}

//! The journal of a profile: every measurement as soon as it is there, a line of JSON each, synced to the disk, so that
//! a profile goes on where it was stopped, killed, or lost its cable.
//!
//! Lines are only ever added. What counts and what has to be repeated follows from them alone (`drift`).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Conditions, Device, Measured};

/// The name of the file in the folder of a profile.
pub const JOURNAL: &str = "profile.jsonl";

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A command began, or went on.
    Session {
        /// The runner, as the user named it.
        runner: String,
        /// What it runs on.
        device: Device,
        /// Counted runs in a go.
        #[serde(default)]
        runs: u32,
    },
    /// The reference operator was measured.
    Reference {
        /// Its time.
        measured: Measured,
    },
    /// A benchmark was measured once more.
    Window {
        /// The benchmark.
        key: String,
        /// What a person calls it.
        name: String,
        /// Its times.
        measured: Measured,
    },
    /// A benchmark does not run.
    Failed {
        /// The benchmark.
        key: String,
        /// What a person calls it.
        name: String,
        /// Why.
        reason: String,
    },
    /// Clocks and temperatures.
    Conditions {
        /// What the device told.
        conditions: Conditions,
    },
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("{}: the measurements cannot be kept: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of it is no event.
    #[error("{}:{line}: this is no line of a profile: {source}; remove it", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the reader says.
        source: serde_json::Error,
    },
    /// It was made elsewhere.
    #[error(
        "{}: holds measurements of another {what}: `{theirs}`, not `{ours}`; measure as it was, or choose another \
         folder with --dir",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// As the journal has it.
        theirs: String,
        /// As it is now.
        ours: String,
    },
}

/// What happened so far, and the file that it is added to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    events: Vec<Event>,
    file: File,
}

impl Journal {
    /// Opens or starts the journal in a folder. What a killed process left of its last line is cut off.
    ///
    /// # Errors
    /// A file that cannot be read or written, or holds a whole line that is no event.
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
        let lines = text[..whole].split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
        let events = lines
            .map(|(index, line)| {
                serde_json::from_slice(line).map_err(|source| JournalError::Line {
                    path: path.clone(),
                    line: index + 1,
                    source,
                })
            })
            .collect::<Result<Vec<Event>, _>>()?;
        Ok(Self { path, events, file })
    }

    /// Notes that a command begins.
    ///
    /// # Errors
    /// A journal with measurements of another device, runtime, command, core set or number of runs, and a file that cannot
    /// be written.
    pub fn begin(&mut self, runner: &str, device: &Device, runs: u32) -> Result<(), JournalError> {
        if let Some((first, theirs)) = measured_by(&self.events) {
            let (theirs, ours) = (theirs.to_string(), runs.to_string());
            for (what, theirs, ours) in [
                ("device", &first.device, &device.device),
                ("system on chip", &first.soc, &device.soc),
                ("system", &first.system, &device.system),
                ("runtime", &first.runtime, &device.runtime),
                ("core set", &first.cores, &device.cores),
                ("precision", &first.precision, &device.precision),
                ("command", &first.command, &device.command),
                ("number of runs in a go", &theirs, &ours),
            ] {
                if theirs != ours {
                    let (path, theirs, ours) = (self.path.clone(), theirs.clone(), ours.clone());
                    return Err(JournalError::Other { path, what, theirs, ours });
                }
            }
        }
        self.add(Event::Session { runner: runner.to_owned(), device: device.clone(), runs })
    }

    /// Adds an event. It is on the disk when this returns.
    ///
    /// # Errors
    /// A file that cannot be written, for want of space for example.
    pub fn add(&mut self, event: Event) -> Result<(), JournalError> {
        let unusable = |source| JournalError::Io { path: self.path.clone(), source };
        let mut text = serde_json::to_vec(&event).map_err(|error| unusable(error.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(unusable)?;
        self.events.push(event);
        Ok(())
    }

    /// Everything that happened, first things first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What measured first, and how many runs in a go: whatever is added has to agree. A session without measurements binds
/// nobody.
pub(super) fn measured_by(events: &[Event]) -> Option<(&Device, u32)> {
    let first = events.iter().position(|event| matches!(event, Event::Reference { .. } | Event::Window { .. }))?;
    events[..first].iter().rev().find_map(|event| match event {
        Event::Session { device, runs, .. } => Some((device, *runs)),
        _ => None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn device(cores: &str) -> Device {
        let [device, soc, system, runtime, precision] = ["phone", "chip", "os", "run 1", "float"].map(str::to_owned);
        Device { device, soc, system, runtime, cores: cores.to_owned(), precision, command: String::new() }
    }

    fn reference() -> Event {
        Event::Reference { measured: Measured { times: vec![1.0], ..Measured::default() } }
    }

    #[test]
    fn what_was_measured_is_there_again_without_the_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let measured = Measured { times: vec![0.1 + 0.2, 1e-7], ..Measured::default() };
        let mut journal = Journal::open(folder.path()).unwrap();
        journal.begin("host", &device("cpu1"), 10).unwrap();
        journal.add(Event::Reference { measured: measured.clone() }).unwrap();
        journal.add(Event::Window { key: "k".into(), name: "n".into(), measured }).unwrap();
        let conditions = Conditions {
            clocks_mhz: [("cpu7".to_owned(), 2730.5)].into(),
            celsius: [("skin".to_owned(), 31.25)].into(),
        };
        journal.add(Event::Conditions { conditions }).unwrap();
        let events = journal.events().to_vec();
        drop(journal);
        let path = folder.path().join(JOURNAL);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"event\":\"refer"].concat()).unwrap();
        assert_eq!(Journal::open(folder.path()).unwrap().events(), events);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn measurements_of_another_device_are_not_mixed_in() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        // A first try that came to nothing binds nobody.
        journal.begin("host", &device("cpu0"), 10).unwrap();
        journal.begin("host", &device("cpu1"), 10).unwrap();
        journal.add(reference()).unwrap();
        journal.begin("host", &device("cpu1"), 10).unwrap();
        let command = "bench {model} -x; onnx models".to_owned();
        for (other, runs, said) in [
            (device("cpu0"), 10, "another core set: `cpu1`, not `cpu0`; measure as it was, or choose another folder"),
            (Device { command, ..device("cpu1") }, 10, "another command: ``, not `bench {model} -x; onnx models`"),
            (device("cpu1"), 1, "another number of runs in a go: `10`, not `1`"),
        ] {
            let error = journal.begin("host", &other, runs).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(JOURNAL), "{\"event\":\"reference\",\"measured\":{}}\n{\"event\":\"x\"}\n")
            .unwrap();
        let error = Journal::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("profile.jsonl:2: this is no line of a profile"), "{error}");
    }
}

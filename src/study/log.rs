//! The log of a study: what happened, one JSON object a line, for whoever reads logs by machine. It repeats what the store
//! records and adds nothing, so losing it loses nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value as Json, json};

/// The name of the file in the output folder.
pub const LOG: &str = "study.log.jsonl";

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
}

impl Log {
    /// Opens the log of a folder, to go on at its end.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(folder.join(LOG))?;
        Ok(Self { file })
    }

    /// Adds a line: when, how grave, and the fields of the event.
    pub(super) fn write(&mut self, level: &str, event: &impl Serialize) {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let mut line = json!({"time": time, "level": level});
        match serde_json::to_value(event) {
            Ok(Json::Object(fields)) => line.as_object_mut().into_iter().for_each(|line| line.extend(fields.clone())),
            Ok(other) => line["event"] = other,
            Err(_) => return,
        }
        let mut text = line.to_string();
        text.push('\n');
        // A log that cannot be written is no reason to stop a search whose results are recorded elsewhere.
        let _ = self.file.write_all(text.as_bytes());
    }
}

//! What a child writes, line by line: answers are told from everything else, and no line can fill the memory.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use serde_json::Value;

/// Longest line that is read, in bytes: 16 MiB.
pub(super) const LONGEST: usize = 16 << 20;

/// How much of a line a message shows, in characters.
const SHOWN: usize = 300;

/// How many lines a message shows.
const REMEMBERED: usize = 8;

/// What a line on stdout is.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A JSON object with an `attempt`.
    Answer {
        /// The attempt.
        attempt: u64,
        /// The whole object.
        answer: Value,
    },
    /// Meant as an answer, but none: what is wrong with it.
    Unusable(String),
    /// Something that the program says to nobody in particular.
    Remark(String),
}

impl Line {
    /// What a line is. A JSON object that only looks like an answer, and a line that only looks like JSON, are told
    /// at once, since waiting for a better one would be in vain.
    /// In a line that the end of the program cut off (`whole` is false) nothing looks like an answer but an answer.
    pub(super) fn of(bytes: &[u8], whole: bool) -> Self {
        let text = shown(bytes);
        match serde_json::from_slice::<Value>(bytes) {
            Ok(answer @ Value::Object(_)) => match &answer["attempt"] {
                Value::Null if answer.get("value").is_none() && answer.get("error").is_none() => Self::Remark(text),
                attempt => match attempt.as_u64() {
                    Some(attempt) => Self::Answer { attempt, answer },
                    None => Self::Unusable(format!(
                        "it answered without the request's `attempt`, which has to be copied as it is: {text}"
                    )),
                },
            },
            Err(error) if whole && text.starts_with('{') && text.contains("attempt") => {
                Self::Unusable(format!("its answer is not JSON ({error}; numbers have to be finite): {text}"))
            }
            _ => Self::Remark(text),
        }
    }
}

/// The next line without its end, and whether it had one; nothing at the end.
///
/// # Errors
/// A line that is longer than [`LONGEST`] (as [`io::ErrorKind::FileTooLarge`]), and what the reader says.
pub(super) fn next(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    loop {
        let chunk = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if chunk.is_empty() {
            return Ok((!line.is_empty()).then_some(false));
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len() + taken > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        line.extend_from_slice(&chunk[..taken]);
        reader.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(true));
        }
    }
}

/// The start of a line as messages show it.
pub(super) fn shown(bytes: &[u8]) -> String {
    // Four bytes are enough for any character.
    let start = &bytes[..bytes.len().min(4 * SHOWN)];
    let text = String::from_utf8_lossy(start);
    let text = text.trim();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None if start.len() < bytes.len() => format!("{text} …"),
        None => text.to_owned(),
    }
}

/// The last few lines that were said.
#[derive(Debug, Default)]
pub(super) struct Remarks(VecDeque<String>);

impl Remarks {
    pub(super) fn push(&mut self, line: String) {
        if line.is_empty() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

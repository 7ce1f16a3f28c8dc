//! `command:`: an objective that a program of the user's answers, found and checked before anything runs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::{Check, Named};
use crate::objective::{Direction, Program, ProgramSettings};
use crate::process::Command;
use crate::yaml::{Field, Kind, Node, nearest};

static TEXT: Kind = Kind::Text;
static WORD: Kind = Kind::Either(&[&Kind::Text, &Kind::Int { min: i64::MIN, max: i64::MAX }]);

/// The keys of such an objective, `label` apart.
pub(super) const FIELDS: [Field; 6] = [
    Field {
        name: "command",
        kind: &Kind::List(&WORD, 1),
        required: true,
        doc: "the words of a command that reads one JSON request a line and prints one JSON answer a line; it runs in the folder of this file",
    },
    Field {
        name: "better",
        kind: &Kind::Word(&["higher", "lower"]),
        required: true,
        doc: "which values are the better ones",
    },
    Field { name: "unit", kind: &TEXT, required: false, doc: "the unit of its values, 1 by default: a plain number" },
    Field {
        name: "timeout",
        kind: &TEXT,
        required: false,
        doc: "how long one answer may take, such as `30 s`, `10 min` (the default) or `2 h`",
    },
    Field {
        name: "retries",
        kind: &Kind::Int { min: 0, max: 100 },
        required: false,
        doc: "how often a request is tried again after the program died, hung or wrote nonsense, 1 by default",
    },
    Field {
        name: "stand_in",
        kind: &TEXT,
        required: false,
        doc: "an objective or quantity that adds up; its exact front is where the search for this one starts",
    },
];

/// How long an answer may take unless the config says otherwise.
const TIMEOUT: Duration = Duration::from_secs(600);

impl Check<'_> {
    /// The program that an objective's `command:` names.
    pub(super) fn program(&mut self, name: &str, label: Option<String>, spec: &Node, path: &str) -> Option<Program> {
        let command = spec.get("command")?;
        let words: Vec<String> = (command.items().iter())
            .filter_map(|word| word.text().map(str::to_owned).or_else(|| word.int().map(|int| int.to_string())))
            .collect();
        let program = self.executable(command.items().first()?, &format!("{path}.command[0]"))?;
        let timeout = match spec.get("timeout") {
            Some(node) => self.timeout(node, &format!("{path}.timeout"))?,
            None => TIMEOUT,
        };
        let directory = absolute(self.folder);
        let settings = ProgramSettings {
            command: Command { program, args: words.get(1..)?.to_vec(), directory },
            words,
            unit: spec.get("unit").and_then(Node::text).unwrap_or("1").to_owned(),
            direction: match spec.get("better")?.text()? {
                "higher" => Direction::Higher,
                _ => Direction::Lower,
            },
            timeout,
            retries: spec.get("retries").and_then(Node::int).and_then(|retries| retries.try_into().ok()).unwrap_or(1),
            stand_in: spec.get("stand_in").and_then(Node::text).map(str::to_owned),
        };
        let program = Program::new(name, label, settings);
        Some(match self.workers {
            Some(workers) => program.with_workers(workers),
            None => program,
        })
    }

    /// The first word of a command: a path where it holds a slash, otherwise a name to be found in `PATH`.
    fn executable(&mut self, node: &Node, path: &str) -> Option<PathBuf> {
        let word = node.text()?;
        if word.contains('/') {
            let file = absolute(&self.folder.join(word));
            let (message, help) = match file.metadata() {
                Err(error) => (
                    format!("there is no program `{word}`: {error}"),
                    format!("it is looked for as {}", file.display()),
                ),
                Ok(data) if !data.is_file() => {
                    (format!("`{word}` is no program: it is no file"), "name the program itself".to_owned())
                }
                Ok(_) if !runs(&file) => {
                    let help = format!("run `chmod +x {}`, or name its interpreter first", file.display());
                    (format!("`{word}` may not be executed"), help)
                }
                Ok(_) => return Some(file),
            };
            self.problems.at(node, path, message, help);
            return None;
        }
        let folders = std::env::var_os("PATH").unwrap_or_default();
        if !word.is_empty() && std::env::split_paths(&folders).any(|folder| runs(&folder.join(word))) {
            return Some(PathBuf::from(word));
        }
        let message = format!("there is no program `{word}` in any folder of PATH");
        let help = if self.folder.join(word).is_file() {
            format!("for the file beside this one write `./{word}`")
        } else {
            "install it, or write a path with a `/` in it, which is looked up from the folder of this file".to_owned()
        };
        self.problems.at(node, path, message, help);
        None
    }

    fn timeout(&mut self, node: &Node, path: &str) -> Option<Duration> {
        let text = node.text()?;
        let timeout = duration(text);
        if timeout.is_none() {
            let help = "write a number above 0 with `s`, `min` or `h`, for example `10 min`";
            self.problems.at(node, path, format!("`{text}` is no time to wait for"), help);
        }
        timeout
    }

    /// A stand-in is another objective or quantity of the file, and one that adds up.
    pub(super) fn stand_ins(&mut self, root: &Node, objectives: &Named, quantities: &Named) {
        for group in ["objectives", "quantities"] {
            for (key, spec) in root.get(group).map_or(&[][..], Node::entries) {
                let Some((node, wanted)) = spec.get("stand_in").and_then(|node| Some((node, node.text()?))) else {
                    continue;
                };
                let named = || objectives.iter().chain(quantities);
                let path = format!("{group}.{}.stand_in", key.text);
                match named().find(|(name, _)| name == wanted) {
                    None => {
                        let help = nearest(wanted, named().map(|(name, _)| name.as_str()).filter(|n| *n != key.text));
                        self.problems.at(node, &path, format!("`{wanted}` is no objective and no quantity"), help);
                    }
                    Some((_, Some(other))) if other.additive().is_none() => {
                        let message = format!("`{wanted}` cannot stand in for `{}`: it does not add up", key.text);
                        let help = "name a latency table, a proxy or a count; add it to `quantities:` if need be";
                        self.problems.at(node, &path, message, help);
                    }
                    Some(_) => {}
                }
            }
        }
    }
}

/// The path from the root, which stays right whatever folder a program runs in.
fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Whether a path is a file that somebody may execute.
fn runs(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// A number with `ms`, `s`, `min` or `h`.
fn duration(text: &str) -> Option<Duration> {
    let number = text.trim_end().trim_end_matches(char::is_alphabetic);
    let seconds = match text[number.len()..].trim() {
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let value: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(value * seconds).ok().filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, seconds) in [("10 min", 600.0), ("30s", 30.0), ("0.5 h", 1800.0), ("250 ms", 0.25), (" 1e3 s ", 1e3)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "s", "10", "10 m", "0 s", "-1 s", "nan s", "inf s", "1e300 h", "ten s", "10 min 5 s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}

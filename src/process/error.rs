//! What went wrong with a call, told so that the author of the program can mend it.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a child gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The program could not be started.
    Start(String),
    /// It ended before it answered; nothing where it closed its output and would not end.
    Ended(Option<ExitStatus>),
    /// It did not answer in time.
    Timeout(Duration),
    /// It wrote something that cannot be an answer.
    Unusable(String),
    /// This program is about to end.
    Stopping,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(reason) => write!(f, "it could not be started: {reason}"),
            Self::Ended(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "it ended with exit code {code} before it answered"),
                (None, Some(signal)) => write!(f, "it was ended by signal {signal} before it answered"),
                (None, None) => write!(f, "it ended before it answered"),
            },
            Self::Ended(None) => write!(f, "it closed its output before it answered"),
            Self::Timeout(limit) => write!(f, "it gave no answer within {} s", limit.as_secs_f64()),
            Self::Unusable(what) => f.write_str(what),
            Self::Stopping => write!(f, "pocketnas is about to end"),
        }
    }
}

/// One start that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub trouble: Trouble,
    /// The last lines on stdout that were no answers, shortened.
    pub stdout: Vec<String>,
    /// The last lines on stderr, shortened.
    pub stderr: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trouble)?;
        for (name, lines) in [("stderr", &self.stderr), ("stdout", &self.stdout)] {
            if !lines.is_empty() {
                write!(f, "; last on {name}: {}", lines.join(" | "))?;
            }
        }
        Ok(())
    }
}

/// A request without an answer: what happened at each start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CallError {
    /// The command, as the user wrote it.
    pub program: String,
    /// What happened, first start first; never empty.
    pub failures: Vec<Failure>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` gave no answer: ", self.program)?;
        match &self.failures[..] {
            [only] => write!(f, "{only}"),
            many => {
                for (index, failure) in many.iter().enumerate() {
                    write!(f, "{}start {}: {failure}", if index == 0 { "" } else { "; " }, index + 1)?;
                }
                Ok(())
            }
        }
    }
}

//! Values that a program of the user's answers: accuracy after training, a measurement, anything that honours the
//! contract of `request.rs`.

use std::path::Path;
use std::time::Duration;

use super::request::{Wanted, ask};
use super::{Additive, Direction, Objective, ObjectiveError, Origin, Subject};
use crate::graph::Network;
use crate::process::{Command, Pool};

/// How a program is called, and what its values mean.
#[derive(Clone, Debug)]
pub struct ProgramSettings {
    /// The words of the command as the user wrote them.
    pub words: Vec<String>,
    /// What they stand for: the program that was found, and the folder that other words are relative to.
    pub command: Command,
    /// The unit of the values; `1` for plain numbers.
    pub unit: String,
    /// Which values are the better ones.
    pub direction: Direction,
    /// How long one try may take, the start of the program included.
    pub timeout: Duration,
    /// How often a request is tried again after the program died, hung or wrote nonsense.
    pub retries: u32,
    /// The objective or quantity whose values stand in for this one where a search starts from an exact front.
    pub stand_in: Option<String>,
}

/// A user's program as an objective. Its processes start with the first value that is asked for.
#[derive(Debug)]
pub struct Program {
    name: String,
    label: String,
    settings: ProgramSettings,
    wanted: Wanted,
    origin: Origin,
    pool: Pool,
}

impl Program {
    /// The program under the user's name and label for its values. As many run at once as there are cores.
    pub fn new(name: impl Into<String>, label: Option<String>, settings: ProgramSettings) -> Self {
        let (name, words) = (name.into(), settings.words.join(" "));
        let origin = Origin {
            kind: "program",
            name: words.clone(),
            about: format!("whatever `{words}` answers"),
            hash: hash(&settings),
        };
        let wanted = Wanted { name: name.clone(), kind: origin.kind.to_owned(), definition: words };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Pool::new(settings.command.clone(), cores, settings.timeout, settings.retries);
        Self { label: label.unwrap_or_else(|| name.clone()), name, settings, wanted, origin, pool }
    }

    /// The same objective with at most so many processes at once.
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.pool = self.pool.with_processes(workers);
        self
    }

    /// The processes.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl Objective for Program {
    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.label.clone()
    }

    fn unit(&self) -> &str {
        &self.settings.unit
    }

    fn direction(&self) -> Direction {
        self.settings.direction
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The value of a network that comes from no space: its text and its decisions are empty in the request.
    fn value(&self, network: &Network) -> Result<f64, ObjectiveError> {
        self.evaluate(&Subject { network, space: "", architecture: "", decisions: &[], seed: 0, fidelity: 1.0 })
    }

    fn evaluate(&self, subject: &Subject<'_>) -> Result<f64, ObjectiveError> {
        ask(&self.pool, &self.wanted, subject)
    }

    fn cheap(&self) -> bool {
        false
    }

    fn by_block(&self, _network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        Err(ObjectiveError(format!("`{}` says nothing about single blocks", self.origin.name)))
    }

    fn additive(&self) -> Option<&dyn Additive> {
        None
    }

    fn stand_in(&self) -> Option<&str> {
        self.settings.stand_in.as_deref()
    }
}

/// BLAKE3 of all that decides the values and what becomes of them: the words, the bytes of those words that are files,
/// the unit, the direction and the stand-in.
fn hash(settings: &ProgramSettings) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut entry = |text: &str, file: Option<&Path>| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
        let content = file.filter(|file| file.is_file()).and_then(|file| std::fs::File::open(file).ok());
        let mut own = blake3::Hasher::new();
        // A file that cannot be read counts as far as it can be; the program will say what is wrong with it.
        let _ = content.is_some_and(|mut content| own.update_reader(&mut content).is_ok());
        hasher.update(own.finalize().as_bytes());
    };
    for word in &settings.words {
        entry(word, Some(&settings.command.directory.join(word)));
    }
    let direction = if settings.direction == Direction::Higher { "higher" } else { "lower" };
    for text in [&settings.unit, direction, settings.stand_in.as_deref().unwrap_or_default()] {
        entry(text, None);
    }
    hasher.finalize().to_hex().to_string()
}

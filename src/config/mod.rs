//! Search configs: from YAML text to a checked [`SearchConfig`] whose names resolve and whose units fit.
//!
//! Structure is checked by [`SCHEMA`], meaning in `check.rs`; both collect every
//! problem of the file before anything is refused.

mod check;
mod limit;
mod resolve;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::objective::Objective;
use crate::space::Space;
use crate::yaml::{Diagnostics, Document, Node};

pub use limit::{Limit, Relation};
pub use resolve::{Found, objective_by_reference, resolve};
pub use schema::SCHEMA;

#[cfg(test)]
mod tests;

/// A checked search: what it names exists, what it limits is a quantity, and every unit fits.
#[derive(Debug)]
pub struct SearchConfig {
    /// Its name; the default output folder is called so.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The space.
    pub space: Space,
    /// What is optimised, in the order of the file.
    pub objectives: Vec<Arc<dyn Objective>>,
    /// What is priced and shown, and may be limited, but is not optimised.
    pub quantities: Vec<Arc<dyn Objective>>,
    /// What is limited.
    pub limits: Vec<Limit>,
    /// Seed of every random draw.
    pub seed: u64,
    /// Random architectures drawn behind the front.
    pub sample: usize,
    /// Whether known networks are shown beside the front.
    pub baselines: bool,
    /// How far, as a share of each objective's range, the front may be from the exact one; 0 is exact.
    pub epsilon: f64,
    /// How many architecture files are written at most.
    pub architectures: usize,
    /// The file it was read from.
    document: Document,
}

/// Everything that is wrong with a config and with the files it names, one entry a file.
#[derive(Debug)]
pub struct ConfigError(pub Vec<Diagnostics>);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, file) in self.0.iter().enumerate() {
            write!(f, "{}{file}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<Diagnostics> for ConfigError {
    fn from(problems: Diagnostics) -> Self {
        Self(vec![problems])
    }
}

impl SearchConfig {
    /// Reads and checks a config file.
    ///
    /// # Errors
    /// Everything that is wrong with it, and with the space, table and proxy files it names.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        check::lower(Document::read(path)?, &folder)
    }

    /// Checks a config text. Paths in it are relative to `folder`; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, ConfigError> {
        check::lower(Document::parse(name, text)?, folder)
    }

    /// The text of the config.
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// The file's name as the user gave it.
    pub fn file(&self) -> &str {
        &self.document.name
    }

    /// Everything that the file names: the objectives, then the quantities.
    pub fn named(&self) -> impl Iterator<Item = &dyn Objective> {
        self.objectives.iter().chain(&self.quantities).map(AsRef::as_ref)
    }

    /// The place of an objective or a quantity in the file.
    pub fn place(&self, name: &str) -> String {
        let group =
            if self.objectives.iter().any(|objective| objective.name() == name) { "objectives" } else { "quantities" };
        format!("{group}.{name}")
    }

    /// A problem that only showed later, at a place of the config: `objectives.latency`, `limits[0]`.
    pub fn problem(&self, path: &str, message: impl Into<String>, help: impl Into<String>) -> Diagnostics {
        let mut problems = self.document.problems();
        match find(&self.document.root, path) {
            Some(node) => problems.at(node, path, message, help),
            None => problems.at(&self.document.root, path, message, help),
        }
        problems.into_diagnostics()
    }

    /// The hash of everything that decides the result: the checked config, and the content of the files it names.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut word = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        word(&self.name);
        word(self.space.text());
        for objective in self.named() {
            word(objective.name());
            word(&objective.origin().hash);
        }
        word(&self.objectives.len().to_string());
        for limit in &self.limits {
            word(&limit.to_string());
        }
        let Self { seed, sample, baselines, epsilon, architectures, .. } = self;
        word(&format!("{seed} {sample} {baselines} {epsilon} {architectures}"));
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

/// The node at a path such as `limits[0]` or `objectives.latency`.
fn find<'a>(root: &'a Node, path: &str) -> Option<&'a Node> {
    path.split('.').try_fold(root, |node, step| {
        let (key, index) = match step.split_once('[') {
            Some((key, rest)) => (key, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (step, None),
        };
        let node = node.get(key)?;
        match index {
            Some(index) => node.items().get(index),
            None => Some(node),
        }
    })
}

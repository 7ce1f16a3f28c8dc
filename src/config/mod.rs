//! Search configs: from YAML text to a checked [`SearchConfig`] whose names resolve and whose units fit.
//!
//! Structure is checked by [`SCHEMA`], meaning in `check.rs`; both collect every
//! problem of the file before anything is refused.

mod check;
mod limit;
mod program;
mod resolve;
mod schema;
mod strategy;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::objective::{Count, CountKind, Objective};
use crate::space::Space;
use crate::yaml::{Diagnostics, Document, Node};

pub use limit::{Limit, Relation};
pub use resolve::{Found, objective_by_reference, resolve};
pub use schema::SCHEMA;
pub use strategy::{Executor, StrategyConfig, StrategyKind};

#[cfg(test)]
mod tests;

/// A checked search: what it names exists, what it limits is a quantity, and every unit fits.
#[derive(Clone, Debug)]
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
    /// How the space is searched, where the file says so.
    pub strategy: Option<StrategyConfig>,
    /// How many networks a search that is not exact evaluates.
    pub evaluations: u64,
    /// How many evaluations run at once, where the file says so.
    pub workers: Option<usize>,
    /// Where scores run.
    pub executor: Executor,
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
        Self::read_with(path, None)
    }

    /// As [`read`](Self::read), with another seed than the file's.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(path: &Path, seed: Option<u64>) -> Result<Self, ConfigError> {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        check::lower(Document::read(path)?, &folder, seed)
    }

    /// Checks a config text. Paths in it are relative to `folder`; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, ConfigError> {
        check::lower(Document::parse(name, text)?, folder, None)
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

    /// Whether everything that is optimised or named adds up along a path.
    pub fn is_additive(&self) -> bool {
        self.named().all(|objective| objective.additive().is_some())
    }

    /// The search of what adds up alone: objectives that do not are replaced by what stands in for them, or left out, and
    /// so are quantities and limits. Parameters stand in where nothing else is left.
    pub fn stand_in(&self) -> Self {
        let adds_up = |objective: &&Arc<dyn Objective>| objective.additive().is_some();
        let mut objectives: Vec<Arc<dyn Objective>> = Vec::new();
        for objective in &self.objectives {
            let named = objective.stand_in().and_then(|name| self.named_by(name)).filter(adds_up);
            let chosen = Some(objective).filter(adds_up).or(named).cloned();
            let Some(chosen) = chosen.or_else(|| objective.additive_stand_in()) else { continue };
            if objectives.iter().all(|other| other.name() != chosen.name()) {
                objectives.push(chosen);
            }
        }
        let taken = |objectives: &[Arc<dyn Objective>], name: &str| objectives.iter().any(|other| other.name() == name);
        let mut quantities: Vec<Arc<dyn Objective>> = self.objectives.iter().chain(&self.quantities).cloned().collect();
        quantities.retain(|quantity| quantity.additive().is_some() && !taken(&objectives, quantity.name()));
        if objectives.is_empty() {
            let params = CountKind::Params;
            quantities.retain(|quantity| quantity.name() != params.name());
            objectives.push(Arc::new(Count::new(params.name(), None, params)));
        }
        let known =
            |name: &str| taken(&objectives, name) || taken(&quantities, name) || CountKind::from_name(name).is_some();
        let limits = self.limits.iter().filter(|limit| known(&limit.quantity)).cloned().collect();
        Self { objectives, quantities, limits, ..self.clone() }
    }

    /// The same with every `beta: auto` at that strength.
    pub fn with_beta(&self, beta: f64) -> Self {
        let at = |objective: &Arc<dyn Objective>| objective.with_beta(beta).unwrap_or_else(|| Arc::clone(objective));
        Self { objectives: self.objectives.iter().map(at).collect(), ..self.clone() }
    }

    fn named_by(&self, name: &str) -> Option<&Arc<dyn Objective>> {
        self.objectives.iter().chain(&self.quantities).find(|objective| objective.name() == name)
    }

    /// The place of an objective or a quantity in the file.
    pub fn place(&self, name: &str) -> String {
        // Asked of the file, since a stand-in may have been promoted.
        let objective = format!("objectives.{name}");
        if find(&self.document.root, &objective).is_some() { objective } else { format!("quantities.{name}") }
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

    /// Everything that decides the result, by its place in the file: the checked config, and the content of the files
    /// it names. Two searches with equal fingerprints find the same.
    pub fn fingerprint(&self) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = vec![("search".to_owned(), self.name.clone())];
        let space = blake3::hash(self.space.text().as_bytes()).to_hex();
        facts.push(("space".to_owned(), format!("{} (blake3 {})", self.space.name(), &space[..16])));
        for objective in self.named() {
            let origin = objective.origin();
            let value = format!("{} {} (blake3 {})", origin.kind, origin.name, &origin.hash[..16]);
            facts.push((self.place(objective.name()), value));
        }
        let limits = self.limits.iter().enumerate();
        facts.extend(limits.map(|(index, limit)| (format!("limits[{index}]"), limit.to_string())));
        let Self { seed, sample, baselines, epsilon, architectures, evaluations, .. } = self;
        for (key, value) in [
            ("seed", seed.to_string()),
            ("sample", sample.to_string()),
            ("baselines", baselines.to_string()),
            ("epsilon", epsilon.to_string()),
            ("architectures", architectures.to_string()),
            ("evaluations", evaluations.to_string()),
        ] {
            facts.push((key.to_owned(), value));
        }
        facts.extend(self.strategy.iter().flat_map(StrategyConfig::fingerprint));
        facts
    }

    /// The hash of the [`fingerprint`](Self::fingerprint).
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (key, value) in self.fingerprint() {
            for word in [key, value] {
                hasher.update(&(word.len() as u64).to_le_bytes());
                hasher.update(word.as_bytes());
            }
        }
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

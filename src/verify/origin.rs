//! From what a file says of where a quantity comes from to the objective that gives its values again.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Given;
use crate::config::{Found, resolve};
use crate::latency::{CONFIDENCE, LatencyTable};
use crate::objective::{Count, CountKind, Latency, Objective, Zeroshot};
use crate::proxy::{Conditions, Definition};

/// The fewest digits of a hash that say which one it is; reports show as many.
const DIGITS: usize = 16;

/// Where a quantity comes from, as a file has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Origin {
    /// `table`, `proxy`, `count` or `program`.
    pub(super) kind: String,
    /// The name of the table, proxy, count or program.
    pub(super) name: String,
    /// What it measures, for people; bounds say their confidence here.
    pub(super) about: Option<String>,
    /// Its BLAKE3, or the first digits of it.
    pub(super) hash: Option<String>,
}

impl Origin {
    /// From `table X`, as metrics have it, and the entry among the sources: a mapping, or `table X (blake3 0123…)` in what
    /// was made from a report.
    pub(super) fn new(from: &str, source: Option<&Json>) -> Self {
        let (text, hash) = match source.and_then(Json::as_str).unwrap_or(from).split_once(" (blake3 ") {
            Some((text, rest)) => (text, Some(rest.trim_end_matches(')').to_owned())),
            None => (from, None),
        };
        let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
        let said = |key: &str| source.and_then(|source| source.get(key)).and_then(Json::as_str).map(str::to_owned);
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            about: said("about"),
            hash: hash.or_else(|| said("blake3")),
        }
    }

    /// Whether a hash is the one that the file names.
    fn is(&self, found: &str) -> bool {
        // Without a hash nothing speaks against it.
        self.hash.as_ref().is_none_or(|hash| hash.len() >= DIGITS && found.starts_with(hash.as_str()))
    }

    /// The objective of that origin, or why there is none at hand.
    pub(super) fn objective(&self, name: &str, given: &Given, folder: &Path) -> Result<Arc<dyn Objective>, String> {
        match self.kind.as_str() {
            "count" => match CountKind::from_name(&self.name) {
                Some(kind) => self.known(Arc::new(Count::new(name, None, kind)), "count"),
                None => Err(format!("`{}` is no count of this version of pocketnas", self.name)),
            },
            "table" => self.latency(name, given, folder),
            "proxy" => self.score(name),
            "program" => Err(format!("a program of the user's answered it, and is not run from here: `{}`", self.name)),
            _ => Err(format!(
                "`{}` is no origin that this version of pocketnas knows",
                format!("{} {}", self.kind, self.name).trim()
            )),
        }
    }

    /// The objective, unless its hash is another one than the file names.
    fn known(&self, objective: Arc<dyn Objective>, what: &str) -> Result<Arc<dyn Objective>, String> {
        let found = &objective.origin().hash;
        if self.is(found) {
            return Ok(objective);
        }
        let named = self.hash.clone().unwrap_or_default();
        Err(format!(
            "the {what} `{}` has changed: the file names BLAKE3 {named}, and that at hand has {found}",
            self.name
        ))
    }

    /// The latency of a table that was given, is shipped, or lies where the name says.
    fn latency(&self, name: &str, given: &Given, folder: &Path) -> Result<Arc<dyn Objective>, String> {
        let mut tables: Vec<LatencyTable> = given.tables.iter().map(|(_, table)| table.clone()).collect();
        match resolve(&self.name, folder, LatencyTable::names()) {
            Found::File(path) => tables.extend(LatencyTable::load(&path).ok()),
            Found::Shipped => tables.extend(LatencyTable::named(&self.name).ok()),
            Found::Nothing => {}
        }
        let help = "give the table that it was computed by with --table";
        if tables.is_empty() {
            return Err(format!("the table `{}` is not at hand; {help}", self.name));
        }
        let stated = self.about.as_deref().and_then(Latency::stated_confidence);
        let mut seen = Vec::new();
        for table in tables {
            let mean = || Arc::new(Latency::new(name, None, &self.name, table.clone()));
            if self.hash.is_none() {
                return Ok(mean());
            }
            let bound = |confidence| {
                let bound = Latency::bounded(name, None, &self.name, table.clone(), confidence).ok()?;
                Some(Arc::new(bound))
            };
            // What was made from a report names no confidence, but the hash tells which of the usual ones it was.
            let usual = (50..100).map(|percent| f64::from(percent) / 100.0);
            let bounds = stated.into_iter().chain([CONFIDENCE]).chain(usual).filter_map(bound);
            for candidate in std::iter::once(mean()).chain(bounds) {
                if self.is(&candidate.origin().hash) {
                    return Ok(candidate);
                }
            }
            seen.push(mean().origin().hash[..DIGITS].to_owned());
        }
        let named = self.hash.clone().unwrap_or_default();
        Err(format!(
            "the table `{}` has changed: the file names BLAKE3 {named}, and what is at hand has {}; {help}",
            self.name,
            seen.join(", ")
        ))
    }

    /// A score that adds up over nodes; what has to run networks is left to a command.
    fn score(&self, name: &str) -> Result<Arc<dyn Objective>, String> {
        let (proxy, rest) = self.name.split_once(" version ").unwrap_or((&self.name, ""));
        if !Definition::names().any(|shipped| shipped == proxy) {
            return Err(format!("the file of the proxy `{proxy}` is not at hand"));
        }
        let definition = Definition::load(proxy).map_err(|problems| problems.to_string())?;
        if definition.measured() {
            return Err("it takes running the network".to_owned());
        }
        if !definition.members().is_empty() {
            return Err(format!("`{proxy}` ranks the networks of a set, and has no score for a single one"));
        }
        let version = rest.split(',').next().unwrap_or_default();
        if version != definition.version.to_string() {
            return Err(format!("`{proxy}` is of version {version} there, and of version {} here", definition.version));
        }
        self.known(Arc::new(Zeroshot::new(name, None, &definition, &Conditions::default())), "proxy")
    }

    /// The command that scores an architecture, where that is what would tell.
    pub(super) fn command(&self, space: &str, architecture: &str, seed: u64, given: &Given) -> Option<String> {
        let (proxy, _) = self.name.split_once(" version ").filter(|_| self.kind == "proxy")?;
        let proxy = if Definition::names().any(|shipped| shipped == proxy) { proxy } else { "FILE" };
        let space = given.space(space).map_or("FILE", |(_, word)| word);
        Some(format!(
            "`pocketnas score --space {space} --arch '{architecture}' --proxy {proxy} --seed {seed} --data-seed {seed}`"
        ))
    }
}

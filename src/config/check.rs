//! What a config means: every name looked up, every unit converted, every problem collected.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::strategy::{Executor, StrategyConfig, StrategyKind};
use super::{ConfigError, Found, Limit, SCHEMA, SearchConfig, limit, resolve};
use crate::data::{Dataset, Normalisation};
use crate::latency::LatencyTable;
use crate::objective::{Count, CountKind, Latency, Objective, Zeroshot};
use crate::proxy::{Conditions, Definition};
use crate::search::MAX_OBJECTIVES;
use crate::space::Space;
use crate::yaml::{Diagnostics, Document, Node, Problems, nearest};

/// What the file names; `None` where something about it is wrong, and told.
pub(super) type Named = Vec<(String, Option<Arc<dyn Objective>>)>;

/// Where a lowering collects what is wrong: with the config itself, and with files that it names.
pub(super) struct Check<'a> {
    pub(super) folder: &'a Path,
    pub(super) problems: Problems,
    elsewhere: Vec<Diagnostics>,
    /// How many evaluations run at once, where the file says so.
    pub(super) workers: Option<usize>,
    /// What proxies that run networks run them on.
    conditions: Conditions,
}

pub(super) fn lower(document: Document, folder: &Path, seed: Option<u64>) -> Result<SearchConfig, ConfigError> {
    let mut problems = document.problems();
    SCHEMA.check(&document, &mut problems);
    let root = &document.root;
    let workers = root.get("workers").and_then(Node::int).map(|workers| workers.unsigned_abs() as usize);
    let written = root.get("seed").and_then(Node::int).unwrap_or(0).unsigned_abs();
    let seed = seed.unwrap_or(written);
    let conditions = Conditions::noise(seed);
    let mut check = Check { folder, problems, elsewhere: Vec::new(), workers, conditions };
    if let Some(node) = root.get("data") {
        check.data(node);
    }
    let name = root.get("search").map_or_else(String::new, |node| check.name(node));
    let space = root.get("space").and_then(|node| check.space(node));
    let objectives = check.objectives(root);
    let quantities = check.quantities(root, &objectives);
    let limits = check.limits(root, &objectives, &quantities);
    check.stand_ins(root, &objectives, &quantities);
    let int = |key: &str, default: i64| root.get(key).and_then(Node::int).unwrap_or(default).unsigned_abs();
    let about = root.get("about").and_then(Node::text).unwrap_or_default().trim().to_owned();
    let (sample, architectures) = (int("sample", 1000), int("architectures", 50));
    let baselines = root.get("baselines").and_then(Node::bool).unwrap_or(true);
    let strategy = check.strategy(root);
    let evaluations = int("evaluations", 1000);
    let processes = root.get("executor").and_then(Node::text) == Some("processes");
    let executor = if processes { Executor::Processes } else { Executor::Threads };
    check.exactness(root, &objectives, strategy.as_ref());
    let epsilon = root.get("epsilon").and_then(Node::number).unwrap_or(0.0);

    let mut files = check.elsewhere;
    match check.problems.or(space) {
        Err(here) => files.insert(0, here),
        Ok(Some(space)) if files.is_empty() => {
            return Ok(SearchConfig {
                name,
                about,
                space,
                objectives: objectives.into_iter().filter_map(|(_, objective)| objective).collect(),
                quantities: quantities.into_iter().filter_map(|(_, quantity)| quantity).collect(),
                limits,
                seed,
                sample: sample as usize,
                baselines,
                epsilon,
                architectures: architectures as usize,
                strategy,
                evaluations,
                workers,
                executor,
                document,
            });
        }
        Ok(_) => {}
    }
    Err(ConfigError(files))
}

impl Check<'_> {
    /// The name of the search is a folder's name too.
    fn name(&mut self, node: &Node) -> String {
        let name = node.text().unwrap_or_default();
        let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if node.text().is_some() && (name.is_empty() || name.starts_with('.') || !plain) {
            let help = "use letters, digits, `-`, `_` and `.`, since a folder is named after it";
            self.problems.at(node, "search", format!("`{name}` is no name for a search"), help);
        }
        name.to_owned()
    }

    /// Opens the data; a path is relative to the config, then to the current folder.
    fn data(&mut self, node: &Node) {
        let Some(word) = node.text() else { return };
        let beside = self.folder.join(word);
        let known = matches!(word, "noise" | "ones") || !beside.exists();
        let spec = if known { word.to_owned() } else { beside.to_string_lossy().into_owned() };
        match Dataset::open(&spec, &Normalisation::default()) {
            Ok(data) => {
                self.conditions =
                    Conditions::new(&spec, Arc::new(data), self.conditions.seed, self.conditions.data_seed)
            }
            Err(error) => self.problems.at(node, "data", error.to_string(), "`noise` needs no files"),
        }
    }

    fn space(&mut self, node: &Node) -> Option<Space> {
        let reference = node.text()?;
        let shipped = || Space::shipped().iter().map(|(name, _)| *name);
        let space = match resolve(reference, self.folder, shipped()) {
            Found::Nothing => {
                self.missing(node, "space", "space", reference, shipped().filter(|name| !name.contains('/')));
                return None;
            }
            Found::File(path) => Document::read(&path).and_then(|file| Space::from_text(&file.name, &file.text)),
            Found::Shipped => Space::load(reference, None),
        };
        self.keep(space)
    }

    fn objectives(&mut self, root: &Node) -> Named {
        let Some(node) = root.get("objectives") else { return Vec::new() };
        let entries = node.entries();
        if entries.is_empty() && node.kind() == "a mapping" {
            self.problems.at(node, "objectives", "no objective is given", "give at least one, `latency:` for example");
        }
        if entries.len() > MAX_OBJECTIVES {
            let most = format!("the {MAX_OBJECTIVES} that a search can carry");
            let message = format!("{} objectives are more than {most}", entries.len());
            self.problems.at(node, "objectives", message, "turn some of them into `quantities` with `limits`");
        }
        self.named(node, "objectives")
    }

    fn quantities(&mut self, root: &Node, objectives: &Named) -> Named {
        let written = root.get("quantities").map_or_else(Vec::new, |node| self.written_quantities(node, objectives));
        // What is listed by itself comes last, and gives way to nothing: a column has one meaning.
        let listed: Vec<_> =
            objectives.iter().chain(&written).filter_map(|(_, of)| of.as_ref()?.listed_beside()).collect();
        let taken = |name: &str| objectives.iter().chain(&written).any(|(other, _)| other == name);
        for name in listed.iter().map(|quantity| quantity.name()).filter(|name| taken(name)) {
            let message = format!("`{name}` is the mean that is listed beside a bound");
            self.problems.at(root, name, message, "give the objective or quantity of that name another one");
        }
        written
            .into_iter()
            .chain(listed.into_iter().map(|quantity| (quantity.name().to_owned(), Some(quantity))))
            .collect()
    }

    fn written_quantities(&mut self, node: &Node, objectives: &Named) -> Named {
        for (key, _) in node.entries().iter().filter(|(key, _)| objectives.iter().any(|(name, _)| *name == key.text)) {
            let message = format!("`{}` is an objective already", key.text);
            self.problems.add(key.span, format!("quantities.{}", key.text), message, "give the quantity another name");
        }
        self.named(node, "quantities")
    }

    /// An exact front, or one within a certified gap, exists for what adds up only.
    fn exactness(&mut self, root: &Node, objectives: &Named, strategy: Option<&StrategyConfig>) {
        let exact = strategy.is_some_and(|strategy| strategy.kind == StrategyKind::Exact);
        let lone = objectives.iter().find(|(_, o)| o.as_ref().is_some_and(|o| o.additive().is_none()));
        if let (true, Some((name, _))) = (exact, lone)
            && let Some(node) = root.get("strategy")
        {
            let message = format!("`{name}` does not add up along a path, so no exact front exists for it");
            self.problems.at(node, "strategy", message, "leave `strategy` out, or write `strategy: { kind: nsga2 }`");
        }
    }

    /// The entries of a mapping under their names.
    fn named(&mut self, node: &Node, group: &str) -> Named {
        let entries = node.entries().iter();
        entries
            .map(|(key, spec)| {
                let path = format!("{group}.{}", key.text);
                self.objective_name(&key.text, spec, &path);
                (key.text.clone(), self.objective(&key.text, spec, &path))
            })
            .collect()
    }

    fn objective_name(&mut self, name: &str, spec: &Node, path: &str) {
        let starts_well = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !starts_well || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            let help = "use letters, digits and `_`, not a digit first: limits and columns refer to it";
            self.problems.at(spec, path, format!("`{name}` is no name for an objective"), help);
        }
        let count = CountKind::from_name(name);
        if count.is_some() && spec.get("count").and_then(Node::text) != Some(name) {
            let message = format!("`{name}` is the name of a count, but this objective is something else");
            self.problems.at(spec, path, message, "give it another name");
        }
    }

    fn objective(&mut self, name: &str, spec: &Node, path: &str) -> Option<Arc<dyn Objective>> {
        let label = spec.get("label").and_then(Node::text).map(str::to_owned);
        if let Some(node) = spec.get("table") {
            let table = self.table(node, &format!("{path}.table"))?;
            let Some((at, confidence)) = spec.get("confidence").and_then(|at| Some((at, at.number()?))) else {
                return Some(Arc::new(Latency::new(name, label, node.text()?, table)));
            };
            return match Latency::bounded(name, label, node.text()?, table, confidence) {
                Ok(bounded) => Some(Arc::new(bounded)),
                Err(reason) => {
                    let message = format!("latency table `{}`: {reason}", node.text()?);
                    self.problems.at(at, &format!("{path}.confidence"), message, reason.remedy());
                    None
                }
            };
        }
        if let Some(node) = spec.get("proxy") {
            let definition = self.proxy(node, &format!("{path}.proxy"))?;
            let beta_is_open = definition.with_beta(0.0).is_some();
            let score = Zeroshot::new(name, label, &definition, &self.conditions);
            if beta_is_open && path.starts_with("quantities") {
                let message = format!("`{name}` leaves its beta to the search, which finds it for objectives only");
                self.problems.at(
                    node,
                    &format!("{path}.proxy"),
                    message,
                    "make it an objective, or give `beta` a number",
                );
            }
            return Some(Arc::new(match spec.get("stand_in") {
                None => score,
                Some(node) if score.additive().is_some() => {
                    let message = format!("`{name}` adds up along a path, and nothing needs to stand in for it");
                    self.problems.at(node, &format!("{path}.stand_in"), message, "remove it");
                    score
                }
                Some(node) => score.with_stand_in(node.text()?),
            }));
        }
        if spec.get("command").is_some() {
            return Some(Arc::new(self.program(name, label, spec, path)?));
        }
        let kind = CountKind::from_name(spec.get("count")?.text()?)?;
        Some(Arc::new(Count::new(name, label, kind)))
    }

    fn proxy(&mut self, node: &Node, path: &str) -> Option<Definition> {
        let reference = node.text()?;
        let definition = match resolve(reference, self.folder, Definition::names()) {
            Found::Nothing => {
                self.missing(node, path, "proxy", reference, Definition::names());
                return None;
            }
            Found::File(file) => Document::read(&file).and_then(|document| Definition::from_document(&document)),
            Found::Shipped => Definition::load(reference),
        };
        let definition = self.keep(definition)?;
        if !definition.members().is_empty() {
            let help = format!("take one of its members: {}", definition.members().join(", "));
            let message = format!("`{reference}` ranks the networks of a set, and has no score for a single one");
            self.problems.at(node, path, message, help);
            return None;
        }
        Some(definition)
    }

    fn table(&mut self, node: &Node, path: &str) -> Option<LatencyTable> {
        let reference = node.text()?;
        let table = match resolve(reference, self.folder, LatencyTable::names()) {
            Found::Nothing => {
                self.missing(node, path, "latency table", reference, LatencyTable::names());
                return None;
            }
            Found::File(file) => {
                Document::read(&file).and_then(|document| LatencyTable::parse(&document.name, &document.text))
            }
            Found::Shipped => LatencyTable::named(reference),
        };
        self.keep(table)
    }

    fn limits(&mut self, root: &Node, objectives: &Named, quantities: &Named) -> Vec<Limit> {
        let items = root.get("limits").map_or(&[][..], Node::items);
        let mut limits = Vec::new();
        let mut seen = HashSet::new();
        for (index, node) in items.iter().enumerate() {
            let path = format!("limits[{index}]");
            let Some(text) = node.text() else { continue };
            match self.limit(text, objectives, quantities) {
                Ok(Some(limit)) => {
                    if !seen.insert((limit.quantity.clone(), limit.relation == limit::Relation::AtMost)) {
                        let message = format!("`{}` is limited twice in the same direction", limit.quantity);
                        self.problems.at(node, &path, message, "keep the tighter of the two");
                    }
                    limits.push(limit);
                }
                Ok(None) => {}
                Err((message, help)) => self.problems.at(node, &path, message, help),
            }
        }
        limits
    }

    /// A limit, or nothing where the objective it refers to is wrong itself.
    fn limit(&self, text: &str, objectives: &Named, quantities: &Named) -> Result<Option<Limit>, (String, String)> {
        let written = limit::parse(text).map_err(|(message, help)| (message, help.to_owned()))?;
        let named = || objectives.iter().chain(quantities);
        let objective = named().find(|(name, _)| name == written.quantity);
        let unit = match (objective, CountKind::from_name(written.quantity)) {
            (Some((_, Some(objective))), _) => objective.unit(),
            (Some((_, None)), _) => return Ok(None),
            (None, Some(count)) => count.unit(),
            (None, None) => {
                let mut names: Vec<&str> = named().map(|(name, _)| name.as_str()).collect();
                names.extend(CountKind::ALL.map(CountKind::name));
                let help = nearest(written.quantity, names);
                return Err((format!("`{}` is no objective, no quantity and no count", written.quantity), help));
            }
        };
        let bound = limit::convert(written.number, written.unit, unit)?;
        Ok(Some(Limit {
            quantity: written.quantity.to_owned(),
            relation: written.relation,
            bound,
            unit: unit.to_owned(),
        }))
    }

    fn missing<'n>(
        &mut self,
        node: &Node,
        path: &str,
        what: &str,
        reference: &str,
        shipped: impl Iterator<Item = &'n str>,
    ) {
        let message = format!("there is no {what} `{reference}`: no shipped one has that name, and no file that path");
        self.problems.at(node, path, message, nearest(reference, shipped));
    }

    /// Keeps what was loaded; sets the problems of its file aside.
    fn keep<T>(&mut self, loaded: Result<T, Diagnostics>) -> Option<T> {
        loaded.map_err(|problems| self.elsewhere.push(problems)).ok()
    }
}

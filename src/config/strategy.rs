//! `strategy:`: how a space is searched whose objectives do not add up, or where the user wants it.

use super::check::Check;
use crate::yaml::Node;

/// A search algorithm by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrategyKind {
    /// The exact front of what adds up along a path.
    Exact,
    /// NSGA-II.
    Nsga2,
    /// NSGA-III.
    Nsga3,
    /// Aging evolution.
    Aging,
    /// Pareto local search.
    Local,
    /// Random search.
    Random,
}

impl StrategyKind {
    /// Every kind, in the order messages list them.
    pub const ALL: [Self; 6] = [Self::Exact, Self::Nsga2, Self::Nsga3, Self::Aging, Self::Local, Self::Random];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Nsga2 => "nsga2",
            Self::Nsga3 => "nsga3",
            Self::Aging => "aging",
            Self::Local => "local",
            Self::Random => "random",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where scores run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executor {
    /// In threads of this program.
    #[default]
    Threads,
    /// In `pocketnas worker` processes.
    Processes,
}

/// A strategy and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct StrategyConfig {
    /// Which algorithm.
    pub kind: StrategyKind,
    /// Candidates that breed.
    pub population: usize,
    /// Whether NSGA-II replaces one candidate at a time.
    pub steady_state: bool,
    /// Candidates in flight at once.
    pub window: usize,
    /// Successive halving: shares of the full effort, ascending, the last one 1. Only 1 without it.
    pub fidelities: Vec<f64>,
    /// Successive halving: one in so many goes on.
    pub eta: f64,
}

impl StrategyConfig {
    /// An algorithm with the default settings.
    pub fn new(kind: StrategyKind) -> Self {
        Self { kind, population: 50, steady_state: true, window: 16, fidelities: vec![1.0], eta: 3.0 }
    }

    pub(super) fn fingerprint(&self) -> Vec<(String, String)> {
        let Self { kind, population, steady_state, window, fidelities, eta } = self;
        [
            ("kind", kind.name().to_owned()),
            ("population", population.to_string()),
            ("steady_state", steady_state.to_string()),
            ("window", window.to_string()),
            ("fidelities", format!("{fidelities:?}")),
            ("eta", eta.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (format!("strategy.{key}"), value))
        .collect()
    }
}

impl Check<'_> {
    /// The strategy of a file; `None` where it names none, or something about it is wrong, and told.
    pub(super) fn strategy(&mut self, root: &Node) -> Option<StrategyConfig> {
        let node = root.get("strategy")?;
        let kind = StrategyKind::from_name(node.get("kind")?.text()?)?;
        let mut strategy = StrategyConfig::new(kind);
        let int = |key: &str| node.get(key).and_then(Node::int).map(|value| value.unsigned_abs() as usize);
        strategy.population = int("population").unwrap_or(strategy.population);
        strategy.window = int("window").unwrap_or(strategy.window);
        strategy.steady_state = node.get("steady_state").and_then(Node::bool).unwrap_or(strategy.steady_state);
        strategy.eta = node.get("eta").and_then(Node::number).unwrap_or(strategy.eta);
        if let Some(list) = node.get("fidelities") {
            let fidelities: Vec<f64> = list.items().iter().filter_map(Node::number).collect();
            let ascending = fidelities.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || fidelities.first().is_none_or(|&low| low <= 0.0) || fidelities.last() != Some(&1.0) {
                let message = "the fidelities of successive halving rise from above 0 to 1";
                self.problems.at(list, "strategy.fidelities", message, "write for example [0.1, 0.3, 1]");
            }
            strategy.fidelities = fidelities;
        }
        let only = |key: &str, kinds: &[StrategyKind]| node.key(key).filter(|_| !kinds.contains(&kind));
        let breeding = [StrategyKind::Nsga2, StrategyKind::Nsga3, StrategyKind::Aging];
        let evolved = &StrategyKind::ALL[1..];
        for (key, kinds) in [
            ("population", &breeding[..]),
            ("steady_state", &breeding[..1]),
            ("window", evolved),
            ("fidelities", evolved),
            ("eta", evolved),
        ] {
            if let Some(found) = only(key, kinds) {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                let message = format!("`{key}` means nothing to the strategy `{}`", kind.name());
                let help = format!("remove it; it belongs to {}", names.join(", "));
                self.problems.add(found.span, format!("strategy.{key}"), message, help);
            }
        }
        Some(strategy)
    }
}

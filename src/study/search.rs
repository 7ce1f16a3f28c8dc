//! One search, whichever way it goes: exact where everything adds up along a path, by evaluating candidates elsewhere.

use super::evolve::{Evolution, EvolutionSummary};
use super::plan::compile;
use super::run::Outcome;
use super::{Journal, Outputs, Plan, Progress, StudyError};
use crate::config::{SearchConfig, StrategyKind};
use crate::space::CompileError;

/// A search that can be run.
#[derive(Debug)]
pub enum Search {
    /// The exact front over the choice graph.
    Exact(Box<Plan>),
    /// Candidates evaluated one by one.
    Evolved(Box<Evolution>),
}

impl Search {
    /// Compiles and prices what can be, and decides how to search: exactly where all that is named adds up, the space fits
    /// a choice graph, and the config asks for nothing else.
    ///
    /// # Errors
    /// [`StudyError::Input`] as of [`Plan::new`]; a space without a choice graph only where the config insists on one.
    pub fn new(config: SearchConfig, progress: &dyn Progress) -> Result<Self, StudyError> {
        let exact = config.is_additive()
            && config.strategy.as_ref().is_none_or(|strategy| strategy.kind == StrategyKind::Exact);
        match compile(&config.space, progress) {
            Ok(graph) if exact => Ok(Self::Exact(Box::new(Plan::priced(config, graph, progress)?))),
            Err(CompileError::Wrong(told)) => Err(StudyError::Input(told)),
            compiled => Ok(Self::Evolved(Box::new(Evolution::new(config, compiled, progress)?))),
        }
    }

    /// The config.
    pub fn config(&self) -> &SearchConfig {
        match self {
            Self::Exact(plan) => plan.config(),
            Self::Evolved(evolution) => &evolution.config,
        }
    }

    /// What adds up, compiled and priced; nothing where the space is too large for a choice graph.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Exact(plan) => Some(plan),
            Self::Evolved(evolution) => evolution.stand_in.as_ref(),
        }
    }

    /// How candidates would be searched; nothing where the front is exact.
    pub fn evolved(&self) -> Option<&EvolutionSummary> {
        match self {
            Self::Exact(_) => None,
            Self::Evolved(evolution) => Some(&evolution.summary),
        }
    }

    /// Runs it, recording in `journal`, and fills the output folder. `command` is shown in the run card.
    ///
    /// # Errors
    /// [`StudyError`].
    pub fn run(
        &self,
        outputs: &Outputs,
        journal: &mut Journal,
        command: &str,
        progress: &dyn Progress,
    ) -> Result<Outcome, StudyError> {
        match self {
            Self::Exact(plan) => plan.run(outputs, journal, command, progress),
            Self::Evolved(evolution) => evolution.run(outputs, journal, command, progress),
        }
    }
}

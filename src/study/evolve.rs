//! A search by evaluating candidates one by one, for what does not add up along a path or does not fit a choice graph:
//! what is searched, from where, and what is told of it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::backbones;
use super::beta::{self, BetaStep, Calibrated, calibrate};
use super::coordinator::Coordinator;
use super::evolved::all_failed;
use super::interrupt::Interruptible;
use super::plan::{limited_counts, refuse_unequal_inputs};
use super::run::Outcome;
use super::trials::Trials;
use super::{Journal, Outputs, Plan, Progress, StudyError, present, strategy};
use crate::config::{Executor, Relation, SearchConfig, StrategyConfig, StrategyKind};
use crate::evaluate::{Bound, Evaluator, Task, WorkerOptions, in_processes};
use crate::objective::Objective;
use crate::pareto;
use crate::report::Entry;
use crate::search::{Domain, FrontError, Genotype, Strategy};
use crate::space::{ChoiceGraph, CompileError};
use crate::units::counted;

/// A search that can be run.
#[derive(Debug)]
pub struct Evolution {
    pub(super) config: SearchConfig,
    pub(super) strategy: StrategyConfig,
    /// What adds up, compiled and priced: where the search starts. Nothing where the space is too large for a choice graph.
    pub(super) stand_in: Option<Plan>,
    /// Everything that is evaluated: what the config names, then counts that are only limited.
    pub(super) quantities: Vec<Arc<dyn Objective>>,
    pub(super) summary: EvolutionSummary,
    pub(super) notes: Vec<String>,
}

/// How candidates are searched, for people and plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvolutionSummary {
    /// The strategy.
    pub strategy: String,
    /// How many networks are evaluated.
    pub evaluations: u64,
    /// What is not known of a candidate before it is evaluated.
    pub not_additive: Vec<String>,
    /// What the first candidates are.
    pub starts_from: String,
    /// The steps of the search for `beta: auto`; the last one is what was found.
    pub beta: Vec<BetaStep>,
}

impl Evolution {
    /// Prices what adds up over `compiled`, the choice graph of the space, or why it has none.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn new(
        config: SearchConfig,
        compiled: Result<ChoiceGraph, CompileError>,
        progress: &dyn Progress,
    ) -> Result<Self, StudyError> {
        if let Ok(graph) = &compiled {
            refuse_unequal_inputs(&config, graph)?;
        }
        let Calibrated { config, compiled, steps } = calibrate(config, compiled, progress)?;
        let default = if config.objectives.len() > 3 { StrategyKind::Nsga3 } else { StrategyKind::Nsga2 };
        let mut strategy = config.strategy.clone().unwrap_or_else(|| StrategyConfig::new(default));
        let mut notes = Vec::new();
        let stand_in = match compiled {
            Ok(graph) => Some(Plan::priced(config.stand_in(), graph, progress)?),
            Err(CompileError::Wrong(told)) => return Err(StudyError::Input(told)),
            Err(CompileError::TooLarge(told)) => {
                if config.strategy.as_ref().is_some_and(|strategy| strategy.kind == StrategyKind::Exact) {
                    return Err(StudyError::Input(told));
                }
                notes.push(format!("The space is searched by evolution, since no choice graph holds it: {told}."));
                None
            }
        };
        if strategy.kind == StrategyKind::Exact {
            strategy.kind = default;
        }
        let named = config.objectives.iter().chain(&config.quantities).cloned();
        let counts = limited_counts(&config).into_iter().map(|count| Arc::new(count) as Arc<dyn Objective>);
        let quantities = named.chain(counts).collect();
        notes.extend(beta::told(&steps));
        let domain: &dyn Domain = stand_in.as_ref().map_or(&config.space, |plan| plan.graph());
        if let Some(told) = backbones::told(&config, domain) {
            progress.stage("Comparing backbones", None);
            progress.done(&told);
            notes.push(told);
        }
        let summary = summarise(&config, &strategy, stand_in.as_ref(), steps);
        Ok(Self { config, strategy, stand_in, quantities, summary, notes })
    }

    /// Everything that may be decided.
    pub(super) fn domain(&self) -> &dyn Domain {
        match &self.stand_in {
            Some(plan) => plan.graph(),
            None => &self.config.space,
        }
    }

    /// The number of architectures in digits, where it is known.
    pub(super) fn architectures(&self) -> Option<String> {
        match &self.stand_in {
            Some(plan) => Some(plan.graph().count().to_string()),
            None => self.config.space.count_by_arithmetic().map(|count| count.to_string()),
        }
    }

    /// Evaluates candidates until the budget is spent, the space is used up, or an interrupt asks to stop, and fills the
    /// output folder. `command` is shown in the run card.
    ///
    /// # Errors
    /// [`StudyError`]: nothing feasible, a study that another version wrote, or files that cannot be written.
    pub fn run(
        &self,
        outputs: &Outputs,
        journal: &mut Journal,
        command: &str,
        progress: &dyn Progress,
    ) -> Result<Outcome, StudyError> {
        let began = Instant::now();
        let recorded = journal.record().trials.len();
        if recorded > 0 {
            progress.stage("Continuing the study", None);
            progress.done(&format!("{} on record", counted(recorded, "candidate")));
        }
        let (seeds, seeded) = self.seeds(progress)?;
        let strategy = strategy(self.domain(), &self.strategy, seeds, self.config.seed);
        let mut strategy =
            strategy.map_err(|error| self.refuse_strategy(error.to_string()))?.expect("no exact strategy evolves");
        let interrupt = Interruptible::new();
        let (trials, end) = self.search(strategy.as_mut(), journal, &interrupt, progress)?;
        drop(interrupt);
        if end == End::Hopeless {
            journal.stopped("every evaluation failed")?;
            return Err(all_failed(&trials));
        }
        let members = self.members(&trials)?;
        let mut data = self.report_data(&trials, &members, &end, command);
        if members.is_empty() {
            data.closest = self.closest(&trials)?;
            if data.closest.is_empty() && end == End::Stopped {
                return Err(self.stopped(&trials, journal));
            }
            if data.closest.is_empty() {
                journal.stopped("every candidate failed")?;
                return Err(self.nothing_feasible(&trials, &[]));
            }
        }
        data.run.entries.push(Entry { key: "started from".to_owned(), value: seeded });
        data.run.seconds = began.elapsed().as_secs_f64();
        let files = present::write(&self.config, outputs, &mut data, &members, progress)?;
        if end == End::Stopped {
            return Err(self.stopped(&trials, journal));
        }
        journal.finished(members.len(), data.run.seconds, false)?;
        if members.is_empty() {
            return Err(self.nothing_feasible(&trials, &data.closest));
        }
        Ok(Outcome { data, files })
    }

    /// That an interrupt ended the run, once that is recorded.
    fn stopped(&self, trials: &Trials, journal: &mut Journal) -> StudyError {
        let evaluated = trials.spent.round() as u64;
        journal.stopped("interrupt").err().unwrap_or(StudyError::Stopped { evaluated })
    }

    /// The loop: ask, evaluate, record, tell. Outcomes are told in the order asked, whatever order they arrive in, and
    /// recorded before they are told; so the candidates depend on the seed alone, and a run that was killed comes back
    /// to where it was by asking and telling again.
    fn search(
        &self,
        strategy: &mut dyn Strategy<Genotype>,
        journal: &mut Journal,
        interrupt: &Interruptible,
        progress: &dyn Progress,
    ) -> Result<(Trials, End), StudyError> {
        progress.stage("Evaluating candidates", Some(self.config.evaluations));
        let mut coordinator = Coordinator::new(self, journal)?;
        let end = loop {
            if !interrupt.asked() {
                for candidate in strategy.ask(coordinator.room()) {
                    coordinator.start(candidate)?;
                }
            }
            let Some(trial) = coordinator.settle_oldest(interrupt, progress)? else {
                break match (interrupt.asked(), coordinator.is_spent()) {
                    (true, _) => End::Stopped,
                    (_, true) => End::Spent,
                    _ => End::Exhausted,
                };
            };
            strategy.tell(trial.id, trial.outcome.clone());
            coordinator.keep(trial);
            if coordinator.is_hopeless() {
                break End::Hopeless;
            }
            progress.snapshot(&|| coordinator.snapshot());
        };
        let trials = coordinator.finish();
        progress.done(&trials.summary());
        Ok((trials, end))
    }

    fn refuse_strategy(&self, message: String) -> StudyError {
        StudyError::Input(self.config.problem("strategy", message, ""))
    }

    /// Where the search starts: members of the exact front of what adds up, where everything that does not has a stand-in
    /// among it; and how to call that.
    fn seeds(&self, progress: &dyn Progress) -> Result<(Vec<Genotype>, String), StudyError> {
        let random = || Ok((Vec::new(), "random candidates".to_owned()));
        let Some(plan) = &self.stand_in else { return random() };
        // Limits that nothing can meet are found here, exactly and before anything is evaluated.
        let front = match plan.front_or_nearly(progress) {
            Ok(front) => front,
            Err(FrontError::Budget { .. }) => return random(),
            Err(error) => return Err(plan.explain_front(error)),
        };
        if !has_seeds(&self.config) {
            return random();
        }
        let points: Vec<&[f64]> = front.points().map(|point| &point.costs[..plan.config().objectives.len()]).collect();
        let chosen = pareto::top_k(&points, self.strategy.population.div_ceil(2)).indices;
        let genotypes = chosen.iter().map(|&index| plan.genotype(front.point(index))).collect();
        let told =
            format!("{} of the {} of {}", chosen.len(), counted(front.len(), "member"), self.summary.starts_from);
        Ok((genotypes, told))
    }

    /// What every candidate is judged by, on threads of their own.
    pub(super) fn evaluator(&self) -> Result<Evaluator, StudyError> {
        let position = |name: &str| self.quantities.iter().position(|quantity| quantity.name() == name);
        let limits = self.config.limits.iter().map(|limit| {
            let bound = match limit.relation {
                Relation::AtMost => Bound::AtMost(limit.bound),
                Relation::AtLeast => Bound::AtLeast(limit.bound),
            };
            (position(&limit.quantity).expect("limits name quantities"), bound)
        });
        let workers = self.config.workers.unwrap_or_else(rayon::current_num_threads);
        let objectives = match self.config.executor {
            Executor::Threads => self.quantities.clone(),
            Executor::Processes => {
                let program = std::env::current_exe().map_err(|error| {
                    let message = format!(
                        "`executor: processes` starts this program again, but where it is cannot be told: {error}"
                    );
                    StudyError::Input(self.config.problem("executor", message, "leave `executor` out"))
                })?;
                in_processes(&self.quantities, WorkerOptions::new(program, workers))
            }
        };
        let task = Task { objectives, limits: limits.collect(), space: self.config.space.name().to_owned() };
        Ok(Evaluator::new(task, workers))
    }

    /// Objective values of a complete candidate, all to be minimised.
    pub(super) fn oriented(&self, values: &[Option<f64>]) -> Vec<f64> {
        let values: Vec<f64> = values.iter().take(self.config.objectives.len()).flatten().copied().collect();
        present::oriented(&self.config, &values)
    }
}

fn summarise(
    config: &SearchConfig,
    strategy: &StrategyConfig,
    stand_in: Option<&Plan>,
    beta: Vec<BetaStep>,
) -> EvolutionSummary {
    let mut told = strategy.kind.name().to_owned();
    if strategy.steady_state && strategy.kind == StrategyKind::Nsga2 {
        told.push_str(", steady state");
    }
    if strategy.fidelities.len() > 1 {
        let _ = write!(told, ", successive halving over the fidelities {:?}", strategy.fidelities);
    }
    let lone = config.named().filter(|objective| objective.additive().is_none());
    let starts_from = match stand_in.filter(|_| has_seeds(config)) {
        Some(plan) => {
            let names: Vec<&str> = plan.config().objectives.iter().map(|objective| objective.name()).collect();
            format!("the exact front between {}", names.join(" and "))
        }
        None => "random candidates".to_owned(),
    };
    EvolutionSummary {
        strategy: told,
        evaluations: config.evaluations,
        not_additive: lone.map(|objective| objective.name().to_owned()).collect(),
        starts_from,
        beta,
    }
}

/// Whether everything that does not add up has a stand-in. Where everything adds up, the exact front is what the search
/// was asked to find by other means, and is no place to start.
fn has_seeds(config: &SearchConfig) -> bool {
    let stood_for = |objective: &Arc<dyn Objective>| {
        objective.additive().is_some() || objective.stand_in().is_some() || objective.additive_stand_in().is_some()
    };
    !config.objectives.iter().all(|objective| objective.additive().is_some()) && config.objectives.iter().all(stood_for)
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The evaluations are used up.
    Spent,
    /// The strategy has nothing left to ask.
    Exhausted,
    /// An interrupt asked for it.
    Stopped,
    /// Everything fails.
    Hopeless,
}

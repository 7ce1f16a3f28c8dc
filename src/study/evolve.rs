//! A search by evaluating candidates one by one, for what does not add up along a path or does not fit a choice graph:
//! what is searched, from where, and what is told of it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::coordinator::Coordinator;
use super::infeasible::{CLOSEST, broken};
use super::interrupt::Interruptible;
use super::judged::Judged;
use super::plan::limited_counts;
use super::run::Outcome;
use super::trials::{Trial, Trials};
use super::{Journal, Outputs, Plan, Progress, StudyError, decisions, present, strategy};
use crate::config::{Executor, Limit, Relation, SearchConfig, StrategyConfig, StrategyKind};
use crate::evaluate::{Bound, Evaluator, Task, WorkerOptions, in_processes};
use crate::objective::Objective;
use crate::pareto;
use crate::report::{Certificate, Closest, Course, Entry, ReportData};
use crate::search::{self, Domain, FrontError, Genotype, Strategy};
use crate::space::{Architecture, ChoiceGraph, CompileError};
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
    notes: Vec<String>,
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
}

/// A space too large for its choice graph has no number of architectures here.
const UNCOUNTED: &str = "more than 10 million";

impl Evolution {
    /// Compiles and prices what adds up. `too_large` is why the space has no choice graph, where it has none.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn new(
        config: SearchConfig,
        compiled: Result<ChoiceGraph, CompileError>,
        progress: &dyn Progress,
    ) -> Result<Self, StudyError> {
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
        let summary = summarise(&config, &strategy, stand_in.as_ref());
        Ok(Self { config, strategy, stand_in, quantities, summary, notes })
    }

    /// Everything that may be decided.
    pub(super) fn domain(&self) -> &dyn Domain {
        match &self.stand_in {
            Some(plan) => plan.graph(),
            None => &self.config.space,
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
        let members = self.members(&trials)?;
        let mut data = self.report_data(&trials, &members, &end, command);
        if members.is_empty() {
            data.closest = self.closest(&trials)?;
            if data.closest.is_empty() {
                journal.stopped("every candidate failed")?;
                return Err(self.nothing_feasible(&trials, &[]));
            }
        }
        data.run.entries.push(Entry { key: "started from".to_owned(), value: seeded });
        data.run.seconds = began.elapsed().as_secs_f64();
        let files = present::write(&self.config, outputs, &mut data, &members, progress)?;
        if end == End::Stopped {
            journal.stopped("interrupt")?;
            return Err(StudyError::Stopped { evaluated: trials.spent.round() as u64 });
        }
        journal.finished(members.len(), data.run.seconds, false)?;
        if members.is_empty() {
            return Err(self.nothing_feasible(&trials, &data.closest));
        }
        Ok(Outcome { data, files })
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
        let front = match plan.front_within(self.config.epsilon, progress) {
            Err(FrontError::Budget { .. }) => plan.front_within(0.01, progress),
            other => other,
        };
        let front = match front {
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

    /// The front as members, by the first objective.
    fn members(&self, trials: &Trials) -> Result<Vec<Judged>, StudyError> {
        let mut front = trials.front.clone();
        front.sort_by(|&a, &b| trials.objectives(a)[0].total_cmp(&trials.objectives(b)[0]));
        let digits = front.len().to_string().len().max(3);
        let member =
            |(rank, &index): (usize, &usize)| self.judged(&trials.all[index], &format!("f{:0digits$}", rank + 1));
        front.iter().enumerate().map(member).collect()
    }

    fn judged(&self, trial: &Trial, id: &str) -> Result<Judged, StudyError> {
        let (architecture, network) =
            self.config.space.realise(&trial.genotype).map_err(|error| {
                StudyError::Certificate(format!("`{}` was evaluated but {error}", trial.architecture))
            })?;
        let named = self.config.named().count();
        let values = trial.values[..named].iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        Judged::new(&self.config, id, architecture, &network, values)
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

    fn report_data(&self, trials: &Trials, members: &[Judged], end: &End, command: &str) -> ReportData {
        let config = &self.config;
        let architectures =
            self.stand_in.as_ref().map_or(UNCOUNTED.to_owned(), |plan| plan.graph().count().to_string());
        let mut data = present::report_data(config, architectures, members, command);
        data.notes.splice(0..0, self.notes.iter().cloned());
        data.certificate = self.certificate(trials, end);
        let (reference, hypervolume) = trials.growth();
        let reference = present::oriented(config, &reference);
        let Trials { infeasible, screened, failed, cached, .. } = *trials;
        let evaluated = trials.spent.round() as u64;
        data.course = Some(Course { evaluated, screened, infeasible, failed, cached, reference, hypervolume });
        let width = config.objectives.len();
        let values = |feasible: bool| {
            let wanted = trials.all.iter().enumerate().filter(move |(_, trial)| trial.is_feasible() == Some(feasible));
            let rows = wanted.filter(|(index, _)| !trials.front.contains(index));
            rows.filter_map(move |(_, trial)| trial.values[..width].iter().copied().collect::<Option<Vec<f64>>>())
        };
        self.tell_decisions(&mut data, trials);
        data.sampled = values(true).collect();
        data.infeasible = values(false).collect();
        data.run.entries.extend([
            Entry { key: "strategy".to_owned(), value: self.summary.strategy.clone() },
            Entry { key: "candidates".to_owned(), value: trials.all.len().to_string() },
        ]);
        data
    }

    /// Which options the front takes, and which decisions matter, over all candidates that were evaluated.
    fn tell_decisions(&self, data: &mut ReportData, trials: &Trials) {
        let space = &self.config.space;
        let width = self.config.objectives.len();
        let mut evaluated: Vec<Architecture> = Vec::new();
        let mut values: Vec<Vec<f64>> = Vec::new();
        let mut front = Vec::new();
        for (index, trial) in trials.all.iter().enumerate() {
            let row: Option<Vec<f64>> = trial.values[..width].iter().copied().collect();
            // A trial with values was built once, and is built again.
            if let (Some(row), Ok((architecture, _))) = (row, space.realise(&trial.genotype)) {
                if trials.front.contains(&index) {
                    front.push(evaluated.len());
                }
                evaluated.push(architecture);
                values.push(row);
            }
        }
        let seen;
        let specs = match &self.stand_in {
            Some(plan) => plan.graph().decisions(),
            None => {
                seen = decisions::seen(&evaluated);
                &seen
            }
        };
        data.choices = decisions::choices(specs, front.iter().map(|&index| &evaluated[index]), &evaluated);
        data.importance =
            decisions::importance(specs, &evaluated.iter().collect::<Vec<_>>(), &values, self.config.seed);
    }

    /// Candidates outside the limits that come closest to them: by the sum of what each limit is off, as a share of the most
    /// that anyone was.
    fn closest(&self, trials: &Trials) -> Result<Vec<Closest>, StudyError> {
        let mut outside: Vec<(&Trial, &Vec<f64>)> = Vec::new();
        for trial in trials.all.iter().filter(|trial| !trial.cached) {
            if let search::Outcome::Infeasible { violations } = &trial.outcome {
                outside.push((trial, violations));
            }
        }
        let mut worst = vec![0f64; self.config.limits.len()];
        for (_, violations) in &outside {
            worst.iter_mut().zip(*violations).for_each(|(worst, violation)| *worst = worst.max(*violation));
        }
        let off = |violations: &[f64]| -> f64 {
            violations
                .iter()
                .zip(&worst)
                .filter(|(_, worst)| **worst > 0.0)
                .map(|(violation, worst)| violation / worst)
                .sum()
        };
        outside.sort_by(|(_, a), (_, b)| off(a).total_cmp(&off(b)));
        let member = |(rank, (trial, _)): (usize, &(&Trial, &Vec<f64>))| {
            let judged = self.judged(trial, &format!("c{:03}", rank + 1))?;
            let at = |name: &str| self.quantities.iter().position(|quantity| quantity.name() == name);
            let value = |limit: &Limit| at(&limit.quantity).and_then(|at| trial.values[at]);
            Ok(Closest { member: judged.member, broken: broken(&self.config.limits, value) })
        };
        outside.iter().take(CLOSEST).enumerate().map(member).collect()
    }

    /// Why nothing came out, in the words and at the place of the config.
    fn nothing_feasible(&self, trials: &Trials, closest: &[Closest]) -> StudyError {
        let candidates = counted(trials.all.len(), "candidate");
        if let Some(closest) = closest.first() {
            let off: Vec<String> = closest
                .broken
                .iter()
                .map(|broken| format!("{} by {}", broken.limit, present::with_unit(broken.by, &broken.unit)))
                .collect();
            let message = format!("none of {candidates} of `{}` is within the limits", self.config.space.name());
            let help = format!(
                "the closest one (`{}`) breaks {}; relax that, raise `evaluations`, or offer something lighter in the space",
                closest.member.architecture,
                off.join(" and ")
            );
            return StudyError::Infeasible(self.config.problem("limits", message, help));
        }
        let reason = trials.all.iter().find_map(|trial| match &trial.outcome {
            search::Outcome::Failed { reason } => Some(reason.as_str()),
            _ => None,
        });
        StudyError::AllFailed {
            candidates: trials.all.len(),
            reason: reason.unwrap_or("no candidate was evaluated").to_owned(),
        }
    }

    fn certificate(&self, trials: &Trials, end: &End) -> Certificate {
        let evaluated = counted(trials.spent.round() as usize, "network");
        let all = self.stand_in.as_ref().map(|plan| plan.graph().count().to_string());
        if *end == End::Exhausted && all.as_deref() == Some(trials.all.len().to_string().as_str()) && trials.failed == 0
        {
            let statement = format!(
                "Complete: every architecture of the space was evaluated, or ruled out by a limit before it was ({evaluated})."
            );
            return Certificate { complete: true, epsilon: Some(0.0), statement };
        }
        let why = match end {
            End::Stopped => "; the search was stopped before its budget was spent, and the same command continues it",
            End::Spent | End::Exhausted => "",
        };
        let statement = format!("Not certified: the best of {evaluated} that were evaluated{why}.");
        Certificate { complete: false, epsilon: None, statement }
    }
}

fn summarise(config: &SearchConfig, strategy: &StrategyConfig, stand_in: Option<&Plan>) -> EvolutionSummary {
    let mut told = strategy.kind.name().to_owned();
    if strategy.steady_state {
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
    }
}

/// Whether everything that does not add up has a stand-in. Where everything adds up, the exact front is what the search
/// was asked to find by other means, and is no place to start.
fn has_seeds(config: &SearchConfig) -> bool {
    let stood_for = |objective: &Arc<dyn Objective>| objective.additive().is_some() || objective.stand_in().is_some();
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
}

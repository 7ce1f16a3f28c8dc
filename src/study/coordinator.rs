//! Candidates on their way from being asked for to being told: evaluated as cores come free, settled in the order in which
//! they were asked for, and recorded before anyone hears of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::evolve::Evolution;
use super::interrupt::Interruptible;
use super::store::{Event, Taken, Told, ToldOutcome};
use super::trials::{Trial, Trials};
use super::{Journal, Progress, Snapshot, StudyError};
use crate::evaluate::{Evaluator, Finished, Job, Verdict};
use crate::graph::{Network, Op, Shape};
use crate::objective::Objective;
use crate::search::{Candidate, Genotype, Outcome};

pub(super) struct Coordinator<'a> {
    evolution: &'a Evolution,
    journal: &'a mut Journal,
    evaluator: Evaluator,
    /// Asked for and not yet told, oldest first.
    flight: VecDeque<Flying>,
    finished: HashMap<u64, Finished>,
    /// The first candidate with each network at each fidelity.
    known: HashMap<(String, u64), u64>,
    trials: Trials,
    /// The share of the evaluations that came from the record.
    recorded: f64,
    /// The input of the first network: scores are not compared across inputs.
    input: Option<Shape>,
}

/// A candidate on its way.
struct Flying {
    id: u64,
    genotype: Genotype,
    fidelity: f64,
    /// What its evaluation takes: its fidelity, or nothing where nothing is evaluated.
    effort: f64,
    architecture: String,
    /// The decisions as they are recorded.
    taken: Vec<Taken>,
    hash: String,
    state: State,
}

enum State {
    /// What a former run of this study told of it.
    Recorded,
    /// It cannot be evaluated.
    Impossible(String),
    /// With the evaluator, or in the queue.
    Evaluated,
    /// Its network is that of an earlier candidate.
    Same(u64),
}

/// Candidates that cost nothing, since a limit or an earlier network settles them, may be this many times the budget.
const FREE: u64 = 50;

/// How long the evaluator is waited for before progress is shown again.
const PATIENCE: Duration = Duration::from_millis(200);

impl<'a> Coordinator<'a> {
    pub(super) fn new(evolution: &'a Evolution, journal: &'a mut Journal) -> Result<Self, StudyError> {
        Ok(Self {
            evaluator: evolution.evaluator()?,
            evolution,
            journal,
            flight: VecDeque::new(),
            finished: HashMap::new(),
            known: HashMap::new(),
            trials: Trials::default(),
            recorded: 0.0,
            input: None,
        })
    }

    /// How many candidates more may be asked for now. Depends on what was asked and told so far, and on nothing else.
    pub(super) fn room(&self) -> usize {
        let flying: f64 = self.flight.iter().map(|flying| flying.effort).sum();
        let left = self.evolution.config.evaluations as f64 - self.trials.spent - flying;
        if left <= 0.0 || self.trials.all.len() as u64 >= self.most_candidates() {
            return 0;
        }
        self.evolution.strategy.window.saturating_sub(self.flight.len()).min(left.ceil() as usize)
    }

    /// Whether the budget is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.trials.spent >= self.evolution.config.evaluations as f64
            || self.trials.all.len() as u64 >= self.most_candidates()
    }

    /// Whether so many evaluations failed, and none did not, that the rest would too: a program that is not there, a score
    /// that does not know these networks.
    pub(super) fn is_hopeless(&self) -> bool {
        const ENOUGH: u64 = 20;
        let Trials { failed, feasible, infeasible, screened, dead, .. } = self.trials;
        failed >= ENOUGH && feasible + infeasible + dead == screened
    }

    fn most_candidates(&self) -> u64 {
        self.evolution.config.evaluations.saturating_mul(FREE).saturating_add(1000)
    }

    /// Takes a candidate in.
    pub(super) fn start(&mut self, candidate: Candidate<Genotype>) -> Result<(), StudyError> {
        let Candidate { id, genotype, fidelity } = candidate;
        if let Some(told) = self.journal.record().trials.get(id as usize) {
            if told.genotype != genotype || told.fidelity != fidelity {
                return Err(StudyError::Replay { trial: id, recorded: told.architecture.clone() });
            }
            let (architecture, hash) = (told.architecture.clone(), told.hash.clone());
            self.known.entry((hash.clone(), fidelity.to_bits())).or_insert(id);
            let effort = if told.cached || told.impossible() { 0.0 } else { fidelity };
            let (taken, state) = (Vec::new(), State::Recorded);
            self.flight.push_back(Flying { id, genotype, fidelity, effort, architecture, taken, hash, state });
            return Ok(());
        }
        let config = &self.evolution.config;
        let fault = |error: crate::space::ArchitectureError| StudyError::Certificate(error.to_string());
        let (architecture, network) = config.space.realise(&genotype).map_err(fault)?;
        self.compare_inputs(&network)?;
        let (text, hash) = (config.space.format(&architecture), network.canonical_hash().to_string());
        let taken = architecture.decisions.iter().map(|decision| Taken {
            path: decision.path.clone(),
            option: decision.option,
            value: serde_json::to_value(&decision.value).unwrap_or_default(),
        });
        let taken = taken.collect();
        let key = (hash.clone(), fidelity.to_bits());
        let (state, effort) = if network.live().count() == 0 {
            (State::Impossible("its output does not depend on its input".to_owned()), 0.0)
        } else if let Some(&earlier) = self.known.get(&key) {
            (State::Same(earlier), 0.0)
        } else {
            self.known.insert(key, id);
            let record = self.journal.record();
            let known =
                |quantity: &Arc<dyn Objective>| record.reading(&hash, &quantity.origin().hash, fidelity, config.seed);
            self.evaluator.submit(Job {
                id,
                network,
                architecture: text.clone(),
                decisions: architecture.decisions.into_iter().map(|decision| (decision.path, decision.value)).collect(),
                seed: config.seed,
                fidelity,
                known: self.evolution.quantities.iter().map(known).collect(),
            });
            (State::Evaluated, fidelity)
        };
        self.flight.push_back(Flying { id, genotype, fidelity, effort, architecture: text, taken, hash, state });
        Ok(())
    }

    /// Structural scores ignore the input size, or even rise as it falls. A choice graph shows at once where a space
    /// chooses among sizes; without one it shows here.
    fn compare_inputs(&mut self, network: &Network) -> Result<(), StudyError> {
        let input = network.ids().find_map(|id| match network.node(id).op {
            Op::Input { shape } => Some(shape),
            _ => None,
        });
        let config = &self.evolution.config;
        let Some(score) = config.named().find(|objective| !objective.compares_input_sizes()) else { return Ok(()) };
        match (self.input, input) {
            (Some(first), Some(here)) if first != here => {
                Err(StudyError::Input(super::plan::unequal_inputs(config, score, &[first, here])))
            }
            (None, here) => {
                self.input = here;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Waits for the oldest candidate, records what became of it, and hands it over. Nothing where none is on its way, or
    /// where an interrupt came before its evaluation began.
    pub(super) fn settle_oldest(
        &mut self,
        interrupt: &Interruptible,
        progress: &dyn Progress,
    ) -> Result<Option<Trial>, StudyError> {
        loop {
            let Some(oldest) = self.flight.front() else { return Ok(None) };
            let waiting = matches!(oldest.state, State::Evaluated) && !self.finished.contains_key(&oldest.id);
            if !waiting {
                break;
            }
            if interrupt.asked() {
                // What has not begun is left for the next run; what runs is waited for.
                self.evaluator.withdraw();
            }
            if self.evaluator.pending() == 0 {
                return Ok(None);
            }
            if let Some(finished) = self.evaluator.next(PATIENCE) {
                self.arrived(finished)?;
            }
            progress.snapshot(&|| self.snapshot());
        }
        let Some(flying) = self.flight.pop_front() else { return Ok(None) };
        self.settle(flying).map(Some)
    }

    /// What took long to find out is recorded as soon as it is known.
    fn arrived(&mut self, finished: Finished) -> Result<(), StudyError> {
        let flying = self.flight.iter().find(|flying| flying.id == finished.id).expect("only what flies is evaluated");
        let quantities = &self.evolution.quantities;
        let dear: Vec<_> = (quantities.iter().zip(&finished.readings))
            .filter(|(quantity, _)| !quantity.cheap())
            .filter_map(|(quantity, reading)| {
                let reading = reading.as_ref()?;
                Some((quantity.name().to_owned(), quantity.origin().hash.clone(), reading.value, reading.seconds))
            })
            .collect();
        for (name, _, _, seconds) in dear.iter().filter(|(_, _, _, seconds)| *seconds > 0.0) {
            let (count, sum) = self.trials.took.entry(name.clone()).or_default();
            (*count, *sum) = (*count + 1, *sum + seconds);
        }
        if !dear.is_empty() {
            self.journal.write(&[Event::Evaluated {
                trial: flying.id,
                hash: flying.hash.clone(),
                fidelity: flying.fidelity,
                seed: self.evolution.config.seed,
                readings: dear,
            }])?;
        }
        self.finished.insert(finished.id, finished);
        Ok(())
    }

    fn settle(&mut self, flying: Flying) -> Result<Trial, StudyError> {
        let Flying { id, genotype, fidelity, architecture, taken, hash, state, .. } = flying;
        let mut trial = Trial {
            id,
            genotype,
            architecture,
            fidelity,
            cached: false,
            screened: false,
            values: vec![None; self.evolution.quantities.len()],
            outcome: Outcome::Failed { reason: String::new() },
        };
        match state {
            State::Recorded => {
                let told = self.journal.record().trials.get(id as usize).expect("it was there when it was asked for");
                self.evolution.recall(&mut trial, told);
                self.recorded += trial.effort();
                return Ok(trial);
            }
            State::Impossible(reason) => {
                trial.screened = true;
                trial.outcome = Outcome::Failed { reason };
            }
            State::Same(earlier) => {
                let earlier = &self.trials.all[earlier as usize];
                trial.cached = true;
                (trial.screened, trial.values) = (earlier.screened, earlier.values.clone());
                trial.outcome = earlier.outcome.clone();
            }
            State::Evaluated => {
                let finished = self.finished.remove(&id).expect("settled when it is finished");
                trial.values = finished.readings.iter().map(|reading| reading.map(|reading| reading.value)).collect();
                trial.outcome = match finished.verdict {
                    Verdict::Complete => Outcome::Complete { objectives: self.evolution.oriented(&trial.values) },
                    Verdict::Infeasible { violations, screened } => {
                        trial.screened = screened;
                        Outcome::Infeasible { violations }
                    }
                    Verdict::Failed { objective, reason } => {
                        Outcome::Failed { reason: format!("{objective}: {reason}") }
                    }
                };
            }
        }
        let names = self.evolution.quantities.iter().map(|quantity| quantity.name().to_owned());
        let values = names.zip(&trial.values).filter_map(|(name, value)| Some((name, (*value)?)));
        let screened = trial.screened;
        let event = Event::Told {
            trial: id,
            architecture: trial.architecture.clone(),
            hash,
            decisions: taken,
            fidelity,
            cached: trial.cached,
            values: values.collect(),
            outcome: match &trial.outcome {
                Outcome::Complete { .. } => ToldOutcome::Complete,
                Outcome::Infeasible { violations } => {
                    ToldOutcome::Infeasible { violations: violations.clone(), screened }
                }
                Outcome::Failed { reason } => ToldOutcome::Failed { reason: reason.clone(), screened },
                Outcome::Pruned { .. } => return Ok(trial),
            },
        };
        self.journal.write(&[event])?;
        Ok(trial)
    }

    /// Adds a trial that was told.
    pub(super) fn keep(&mut self, trial: Trial) {
        self.trials.push(trial);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let trials = &self.trials;
        Snapshot {
            evaluated: trials.spent,
            budget: self.evolution.config.evaluations,
            recorded: self.recorded,
            candidates: trials.all.len() as u64,
            feasible: trials.feasible,
            failed: trials.failed,
            cached: trials.cached,
            front: trials.front.len(),
            hypervolume: trials.hypervolume(),
            improved: trials.improved,
        }
    }

    /// All that was told.
    pub(super) fn finish(self) -> Trials {
        self.trials
    }
}

impl Told {
    /// Whether nothing was evaluated, since the candidate computes nothing.
    fn impossible(&self) -> bool {
        matches!(self.outcome, ToldOutcome::Failed { screened: true, .. })
    }
}

impl Evolution {
    /// Brings a trial back from the record.
    fn recall(&self, trial: &mut Trial, told: &Told) {
        trial.cached = told.cached;
        trial.values = self.quantities.iter().map(|quantity| told.values.get(quantity.name()).copied()).collect();
        trial.settle(&told.outcome, self.oriented(&trial.values));
    }
}

//! Candidates on their way from being asked for to being told: evaluated as cores come free, settled in the order in which
//! they were asked for, and recorded before anyone hears of it.

use std::collections::{HashMap, VecDeque};

use super::evolve::Evolution;
use super::interrupt::Interruptible;
use super::log::Log;
use super::store::{Event, Record, Store};
use super::trials::{Trial, Trials};
use super::{Progress, Snapshot, StudyError};
use crate::config::Relation;
use crate::evaluate::{Evaluator, Finished, Job, Verdict};
use crate::graph::Shape;
use crate::search::{Candidate, Genotype, Outcome};

pub(super) struct Coordinator<'a> {
    evolution: &'a Evolution,
    store: &'a mut Store,
    evaluator: Evaluator,
    /// Asked for and not yet told, oldest first.
    flight: VecDeque<Flying>,
    finished: HashMap<u64, Finished>,
    trials: Trials,
    /// The input of the first network: scores are not compared across inputs.
    input: Option<Shape>,
}

/// A candidate on its way.
struct Flying {
    id: u64,
    genotype: Genotype,
    fidelity: f64,
    architecture: String,
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
    pub(super) fn new(evolution: &'a Evolution, store: &'a mut Store) -> Result<Self, StudyError> {
        Ok(Self {
            evaluator: evolution.evaluator()?,
            evolution,
            store,
            flight: VecDeque::new(),
            finished: HashMap::new(),
            known: HashMap::new(),
            trials: Trials::default(),
            input: None,
        })
    }

    /// How many candidates more may be asked for now. Depends on what was asked and told so far, and on nothing else.
    pub(super) fn room(&self) -> usize {
        let flying: f64 = self.flight.iter().map(Flying::effort).sum();
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

    fn most_candidates(&self) -> u64 {
        self.evolution.config.evaluations.saturating_mul(FREE).saturating_add(1000)
    }

    /// Takes a candidate in.
    pub(super) fn start(&mut self, candidate: Candidate<Genotype>) -> Result<(), StudyError> {
        let Candidate { id, genotype, fidelity } = candidate;
        if let Some(told) = self.store.record().trial(id) {
            if !told.is(&genotype, fidelity) {
                return Err(StudyError::Replay { trial: id, recorded: told.architecture.clone() });
            }
            let (architecture, hash) = (told.architecture.clone(), told.hash.clone());
            let effort = if told.free() { 0.0 } else { fidelity };
            self.flight.push_back(Flying { id, genotype, fidelity, effort, architecture, hash, state: State::Recorded });
            return Ok(());
        }
        let space = &self.evolution.config.space;
        let (architecture, network) = space.realise(&genotype).map_err(|error| StudyError::Certificate(error.to_string()))?;
        self.compare_inputs(&network)?;
        let (text, hash) = (space.format(&architecture), network.canonical_hash().to_string());
        let (state, effort) = if network.live().count() == 0 {
            (State::Impossible("its output does not depend on its input".to_owned()), 0.0)
        } else if let Some(&earlier) = self.known.get(&(hash.clone(), fidelity.to_bits())) {
            (State::Same(earlier), 0.0)
        } else {
            self.known.insert((hash.clone(), fidelity.to_bits()), id);
            let record = self.store.record();
            let known = |objective: &Arc<dyn Objective>| {
                record.reading(&hash, &objective.origin().hash, fidelity, self.evolution.config.seed)
            };
            self.evaluator.submit(Job {
                id,
                network,
                architecture: text.clone(),
                decisions: architecture.decisions.into_iter().map(|decision| (decision.path, decision.value)).collect(),
                seed: self.evolution.config.seed,
                fidelity,
                known: self.evolution.quantities.iter().map(known).collect(),
            });
            (State::Evaluated, fidelity)
        };
        self.flight.push_back(Flying { id, genotype, fidelity, effort, architecture: text, hash, state });
        Ok(())
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
        if quantities.iter().any(|quantity| !quantity.cheap()) {
            let event = Event::evaluated(flying.id, &flying.hash, flying.fidelity, self.evolution.config.seed, quantities, &finished);
            self.store.write(&[event])?;
        }
        self.finished.insert(finished.id, finished);
        Ok(())
    }

    fn settle(&mut self, flying: Flying) -> Result<Trial, StudyError> {
        let Flying { id, genotype, fidelity, architecture, hash, state, .. } = flying;
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
                let told = self.store.record().trial(id).expect("it was there when the candidate was asked for");
                (trial.cached, trial.screened) = (told.cached, told.screened);
                (trial.values, trial.outcome) = (told.values.clone(), told.outcome.clone());
                self.known.entry((hash, fidelity.to_bits())).or_insert(id);
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
                trial.values = finished.readings.iter().map(|reading| reading.as_ref().map(|reading| reading.value)).collect();
                trial.outcome = match finished.verdict {
                    Verdict::Complete => Outcome::Complete { objectives: self.evolution.oriented(&trial.values) },
                    Verdict::Infeasible { violations, screened } => {
                        trial.screened = screened;
                        Outcome::Infeasible { violations }
                    }
                    Verdict::Failed { objective, reason } => Outcome::Failed { reason: format!("{objective}: {reason}") },
                };
            }
        }
        self.store.write(&[Event::told(&trial, &hash)])?;
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

impl Flying {
    /// What its evaluation takes.
    fn effort(&self) -> f64 {
        self.effort
    }
}

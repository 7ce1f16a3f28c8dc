//! How a study stands, told from its record alone: from another process while a search runs, or after it ended, however
//! it did. Nothing is written, and the search is not disturbed.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::store::{self, Event, Goal, Identity, Record, STORE, Store};
use super::trials::{Trial, Trials};
use super::{Holder, LOG, Lock, StudyError};
use crate::search::Outcome;

/// The rate is that of the last so many seconds.
const RECENT: f64 = 60.0;

/// How a study stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The name of the search.
    pub search: String,
    /// The version of this program that began it.
    pub version: String,
    /// What its last run does, or how it ended.
    pub state: State,
    /// Evaluations so far, each counted by its fidelity.
    pub evaluated: f64,
    /// How many there will be at most; nothing where the record does not say, or the front is exact.
    pub budget: Option<u64>,
    /// Candidates so far.
    pub candidates: u64,
    /// Of them, those within every limit.
    pub feasible: u64,
    /// Those outside of some limit.
    pub infeasible: u64,
    /// Those that something cheap ruled out before anything dear was evaluated.
    pub screened: u64,
    /// Those that could not be evaluated.
    pub failed: u64,
    /// Those that compute nothing.
    pub dead: u64,
    /// Those whose network had been evaluated before.
    pub cached: u64,
    /// Members of the front.
    pub front: usize,
    /// The share that the front dominates of the box between the best and the worst value of each objective so far.
    pub hypervolume: f64,
    /// Evaluations when the front changed last.
    pub improved: f64,
    /// Evaluations a second: over the last minute, or since the run began where there were none; only of one that runs.
    pub per_second: Option<f64>,
    /// How long the rest of the budget takes at that rate.
    pub seconds_left: Option<f64>,
    /// The best value of each objective so far.
    pub best: Vec<Best>,
    /// The log.
    pub log: PathBuf,
}

/// What the last run of a study does, or how it ended. Times are in unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// It runs.
    Running {
        /// Since when.
        since: f64,
        /// Who does it, where the lock says so.
        by: Option<Holder>,
    },
    /// It ended before its time.
    Stopped {
        /// When.
        at: f64,
        /// Why.
        reason: String,
    },
    /// It has its result.
    Finished {
        /// When.
        at: f64,
        /// Members of the front.
        members: usize,
        /// How long the run took.
        seconds: f64,
        /// Whether the front is that of a choice graph: then its members stand as candidates, the first ten thousand of
        /// them, and nothing was tried one by one.
        exact: bool,
    },
    /// It neither stopped nor finished, and nobody holds the study.
    Killed {
        /// When the last thing was recorded.
        last: f64,
        /// Its process.
        pid: u32,
        /// The machine it ran on.
        host: String,
    },
}

/// The best value of an objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    /// The objective.
    #[serde(flatten)]
    pub goal: Goal,
    /// The value, in its own direction and unit; nothing where no candidate kept the limits yet.
    pub value: Option<f64>,
}

/// How the study of a folder stands now.
///
/// # Errors
/// [`StudyError::Folder`] where there is no such folder, [`StudyError::Store`] where it holds no study that can be read.
pub fn read(folder: &Path) -> Result<Status, StudyError> {
    if !folder.is_dir() {
        return Err(StudyError::Folder {
            message: format!("there is no folder `{}`", folder.display()),
            help: "give the folder that `pocketnas search` fills; it is reports/<name of the search> unless --out names it"
                .to_owned(),
        });
    }
    // Asked before, so that a run that ends meanwhile is not taken for one that was killed; and again after, so that one
    // that begins meanwhile is not either.
    let before = Lock::holder(folder);
    let (store, record) = Store::read(&folder.join(STORE))?;
    let holder = before.or_else(|| Lock::holder(folder));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    Ok(Status { log: folder.join(LOG), ..Status::of(store.identity(), &record, &store.events()?, holder, now) })
}

impl Status {
    /// How a study stands at `now`, in unix seconds. `holder` is as [`Lock::holder`] says.
    pub fn of(
        identity: &Identity,
        record: &Record,
        events: &[(f64, Event)],
        holder: Option<Option<Holder>>,
        now: f64,
    ) -> Self {
        let trials = trials(&identity.objectives, record);
        let budget = record.identity.iter().find(|(key, _)| key == "evaluations");
        let budget = budget.and_then(|(_, value)| value.parse().ok());
        let state = state(record, events, holder);
        // Members of an exact front stand as candidates, but nothing was spent on them.
        let exact = matches!(state, State::Finished { exact: true, .. });
        let (budget, evaluated) = if exact { (None, 0.0) } else { (budget, trials.spent) };
        let per_second = match state {
            State::Running { .. } => rate(events, now),
            _ => None,
        };
        let left = budget.map(|budget: u64| (budget as f64 - trials.spent).max(0.0));
        let best = trials.box_of_all().map(|(_, best)| best);
        let best = identity
            .objectives
            .iter()
            .enumerate()
            .map(|(index, goal)| Best { goal: goal.clone(), value: best.as_ref().map(|best| goal.cost(best[index])) });
        Self {
            search: identity.name.clone(),
            version: identity.version.clone(),
            state,
            evaluated,
            budget,
            candidates: trials.all.len() as u64,
            feasible: trials.feasible,
            infeasible: trials.infeasible,
            screened: trials.screened - trials.dead,
            failed: trials.failed,
            dead: trials.dead,
            cached: trials.cached,
            front: trials.front.len(),
            hypervolume: trials.hypervolume(),
            improved: if exact { 0.0 } else { trials.improved },
            per_second,
            seconds_left: left.zip(per_second).map(|(left, rate)| left / rate),
            best: best.collect(),
            log: PathBuf::new(),
        }
    }
}

impl Goal {
    /// A value as one to be minimised, or such a one as a value.
    pub(super) fn cost(&self, value: f64) -> f64 {
        if self.higher { -value } else { value }
    }
}

/// The trials of a record, with the front among them.
pub(super) fn trials(objectives: &[Goal], record: &Record) -> Trials {
    let mut trials = Trials::default();
    for (id, told) in record.trials.iter().enumerate() {
        let values: Vec<Option<f64>> = objectives.iter().map(|goal| told.values.get(&goal.name).copied()).collect();
        let costs: Option<Vec<f64>> =
            values.iter().zip(objectives).map(|(value, goal)| value.map(|value| goal.cost(value))).collect();
        let mut trial = Trial {
            id: id as u64,
            genotype: told.genotype.clone(),
            architecture: told.architecture.clone(),
            fidelity: told.fidelity,
            cached: told.cached,
            screened: false,
            values,
            outcome: Outcome::Failed { reason: "a value is not on record".to_owned() },
        };
        match costs {
            None if told.outcome == store::ToldOutcome::Complete => {}
            costs => trial.settle(&told.outcome, costs.unwrap_or_default()),
        }
        trials.push(trial);
    }
    trials
}

fn state(record: &Record, events: &[(f64, Event)], holder: Option<Option<Holder>>) -> State {
    let last = events.last().map_or(0.0, |(time, _)| *time);
    match &record.state {
        store::State::Stopped(reason) => State::Stopped { at: last, reason: reason.clone() },
        &store::State::Finished { members, seconds, exact } => State::Finished { at: last, members, seconds, exact },
        store::State::Open => {
            let opened = events.iter().rev().find_map(|(time, event)| match event {
                Event::Opened { pid, host, .. } => Some((*time, *pid, host.clone())),
                _ => None,
            });
            let (since, pid, host) = opened.unwrap_or((last, 0, String::new()));
            match holder {
                Some(by) => State::Running { since: by.as_ref().map_or(since, |by| by.since), by },
                None => State::Killed { last, pid, host },
            }
        }
    }
}

/// Evaluations a second of the run that goes on; nothing before the first one.
fn rate(events: &[(f64, Event)], now: f64) -> Option<f64> {
    let start = events.iter().rposition(|(_, event)| matches!(event, Event::Opened { .. }))?;
    let opened = events[start].0;
    let since = |begin: f64| {
        let recent = events[start..].iter().filter(|(time, _)| *time >= begin);
        let effort: f64 = recent.map(|(_, event)| event.effort()).sum();
        effort / (now - begin)
    };
    let recent = since(opened.max(now - RECENT));
    Some(if recent > 0.0 { recent } else { since(opened) }).filter(|rate| *rate > 0.0 && rate.is_finite())
}

impl Event {
    /// What a candidate that was told took: its fidelity, or nothing where nothing had to be evaluated.
    fn effort(&self) -> f64 {
        match self {
            Self::Told { fidelity, cached: false, outcome, .. } if !outcome.is_screened() => *fidelity,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests;

//! How one job is judged: cheap objectives, limits on them, and only then what is dear.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use super::{Finished, Job, Reading, Verdict, seconds};
use crate::objective::{Objective, Subject};

/// A hard bound on the value of an objective, in its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The value may be at most this.
    AtMost(f64),
    /// The value must be at least this.
    AtLeast(f64),
}

impl Bound {
    /// By how much a value breaks the bound; 0 where it keeps it.
    pub fn violation(self, value: f64) -> f64 {
        match self {
            Self::AtMost(most) => (value - most).max(0.0),
            Self::AtLeast(least) => (least - value).max(0.0),
        }
    }
}

/// What every job is judged by.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is computed: objectives and whatever else is limited or shown.
    pub objectives: Vec<Arc<dyn Objective>>,
    /// What is limited: the index of an objective, and its bound.
    pub limits: Vec<(usize, Bound)>,
    /// The name of the space that the networks come from.
    pub space: String,
}

impl Task {
    /// Judges one job on this thread.
    ///
    /// Cheap objectives come first, then the limits on all that is known by then. If one is broken, nothing dear runs.
    /// Otherwise dear objectives follow, limited ones first, for as long as every limit holds.
    pub fn judge(&self, job: &Job) -> Finished {
        let mut readings: Vec<Option<Reading>> = (0..self.objectives.len())
            .map(|index| {
                let known = job.known.get(index).copied().flatten().filter(|value| value.is_finite());
                known.map(|value| Reading { value, seconds: 0.0 })
            })
            .collect();
        let verdict = self.fill(&mut readings, job);
        Finished { id: job.id, readings, verdict }
    }

    fn fill(&self, readings: &mut [Option<Reading>], job: &Job) -> Verdict {
        let (cheap, mut dear): (Vec<usize>, Vec<usize>) =
            (0..self.objectives.len()).partition(|&index| self.objectives[index].cheap());
        dear.sort_by_key(|&index| !self.limits.iter().any(|&(limited, _)| limited == index));
        for index in cheap {
            if let Err(failed) = self.read(index, readings, job) {
                return failed;
            }
        }
        for index in dear {
            if let Some(infeasible) = self.infeasible(readings) {
                return infeasible;
            }
            if let Err(failed) = self.read(index, readings, job) {
                return failed;
            }
        }
        self.infeasible(readings).unwrap_or(Verdict::Complete)
    }

    /// Computes one objective, unless it is known.
    fn read(&self, index: usize, readings: &mut [Option<Reading>], job: &Job) -> Result<(), Verdict> {
        if readings[index].is_some() {
            return Ok(());
        }
        let objective = &self.objectives[index];
        let subject = Subject {
            network: &job.network,
            space: &self.space,
            architecture: &job.architecture,
            decisions: &job.decisions,
            seed: job.seed,
            fidelity: job.fidelity,
        };
        let began = Instant::now();
        let reason = match guarded(objective.as_ref(), &subject) {
            Ok(value) if value.is_finite() => {
                readings[index] = Some(Reading { value, seconds: seconds(began) });
                return Ok(());
            }
            Ok(value) => format!("its value is {value}, which is no finite number"),
            Err(reason) => reason,
        };
        Err(Verdict::Failed { objective: objective.name().to_owned(), reason })
    }

    /// What the values that are known by now break, if anything.
    fn infeasible(&self, readings: &[Option<Reading>]) -> Option<Verdict> {
        let value = |index: usize| readings.get(index).copied().flatten().map(|reading| reading.value);
        let violations: Vec<f64> = (self.limits.iter())
            .map(|&(index, bound)| value(index).map_or(0.0, |value| bound.violation(value)))
            .collect();
        let broken = violations.iter().any(|&violation| violation > 0.0);
        broken.then(|| Verdict::Infeasible { violations, screened: readings.contains(&None) })
    }
}

/// The value, or why there is none; a panic is a reason like any other.
pub(super) fn guarded(objective: &dyn Objective, subject: &Subject<'_>) -> Result<f64, String> {
    // An objective has no state that a panic could leave half-changed: it is asked through a shared reference.
    match panic::catch_unwind(AssertUnwindSafe(|| objective.evaluate(subject))) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(payload) => Err(format!("it panicked, which is a mistake in pocketnas: {}", message(payload.as_ref()))),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

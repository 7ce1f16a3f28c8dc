//! The candidates of a search that were told so far, and the front among them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::store::ToldOutcome;
use crate::pareto::{self, dominates};
use crate::report::Growth;
use crate::search::{Genotype, Outcome};
use crate::units::counted;

/// A candidate and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// Counted from 0 in the order in which the strategy asked.
    pub id: u64,
    /// Its decisions.
    pub genotype: Genotype,
    /// Its text form.
    pub architecture: String,
    /// How thoroughly it was evaluated.
    pub fidelity: f64,
    /// Whether its network had been evaluated before.
    pub cached: bool,
    /// Whether a limit on something cheap ruled it out before anything dear ran.
    pub screened: bool,
    /// The value of each quantity, where it is known.
    pub values: Vec<Option<f64>>,
    /// What the strategy was told.
    pub outcome: Outcome,
}

impl Trial {
    /// Objective values, all to be minimised, of a candidate that was evaluated in full within the limits.
    fn complete(&self) -> Option<&[f64]> {
        match &self.outcome {
            Outcome::Complete { objectives } if self.fidelity >= 1.0 => Some(objectives),
            _ => None,
        }
    }
}

/// All trials in the order in which they were told.
#[derive(Debug, Default)]
pub(super) struct Trials {
    pub all: Vec<Trial>,
    /// Indices of the front.
    pub front: Vec<usize>,
    /// Evaluations, each counted by its fidelity: 1 is a whole one.
    pub spent: f64,
    pub feasible: u64,
    pub infeasible: u64,
    pub screened: u64,
    pub failed: u64,
    /// Candidates whose output does not depend on their input.
    pub dead: u64,
    pub cached: u64,
    /// `spent` when the front changed last.
    pub improved: f64,
    /// For each objective that is dear how many networks it judged in this run, and how many seconds that took together.
    pub took: BTreeMap<String, (u64, f64)>,
}

impl Trials {
    /// Adds a trial. Of equal ones the first stays on the front.
    pub(super) fn push(&mut self, trial: Trial) {
        match &trial.outcome {
            Outcome::Complete { .. } => self.feasible += 1,
            Outcome::Infeasible { .. } => self.infeasible += 1,
            Outcome::Failed { .. } if trial.screened => self.dead += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Pruned { .. } => {}
        }
        self.cached += u64::from(trial.cached);
        self.screened += u64::from(trial.screened);
        self.spent += trial.effort();
        if let Some(objectives) = trial.complete()
            && enter(&mut self.front, objectives, |index| complete(&self.all, index), self.all.len())
        {
            self.improved = self.spent;
        }
        self.all.push(trial);
    }

    /// Objective values of a trial on the front.
    pub(super) fn objectives(&self, index: usize) -> &[f64] {
        complete(&self.all, index)
    }

    /// The worst value of each objective among all that kept the limits, and the best; nothing if none did.
    pub(super) fn box_of_all(&self) -> Option<(Vec<f64>, Vec<f64>)> {
        let mut complete = self.all.iter().filter_map(Trial::complete);
        let first = complete.next()?;
        let (mut worst, mut best) = (first.to_vec(), first.to_vec());
        for row in complete {
            for (index, &value) in row.iter().enumerate() {
                worst[index] = worst[index].max(value);
                best[index] = best[index].min(value);
            }
        }
        Some((worst, best))
    }

    /// What came out, in a line.
    pub(super) fn summary(&self) -> String {
        let mut text = format!("{}, front of {}", counted(self.spent.round() as usize, "evaluation"), self.front.len());
        for (count, what) in [
            (self.infeasible, "outside the limits"),
            (self.failed, "failed"),
            (self.dead, "compute nothing"),
            (self.cached, "with a network evaluated before"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text
    }

    /// The share of the box between the best and the worst value of each objective so far that the front dominates.
    pub(super) fn hypervolume(&self) -> f64 {
        let Some((worst, best)) = self.box_of_all() else { return 0.0 };
        let front: Vec<&[f64]> = self.front.iter().map(|&index| self.objectives(index)).collect();
        share(&front, &worst, &best)
    }

    /// How the hypervolume grew, as a share of the last, measured from the worst value of each objective among all that
    /// kept the limits; and that corner. With four objectives and more only at `points` moments.
    pub(super) fn growth(&self) -> (Vec<f64>, Vec<Growth>) {
        /// Hypervolumes of more than three objectives take long.
        const MOMENTS: usize = 64;
        let Some((worst, best)) = self.box_of_all() else { return (Vec::new(), Vec::new()) };
        let last = self.hypervolume();
        let every = if worst.len() > 3 { self.all.len().div_ceil(MOMENTS) } else { 1 };
        let (mut front, mut spent, mut changed) = (Vec::new(), 0.0, false);
        let mut growth: Vec<Growth> = Vec::new();
        for (index, trial) in self.all.iter().enumerate() {
            spent += trial.effort();
            if let Some(objectives) = trial.complete() {
                changed |= enter(&mut front, objectives, |index| complete(&self.all, index), index);
            }
            if changed && (index % every == 0 || index + 1 == self.all.len()) {
                let points: Vec<&[f64]> = front.iter().map(|&index| self.objectives(index)).collect();
                // A front of one point spans no box; it is all there is.
                let hypervolume = if last > 0.0 { share(&points, &worst, &best) / last } else { 1.0 };
                growth.push(Growth { evaluations: spent.round() as u64, hypervolume, front: front.len() as u64 });
                changed = false;
            }
        }
        let end = Growth { evaluations: self.spent.round() as u64, hypervolume: 1.0, front: self.front.len() as u64 };
        if growth.last().is_none_or(|growth| growth.evaluations < end.evaluations) {
            growth.push(end);
        }
        (worst, growth)
    }
}

impl Trial {
    /// Takes over what is on record. `objectives` are all to be minimised, and matter only where all are known.
    pub(super) fn settle(&mut self, told: &ToldOutcome, objectives: Vec<f64>) {
        (self.screened, self.outcome) = match told {
            ToldOutcome::Complete => (false, Outcome::Complete { objectives }),
            ToldOutcome::Infeasible { violations, screened } => {
                (*screened, Outcome::Infeasible { violations: violations.clone() })
            }
            ToldOutcome::Failed { reason, screened } => (*screened, Outcome::Failed { reason: reason.clone() }),
        };
    }

    /// Whether it was evaluated in full and is within the limits; nothing where that is not known.
    pub(super) fn is_feasible(&self) -> Option<bool> {
        match self.outcome {
            Outcome::Complete { .. } if self.fidelity >= 1.0 => Some(true),
            Outcome::Infeasible { .. } => Some(false),
            _ => None,
        }
    }

    /// What it took: its fidelity, or nothing where nothing had to be evaluated.
    pub(super) fn effort(&self) -> f64 {
        if self.cached || self.screened { 0.0 } else { self.fidelity }
    }
}

fn complete(all: &[Trial], index: usize) -> &[f64] {
    all[index].complete().expect("the front holds complete trials only")
}

/// Lets a point into a front that it is not dominated in, and those out that it dominates.
fn enter<'a>(front: &mut Vec<usize>, point: &[f64], of: impl Fn(usize) -> &'a [f64], index: usize) -> bool {
    if front.iter().any(|&other| of(other) == point || dominates(of(other), point)) {
        return false;
    }
    front.retain(|&other| !dominates(point, of(other)));
    front.push(index);
    true
}

fn share(front: &[&[f64]], worst: &[f64], best: &[f64]) -> f64 {
    let flat = |index: usize| worst[index] <= best[index];
    let scaled: Vec<Vec<f64>> = front
        .iter()
        .map(|point| {
            let scale = |(index, value): (usize, &f64)| (value - best[index]) / (worst[index] - best[index]);
            point.iter().enumerate().filter(|(index, _)| !flat(*index)).map(scale).collect()
        })
        .collect();
    let dimensions = (0..worst.len()).filter(|&index| !flat(index)).count();
    pareto::hypervolume(&scaled, &vec![1.0; dimensions])
}

//! What is told of a search by candidates: its members, its course, its decisions, how far it can be relied on, and what
//! comes closest where nothing is within the limits.

use super::evolve::{End, Evolution};
use super::infeasible::{CLOSEST, broken};
use super::judged::Judged;
use super::trials::{Trial, Trials};
use super::{StudyError, decisions, present};
use crate::config::Limit;
use crate::report::{Certificate, Closest, Course, Entry, ReportData};
use crate::search::Outcome;
use crate::space::Architecture;
use crate::units::counted;

impl Evolution {
    /// The front as members, by the first objective.
    pub(super) fn members(&self, trials: &Trials) -> Result<Vec<Judged>, StudyError> {
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

    pub(super) fn report_data(&self, trials: &Trials, members: &[Judged], end: &End, command: &str) -> ReportData {
        let config = &self.config;
        let architectures = self.architectures().unwrap_or_default();
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
        data.run.entries.extend(trials.took.iter().map(|(name, (count, seconds))| Entry {
            key: format!("{name}, seconds each"),
            value: format!("{:.2} over {}", seconds / *count as f64, counted(*count as usize, "network")),
        }));
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
    pub(super) fn closest(&self, trials: &Trials) -> Result<Vec<Closest>, StudyError> {
        let mut outside: Vec<(&Trial, &Vec<f64>)> = Vec::new();
        for trial in trials.all.iter().filter(|trial| !trial.cached) {
            if let Outcome::Infeasible { violations } = &trial.outcome {
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
    pub(super) fn nothing_feasible(&self, trials: &Trials, closest: &[Closest]) -> StudyError {
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
        all_failed(trials)
    }

    fn certificate(&self, trials: &Trials, end: &End) -> Certificate {
        let evaluated = counted(trials.spent.round() as usize, "network");
        let all = self.architectures();
        if *end == End::Exhausted && all.as_deref() == Some(trials.all.len().to_string().as_str()) && trials.failed == 0
        {
            let statement = format!(
                "Complete: every architecture of the space was evaluated, or ruled out by a limit before it was ({evaluated})."
            );
            return Certificate { complete: true, epsilon: Some(0.0), statement };
        }
        let why = match end {
            End::Stopped => "; the search was stopped before its budget was spent, and the same command continues it",
            End::Spent | End::Exhausted | End::Hopeless => "",
        };
        let statement = format!("Not certified: the best of {evaluated} that were evaluated{why}.");
        Certificate { complete: false, epsilon: None, statement }
    }
}

/// That nothing could be evaluated, and what the first candidate said.
pub(super) fn all_failed(trials: &Trials) -> StudyError {
    let reason = trials.all.iter().find_map(|trial| match &trial.outcome {
        Outcome::Failed { reason } if !trial.screened => Some(reason.clone()),
        _ => None,
    });
    let reason = reason.unwrap_or_else(|| "no candidate was evaluated".to_owned());
    StudyError::AllFailed { evaluations: trials.failed, reason }
}

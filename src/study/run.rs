//! The run: front, certificate, context, files.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::judged::Judged;
use super::{Journal, Outputs, Plan, Progress, StudyError, decisions, present};
use crate::report::{Certificate, Entry, ReportData};
use crate::search::{self, Front, FrontError, Options};
use crate::space::Architecture;
use crate::units::counted;

/// How many remarks on fragments a report carries.
const SHOWN_FLAGS: usize = 12;

/// What a run leaves.
#[derive(Debug)]
pub struct Outcome {
    /// All that the report shows.
    pub data: ReportData,
    /// How many members got an architecture file.
    pub files: usize,
}

/// The front of a plan, proven against whole networks.
#[derive(Debug)]
pub struct Solution {
    /// The paths, and whether they are all.
    pub front: Front,
    /// The members behind them, without those that only the last digits of a sum had kept.
    pub members: Vec<Judged>,
}

/// Randomly drawn architectures, each with its objective values.
struct Drawn {
    architectures: Vec<Architecture>,
    values: Vec<Vec<f64>>,
}

impl Plan {
    /// Finds the front and proves it against whole networks. Writes nothing.
    ///
    /// # Errors
    /// [`StudyError`]: nothing feasible, a front too large, or a disagreement.
    pub fn solve(&self, progress: &dyn Progress) -> Result<Solution, StudyError> {
        let front = self.front(progress)?;
        let members = self.judge(&front, progress)?;
        Ok(Solution { front, members })
    }

    /// Finds the front, proves it against whole networks, and fills the output folder. `command` is shown in the run card.
    ///
    /// # Errors
    /// [`StudyError`]: nothing feasible, a front too large, a disagreement, or files that cannot be written.
    pub fn run(
        &self,
        outputs: &Outputs,
        journal: &mut Journal,
        command: &str,
        progress: &dyn Progress,
    ) -> Result<Outcome, StudyError> {
        let began = Instant::now();
        let Solution { front, members: judged } = match self.solve(progress) {
            Err(StudyError::Infeasible(told)) => {
                self.present_closest(outputs, command, progress)?;
                journal.finished(0, began.elapsed().as_secs_f64(), true)?;
                return Err(StudyError::Infeasible(told));
            }
            solved => solved?,
        };
        let drawn = self.sample(progress);
        let mut data = self.report_data(&front, &judged, &drawn, command);
        data.run.seconds = began.elapsed().as_secs_f64();
        let files = present::write(&self.config, outputs, &mut data, &judged, progress)?;
        journal.members(&self.config, &judged)?;
        journal.finished(judged.len(), data.run.seconds, true)?;
        Ok(Outcome { data, files })
    }

    /// The report of a search without a front: what comes closest to the limits.
    fn present_closest(&self, outputs: &Outputs, command: &str, progress: &dyn Progress) -> Result<(), StudyError> {
        let closest = self.closest()?;
        if closest.is_empty() {
            return Ok(());
        }
        let mut data = present::report_data(&self.config, self.graph.count().to_string(), &[], command);
        data.closest = closest;
        data.certificate = Certificate {
            complete: true,
            epsilon: Some(0.0),
            statement: "Complete: no architecture of the space is within the limits.".to_owned(),
        };
        present::write(&self.config, outputs, &mut data, &[], progress).map(|_| ())
    }

    pub(super) fn front(&self, progress: &dyn Progress) -> Result<Front, StudyError> {
        self.front_within(self.config.epsilon, progress).map_err(|error| self.explain_front(error))
    }

    /// The front, within a certified gap.
    pub(super) fn front_within(&self, epsilon: f64, progress: &dyn Progress) -> Result<Front, FrontError> {
        progress.stage("Finding the front", None);
        let options = Options { limits: self.limits.clone(), epsilon, ..Options::default() };
        let front = search::front(&self.costs, &options)?;
        let kind = if front.complete { "the whole exact front" } else { "an approximate front" };
        let idle = self.idle();
        progress.done(&format!("{kind}: {}, {} labels{idle}", counted(front.len(), "point"), front.labels));
        Ok(front)
    }

    /// Says which objectives decide nothing, since every architecture has the same of them.
    fn idle(&self) -> String {
        let reachable = self.reachable().unwrap_or_default();
        let objectives = self.quantities().into_iter().take(self.config.objectives.len()).zip(reachable);
        let idle = objectives.filter(|(_, reach)| reach.min == reach.max);
        idle.map(|(objective, _)| format!("; {} is the same for every architecture", objective.name())).collect()
    }

    /// The front that the config asks for, or, where that takes too much, one within 1 % of each objective's range.
    pub(super) fn front_or_nearly(&self, progress: &dyn Progress) -> Result<Front, FrontError> {
        match self.front_within(self.config.epsilon, progress) {
            Err(FrontError::Budget { .. }) => self.front_within(0.01, progress),
            other => other,
        }
    }

    /// Uniformly drawn architectures. Those that compute nothing are left out.
    fn sample(&self, progress: &dyn Progress) -> Drawn {
        progress.stage("Drawing random architectures", None);
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        let width = self.config.objectives.len();
        let drawn = (0..self.config.sample).filter_map(|_| {
            let path = self.graph.sample(&mut rng);
            let mut values = self.prices.along(&path)?;
            values.truncate(width);
            Some((self.graph.architecture(&path), values))
        });
        let (architectures, values): (Vec<Architecture>, Vec<Vec<f64>>) = drawn.unzip();
        let drawn = Drawn { architectures, values };
        progress.done(&format!("{} drawn uniformly", drawn.values.len()));
        drawn
    }

    fn report_data(&self, front: &Front, judged: &[Judged], drawn: &Drawn, command: &str) -> ReportData {
        let config = &self.config;
        let mut data = present::report_data(config, self.graph.count().to_string(), judged, command);
        data.sampled = drawn.values.clone();
        data.certificate = certificate(front);
        let (baselines, mut notes) = if config.baselines { self.baselines() } else { (Vec::new(), Vec::new()) };
        notes.extend(self.notes());
        data.notes.splice(0..0, notes);
        data.baselines = baselines;
        let entry = |key: &str, value: String| Entry { key: key.to_owned(), value };
        data.run.entries.extend([
            entry("strategy", "exact front by multi-objective label setting over the choice graph".to_owned()),
            entry("choice graph", format!("{} states, {} edges", self.graph.states(), self.graph.edges().len())),
            entry("fragments priced", self.graph.variants().to_string()),
            entry("labels", front.labels.to_string()),
        ]);
        let members = judged.iter().map(|judged| &judged.architecture);
        let architectures: Vec<&Architecture> = drawn.architectures.iter().collect();
        let specs = self.graph.decisions();
        data.choices = decisions::choices(specs, members, architectures.iter().copied());
        data.importance = decisions::importance(specs, &architectures, &drawn.values, config.seed);
        data
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let dead = self.prices.dead();
        if dead > 0 {
            notes.push(format!(
                "{dead} of {} edges are left out: they cut the network in two, so that its output does not depend on its input.",
                self.graph.edges().len()
            ));
        }
        for (flag, count) in self.prices.flags.iter().take(SHOWN_FLAGS) {
            notes.push(format!("{flag} (in {count} of {} different fragments).", self.graph.variants()));
        }
        if self.prices.flags.len() > SHOWN_FLAGS {
            let more = self.prices.flags.len() - SHOWN_FLAGS;
            notes.push(format!("{more} more remarks of this kind; `pocketnas plan` lists them all."));
        }
        notes
    }
}

fn certificate(front: &Front) -> Certificate {
    let statement = if front.complete {
        "Complete: no architecture of the space is better than these in one objective without being worse in another, \
         under the limits and the additive model; every member was evaluated again as a whole network."
            .to_owned()
    } else {
        format!(
            "Every architecture of the space is, in each objective, at most {:.3} % of that objective's range better than \
             one of these, under the limits and the additive model; every member was evaluated again as a whole network.",
            100.0 * front.epsilon
        )
    };
    // Rounded up, a certified gap stays certified.
    let epsilon = (front.epsilon * 1e5).ceil() / 1e5;
    Certificate { complete: front.complete, epsilon: Some(epsilon), statement }
}

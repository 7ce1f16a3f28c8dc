//! The run: front, certificate, context, files.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::cost_graph::sign;
use super::members::{Judged, relative_file};
use super::outputs::{ARCHITECTURES, CONFIG_HASH, Outputs, architecture_file, write_error};
use super::{Plan, Progress, StudyError, decisions};
use crate::config::{self, Relation};
use crate::export::exporter;
use crate::objective::Direction;
use crate::pareto;
use crate::report::{self, Certificate, Entry, Limit, Objective, ReportData, RunCard, SpaceSummary};
use crate::search::{self, Front, Options};
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
    pub fn run(&self, outputs: &Outputs, command: &str, progress: &dyn Progress) -> Result<Outcome, StudyError> {
        let began = Instant::now();
        let Solution { front, members: judged } = self.solve(progress)?;
        let sampled = self.sample(progress);
        let mut data = self.report_data(&front, &judged, &sampled, command);
        let chosen = choose(&data, self.config.architectures);
        for &index in &chosen {
            data.front[index].file = Some(relative_file(&data.front[index].id));
        }
        if chosen.len() < data.front.len() {
            data.notes.push(format!(
                "{} of {} members have an architecture file: extremes, knee, best under the limits, and an even spread; \
                 `architectures:` in the config changes their number.",
                chosen.len(),
                data.front.len()
            ));
        }
        data.run.seconds = began.elapsed().as_secs_f64();
        self.write(outputs, &data, &judged, &chosen, progress)?;
        Ok(Outcome { data, files: chosen.len() })
    }

    fn front(&self, progress: &dyn Progress) -> Result<Front, StudyError> {
        progress.stage("Finding the front", None);
        let options = Options { limits: self.limits.clone(), epsilon: self.config.epsilon, ..Options::default() };
        let front = search::front(&self.costs, &options).map_err(|error| self.explain_front(error))?;
        let kind = if front.complete { "the whole exact front" } else { "an approximate front" };
        progress.done(&format!("{kind}: {}, {} labels", counted(front.len(), "point"), front.labels));
        Ok(front)
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
        let oriented: Vec<Vec<f64>> = judged
            .iter()
            .map(|judged| {
                let values = judged.member.values.iter().zip(&config.objectives);
                values.map(|(value, objective)| sign(objective.direction()) * value).collect()
            })
            .collect();
        let (baselines, mut notes) = if config.baselines { self.baselines() } else { (Vec::new(), Vec::new()) };
        notes.extend(self.notes());
        let members = judged.iter().map(|judged| &judged.architecture);
        ReportData {
            title: config.name.clone(),
            space: SpaceSummary {
                name: config.space.name().to_owned(),
                about: config.space.about().trim().to_owned(),
                architectures: self.graph.count().to_string(),
            },
            objectives: config.objectives.iter().map(|objective| self::objective(objective.as_ref())).collect(),
            limits: config.limits.iter().map(limit).collect(),
            front: judged.iter().map(|judged| judged.member.clone()).collect(),
            sampled: drawn.values.clone(),
            baselines,
            knee: pareto::knee(&oriented),
            best_under_limit: self.best_under_limit(&oriented),
            certificate: certificate(front),
            run: self.run_card(front, command),
            notes,
            choices: decisions::choices(self.graph.decisions(), members, &drawn.architectures),
            importance: decisions::importance(
                self.graph.decisions(),
                &drawn.architectures.iter().collect::<Vec<_>>(),
                &drawn.values,
                config.seed,
            ),
            ..ReportData::default()
        }
    }

    /// The best member in an objective that no limit holds down, one to be raised before one to be lowered;
    /// nothing without limits.
    fn best_under_limit(&self, oriented: &[Vec<f64>]) -> Option<usize> {
        let config = &self.config;
        if config.limits.is_empty() {
            return None;
        }
        let limited = |name: &str| config.limits.iter().any(|limit| limit.quantity == name);
        let mut free = (0..config.objectives.len()).filter(|&i| !limited(config.objectives[i].name()));
        let raised = |&i: &usize| config.objectives[i].direction() == Direction::Higher;
        let free = free.clone().find(raised).or_else(|| free.next())?;
        (0..oriented.len()).min_by(|&a, &b| oriented[a][free].total_cmp(&oriented[b][free]))
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
        for objective in self.config.named() {
            let origin = objective.origin();
            notes.push(format!(
                "{} comes from {} {}: {}",
                objective.name(),
                origin.kind,
                origin.name,
                origin.about.trim()
            ));
        }
        notes
    }

    fn run_card(&self, front: &Front, command: &str) -> RunCard {
        let config = &self.config;
        let entry = |key: &str, value: String| Entry { key: key.to_owned(), value };
        let mut versions = vec![entry("pocketnas", env!("CARGO_PKG_VERSION").to_owned())];
        versions.extend(config.named().map(|objective| {
            let origin = objective.origin();
            entry(objective.name(), format!("{} {} (blake3 {})", origin.kind, origin.name, &origin.hash[..16]))
        }));
        RunCard {
            entries: vec![
                entry("command", command.to_owned()),
                entry(CONFIG_HASH, config.hash()),
                entry("strategy", "exact front by multi-objective label setting over the choice graph".to_owned()),
                entry("choice graph", format!("{} states, {} edges", self.graph.states(), self.graph.edges().len())),
                entry("fragments priced", self.graph.variants().to_string()),
                entry("labels", front.labels.to_string()),
            ],
            config: config.text().to_owned(),
            seed: config.seed,
            versions,
            seconds: 0.0,
        }
    }

    fn write(
        &self,
        outputs: &Outputs,
        data: &ReportData,
        judged: &[Judged],
        chosen: &[usize],
        progress: &dyn Progress,
    ) -> Result<(), StudyError> {
        progress.stage("Writing files", Some(chosen.len() as u64));
        let yaml = exporter("yaml").expect("YAML is one of the formats");
        outputs.fill(|folder| {
            for &index in chosen {
                let (file, network) = self.architecture_file(&judged[index], &data.certificate.statement)?;
                let path = folder.join(ARCHITECTURES).join(architecture_file(&judged[index].member.id));
                std::fs::write(&path, yaml.render(&file, &network)).map_err(|error| write_error(&path, error))?;
                progress.step(1);
            }
            report::write(data, folder)?;
            Ok(())
        })?;
        let files = counted(chosen.len(), "architecture file");
        progress.done(&format!("{files} and the report in {}", outputs.folder().display()));
        Ok(())
    }
}

fn objective(objective: &dyn crate::objective::Objective) -> Objective {
    Objective {
        name: objective.name().to_owned(),
        label: objective.label(),
        unit: objective.unit().to_owned(),
        direction: match objective.direction() {
            Direction::Lower => report::Direction::Minimise,
            Direction::Higher => report::Direction::Maximise,
        },
    }
}

fn limit(limit: &config::Limit) -> Limit {
    Limit {
        quantity: limit.quantity.clone(),
        relation: match limit.relation {
            Relation::AtMost => report::Relation::AtMost,
            Relation::AtLeast => report::Relation::AtLeast,
        },
        bound: limit.bound,
        unit: limit.unit.to_owned(),
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

/// The members that get a file: knee and best under the limits, then extremes and an even spread.
fn choose(data: &ReportData, most: usize) -> Vec<usize> {
    let points: Vec<Vec<f64>> = (data.front.iter())
        .map(|member| member.values.iter().zip(&data.objectives).map(|(v, o)| o.direction.cost(*v)).collect())
        .collect();
    let mut chosen: Vec<usize> = data.knee.into_iter().chain(data.best_under_limit).collect();
    chosen.dedup();
    chosen.truncate(most);
    for index in pareto::top_k(&points, most - chosen.len()).indices {
        if !chosen.contains(&index) {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    chosen
}

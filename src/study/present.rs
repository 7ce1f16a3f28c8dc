//! From the results of a search, exact or evolved, to the report and the files: what both have in common.

use super::cost_graph::sign;
use super::judged::{Judged, relative_file};
use super::outputs::{ARCHITECTURES, CONFIG_HASH, Outputs, architecture_file, write_error};
use super::{Progress, StudyError};
use crate::config::{self, Relation, SearchConfig};
use crate::export::{Export, exporter};
use crate::objective::Direction;
use crate::pareto;
use crate::report::{self, Entry, Limit, Objective, ReportData, RunCard, SpaceSummary};
use crate::units::counted;

/// The parts of a report that the config and the members decide. `architectures` is the size of the space in digits.
pub(super) fn report_data(
    config: &SearchConfig,
    architectures: String,
    members: &[Judged],
    command: &str,
) -> ReportData {
    let entry = |key: &str, value: String| Entry { key: key.to_owned(), value };
    let mut versions = vec![entry("pocketnas", env!("CARGO_PKG_VERSION").to_owned())];
    let mut notes = Vec::new();
    for objective in config.named() {
        let origin = objective.origin();
        let source = format!("{} {}", origin.kind, origin.name);
        versions.push(entry(objective.name(), format!("{source} (blake3 {})", &origin.hash[..16])));
        notes.push(format!("{} comes from {source}: {}", objective.name(), origin.about.trim()));
    }
    let mut data = ReportData {
        title: config.name.clone(),
        space: SpaceSummary {
            name: config.space.name().to_owned(),
            about: config.space.about().trim().to_owned(),
            architectures,
        },
        objectives: config.objectives.iter().map(|objective| self::objective(objective.as_ref())).collect(),
        limits: config.limits.iter().map(limit).collect(),
        front: members.iter().map(|judged| judged.member.clone()).collect(),
        run: RunCard {
            entries: vec![entry("command", command.to_owned()), entry(CONFIG_HASH, config.hash())],
            config: config.text().to_owned(),
            seed: config.seed,
            versions,
            seconds: 0.0,
        },
        notes,
        ..ReportData::default()
    };
    data.knee = data.find_knee();
    data.best_under_limit = data.find_best_under_limit();
    data
}

/// Values of the objectives, negated where more is better.
pub(super) fn oriented(config: &SearchConfig, values: &[f64]) -> Vec<f64> {
    values.iter().zip(&config.objectives).map(|(value, o)| sign(o.direction()) * value).collect()
}

/// Fills the output folder: the report, and architecture files of the members worth one. Returns how many.
pub(super) fn write(
    config: &SearchConfig,
    outputs: &Outputs,
    data: &mut ReportData,
    members: &[Judged],
    progress: &dyn Progress,
) -> Result<usize, StudyError> {
    let chosen = choose(data, config.architectures);
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
    progress.stage("Writing files", Some(chosen.len() as u64));
    let yaml = exporter("yaml").expect("YAML is one of the formats");
    outputs.fill(|folder| {
        for &index in &chosen {
            let (file, network) = members[index].file(config, &data.certificate.statement)?;
            let path = folder.join(ARCHITECTURES).join(architecture_file(&members[index].member.id));
            let export = Export::new(&members[index].member.id, &file, &network);
            for rendered in yaml.render(&export).expect("YAML has room for every architecture") {
                std::fs::write(&path, rendered.bytes).map_err(|error| write_error(&path, error))?;
            }
            progress.step(1);
        }
        report::write(data, folder)?;
        Ok(())
    })?;
    let files = counted(chosen.len(), "architecture file");
    progress.done(&format!("{files} and the report in {}", outputs.folder().display()));
    Ok(chosen.len())
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

/// A limit as the report shows it.
pub(super) fn limit(limit: &config::Limit) -> Limit {
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

/// The members that get a file: knee and best under the limits, then extremes and an even spread.
fn choose(data: &ReportData, most: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = data.knee.into_iter().chain(data.best_under_limit).collect();
    chosen.dedup();
    chosen.truncate(most);
    for index in pareto::top_k(&data.costs(), most - chosen.len()).indices {
        if !chosen.contains(&index) {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// A value with its unit, in six digits.
pub(super) fn with_unit(value: f64, unit: &str) -> String {
    let unit = if unit == "1" { String::new() } else { format!(" {unit}") };
    format!("{}{unit}", super::infeasible::rounded(value))
}

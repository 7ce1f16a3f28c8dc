//! CSV: one row a trial, for spreadsheets. Each quantity, limit and decision has a column; headers of quantities
//! are those of `front.csv`, with the unit where it is known; a decision that a trial did not take is empty there, as is what is not known.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::{Study, StudyExporter, Tried};
use crate::report::Metric;

/// One row a trial.
#[derive(Debug)]
pub(super) struct Csv;

impl StudyExporter for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn file(&self) -> &'static str {
        "trials.csv"
    }

    fn about(&self) -> &'static str {
        "one row a trial, a column for each decision"
    }

    fn render(&self, study: &Study) -> String {
        let (quantities, limits, paths) = (study.quantities(), &study.identity.limits, paths(study));
        let with_unit = |name: &String| {
            let unit = study.unit(name).unwrap_or("1").to_owned();
            Metric { name: name.clone(), value: 0.0, unit }.column()
        };
        let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let header = fixed(&["id", "outcome", "front"])
            .into_iter()
            .chain(quantities.iter().map(with_unit))
            .chain(limits.iter().map(|limit| format!("violation: {limit}")))
            .chain(fixed(&["fidelity", "screened", "cached", "hash", "reason"]))
            .chain(paths.iter().map(|path| (*path).to_owned()))
            .chain(fixed(&["architecture"]));
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let written = writer.write_record(header).and_then(|()| {
            study.trials.iter().try_for_each(|trial| writer.write_record(row(trial, &quantities, limits.len(), &paths)))
        });
        written.expect("memory takes rows of equal length");
        let bytes = writer.into_inner().expect("memory takes what is left");
        String::from_utf8(bytes).expect("text was written")
    }
}

fn row(trial: &Tried, quantities: &[String], limits: usize, paths: &[&str]) -> Vec<String> {
    let (outcome, reason) = trial.outcome();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let mut row = vec![trial.id.to_string(), outcome.to_owned(), trial.on_front.to_string()];
    row.extend(quantities.iter().map(|name| number(trial.value(name))));
    let violations = trial.violations(limits).unwrap_or_default();
    row.extend((0..limits).map(|index| number(violations.get(index).copied())));
    row.extend([trial.fidelity.to_string(), trial.outcome.is_screened().to_string(), trial.cached.to_string()]);
    row.extend([trial.hash.clone(), reason.unwrap_or_default().to_owned()]);
    let taken: HashMap<&str, &Json> = trial.decisions.iter().map(|taken| (taken.path.as_str(), &taken.value)).collect();
    row.extend(paths.iter().map(|path| taken.get(path).map_or_else(String::new, |value| plain(value))));
    row.push(trial.architecture.clone());
    row
}

/// Paths of all decisions in the order of their first appearance.
fn paths(study: &Study) -> Vec<&str> {
    let mut seen = HashSet::new();
    let taken = study.trials.iter().flat_map(|trial| &trial.decisions);
    taken.map(|taken| taken.path.as_str()).filter(|path| seen.insert(*path)).collect()
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

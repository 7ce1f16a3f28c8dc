//! The journal of Optuna's `JournalStorage` over `JournalFileBackend`, as version 5.0.0 reads it, with everything told in
//! the record that creates a trial: so Optuna's fronts, importances and dashboard work on a study of this program.
//!
//! - Decisions are parameters with a `CategoricalDistribution` over all options of the decision; a decision that a trial
//!   did not take is absent from it.
//! - A trial with all objective values, evaluated in full, is `COMPLETE`; within the limits or not is told by its
//!   constraints, `constraints:<limit>`: by how much it breaks the limit, 0 where it keeps it.
//! - A trial that is outside of a limit before all its objectives were known, or was evaluated in part, is `PRUNED`, with
//!   its constraints; the values that are known are user attributes, `value:<quantity>`.
//! - A trial that could not be evaluated is `FAIL`, with the reason as a user attribute.
//! - Architecture, hash, fidelity, and whether an earlier trial had the same network, are user attributes.
//!
//! A trial begins and ends when it was told.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use super::{Study, StudyExporter, Tried};
use crate::space::{Budget, Space};
use crate::study::store::ToldOutcome;

/// A journal that Optuna loads.
#[derive(Debug)]
pub(super) struct OptunaJournal;

/// Numbers of Optuna's journal operations, trial states and directions.
const CREATE_STUDY: u8 = 0;
const SET_STUDY_USER_ATTR: u8 = 2;
const SET_STUDY_SYSTEM_ATTR: u8 = 3;
const CREATE_TRIAL: u8 = 4;
const COMPLETE: u8 = 1;
const PRUNED: u8 = 2;
const FAIL: u8 = 3;
const MINIMIZE: u8 = 1;
const MAXIMIZE: u8 = 2;

/// Who wrote the records: no worker that Optuna would start.
const WORKER: &str = "pocketnas";

impl StudyExporter for OptunaJournal {
    fn name(&self) -> &'static str {
        "optuna-journal"
    }

    fn file(&self) -> &'static str {
        "optuna.journal"
    }

    fn about(&self) -> &'static str {
        "for Optuna's JournalStorage and its dashboard"
    }

    fn render(&self, study: &Study) -> String {
        let identity = &study.identity;
        let directions: Vec<u8> =
            identity.objectives.iter().map(|goal| if goal.higher { MAXIMIZE } else { MINIMIZE }).collect();
        let names: Vec<&str> = identity.objectives.iter().map(|goal| goal.name.as_str()).collect();
        let about = format!("pocketnas {}", identity.version);
        let mut text = String::new();
        let mut record = |operation: u8, fields: Json| {
            let mut line = json!({"op_code": operation, "worker_id": WORKER});
            if let (Some(line), Json::Object(fields)) = (line.as_object_mut(), fields) {
                line.extend(fields);
            }
            text.push_str(&line.to_string());
            text.push('\n');
        };
        record(CREATE_STUDY, json!({"study_name": identity.name, "directions": directions}));
        record(SET_STUDY_SYSTEM_ATTR, json!({"study_id": 0, "system_attr": {"study:metric_names": names}}));
        record(SET_STUDY_USER_ATTR, json!({"study_id": 0, "user_attr": {"program": about}}));
        let choices = choices(study);
        let distributions: HashMap<&str, Json> =
            choices.iter().map(|(path, options)| (path.as_str(), distribution(options))).collect();
        for trial in &study.trials {
            record(CREATE_TRIAL, created(study, trial, &distributions));
        }
        text
    }
}

fn created(study: &Study, trial: &Tried, distributions: &HashMap<&str, Json>) -> Json {
    let identity = &study.identity;
    let values = trial.objectives(&identity.objectives);
    let state = match trial.outcome {
        ToldOutcome::Failed { .. } => FAIL,
        _ if values.is_some() && trial.fidelity >= 1.0 => COMPLETE,
        _ => PRUNED,
    };
    let values = values.filter(|_| state == COMPLETE);
    // A single value stands in a field of its own.
    let (value, values) = match values.as_deref() {
        Some(&[value]) => (Some(value), None),
        _ => (None, values),
    };
    let violations = trial.violations(identity.limits.len()).unwrap_or_default();
    let constraints = identity.limits.iter().zip(violations);
    let constraints: Map<String, Json> =
        constraints.map(|(limit, by)| (format!("constraints:{limit}"), by.into())).collect();
    let time = time(trial.time);
    let taken = || trial.decisions.iter();
    let params: Map<String, Json> = taken().map(|taken| (taken.path.clone(), taken.option.into())).collect();
    let distributions: Map<String, Json> = taken()
        .map(|taken| (taken.path.clone(), distributions.get(taken.path.as_str()).cloned().unwrap_or_default()))
        .collect();
    json!({
        "study_id": 0,
        "state": state,
        "value": value,
        "values": values,
        "datetime_start": time,
        "datetime_complete": time,
        "distributions": distributions,
        "params": params,
        "user_attrs": attributes(study, trial),
        "system_attrs": constraints,
        "intermediate_values": {},
    })
}

fn attributes(study: &Study, trial: &Tried) -> Map<String, Json> {
    let mut attributes = Map::new();
    let mut add = |key: String, value: Json| drop(attributes.insert(key, value));
    add("architecture".to_owned(), trial.architecture.clone().into());
    add("hash".to_owned(), trial.hash.clone().into());
    add("cached".to_owned(), trial.cached.into());
    add("fidelity".to_owned(), trial.fidelity.into());
    if let (_, Some(reason)) = trial.outcome() {
        add("reason".to_owned(), reason.into());
    }
    let known = trial.objectives(&study.identity.objectives).is_some();
    let is_objective = |name: &str| study.identity.objectives.iter().any(|goal| goal.name == name);
    for (name, value) in trial.values.iter().filter(|(name, _)| !known || !is_objective(name)) {
        add(format!("value:{name}"), (*value).into());
    }
    attributes
}

/// The text of a `CategoricalDistribution`, which stands as text in the journal.
fn distribution(choices: &[Json]) -> Json {
    json!({"name": "CategoricalDistribution", "attributes": {"choices": choices}}).to_string().into()
}

/// The options of every decision that was taken: those that the space names, or, where it has too many to list them or
/// disagrees with the record, those that were taken.
fn choices(study: &Study) -> HashMap<String, Vec<Json>> {
    let mut choices: HashMap<String, Vec<Json>> = HashMap::new();
    let space = Space::from_text("space.yaml", &study.identity.space).ok();
    let graph = space.and_then(|space| space.compile(Budget::default()).ok());
    for spec in graph.iter().flat_map(|graph| graph.decisions()) {
        let options = spec.options.iter().map(|value| serde_json::to_value(value).unwrap_or_default());
        choices.insert(spec.path.clone(), options.collect());
    }
    for taken in study.trials.iter().flat_map(|trial| &trial.decisions) {
        let options = choices.entry(taken.path.clone()).or_default();
        while options.len() <= taken.option {
            options.push(format!("option {}", options.len()).into());
        }
        options[taken.option] = taken.value.clone();
    }
    choices
}

/// A time as Python's `datetime.fromisoformat` reads it, in UTC. `seconds` are unix seconds.
fn time(seconds: f64) -> String {
    let micros = (seconds * 1e6).round() as i64;
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (year, month, day) = date(days);
    let (second, micro) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}+00:00")
}

/// Year, month and day of a day counted from the first of January 1970 (Hinnant, *chrono-Compatible Low-Level Date
/// Algorithms*, `civil_from_days`).
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // By `date -u -d @N`.
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00.000000+00:00"),
            (951_782_400.5, "2000-02-29T00:00:00.500000+00:00"),
            (1_735_689_599.0, "2024-12-31T23:59:59.000000+00:00"),
            (4_107_542_400.0, "2100-03-01T00:00:00.000000+00:00"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }
}

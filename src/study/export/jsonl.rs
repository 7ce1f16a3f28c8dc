//! JSON lines: one object a trial, for scripts. Decisions and values are objects by path and by name; what is not known is
//! left out.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Study, StudyExporter, Tried};

/// One object a trial.
#[derive(Debug)]
pub(super) struct JsonLines;

#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    time: f64,
    architecture: &'a str,
    hash: &'a str,
    decisions: Map<String, Json>,
    values: Map<String, Json>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// By how much each limit is broken, by its sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<Map<String, Json>>,
    screened: bool,
    cached: bool,
    fidelity: f64,
    front: bool,
}

impl StudyExporter for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn file(&self) -> &'static str {
        "trials.jsonl"
    }

    fn about(&self) -> &'static str {
        "one JSON object a trial"
    }

    fn render(&self, study: &Study) -> String {
        let mut text = String::new();
        for trial in &study.trials {
            let line = line(study, trial);
            text.push_str(&serde_json::to_string(&line).expect("keys are text, numbers are finite"));
            text.push('\n');
        }
        text
    }
}

fn line<'a>(study: &'a Study, trial: &'a Tried) -> Line<'a> {
    let limits = &study.identity.limits;
    let (outcome, reason) = trial.outcome();
    let violations = trial.violations(limits.len());
    Line {
        id: trial.id,
        time: trial.time,
        architecture: &trial.architecture,
        hash: &trial.hash,
        decisions: trial.decisions.iter().map(|taken| (taken.path.clone(), taken.value.clone())).collect(),
        values: trial.values.iter().map(|(name, value)| (name.clone(), Json::from(*value))).collect(),
        outcome,
        reason,
        violations: violations
            .map(|violations| limits.iter().cloned().zip(violations.into_iter().map(Json::from)).collect()),
        screened: trial.outcome.is_screened(),
        cached: trial.cached,
        fidelity: trial.fidelity,
        front: trial.on_front,
    }
}

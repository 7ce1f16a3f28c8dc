//! What `pocketnas latency profile --dry-run` says: the benchmarks in their order, and about how long they take.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::HumanDuration;
use serde_json::{Value, json};

use crate::latency::profile::{Plan, Protocol, Standing, Subject};
use crate::units::counted;

/// A plan, to be told.
pub(super) struct Described<'a> {
    pub plan: &'a Plan,
    pub protocol: Protocol,
    pub start_up: Duration,
    pub space: &'a str,
}

impl Described<'_> {
    fn counts(&self) -> [(&'static str, usize); 5] {
        let count = |is: fn(&Subject) -> bool| self.plan.planned.iter().filter(|p| is(&p.benchmark.subject)).count();
        [
            ("whole network", count(|s| matches!(s, Subject::Network(_)))),
            ("block", count(|s| matches!(s, Subject::Block(_)))),
            ("attention", count(|s| matches!(s, Subject::Attention))),
            ("operator", count(|s| matches!(s, Subject::Operator(_)))),
            ("empty network", count(|s| matches!(s, Subject::Empty))),
        ]
    }

    fn estimate(&self) -> Duration {
        self.protocol.estimate(self.plan, self.start_up)
    }

    /// One JSON document.
    pub fn json(&self) -> Value {
        let benchmarks: Vec<Value> = (self.plan.planned.iter())
            .map(|planned| {
                json!({
                    "name": planned.benchmark.name(),
                    "key": planned.benchmark.key,
                    "share": planned.share,
                    "known": known(planned.standing),
                    "prior_ms": planned.prior_ms,
                })
            })
            .collect();
        json!({
            "space": self.space,
            "counts": self.counts().into_iter().map(|(name, count)| (name.to_owned(), Value::from(count))).collect::<serde_json::Map<_, _>>(),
            "runs_each": self.protocol.windows * self.protocol.runs,
            "seconds": self.estimate().as_secs_f64().round(),
            "benchmarks": benchmarks,
            "left_out": self.plan.left_out.iter().map(|(kernel, share)| json!({"operator": kernel.to_string(), "share": share})).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let counts: Vec<String> = self.counts().iter().map(|(noun, count)| counted(*count, noun)).collect();
        let mut text = format!(
            "{}: {}; {} runs each in {} goes, about {} in all, of which much is starting them\n",
            self.space,
            counts.join(", "),
            self.protocol.windows * self.protocol.runs,
            self.protocol.windows,
            HumanDuration(self.estimate())
        );
        text += "in this order, with the share of a network's time that is expected of each:\n";
        for planned in &self.plan.planned {
            let share = match planned.standing {
                Standing::Calibration | Standing::Overhead => "       ".to_owned(),
                _ => format!("{:5.2} %", 100.0 * planned.share),
            };
            let _ = writeln!(text, "  {share}  {:<13} {}", known(planned.standing), planned.benchmark.name());
        }
        if !self.plan.left_out.is_empty() {
            let share: f64 = self.plan.left_out.iter().map(|(_, share)| share).sum();
            let _ = writeln!(
                text,
                "{} of kinds that are not measured alone, {:.1} % of the time: the operator model prices them",
                counted(self.plan.left_out.len(), "operator"),
                100.0 * share
            );
        }
        text
    }
}

fn known(standing: Standing) -> &'static str {
    match standing {
        Standing::Calibration => "calibration",
        Standing::Overhead => "overhead",
        Standing::Unknown => "unknown",
        Standing::Extrapolated => "extrapolated",
        Standing::Interpolated => "interpolated",
    }
}

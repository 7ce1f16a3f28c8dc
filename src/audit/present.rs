//! An audit as the data of its report.

use super::{Judgement, Measured, Rows};
use crate::proxy::Definition;
use crate::report::{AuditProxy, AuditReport, Correlation, Entry};

/// What the report says of each proxy and shows of each distinct network; its words are left to the caller.
pub fn present(
    judged: &[(&Judgement, &Definition, bool)],
    measured: &Measured,
    rows: &Rows,
    facts: Vec<Entry>,
) -> AuditReport {
    let mut members = vec![(0.0, 0.0); measured.first.len()];
    for (&class, &truth) in rows.classes.iter().zip(&rows.truth) {
        members[class].0 += truth;
        members[class].1 += 1.0;
    }
    let bands = judged.first().and_then(|(judgement, ..)| judgement.bands.as_ref());
    let proxy = |(at, (judgement, definition, baseline)): (usize, &(&Judgement, &Definition, bool))| AuditProxy {
        name: judgement.proxy.clone(),
        baseline: *baseline,
        definition: definition.definition.clone(),
        source: definition.source.clone(),
        spearman: Correlation {
            value: judgement.spearman,
            interval: judgement.spearman_interval.map(|interval| (interval.low, interval.high)),
        },
        kendall: Correlation {
            value: judgement.kendall,
            interval: judgement.kendall_interval.map(|interval| (interval.low, interval.high)),
        },
        ndcg: judgement.ndcg,
        best_of_top_10: judgement.best_of_top_10,
        top_half: judgement.top_half.spearman,
        bands: judgement.bands.iter().flat_map(|bands| &bands.bands).map(|band| band.spearman).collect(),
        bands_mean: judgement.bands.as_ref().and_then(|bands| bands.mean),
        bias: judgement.bias.values().map(serde_json::Value::as_f64).collect(),
        seconds: judgement.cost.seconds_per_architecture,
        bytes: judgement.cost.bytes_per_architecture,
        share_of_peak: judgement.cost.share_of_peak,
        details: judgement.details.iter().map(ToString::to_string).collect(),
        scores: measured.first.iter().map(|&row| measured.columns[at].scores[row]).collect(),
    };
    AuditReport {
        title: String::new(),
        lead: String::new(),
        truth: String::new(),
        ndcg_at: judged.first().map_or(0, |(judgement, ..)| judgement.ndcg_at),
        equal: bands.map_or("", |bands| if bands.by == "latency" { "latency" } else { "multiply-adds" }).to_owned(),
        quantities: judged.first().map_or_else(Vec::new, |(judgement, ..)| judgement.bias.keys().cloned().collect()),
        truths: members.into_iter().map(|(sum, count)| sum / count).collect(),
        proxies: judged.iter().enumerate().map(proxy).collect(),
        facts,
        notes: Vec::new(),
    }
}

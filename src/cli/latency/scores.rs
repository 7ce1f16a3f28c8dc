//! How errors of predictions are told.

use crate::latency::{Predicted, Scores};

/// Errors in a line.
pub(super) fn sentence(scores: Scores) -> String {
    let rank = scores.spearman.map_or("undefined".to_owned(), |r| format!("{r:.3}"));
    let bounds = match (scores.coverage, scores.bound_over_mean) {
        (Some(coverage), Some(width)) => format!(", {coverage:.1} % under their bound, {width:.3} times the mean"),
        _ => String::new(),
    };
    format!(
        "mean error {:5.2} %, within 10 % {:5.1} %, rank correlation {rank}, {} networks{bounds}",
        scores.mape, scores.within_10, scores.networks
    )
}

/// The networks furthest off.
pub(super) fn worst(predicted: &[Predicted]) -> String {
    let mut sorted: Vec<&Predicted> = predicted.iter().collect();
    sorted.sort_by(|a, b| b.error().abs().total_cmp(&a.error().abs()));
    let mut text = "furthest off:\n".to_owned();
    for p in sorted.iter().take(8) {
        text += &format!(
            "  {:28} measured {:9.2} ms  predicted {:9.2} ms  {:+6.1} %\n",
            p.network,
            p.measured_ms,
            p.predicted_ms,
            p.error()
        );
    }
    text
}

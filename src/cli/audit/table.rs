//! The tables of an audit for people, at most 120 columns wide.

use std::fmt::Write;

use super::{Context, Entry};
use crate::audit::Interval;

/// How well each proxy ranks and what it costs, then what its score may only be repeating.
pub(super) fn table(entries: &[Entry], context: &Context) -> String {
    let mut text = format!(
        "{} against `{}`: {} rows, {} distinct live networks, {} dead rows, {} without a number left out, best truth {}\n\n",
        context.space,
        context.truth_column,
        context.rows,
        context.distinct,
        context.dead,
        context.skipped,
        context.best_truth
    );
    ranking(&mut text, entries);
    origins(&mut text, entries);
    text
}

fn ranking(text: &mut String, entries: &[Entry]) {
    let _ = writeln!(
        text,
        "{:<16} {:>6}  {:<24} {:<24} {:>6} {:>7} {:>9} {:>9} {:>8}",
        "proxy", "n", "Spearman (95 %)", "Kendall (95 %)", "nDCG", "top 10", "time each", "memory", "of peak"
    );
    for Entry { judgement, baseline, .. } in entries {
        let _ = writeln!(
            text,
            "{:<16} {:>6}  {:<24} {:<24} {:>6} {:>7} {:>9} {:>9} {:>8}",
            judgement.proxy,
            judgement.n,
            correlation(judgement.spearman, judgement.spearman_interval),
            correlation(judgement.kendall, judgement.kendall_interval),
            short(judgement.ndcg, 3),
            short(judgement.best_of_top_10, 2),
            seconds(judgement.cost.seconds_per_architecture),
            bytes(judgement.cost.bytes_per_architecture),
            match judgement.cost.share_of_peak {
                Some(share) => format!("{:.0} %", 100.0 * share),
                None if *baseline => "baseline".to_owned(),
                None => "-".to_owned(),
            },
        );
    }
    if let Some(entry) = entries.first() {
        let _ = writeln!(
            text,
            "nDCG of the {} highest scores; top 10: the best truth among ten favourites; intervals over isomorphism classes;\n\
             of peak: the share of the multiply-adds that the threads can do at best",
            entry.judgement.ndcg_at
        );
    }
    for Entry { judgement, .. } in entries.iter().filter(|entry| !entry.judgement.details.is_empty()) {
        let counted: Vec<String> = judgement.details.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "{} counted, in the mean (at most): {}", judgement.proxy, counted.join(", "));
    }
    for Entry { judgement, .. } in entries.iter().filter(|entry| entry.judgement.not_finite > 0) {
        let _ = writeln!(text, "{}: {} scores that are no numbers are left out", judgement.proxy, judgement.not_finite);
    }
}

fn origins(text: &mut String, entries: &[Entry]) {
    let Some(first) = entries.first() else { return };
    let Some(bands) = &first.judgement.bands else { return };
    let heads: Vec<String> = (1..=bands.bands.len()).map(|band| format!("{:>7}", format!("band {band}"))).collect();
    let traits: Vec<String> = first.judgement.bias.keys().map(|name| format!("{name:>8}")).collect();
    let (heads, traits) = (heads.concat(), traits.concat());
    let _ = writeln!(text, "\n{:<16} {:<15} {:>7}{heads}  {traits}", "proxy", "top half ρ / τ", "bands");
    for Entry { judgement, .. } in entries {
        let half = format!("{} / {}", short(judgement.top_half.spearman, 3), short(judgement.top_half.kendall, 3));
        let (mean, bands) = match &judgement.bands {
            Some(bands) => (bands.mean, bands.bands.iter().map(|band| band.spearman).collect()),
            None => (None, Vec::new()),
        };
        let bands: Vec<String> = bands.into_iter().map(|value| format!("{:>7}", short(value, 3))).collect();
        let bias: Vec<String> =
            judgement.bias.values().map(|value| format!("{:>8}", short(value.as_f64(), 3))).collect();
        let (bands, bias) = (bands.concat(), bias.concat());
        let _ = writeln!(text, "{:<16} {half:<15} {:>7}{bands}  {bias}", judgement.proxy, short(mean, 3));
    }
    let cost = if bands.by == "latency" { "latency" } else { "multiply-adds" };
    let _ = writeln!(
        text,
        "bands: Spearman within fifths of equal {cost}, cheapest first, and the mean; right: Spearman of the score with\n\
         depth (convolutions on the longest path), width (mean channels of convolutions) and cost of the live network"
    );
}

fn correlation(value: Option<f64>, interval: Option<Interval>) -> String {
    match (value, interval) {
        (Some(value), Some(i)) => format!("{value:.4} [{:.3}, {:.3}]", i.low, i.high),
        (Some(value), None) => format!("{value:.4}"),
        (None, _) => "not defined".to_owned(),
    }
}

fn short(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A time in the unit that gives a number above one.
fn seconds(time: f64) -> String {
    match time {
        1.0.. => format!("{time:.2} s"),
        1e-3.. => format!("{:.1} ms", 1e3 * time),
        _ => format!("{:.1} µs", 1e6 * time),
    }
}

fn bytes(count: f64) -> String {
    match count {
        1e9.. => format!("{:.2} GB", count / 1e9),
        1e6.. => format!("{:.1} MB", count / 1e6),
        1.0.. => format!("{:.1} kB", count / 1e3),
        _ => "-".to_owned(),
    }
}

//! The verdict on a proxy: how it ranks the rows of an audit, and what it may only be repeating.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{Bands, Bootstrap, Column, Cost, Detail, Interval, Measured, Ranks, Traits, expected_best, ndcg, ndcg_cut};

#[cfg(test)]
mod tests;

/// What a proxy is judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// What is known of each row; higher is better.
    pub truth: Vec<f64>,
    /// The isomorphism class of each row.
    pub classes: Vec<usize>,
    /// What each network is like; empty if nobody looked.
    pub traits: Vec<Traits>,
}

impl Rows {
    /// Rows whose networks are all different and of which nothing else is known.
    pub fn new(truth: Vec<f64>) -> Self {
        Self { classes: (0..truth.len()).collect(), truth, traits: Vec::new() }
    }

    /// The rows of an audit.
    pub fn measured(truth: Vec<f64>, measured: &Measured) -> Self {
        Self { truth, classes: measured.classes.clone(), traits: measured.traits.clone() }
    }
}

/// How well a proxy ranks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The proxy.
    pub proxy: String,
    /// Number of architectures that it is judged on.
    pub n: usize,
    /// Spearman's ρ with the truth; `None` if the scores are all the same.
    pub spearman: Option<f64>,
    /// Kendall's τ-b with the truth; `None` if the scores are all the same.
    pub kendall: Option<f64>,
    /// Bootstrap interval of Spearman's ρ, over isomorphism classes.
    pub spearman_interval: Option<Interval>,
    /// Bootstrap interval of Kendall's τ-b, over isomorphism classes.
    pub kendall_interval: Option<Interval>,
    /// The best truth expected among its ten favourites.
    pub best_of_top_10: Option<f64>,
    /// nDCG of its favourites, see [`ndcg`].
    pub ndcg: Option<f64>,
    /// How many favourites that counts: a tenth of the rows, at least ten.
    pub ndcg_at: usize,
    /// The same over the half of the rows with the best truth, where chance-level networks do not help.
    pub top_half: TopHalf,
    /// Within bands of about equal cost; `None` if nobody looked at the networks.
    pub bands: Option<Bands>,
    /// Spearman's ρ of the score with depth, width, parameters, multiply-adds and latency.
    pub bias: Map<String, Json>,
    /// What scoring took.
    #[serde(flatten)]
    pub cost: Cost,
    /// What else came up on the way.
    pub details: Vec<Detail>,
    /// Rows left out because the score is not a finite number.
    pub not_finite: usize,
}

/// Correlations on the better half of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TopHalf {
    /// Rows whose truth is at or above the median.
    pub n: usize,
    /// Spearman's ρ there.
    pub spearman: Option<f64>,
    /// Kendall's τ-b there.
    pub kendall: Option<f64>,
}

/// Judges the scores of a proxy by the truth, row by row.
pub fn judge(column: &Column, rows: &Rows, bootstrap: &Bootstrap) -> Judgement {
    let scored = column.scores.len().min(rows.truth.len());
    let finite: Vec<usize> = (0..scored).filter(|&row| column.scores[row].is_finite()).collect();
    let pick = |values: &[f64]| finite.iter().map(|&row| values[row]).collect::<Vec<f64>>();
    let (scores, truths) = (pick(&column.scores), pick(&rows.truth));
    let classes: Vec<usize> = finite.iter().map(|&row| rows.classes[row]).collect();
    let ranks = Ranks::new(&scores, &truths);
    let intervals = bootstrap.class_intervals(&ranks, &classes);
    let traits: Vec<Traits> = finite.iter().filter_map(|&row| rows.traits.get(row).copied()).collect();
    let ndcg_at = ndcg_cut(scores.len());
    Judgement {
        proxy: column.proxy.clone(),
        n: scores.len(),
        spearman: ranks.spearman(),
        kendall: ranks.kendall(),
        spearman_interval: intervals.spearman,
        kendall_interval: intervals.kendall,
        best_of_top_10: expected_best(&scores, &truths, 10),
        ndcg: ndcg(&scores, &truths, ndcg_at),
        ndcg_at,
        top_half: top_half(&scores, &truths),
        bands: bands(&traits, &scores, &truths),
        bias: bias(&traits, &scores),
        cost: column.cost.clone(),
        details: column.details.clone(),
        not_finite: scored - scores.len(),
    }
}

fn top_half(scores: &[f64], truths: &[f64]) -> TopHalf {
    let mut sorted = truths.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // The upper median: at most half of the rows lie below it.
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::INFINITY);
    let better = scores.iter().copied().zip(truths.iter().copied()).filter(|&(_, truth)| truth >= median);
    let (scores, truths): (Vec<f64>, Vec<f64>) = better.unzip();
    let ranks = Ranks::new(&scores, &truths);
    TopHalf { n: ranks.len(), spearman: ranks.spearman(), kendall: ranks.kendall() }
}

/// Bands of equal latency where it is known, and of equal multiply-adds otherwise.
fn bands(traits: &[Traits], scores: &[f64], truths: &[f64]) -> Option<Bands> {
    let by = if traits.first()?.latency.is_some() { "latency" } else { "macs" };
    let costs: Vec<f64> = traits.iter().map(|traits| traits.latency.unwrap_or(traits.macs)).collect();
    Some(Bands::new(by, &costs, scores, truths))
}

/// The correlation of the score with each quantity, by name; null where a quantity is the same for all.
fn bias(traits: &[Traits], scores: &[f64]) -> Map<String, Json> {
    let Some(first) = traits.first() else { return Map::new() };
    let names: Vec<&str> = first.named().map(|(name, _)| name).collect();
    let correlation = |at: usize| {
        let values: Vec<f64> =
            traits.iter().filter_map(|traits| traits.named().nth(at)).map(|(_, value)| value).collect();
        Ranks::new(scores, &values).spearman()
    };
    names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), json!(correlation(at)))).collect()
}

//! The audit itself: score every architecture by every proxy, in parallel, then
//! judge each proxy by how it ranks them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;

use super::{Bootstrap, Interval, Ranks, expected_best};
use crate::graph::{CanonicalHash, Network};
use crate::proxy::{Proxy, Score, ScoreError};

/// The scores of one proxy.
#[derive(Clone, Debug)]
pub struct Column {
    /// The proxy.
    pub proxy: String,
    /// Its score of each row, oriented so that higher is better.
    pub scores: Vec<f64>,
    /// Time that building and scoring took, per architecture, on the thread that did it.
    pub per_architecture: Duration,
}

/// All rows, scored.
#[derive(Clone, Debug)]
pub struct Measured {
    /// One for each proxy, in the order given.
    pub columns: Vec<Column>,
    /// Number of distinct live networks among the rows. Isomorphic networks have equal scores.
    pub distinct: usize,
    /// Rows whose output does not depend on the input.
    pub dead: usize,
}

/// Why a row has no scores.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError<E> {
    /// Its network cannot be built.
    #[error("row {row}: {source}")]
    Build {
        /// The row, from 0.
        row: usize,
        /// Why.
        source: E,
    },
    /// A proxy cannot score its network, or its scores do not compare with those of the first row.
    #[error("row {row}: {source}")]
    Score {
        /// The row, from 0.
        row: usize,
        /// Why.
        source: ScoreError,
    },
}

impl<E> MeasureError<E> {
    /// The row that the error is about, from 0.
    pub fn row(&self) -> usize {
        match self {
            Self::Build { row, .. } | Self::Score { row, .. } => *row,
        }
    }
}

/// Builds and scores `rows` networks. `build` makes the network of a row; `scored` is called after each.
///
/// # Errors
/// The first error by row: a network that cannot be built, that a proxy cannot score, or whose input is
/// not of the size of the first network's.
pub fn measure<E: std::error::Error + Send + 'static>(
    rows: usize,
    build: impl Fn(usize) -> Result<Network, E> + Sync,
    proxies: &[Box<dyn Proxy>],
    scored: impl Fn() + Sync,
) -> Result<Measured, MeasureError<E>> {
    let measure_row = |row: usize| -> Result<Row, MeasureError<E>> {
        let start = Instant::now();
        let network = build(row).map_err(|source| MeasureError::Build { row, source })?;
        let building = start.elapsed();
        let mut scores = Vec::with_capacity(proxies.len());
        for proxy in proxies {
            let start = Instant::now();
            let score = proxy.score(&network).map_err(|source| MeasureError::Score { row, source })?;
            scores.push((score, building + start.elapsed()));
        }
        scored();
        Ok(Row { scores, hash: network.canonical_hash(), live: network.live().count() > 0 })
    };
    let outcomes: Vec<Result<Row, MeasureError<E>>> = (0..rows).into_par_iter().map(measure_row).collect();
    let outcomes = outcomes.into_iter().collect::<Result<Vec<Row>, _>>()?;
    let mut columns = Vec::with_capacity(proxies.len());
    for (index, proxy) in proxies.iter().enumerate() {
        for (row, outcome) in outcomes.iter().enumerate() {
            let first = &outcomes[0].scores[index].0;
            first.compare(&outcome.scores[index].0).map_err(|source| MeasureError::Score { row, source })?;
        }
        let total: Duration = outcomes.iter().map(|row| row.scores[index].1).sum();
        let direction = proxy.direction();
        columns.push(Column {
            proxy: proxy.name().to_owned(),
            scores: outcomes.iter().map(|row| direction.orient(row.scores[index].0.value)).collect(),
            per_architecture: total.div_f64(rows.max(1) as f64),
        });
    }
    Ok(Measured {
        columns,
        distinct: outcomes.iter().map(|row| row.hash).collect::<HashSet<_>>().len(),
        dead: outcomes.iter().filter(|row| !row.live).count(),
    })
}

struct Row {
    scores: Vec<(Score, Duration)>,
    hash: CanonicalHash,
    live: bool,
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
    /// Bootstrap interval of Spearman's ρ.
    pub spearman_interval: Option<Interval>,
    /// Bootstrap interval of Kendall's τ-b.
    pub kendall_interval: Option<Interval>,
    /// The best truth expected among its ten favourites.
    pub best_of_top_10: Option<f64>,
    /// The same over the half of the rows with the best truth, where chance-level networks do not help.
    pub top_half: TopHalf,
    /// Seconds to build and score an architecture, on one thread.
    pub seconds_per_architecture: f64,
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
pub fn judge(column: &Column, truth: &[f64], bootstrap: &Bootstrap) -> Judgement {
    let rows = column.scores.iter().copied().zip(truth.iter().copied());
    let (scores, truths): (Vec<f64>, Vec<f64>) = rows.filter(|(score, _)| score.is_finite()).unzip();
    let ranks = Ranks::new(&scores, &truths);
    let intervals = bootstrap.intervals(&ranks);
    Judgement {
        proxy: column.proxy.clone(),
        n: scores.len(),
        spearman: ranks.spearman(),
        kendall: ranks.kendall(),
        spearman_interval: intervals.spearman,
        kendall_interval: intervals.kendall,
        best_of_top_10: expected_best(&scores, &truths, 10),
        top_half: top_half(&scores, &truths),
        seconds_per_architecture: column.per_architecture.as_secs_f64(),
        not_finite: column.scores.len() - scores.len(),
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

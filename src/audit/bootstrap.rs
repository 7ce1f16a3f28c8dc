//! Bootstrap intervals of rank correlations and of whatever else rows give: percentiles over resamples of the
//! rows with replacement (Efron and Tibshirani, 1993, chapter 13).

use std::collections::HashMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::Ranks;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Number of resamples; 0 for no intervals.
    pub resamples: u32,
    /// Probability that the interval is meant to cover the truth, between 0 and 1.
    pub confidence: f64,
    /// Seed; equal seeds give equal intervals on any number of threads.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, confidence: 0.95, seed: 0 }
    }
}

/// Lower and upper end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// The intervals of both correlations. `None` where no resample had one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Intervals {
    /// Of Spearman's ρ.
    pub spearman: Option<Interval>,
    /// Of Kendall's τ-b.
    pub kendall: Option<Interval>,
}

impl Bootstrap {
    /// How often a resample draws each of `rows` rows.
    pub(super) fn counts(&self, resample: u32, rows: usize) -> Vec<u32> {
        // A stream for each resample, so that threads do not matter.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(resample));
        let mut counts = vec![0; rows];
        for _ in 0..rows {
            counts[rng.gen_range(0..rows)] += 1;
        }
        counts
    }

    /// The percentile intervals of both correlations, from the same resamples.
    pub fn intervals(&self, ranks: &Ranks) -> Intervals {
        self.class_intervals(ranks, &(0..ranks.len()).collect::<Vec<usize>>())
    }

    /// The same where rows of one class, such as isomorphic networks, are drawn together (cluster bootstrap): they are
    /// not independent, and drawn one by one would make the intervals too narrow. `classes` has a number for each row.
    pub fn class_intervals(&self, ranks: &Ranks, classes: &[usize]) -> Intervals {
        if ranks.len() < 2 {
            return Intervals::default();
        }
        let mut numbers = HashMap::new();
        let classes: Vec<usize> = (classes.iter())
            .map(|class| {
                let next = numbers.len();
                *numbers.entry(class).or_insert(next)
            })
            .collect();
        let draws: Vec<(Option<f64>, Option<f64>)> = (0..self.resamples)
            .into_par_iter()
            .map(|resample| {
                let drawn = self.counts(resample, numbers.len());
                let counts: Vec<u32> = classes.iter().map(|&class| drawn[class]).collect();
                (ranks.weighted_spearman(&counts), ranks.weighted_kendall(&counts))
            })
            .collect();
        let (spearman, kendall): (Vec<_>, Vec<_>) = draws.into_iter().unzip();
        Intervals {
            spearman: interval(spearman.into_iter().flatten().collect(), self.confidence),
            kendall: interval(kendall.into_iter().flatten().collect(), self.confidence),
        }
    }
}

/// The central interval that holds the given share of the values; percentiles are interpolated linearly.
pub fn interval(mut values: Vec<f64>, confidence: f64) -> Option<Interval> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let percentile = |share: f64| {
        let at = share.clamp(0.0, 1.0) * last as f64;
        let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
        below + (above - below) * at.fract()
    };
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval { low: percentile(tail), high: percentile(1.0 - tail) })
}

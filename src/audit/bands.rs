//! Bands of networks that cost about the same: a score that only follows the cost ranks nothing within them.

use serde::Serialize;

use super::Ranks;

/// How many bands an audit cuts the rows into.
pub const BANDS: usize = 5;

/// How a score ranks within bands of equal cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bands {
    /// What is about equal in a band: `latency` in milliseconds, or `macs`.
    pub by: &'static str,
    /// The bands, cheapest first.
    pub bands: Vec<Band>,
    /// Mean of the correlations that are defined.
    pub mean: Option<f64>,
}

/// One band.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    /// The lowest cost in it.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Number of rows.
    pub n: usize,
    /// Spearman's ρ with the truth.
    pub spearman: Option<f64>,
}

impl Bands {
    /// Cuts rows at the quintiles of their cost; rows of equal cost stay together, so bands may differ in size.
    pub fn new(by: &'static str, costs: &[f64], scores: &[f64], truths: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by(|&a, &b| costs[a].total_cmp(&costs[b]));
        let mut members: [Vec<usize>; BANDS] = Default::default();
        let mut before = 0;
        for tied in order.chunk_by(|&a, &b| costs[a] == costs[b]) {
            // A tie belongs where its middle lies.
            let middle = before + tied.len() / 2;
            members[(BANDS * middle / costs.len()).min(BANDS - 1)].extend(tied);
            before += tied.len();
        }
        let bands: Vec<Band> = (members.iter())
            .filter_map(|rows| {
                let of = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<f64>>();
                let (low, high) = (costs[*rows.first()?], costs[*rows.last()?]);
                let spearman = Ranks::new(&of(scores), &of(truths)).spearman();
                Some(Band { low, high, n: rows.len(), spearman })
            })
            .collect();
        let defined: Vec<f64> = bands.iter().filter_map(|band| band.spearman).collect();
        let mean = (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64);
        Self { by, bands, mean }
    }
}

//! How far predicted latencies lie from measured ones, on networks that a model
//! has seen or, by leaving folds or whole families out, has not.

use std::collections::{BTreeMap, HashMap};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{BoundRatios, FitError, Kernel, LatencyError, Sample, Siblings, Term, fit_beside, leave_out};
use crate::units::Millis;

/// Errors of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Number of networks.
    pub networks: usize,
    /// Mean absolute error relative to the measurement, in percent.
    pub mape: f64,
    /// Share of networks within 10 %, in percent.
    pub within_10: f64,
    /// Rank correlation; `None` when either side is constant.
    pub spearman: Option<f64>,
    /// Share of networks measured at or below their bound, in percent; `None` without bounds.
    pub coverage: Option<f64>,
    /// Median of bound over mean; `None` without bounds.
    pub bound_over_mean: Option<f64>,
}

/// A network's measured latency and what was predicted for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// Its name.
    pub network: String,
    /// Measured, ms.
    pub measured_ms: f64,
    /// Predicted, ms.
    pub predicted_ms: f64,
}

impl Predicted {
    /// Signed error relative to the measurement, in percent.
    pub fn error(&self) -> f64 {
        100.0 * (self.predicted_ms / self.measured_ms - 1.0)
    }
}

/// What is left out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// Ten folds of networks, shuffled by a fixed seed. Siblings fall on both sides, so this flatters.
    Folds,
    /// Networks of the same operators; what is drawn from a small space repeats itself under many names.
    Operators,
    /// Whole families, by network.
    Families(&'a HashMap<String, String>),
}

/// Errors of our model and of the 17-term baseline on the same splits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrossValidation {
    /// Our model's errors.
    #[serde(flatten)]
    pub scores: Scores,
    /// The baseline's errors.
    pub baseline: Scores,
    /// Errors of each group, left out.
    pub groups: Vec<GroupError>,
    /// Our predictions, in the order of the samples.
    #[serde(skip)]
    pub predicted: Vec<Predicted>,
    /// What bounds of the table fitted to all samples are made from: the ratios of these predictions.
    #[serde(skip)]
    pub ratios: BoundRatios,
}

/// How a group of networks came out while it was left out of the fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupError {
    /// The family, or the number of the fold.
    pub group: String,
    /// How many networks it has.
    pub networks: usize,
    /// Mean absolute relative error, percent.
    pub mape: f64,
    /// Mean signed relative error, percent: above zero where predictions are too high.
    pub mean_error: f64,
    /// The same of the baseline.
    pub baseline_mean_error: f64,
    /// Share of its networks at or below their bound, percent; `None` without bounds.
    pub coverage: Option<f64>,
}

impl GroupError {
    pub(super) fn of(group: String, ours: &[Predicted], theirs: &[Predicted], factor: Option<f64>) -> Self {
        let mean = |predicted: &[Predicted], of: fn(f64) -> f64| {
            predicted.iter().map(|p| of(p.error())).sum::<f64>() / predicted.len().max(1) as f64
        };
        let held = |factor: f64| ours.iter().filter(|p| p.measured_ms <= factor * p.predicted_ms).count();
        Self {
            coverage: factor.map(|factor| 100.0 * held(factor) as f64 / ours.len().max(1) as f64),
            group,
            networks: ours.len(),
            mape: mean(ours, f64::abs),
            mean_error: mean(ours, |error| error),
            baseline_mean_error: mean(theirs, |error| error),
        }
    }
}

impl CrossValidation {
    /// What a table says of it.
    pub fn summary(&self) -> FitError {
        FitError {
            left_out: self.ratios.left_out.clone(),
            mape: self.scores.mape,
            within_10: self.scores.within_10,
            spearman: self.scores.spearman.unwrap_or(0.0),
            baseline_mape: self.baseline.mape,
            coverage: self.scores.coverage,
            bound_over_mean: self.scores.bound_over_mean,
        }
    }
}

impl Scores {
    /// The same with how often bounds held and how wide they are: measured latency, mean and bound of each network.
    pub fn with_bounds(mut self, bounded: &[(f64, f64, f64)]) -> Self {
        let mut widths: Vec<f64> = bounded.iter().map(|(_, mean, bound)| bound / mean).collect();
        widths.sort_by(f64::total_cmp);
        let held = bounded.iter().filter(|(measured, _, bound)| measured <= bound).count();
        self.coverage = (!bounded.is_empty()).then(|| 100.0 * held as f64 / bounded.len() as f64);
        self.bound_over_mean = match widths.len() {
            0 => None,
            n => Some((widths[(n - 1) / 2] + widths[n / 2]) / 2.0),
        };
        self
    }
}

impl Split<'_> {
    /// The name in tables.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Folds => "folds",
            Self::Operators => "operators",
            Self::Families(_) => "families",
        }
    }
}

/// Scores a list of predictions.
pub fn score(predicted: &[Predicted]) -> Scores {
    let n = predicted.len() as f64;
    let errors: Vec<f64> = predicted.iter().map(|p| p.error().abs()).collect();
    let measured: Vec<f64> = predicted.iter().map(|p| p.measured_ms).collect();
    let guessed: Vec<f64> = predicted.iter().map(|p| p.predicted_ms).collect();
    Scores {
        networks: predicted.len(),
        mape: errors.iter().sum::<f64>() / n,
        within_10: 100.0 * errors.iter().filter(|&&e| e <= 10.0).count() as f64 / n,
        spearman: spearman(&measured, &guessed),
        coverage: None,
        bound_over_mean: None,
    }
}

/// Predicts samples by what a table or a model says of their operators.
pub fn predict_samples(samples: &[Sample], total: impl Fn(&[Kernel]) -> Millis) -> Vec<Predicted> {
    samples.iter().map(|sample| predicted(sample, total(&sample.kernels).0)).collect()
}

pub(super) fn predicted(sample: &Sample, predicted_ms: f64) -> Predicted {
    Predicted { network: sample.network.clone(), measured_ms: sample.ms, predicted_ms }
}

/// Fits the operator model with each group left out in turn and predicts that group; see [`leave_out`] for its bounds.
///
/// # Errors
/// Samples without a family, and splits that leave too little to fit.
pub fn cross_validate(
    samples: &[Sample],
    terms: &[Term],
    split: Split,
    siblings: &Siblings,
    confidence: f64,
) -> Result<CrossValidation, LatencyError> {
    leave_out(samples, split, confidence, |seen, unseen| {
        let seen: Vec<&Sample> = seen.iter().map(|&at| &samples[at]).collect();
        let model = fit_beside(&seen, terms, siblings)?;
        Ok(unseen.iter().map(|kernels| model.total(kernels)).collect())
    })
}

/// The group of each sample, numbered from 0 without gaps.
pub(super) fn groups(samples: &[Sample], split: Split) -> Result<Vec<usize>, LatencyError> {
    match split {
        Split::Folds => {
            let folds = samples.len().min(10);
            let mut order: Vec<usize> = (0..samples.len()).collect();
            order.sort_by(|&a, &b| samples[a].network.cmp(&samples[b].network));
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
            let mut groups = vec![0; samples.len()];
            for (position, &sample) in order.iter().enumerate() {
                groups[sample] = position % folds;
            }
            Ok(groups)
        }
        Split::Operators => {
            let mut numbers: HashMap<Vec<Kernel>, usize> = HashMap::new();
            let number = |sample: &Sample| {
                let mut kernels = sample.kernels.clone();
                kernels.sort_unstable();
                let next = numbers.len();
                *numbers.entry(kernels).or_insert(next)
            };
            Ok(samples.iter().map(number).collect())
        }
        Split::Families(families) => {
            let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
            let mut groups = Vec::with_capacity(samples.len());
            for sample in samples {
                let family = families.get(&sample.network).ok_or_else(|| {
                    LatencyError::Fit(format!(
                        "network `{}` has no family; add it to the families file",
                        sample.network
                    ))
                })?;
                let next = numbers.len();
                groups.push(*numbers.entry(family).or_insert(next));
            }
            Ok(groups)
        }
    }
}

/// Spearman's rank correlation, ties at their mean rank.
fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let covariance: f64 = a.iter().zip(&b).map(|(x, y)| (x - mean) * (y - mean)).sum();
    let spread = |ranks: &[f64]| ranks.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
    let product = spread(&a) * spread(&b);
    (product > 0.0).then(|| covariance / product.sqrt())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    for tied in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let below = values.iter().filter(|v| **v < values[tied[0]]).count();
        let rank = below as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for &i in tied {
            ranks[i] = rank;
        }
    }
    ranks
}

#[cfg(test)]
mod tests;

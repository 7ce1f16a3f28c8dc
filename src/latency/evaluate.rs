//! How far predicted latencies lie from measured ones, on networks that a model
//! has seen or, by leaving folds or whole families out, has not.

use std::collections::{BTreeMap, HashMap};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{FitError, Kernel, LatencyError, Sample, Term, baseline, fit};
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
    /// Our predictions, in the order of the samples.
    #[serde(skip)]
    pub predicted: Vec<Predicted>,
}

impl CrossValidation {
    /// What a table says of it. `left_out` is `families` or `folds`.
    pub fn summary(&self, left_out: &str) -> FitError {
        FitError {
            left_out: left_out.to_owned(),
            mape: self.scores.mape,
            within_10: self.scores.within_10,
            spearman: self.scores.spearman.unwrap_or(0.0),
            baseline_mape: self.baseline.mape,
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

/// Fits with each group left out in turn and predicts that group.
///
/// # Errors
/// Samples without a family, and splits that leave too little to fit.
pub fn cross_validate(samples: &[Sample], terms: &[Term], split: Split) -> Result<CrossValidation, LatencyError> {
    let groups = groups(samples, split)?;
    let count = groups.iter().max().map_or(0, |last| last + 1);
    if count < 2 {
        let problem = format!("leaving groups out needs at least 2 of them, and there is {count}");
        return Err(LatencyError::Fit(problem));
    }
    let mut ours: Vec<Option<Predicted>> = vec![None; samples.len()];
    let mut theirs = ours.clone();
    for left_out in 0..count {
        let training: Vec<&Sample> =
            samples.iter().zip(&groups).filter(|(_, group)| **group != left_out).map(|(sample, _)| sample).collect();
        let model = fit::fit(&training, terms)?;
        let baseline = baseline::fit(&training)?;
        for (at, sample) in samples.iter().enumerate().filter(|(at, _)| groups[*at] == left_out) {
            ours[at] = Some(predicted(sample, model.total(&sample.kernels).0));
            theirs[at] = Some(predicted(sample, baseline(&sample.kernels)));
        }
    }
    let ours: Vec<Predicted> = ours.into_iter().flatten().collect();
    let theirs: Vec<Predicted> = theirs.into_iter().flatten().collect();
    Ok(CrossValidation { scores: score(&ours), baseline: score(&theirs), predicted: ours })
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

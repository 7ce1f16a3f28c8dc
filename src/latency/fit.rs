//! Fits cost coefficients to the latencies of whole networks. Errors count
//! relative to each latency, so a network of 2 ms weighs as much as one of 900.

use super::nnls::nnls;
use super::{Kernel, LatencyError, OperatorModel, Term};

/// A measured network with its operators.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name.
    pub network: String,
    /// Its operators, in order.
    pub kernels: Vec<Kernel>,
    /// Measured latency in ms.
    pub ms: f64,
}

/// How strongly coefficients are pulled towards zero, relative to one network's squared relative error,
/// for a coefficient whose term makes up a whole network. Small: it only settles collinear terms.
const RIDGE: f64 = 1e-4;

/// Non-negative coefficients per unit of each feature that minimise the sum of squared relative errors.
///
/// `features` holds one row per sample. Each column is scaled to its mean share of a network before the
/// ridge is applied, so the ridge treats terms alike whatever their units.
pub(super) fn relative_nnls(features: &[Vec<f64>], ms: &[f64], ridge: f64) -> Vec<f64> {
    let n = features.first().map_or(0, Vec::len);
    let count = features.len() as f64;
    let mut scale = vec![0.0; n];
    for (row, ms) in features.iter().zip(ms) {
        for (scale, value) in scale.iter_mut().zip(row) {
            *scale += value / ms / count;
        }
    }
    let inverse: Vec<f64> = scale.iter().map(|&s| if s > 0.0 { 1.0 / s } else { 0.0 }).collect();
    let rows: Vec<Vec<f64>> = features
        .iter()
        .zip(ms)
        .map(|(row, ms)| row.iter().zip(&inverse).map(|(value, inverse)| value / ms * inverse).collect())
        .collect();
    let scaled = nnls(&rows, &vec![1.0; rows.len()], ridge * count);
    scaled.iter().zip(&inverse).map(|(x, inverse)| x * inverse).collect()
}

/// The counts of every term in a network.
pub(super) fn counts(terms: &[Term], kernels: &[Kernel]) -> Vec<f64> {
    terms
        .iter()
        .map(|&term| match term {
            Term::Network => 1.0,
            term => kernels.iter().map(|kernel| term.count(kernel)).sum(),
        })
        .collect()
}

/// Fits an operator model to whole-network latencies.
///
/// # Errors
/// Fewer than two networks, or networks that hold nothing the terms count. Fewer networks than terms are
/// accepted, since the ridge settles what they leave open; the caller should say so.
pub fn fit(samples: &[&Sample], terms: &[Term]) -> Result<OperatorModel, LatencyError> {
    if samples.len() < 2 {
        let problem = format!("{} measured network; a fit needs at least 2, and a good one 40 or more", samples.len());
        return Err(LatencyError::Fit(problem));
    }
    let features: Vec<Vec<f64>> = samples.iter().map(|sample| counts(terms, &sample.kernels)).collect();
    let ms: Vec<f64> = samples.iter().map(|sample| sample.ms).collect();
    let coefficients = relative_nnls(&features, &ms, RIDGE);
    if coefficients.iter().all(|&c| c == 0.0) {
        return Err(LatencyError::Fit(
            "no term explains any of the latencies; are the operator lists empty?".to_owned(),
        ));
    }
    let fitted = terms.iter().copied().zip(coefficients.into_iter().map(six_digits)).filter(|(_, c)| *c > 0.0);
    let fitted = fitted.collect();
    Ok(OperatorModel::new(fitted))
}

/// Rounds to the six digits that table files hold, so that a table read back prices as the fit did.
pub(super) fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

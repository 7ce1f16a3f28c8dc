//! Moves an operator model to another phone from a few networks measured there.
//!
//! Phones differ in speed first, and in what they are good at second. So each
//! cost of the new phone is the old one times a ratio: one common ratio is fitted
//! first, then a ratio for each term, at least zero and pulled towards the common
//! one. How strongly is chosen by leaving each network out in turn, so that few or
//! noisy networks change little but the scale, and many move every cost they can tell.

use super::fit::{counts, six_digits};
use super::normal::Normal;
use super::{LatencyError, OperatorModel, Sample, Term};

/// Strengths of the pull: a ratio of twice the common one weighs as much as a squared relative error of that size in
/// one network.
const STRENGTHS: [f64; 7] = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0];

/// A model on a new phone.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// Its costs.
    pub model: OperatorModel,
    /// The common ratio of new latencies to those of the old phone.
    pub ratio: f64,
    /// How strongly the ratios of single terms were pulled towards it.
    pub strength: f64,
}

/// Moves `old` to the phone that ran these networks.
///
/// # Errors
/// Fewer than two networks, and networks that cost nothing by the old model.
pub fn adapt(old: &OperatorModel, samples: &[&Sample]) -> Result<Adapted, LatencyError> {
    if samples.len() < 2 {
        let problem = format!(
            "{} measured network; moving a table to another phone needs at least 2, and 10 to 30 are a good number",
            samples.len()
        );
        return Err(LatencyError::Fit(problem));
    }
    let terms: Vec<Term> = old.coefficients().iter().map(|(term, _)| *term).collect();
    let costs: Vec<f64> = old.coefficients().iter().map(|(_, cost)| *cost).collect();
    let counts: Vec<Vec<f64>> = samples.iter().map(|sample| counts(&terms, &sample.kernels)).collect();
    let without = |left_out: Option<usize>| {
        let mut normal = Normal::new(terms.len());
        for (at, (counts, sample)) in counts.iter().zip(samples).enumerate() {
            if Some(at) != left_out {
                normal.push(counts, sample.ms);
            }
        }
        let ratio = normal.multiple(&costs);
        (normal, ratio, costs.iter().map(|cost| cost * ratio).collect::<Vec<f64>>())
    };
    let mut errors = [0.0; STRENGTHS.len()];
    for (at, sample) in samples.iter().enumerate() {
        let (normal, _, common) = without(Some(at));
        for (error, strength) in errors.iter_mut().zip(STRENGTHS) {
            let costs = normal.solve_ratios(&common, strength);
            let ms: f64 = costs.iter().zip(&counts[at]).map(|(cost, count)| cost * count).sum();
            *error += (ms / sample.ms - 1.0).powi(2);
        }
    }
    let (normal, ratio, common) = without(None);
    if ratio.is_nan() || ratio <= 0.0 {
        return Err(LatencyError::Fit(
            "by the table these networks cost nothing; are their operator lists empty?".to_owned(),
        ));
    }
    // Of equal errors the strongest pull wins: it changes least.
    let strength =
        errors.iter().zip(STRENGTHS).rev().min_by(|a, b| a.0.total_cmp(b.0)).map_or(1.0, |(_, strength)| strength);
    let costs = normal.solve_ratios(&common, strength);
    let moved = terms.into_iter().zip(costs.into_iter().map(six_digits)).filter(|(_, cost)| *cost > 0.0);
    Ok(Adapted { model: OperatorModel::new(moved.collect()), ratio, strength })
}

#[cfg(test)]
mod tests;

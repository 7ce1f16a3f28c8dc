//! Moves an operator model to another phone from a few networks measured there.
//!
//! Phones differ in speed first, and in what they are good at second. So each
//! cost of the new phone is the old one times a ratio: one common ratio is fitted
//! first, then a ratio for each term, at least zero and pulled towards the common
//! one. How strongly is chosen by leaving each network out in turn, so that few or
//! noisy networks change little but the scale, and many move every cost they can tell.

use super::fit::{counts, six_digits};
use super::normal::{Normal, pulled};
use super::{LatencyError, OperatorModel, Sample, Term};

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
    let networks: Vec<(Vec<f64>, f64)> =
        samples.iter().map(|sample| (counts(&terms, &sample.kernels), sample.ms)).collect();
    let ratio = |left_out: Option<usize>| {
        let mut normal = Normal::new(terms.len());
        let kept = networks.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
        kept.for_each(|(_, (counts, ms))| normal.push(counts, *ms));
        normal.multiple(&costs)
    };
    let common = ratio(None);
    if common.is_nan() || common <= 0.0 {
        return Err(LatencyError::Fit(
            "by the table these networks cost nothing; are their operator lists empty?".to_owned(),
        ));
    }
    let (found, strength) = pulled(&networks, |left_out| {
        let ratio = ratio(left_out);
        costs.iter().map(|cost| cost * ratio).collect()
    });
    let moved = terms.into_iter().zip(found.into_iter().map(six_digits)).filter(|(_, cost)| *cost > 0.0);
    Ok(Adapted { model: OperatorModel::new(moved.collect()), ratio: common, strength })
}

#[cfg(test)]
mod tests;

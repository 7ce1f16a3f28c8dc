//! Fits cost coefficients to the latencies of whole networks. Errors count
//! relative to each latency, so a network of 2 ms weighs as much as one of 900.
//!
//! Other core sets of the same phone ([`Siblings`]) are prior knowledge: their
//! common fit, up to a multiple, is what the coefficients are pulled to, the
//! more strongly the less the own measurements can tell.

use super::normal::Normal;
use super::{Kernel, LatencyError, OperatorModel, Siblings, Term};

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

/// How strongly coefficients are pulled towards those of the siblings, in the unit of [`RIDGE`]: this much for each
/// unit of the own fit's mean squared relative error, for what the terms cannot say of a set they cannot say of
/// its siblings either, ...
const PULL_OF_MISFIT: f64 = 20.0;
/// ... and this much for each unit of the squared noise of its measurements.
const PULL_OF_NOISE: f64 = 100.0;

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

/// All that a fit needs to know of some networks.
struct Evidence {
    own: Normal,
    siblings: Vec<Normal>,
    noise: Vec<f64>,
}

impl Evidence {
    /// Of these networks.
    fn of(samples: &[&Sample], terms: &[Term], siblings: &Siblings) -> Self {
        let mut evidence = Self {
            own: Normal::new(terms.len()),
            siblings: vec![Normal::new(terms.len()); siblings.sets.len()],
            noise: Vec::new(),
        };
        for sample in samples {
            let counts = counts(terms, &sample.kernels);
            evidence.own.push(&counts, sample.ms);
            for (normal, (_, set)) in evidence.siblings.iter_mut().zip(&siblings.sets) {
                if let Some(&ms) = set.get(&sample.network) {
                    normal.push(&counts, ms);
                }
            }
            evidence.noise.extend(siblings.noise.get(&sample.network));
        }
        evidence
    }

    /// The median noise of the measurements.
    fn typical_noise(&self) -> f64 {
        let mut noise = self.noise.clone();
        noise.sort_by(f64::total_cmp);
        noise.get(noise.len() / 2).copied().unwrap_or(0.0)
    }

    /// The costs that the siblings agree on, each of them brought to the own latencies' size first.
    fn common_costs(&self) -> Option<Vec<f64>> {
        let mut together: Option<Normal> = None;
        for sibling in self.siblings.iter().filter(|sibling| sibling.count() > 0.0) {
            let factor = self.own.typical_ms() / sibling.typical_ms();
            together.get_or_insert_with(|| Normal::new(sibling.terms())).add(sibling, factor);
        }
        Some(together?.solve(RIDGE, None))
    }

    /// Costs per unit of each term.
    fn costs(&self) -> Vec<f64> {
        let alone = self.own.solve(RIDGE, None);
        let Some(mut common) = self.common_costs() else { return alone };
        let multiple = self.own.multiple(&common);
        common.iter_mut().for_each(|cost| *cost *= multiple);
        let strength = PULL_OF_MISFIT * self.own.squared_error(&alone) + PULL_OF_NOISE * self.typical_noise().powi(2);
        self.own.solve(RIDGE, Some((&common, strength)))
    }

    /// The operator model.
    fn fit(&self, terms: &[Term]) -> Result<OperatorModel, LatencyError> {
        let networks = self.own.count();
        if networks < 2.0 {
            let problem = format!("{networks} measured network; a fit needs at least 2, and a good one 40 or more");
            return Err(LatencyError::Fit(problem));
        }
        let costs = self.costs();
        if costs.iter().all(|&c| c == 0.0) {
            return Err(LatencyError::Fit(
                "no term explains any of the latencies; are the operator lists empty?".to_owned(),
            ));
        }
        let fitted = terms.iter().copied().zip(costs.into_iter().map(six_digits)).filter(|(_, c)| *c > 0.0);
        Ok(OperatorModel::new(fitted.collect()))
    }
}

/// Fits an operator model to whole-network latencies.
///
/// # Errors
/// Fewer than two networks, or networks that hold nothing the terms count. Fewer networks than terms are
/// accepted, since the ridge settles what they leave open; the caller should say so.
pub fn fit(samples: &[&Sample], terms: &[Term]) -> Result<OperatorModel, LatencyError> {
    fit_beside(samples, terms, &Siblings::default())
}

/// The same, leaning on other core sets of the device.
///
/// # Errors
/// As [`fit`].
pub fn fit_beside(samples: &[&Sample], terms: &[Term], siblings: &Siblings) -> Result<OperatorModel, LatencyError> {
    Evidence::of(samples, terms, siblings).fit(terms)
}

/// Rounds to the six digits that table files hold, so that a table read back prices as the fit did.
pub(super) fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests;

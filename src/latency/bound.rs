//! Upper bounds that hold at a stated confidence, by split conformal prediction
//! (Vovk, Gammerman, Shafer, *Algorithmic Learning in a Random World*, 2005;
//! Lei et al., *Distribution-Free Predictive Inference for Regression*, JASA
//! 2018), one-sided and relative to the mean.
//!
//! What calibrates a table are the ratios of measured to predicted latency of
//! networks whose whole family the fit had not seen. With n of them, the ratio
//! of rank ⌈(n + 1) · confidence⌉ is the factor: if a new network's ratio is one
//! more draw of the same kind, it lies at or below that with the confidence.
//! What that assumes: the new network is as strange to the fit as a family left
//! out was, and it runs under the conditions of the measurements. Networks of
//! one family are alike, so n counts for less than n independent draws; the
//! coverage on families left out of the calibration too says what is left of it.
//!
//! A bound is the mean times one factor, so it grows with the mean, adds up
//! where the mean does, and a limit on it is a limit on the mean.

use serde::Serialize;

use crate::units::Millis;

/// The confidence where none is stated.
pub const CONFIDENCE: f64 = 0.95;

/// The smallest confidence that a bound may have; below it, it would be no upper bound.
pub const LEAST_CONFIDENCE: f64 = 0.5;

/// What upper bounds are made from: how far measured latencies lay above predictions for networks left out of the fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BoundRatios {
    /// What was left out together: `families` or `folds`.
    pub left_out: String,
    /// Measured over predicted latency, in ascending order.
    ratios: Vec<f64>,
}

/// Why a table has no bound at a confidence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoBound {
    /// It was never compared with networks left out.
    #[error("it holds no ratios of networks left out, which bounds are made from")]
    NotCalibrated,
    /// The confidence is none.
    #[error("a confidence is a number from {LEAST_CONFIDENCE} up to, but not, 1, and {0} is none")]
    NoConfidence(f64),
    /// Too few networks were left out.
    #[error(
        "a confidence of {confidence} takes {} networks left out of a fit, and there are {networks}; with these the \
         highest is {:.3}", least(*confidence), highest(*networks)
    )]
    TooFew {
        /// What was asked for.
        confidence: f64,
        /// How many networks there are.
        networks: usize,
    },
}

impl NoBound {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotCalibrated => {
                "fit it with `pocketnas latency fit --cross-validate families`, or ask for no confidence"
            }
            Self::NoConfidence(_) => "0.95 stands for 95 of 100 networks",
            Self::TooFew { .. } => "ask for less, or measure more networks",
        }
    }
}

/// The rank of the ratio that bounds at a confidence, counted from 1; rounding of the product must not raise it.
fn rank(networks: usize, confidence: f64) -> usize {
    ((networks + 1) as f64 * confidence - 1e-9).ceil() as usize
}

/// The fewest networks that give a confidence.
fn least(confidence: f64) -> usize {
    (confidence / (1.0 - confidence) - 1e-9).ceil() as usize
}

/// The highest confidence that so many networks give.
fn highest(networks: usize) -> f64 {
    networks as f64 / (networks + 1) as f64
}

impl BoundRatios {
    /// From ratios of measured to predicted latency in any order. `left_out` is `families` or `folds`.
    ///
    /// Ratios are kept to the four decimals of table files, so that a table read back bounds as the fit did.
    pub fn new(left_out: impl Into<String>, ratios: Vec<f64>) -> Self {
        let mut ratios: Vec<f64> = ratios.into_iter().map(|ratio| (ratio * 1e4).round() / 1e4).collect();
        ratios.sort_by(f64::total_cmp);
        Self { left_out: left_out.into(), ratios }
    }

    /// Measured over predicted latency, in ascending order.
    pub fn ratios(&self) -> &[f64] {
        &self.ratios
    }

    /// What a mean is multiplied by to bound the latency.
    ///
    /// # Errors
    /// What is no confidence, and more of it than the number of ratios gives.
    pub fn factor(&self, confidence: f64) -> Result<f64, NoBound> {
        if !(LEAST_CONFIDENCE..1.0).contains(&confidence) {
            return Err(NoBound::NoConfidence(confidence));
        }
        let networks = self.ratios.len();
        let at = rank(networks, confidence).max(1) - 1;
        self.ratios.get(at).copied().ok_or(NoBound::TooFew { confidence, networks })
    }
}

/// An upper bound on a latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// The latency that is not exceeded, with the confidence.
    pub ms: Millis,
    /// The share of networks that a bound holds for, from 0 to 1.
    pub confidence: f64,
}

#[cfg(test)]
mod tests;

//! What scoring took, and what else came up on the way, over all networks that a proxy scored.

use std::fmt;

use serde::Serialize;

use super::Known;

/// What scoring took. A network has all threads that the audit gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Seconds to build and score an architecture, in the mean.
    pub seconds_per_architecture: f64,
    /// Bytes of the largest program that ran for an architecture, in the mean.
    pub bytes_per_architecture: f64,
    /// The same for the architecture that took most; 0 where nothing ran.
    pub peak_bytes: u64,
    /// Floating-point operations a second of convolutions, linear layers and attention, with everything that is not
    /// such an operation in the time; `None` where none were counted.
    pub operations_per_second: Option<f64>,
    /// That rate as a share of what the threads can do by multiply-adds on registers alone.
    pub share_of_peak: Option<f64>,
}

impl Cost {
    /// What these scores took.
    pub(super) fn of(known: &[Known]) -> Self {
        let mean = |of: fn(&Known) -> f64| known.iter().map(of).sum::<f64>() / known.len().max(1) as f64;
        // Only scores whose operations were counted tell of a rate.
        let counted = || known.iter().filter(|known| known.operations > 0 && known.seconds > 0.0);
        let operations: f64 = counted().map(|known| known.operations as f64).sum();
        let rate = |by: f64| (by > 0.0).then(|| operations / by);
        Self {
            seconds_per_architecture: mean(|known| known.seconds),
            bytes_per_architecture: mean(|known| known.bytes as f64),
            peak_bytes: known.iter().map(|known| known.bytes).max().unwrap_or(0),
            operations_per_second: rate(counted().map(|known| known.seconds).sum()),
            share_of_peak: rate(counted().map(|known| known.seconds * known.peak).sum()),
        }
    }

    /// What several proxies take on the same architectures, one after the other.
    pub(super) fn together<'a>(costs: impl Iterator<Item = &'a Self> + Clone) -> Self {
        Self {
            seconds_per_architecture: costs.clone().map(|cost| cost.seconds_per_architecture).sum(),
            bytes_per_architecture: costs.clone().map(|cost| cost.bytes_per_architecture).fold(0.0, f64::max),
            peak_bytes: costs.map(|cost| cost.peak_bytes).max().unwrap_or(0),
            ..Self::default()
        }
    }
}

/// Something that a proxy counted beside its score, such as the weights it left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// What it is.
    pub name: String,
    /// In the mean over networks.
    pub mean: f64,
    /// The largest.
    pub most: f64,
}

impl Detail {
    /// All that came up, in the order in which it first did.
    pub(super) fn all(known: &[Known]) -> Vec<Self> {
        let mut all: Vec<(Self, f64)> = Vec::new();
        for (name, value) in known.iter().flat_map(|known| &known.details) {
            match all.iter_mut().find(|(detail, _)| detail.name == *name) {
                Some((detail, count)) => {
                    detail.mean += value;
                    detail.most = detail.most.max(*value);
                    *count += 1.0;
                }
                None => all.push((Self { name: name.clone(), mean: *value, most: *value }, 1.0)),
            }
        }
        all.into_iter().map(|(detail, count)| Self { mean: detail.mean / count, ..detail }).collect()
    }
}

/// Name, mean and largest, in four digits.
impl fmt::Display for Detail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |value: f64| format!("{value:.3e}").parse().unwrap_or(value);
        write!(out, "{} {} ({})", self.name, digits(self.mean), digits(self.most))
    }
}

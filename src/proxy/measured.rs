//! Proxies that run the network: what they have in common.

use serde_json::{Map, Value as Json};

use super::lab::{Conditions, Lab, Setup};
use super::{Proxy, Score, ScoreError, Structural};
use crate::graph::Network;

/// What a measured proxy does with one network, one draw of weights and one of data.
pub trait Measure: std::fmt::Debug + Send + Sync {
    /// Measures the network of the lab, which is live. Higher is better.
    ///
    /// # Errors
    /// A network that cannot be run, or that this proxy says nothing about.
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError>;

    /// What a dead network scores: at most what any live one does.
    fn dead(&self) -> f64 {
        f64::MIN
    }

    /// The same with that strength of the correction, if it leaves that to a search (`beta: auto`).
    fn with_beta(&self, _beta: f64) -> Option<std::sync::Arc<dyn Measure>> {
        None
    }

    /// The structural score that is left of it where every weight counts the same, if there is one: where a search that
    /// cannot be exact starts.
    fn stand_in(&self) -> Option<Structural> {
        None
    }

    /// Whether networks of different backbones may be compared, see [`backbone`](super::backbone()).
    fn compares_backbones(&self) -> bool {
        true
    }

    /// Its own fields, as a proxy file writes them.
    fn fields(&self) -> Map<String, Json>;
}

/// A measured score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The score.
    pub value: f64,
    /// What else came up, by name.
    pub details: Vec<(&'static str, f64)>,
}

impl From<f64> for Reading {
    fn from(value: f64) -> Self {
        Self { value, details: Vec::new() }
    }
}

/// A measured proxy, ready to score networks under some conditions.
#[derive(Debug)]
pub struct Measured {
    pub(super) name: String,
    pub(super) measure: std::sync::Arc<dyn Measure>,
    pub(super) setup: Setup,
    pub(super) conditions: Conditions,
}

impl Proxy for Measured {
    fn name(&self) -> &str {
        &self.name
    }

    fn compares_backbones(&self) -> bool {
        self.measure.compares_backbones()
    }

    /// The mean over the repeats, and the means of the details.
    fn score(&self, network: &Network) -> Result<Score, ScoreError> {
        let inputs = network.input_shapes();
        if network.live().count() == 0 {
            return Ok(Score {
                value: self.measure.dead(),
                inputs,
                live: false,
                details: Vec::new(),
                bytes: 0,
                operations: 0,
            });
        }
        let (mut value, mut bytes, mut operations) = (0.0, 0, 0);
        let mut details: Vec<(&'static str, f64)> = Vec::new();
        let share = 1.0 / f64::from(self.setup.repeats);
        for repeat in 0..self.setup.repeats {
            let lab = Lab::new(&self.name, network, &self.setup, &self.conditions, repeat);
            let reading = self.measure.measure(&lab)?;
            if !reading.value.is_finite() {
                return Err(lab.unfit(format!(
                    "comes to {}: an activation or a gradient overflowed; \
                     normalise the network, or draw smaller weights (`initialisation`)",
                    reading.value
                )));
            }
            value += share * reading.value;
            bytes = bytes.max(lab.most_bytes());
            operations += lab.operations();
            for (name, detail) in reading.details {
                match details.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => *sum += share * detail,
                    None => details.push((name, share * detail)),
                }
            }
        }
        Ok(Score { value, inputs, live: true, details, bytes, operations })
    }
}

//! SNIP as a score (Lee, Ajanthan and Torr, ICLR 2019, eq. 6; summed over the network by Abdelfattah et al., ICLR 2021):
//! what the loss would feel if a weight were missing, `Σ |g·θ|`. `plain` is the same with its sign, `Σ g·θ` (Mozer and
//! Smolensky, NIPS 1988). Both over the kernels and matrices.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};

/// Sensitivity of the loss to the presence of weights.
#[derive(Clone, Debug)]
struct Snip {
    signed: bool,
}

pub(super) static SNIP: Kind =
    Kind { word: "snip", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(Snip { signed: false })) };

pub(super) static PLAIN: Kind =
    Kind { word: "plain", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(Snip { signed: true })) };

impl Measure for Snip {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let kernels = lab.kernels();
        lab.mean_over_batches(|program, weights| {
            let mut layers = Vec::with_capacity(kernels.len());
            for &(id, parameter) in &kernels {
                let weight = lab.weight(weights, id, parameter)?;
                let Some(gradient) = program.gradient(id, parameter) else { continue };
                let products = gradient.data.iter().zip(&weight.data).map(|(&g, &w)| f64::from(g) * f64::from(w));
                layers.push(if self.signed { products.sum::<f64>() } else { products.map(f64::abs).sum() });
            }
            Ok(sum(layers))
        })
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

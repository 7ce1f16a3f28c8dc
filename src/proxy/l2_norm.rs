//! Norm of the initial weights (Abdelfattah et al., ICLR 2021, in the authors' code): `Σ_l ‖θ_l‖₂` over the kernels and
//! matrices. It sees no data; at initialisation it is a count of width and depth, and a baseline for the others.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};

/// The sum of the norms of the layers.
#[derive(Clone, Debug)]
struct L2Norm;

pub(super) static L2_NORM: Kind =
    Kind { word: "l2_norm", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(L2Norm)) };

impl Measure for L2Norm {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let weights = lab.weights();
        let mut layers = Vec::new();
        for (id, parameter) in lab.kernels() {
            let weight = lab.weight(&weights, id, parameter)?;
            layers.push(weight.data.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt());
        }
        Ok(sum(layers).into())
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

//! Norm of the gradient (Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, section 3.1): how much
//! of the loss arrives at the weights. `Σ_l ‖g_l‖₂` over the kernels and matrices, as in the authors' code.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};

/// The sum of the norms of each layer's gradient.
#[derive(Clone, Debug)]
struct GradNorm;

pub(super) static GRAD_NORM: Kind =
    Kind { word: "grad_norm", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(GradNorm)) };

impl Measure for GradNorm {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let kernels = lab.kernels();
        lab.mean_over_batches(|program, _| {
            let norm = |&(id, parameter)| {
                let mut squares = 0.0;
                program.visit_gradient(id, parameter, &mut |piece| {
                    squares += piece.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
                });
                squares.sqrt()
            };
            Ok(sum(kernels.iter().map(norm).collect()))
        })
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

//! GraSP as a score (Wang, Zhang and Grosse, ICLR 2020, eq. 8; its sum, with the sign that ranks, by Abdelfattah et al.,
//! ICLR 2021): `−θᵀ H g`, what scaling the weights does to the flow of gradients. Over the kernels and matrices.
//!
//! There is no second derivative here but a difference of two gradients in double precision. H is symmetric, so
//! `θᵀ H g = gᵀ (H θ)`, and `H θ` is how g changes as all weights are scaled: `(g(θ + δθ) − g(θ − δθ)) / 2δ`. A second
//! derivative sees no kink of a ReLU, so the difference may step over none. Scaling by δ turns few signs: none where norms
//! follow or where no biases are, but some where a sum has terms of both. δ is small enough for those.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};
use crate::data::Batch;
use crate::engine::{Program, Tensor, Weights};
use crate::graph::NodeId;

/// δ: millions of pre-activations hardly have one within this share of 0, and rounding, 1e-16 over it, is 1e-7.
const STEP: f64 = 1e-9;

/// The change of the gradient's flow.
#[derive(Clone, Debug)]
struct Grasp;

pub(super) static GRASP: Kind =
    Kind { word: "grasp", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(Grasp)) };

impl Measure for Grasp {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let (kernels, weights) = (lab.kernels(), lab.weights().cast::<f64>());
        let mut program = lab.program_of(lab.network, &lab.training(lab.setup.batch_size), &weights)?;
        let mut scores = Vec::new();
        for batch in lab.batches()?.iter() {
            let mut at = |scale: f64| gradients(lab, program.as_mut(), &weights, scale, &kernels, batch);
            let (here, more, less) = (at(1.0)?, at(1.0 + STEP)?, at(1.0 - STEP)?);
            let layers = here.iter().zip(more.iter().zip(&less)).map(|(g, (more, less))| {
                let differences = more.data.iter().zip(&less.data).map(|(a, b)| (a - b) / (2.0 * STEP));
                -g.data.iter().zip(differences).map(|(g, d)| g * d).sum::<f64>()
            });
            scores.push(sum(layers.collect()));
        }
        Ok((sum(scores.clone()) / scores.len() as f64).into())
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

/// The gradients of the layers where all of them are scaled.
fn gradients(
    lab: &Lab<'_>,
    program: &mut dyn Program<f64>,
    weights: &Weights<f64>,
    scale: f64,
    kernels: &[(NodeId, usize)],
    batch: &Batch,
) -> Result<Vec<Tensor<f64>>, ScoreError> {
    let mut scaled = weights.clone();
    for &(id, parameter) in kernels {
        if let Some(weight) = scaled.0.get_mut(&lab.name_of(id, parameter)) {
            weight.data.iter_mut().for_each(|w| *w *= scale);
        }
    }
    program.load(&scaled)?;
    lab.step(program, batch)?;
    Ok(kernels.iter().filter_map(|&(id, parameter)| program.gradient(id, parameter)).collect())
}

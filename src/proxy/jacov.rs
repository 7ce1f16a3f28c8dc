//! Jacov (Mellor, Turner, Storkey and Crowley, "Neural architecture search without training", first version of 2020, in
//! the form of Abdelfattah, Mehrotra, Dudziak and Lane, ICLR 2021): how differently an untrained network reacts to a
//! change of each sample.
//!
//! A sample's Jacobian is the gradient of the sum of its outputs with respect to its input; one backward pass gives all
//! of them, and the weak coupling of samples by batch norm is part of the definition. With v the eigenvalues of the
//! matrix of correlations between samples, the score is `-Σ ln(v + k) + 1 / (v + k)`, k = 1e-5.

use serde_json::{Map, Value as Json};

use super::ScoreError;
use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::spectrum::eigenvalues;
use super::statistics::correlations;
use crate::engine::{Plan, Tensor};
use crate::graph::Op;

/// What is added to eigenvalues.
const K: f64 = 1e-5;

/// Jacov; it has no fields of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Jacov;

pub(super) static JACOV: Kind =
    Kind { word: "jacov", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(Jacov)) };

impl Measure for Jacov {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let (network, samples) = (lab.network, lab.setup.batch_size);
        let input = network.ids().find(|&id| matches!(network.node(id).op, Op::Input { .. }));
        let Some(input) = input else { return Err(lab.unfit("needs a network with an input")) };
        let plan = Plan { input_gradients: true, prune: true, ..Plan::train(samples) };
        let mut program = lab.program(&plan)?;
        let (mut value, batches) = (0.0, lab.batches()?);
        for batch in batches.iter() {
            program.forward(&[&batch.inputs])?;
            let Some(output) = program.value(lab.output()) else { continue };
            program.backward(&[(lab.output(), &Tensor::filled(output.shape, 1.0))])?;
            let Some(gradient) = program.value_gradient(input) else {
                return Err(lab.unfit("needs gradients of the input, which ids of an embedding do not have"));
            };
            let mut correlations = correlations(&gradient.data, samples);
            let term = |v: f64| (v + K).ln() + 1.0 / (v + K);
            // Rounding may leave an eigenvalue of a correlation matrix a little below zero.
            value -= eigenvalues(&mut correlations, samples).into_iter().map(|v| term(v.max(0.0))).sum::<f64>();
        }
        Ok((value / batches.len() as f64).into())
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

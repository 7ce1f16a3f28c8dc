//! VKDNW (Týbl and Neumann, CVPR 2025): how evenly an untrained network knows its weights.
//!
//! The empirical Fisher information of a few weights, `F = E Jᵀ (diag p - p pᵀ) J` over samples, with J the Jacobian of
//! the outputs with respect to the first element of every trained tensor and p the softmax of the outputs, 0.05 of it
//! spread evenly as in the authors' code. The score is the entropy of the nine deciles of the spectrum of F, scaled to a
//! sum of one; `layers: true` adds the number of those tensors (VKDNW_single). Every sample goes through alone, with batch
//! norms by their running statistics, so that no other sample has a part in its Jacobian.

use serde_json::{Map, Value as Json, json};

use super::ScoreError;
use super::az_nas::{kaiming, shannon};
use super::bisection::eigenvalues;
use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use crate::engine::{Mode, Plan, Program, Tensor};
use crate::graph::NodeId;

/// The share of probability that is spread evenly over the classes.
const EVEN: f64 = 0.05;

/// VKDNW.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vkdnw {
    /// Whether the number of tensors is added.
    layers: bool,
}

pub(super) static VKDNW: Kind = Kind {
    word: "vkdnw",
    fields: &["layers"],
    setup: || Setup { batch_size: 16, init: kaiming(), ..Setup::default() },
    read: |fields| Ok(Box::new(Vkdnw { layers: fields.truth("layers").unwrap_or(false) })),
};

impl Measure for Vkdnw {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let network = lab.network;
        // Shifts are zero, and dead parts take none of the gradient, but their tensors count in neither.
        let plan = Plan { prune: true, backward: true, ..Plan::forward(1, Mode::Eval) };
        let mut program = lab.program(&plan)?;
        let tensors: Vec<(NodeId, usize)> = network
            .ids()
            .filter(|&id| program.runs(id))
            .flat_map(|id| {
                let parameters = network.parameters(id);
                (0..parameters.len()).filter(move |&i| parameters[i].role.trained()).map(move |i| (id, i))
            })
            .collect();
        let mut fisher = vec![0.0; tensors.len() * tensors.len()];
        let batches = lab.batches()?;
        let inputs = &batches[0].inputs;
        let samples = inputs.shape[0];
        let shape = [&[1], &inputs.shape[1..]].concat();
        for sample in inputs.data.chunks_exact(inputs.data.len() / samples) {
            program.forward(&[&Tensor::new(shape.clone(), sample.to_vec())])?;
            add_information(lab, program.as_mut(), &tensors, &mut fisher)?;
        }
        let value = shannon(deciles(&eigenvalues(&mut fisher, tensors.len())).into_iter());
        let layers = tensors.len() as f64;
        Ok(Reading { value: if self.layers { layers + value } else { value }, details: vec![("tensors", layers)] })
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        [("layers".to_owned(), json!(self.layers))].into_iter().collect()
    }
}

/// Adds the information of the sample that went through.
fn add_information(
    lab: &Lab<'_>,
    program: &mut dyn Program,
    tensors: &[(NodeId, usize)],
    fisher: &mut [f64],
) -> Result<(), ScoreError> {
    let Some(output) = program.value(lab.output()) else { return Ok(()) };
    let classes = output.data.len();
    let most = output.data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = output.data.iter().map(|&x| f64::from(x - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    let probabilities: Vec<f64> = weights.iter().map(|w| (1.0 - EVEN) * w / total + EVEN / classes as f64).collect();
    let mut jacobian: Vec<Vec<f64>> = Vec::with_capacity(classes);
    for class in 0..classes {
        let mut seed = Tensor::zeros(output.shape.clone());
        seed.data[class] = 1.0;
        program.backward(&[(lab.output(), &seed)])?;
        let first = |&(id, parameter): &(NodeId, usize)| {
            program.gradient(id, parameter).and_then(|tensor| tensor.data.first().copied()).map_or(0.0, f64::from)
        };
        jacobian.push(tensors.iter().map(first).collect());
    }
    // Jᵀ (diag p - p pᵀ) J is the covariance of the rows of J under p.
    let mean: Vec<f64> =
        (0..tensors.len()).map(|i| jacobian.iter().zip(&probabilities).map(|(row, p)| p * row[i]).sum()).collect();
    for (row, p) in jacobian.iter().zip(&probabilities) {
        let centred: Vec<f64> = row.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
        for (line, x) in fisher.chunks_exact_mut(tensors.len()).zip(&centred) {
            line.iter_mut().zip(&centred).for_each(|(f, y)| *f += p * x * y);
        }
    }
    Ok(())
}

/// The nine deciles of numbers in ascending order, between neighbours in proportion.
fn deciles(sorted: &[f64]) -> Vec<f64> {
    let Some(last) = sorted.len().checked_sub(1) else { return vec![0.0; 9] };
    let at = |tenth: usize| {
        let place = last as f64 * tenth as f64 / 10.0;
        let below = place.floor() as usize;
        let above = sorted[(below + 1).min(last)];
        // Rounding leaves eigenvalues that are zero on either side of it.
        (sorted[below] + (place - below as f64) * (above - sorted[below])).max(0.0)
    };
    (1..10).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::deciles;

    #[test]
    fn deciles_lie_between_neighbours() {
        let tens: Vec<f64> = (0..11).map(|i| f64::from(i * i)).collect();
        assert_eq!(deciles(&tens), [1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0, 64.0, 81.0]);
        assert_eq!(
            deciles(&[0.0, 1.0]).iter().map(|x| (x * 10.0).round()).collect::<Vec<_>>(),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
        );
        assert_eq!(deciles(&[]), [0.0; 9]);
    }
}

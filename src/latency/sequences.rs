//! Networks of tokens beside those of convolutions. Their matrix products run through other kernels of the runtime, so
//! what they take beyond the costs that convolutional networks tell is fitted to them alone ([`terms::SEQUENCES`]): the
//! other costs stay as they are.

use super::fit::{counts, six_digits};
use super::nnls::nnls;
use super::terms::SEQUENCES;
use super::{LatencyError, OperatorModel, Predicted, Sample, Term, evaluate};

/// Settles what few networks leave open, per network and relative to a term's mean share.
const RIDGE: f64 = 1e-9;

/// Networks whose multiply-adds differ by no more than this are left out together: a class token more is no other network.
const TWINS: f64 = 0.02;

/// A model with costs for sequences, and how far it is off.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequences {
    /// The model, with the costs that sequences add.
    pub model: OperatorModel,
    /// Predictions by the model without them.
    pub before: Vec<Predicted>,
    /// Predictions with them, each network left out of the fit together with its twins.
    pub left_out: Vec<Predicted>,
}

/// Fits the terms of sequences to networks of tokens, given the costs of everything else.
///
/// # Errors
/// Fewer networks than twice the terms, all of them twins, and networks without sequences.
pub fn fit_sequences(model: &OperatorModel, samples: &[Sample]) -> Result<Sequences, LatencyError> {
    if samples.len() < 2 * SEQUENCES.len() {
        let problem = format!(
            "{} networks of tokens for {} terms; give at least {}",
            samples.len(),
            SEQUENCES.len(),
            2 * SEQUENCES.len()
        );
        return Err(LatencyError::Fit(problem));
    }
    let networks: Vec<Network> = samples.iter().map(|sample| Network::of(sample, model)).collect();
    if networks.iter().any(|network| network.counts.iter().all(|&count| count == 0.0)) {
        return Err(LatencyError::Fit("one of the networks of tokens has no layer over a sequence".to_owned()));
    }
    let mut left_out = Vec::with_capacity(samples.len());
    for (sample, network) in samples.iter().zip(&networks) {
        let others: Vec<&Network> = networks.iter().filter(|other| !network.is_twin(other)).collect();
        if others.is_empty() {
            return Err(LatencyError::Fit("all networks of tokens are of one size".to_owned()));
        }
        left_out.push(evaluate::predicted(sample, network.predicted(&costs(&others))));
    }
    let before = samples.iter().zip(&networks).map(|(sample, network)| evaluate::predicted(sample, network.base));
    let fitted = costs(&networks.iter().collect::<Vec<_>>());
    let more = SEQUENCES.into_iter().zip(fitted.into_iter().map(six_digits)).filter(|(_, cost)| *cost > 0.0);
    let all: Vec<(Term, f64)> = model.coefficients().iter().copied().chain(more).collect();
    Ok(Sequences { model: OperatorModel::new(all), before: before.collect(), left_out })
}

/// A network as the fit sees it.
struct Network {
    /// Measured, ms.
    ms: f64,
    /// What the model says without the terms of sequences, ms.
    base: f64,
    counts: Vec<f64>,
    macs: f64,
}

impl Network {
    fn of(sample: &Sample, model: &OperatorModel) -> Self {
        let macs = sample.kernels.iter().map(|kernel| kernel.macs() as f64).sum();
        let base = model.total(&sample.kernels).0;
        Self { ms: sample.ms, base, counts: counts(&SEQUENCES, &sample.kernels), macs }
    }

    fn is_twin(&self, other: &Self) -> bool {
        (self.macs - other.macs).abs() <= TWINS * self.macs.max(other.macs)
    }

    fn predicted(&self, costs: &[f64]) -> f64 {
        self.base + self.counts.iter().zip(costs).map(|(count, cost)| count * cost).sum::<f64>()
    }
}

/// Non-negative costs that minimise the sum of squared relative errors.
fn costs(networks: &[&Network]) -> Vec<f64> {
    let share = |term: usize| networks.iter().map(|n| n.counts[term] / n.ms).sum::<f64>() / networks.len() as f64;
    let shares: Vec<f64> = (0..SEQUENCES.len()).map(share).collect();
    let inverse = |share: f64| if share > 0.0 { 1.0 / share } else { 0.0 };
    let row =
        |n: &&Network| n.counts.iter().zip(&shares).map(|(count, &share)| count / n.ms * inverse(share)).collect();
    let rows: Vec<Vec<f64>> = networks.iter().map(row).collect();
    let missing: Vec<f64> = networks.iter().map(|n| 1.0 - n.base / n.ms).collect();
    let solved = nnls(&rows, &missing, RIDGE * networks.len() as f64);
    solved.into_iter().zip(&shares).map(|(x, &share)| x * inverse(share)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::latency::{Kernel, KernelKind};

    fn transformer(tokens: u32, width: u32) -> Vec<Kernel> {
        let linear = |input, output| Kernel {
            output_channels: output,
            ..Kernel::pointwise(KernelKind::FullyConnected, [tokens, 1], input)
        };
        let product = Kernel { groups: 4, inputs: 2, ..Kernel::pointwise(KernelKind::MatMul, [tokens, 1], width) };
        vec![
            linear(width, 3 * width),
            Kernel { output_channels: 4 * tokens, ..product },
            Kernel::pointwise(KernelKind::Softmax, [tokens, 1], 4 * tokens),
            Kernel { input_channels: 4 * tokens, ..product },
            linear(width, 4 * width),
            linear(4 * width, width),
        ]
    }

    #[test]
    fn costs_of_sequences_are_found_and_others_stay() {
        let base = OperatorModel::new(vec![(Term::FloatTiles, 3e-8), (Term::Moved, 4e-7)]);
        let truth = OperatorModel::new(vec![
            (Term::FloatTiles, 3e-8),
            (Term::Moved, 4e-7),
            (Term::SequenceMacs, 2e-8),
            (Term::SequenceWeights, 1e-6),
            (Term::SequenceOutputs, 3e-6),
            (Term::Softmaxes, 5e-6),
        ]);
        let sizes =
            [(50, 192), (100, 192), (197, 192), (198, 192), (50, 384), (197, 384), (577, 384), (145, 768), (577, 768)];
        let samples: Vec<Sample> = sizes
            .into_iter()
            .map(|(tokens, width)| {
                let kernels = transformer(tokens, width);
                Sample { network: format!("{tokens}x{width}"), ms: truth.total(&kernels).0, kernels }
            })
            .collect();
        let fitted = fit_sequences(&base, &samples).unwrap();
        for ((term, found), (_, wanted)) in fitted.model.coefficients().iter().zip(truth.coefficients()) {
            assert!((found / wanted - 1.0).abs() < 1e-2, "{}: {found} in place of {wanted}", term.name());
        }
        assert!(fitted.before.iter().all(|p| p.error() < -20.0));
        assert!(fitted.left_out.iter().all(|p| p.error().abs() < 1.0), "{:?}", fitted.left_out);
        assert!(fit_sequences(&base, &samples[..7]).unwrap_err().to_string().contains("at least 8"));
    }
}

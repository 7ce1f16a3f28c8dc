//! Errors on groups of samples that a fit of any kind has not seen.

use super::evaluate::{groups, predicted};
use super::{CrossValidation, Kernel, LatencyError, Predicted, Sample, Split, baseline, score};
use crate::units::Millis;

/// Fits with each group of a split left out in turn and predicts that group.
///
/// `predict` is given the indices of the samples to fit to and the operators of those to predict. The 17-term baseline
/// is fitted to the same.
///
/// # Errors
/// Samples without a group, and splits that leave too little to fit.
pub fn leave_out(
    samples: &[Sample],
    split: Split,
    predict: impl Fn(&[usize], &[&[Kernel]]) -> Result<Vec<Millis>, LatencyError>,
) -> Result<CrossValidation, LatencyError> {
    let groups = groups(samples, split)?;
    let count = groups.iter().max().map_or(0, |last| last + 1);
    if count < 2 {
        let problem = format!("leaving groups out needs at least 2 of them, and there is {count}");
        return Err(LatencyError::Fit(problem));
    }
    let mut ours: Vec<Option<Predicted>> = vec![None; samples.len()];
    let mut theirs = ours.clone();
    for left_out in 0..count {
        let (unseen, seen): (Vec<usize>, Vec<usize>) = (0..samples.len()).partition(|&at| groups[at] == left_out);
        let kernels: Vec<&[Kernel]> = unseen.iter().map(|&at| &*samples[at].kernels).collect();
        let guessed = predict(&seen, &kernels)?;
        let baseline = baseline::fit(&seen.iter().map(|&at| &samples[at]).collect::<Vec<_>>())?;
        for (&at, ms) in unseen.iter().zip(guessed) {
            let sample = &samples[at];
            ours[at] = Some(predicted(sample, ms.0));
            theirs[at] = Some(predicted(sample, baseline(&sample.kernels)));
        }
    }
    let ours: Vec<Predicted> = ours.into_iter().flatten().collect();
    let theirs: Vec<Predicted> = theirs.into_iter().flatten().collect();
    Ok(CrossValidation { scores: score(&ours), baseline: score(&theirs), predicted: ours })
}

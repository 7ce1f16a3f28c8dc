//! Errors on groups of samples that a fit of any kind has not seen.

use super::evaluate::{groups, predicted};
use super::{
    BoundRatios, CrossValidation, GroupError, Kernel, LatencyError, Predicted, Sample, Split, baseline, score,
};
use crate::units::Millis;

/// Up to so many groups, every pair of them is left out together once. With more there are thousands of pairs, and a
/// single group weighs little in the fit.
const PAIRS: usize = 24;

/// Fits with each group of a split left out in turn and predicts that group.
///
/// `predict` is given the indices of the samples to fit to and the operators of those to predict. The 17-term baseline
/// is fitted to the same. Bounds at `confidence` are judged on each group by the ratios of the other groups, each of them
/// left out of its fit; the group that is judged is left out of those fits too, unless there are very many groups. Without
/// bounds (too few networks for the confidence) coverage stays open.
///
/// # Errors
/// Samples without a group, and splits that leave too little to fit.
pub fn leave_out(
    samples: &[Sample],
    split: Split,
    confidence: f64,
    predict: impl Fn(&[usize], &[&[Kernel]]) -> Result<Vec<Millis>, LatencyError>,
) -> Result<CrossValidation, LatencyError> {
    let groups = groups(samples, split)?;
    let count = groups.iter().max().map_or(0, |last| last + 1);
    if count < 2 {
        let problem = format!("leaving groups out needs at least 2 of them, and there is {count}");
        return Err(LatencyError::Fit(problem));
    }
    let members: Vec<Vec<usize>> =
        (0..count).map(|group| (0..samples.len()).filter(|&at| groups[at] == group).collect()).collect();
    // Each sample with its prediction by a fit that has seen none of these groups.
    let without = |left_out: &[usize]| -> Result<Vec<(usize, f64)>, LatencyError> {
        let (unseen, seen): (Vec<usize>, Vec<usize>) =
            (0..samples.len()).partition(|&at| left_out.contains(&groups[at]));
        let kernels: Vec<&[Kernel]> = unseen.iter().map(|&at| &*samples[at].kernels).collect();
        Ok(unseen.iter().copied().zip(predict(&seen, &kernels)?.into_iter().map(|ms| ms.0)).collect())
    };
    let alone = (0..count).map(|group| without(&[group])).collect::<Result<Vec<_>, _>>()?;
    let ratios = |predicted: &[(usize, f64)], group: usize| -> Vec<f64> {
        let of_group = predicted.iter().filter(|(at, _)| groups[*at] == group);
        of_group.map(|&(at, ms)| samples[at].ms / ms).filter(|ratio| ratio.is_finite()).collect()
    };
    // What bounds of each group are made from.
    let mut others: Vec<Vec<f64>> = vec![Vec::new(); count];
    for (a, b) in (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))) {
        if count > PAIRS {
            others[a].extend(ratios(&alone[b], b));
            others[b].extend(ratios(&alone[a], a));
        } else if let Ok(predicted) = without(&[a, b]) {
            // A pair may leave too little to fit where single groups do not; bounds then rest on the others.
            others[a].extend(ratios(&predicted, b));
            others[b].extend(ratios(&predicted, a));
        }
    }
    let mut ours: Vec<Option<Predicted>> = vec![None; samples.len()];
    let mut theirs = ours.clone();
    let mut bounded = Vec::with_capacity(samples.len());
    let mut by_group = Vec::with_capacity(count);
    for (group, (guessed, others)) in alone.iter().zip(others).enumerate() {
        let seen: Vec<&Sample> = (0..samples.len()).filter(|&at| groups[at] != group).map(|at| &samples[at]).collect();
        let baseline = baseline::fit(&seen)?;
        let factor = BoundRatios::new(split.name(), others).factor(confidence).ok();
        for &(at, mean) in guessed {
            let sample = &samples[at];
            bounded.extend(factor.map(|factor| (sample.ms, mean, factor * mean)));
            ours[at] = Some(predicted(sample, mean));
            theirs[at] = Some(predicted(sample, baseline(&sample.kernels)));
        }
        let of_group = |all: &[Option<Predicted>]| -> Vec<Predicted> {
            members[group].iter().filter_map(|&at| all[at].clone()).collect()
        };
        let name = match (split, members[group].first()) {
            (Split::Families(families), Some(&at)) => families.get(&samples[at].network).cloned().unwrap_or_default(),
            _ => format!("{} {group}", split.name()),
        };
        by_group.push(GroupError::of(name, &of_group(&ours), &of_group(&theirs), factor));
    }
    let ours: Vec<Predicted> = ours.into_iter().flatten().collect();
    let theirs: Vec<Predicted> = theirs.into_iter().flatten().collect();
    let every = ours.iter().map(|p| p.measured_ms / p.predicted_ms).filter(|ratio| ratio.is_finite()).collect();
    if bounded.len() < samples.len() {
        bounded.clear();
    }
    Ok(CrossValidation {
        scores: score(&ours).with_bounds(&bounded),
        baseline: score(&theirs),
        groups: by_group,
        predicted: ours,
        ratios: BoundRatios::new(split.name(), every),
    })
}

//! How the error of a table on a new phone falls with the number of networks
//! measured there: draws of networks, the table moved with them, and the error
//! on the networks not drawn, beside that of simpler ways on the same draws.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::evaluate::groups;
use super::{LatencyError, OperatorModel, Sample, Split, Term, adapt, fit, predict_samples, score};

/// Errors with so many networks: mean absolute relative error on the networks not drawn, percent, median over draws.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Networks drawn.
    pub networks: usize,
    /// Of the table moved to the phone.
    pub adapted: f64,
    /// Nine of ten draws do not exceed this with the table moved to the phone.
    pub adapted_p90: f64,
    /// Of the old table times one common ratio.
    pub one_ratio: f64,
    /// Of a fit to the drawn networks alone.
    pub from_scratch: f64,
}

/// Errors by the number of networks. A draw goes round the families, if they are known, in random order, one random
/// network of each, so that it is as diverse as somebody would choose it; without families it is uniform. Draws follow
/// from a fixed seed, and those of more networks contain those of fewer.
///
/// # Errors
/// As [`adapt()`]; sizes that leave no network to judge; networks without a family.
pub fn learning_curve(
    old: &OperatorModel,
    samples: &[Sample],
    terms: &[Term],
    families: Option<&HashMap<String, String>>,
    sizes: &[usize],
    draws: u64,
) -> Result<Vec<CurvePoint>, LatencyError> {
    if let Some(size) = sizes.iter().find(|&&size| size >= samples.len()) {
        let problem = format!("drawing {size} of {} networks leaves none to judge the table on", samples.len());
        return Err(LatencyError::Fit(problem));
    }
    let groups = match families {
        Some(families) => groups(samples, Split::Families(families))?,
        None => vec![0; samples.len()],
    };
    let orders: Vec<Vec<usize>> = (0..draws).map(|draw| order(samples, &groups, draw)).collect();
    sizes.iter().map(|&size| point(old, samples, terms, &orders, size)).collect()
}

/// All samples, in the order in which a draw takes them.
fn order(samples: &[Sample], groups: &[usize], draw: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(draw);
    let mut names: Vec<usize> = (0..samples.len()).collect();
    names.sort_by(|&a, &b| samples[a].network.cmp(&samples[b].network));
    names.shuffle(&mut random);
    let mut families: Vec<usize> = (0..groups.iter().max().map_or(0, |last| last + 1)).collect();
    families.shuffle(&mut random);
    // Each sample by its place in its family, and then by the place of the family.
    let mut taken = vec![0usize; families.len()];
    let mut places: Vec<(usize, usize, usize)> = names
        .into_iter()
        .map(|at| {
            let round = taken[groups[at]];
            taken[groups[at]] += 1;
            (round, families[groups[at]], at)
        })
        .collect();
    places.sort_by_key(|&(round, family, _)| (round, family));
    places.into_iter().map(|(.., at)| at).collect()
}

fn point(
    old: &OperatorModel,
    samples: &[Sample],
    terms: &[Term],
    orders: &[Vec<usize>],
    size: usize,
) -> Result<CurvePoint, LatencyError> {
    let mut errors: [Vec<f64>; 3] = Default::default();
    for order in orders {
        let (drawn, rest) = order.split_at(size);
        let drawn: Vec<&Sample> = drawn.iter().map(|&at| &samples[at]).collect();
        let rest: Vec<Sample> = rest.iter().map(|&at| samples[at].clone()).collect();
        let adapted = adapt(old, &drawn)?;
        let models = [adapted.model, old.times(adapted.ratio), fit(&drawn, terms)?];
        for (errors, model) in errors.iter_mut().zip(models) {
            errors.push(score(&predict_samples(&rest, |kernels| model.total(kernels))).mape);
        }
    }
    errors.iter_mut().for_each(|errors| errors.sort_by(f64::total_cmp));
    let [adapted, one_ratio, from_scratch] = &errors;
    Ok(CurvePoint {
        networks: size,
        adapted: quantile(adapted, 0.5),
        adapted_p90: quantile(adapted, 0.9),
        one_ratio: quantile(one_ratio, 0.5),
        from_scratch: quantile(from_scratch, 0.5),
    })
}

/// The smallest of the sorted values that this share of them does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.max(1) - 1).copied().unwrap_or(f64::NAN)
}

//! Non-negative fits of relative errors that single bad measurements do not
//! bend: Huber's weights, found by repeated least squares.

use super::nnls::nnls;

/// Rounds of reweighting; the weights have settled long before.
const ROUNDS: usize = 12;

/// Non-negative coefficients that make `features · x` close to `target`, errors relative to the target.
///
/// Relative errors beyond `knee` count in proportion, not squared; with an infinite one these are plain least squares. Columns are scaled to their mean share of a target
/// before the `ridge` applies, so it treats them alike whatever their units; it is per row, relative to a squared error.
pub(super) fn relative_nnls(features: &[Vec<f64>], target: &[f64], ridge: f64, knee: f64) -> Vec<f64> {
    let columns = features.first().map_or(0, Vec::len);
    let count = features.len() as f64;
    let mut scale = vec![0.0; columns];
    for (row, target) in features.iter().zip(target) {
        for (scale, value) in scale.iter_mut().zip(row) {
            *scale += value / target / count;
        }
    }
    let inverse: Vec<f64> = scale.iter().map(|&s| if s > 0.0 { 1.0 / s } else { 0.0 }).collect();
    let rows: Vec<Vec<f64>> = features
        .iter()
        .zip(target)
        .map(|(row, target)| row.iter().zip(&inverse).map(|(value, inverse)| value / target * inverse).collect())
        .collect();
    let mut weights = vec![1.0; rows.len()];
    let mut x = vec![0.0; columns];
    for _ in 0..ROUNDS {
        let weighted: Vec<Vec<f64>> =
            rows.iter().zip(&weights).map(|(row, weight)| row.iter().map(|value| value * weight).collect()).collect();
        x = nnls(&weighted, &weights, ridge * count);
        let weight = |row: &Vec<f64>| {
            let error = (row.iter().zip(&x).map(|(value, x)| value * x).sum::<f64>() - 1.0).abs();
            if error > knee { (knee / error).sqrt() } else { 1.0 }
        };
        let reweighted: Vec<f64> = rows.iter().map(weight).collect();
        if reweighted == weights {
            break;
        }
        weights = reweighted;
    }
    x.iter().zip(&inverse).map(|(x, inverse)| x * inverse).collect()
}

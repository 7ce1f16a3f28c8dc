//! Ties in the last digits: two architectures whose values are equal on paper may differ by the rounding of
//! their sums, and then each looks better than the other. Such a difference keeps nobody on a front.

use crate::pareto::non_dominated;

/// Values closer than this share of the largest one count as equal. Sums of a few hundred terms in 15 digits
/// are off by far less; no table or count is known to so many digits.
const TIE: f64 = 1e-12;

/// Indices, ascending, of the points that remain once differences in the last digits count as none.
/// Everything is minimised.
pub(super) fn without_ties(points: &[Vec<f64>]) -> Vec<usize> {
    let mut snapped = points.to_vec();
    for objective in 0..points.first().map_or(0, Vec::len) {
        let tie = TIE * points.iter().map(|point| point[objective].abs()).fold(0.0, f64::max);
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| points[a][objective].total_cmp(&points[b][objective]));
        for pair in 1..order.len() {
            let (before, here) = (order[pair - 1], order[pair]);
            if points[here][objective] - points[before][objective] <= tie {
                snapped[here][objective] = snapped[before][objective];
            }
        }
    }
    non_dominated(&snapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digits_decide_nothing() {
        let cases: [(&[[f64; 2]], &[usize]); 5] = [
            (&[[-3.380_786_384_402_028, 100.0], [-3.380_786_384_402_027_6, 164.0]], &[0]),
            (&[[-3.380_786_384_402_028, 164.0], [-3.380_786_384_402_027_6, 100.0]], &[1]),
            (&[[1.0, 2.0], [1.0 + 1e-15, 2.0 - 1e-15]], &[0]),
            (&[[1.0, 2.0], [1.0 + 1e-9, 1.0]], &[0, 1]),
            (&[], &[]),
        ];
        for (points, kept) in cases {
            let points: Vec<Vec<f64>> = points.iter().map(|point| point.to_vec()).collect();
            assert_eq!(without_ties(&points), kept, "{points:?}");
        }
    }
}

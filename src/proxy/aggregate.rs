//! Rank aggregation: one order out of the scores of several proxies, by the sum of the logarithms of their ranks (Lee and
//! Ham, AZ-NAS, CVPR 2024).
//!
//! `Σ_M ln(rank_M / m)` over the members M, with rank 1 for the lowest of m scores, so that higher is better. A low rank in
//! one member costs more than a high one in another makes up for: a network has to please all of them.

use super::{Proxy, Score, ScoreError};
use crate::graph::Network;

/// An aggregate as a proxy: it has a name, and no score for a single network.
#[derive(Clone, Debug)]
pub struct Aggregate {
    pub(super) name: String,
}

impl Proxy for Aggregate {
    fn name(&self) -> &str {
        &self.name
    }

    /// Always an error, since a rank needs others to rank among.
    fn score(&self, _network: &Network) -> Result<Score, ScoreError> {
        let reason = "ranks the networks of a set against each other, so one network has no score by it; score the network \
                      by its `members`, or use it where there are many: in `audit proxies`";
        Err(ScoreError::Unfit { proxy: self.name.clone(), reason: reason.to_owned() })
    }
}

/// The aggregate of every network, given one column of scores (higher is better) for each member. Equal scores share the
/// mean of their ranks.
///
/// Columns are as long as the first; without columns there are no networks.
pub fn aggregate(columns: &[&[f64]]) -> Vec<f64> {
    let networks = columns.first().map_or(0, |column| column.len());
    let ranked: Vec<Vec<f64>> = columns.iter().map(|column| ranks(column)).collect();
    (0..networks).map(|row| ranked.iter().map(|ranks| (ranks[row] / networks as f64).ln()).sum()).collect()
}

/// Ranks from 1, ascending; equal scores share the mean of theirs.
fn ranks(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut ranks = vec![0.0; scores.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let rank = first as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&row| ranks[row] = rank);
        first += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        let (first, second) = ([3.0, 1.0, 2.0], [5.0, 5.0, 9.0]);
        let expected = [(1.0f64 * 0.5).ln(), (1.0f64 / 3.0 * 0.5).ln(), (2.0f64 / 3.0).ln()];
        for (got, expected) in aggregate(&[&first, &second]).into_iter().zip(expected) {
            assert!((got - expected).abs() < 1e-15, "{got}, by hand {expected}");
        }
        assert!(aggregate(&[]).is_empty());
    }

    proptest! {
        /// Only ranks matter, and a network that is better by every member is better.
        #[test]
        fn keeps_the_order_that_all_members_agree_on(rows in prop::collection::vec((-5i32..5, -5i32..5), 1..30)) {
            let first: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let second: Vec<f64> = rows.iter().map(|row| f64::from(row.1)).collect();
            let values = aggregate(&[&first, &second]);
            let stretched: Vec<f64> = first.iter().map(|x| x.exp()).collect();
            prop_assert_eq!(&values, &aggregate(&[&stretched, &second]));
            for (i, a) in rows.iter().enumerate() {
                for (j, b) in rows.iter().enumerate() {
                    if a.0 > b.0 && a.1 > b.1 {
                        prop_assert!(values[i] > values[j]);
                    }
                }
            }
        }
    }
}

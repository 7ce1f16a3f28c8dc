//! The a-posteriori certificate of an ε-front: how far, at most, any point of the exact front lies from a returned one.
//! Everything is bounded from the returned labels alone, so that it holds however the search chose what to drop.
//!
//! Let S be the labels found when limits are exceeded by at most the tolerance,
//! R those of S within the limits, and E the error of the search: every path x
//! within the limits has an s in S with s ≤ x + E.
//!
//! *Gap.* If s is in R, x is within E of a returned point. Otherwise x ≥ s − E, so
//! x is within max(r − s + E) of any returned r.
//!
//! *Range.* The gap is a share of each objective's range over the exact front,
//! which is not known, so a lower bound stands in for it. For every r in R the
//! exact front has a point x ≤ r, and that x has an s in S with s ≤ x + E ≤ r + E
//! and x ≥ s − E. So the front reaches min{s_j : s ≤ r + E} − E_j or higher in
//! objective j, and its smallest value there is at most the smallest of R.

use super::instance::{Instance, UNLIMITED};

/// How many points with the largest values are tried as evidence for the size of a range.
const WITNESSES: usize = 64;

/// What can be said about the exact front.
pub(super) struct Certificate {
    /// The largest distance to a returned point, as a share of each objective's range; infinite if unknown.
    pub(super) gap: f64,
    /// A lower bound of each objective's range over the exact front, in quanta.
    pub(super) ranges: Vec<f64>,
}

/// Certifies the labels of the source.
pub(super) fn certify<const M: usize>(instance: &Instance<M>, front: &[[i64; M]], error: &[i64; M]) -> Certificate {
    let k = instance.objectives;
    let within = |row: &&[i64; M]| (0..k).all(|j| row[j] <= instance.limits[j]);
    let returned: Vec<&[i64; M]> = front.iter().filter(within).collect();
    let limited = (0..k).any(|j| instance.limits[j] < UNLIMITED);
    let beyond: Vec<&[i64; M]> = if limited { front.iter().filter(|row| !within(row)).collect() } else { Vec::new() };
    if returned.is_empty() {
        return Certificate { gap: f64::INFINITY, ranges: vec![0.0; k] };
    }
    let ranges: Vec<f64> = (0..k).map(|j| range(front, &returned, error, k, j)).collect();
    let share = |amount: i64, j: usize| match amount {
        ..=0 => 0.0,
        _ if ranges[j] <= 0.0 => f64::INFINITY,
        _ => amount as f64 / ranges[j],
    };
    let mut gap = (0..k).map(|j| share(error[j], j)).fold(0.0, f64::max);
    for s in beyond {
        let to = |r: &&[i64; M]| (0..k).map(|j| share(r[j] - s[j] + error[j], j)).fold(0.0, f64::max);
        gap = gap.max(returned.iter().map(to).fold(f64::INFINITY, f64::min));
    }
    Certificate { gap, ranges }
}

/// A lower bound of the range of objective `j` over the exact front.
fn range<const M: usize>(
    front: &[[i64; M]],
    returned: &[&[i64; M]],
    error: &[i64; M],
    objectives: usize,
    j: usize,
) -> f64 {
    let smallest = returned.iter().map(|r| r[j]).min().unwrap_or(0);
    let mut witnesses: Vec<&[i64; M]> = returned.to_vec();
    if witnesses.len() > WITNESSES {
        witnesses.select_nth_unstable_by_key(WITNESSES, |r| std::cmp::Reverse(r[j]));
        witnesses.truncate(WITNESSES);
    }
    let reached = |r: &[i64; M]| {
        let near = |s: &&[i64; M]| (0..objectives).all(|i| s[i] <= r[i] + error[i]);
        front.iter().filter(near).map(|s| s[j]).min().unwrap_or(smallest)
    };
    let largest = witnesses.into_iter().map(reached).max().unwrap_or(smallest);
    (largest - error[j] - smallest) as f64
}

//! A few points that stand for a whole front: the extremes, and between them as small a largest gap as possible.
//! The gap is the additive epsilon indicator (Zitzler et al., 2003) on objectives scaled from ideal to nadir.

use super::filter::lexicographic;
use super::{bounds, knee, share};

/// A choice among the points of a front.
#[derive(Debug, Clone, PartialEq)]
pub struct Representatives {
    /// Indices of the chosen points, ascending.
    pub indices: Vec<usize>,
    /// Every point of the front is, in each objective, at most this share of the objective's
    /// range better than some chosen point.
    pub gap: f64,
}

/// Chooses at most `k` of `points`, which must be mutually non-dominated.
///
/// The points that minimise each objective come first; with two objectives the
/// rest makes the gap as small as `k` points can, with more objectives they are
/// added one by one where the gap is largest. `k = 1` is the knee.
pub fn top_k<P: AsRef<[f64]>>(points: &[P], k: usize) -> Representatives {
    let Some((low, high)) = bounds(points) else {
        return Representatives { indices: Vec::new(), gap: 0.0 };
    };
    if k >= points.len() {
        return Representatives { indices: (0..points.len()).collect(), gap: 0.0 };
    }
    let scale = |point: &P| -> Vec<f64> {
        point.as_ref().iter().enumerate().map(|(j, x)| share(x - low[j], high[j] - low[j])).collect()
    };
    let scaled: Vec<Vec<f64>> = points.iter().map(scale).collect();
    let mut chosen = match k {
        0 => Vec::new(),
        1 => knee(points).into_iter().collect(),
        _ if low.len() == 2 => spread_2d(&scaled, k),
        _ => extremes(&scaled, k),
    };
    let gap = fill(&scaled, &mut chosen, k);
    chosen.sort_unstable();
    Representatives { indices: chosen, gap }
}

/// By how much, in its worst objective, `chosen` is worse than `point`; 0 if nowhere.
fn distance(chosen: &[f64], point: &[f64]) -> f64 {
    chosen.iter().zip(point).fold(0.0, |worst, (c, p)| worst.max(c - p))
}

/// The lexicographic minimum of each objective, at most `k` different points.
fn extremes(scaled: &[Vec<f64>], k: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    for j in 0..scaled[0].len() {
        let best = (0..scaled.len()).min_by(|&a, &b| {
            let (a, b) = (&scaled[a], &scaled[b]);
            a[j].total_cmp(&b[j]).then(lexicographic(a, b))
        });
        if let Some(i) = best
            && !chosen.contains(&i)
            && chosen.len() < k
        {
            chosen.push(i);
        }
    }
    chosen
}

/// Adds the point farthest from the chosen ones until there are `k`, and returns the gap left.
fn fill(scaled: &[Vec<f64>], chosen: &mut Vec<usize>, k: usize) -> f64 {
    let nearest = |p: &Vec<f64>| chosen.iter().map(|&c| distance(&scaled[c], p)).fold(f64::INFINITY, f64::min);
    let mut gaps: Vec<f64> = scaled.iter().map(nearest).collect();
    loop {
        let farthest = (0..gaps.len()).max_by(|&a, &b| gaps[a].total_cmp(&gaps[b]).then(b.cmp(&a)));
        let Some(farthest) = farthest else { return 0.0 };
        if chosen.len() >= k || gaps[farthest] <= 0.0 {
            return gaps[farthest];
        }
        chosen.push(farthest);
        for (gap, point) in gaps.iter_mut().zip(scaled) {
            *gap = gap.min(distance(&scaled[farthest], point));
        }
    }
}

/// The fewest points that leave no gap above `g`, found greedily, for the smallest `g` that `k` points allow.
fn spread_2d(scaled: &[Vec<f64>], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scaled.len()).collect();
    order.sort_by(|&a, &b| lexicographic(&scaled[a], &scaled[b]));
    let x = |i: usize| scaled[order[i]][0];
    let y = |i: usize| scaled[order[i]][1];
    let last = order.len() - 1;
    // From a chosen point: skip what it covers to its right; then the farthest point that still
    // covers the first one left over.
    let cover = |g: f64| -> Option<Vec<usize>> {
        let mut chosen = vec![0];
        let mut at = 0;
        while at < last {
            let open = first_not(at, last + 1, |i| y(at) - y(i) <= g);
            let next = if open > last { last } else { first_not(open, last + 1, |i| x(i) - x(open) <= g) - 1 };
            chosen.push(next);
            at = next;
            if chosen.len() > k {
                return None;
            }
        }
        Some(chosen)
    };
    let (mut too_small, mut enough) = (0.0, 1.0);
    let mut best = cover(enough).unwrap_or_else(|| vec![0, last]);
    for _ in 0..60 {
        let middle = 0.5 * (too_small + enough);
        match cover(middle) {
            Some(chosen) => (best, enough) = (chosen, middle),
            None => too_small = middle,
        }
    }
    best.into_iter().map(|i| order[i]).collect()
}

/// The first index from `low` to `high` (exclusive) where `holds` turns false, or `high`.
fn first_not(mut low: usize, mut high: usize, holds: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

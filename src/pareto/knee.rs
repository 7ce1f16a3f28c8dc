//! The knee of a front: the point where giving up a little of any objective no longer buys much of another.
//! Das, *On characterizing the "knee" of the Pareto curve*, 1999: the largest distance below the line through the extremes.

use super::{bounds, share};

/// Index of the knee of a front; `None` without points.
///
/// Every objective is scaled so that the ideal point becomes 0 and the nadir 1.
/// The knee is the point farthest below the plane through the unit points, which
/// for two objectives is the line through the two extremes; that is the point
/// with the smallest sum of scaled objectives. Ties go to the better balanced
/// point (smallest largest coordinate), then to the first. A front that nowhere
/// bulges below that plane has its knee at an extreme.
pub fn knee<P: AsRef<[f64]>>(points: &[P]) -> Option<usize> {
    let (low, high) = bounds(points)?;
    let key = |point: &P| {
        let scaled = point.as_ref().iter().enumerate().map(|(j, x)| share(x - low[j], high[j] - low[j]));
        scaled.fold((0.0, 0.0), |(sum, worst): (f64, f64), z| (sum + z, worst.max(z)))
    };
    // Sums that differ only by rounding count as equal, or balance would never decide.
    const TIE: f64 = 1e-12;
    let mut best: Option<(usize, (f64, f64))> = None;
    for (i, point) in points.iter().enumerate() {
        let (sum, worst) = key(point);
        let better = best.is_none_or(|(_, (s, w))| sum < s - TIE || (sum <= s + TIE && worst < w - TIE));
        if better && !sum.is_nan() {
            best = Some((i, (sum, worst)));
        }
    }
    best.map(|(i, _)| i)
}

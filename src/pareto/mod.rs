//! Fronts as pure functions over numbers: dominance, non-dominated filter and sorting, hypervolume, knee, representatives.
//! Everything is minimised; negate an objective that is to be maximised.
//!
//! A point is anything that is a slice of `f64`, one entry per objective. NaN has
//! no place in an order, so a point that holds one is never in a front and adds
//! nothing to a hypervolume.

mod dominance;
mod filter;
mod hypervolume;
mod knee;
mod representative;
mod sort;

pub use dominance::{dominates, weakly_dominates};
pub use filter::non_dominated;
pub use hypervolume::hypervolume;
pub use knee::knee;
pub use representative::{Representatives, top_k};
pub use sort::ranks;

/// Smallest and largest value of every objective over `points`; `None` without points.
///
/// Over a front these are the *ideal* and the *nadir* point.
pub fn bounds<P: AsRef<[f64]>>(points: &[P]) -> Option<(Vec<f64>, Vec<f64>)> {
    let first = points.first()?.as_ref();
    let (mut low, mut high) = (first.to_vec(), first.to_vec());
    for point in points {
        for (j, &value) in point.as_ref().iter().enumerate() {
            low[j] = low[j].min(value);
            high[j] = high[j].max(value);
        }
    }
    Some((low, high))
}

/// `value` as a share of `range`; a range of zero has only its own single value, share 0.
fn share(value: f64, range: f64) -> f64 {
    if range > 0.0 { value / range } else { 0.0 }
}

#[cfg(test)]
mod tests;

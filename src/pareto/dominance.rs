//! Pareto dominance between two points, all objectives minimised.
//! The usual definitions, as in Deb, *Multi-Objective Optimization using Evolutionary Algorithms*, 2001, section 2.4.

/// Whether `a` is nowhere worse than `b`; equal points weakly dominate each other.
pub fn weakly_dominates(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x <= y)
}

/// Whether `a` is nowhere worse than `b` and somewhere better.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    weakly_dominates(a, b) && a.iter().zip(b).any(|(x, y)| x < y)
}

//! How often each edge is taken by an architecture that is drawn uniformly: the weight of what a position can need.

use num_bigint::BigUint;

use super::ChoiceGraph;

impl ChoiceGraph {
    /// The probability that a uniformly drawn architecture takes each edge, in the order of [`Self::edges`]. Exact up to
    /// the rounding of floats: a forward pass over the counts that sampling uses too.
    pub fn marginals(&self) -> Vec<f64> {
        let mut reached = vec![0.0; self.states.len()];
        let mut taken = vec![0.0; self.edges.len()];
        if let Some(source) = reached.first_mut() {
            *source = 1.0;
        }
        for state in 0..self.states.len().saturating_sub(1) {
            let leaving = &mut taken[self.starts[state]..self.starts[state + 1]];
            for (edge, taken) in self.leaving(state).iter().zip(leaving) {
                let to = edge.to as usize;
                *taken = reached[state] * ratio(&self.counts[to], &self.counts[state]);
                reached[to] += *taken;
            }
        }
        taken
    }
}

/// `a / b` where both may be far beyond the largest float.
fn ratio(a: &BigUint, b: &BigUint) -> f64 {
    let ((a, a_exponent), (b, b_exponent)) = (leading(a), leading(b));
    if b == 0.0 { 0.0 } else { a / b * 2f64.powi(a_exponent - b_exponent) }
}

/// The first two digits to base 2⁶⁴ as a float, and the power of two that they stand at.
fn leading(number: &BigUint) -> (f64, i32) {
    let digits = number.to_u64_digits();
    let top = digits.iter().rev().take(2).fold(0.0, |value, &digit| value * 2f64.powi(64) + digit as f64);
    // A count of this many digits would not fit into memory.
    (top, 64 * i32::try_from(digits.len().saturating_sub(2)).unwrap_or(i32::MAX / 64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::space::{Budget, Space};

    /// Against the plain way: every path of a small space, each counted once.
    #[test]
    fn marginals_are_the_shares_of_all_paths() {
        let text = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 8 }\nblocks:\n  b:\n    params: { channels: {}, \
                    kernel: { choice: [3, 5, 7] } }\n    layers: [{ op: conv, kernel: =kernel, channels: =channels }]\n\
                    network:\n  - { stage: s, repeat: { choice: [1, 2, 3] }, channels: { choice: [4, 8] }, block: { use: b } }\n";
        let graph = Space::from_text("t.yaml", text).unwrap().compile(Budget::default()).unwrap();
        let mut counted = vec![0.0; graph.edges().len()];
        let mut paths = 0.0;
        for path in graph.paths() {
            paths += 1.0;
            path.iter().for_each(|&edge| counted[edge] += 1.0);
        }
        for (marginal, counted) in graph.marginals().into_iter().zip(counted) {
            assert!((marginal - counted / paths).abs() < 1e-12, "{marginal} against {}", counted / paths);
        }
    }

    #[test]
    fn ratios_of_huge_numbers_are_exact_to_rounding() {
        let huge = BigUint::from(3u32).pow(1000);
        assert!((ratio(&huge, &(&huge * 4u32)) - 0.25).abs() < 1e-15);
        assert_eq!(ratio(&BigUint::from(3u32), &BigUint::from(12u32)), 0.25);
        assert_eq!(ratio(&BigUint::default(), &huge), 0.0);
    }
}

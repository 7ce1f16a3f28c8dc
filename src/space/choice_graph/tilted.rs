//! Architectures drawn with weights: a path is drawn with a probability in proportion to the exponential of the sum of its
//! edges' log weights. With a multiple of a cost for log weights, draws go from the cheap end of a space to the dear one,
//! where uniform ones all lie in the middle.

use rand::Rng;

use super::ChoiceGraph;

/// A distribution over the architectures of a choice graph.
#[derive(Clone, Debug)]
pub struct Tilted<'a> {
    graph: &'a ChoiceGraph,
    log_weights: Vec<f64>,
    /// Logarithm of the summed weights of all paths from each state to the end.
    log_sums: Vec<f64>,
}

impl ChoiceGraph {
    /// The distribution that gives each edge, in the order of [`Self::edges`], this log weight. Zeros are the uniform one.
    pub fn tilted(&self, log_weights: Vec<f64>) -> Tilted<'_> {
        let mut log_sums = vec![0.0; self.states.len()];
        for state in (0..self.states.len().saturating_sub(1)).rev() {
            let terms = self.terms(state, &log_weights, &log_sums);
            let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
            log_sums[state] = largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln();
        }
        Tilted { graph: self, log_weights, log_sums }
    }

    /// The log weight of each way on from a state.
    fn terms<'a>(
        &'a self,
        state: usize,
        log_weights: &'a [f64],
        log_sums: &'a [f64],
    ) -> impl Iterator<Item = f64> + Clone + 'a {
        let first = self.starts[state];
        let leaving = self.leaving(state).iter().enumerate();
        leaving.map(move |(index, edge)| log_weights[first + index] + log_sums[edge.to as usize])
    }
}

impl Tilted<'_> {
    /// A path.
    pub fn sample(&self, rng: &mut impl Rng) -> Vec<usize> {
        let graph = self.graph;
        let (mut path, mut state) = (Vec::new(), 0);
        while state + 1 < graph.states.len() {
            let mut ticket: f64 = rng.r#gen();
            let last = graph.leaving(state).len() - 1;
            let mut chosen = last;
            let terms = graph.terms(state, &self.log_weights, &self.log_sums);
            for (index, term) in terms.enumerate() {
                ticket -= (term - self.log_sums[state]).exp();
                if ticket < 0.0 {
                    chosen = index;
                    break;
                }
            }
            let edge = graph.starts[state] + chosen;
            path.push(edge);
            state = graph.edges[edge].to as usize;
        }
        path
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use crate::space::{Budget, Space};

    /// Against the plain way: every path with its weight.
    #[test]
    fn paths_are_drawn_in_proportion_to_their_weights() {
        let text = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 8 }\nblocks:\n  b:\n    params: { channels: {}, \
                    kernel: { choice: [3, 5, 7] } }\n    layers: [{ op: conv, kernel: =kernel, channels: =channels }]\n\
                    network:\n  - { stage: s, repeat: { choice: [1, 2] }, channels: { choice: [4, 8] }, block: { use: b } }\n";
        let graph = Space::from_text("t.yaml", text).unwrap().compile(Budget::default()).unwrap();
        let log_weights: Vec<f64> = (0..graph.edges().len()).map(|edge| (edge % 5) as f64 * 0.3 - 0.4).collect();
        let weight = |path: &[usize]| path.iter().map(|&edge| log_weights[edge]).sum::<f64>().exp();
        let total: f64 = graph.paths().map(|path| weight(&path)).sum();
        let tilted = graph.tilted(log_weights.clone());
        assert!((tilted.log_sums[0].exp() / total - 1.0).abs() < 1e-12);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut drawn: HashMap<Vec<usize>, f64> = HashMap::new();
        const DRAWS: f64 = 40_000.0;
        (0..DRAWS as usize).for_each(|_| *drawn.entry(tilted.sample(&mut rng)).or_default() += 1.0);
        for path in graph.paths() {
            let (wanted, found) = (weight(&path) / total, drawn.get(&path).copied().unwrap_or(0.0) / DRAWS);
            // Five standard deviations of a count.
            assert!((wanted - found).abs() < 5.0 * (wanted / DRAWS).sqrt(), "{path:?}: {found} for {wanted}");
        }
    }
}

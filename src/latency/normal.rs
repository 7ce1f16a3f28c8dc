//! Normal equations of a fit to relative errors. They add up over groups of
//! networks, so that a fit to any of the groups costs a sum and a small solve.

use super::nnls::solve;

/// Strengths of a pull towards common ratios: a ratio of twice the common one weighs as much as a squared relative error of
/// that size in one network.
const STRENGTHS: [f64; 7] = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0];

/// Non-negative costs for networks, each with its counts and its latency, pulled towards those that `common` finds for a set
/// of them, and how strongly: by leaving each network out in turn, so that few or noisy networks change little but the
/// scale, and many move every cost they can tell. `common` is told which network is left out.
pub(super) fn pulled(networks: &[(Vec<f64>, f64)], common: impl Fn(Option<usize>) -> Vec<f64>) -> (Vec<f64>, f64) {
    let terms = networks.first().map_or(0, |(counts, _)| counts.len());
    let without = |left_out: Option<usize>| {
        let mut normal = Normal::new(terms);
        let kept = networks.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
        kept.for_each(|(_, (counts, ms))| normal.push(counts, *ms));
        (normal, common(left_out))
    };
    let mut errors = [0.0; STRENGTHS.len()];
    for (at, (counts, ms)) in networks.iter().enumerate() {
        let (normal, common) = without(Some(at));
        for (error, strength) in errors.iter_mut().zip(STRENGTHS) {
            let costs = normal.solve_ratios(&common, strength);
            let predicted: f64 = costs.iter().zip(counts).map(|(cost, count)| cost * count).sum();
            *error += (predicted / ms - 1.0).powi(2);
        }
    }
    // Of equal errors the strongest pull wins: it changes least.
    let strength =
        errors.iter().zip(STRENGTHS).rev().min_by(|a, b| a.0.total_cmp(b.0)).map_or(1.0, |(_, strength)| strength);
    let (normal, common) = without(None);
    (normal.solve_ratios(&common, strength), strength)
}

/// What least squares needs to know of some networks: sums over rows of counts, each row divided by its latency.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normal {
    /// Sum of the products of a row's entries.
    gram: Vec<Vec<f64>>,
    /// Sum of the rows.
    target: Vec<f64>,
    /// Number of rows.
    count: f64,
    /// Sum of the logarithms of the latencies.
    log_ms: f64,
}

impl Normal {
    /// Of no networks yet, with that many terms.
    pub(super) fn new(terms: usize) -> Self {
        Self { gram: vec![vec![0.0; terms]; terms], target: vec![0.0; terms], count: 0.0, log_ms: 0.0 }
    }

    /// Takes in a network: its counts and its latency.
    pub(super) fn push(&mut self, counts: &[f64], ms: f64) {
        for ((gram, target), count) in self.gram.iter_mut().zip(&mut self.target).zip(counts) {
            *target += count / ms;
            for (sum, other) in gram.iter_mut().zip(counts) {
                *sum += (count / ms) * (other / ms);
            }
        }
        self.count += 1.0;
        self.log_ms += ms.ln();
    }

    /// Takes in networks whose latencies are all multiplied by `factor` first.
    pub(super) fn add(&mut self, other: &Self, factor: f64) {
        for (gram, other) in self.gram.iter_mut().zip(&other.gram) {
            for (sum, value) in gram.iter_mut().zip(other) {
                *sum += value / (factor * factor);
            }
        }
        for (sum, value) in self.target.iter_mut().zip(&other.target) {
            *sum += value / factor;
        }
        self.count += other.count;
        self.log_ms += other.log_ms + other.count * factor.ln();
    }

    /// Number of terms.
    pub(super) fn terms(&self) -> usize {
        self.target.len()
    }

    /// Number of networks.
    pub(super) fn count(&self) -> f64 {
        self.count
    }

    /// Geometric mean of the latencies.
    pub(super) fn typical_ms(&self) -> f64 {
        (self.log_ms / self.count.max(1.0)).exp()
    }

    /// Non-negative costs per unit of each term that minimise the sum of squared relative errors, plus
    /// `ridge` times the sum of squared costs, plus `strength` times the sum of squared distances from
    /// the costs in `towards`; both per network.
    ///
    /// A cost counts here as the share of a network that its term makes up on average, so both treat terms
    /// alike whatever their units.
    pub(super) fn solve(&self, ridge: f64, towards: Option<(&[f64], f64)>) -> Vec<f64> {
        let share: Vec<f64> = self.target.iter().map(|sum| sum / self.count.max(1.0)).collect();
        let inverse: Vec<f64> = share.iter().map(|&s| if s > 0.0 { 1.0 / s } else { 0.0 }).collect();
        let scaled = |row: &[f64], by: f64| row.iter().zip(&inverse).map(|(v, i)| v * i * by).collect::<Vec<f64>>();
        let mut gram: Vec<Vec<f64>> = self.gram.iter().zip(&inverse).map(|(row, &by)| scaled(row, by)).collect();
        let mut target = scaled(&self.target, 1.0);
        let strength = towards.map_or(0.0, |(_, strength)| strength);
        for (i, row) in gram.iter_mut().enumerate() {
            row[i] += (ridge + strength) * self.count;
        }
        if let Some((costs, _)) = towards {
            for ((target, cost), share) in target.iter_mut().zip(costs).zip(&share) {
                *target += strength * self.count * cost * share;
            }
        }
        solve(&gram, &target).iter().zip(&inverse).map(|(x, inverse)| x * inverse).collect()
    }

    /// Non-negative costs that minimise the sum of squared relative errors plus `strength` times the sum of squared
    /// relative distances from the costs in `prior`, whatever share of a network they make up. A cost that is zero
    /// there stays zero, and one that no network tells anything of stays as it is.
    pub(super) fn solve_ratios(&self, prior: &[f64], strength: f64) -> Vec<f64> {
        let in_ratios = |(row, prior_of_row): (&Vec<f64>, &f64)| -> Vec<f64> {
            row.iter().zip(prior).map(|(value, prior)| value * prior * prior_of_row).collect()
        };
        let mut gram: Vec<Vec<f64>> = self.gram.iter().zip(prior).map(in_ratios).collect();
        for (i, row) in gram.iter_mut().enumerate() {
            row[i] += strength;
        }
        let target: Vec<f64> = self.target.iter().zip(prior).map(|(sum, prior)| sum * prior + strength).collect();
        solve(&gram, &target).iter().zip(prior).map(|(ratio, prior)| ratio * prior).collect()
    }

    /// Mean squared relative error of these costs.
    pub(super) fn squared_error(&self, costs: &[f64]) -> f64 {
        let (linear, quadratic) = self.products(costs);
        ((quadratic - 2.0 * linear + self.count) / self.count.max(1.0)).max(0.0)
    }

    /// The multiple of these costs with the smallest squared error.
    pub(super) fn multiple(&self, costs: &[f64]) -> f64 {
        let (linear, quadratic) = self.products(costs);
        if quadratic > 0.0 { linear / quadratic } else { 0.0 }
    }

    fn products(&self, costs: &[f64]) -> (f64, f64) {
        let inner = |a: &[f64]| a.iter().zip(costs).map(|(a, c)| a * c).sum::<f64>();
        let quadratic = self.gram.iter().zip(costs).map(|(row, cost)| cost * inner(row)).sum();
        (inner(&self.target), quadratic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(rows: &[([f64; 2], f64)]) -> Normal {
        let mut normal = Normal::new(2);
        for (counts, ms) in rows {
            normal.push(counts, *ms);
        }
        normal
    }

    const ROWS: [([f64; 2], f64); 3] = [([1.0, 2.0], 5.0), ([3.0, 1.0], 5.0), ([2.0, 2.0], 6.1)];

    #[test]
    fn parts_add_up_to_the_whole() {
        let mut sum = normal(&ROWS[..1]);
        sum.add(&normal(&ROWS[1..]), 1.0);
        let whole = normal(&ROWS);
        assert!((sum.typical_ms() - whole.typical_ms()).abs() < 1e-12);
        let (a, b) = (sum.solve(1e-9, None), whole.solve(1e-9, None));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?} {b:?}");
        // 1 and 2 per unit fit the first two rows exactly and the third to 6 of 6.1.
        assert!((whole.squared_error(&[1.0, 2.0]) - (0.1f64 / 6.1).powi(2) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn latencies_may_be_multiplied_afterwards() {
        let mut doubled = Normal::new(2);
        doubled.add(&normal(&ROWS), 2.0);
        let expected = normal(&ROWS.map(|(counts, ms)| (counts, 2.0 * ms)));
        assert!((doubled.typical_ms() - expected.typical_ms()).abs() < 1e-12);
        let (a, b) = (doubled.solve(1e-6, None), expected.solve(1e-6, None));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?} {b:?}");
        assert!((expected.multiple(&[0.5, 1.0]) / normal(&ROWS).multiple(&[0.25, 0.5]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ratios_are_pulled_whatever_their_share() {
        let (own, prior) = (normal(&ROWS), [4.0, 0.5]);
        let near = |costs: Vec<f64>, expected: [f64; 2]| costs.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(own.solve_ratios(&prior, 1e-9), [own.solve(1e-9, None)[0], own.solve(1e-9, None)[1]]));
        assert!(near(own.solve_ratios(&prior, 1e9), prior));
        // What no network holds stays; what is zero in the prior does too.
        assert!(near(normal(&[([1.0, 0.0], 2.0)]).solve_ratios(&[2.0, 7.0], 0.1), [2.0, 7.0]));
        assert_eq!(own.solve_ratios(&[1.0, 0.0], 0.1)[1], 0.0);
    }

    #[test]
    fn a_pull_moves_from_the_fit_to_its_target() {
        let (own, far) = (normal(&ROWS), [4.0, 0.5]);
        let at = |strength: f64| own.solve(0.0, Some((&far, strength)));
        assert!(at(0.0).iter().zip(own.solve(0.0, None)).all(|(a, b)| (a - b).abs() < 1e-9));
        assert!(at(1e6).iter().zip(far).all(|(a, b)| (a - b).abs() < 1e-4), "{:?}", at(1e6));
        let distance = |strength| at(strength).iter().zip(far).map(|(a, b)| (a - b).abs()).sum::<f64>();
        assert!(distance(0.01) > distance(0.1) && distance(0.1) > distance(10.0));
    }
}

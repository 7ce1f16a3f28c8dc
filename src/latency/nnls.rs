//! Non-negative least squares by the active-set method of Lawson and Hanson,
//! *Solving Least Squares Problems* (1974), algorithm NNLS, chapter 23. With a
//! ridge term, which keeps collinear columns from making the answer arbitrary.

/// Minimises `|A x − b|² + ridge |x|²` over `x ≥ 0`; `rows` are the rows of `A`.
///
/// Works on the normal equations, so columns should be of like size, and a
/// small `ridge` above zero keeps the systems solvable. Columns that are zero
/// in every row get zero.
pub fn nnls(rows: &[Vec<f64>], b: &[f64], ridge: f64) -> Vec<f64> {
    let n = rows.first().map_or(0, Vec::len);
    let mut gram = vec![vec![0.0; n]; n];
    let mut target = vec![0.0; n];
    for (row, &value) in rows.iter().zip(b) {
        for ((gram, target), &entry) in gram.iter_mut().zip(&mut target).zip(row) {
            *target += entry * value;
            for (sum, &other) in gram.iter_mut().zip(row) {
                *sum += entry * other;
            }
        }
    }
    for (i, gram) in gram.iter_mut().enumerate() {
        gram[i] += ridge;
    }
    solve(&gram, &target)
}

/// The active-set iteration on `gram x = target`, `x ≥ 0`: minimises `xᵀ gram x − 2 targetᵀ x`.
pub fn solve(gram: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    let n = target.len();
    let scale = target.iter().fold(0.0f64, |m, t| m.max(t.abs()));
    let tolerance = scale * 1e-12;
    let mut x = vec![0.0; n];
    let mut passive = vec![false; n];
    // Each round of the outer loop lowers the objective, so it ends; the bound guards against rounding.
    for _ in 0..10 * n + 10 {
        let gradient = |i: usize| target[i] - gram[i].iter().zip(&x).map(|(g, x)| g * x).sum::<f64>();
        let steepest = (0..n).filter(|&i| !passive[i] && gram[i][i] > 0.0).map(|i| (gradient(i), i));
        let Some((slope, enter)) = steepest.max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        if slope <= tolerance {
            break;
        }
        passive[enter] = true;
        loop {
            let chosen: Vec<usize> = (0..n).filter(|&i| passive[i]).collect();
            let Some(step) = solve_positive_definite(gram, target, &chosen) else {
                // The column that entered depends on the others to within rounding: leave it out for good.
                passive[enter] = false;
                x[enter] = 0.0;
                return x;
            };
            if step.iter().all(|&value| value > 0.0) {
                for (&i, &value) in chosen.iter().zip(&step) {
                    x[i] = value;
                }
                break;
            }
            // Go as far towards the solution as non-negativity allows; what hits zero leaves.
            let ratio = |(&i, &value): (&usize, &f64)| if value <= 0.0 { x[i] / (x[i] - value) } else { 1.0 };
            let reach = chosen.iter().zip(&step).map(ratio).fold(1.0, f64::min);
            for (&i, &value) in chosen.iter().zip(&step) {
                x[i] += reach * (value - x[i]);
                if x[i] <= tolerance.min(1e-14) || (value <= 0.0 && x[i] <= 1e-14 * scale) {
                    x[i] = 0.0;
                    passive[i] = false;
                }
            }
            if chosen.iter().all(|&i| passive[i]) {
                // Rounding kept every column in; drop the one that wants to be most negative.
                let worst = chosen.iter().zip(&step).min_by(|a, b| a.1.total_cmp(b.1)).map(|(&i, _)| i);
                if let Some(i) = worst {
                    x[i] = 0.0;
                    passive[i] = false;
                }
            }
        }
    }
    x
}

/// Solves the system of the chosen columns by Cholesky's factorisation; `None` if it is not positive definite.
fn solve_positive_definite(gram: &[Vec<f64>], target: &[f64], chosen: &[usize]) -> Option<Vec<f64>> {
    let n = chosen.len();
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = gram[chosen[i]][chosen[j]] - inner;
            if i == j {
                if rest <= gram[chosen[i]][chosen[i]] * 1e-13 {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    let mut y = vec![0.0; n];
    for i in 0..n {
        let known: f64 = (0..i).map(|k| lower[i][k] * y[k]).sum();
        y[i] = (target[chosen[i]] - known) / lower[i][i];
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| lower[k][i] * x[k]).sum();
        x[i] = (y[i] - known) / lower[i][i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn solves_a_textbook_case() {
        // The exact answers are (0, 1), and without the bound (-1, 1) in the second case.
        let rows = vec![vec![1.0, 1.0], vec![1.0, 2.0], vec![1.0, 0.0]];
        let unconstrained = nnls(&rows, &[1.0, 2.0, 0.0], 0.0);
        assert!(unconstrained[0].abs() < 1e-9 && (unconstrained[1] - 1.0).abs() < 1e-9);
        let bounded = nnls(&rows, &[0.0, 1.0, -1.0], 0.0);
        assert_eq!(bounded[0], 0.0);
        assert!((bounded[1] - 0.4).abs() < 1e-12, "{bounded:?}");
    }

    #[test]
    fn columns_without_entries_get_nothing() {
        assert_eq!(nnls(&[vec![0.0, 2.0], vec![0.0, 1.0]], &[2.0, 1.0], 0.0), [0.0, 1.0]);
        assert!(nnls(&[], &[], 0.0).is_empty());
    }

    proptest! {
        /// At a minimum every coefficient is zero with a gradient that does not pull it up, or positive with none.
        #[test]
        fn answers_meet_the_karush_kuhn_tucker_conditions(
            n in 1usize..8,
            values in prop::collection::vec(-1.0f64..1.0, 8 * 14),
            b in prop::collection::vec(-1.0f64..1.0, 14),
            ridge in prop::sample::select(vec![1e-6, 1e-3, 0.1]),
        ) {
            let rows: Vec<Vec<f64>> = values.chunks(8).map(|row| row[..n].to_vec()).collect();
            let x = nnls(&rows, &b, ridge);
            for i in 0..n {
                let residual = |row: &Vec<f64>, b: f64| b - row.iter().zip(&x).map(|(a, x)| a * x).sum::<f64>();
                let pull = rows.iter().zip(&b).map(|(row, &b)| row[i] * residual(row, b)).sum::<f64>() - ridge * x[i];
                prop_assert!(x[i] >= 0.0);
                prop_assert!(pull <= 1e-8, "coefficient {i} = {} is pulled up by {pull}", x[i]);
                prop_assert!(x[i] == 0.0 || pull.abs() <= 1e-8, "coefficient {i} = {} has gradient {pull}", x[i]);
            }
        }
    }
}

//! Eigenvalues of symmetric matrices, for the scores that look at a spectrum. Jacobi's method (Jacobi, 1846; Golub and
//! Van Loan, "Matrix Computations", 4th ed., algorithm 8.5.3): slow beside others for large matrices, but it finds small
//! eigenvalues to high relative accuracy, and it always converges.

/// Sweeps after which rounding is all that could be left; ten are enough for hundreds of rows.
const SWEEPS: usize = 60;

/// The eigenvalues of a symmetric matrix of `n` rows, row by row, in ascending order; the matrix is used up. All are NaN
/// where an element is not finite.
pub(super) fn eigenvalues(matrix: &mut [f64], n: usize) -> Vec<f64> {
    assert_eq!(matrix.len(), n * n, "a matrix of n rows has n·n elements");
    if matrix.iter().any(|x| !x.is_finite()) {
        return vec![f64::NAN; n];
    }
    // What lies beside the diagonal is squared below; a common scale keeps that in range.
    let scale = matrix.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if scale == 0.0 {
        return vec![0.0; n];
    }
    matrix.iter_mut().for_each(|x| *x /= scale);
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                turned |= rotate(matrix, n, p, q);
            }
        }
        if !turned {
            break;
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| matrix[i * n + i] * scale).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Turns the plane of two axes so that their element becomes zero; not where it is nothing beside both diagonals.
fn rotate(matrix: &mut [f64], n: usize, p: usize, q: usize) -> bool {
    let (beside, first, second) = (matrix[p * n + q], matrix[p * n + p], matrix[q * n + q]);
    // The bound is relative to both, so that a small eigenvalue beside a large one keeps its digits.
    if beside.abs() <= f64::EPSILON * (first.abs() * second.abs()).sqrt() || beside.abs() < f64::MIN_POSITIVE {
        return false;
    }
    let theta = (second - first) / (2.0 * beside);
    // The smaller of the two roots turns by at most 45 degrees.
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    matrix[p * n + p] = first - tangent * beside;
    matrix[q * n + q] = second + tangent * beside;
    (matrix[p * n + q], matrix[q * n + p]) = (0.0, 0.0);
    for k in (0..n).filter(|&k| k != p && k != q) {
        let (a, b) = (matrix[p * n + k], matrix[q * n + k]);
        let (a, b) = (cosine * a - sine * b, sine * a + cosine * b);
        (matrix[p * n + k], matrix[q * n + k]) = (a, b);
        (matrix[k * n + p], matrix[k * n + q]) = (a, b);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::eigenvalues;

    fn close(given: &[f64], wanted: &[f64], relative: f64) {
        assert_eq!(given.len(), wanted.len());
        for (a, b) in given.iter().zip(wanted) {
            assert!((a - b).abs() <= relative * b.abs().max(1e-300), "{given:?} is not {wanted:?}");
        }
    }

    #[test]
    fn known_spectra() {
        close(&eigenvalues(&mut [2.0, 1.0, 1.0, 2.0], 2), &[1.0, 3.0], 1e-15);
        close(&eigenvalues(&mut [], 0), &[], 0.0);
        close(&eigenvalues(&mut [-4.0], 1), &[-4.0], 0.0);
        close(&eigenvalues(&mut [0.0; 9], 3), &[0.0; 3], 0.0);
        // The second difference: 2 - 2 cos(kπ / (n + 1)).
        for n in [3, 10, 65] {
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                matrix[i * n + i] = 2.0;
                if i > 0 {
                    (matrix[i * n + i - 1], matrix[(i - 1) * n + i]) = (-1.0, -1.0);
                }
            }
            let wanted: Vec<f64> =
                (1..=n).map(|k| 2.0 - 2.0 * (k as f64 * std::f64::consts::PI / (n as f64 + 1.0)).cos()).collect();
            close(&eigenvalues(&mut matrix, n), &wanted, 1e-11);
        }
    }

    #[test]
    fn small_values_beside_large_ones_and_extreme_scales() {
        // The determinant is known: 1e12 · 2e-12 - 1 = 1, the trace is 1e12.
        let values = eigenvalues(&mut [1e12, 1.0, 1.0, 2e-12], 2);
        close(&values, &[1e-12, 1e12], 1e-12);
        close(&eigenvalues(&mut [2e200, 1e200, 1e200, 2e200], 2), &[1e200, 3e200], 1e-14);
        close(&eigenvalues(&mut [2e-200, 1e-200, 1e-200, 2e-200], 2), &[1e-200, 3e-200], 1e-14);
        assert!(eigenvalues(&mut [1.0, f64::NAN, f64::NAN, 1.0], 2).iter().all(|x| x.is_nan()));
    }

    proptest! {
        /// Trace and sum of squares are those of the matrix, and a Gram matrix has no negative value.
        #[test]
        fn invariants(n in 1usize..12, numbers in proptest::collection::vec(-3.0f64..3.0, 144)) {
            let mut gram = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    gram[i * n + j] = (0..n).map(|k| numbers[i * 12 + k] * numbers[j * 12 + k]).sum();
                }
            }
            let trace: f64 = (0..n).map(|i| gram[i * n + i]).sum();
            let squares: f64 = gram.iter().map(|x| x * x).sum();
            let values = eigenvalues(&mut gram, n);
            prop_assert!((values.iter().sum::<f64>() - trace).abs() <= 1e-12 * trace.max(1.0));
            prop_assert!((values.iter().map(|x| x * x).sum::<f64>() - squares).abs() <= 1e-11 * squares.max(1.0));
            prop_assert!(values.iter().all(|&x| x >= -1e-12 * trace.max(1.0)));
            prop_assert!(values.is_sorted());
        }
    }
}

//! Eigenvalues of larger symmetric matrices: Householder's reduction to three diagonals (Golub and Van Loan, "Matrix
//! Computations", 4th ed., algorithm 8.3.1), then bisection by Sturm's count of the eigenvalues below a number (section
//! 8.4.1). The work is `4/3 n³` and a bounded number of counts, so that it always ends.
//!
//! Eigenvalues come within rounding of the largest one; for small ones beside it see [`super::spectrum`].

/// The eigenvalues of a symmetric matrix of `n` rows, row by row, in ascending order; the matrix is used up. All are NaN
/// where an element is not finite.
pub(super) fn eigenvalues(matrix: &mut [f64], n: usize) -> Vec<f64> {
    let (diagonal, beside) = tridiagonal(matrix, n);
    (0..n).map(|rank| find(&diagonal, &beside, rank)).collect()
}

/// The smallest eigenvalue; 0 of a matrix without rows.
pub(super) fn smallest(matrix: &mut [f64], n: usize) -> f64 {
    let (diagonal, beside) = tridiagonal(matrix, n);
    if n == 0 { 0.0 } else { find(&diagonal, &beside, 0) }
}

/// The largest eigenvalue; 0 of a matrix without rows.
pub(super) fn largest(matrix: &mut [f64], n: usize) -> f64 {
    let (diagonal, beside) = tridiagonal(matrix, n);
    if n == 0 { 0.0 } else { find(&diagonal, &beside, n - 1) }
}

/// The diagonal and the one beside it (`beside[i]` between i and i + 1) of a tridiagonal matrix with the same eigenvalues.
fn tridiagonal(matrix: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    assert_eq!(matrix.len(), n * n, "a matrix of n rows has n·n elements");
    let mut beside = vec![0.0; n.saturating_sub(1)];
    let mut reflector = vec![0.0; n];
    let mut image = vec![0.0; n];
    for k in 0..n.saturating_sub(2) {
        // The vector below the diagonal of column k is reflected onto its first axis.
        let rest = k + 1..n;
        let scale = rest.clone().map(|i| matrix[k * n + i].abs()).fold(0.0, f64::max);
        if scale == 0.0 {
            continue;
        }
        rest.clone().for_each(|i| reflector[i] = matrix[k * n + i] / scale);
        let norm = reflector[rest.clone()].iter().map(|x| x * x).sum::<f64>().sqrt();
        let along = if reflector[k + 1] > 0.0 { -norm } else { norm };
        beside[k] = along * scale;
        // v = x - along·e, and vᵀv = 2·norm² - 2·along·x₁.
        let half = norm * norm - along * reflector[k + 1];
        reflector[k + 1] -= along;
        if half == 0.0 {
            continue;
        }
        // A ← A - v wᵀ - w vᵀ with w = p - (vᵀp / 2·half) v, p = A v / half.
        for i in rest.clone() {
            let row = &matrix[i * n + k + 1..(i + 1) * n];
            image[i] = row.iter().zip(&reflector[k + 1..]).map(|(a, v)| a * v).sum::<f64>() / half;
        }
        let inner = rest.clone().map(|i| reflector[i] * image[i]).sum::<f64>() / (2.0 * half);
        rest.clone().for_each(|i| image[i] -= inner * reflector[i]);
        for i in rest.clone() {
            let (v, w) = (reflector[i], image[i]);
            let row = matrix[i * n + k + 1..(i + 1) * n].iter_mut();
            for (element, (v_j, w_j)) in row.zip(reflector[k + 1..].iter().zip(&image[k + 1..])) {
                *element -= v * w_j + w * v_j;
            }
        }
    }
    if n > 1 {
        beside[n - 2] = matrix[(n - 2) * n + n - 1];
    }
    ((0..n).map(|i| matrix[i * n + i]).collect(), beside)
}

/// The eigenvalue that has `rank` others below it.
fn find(diagonal: &[f64], beside: &[f64], rank: usize) -> f64 {
    // Gershgorin: no eigenvalue is further from a diagonal element than the sum of what stands beside it.
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (i, x) in diagonal.iter().enumerate() {
        let around = beside.get(i).map_or(0.0, |b| b.abs()) + if i > 0 { beside[i - 1].abs() } else { 0.0 };
        (low, high) = (low.min(x - around), high.max(x + around));
        if !(x + around).is_finite() {
            return f64::NAN;
        }
    }
    // Sixty halvings leave nothing of the interval but rounding.
    for _ in 0..60 {
        let middle = low + 0.5 * (high - low);
        if below(diagonal, beside, middle) > rank { high = middle } else { low = middle }
    }
    low + 0.5 * (high - low)
}

/// How many eigenvalues are below `x`: the negative pivots of `T - x`.
fn below(diagonal: &[f64], beside: &[f64], x: f64) -> usize {
    let (mut count, mut pivot) = (0, 1.0);
    for (i, d) in diagonal.iter().enumerate() {
        let square = if i > 0 { beside[i - 1] * beside[i - 1] } else { 0.0 };
        pivot = d - x - square / pivot;
        if pivot == 0.0 {
            pivot = -f64::MIN_POSITIVE.sqrt();
        }
        count += usize::from(pivot < 0.0);
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::spectrum;
    use super::*;

    #[test]
    fn by_hand() {
        assert!(eigenvalues(&mut [], 0).is_empty());
        assert_eq!(eigenvalues(&mut [-4.0], 1), [-4.0]);
        let found = eigenvalues(&mut [2.0, 1.0, 1.0, 2.0], 2);
        assert!((found[0] - 1.0).abs() < 1e-14 && (found[1] - 3.0).abs() < 1e-14, "{found:?}");
        assert!(eigenvalues(&mut [1.0, f64::NAN, f64::NAN, 1.0], 2).iter().all(|x| x.is_nan()));
        // The second difference of 300 points: 2 - 2 cos(kπ / 301).
        let n: usize = 300;
        let mut matrix: Vec<f64> = (0..n * n)
            .map(|at| match usize::abs_diff(at / n, at % n) {
                0 => 2.0,
                1 => -1.0,
                _ => 0.0,
            })
            .collect();
        for (k, found) in eigenvalues(&mut matrix, n).into_iter().enumerate() {
            let expected = 2.0 - 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
            assert!((found - expected).abs() < 1e-13, "{k}: {found}, by hand {expected}");
        }
    }

    proptest! {
        /// Two methods that have nothing in common agree, on matrices of any rank.
        #[test]
        fn agrees_with_jacobi(n in 1usize..12, rank in 1usize..12, numbers in prop::collection::vec(-1.0f64..1.0, 144)) {
            let matrix: Vec<f64> = (0..n * n)
                .map(|at| (0..rank).map(|k| numbers[at / n * 12 + k] * numbers[at % n * 12 + k]).sum())
                .collect();
            let expected = spectrum::eigenvalues(&mut matrix.clone(), n);
            let found = eigenvalues(&mut matrix.clone(), n);
            let scale = expected[n - 1].abs().max(1.0);
            for (a, b) in found.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-13 * scale, "{:?} is not {:?}", found, expected);
            }
            prop_assert_eq!(found[0], smallest(&mut matrix.clone(), n));
            prop_assert_eq!(found[n - 1], largest(&mut matrix.clone(), n));
        }
    }
}

//! Second moments of the rows of a matrix, for proxies that look at correlations and spectra.

/// Elements that are added in single precision before they go to a double, so that long sums keep their digits.
const RUN: usize = 256;

/// Pearson's correlations between `rows` rows of equal length, row by row. A row that does not vary correlates with
/// nothing, and has 0 on the diagonal too.
pub(super) fn correlations(data: &[f32], rows: usize) -> Vec<f64> {
    let mut matrix = covariances(data, rows);
    let scales: Vec<f64> = (0..rows)
        .map(|i| matrix[i * rows + i].sqrt())
        .map(|deviation| if deviation > 0.0 { deviation.recip() } else { 0.0 })
        .collect();
    for i in 0..rows {
        for j in 0..rows {
            matrix[i * rows + j] *= scales[i] * scales[j];
        }
    }
    matrix
}

/// Covariances (of the population) between `rows` rows of equal length, row by row.
pub(super) fn covariances(data: &[f32], rows: usize) -> Vec<f64> {
    let length = data.len() / rows.max(1);
    let mut centred = vec![0.0f32; data.len()];
    for (row, out) in data.chunks_exact(length.max(1)).zip(centred.chunks_exact_mut(length.max(1))) {
        let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / length as f64;
        out.iter_mut().zip(row).for_each(|(out, &x)| *out = (f64::from(x) - mean) as f32);
    }
    products(&centred, rows, length)
}

/// Mean products of the rows, `X Xᵀ / length`.
fn products(data: &[f32], rows: usize, length: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; rows * rows];
    for start in (0..length).step_by(RUN) {
        let end = (start + RUN).min(length);
        for i in 0..rows {
            let first = &data[i * length + start..i * length + end];
            for j in 0..=i {
                matrix[i * rows + j] += f64::from(dot(first, &data[j * length + start..j * length + end]));
            }
        }
    }
    for i in 0..rows {
        for j in 0..=i {
            let product = matrix[i * rows + j] / length as f64;
            (matrix[i * rows + j], matrix[j * rows + i]) = (product, product);
        }
    }
    matrix
}

/// A dot product in sixteen partial sums, which a compiler can keep in vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (heads, tails) = (a.chunks_exact(16).zip(b.chunks_exact(16)), a.chunks_exact(16).remainder().iter());
    for (a, b) in heads {
        for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += x * y;
        }
    }
    let rest: f32 = tails.zip(b.chunks_exact(16).remainder()).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// `M Mᵀ` or `Mᵀ M`, whichever is smaller, of the mean product `M = A Bᵀ / length` of the rows of two matrices of equal
/// length: its eigenvalues are the squares of the singular values of M.
pub(super) fn cross_gram(a: &[f32], rows: usize, b: &[f32], columns: usize) -> Vec<f64> {
    let length = (a.len() / rows.max(1)).max(1);
    if columns < rows {
        return cross_gram(b, columns, a, rows);
    }
    let mut mean = vec![0.0f64; rows * columns];
    for (a, mean) in a.chunks_exact(length).zip(mean.chunks_exact_mut(columns)) {
        for (b, mean) in b.chunks_exact(length).zip(mean) {
            let runs = a.chunks(RUN).zip(b.chunks(RUN));
            *mean = runs.map(|(a, b)| f64::from(dot(a, b))).sum::<f64>() / length as f64;
        }
    }
    let row = |i: usize| &mean[i * columns..(i + 1) * columns];
    let product = |i: usize, j: usize| row(i).iter().zip(row(j)).map(|(x, y)| x * y).sum();
    (0..rows * rows).map(|at| product(at / rows, at % rows)).collect()
}

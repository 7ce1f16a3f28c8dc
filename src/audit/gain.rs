//! Normalised discounted cumulative gain (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques",
//! ACM TOIS 20, 2002): whether the networks at the top of a ranking are good ones, wherever the rest stand.

/// nDCG of the `count` highest scores. The gain of a row is its truth less the lowest truth of all, and the row at rank
/// i, from 1, counts 1 / log₂(i + 1) of it; the sum is divided by that of the ranking by truth. Rows of equal score
/// share their places: each counts the mean gain of the tie (McSherry and Najork, ECIR 2008).
///
/// `None` without rows, with `count` 0, and where all truths are equal. With fewer rows than `count`, all count.
pub fn ndcg(scores: &[f64], truths: &[f64], count: usize) -> Option<f64> {
    let lowest = truths.iter().copied().fold(f64::INFINITY, f64::min);
    let mut rows: Vec<(f64, f64)> = scores.iter().copied().zip(truths.iter().map(|truth| truth - lowest)).collect();
    // Zero equals minus zero.
    rows.sort_unstable_by(|a, b| (b.0 + 0.0).total_cmp(&(a.0 + 0.0)));
    let discount = |rank: usize| if rank < count { 1.0 / (rank as f64 + 2.0).log2() } else { 0.0 };
    let (mut found, mut rank) = (0.0, 0);
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let mean = tied.iter().map(|row| row.1).sum::<f64>() / tied.len() as f64;
        found += mean * (rank..rank + tied.len()).map(discount).sum::<f64>();
        rank += tied.len();
    }
    rows.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
    let ideal: f64 = rows.iter().enumerate().map(|(rank, row)| row.1 * discount(rank)).sum();
    (ideal > 0.0).then(|| found / ideal)
}

/// The cut-off of an audit: a tenth of the rows, and at least ten.
pub fn ndcg_cut(rows: usize) -> usize {
    (rows / 10).max(10)
}

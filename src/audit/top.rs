//! What a score is worth to someone who trains only its favourites: the best
//! truth among the highest scores.

/// The best truth expected among the `count` highest scores, rows of equal score in random order.
/// `None` when there are fewer rows than that.
///
/// Scores of structural proxies tie often, and which of the tied rows comes first in a file must not
/// decide the figure. With j places left for m tied rows, the i-th best of them is the best one drawn
/// with probability C(m−i, j−1) / C(m, j).
pub fn expected_best(scores: &[f64], truths: &[f64], count: usize) -> Option<f64> {
    let mut rows: Vec<(f64, f64)> = scores.iter().copied().zip(truths.iter().copied()).collect();
    if rows.len() < count || count == 0 {
        return None;
    }
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let boundary = rows[count - 1].0;
    let sure = rows.iter().take_while(|row| row.0 > boundary).count();
    let certain = rows[..sure].iter().map(|row| row.1).fold(f64::NEG_INFINITY, f64::max);
    let tied: Vec<f64> = rows[sure..].iter().take_while(|row| row.0 == boundary).map(|row| row.1).collect();
    let places = (count - sure) as f64;
    let mut chance = places / tied.len() as f64;
    let mut expected = 0.0;
    for (rank, truth) in tied.iter().enumerate() {
        expected += chance * truth.max(certain);
        // C(m−i−1, j−1) / C(m−i, j−1) = (m−i−j+1) / (m−i), with i counted from 1.
        let left = (tied.len() - rank - 1) as f64;
        chance *= if left > 0.0 { (left - places + 1.0).max(0.0) / left } else { 0.0 };
    }
    Some(expected)
}

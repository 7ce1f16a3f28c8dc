//! What a set of runs comes to: median, quartiles and spread, which a few disturbed runs leave as they are.

use serde::{Deserialize, Serialize};

/// Statistics of run times.
///
/// # Units
/// ms, except for the count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Number of runs.
    pub count: u64,
    /// Median.
    pub median: f64,
    /// Difference of the quartiles, where the runs are known.
    pub iqr: Option<f64>,
    /// Median of the distances from the median: of the runs, or of the goes where those alone are known.
    pub mad: Option<f64>,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation, where it is known.
    pub std: Option<f64>,
}

/// What a program tells of its runs in place of their times; nothing that it does not tell.
///
/// # Units
/// ms, except for the count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
}

impl From<Summary> for Statistics {
    /// The mean stands for a median that is not told.
    fn from(Summary { count, median, mean, std }: Summary) -> Self {
        Self { count: count.unwrap_or(1), median: median.unwrap_or(mean), iqr: None, mad: None, mean, std }
    }
}

impl Statistics {
    /// Of these times; nothing of none, or where one is not finite.
    pub fn of(times: &[f64]) -> Option<Self> {
        if times.is_empty() || times.iter().any(|time| !time.is_finite()) {
            return None;
        }
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5);
        let mut distances: Vec<f64> = sorted.iter().map(|time| (time - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / n;
        let squares: f64 = sorted.iter().map(|time| (time - mean).powi(2)).sum();
        Some(Self {
            count: sorted.len() as u64,
            median,
            iqr: Some(quantile(&sorted, 0.75) - quantile(&sorted, 0.25)),
            mad: Some(quantile(&distances, 0.5)),
            mean,
            std: Some((squares / (n - 1.0).max(1.0)).sqrt()),
        })
    }
}

/// A quantile by linear interpolation between neighbours (type 7 of Hyndman & Fan, 1996).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (low, rest) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + rest * (sorted[high] - sorted[low])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `numpy.median`, `numpy.percentile`, `scipy.stats.median_abs_deviation` and `numpy.std(ddof=1)` of
    /// `[3.1, 2.9, 3.0, 9.0, 3.3, 2.8]`.
    #[test]
    fn as_numpy_and_scipy_have_them() {
        let found = Statistics::of(&[3.1, 2.9, 3.0, 9.0, 3.3, 2.8]).unwrap();
        let Statistics { count, median, iqr, mad, mean, std } = found;
        assert_eq!(count, 6);
        for (name, value, wanted) in [
            ("median", median, 3.05),
            ("iqr", iqr.unwrap(), 0.325),
            ("mad", mad.unwrap(), 0.2),
            ("mean", mean, 4.016_666_666_666_667),
            ("std", std.unwrap(), 2.447_379_551_002_8),
        ] {
            assert!((value - wanted).abs() < 1e-9, "{name}: {value} in place of {wanted}");
        }
    }

    #[test]
    fn one_run_has_no_spread_and_none_has_no_statistics() {
        let one = Statistics::of(&[2.0]).unwrap();
        assert_eq!((one.median, one.iqr, one.mad, one.std), (2.0, Some(0.0), Some(0.0), Some(0.0)));
        assert_eq!(Statistics::of(&[]), None);
        assert_eq!(Statistics::of(&[1.0, f64::NAN]), None);
    }
}

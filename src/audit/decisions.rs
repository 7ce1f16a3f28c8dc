//! What decisions are worth: how often each option is taken, and how much of an objective's variance each
//! decision explains on its own.
//!
//! The share of variance is ε² (Kelley, "An unbiased correlation ratio measure", PNAS 21, 1935): η², the
//! variance between the options over that of all, adjusted for the number of options. η² calls a decision
//! without any effect as important as it has options, k − 1 in n − 1 on average; of the usual adjustments
//! ε² leaves the least of that behind (Okada, "Is omega squared less biased?", Behaviormetrika 40, 2013).

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Bootstrap, Interval, interval};

#[cfg(test)]
mod tests;

/// Which options some architectures take.
///
/// A decision that an architecture does not have is none of its options: it counts as a level of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    decisions: Vec<(String, Vec<String>)>,
    index: HashMap<String, usize>,
    /// For each decision the level of each row, which is an option's number, or that of options where it is absent.
    levels: Vec<Vec<u16>>,
    rows: usize,
}

/// A row that does not fit its table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no decision `{path}` with an option {option} is in the table; give every decision and option when making it")]
pub struct UnknownDecision {
    /// The decision.
    pub path: String,
    /// The option, counted from 0.
    pub option: usize,
}

/// How much of an objective's variance a decision explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Index of the objective.
    pub objective: usize,
    /// Index of the decision.
    pub decision: usize,
    /// The share, 0 to 1. What comes out below zero is no sign of an effect, and zero here.
    pub share: f64,
    /// Its interval, by the same rule.
    pub interval: Interval,
}

impl Table {
    /// A table without rows. `decisions` are paths with their options, in the order of the space; of a path
    /// given twice the last counts.
    pub fn new(decisions: Vec<(String, Vec<String>)>) -> Self {
        let index = decisions.iter().enumerate().map(|(at, (path, _))| (path.clone(), at)).collect();
        Self { levels: vec![Vec::new(); decisions.len()], decisions, index, rows: 0 }
    }

    /// Adds a row: the decisions of an architecture, each with the number of its option.
    ///
    /// # Errors
    /// [`UnknownDecision`] where the table was made without that decision or option; the row is not added.
    pub fn push<'a>(&mut self, decided: impl IntoIterator<Item = (&'a str, usize)>) -> Result<(), UnknownDecision> {
        let mut row: Vec<u16> = self.decisions.iter().map(|(_, options)| options.len() as u16).collect();
        for (path, option) in decided {
            let known = self.index.get(path).filter(|&&at| option < self.decisions[at].1.len());
            let at = *known.ok_or_else(|| UnknownDecision { path: path.to_owned(), option })?;
            row[at] = option as u16;
        }
        for (levels, level) in self.levels.iter_mut().zip(row) {
            levels.push(level);
        }
        self.rows += 1;
        Ok(())
    }

    /// The decisions with their options.
    pub fn decisions(&self) -> &[(String, Vec<String>)] {
        &self.decisions
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// For each decision, the share of rows that take each option. What is missing to 1 is the share of rows
    /// without the decision; without rows every share is 0.
    pub fn frequencies(&self) -> Vec<Vec<f64>> {
        let share = |count: u32| f64::from(count) / self.rows.max(1) as f64;
        let counted = self.decisions.iter().zip(&self.levels).map(|((_, options), levels)| {
            let mut counts = vec![0_u32; options.len() + 1];
            levels.iter().for_each(|&level| counts[usize::from(level)] += 1);
            counts.truncate(options.len());
            counts.into_iter().map(share).collect()
        });
        counted.collect()
    }

    /// How much of the variance of each objective each decision explains on its own, by objective, then by
    /// decision. `values` has a row of objective values for each row of the table; rows with a value that is
    /// not finite are left out.
    ///
    /// Nothing is said about an objective that does not vary, and about a decision with one level in all rows,
    /// or with as many levels as rows. Decisions that go together share what they explain, so shares need not
    /// add up to 1: they do where rows are drawn uniformly and effects add.
    ///
    /// Time grows with rows × decisions × objectives × resamples.
    ///
    /// ```
    /// use pocketnas::audit::{Bootstrap, Table};
    ///
    /// let decision = |path: &str, options: &[&str]| (path.to_owned(), options.iter().map(|&o| o.to_owned()).collect());
    /// let mut table = Table::new(vec![decision("s1.kernel", &["3", "5"]), decision("s1.expand", &["4", "6"])]);
    /// let mut latency = Vec::new();
    /// for row in 0..100 {
    ///     let (kernel, expand) = (row % 2, row / 2 % 2);
    ///     table.push([("s1.kernel", kernel), ("s1.expand", expand)])?;
    ///     latency.push(vec![10.0 + 3.0 * kernel as f64 + expand as f64]);
    /// }
    /// let shares = table.importance(&latency, &Bootstrap::default());
    /// assert!((shares[0].share - 0.9).abs() < 0.01, "the kernel explains 3² of 3² + 1²");
    /// assert!(shares[0].interval.low > 0.8 && shares[0].interval.high < 0.95);
    /// # Ok::<(), pocketnas::audit::UnknownDecision>(())
    /// ```
    ///
    /// The interval is that of percentiles over resamples of the rows. A resample is biased twice, by its own
    /// drawing and by that of the rows it is drawn from, and so is adjusted twice; its shares then scatter
    /// around the estimate, and a decision without effect keeps zero in its interval.
    pub fn importance(&self, values: &[Vec<f64>], bootstrap: &Bootstrap) -> Vec<Share> {
        let finite = |row: &usize| values.get(*row).is_some_and(|row| row.iter().all(|value| value.is_finite()));
        let rows: Vec<usize> = (0..self.rows).filter(finite).collect();
        let width = rows.iter().map(|&row| values[row].len()).min().unwrap_or(0);
        let columns: Vec<Option<Vec<f64>>> = (0..width)
            .map(|objective| standardised(rows.iter().map(|&row| values[row][objective]).collect()))
            .collect();
        let columns: Vec<(usize, Vec<f64>)> =
            columns.into_iter().enumerate().filter_map(|(objective, column)| Some((objective, column?))).collect();
        let factors: Vec<Factor> = (0..self.decisions.len()).filter_map(|at| self.factor(at, &rows)).collect();
        if columns.is_empty() || factors.is_empty() {
            return Vec::new();
        }
        let whole = explained(&factors, &columns, &vec![1; rows.len()]);
        let resampled: Vec<Vec<Option<f64>>> = (0..bootstrap.resamples)
            .into_par_iter()
            .map(|resample| explained(&factors, &columns, &bootstrap.counts(resample, rows.len())))
            .collect();
        let mut shares = Vec::with_capacity(whole.len());
        for (at, share) in whole.into_iter().enumerate() {
            let (objective, factor) = (columns[at / factors.len()].0, &factors[at % factors.len()]);
            let Some(share) = share.map(positive) else { continue };
            let again = |share: f64| positive(1.0 - (1.0 - share) * adjustment(rows.len(), factor.levels));
            let draws = resampled.iter().filter_map(|shares| shares[at]).map(again).collect();
            let interval = interval(draws, bootstrap.confidence).unwrap_or(Interval { low: share, high: share });
            shares.push(Share { objective, decision: factor.decision, share, interval });
        }
        shares
    }

    /// A decision over the given rows, its levels counted from 0 without gaps; nothing where it cannot explain.
    fn factor(&self, decision: usize, rows: &[usize]) -> Option<Factor> {
        let mut number = vec![None; self.decisions[decision].1.len() + 1];
        let mut levels = 0_u16;
        let mut of_row = Vec::with_capacity(rows.len());
        for &row in rows {
            let level = number[usize::from(self.levels[decision][row])].get_or_insert_with(|| {
                levels += 1;
                levels - 1
            });
            of_row.push(*level);
        }
        let levels = usize::from(levels);
        (levels > 1 && levels < rows.len()).then_some(Factor { decision, levels, of_row })
    }
}

/// A decision as a factor of an analysis of variance.
struct Factor {
    decision: usize,
    levels: usize,
    of_row: Vec<u16>,
}

/// By how much 1 − η² is too small with this many rows and levels.
fn adjustment(rows: usize, levels: usize) -> f64 {
    (rows as f64 - 1.0) / (rows as f64 - levels as f64)
}

fn positive(share: f64) -> f64 {
    share.clamp(0.0, 1.0)
}

/// The values with mean 0 and largest distance from it 1; nothing if they are all the same.
fn standardised(mut values: Vec<f64>) -> Option<Vec<f64>> {
    // Scaled first, so that no sum and no square overflows.
    for _ in 0..2 {
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest == 0.0 {
            return None;
        }
        values.iter_mut().for_each(|value| *value /= largest);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        // What rounding leaves of equal values.
        if values.iter().all(|value| value.abs() < 1e-12) {
            return None;
        }
    }
    Some(values)
}

/// ε² of every objective and factor, where row `i` stands `counts[i]` times; none where it is not defined.
fn explained(factors: &[Factor], columns: &[(usize, Vec<f64>)], counts: &[u32]) -> Vec<Option<f64>> {
    let present: Vec<(usize, f64)> = (counts.iter().enumerate())
        .filter(|(_, count)| **count > 0)
        .map(|(row, &count)| (row, f64::from(count)))
        .collect();
    let n: f64 = present.iter().map(|(_, count)| count).sum();
    let mut shares = Vec::with_capacity(factors.len() * columns.len());
    let mut weight = Vec::new();
    let mut sum = Vec::new();
    for (_, values) in columns {
        let weighted: Vec<(usize, f64, f64)> =
            present.iter().map(|&(row, count)| (row, count, count * values[row])).collect();
        let mean = weighted.iter().map(|(_, _, value)| value).sum::<f64>() / n;
        let total: f64 = present.iter().map(|&(row, count)| count * (values[row] - mean).powi(2)).sum();
        for factor in factors {
            for cells in [&mut weight, &mut sum] {
                cells.clear();
                cells.resize(factor.levels, 0.0_f64);
            }
            for &(row, count, value) in &weighted {
                let level = usize::from(factor.of_row[row]);
                weight[level] += count;
                sum[level] += value;
            }
            let taken = weight.iter().zip(&sum).filter(|(weight, _)| **weight > 0.0);
            let levels = taken.clone().count();
            let between: f64 = taken.map(|(weight, sum)| weight * (sum / weight - mean).powi(2)).sum();
            let defined = total > 0.0 && n > levels as f64;
            shares.push(defined.then(|| 1.0 - (1.0 - between / total) * adjustment(n as usize, levels)));
        }
    }
    shares
}

//! Rank correlation with ties: Spearman's ρ as Pearson's correlation of
//! mid-ranks, and Kendall's τ-b (Kendall, Biometrika 1945) in O(n log n).

/// Two columns of numbers, reduced to ranks once so that many weighted
/// resamples can be correlated cheaply.
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Dense ranks of both columns, rows in the order given.
    pairs: Vec<(u32, u32)>,
    /// Rows in ascending order of the first column.
    order: Vec<u32>,
    /// Number of distinct values in each column.
    distinct: (usize, usize),
}

impl Ranks {
    /// The ranks of two columns of equal length.
    ///
    /// # Panics
    /// Never; rows beyond the shorter column are left out, and NaN ranks above every number. Callers
    /// leave non-finite rows out beforehand and say how many.
    pub fn new(first: &[f64], second: &[f64]) -> Self {
        let rows = first.len().min(second.len());
        let (first, first_distinct) = dense(&first[..rows]);
        let (second, second_distinct) = dense(&second[..rows]);
        let pairs: Vec<(u32, u32)> = first.into_iter().zip(second).collect();
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_unstable_by_key(|&row| pairs[row as usize]);
        Self { pairs, order, distinct: (first_distinct, second_distinct) }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Spearman's ρ; `None` when it is not defined: fewer than two rows, or a constant column.
    pub fn spearman(&self) -> Option<f64> {
        self.weighted_spearman(&vec![1; self.len()])
    }

    /// Kendall's τ-b; `None` when it is not defined: fewer than two rows, or a constant column.
    pub fn kendall(&self) -> Option<f64> {
        self.weighted_kendall(&vec![1; self.len()])
    }

    /// Spearman's ρ of the sample in which row i occurs `counts[i]` times.
    pub fn weighted_spearman(&self, counts: &[u32]) -> Option<f64> {
        let (mut first, mut second) = (vec![0i64; self.distinct.0], vec![0i64; self.distinct.1]);
        let mut total = 0;
        for (&(a, b), &count) in self.pairs.iter().zip(counts) {
            first[a as usize] += i64::from(count);
            second[b as usize] += i64::from(count);
            total += i64::from(count);
        }
        centred_ranks(&mut first, total);
        centred_ranks(&mut second, total);
        // Twice the centred mid-ranks are whole numbers, so the sums are exact.
        let (mut covariance, mut first_square, mut second_square) = (0i128, 0i128, 0i128);
        for (&(a, b), &count) in self.pairs.iter().zip(counts) {
            let (a, b, count) = (first[a as usize], second[b as usize], i128::from(count));
            covariance += count * i128::from(a) * i128::from(b);
            first_square += count * i128::from(a) * i128::from(a);
            second_square += count * i128::from(b) * i128::from(b);
        }
        ratio(covariance, first_square, second_square)
    }

    /// Kendall's τ-b of the sample in which row i occurs `counts[i]` times.
    pub fn weighted_kendall(&self, counts: &[u32]) -> Option<f64> {
        // Rows come in order of the first column. Those before, with a smaller second value, agree.
        let mut tree = Fenwick::new(self.distinct.1);
        let mut second_ties = vec![0i64; self.distinct.1];
        let (mut total, mut balance, mut first_tied) = (0i64, 0i128, 0i128);
        for tied in self.order.chunk_by(|&a, &b| self.pairs[a as usize].0 == self.pairs[b as usize].0) {
            let mut group = 0;
            for &row in tied {
                let count = i64::from(counts[row as usize]);
                if count > 0 {
                    let (below, upto) = tree.sums(self.pairs[row as usize].1 as usize);
                    balance += i128::from(count) * i128::from(below - (total - upto));
                }
                group += count;
            }
            for &row in tied {
                let (count, second) = (i64::from(counts[row as usize]), self.pairs[row as usize].1 as usize);
                if count > 0 {
                    tree.add(second, count);
                    second_ties[second] += count;
                }
            }
            total += group;
            first_tied += pairs(group);
        }
        let second_tied: i128 = second_ties.into_iter().map(pairs).sum();
        ratio(balance, pairs(total) - first_tied, pairs(total) - second_tied)
    }
}

/// `part / √(first · second)`, if neither is zero.
fn ratio(part: i128, first: i128, second: i128) -> Option<f64> {
    (first > 0 && second > 0).then(|| (part as f64 / (first as f64 * second as f64).sqrt()).clamp(-1.0, 1.0))
}

/// Number of pairs among so many.
fn pairs(count: i64) -> i128 {
    i128::from(count) * i128::from(count - 1) / 2
}

/// Replaces the count of each distinct value by twice its mid-rank less the mean rank.
fn centred_ranks(counts: &mut [i64], total: i64) {
    let mut before = 0;
    for slot in counts {
        let count = *slot;
        *slot = 2 * before + count - total;
        before += count;
    }
}

/// Dense ranks from 0, and how many there are.
fn dense(values: &[f64]) -> (Vec<u32>, usize) {
    // Zero equals minus zero; adding zero makes them one value for `total_cmp`.
    let value = |row: u32| values[row as usize] + 0.0;
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| value(a).total_cmp(&value(b)));
    let mut ranks = vec![0; values.len()];
    let mut distinct = 0;
    for tied in order.chunk_by(|&a, &b| value(a).total_cmp(&value(b)).is_eq()) {
        for &row in tied {
            ranks[row as usize] = distinct;
        }
        distinct += 1;
    }
    (ranks, distinct as usize)
}

/// Running sums that can be added to anywhere (Fenwick, 1994).
struct Fenwick(Vec<i64>);

impl Fenwick {
    fn new(size: usize) -> Self {
        Self(vec![0; size + 1])
    }

    fn add(&mut self, index: usize, count: i64) {
        let mut at = index + 1;
        while at < self.0.len() {
            self.0[at] += count;
            at += at & at.wrapping_neg();
        }
    }

    fn sum(&self, mut at: usize) -> i64 {
        let mut sum = 0;
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }

    /// What stands before an index, and what stands up to it.
    fn sums(&self, index: usize) -> (i64, i64) {
        (self.sum(index), self.sum(index + 1))
    }
}

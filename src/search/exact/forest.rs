//! A growing set of rows that answers whether one of them is nowhere above a given row.
//! k-d trees over ever larger parts of the set, rebuilt as in a binary counter (Bentley & Saxe, *Decomposable searching problems*, 1980).

/// Rows scanned one by one: in a leaf, and of those too recent for a tree.
const LEAF: usize = 16;

/// The set.
pub(super) struct Forest<const M: usize> {
    recent: Vec<[i64; M]>,
    /// Sizes fall, each at least twice the next.
    trees: Vec<Tree<M>>,
    /// The last row found; it is often the answer again.
    last: Option<[i64; M]>,
}

/// Rows in the order of a k-d tree: the halves of a stretch are its children.
struct Tree<const M: usize> {
    rows: Vec<[i64; M]>,
    /// The smallest value of each column below each node; the children of node i are 2i + 1 and 2i + 2.
    least: Vec<[i64; M]>,
}

impl<const M: usize> Forest<M> {
    pub(super) fn new() -> Self {
        Self { recent: Vec::new(), trees: Vec::new(), last: None }
    }

    /// A row that is nowhere above `bar`, if there is one.
    pub(super) fn find_below(&mut self, bar: &[i64; M]) -> Option<[i64; M]> {
        if let Some(row) = self.last.filter(|row| below(row, bar)) {
            return Some(row);
        }
        let in_trees = self.trees.iter().find_map(|tree| tree.find_below(bar, 0, 0, tree.rows.len()));
        let found = in_trees.or_else(|| self.recent.iter().find(|row| below(row, bar)).copied());
        self.last = found.or(self.last);
        found
    }

    pub(super) fn insert(&mut self, row: &[i64; M]) {
        self.recent.push(*row);
        if self.recent.len() < 4 * LEAF {
            return;
        }
        let mut rows = std::mem::take(&mut self.recent);
        while let Some(tree) = self.trees.pop_if(|tree| tree.rows.len() < 2 * rows.len()) {
            rows.extend(tree.rows);
        }
        self.trees.push(Tree::new(rows));
    }
}

impl<const M: usize> Tree<M> {
    fn new(mut rows: Vec<[i64; M]>) -> Self {
        let leaves = rows.len().div_ceil(LEAF).next_power_of_two();
        let mut least = vec![[i64::MAX; M]; 2 * leaves - 1];
        arrange(&mut rows, &mut least, 0);
        Self { rows, least }
    }

    /// Looks below `node`, which covers the rows from `start` to `end`.
    fn find_below(&self, bar: &[i64; M], node: usize, start: usize, end: usize) -> Option<[i64; M]> {
        if !below(&self.least[node], bar) {
            return None;
        }
        if end - start <= LEAF {
            return self.rows[start..end].iter().find(|row| below(row, bar)).copied();
        }
        let middle = start + (end - start) / 2;
        self.find_below(bar, 2 * node + 1, start, middle).or_else(|| self.find_below(bar, 2 * node + 2, middle, end))
    }
}

/// Halves `rows` at the median of the column that spreads most, and so on down to the leaves.
fn arrange<const M: usize>(rows: &mut [[i64; M]], least: &mut [[i64; M]], node: usize) {
    let (mut low, mut high) = ([i64::MAX; M], [i64::MIN; M]);
    for row in rows.iter() {
        low = std::array::from_fn(|j| low[j].min(row[j]));
        high = std::array::from_fn(|j| high[j].max(row[j]));
    }
    least[node] = low;
    if rows.len() > LEAF {
        let column = (0..M).max_by_key(|&j| high[j] - low[j]).unwrap_or(0);
        let middle = rows.len() / 2;
        rows.select_nth_unstable_by_key(middle, |row| row[column]);
        let (left, right) = rows.split_at_mut(middle);
        arrange(left, least, 2 * node + 1);
        arrange(right, least, 2 * node + 2);
    }
}

fn below<const M: usize>(row: &[i64; M], bar: &[i64; M]) -> bool {
    row.iter().zip(bar).all(|(a, b)| a <= b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn finds_a_row_below_exactly_when_a_scan_does() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut draw = |highest: i64| -> [i64; 4] { [(); 4].map(|()| rng.gen_range(0..highest)) };
        let (mut forest, mut rows) = (Forest::new(), Vec::new());
        let mut found_some = 0;
        for _ in 0..3000 {
            // Bars are mostly low, so that many have no row below.
            let bar = draw(40);
            let found = forest.find_below(&bar);
            assert_eq!(found.is_some(), rows.iter().any(|row| below(row, &bar)));
            assert!(found.is_none_or(|row| below(&row, &bar) && rows.contains(&row)));
            found_some += usize::from(found.is_some());
            let row = draw(100);
            forest.insert(&row);
            rows.push(row);
        }
        assert!(forest.trees.len() > 1 && (300..2900).contains(&found_some), "{found_some}");
    }
}

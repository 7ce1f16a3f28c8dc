//! Merging the fronts behind the edges of one node into the node's own front, for any number of columns.
//! Sort lexicographically, then keep a label unless one kept before is as good within the slack allowed.

/// Where a label comes from: the edge that it takes first, and the label of that edge's head that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    /// Position of the edge in the instance.
    pub(super) edge: u32,
    /// Index in the front of the edge's head.
    pub(super) label: u32,
}

/// The front of an edge's head, to be shifted by the costs of the edge.
pub(super) struct Incoming<'a, const M: usize> {
    /// Position of the edge in the instance.
    pub(super) edge: u32,
    /// The costs of the edge.
    pub(super) shift: [i64; M],
    /// The head's front in lexicographic order.
    pub(super) labels: &'a [[i64; M]],
}

/// What holds for every label of the node.
pub(super) struct Bounds<const M: usize> {
    /// A label above this in any column cannot be completed within the limits.
    pub(super) ceiling: [i64; M],
    /// Below this a column makes no difference any more (resources far from their limit).
    pub(super) floor: [i64; M],
    /// A label may stand for one that is better by this much.
    pub(super) slack: [i64; M],
    /// How many labels there is room for.
    pub(super) room: usize,
}

/// The front of a node.
#[derive(Debug)]
pub(super) struct Merged<const M: usize> {
    /// Costs from the node to the sink in lexicographic order.
    pub(super) costs: Vec<[i64; M]>,
    /// Where each label goes on.
    pub(super) steps: Vec<Step>,
    /// By how much a label that was dropped was better, at most, than the one that stands for it.
    pub(super) given_up: [i64; M],
}

/// There is no room for the labels of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// The non-dominated labels among all shifted fronts.
pub(super) fn merge<const M: usize>(incoming: &[Incoming<'_, M>], bounds: &Bounds<M>) -> Result<Merged<M>, Full> {
    /// Candidates are reduced to their front whenever they reach this or twice the last front.
    const BATCH: usize = 1 << 18;
    let mut batch = BATCH;
    let mut candidates: Vec<([i64; M], Step)> = Vec::new();
    for list in incoming {
        for (label, costs) in list.labels.iter().enumerate() {
            let mut row = [0; M];
            let mut fits = true;
            for j in 0..M {
                let cost = costs[j] + list.shift[j];
                fits &= cost <= bounds.ceiling[j];
                row[j] = cost.max(bounds.floor[j]);
            }
            if fits {
                candidates.push((row, Step { edge: list.edge, label: label as u32 }));
            }
        }
        if candidates.len() >= batch {
            candidates = sort_and_filter(candidates);
            if candidates.len() > bounds.room {
                return Err(Full);
            }
            batch = BATCH.max(2 * candidates.len());
        }
    }
    candidates.sort_unstable();
    let mut kept = Kept::new(bounds.slack);
    candidates.retain(|(row, _)| kept.insert(row));
    if candidates.len() > bounds.room {
        return Err(Full);
    }
    let (costs, steps) = candidates.into_iter().unzip();
    Ok(Merged { costs, steps, given_up: kept.given_up })
}

/// The rows that none of the others dominates, in lexicographic order; of equal rows the one with the smallest tag.
pub(super) fn sort_and_filter<T: Ord, const M: usize>(mut rows: Vec<([i64; M], T)>) -> Vec<([i64; M], T)> {
    if rows.len() > 1 {
        rows.sort_unstable();
        let mut kept = Kept::new([0; M]);
        rows.retain(|(row, _)| kept.insert(row));
    }
    rows
}

/// A front that grows by rows in lexicographic order, so that the first column needs no look.
pub(super) struct Kept<const M: usize> {
    slack: [i64; M],
    given_up: [i64; M],
    /// With up to three columns: (second, third) sorted by the second, so that the third falls.
    stairs: Vec<(i64, i64)>,
    /// With more columns: rows in blocks, with the smallest value of each column in the block.
    rows: Vec<[i64; M]>,
    least: Vec<[i64; M]>,
    /// The row that dominated last; it often does so again.
    last: usize,
}

/// Rows in a block of [`Kept`].
const BLOCK: usize = 32;

impl<const M: usize> Kept<M> {
    /// An empty front that lets a row stand for others that are better by up to `slack`.
    pub(super) fn new(slack: [i64; M]) -> Self {
        Self { slack, given_up: [0; M], stairs: Vec::new(), rows: Vec::new(), least: Vec::new(), last: 0 }
    }

    /// Keeps `row` unless a row kept before stands for it; says whether it was kept.
    pub(super) fn insert(&mut self, row: &[i64; M]) -> bool {
        if M <= 3 { self.insert_in_stairs(row) } else { self.insert_in_blocks(row) }
    }

    fn insert_in_stairs(&mut self, row: &[i64; M]) -> bool {
        let (y, z) = (row[1], if M == 3 { row[2] } else { 0 });
        let (slack_y, slack_z) = (self.slack[1], if M == 3 { self.slack[2] } else { 0 });
        let within = self.stairs.partition_point(|step| step.0 <= y + slack_y);
        if within > 0 && self.stairs[within - 1].1 <= z + slack_z {
            let stand_in = self.stairs[within - 1];
            self.give_up(1, stand_in.0 - y);
            if M == 3 {
                self.give_up(2, stand_in.1 - z);
            }
            return false;
        }
        let start = self.stairs.partition_point(|step| step.0 < y);
        let end = start + self.stairs[start..].partition_point(|step| step.1 >= z);
        self.stairs.splice(start..end, [(y, z)]);
        true
    }

    fn insert_in_blocks(&mut self, row: &[i64; M]) -> bool {
        let mut bar = *row;
        bar.iter_mut().zip(&self.slack).for_each(|(cell, slack)| *cell += slack);
        let below = |other: &[i64; M]| other.iter().zip(&bar).all(|(a, b)| a <= b);
        let mut stand_in = self.rows.get(self.last).filter(|other| below(other)).map(|_| self.last);
        if stand_in.is_none() {
            stand_in = self.least.iter().enumerate().filter(|(_, least)| below(least)).find_map(|(block, _)| {
                let start = block * BLOCK;
                let end = (start + BLOCK).min(self.rows.len());
                self.rows[start..end].iter().position(below).map(|i| start + i)
            });
        }
        if let Some(i) = stand_in {
            self.last = i;
            let stand_in = self.rows[i];
            let amounts = stand_in.iter().zip(row).map(|(ours, theirs)| ours - theirs);
            self.given_up.iter_mut().zip(amounts).for_each(|(most, amount)| *most = (*most).max(amount));
            return false;
        }
        if self.rows.len().is_multiple_of(BLOCK) {
            self.least.push(*row);
        } else if let Some(least) = self.least.last_mut() {
            least.iter_mut().zip(row).for_each(|(a, b)| *a = (*a).min(*b));
        }
        self.rows.push(*row);
        true
    }

    fn give_up(&mut self, column: usize, amount: i64) {
        self.given_up[column] = self.given_up[column].max(amount);
    }
}

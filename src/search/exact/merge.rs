//! Merging the fronts behind the edges of one node into the node's own front, for any number of columns.
//! Take the labels in lexicographic order, and keep one unless a label kept before is as good within the slack allowed.

use super::forest::Forest;
use super::queue::{Next, Queue};

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

impl<const M: usize> Bounds<M> {
    /// The first label of `list` from index `start` on that can be completed within the limits, shifted.
    fn next(&self, list: &Incoming<'_, M>, start: usize) -> Option<([i64; M], u32)> {
        (start..list.labels.len()).find_map(|label| {
            let costs: [i64; M] = std::array::from_fn(|j| list.labels[label][j] + list.shift[j]);
            let fits = costs.iter().zip(&self.ceiling).all(|(cost, ceiling)| cost <= ceiling);
            fits.then(|| (std::array::from_fn(|j| costs[j].max(self.floor[j])), label as u32))
        })
    }
}

/// The non-dominated labels among all shifted fronts.
pub(super) fn merge<const M: usize>(incoming: &[Incoming<'_, M>], bounds: &Bounds<M>) -> Result<Merged<M>, Full> {
    let first = |(list, from): (usize, &Incoming<'_, M>)| {
        let (costs, label) = bounds.next(from, 0)?;
        Some(Next { costs, list: list as u32, label })
    };
    let mut queue = Queue::new(incoming.iter().enumerate().filter_map(first).collect());
    let mut kept = Kept::new(bounds.slack);
    let (mut costs, mut steps) = (Vec::new(), Vec::new());
    while let Some(next) = queue.top() {
        let from = &incoming[next.list as usize];
        if kept.insert(&next.costs) {
            if costs.len() == bounds.room {
                return Err(Full);
            }
            costs.push(next.costs);
            steps.push(Step { edge: from.edge, label: next.label });
        }
        queue.advance(bounds.next(from, next.label as usize + 1));
    }
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
    /// With more columns.
    forest: Forest<M>,
}

impl<const M: usize> Kept<M> {
    /// An empty front that lets a row stand for others that are better by up to `slack`.
    pub(super) fn new(slack: [i64; M]) -> Self {
        Self { slack, given_up: [0; M], stairs: Vec::new(), forest: Forest::new() }
    }

    /// Keeps `row` unless a row kept before stands for it; says whether it was kept.
    pub(super) fn insert(&mut self, row: &[i64; M]) -> bool {
        if M <= 3 { self.insert_in_stairs(row) } else { self.insert_in_forest(row) }
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

    fn insert_in_forest(&mut self, row: &[i64; M]) -> bool {
        let bar = std::array::from_fn(|j| row[j] + self.slack[j]);
        let stand_in = self.forest.find_below(&bar);
        match stand_in {
            Some(stand_in) => (0..M).for_each(|j| self.give_up(j, stand_in[j] - row[j])),
            None => self.forest.insert(row),
        }
        stand_in.is_none()
    }

    fn give_up(&mut self, column: usize, amount: i64) {
        self.given_up[column] = self.given_up[column].max(amount);
    }
}

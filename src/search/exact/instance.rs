//! What one search runs on: the columns that matter, dominated parallel edges gone, and bounds for early pruning.
//! `M` is the number of columns of a label: objectives, then limited resources, then zeros up to the next size compiled.

use super::front::Limit;
use super::merge::Kept;
use super::skeleton::Skeleton;
use super::{CostGraph, Role};

/// No limit; far above any sum, far below overflow.
pub(super) const UNLIMITED: i64 = 1 << 61;

/// Which columns a label carries, and their limits.
pub(super) struct Plan {
    /// The column of the graph behind each column of a label: objectives first.
    pub(super) columns: Vec<usize>,
    /// How many of them are objectives.
    pub(super) objectives: usize,
    /// The largest sum allowed, for each of `columns`.
    pub(super) limits: Vec<i64>,
}

impl Plan {
    /// Objectives and the resources whose limit can bind.
    ///
    /// An objective with a binding limit comes first: an ε-front is exact in the
    /// first column, so that a limit there stays sharp.
    pub(super) fn new(graph: &CostGraph, skeleton: &Skeleton, limits: &[Limit], largest: &[f64]) -> Self {
        let mut limit_of = vec![UNLIMITED; graph.columns().len()];
        for limit in limits {
            let quantum = skeleton.quanta[limit.column];
            if limit.at_most < largest[limit.column] {
                let at_most = quantum.quantise(limit.at_most);
                limit_of[limit.column] = limit_of[limit.column].min(at_most);
            }
        }
        let is_objective = |j: &usize| graph.columns()[*j].role == Role::Objective;
        let (mut columns, resources): (Vec<usize>, Vec<usize>) = (0..limit_of.len()).partition(is_objective);
        let objectives = columns.len();
        columns.sort_by_key(|&j| limit_of[j] == UNLIMITED);
        columns[1..].sort_unstable();
        columns.extend(resources.into_iter().filter(|&j| limit_of[j] != UNLIMITED));
        let limits = columns.iter().map(|&j| limit_of[j]).collect();
        Self { columns, objectives, limits }
    }
}

/// A graph ready to be searched with labels of `M` columns.
pub(super) struct Instance<const M: usize> {
    /// How many of the columns are objectives.
    pub(super) objectives: usize,
    /// Where the edges that leave each node start; one more than nodes.
    pub(super) first_edge: Vec<u32>,
    /// The node that each edge enters.
    pub(super) head: Vec<u32>,
    /// The edge of the graph that each edge is.
    pub(super) edge: Vec<u32>,
    /// The costs of each edge.
    pub(super) costs: Vec<[i64; M]>,
    /// The largest sum allowed over a whole path.
    pub(super) limits: [i64; M],
    /// The smallest sum from the source to each node.
    pub(super) least_before: Vec<[i64; M]>,
    /// The largest sum from the source to each node.
    pub(super) most_before: Vec<[i64; M]>,
}

impl<const M: usize> Instance<M> {
    /// Selects columns, drops edges that no point of the front can need.
    pub(super) fn new(skeleton: &Skeleton, plan: &Plan) -> Self {
        let nodes = skeleton.nodes();
        let mut limits = [UNLIMITED; M];
        limits[..plan.limits.len()].copy_from_slice(&plan.limits);
        let select = |position: usize| {
            let mut row = [0; M];
            let costs = skeleton.costs_of(position);
            plan.columns.iter().zip(&mut row).for_each(|(&j, cell)| *cell = costs[j]);
            row
        };
        let mut instance = Self {
            objectives: plan.objectives,
            first_edge: vec![0],
            head: Vec::new(),
            edge: Vec::new(),
            costs: Vec::new(),
            limits,
            least_before: Vec::new(),
            most_before: Vec::new(),
        };
        // (head, costs, position) of the edges that leave one node
        let mut leaving: Vec<(u32, [i64; M], usize)> = Vec::new();
        let mut kept: Vec<usize> = Vec::new();
        for node in 0..nodes {
            leaving.clear();
            leaving.extend(skeleton.edges_of(node).map(|p| (skeleton.head[p], select(p), p)));
            leaving.sort_unstable();
            kept.clear();
            for parallel in leaving.chunk_by(|a, b| a.0 == b.0) {
                let mut front = Kept::new([0; M]);
                let undominated = parallel.iter().filter(|(_, row, _)| front.insert(row));
                kept.extend(undominated.map(|&(_, _, position)| position));
            }
            kept.sort_unstable();
            for &position in &kept {
                instance.head.push(skeleton.head[position]);
                instance.edge.push(skeleton.edge[position]);
                instance.costs.push(select(position));
            }
            instance.first_edge.push(instance.head.len() as u32);
        }
        instance.bound(nodes);
        instance
    }

    /// Number of nodes.
    pub(super) fn nodes(&self) -> usize {
        self.first_edge.len() - 1
    }

    /// The positions of the edges that leave `node`.
    pub(super) fn edges_of(&self, node: usize) -> std::ops::Range<usize> {
        self.first_edge[node] as usize..self.first_edge[node + 1] as usize
    }

    fn bound(&mut self, nodes: usize) {
        self.least_before = vec![[UNLIMITED; M]; nodes];
        self.most_before = vec![[-UNLIMITED; M]; nodes];
        self.least_before[0] = [0; M];
        self.most_before[0] = [0; M];
        for node in 0..nodes {
            let (least, most) = (self.least_before[node], self.most_before[node]);
            for position in self.edges_of(node) {
                let head = self.head[position] as usize;
                for j in 0..M {
                    let cost = self.costs[position][j];
                    let (low, high) = (&mut self.least_before[head][j], &mut self.most_before[head][j]);
                    *low = (*low).min(least[j] + cost);
                    *high = (*high).max(most[j] + cost);
                }
            }
        }
    }
}

//! How a search proceeds: with a tolerance and its certificate, or exactly; and how labels become points.
//! The columns of a label are a type here, so that the inner loops are compiled for each number of them.

use super::certificate::{Certificate, certify};
use super::fixed_point::FixedPoint;
use super::front::{Front, FrontError, Options};
use super::instance::{Instance, Plan};
use super::label_setting::{Effort, Kernel, OutOfRoom, Settled, settle, small_enough};
use super::merge::sort_and_filter;
use super::reach::Reach;
use super::skeleton::Skeleton;
use super::{CostGraph, Limit, Role};

/// Everything a search needs, before the number of columns becomes a type.
pub(super) struct Search<'a> {
    pub(super) graph: &'a CostGraph,
    pub(super) skeleton: &'a Skeleton,
    pub(super) reach: &'a Reach,
    pub(super) plan: &'a Plan,
    pub(super) options: &'a Options,
    /// Up to how many candidates an ε-search leaves a node's front whole; by default from the number of nodes.
    pub(super) small: Option<usize>,
}

impl Search<'_> {
    /// Finds the front with labels of `M` columns.
    pub(super) fn run<const M: usize>(&self, kernel: Kernel<M>) -> Result<Front, FrontError> {
        let instance = Instance::<M>::new(self.skeleton, self.plan);
        let mut tolerance = self.tolerance::<M>();
        // The tolerance rests on an estimate of the ranges. Where the certificate shows that the
        // estimate was too large, the search is repeated with less, in the end with none.
        for _ in 0..MAX_ATTEMPTS {
            if tolerance == [0; M] {
                break;
            }
            let settled = self.settle(&instance, tolerance, kernel)?;
            // Without error the front is exact, also for limits that were exceeded by the tolerance on
            // the way: limits on objectives only cut off its ends.
            if settled.error == [0; M] {
                return self.collect(&instance, &settled, None);
            }
            let certificate = certify(&instance, &settled.front, &settled.error);
            if certificate.gap <= self.options.epsilon {
                return self.collect(&instance, &settled, Some(certificate));
            }
            let less = (0.9 * self.options.epsilon / certificate.gap).clamp(0.02, 0.8);
            tolerance = tolerance.map(|t| (t as f64 * less) as i64);
        }
        let settled = self.settle(&instance, [0; M], kernel)?;
        self.collect(&instance, &settled, None)
    }

    fn settle<const M: usize>(
        &self,
        instance: &Instance<M>,
        tolerance: [i64; M],
        kernel: Kernel<M>,
    ) -> Result<Settled<M>, FrontError> {
        let effort = Effort {
            tolerance,
            small: self.small.unwrap_or_else(|| small_enough(instance.nodes())),
            max_labels: self.options.max_labels,
            max_bytes: self.options.max_bytes,
        };
        settle(instance, &effort, kernel).map_err(|out| self.budget(out))
    }

    fn budget(&self, out: OutOfRoom) -> FrontError {
        let Options { max_labels, max_bytes, .. } = *self.options;
        FrontError::Budget {
            labels: out.labels,
            budget: match out.memory {
                true => format!("{} MiB", max_bytes >> 20),
                false => format!("{max_labels} labels"),
            },
            node: self.skeleton.original[out.node] as usize,
            done: 100.0 * (1.0 - (out.node + 1) as f64 / self.skeleton.nodes() as f64),
        }
    }

    /// `epsilon` of the range that each objective has among the paths that are best in one objective each.
    /// The first column needs none, and a resource must have none.
    fn tolerance<const M: usize>(&self) -> [i64; M] {
        let mut tolerance = [0; M];
        let objectives = &self.plan.columns[..self.plan.objectives];
        for (c, &j) in objectives.iter().enumerate().skip(1) {
            let quantum = self.skeleton.quanta[j];
            let sum = |path: &Vec<usize>| -> i64 {
                path.iter().map(|&e| quantum.quantise(self.graph.edge(e).costs[j])).sum()
            };
            let best = objectives.iter().map(|&i| sum(&self.reach.cheapest[i]));
            let largest = best.max().unwrap_or(0).min(self.plan.limits[c]);
            let range = largest - quantum.quantise(self.reach.min[j]);
            tolerance[c] = (self.options.epsilon * range as f64) as i64;
        }
        tolerance
    }

    /// Turns the labels of the source into points.
    fn collect<const M: usize>(
        &self,
        instance: &Instance<M>,
        settled: &Settled<M>,
        certificate: Option<Certificate>,
    ) -> Result<Front, FrontError> {
        let columns = self.graph.columns();
        let objectives = &self.plan.columns[..self.plan.objectives];
        // Back in the order of the graph's columns, and without resources, which do not make a point better.
        let mut place: Vec<usize> = (0..objectives.len()).collect();
        place.sort_by_key(|&c| objectives[c]);
        let mut rows: Vec<([i64; M], usize)> = Vec::with_capacity(settled.front.len());
        for (label, costs) in settled.front.iter().enumerate() {
            if (0..M).all(|j| costs[j] <= instance.limits[j]) {
                let mut row = [0; M];
                place.iter().zip(&mut row).for_each(|(&c, cell)| *cell = costs[c]);
                rows.push((row, label));
            }
        }
        let rows = sort_and_filter(rows);
        if rows.is_empty() {
            let words = |limit: &Limit| format!("{} <= {}", columns[limit.column].name, limit.at_most);
            return Err(FrontError::LimitsConflict(self.options.limits.iter().map(words).collect()));
        }
        let mut front = Front {
            complete: certificate.is_none(),
            epsilon: certificate.as_ref().map_or(0.0, |c| c.gap),
            widths: Vec::new(),
            labels: settled.labels,
            peak_bytes: settled.peak_bytes,
            columns: columns.len(),
            costs: Vec::with_capacity(rows.len() * columns.len()),
            edges: Vec::new(),
            first_edge: vec![0],
        };
        for &(row, label) in &rows {
            let start = front.edges.len();
            let (mut node, mut label) = (0, label);
            while node != instance.nodes() - 1 {
                let step = settled.steps[node][label];
                front.edges.push(instance.edge[step.edge as usize]);
                node = instance.head[step.edge as usize] as usize;
                label = step.label as usize;
            }
            let mut sums = row.iter();
            for (j, (column, &quantum)) in columns.iter().zip(&self.skeleton.quanta).enumerate() {
                let objective = if column.role == Role::Objective { sums.next() } else { None };
                let sum = objective.copied().unwrap_or_else(|| self.along(&front.edges[start..], j, quantum));
                front.costs.push(quantum.value(sum));
            }
            front.first_edge.push(front.edges.len());
        }
        let width = |(place, &c): (usize, &usize)| {
            let quantum = self.skeleton.quanta[objectives[c]];
            let exact = || widest(&rows, place) as f64;
            quantum.value(certificate.as_ref().map_or_else(exact, |found| found.ranges[c]).max(0.0) as i64)
        };
        front.widths = place.iter().enumerate().map(width).collect();
        Ok(front)
    }

    fn along(&self, edges: &[u32], column: usize, quantum: FixedPoint) -> i64 {
        edges.iter().map(|&e| quantum.quantise(self.graph.edge(e as usize).costs[column])).sum()
    }
}

/// The difference between the largest and the smallest value of a column.
fn widest<const M: usize>(rows: &[([i64; M], usize)], column: usize) -> i64 {
    let values = || rows.iter().map(|(row, _)| row[column]);
    values().max().unwrap_or(0) - values().min().unwrap_or(0)
}

/// How often an ε-search is repeated with a smaller tolerance before it turns exact.
const MAX_ATTEMPTS: usize = 12;

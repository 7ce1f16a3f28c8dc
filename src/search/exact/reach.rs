//! How small and how large each quantity can get, and the path that gets it smallest.
//! Min-plus and max-plus dynamic programming, one pass over the edges; nothing here looks at limits.

use super::skeleton::Skeleton;
use super::{CostGraph, FrontError};

/// The reachable range of every column.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// The smallest sum over any path, for each column.
    pub min: Vec<f64>,
    /// The largest sum over any path, for each column.
    pub max: Vec<f64>,
    /// The edges, from source to sink, of a path with the smallest sum, for each column.
    ///
    /// If a limit is below `min`, the dearest edge of this path is what binds.
    pub cheapest: Vec<Vec<usize>>,
}

/// Smallest and largest reachable sum of every column, with a path for each smallest one.
///
/// # Errors
/// If the graph has a cycle, no path from source to sink, or sums that overflow.
pub fn reach(graph: &CostGraph) -> Result<Reach, FrontError> {
    Ok(of_skeleton(&Skeleton::new(graph)?))
}

pub(super) fn of_skeleton(skeleton: &Skeleton) -> Reach {
    let width = skeleton.quanta.len();
    let nodes = skeleton.nodes();
    let mut min = vec![i64::MAX; nodes * width];
    let mut max = vec![i64::MIN; nodes * width];
    let mut chosen = vec![0usize; nodes * width];
    let sink = (nodes - 1) * width;
    min[sink..].fill(0);
    max[sink..].fill(0);
    for node in (0..nodes).rev() {
        for position in skeleton.edges_of(node) {
            let head = skeleton.head[position] as usize * width;
            for (j, cost) in skeleton.costs_of(position).iter().enumerate() {
                let at = node * width + j;
                if min[head + j] + cost < min[at] {
                    min[at] = min[head + j] + cost;
                    chosen[at] = position;
                }
                max[at] = max[at].max(max[head + j] + cost);
            }
        }
    }
    let walk = |j: usize| {
        let (mut node, mut edges) = (0, Vec::new());
        while node != nodes - 1 {
            let position = chosen[node * width + j];
            edges.push(skeleton.edge[position] as usize);
            node = skeleton.head[position] as usize;
        }
        edges
    };
    let value = |(q, &quanta): (&super::fixed_point::FixedPoint, &i64)| q.value(quanta);
    Reach {
        min: skeleton.quanta.iter().zip(&min).map(value).collect(),
        max: skeleton.quanta.iter().zip(&max).map(value).collect(),
        cheapest: (0..width).map(walk).collect(),
    }
}

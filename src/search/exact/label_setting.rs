//! Multi-objective label setting: the front from every node to the sink, from the last node to the first.
//! Martins, *On a multicriteria shortest path problem*, 1984; ε-fronts thin each node's front as Warburton, 1987, and Tsaggouris & Zaroliagis, 2009, do.
//!
//! Working from the sink makes ties fall to the path whose first choices are smallest.

use super::instance::{Instance, UNLIMITED};
use super::merge::{Bounds, Full, Incoming, Merged, Step};

/// How far a search may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort<const M: usize> {
    /// By how much, in each column, a label may stand for a better one at the end; zero is exact.
    pub(super) tolerance: [i64; M],
    /// Up to how many candidates a node's front is left exact even where a tolerance is given.
    pub(super) small: usize,
    /// How many labels may be made.
    pub(super) max_labels: u64,
    /// How many bytes labels may take at once.
    pub(super) max_bytes: u64,
}

/// What a search leaves.
pub(super) struct Settled<const M: usize> {
    /// The front of the source, in lexicographic order.
    pub(super) front: Vec<[i64; M]>,
    /// For each node and label, where it goes on.
    pub(super) steps: Vec<Vec<Step>>,
    /// Any path within the limits is, in each column, at most this much better than one of the front.
    pub(super) error: [i64; M],
    /// How many labels were made.
    pub(super) labels: u64,
    /// The most bytes that labels took at once.
    pub(super) peak_bytes: u64,
}

/// A budget ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRoom {
    /// The node that had no room.
    pub(super) node: usize,
    /// Labels made before it.
    pub(super) labels: u64,
    /// Whether it was memory that ran out; otherwise the number of labels.
    pub(super) memory: bool,
}

/// Merges the shifted fronts behind the edges of a node.
pub(super) type Kernel<const M: usize> = fn(&[Incoming<'_, M>], &Bounds<M>) -> Result<Merged<M>, Full>;

/// Finds the front of the source.
pub(super) fn settle<const M: usize>(
    instance: &Instance<M>,
    effort: &Effort<M>,
    kernel: Kernel<M>,
) -> Result<Settled<M>, OutOfRoom> {
    let nodes = instance.nodes();
    let layers = merging_layers(instance);
    let mut uses = vec![0u32; nodes];
    instance.head.iter().for_each(|&head| uses[head as usize] += 1);

    let mut fronts: Vec<Vec<[i64; M]>> = vec![Vec::new(); nodes];
    let mut steps: Vec<Vec<Step>> = vec![Vec::new(); nodes];
    let mut error = vec![[0i64; M]; nodes];
    let (mut labels, mut bytes, mut peak_bytes) = (0u64, 0u64, 0u64);
    let (row_bytes, step_bytes) = (size_of::<[i64; M]>() as u64, size_of::<Step>() as u64);

    let sink = nodes - 1;
    fronts[sink].push(bounds_of(instance, effort, sink).floor.map(|floor| floor.max(0)));
    for node in (0..sink).rev() {
        let mut bounds = bounds_of(instance, effort, node);
        let mut incoming = Vec::new();
        let mut inherited = [0i64; M];
        let mut candidates = 0;
        for position in instance.edges_of(node) {
            let head = instance.head[position] as usize;
            candidates += fronts[head].len();
            for (sum, here) in inherited.iter_mut().zip(&error[head]) {
                *sum = (*sum).max(*here);
            }
            incoming.push(Incoming { edge: position as u32, shift: instance.costs[position], labels: &fronts[head] });
        }
        if candidates > effort.small {
            let share = i64::from(layers[node].max(1));
            bounds.slack = std::array::from_fn(|j| (effort.tolerance[j] - inherited[j]) / share);
        }
        let (by_count, by_bytes) =
            (effort.max_labels - labels, (effort.max_bytes.saturating_sub(bytes)) / (row_bytes + step_bytes));
        bounds.room = by_count.min(by_bytes).min(u64::from(u32::MAX)) as usize;
        let merged =
            kernel(&incoming, &bounds).map_err(|Full| OutOfRoom { node, labels, memory: by_bytes < by_count })?;
        error[node] = std::array::from_fn(|j| inherited[j] + merged.given_up[j]);
        labels += merged.costs.len() as u64;
        bytes += merged.costs.len() as u64 * (row_bytes + step_bytes);
        peak_bytes = peak_bytes.max(bytes);
        (fronts[node], steps[node]) = (merged.costs, merged.steps);
        for position in instance.edges_of(node) {
            let head = instance.head[position] as usize;
            uses[head] -= 1;
            if uses[head] == 0 {
                bytes -= (fronts[head].len() as u64 * row_bytes).min(bytes);
                fronts[head] = Vec::new();
            }
        }
    }
    Ok(Settled { front: std::mem::take(&mut fronts[0]), steps, error: error[0], labels, peak_bytes })
}

/// A sensible [`Effort::small`]: thinning pays only where fronts are large.
pub(super) fn small_enough(nodes: usize) -> usize {
    ((1 << 22) / nodes).clamp(64, 1 << 14)
}

/// For each node, how many nodes on the way back to the source still merge, itself included.
fn merging_layers<const M: usize>(instance: &Instance<M>) -> Vec<u32> {
    let mut layers = vec![0u32; instance.nodes()];
    for node in 0..instance.nodes() {
        let edges = instance.edges_of(node);
        layers[node] += u32::from(edges.len() > 1);
        for position in edges {
            let head = instance.head[position] as usize;
            layers[head] = layers[head].max(layers[node]);
        }
    }
    layers
}

fn bounds_of<const M: usize>(instance: &Instance<M>, effort: &Effort<M>, node: usize) -> Bounds<M> {
    let (least, most) = (&instance.least_before[node], &instance.most_before[node]);
    let mut bounds = Bounds { ceiling: [UNLIMITED; M], floor: [-UNLIMITED; M], slack: [0; M], room: 0 };
    for j in 0..M {
        if instance.limits[j] < UNLIMITED {
            // What stands for a label at the limit may lie above it; the certificate sorts that out.
            bounds.ceiling[j] = instance.limits[j] + effort.tolerance[j] - least[j];
            if j >= instance.objectives {
                bounds.floor[j] = instance.limits[j] - most[j];
            }
        }
    }
    bounds
}

//! A checked graph: topologically ordered, reduced to what lies between source and sink, costs in whole quanta.
//! Both the search and the reachable ranges start from it.

use super::CostGraph;
use super::fixed_point::FixedPoint;
use super::front::FrontError;

/// The useful part of a [`CostGraph`] in topological order.
///
/// Useful nodes lie on a path from source to sink and are numbered so that every
/// edge leads upwards: the source is node 0 and the sink the last one.
pub(super) struct Skeleton {
    /// The node in the graph that each useful node is.
    pub(super) original: Vec<u32>,
    /// Where the edges that leave each node start in the arrays below; one more than nodes.
    pub(super) first_edge: Vec<u32>,
    /// Useful edges by the node they leave, then by number: the edge in the graph.
    pub(super) edge: Vec<u32>,
    /// The useful node that each edge enters.
    pub(super) head: Vec<u32>,
    /// The quantum of each column.
    pub(super) quanta: Vec<FixedPoint>,
    /// One row of costs for each edge.
    pub(super) costs: Vec<i64>,
}

impl Skeleton {
    /// Checks and orders `graph`.
    ///
    /// # Errors
    /// If there is a cycle, no path from source to sink, or sums beyond what `f64` holds.
    pub(super) fn new(graph: &CostGraph) -> Result<Self, FrontError> {
        let out = Adjacency::new(graph);
        let order = topological_order(graph, &out)?;
        let useful = useful_nodes(graph, &out, &order);
        if !useful[graph.source()] {
            return Err(FrontError::Unreachable { source_node: graph.source(), sink: graph.sink() });
        }
        let original: Vec<u32> = order.into_iter().filter(|&v| useful[v as usize]).collect();
        let mut rank = vec![u32::MAX; graph.node_count()];
        for (new, &old) in original.iter().enumerate() {
            rank[old as usize] = new as u32;
        }
        let (mut first_edge, mut edge, mut head) = (vec![0], Vec::new(), Vec::new());
        for &old in &original {
            for &e in out.of(old as usize) {
                let to = rank[graph.edge(e as usize).to];
                if to != u32::MAX {
                    edge.push(e);
                    head.push(to);
                }
            }
            first_edge.push(edge.len() as u32);
        }
        let mut skeleton = Self { original, first_edge, edge, head, quanta: Vec::new(), costs: Vec::new() };
        skeleton.quanta = skeleton.choose_quanta(graph)?;
        skeleton.costs.reserve_exact(skeleton.edge.len() * skeleton.quanta.len());
        for &e in &skeleton.edge {
            let costs = graph.edge(e as usize).costs.iter();
            skeleton.costs.extend(costs.zip(&skeleton.quanta).map(|(&cost, q)| q.quantise(cost)));
        }
        Ok(skeleton)
    }

    /// Number of useful nodes.
    pub(super) fn nodes(&self) -> usize {
        self.original.len()
    }

    /// The positions, in the edge arrays, of the edges that leave `node`.
    pub(super) fn edges_of(&self, node: usize) -> std::ops::Range<usize> {
        self.first_edge[node] as usize..self.first_edge[node + 1] as usize
    }

    /// The costs of the edge at `position`.
    pub(super) fn costs_of(&self, position: usize) -> &[i64] {
        let width = self.quanta.len();
        &self.costs[position * width..(position + 1) * width]
    }

    /// The largest sum of absolute costs over a path decides the quantum of each column.
    fn choose_quanta(&self, graph: &CostGraph) -> Result<Vec<FixedPoint>, FrontError> {
        let width = graph.columns().len();
        let mut largest = vec![0.0f64; self.nodes() * width];
        for node in (0..self.nodes()).rev() {
            for position in self.edges_of(node) {
                let head = self.head[position] as usize;
                let costs = graph.edge(self.edge[position] as usize).costs;
                for (j, cost) in costs.iter().enumerate() {
                    let sum = cost.abs() + largest[head * width + j];
                    let here = &mut largest[node * width + j];
                    *here = here.max(sum);
                }
            }
        }
        let quantum = |(j, column): (usize, &super::Column)| {
            let sum = largest[j];
            if sum.is_finite() {
                return Ok(FixedPoint::for_sums_up_to(sum));
            }
            Err(FrontError::SumTooLarge { column: column.name.clone() })
        };
        graph.columns().iter().enumerate().map(quantum).collect()
    }
}

/// The edges that leave each node, in the order of their numbers.
struct Adjacency {
    first: Vec<u32>,
    edges: Vec<u32>,
}

impl Adjacency {
    fn new(graph: &CostGraph) -> Self {
        let mut first = vec![0u32; graph.node_count() + 1];
        for edge in graph.edges() {
            first[edge.from + 1] += 1;
        }
        for v in 0..graph.node_count() {
            first[v + 1] += first[v];
        }
        let mut next = first.clone();
        let mut edges = vec![0; graph.edge_count()];
        for (e, edge) in graph.edges().enumerate() {
            edges[next[edge.from] as usize] = e as u32;
            next[edge.from] += 1;
        }
        Self { first, edges }
    }

    fn of(&self, node: usize) -> &[u32] {
        &self.edges[self.first[node] as usize..self.first[node + 1] as usize]
    }
}

/// Kahn's algorithm; what it cannot order contains a cycle.
fn topological_order(graph: &CostGraph, out: &Adjacency) -> Result<Vec<u32>, FrontError> {
    let mut waiting = vec![0u32; graph.node_count()];
    for edge in graph.edges() {
        waiting[edge.to] += 1;
    }
    let mut order: Vec<u32> = (0..graph.node_count() as u32).filter(|&v| waiting[v as usize] == 0).collect();
    let mut done = 0;
    while done < order.len() {
        for &e in out.of(order[done] as usize) {
            let to = graph.edge(e as usize).to;
            waiting[to] -= 1;
            if waiting[to] == 0 {
                order.push(to as u32);
            }
        }
        done += 1;
    }
    if order.len() == graph.node_count() { Ok(order) } else { Err(find_cycle(graph, &waiting)) }
}

/// Walks backwards among the nodes that are still waiting until one comes up twice.
fn find_cycle(graph: &CostGraph, waiting: &[u32]) -> FrontError {
    let mut before = vec![usize::MAX; graph.node_count()];
    for edge in graph.edges() {
        // A node that waits has a predecessor that waits, or it would have been ordered.
        if waiting[edge.from] > 0 && waiting[edge.to] > 0 && before[edge.to] == usize::MAX {
            before[edge.to] = edge.from;
        }
    }
    let mut node = waiting.iter().position(|&w| w > 0).unwrap_or(0);
    let mut seen = vec![false; graph.node_count()];
    while !seen[node] {
        seen[node] = true;
        node = before[node];
    }
    let mut cycle = vec![node];
    let mut at = before[node];
    while at != node {
        cycle.push(at);
        at = before[at];
    }
    cycle.push(node);
    cycle.reverse();
    FrontError::Cycle { nodes: cycle }
}

/// Which nodes lie on a path from source to sink.
fn useful_nodes(graph: &CostGraph, out: &Adjacency, order: &[u32]) -> Vec<bool> {
    let (mut reached, mut useful) = (vec![false; graph.node_count()], vec![false; graph.node_count()]);
    reached[graph.source()] = true;
    let heads = |v: u32| out.of(v as usize).iter().map(|&e| graph.edge(e as usize).to);
    for &v in order {
        if reached[v as usize] {
            heads(v).for_each(|to| reached[to] = true);
        }
    }
    for &v in order.iter().rev() {
        let leads_on = v as usize == graph.sink() || heads(v).any(|to| useful[to]);
        useful[v as usize] = reached[v as usize] && leads_on;
    }
    useful
}

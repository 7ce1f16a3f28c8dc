//! The front of a [`CostGraph`]: every non-dominated path within the limits, or an ε-front with a certified gap.
//! See [`front`] for what exactly is promised.

use thiserror::Error;

use super::instance::Plan;
use super::merge::merge;
use super::merge_pair::merge_pair;
use super::reach::{self, Reach};
use super::skeleton::Skeleton;
use super::solve::Search;
use super::{Column, CostGraph, MAX_OBJECTIVES};

/// An upper limit on the sum of a column, objective or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Index of the column.
    pub column: usize,
    /// The largest sum allowed, in the column's unit.
    pub at_most: f64,
}

/// What to search for, and how much it may cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// All of them hold for every point of the front.
    pub limits: Vec<Limit>,
    /// Permission to leave points out: every point of the exact front must be within this share of
    /// each objective's range of a returned point. 0 asks for the exact front.
    pub epsilon: f64,
    /// How many labels (partial paths kept) may be made.
    pub max_labels: u64,
    /// How many bytes the labels may take at once.
    pub max_bytes: u64,
}

impl Default for Options {
    /// The exact front without limits, at most 200 million labels and 4 GiB.
    fn default() -> Self {
        Self { limits: Vec::new(), epsilon: 0.0, max_labels: 200_000_000, max_bytes: 4 << 30 }
    }
}

/// One point of a front.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point<'a> {
    /// The sum of each column of the graph along the path.
    pub costs: &'a [f64],
    /// The numbers of the path's edges, from source to sink.
    pub edges: &'a [u32],
}

/// The answer of [`front`].
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    /// Whether every point of the exact front is here.
    pub complete: bool,
    /// The certified gap, at most the one asked for; 0 if `complete`.
    pub epsilon: f64,
    /// How wide the exact front is in each objective (nadir − ideal), or at least is if not `complete`.
    pub widths: Vec<f64>,
    /// How many labels the search made.
    pub labels: u64,
    /// The most bytes that labels took at once.
    pub peak_bytes: u64,
    pub(super) columns: usize,
    pub(super) costs: Vec<f64>,
    pub(super) edges: Vec<u32>,
    pub(super) first_edge: Vec<usize>,
}

impl Front {
    /// Number of points; never 0.
    pub fn len(&self) -> usize {
        self.first_edge.len() - 1
    }

    /// Whether there is no point, which [`front`] reports as an error instead.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The point with number `index`, which must be below [`len`](Self::len).
    pub fn point(&self, index: usize) -> Point<'_> {
        Point {
            costs: &self.costs[index * self.columns..(index + 1) * self.columns],
            edges: &self.edges[self.first_edge[index]..self.first_edge[index + 1]],
        }
    }

    /// All points, sorted by the first objective, then the next.
    pub fn points(&self) -> impl ExactSizeIterator<Item = Point<'_>> {
        (0..self.len()).map(|index| self.point(index))
    }
}

/// Why there is no front.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FrontError {
    /// The graph is not acyclic.
    #[error(
        "the edges form a cycle through nodes {}: a search graph must be acyclic, remove one of its edges",
        shorten(nodes)
    )]
    Cycle {
        /// The nodes of the cycle, the first one repeated at the end.
        nodes: Vec<usize>,
    },
    /// No path leads from source to sink.
    #[error("no path leads from the source (node {source_node}) to the sink (node {sink}): add the missing edges")]
    Unreachable {
        /// The source.
        source_node: usize,
        /// The sink.
        sink: usize,
    },
    /// A sum overflows.
    #[error("the costs in column `{column}` add up to more than a 64-bit float can hold: use a larger unit")]
    SumTooLarge {
        /// The column.
        column: String,
    },
    /// An option is out of its range.
    #[error("{0}")]
    Option(String),
    /// A limit is below what any path reaches.
    #[error("nothing satisfies {column} <= {at_most}: the smallest reachable {column} is {smallest}")]
    LimitUnreachable {
        /// Name of the limited column.
        column: String,
        /// The limit.
        at_most: f64,
        /// The smallest sum of the column over all paths.
        smallest: f64,
    },
    /// Each limit can be met, but not all at once.
    #[error("each limit can be met alone, but no path meets all of them ({}): relax one", .0.join(", "))]
    LimitsConflict(Vec<String>),
    /// A label or memory budget ran out.
    #[error(
        "the front is too large: {labels} labels were made and the budget of {budget} does not hold \
         those of node {node} ({done:.0} % of the nodes are done). Allow a larger \
         certified gap (epsilon, for example 0.01), tighten a limit, or raise the budget"
    )]
    Budget {
        /// Labels made until then.
        labels: u64,
        /// The budget that ran out, in words.
        budget: String,
        /// The node of the graph whose front did not fit.
        node: usize,
        /// The share of nodes with a finished front, in percent.
        done: f64,
    },
}

fn shorten(nodes: &[usize]) -> String {
    let shown: Vec<String> = nodes.iter().take(8).map(usize::to_string).collect();
    shown.join(" -> ") + if nodes.len() > 8 { " -> ..." } else { "" }
}

/// Finds the front of `graph`: the non-dominated cost vectors of its paths within the limits, each with one path.
///
/// Costs are added as whole numbers of a decimal quantum, chosen for each column
/// so that the largest sum of absolute costs over a path takes about 15 decimal
/// digits. Ties are therefore exact and do not depend on the order of addition.
/// Points with equal objectives are reported once, with the path whose edge
/// numbers are smallest at the first edge that differs. The same input gives the
/// same output.
///
/// With `epsilon` 0 the front is complete or the answer is an error. With a
/// positive `epsilon` points may be left out where fronts grow large, and then
/// [`Front::epsilon`] is the *certified gap* g ≤ `epsilon`: for every point x of
/// the exact front there is a returned point r with r_j ≤ x_j + g·w_j in every
/// objective j, where w_j is the width of the exact front (nadir − ideal) in j.
///
/// # Errors
/// See [`FrontError`]. A budget that runs out is an error, never a shorter front.
pub fn front(graph: &CostGraph, options: &Options) -> Result<Front, FrontError> {
    front_thinned_above(graph, options, None)
}

/// As [`front`]; `small` is the number of candidates above which a node's front may be thinned.
pub(super) fn front_thinned_above(
    graph: &CostGraph,
    options: &Options,
    small: Option<usize>,
) -> Result<Front, FrontError> {
    check(graph.columns(), options)?;
    let skeleton = Skeleton::new(graph)?;
    let reach = reach::of_skeleton(&skeleton);
    check_limits(graph, &skeleton, &reach, &options.limits)?;
    let plan = Plan::new(graph, &skeleton, &options.limits, &reach.max);
    let search = Search { graph, skeleton: &skeleton, reach: &reach, plan: &plan, options, small };
    match plan.columns.len() {
        ..=2 => search.run(merge_pair),
        3 => search.run(merge::<3>),
        4 => search.run(merge::<4>),
        5..=6 => search.run(merge::<6>),
        7..=8 => search.run(merge::<8>),
        9..=12 => search.run(merge::<12>),
        13..=16 => search.run(merge::<16>),
        17..=32 => search.run(merge::<32>),
        33..=MAX_OBJECTIVES => search.run(merge::<MAX_OBJECTIVES>),
        n => Err(FrontError::Option(format!(
            "{n} objectives and limited quantities are more than the {MAX_OBJECTIVES} that a search can carry: drop some \
             limits"
        ))),
    }
}

fn check(columns: &[Column], options: &Options) -> Result<(), FrontError> {
    if !(0.0..1.0).contains(&options.epsilon) {
        let message = format!("epsilon is {}, but must be at least 0 and below 1", options.epsilon);
        return Err(FrontError::Option(message));
    }
    for limit in &options.limits {
        let Some(column) = columns.get(limit.column) else {
            let message = format!("a limit names column {}, but there are {}", limit.column, columns.len());
            return Err(FrontError::Option(message));
        };
        if limit.at_most.is_nan() {
            return Err(FrontError::Option(format!("the limit on {} is not a number", column.name)));
        }
    }
    Ok(())
}

/// Each limit by itself must be reachable.
fn check_limits(graph: &CostGraph, skeleton: &Skeleton, reach: &Reach, limits: &[Limit]) -> Result<(), FrontError> {
    for limit in limits {
        let (quantum, smallest) = (skeleton.quanta[limit.column], reach.min[limit.column]);
        if quantum.quantise(smallest) > quantum.quantise(limit.at_most) {
            let column = graph.columns()[limit.column].name.clone();
            return Err(FrontError::LimitUnreachable { column, at_most: limit.at_most, smallest });
        }
    }
    Ok(())
}

//! A directed acyclic graph whose edges carry a vector of costs: what every additive search runs on.
//! Flat arrays, because the choice graph of a large space has millions of edges.

use thiserror::Error;

/// What a column of costs is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Minimised: a dimension of the front.
    Objective,
    /// Not minimised; it can be limited, and its sum is reported.
    Resource,
}

/// One quantity that adds up along a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, by which limits refer to it.
    pub name: String,
    /// The unit of its costs, for people.
    pub unit: String,
    /// Whether it is minimised.
    pub role: Role,
}

impl Column {
    /// A column that is minimised.
    pub fn objective(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { name: name.into(), unit: unit.into(), role: Role::Objective }
    }

    /// A column that can only be limited.
    pub fn resource(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { name: name.into(), unit: unit.into(), role: Role::Resource }
    }
}

/// Why a graph or an edge is refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GraphError {
    /// No column is minimised, or too many are.
    #[error("{0} objectives: a front needs between 1 and {MAX_OBJECTIVES} columns to minimise")]
    Objectives(usize),
    /// Two columns have one name.
    #[error("two columns are called `{0}`: give each quantity its own name")]
    DuplicateColumn(String),
    /// A node number is not below the number of nodes.
    #[error("{what} is node {node}, but the graph has nodes 0 to {last}")]
    NodeOutOfRange {
        /// Which of the graph's node numbers it is.
        what: &'static str,
        /// The number given.
        node: usize,
        /// The largest number allowed.
        last: usize,
    },
    /// Nodes or edges do not fit their 32-bit numbers.
    #[error("too many {0}: at most 4294967294 fit; split the space or merge equal states")]
    TooLarge(&'static str),
    /// An edge has the wrong number of costs.
    #[error("{found} costs where the graph has {expected} columns: give one cost for each column, in their order")]
    CostCount {
        /// How many costs the edge has.
        found: usize,
        /// How many columns the graph has.
        expected: usize,
    },
    /// A cost is NaN or infinite.
    #[error("the cost in column `{column}` is {value}: every cost must be a finite number")]
    NotFinite {
        /// The column of the cost.
        column: String,
        /// The cost.
        value: f64,
    },
}

/// How many columns can be objectives; labels are compiled for sizes up to this one.
pub const MAX_OBJECTIVES: usize = 64;

/// An edge of a [`CostGraph`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge<'a> {
    /// The node it leaves.
    pub from: usize,
    /// The node it enters.
    pub to: usize,
    /// One cost for each column.
    pub costs: &'a [f64],
}

/// A graph with one source, one sink and a cost vector on every edge.
///
/// A path from source to sink is a candidate; its costs are the sums over its
/// edges. Parallel edges are alternatives. That the graph is acyclic is checked
/// when it is searched.
#[derive(Debug, Clone)]
pub struct CostGraph {
    columns: Vec<Column>,
    nodes: usize,
    source: usize,
    sink: usize,
    from: Vec<u32>,
    to: Vec<u32>,
    costs: Vec<f64>,
}

impl CostGraph {
    /// A graph without edges.
    ///
    /// # Errors
    /// If there are no or more than [`MAX_OBJECTIVES`] objectives, a column name occurs twice,
    /// or `source` or `sink` is no node.
    pub fn new(columns: Vec<Column>, nodes: usize, source: usize, sink: usize) -> Result<Self, GraphError> {
        let objectives = columns.iter().filter(|c| c.role == Role::Objective).count();
        if objectives == 0 || objectives > MAX_OBJECTIVES {
            return Err(GraphError::Objectives(objectives));
        }
        for (i, column) in columns.iter().enumerate() {
            if columns[..i].iter().any(|other| other.name == column.name) {
                return Err(GraphError::DuplicateColumn(column.name.clone()));
            }
        }
        if nodes >= u32::MAX as usize {
            return Err(GraphError::TooLarge("nodes"));
        }
        let graph = Self { columns, nodes, source, sink, from: Vec::new(), to: Vec::new(), costs: Vec::new() };
        graph.check_node("the source", source)?;
        graph.check_node("the sink", sink)?;
        Ok(graph)
    }

    /// Adds an edge with one cost for each column and returns its number, counted from 0.
    ///
    /// # Errors
    /// If an end is no node, the number of costs is wrong or a cost is not finite.
    pub fn add_edge(&mut self, from: usize, to: usize, costs: &[f64]) -> Result<usize, GraphError> {
        self.check_node("`from`", from)?;
        self.check_node("`to`", to)?;
        if costs.len() != self.columns.len() {
            return Err(GraphError::CostCount { found: costs.len(), expected: self.columns.len() });
        }
        if let Some(j) = costs.iter().position(|cost| !cost.is_finite()) {
            return Err(GraphError::NotFinite { column: self.columns[j].name.clone(), value: costs[j] });
        }
        if self.from.len() >= u32::MAX as usize - 1 {
            return Err(GraphError::TooLarge("edges"));
        }
        self.from.push(from as u32);
        self.to.push(to as u32);
        self.costs.extend_from_slice(costs);
        Ok(self.from.len() - 1)
    }

    fn check_node(&self, what: &'static str, node: usize) -> Result<(), GraphError> {
        if node < self.nodes {
            return Ok(());
        }
        Err(GraphError::NodeOutOfRange { what, node, last: self.nodes.saturating_sub(1) })
    }

    /// The quantities that add up, in the order of every cost vector.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.from.len()
    }

    /// The node that paths start from.
    pub fn source(&self) -> usize {
        self.source
    }

    /// The node that paths end at.
    pub fn sink(&self) -> usize {
        self.sink
    }

    /// The edge with number `index`, which must be below [`edge_count`](Self::edge_count).
    pub fn edge(&self, index: usize) -> Edge<'_> {
        let width = self.columns.len();
        Edge {
            from: self.from[index] as usize,
            to: self.to[index] as usize,
            costs: &self.costs[index * width..(index + 1) * width],
        }
    }

    /// All edges in the order of their numbers.
    pub fn edges(&self) -> impl Iterator<Item = Edge<'_>> {
        (0..self.edge_count()).map(|index| self.edge(index))
    }
}

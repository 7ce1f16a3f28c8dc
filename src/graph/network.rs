//! The network itself, and the builder that checks every operator as it is added.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::{Op, Shape, ShapeError};

/// A node of a [`Network`]. Ids are positions in the order of insertion, which is a topological order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// Position in the topological order.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A block of a [`Network`], by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub(super) u32);

impl BlockId {
    /// Position in [`Network::blocks`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An operator in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Unique in the network, dotted by scope: `s2.0.expand`.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// The shape of what it computes.
    pub shape: Shape,
    /// The block it belongs to.
    pub block: BlockId,
}

/// A directed acyclic graph of operators that fit together.
#[derive(Clone, Debug)]
pub struct Network {
    /// Edge weights are the position of the input at the consumer.
    graph: DiGraph<Node, u32>,
    pub(super) outputs: Vec<NodeId>,
    pub(super) block_names: Vec<(String, String)>,
}

/// Why operators do not make a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// An operator does not fit what feeds it.
    #[error("`{node}` ({op}), fed by {producers}: {source}")]
    Shape {
        /// The consumer.
        node: String,
        /// Its operator.
        op: String,
        /// The producers, each with its shape.
        producers: String,
        /// What does not fit.
        source: Box<ShapeError>,
    },
    /// Two nodes share a name.
    #[error("two nodes are named `{name}`; names must be unique")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Two blocks share a name, or the nodes of a block do not stand together.
    #[error("block `{block}` is opened twice; a block needs a name of its own, and its nodes must stand together")]
    Reopened {
        /// The block.
        block: String,
    },
    /// A node names an input that does not exist.
    #[error("`{node}` takes its input from `{input}`, which does not exist")]
    Unknown {
        /// The consumer.
        node: String,
        /// The missing producer.
        input: String,
    },
    /// Nodes feed each other in a circle.
    #[error("these nodes feed each other in a cycle: {nodes}")]
    Cycle {
        /// Their names, in order.
        nodes: String,
    },
    /// A recorded shape differs from the inferred one.
    #[error("`{node}` claims the shape {claimed}, but its inputs give {inferred}")]
    Claim {
        /// The node.
        node: String,
        /// What the file says.
        claimed: Shape,
        /// What follows from the inputs.
        inferred: Shape,
    },
    /// An input or a reshape without a shape.
    #[error("`{node}` is {what} and needs a `shape`")]
    Unshaped {
        /// The node.
        node: String,
        /// What it is.
        what: &'static str,
    },
    /// No node was marked as the output.
    #[error("the network has no output")]
    NoOutput,
}

/// Builds a [`Network`] operator by operator, inferring shapes on the way.
#[derive(Debug)]
pub struct Builder {
    pub(super) graph: DiGraph<Node, u32>,
    pub(super) block_names: Vec<(String, String)>,
    outputs: Vec<NodeId>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty network.
    pub fn new() -> Self {
        // Room for a common network, so that growing does not copy every node several times.
        Self { graph: DiGraph::with_capacity(256, 320), block_names: Vec::new(), outputs: Vec::new() }
    }

    /// Opens a block: nodes added from here on belong to it. `description` says in a few words what it is.
    pub fn block(&mut self, name: impl Into<String>, description: impl Into<String>) {
        self.block_names.push((name.into(), description.into()));
    }

    /// Adds an operator fed by `inputs`, in that order.
    ///
    /// # Errors
    /// [`NetworkError::Shape`] names the operator and its producers when they do not fit.
    pub fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> Result<NodeId, NetworkError> {
        let name = name.into();
        let mut shapes = [Shape::unknown(); 4];
        let inferred = if inputs.len() <= shapes.len() {
            for (slot, &id) in shapes.iter_mut().zip(inputs) {
                *slot = self.shape(id);
            }
            op.infer(&shapes[..inputs.len()])
        } else {
            op.infer(&inputs.iter().map(|&id| self.shape(id)).collect::<Vec<_>>())
        };
        let shape = inferred.map_err(|source| NetworkError::Shape {
            node: name.clone(),
            op: op.to_string(),
            producers: self.describe(inputs),
            source: Box::new(source),
        })?;
        if self.block_names.is_empty() {
            self.block("network", "");
        }
        let block = BlockId(self.block_names.len() as u32 - 1);
        let index = self.graph.add_node(Node { name, op, shape, block });
        for (port, id) in inputs.iter().enumerate() {
            self.graph.add_edge(NodeIndex::new(id.index()), index, port as u32);
        }
        Ok(NodeId(index.index() as u32))
    }

    fn describe(&self, inputs: &[NodeId]) -> String {
        let named: Vec<String> = inputs
            .iter()
            .map(|id| {
                let node = &self.graph[NodeIndex::new(id.index())];
                format!("`{}` ({})", node.name, node.shape)
            })
            .collect();
        if named.is_empty() { "nothing".to_owned() } else { named.join(" and ") }
    }

    /// The shape of a node already added.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.graph[NodeIndex::new(id.index())].shape
    }

    /// Marks a node as an output of the network.
    pub fn output(&mut self, id: NodeId) {
        self.outputs.push(id);
    }

    /// The finished network.
    ///
    /// # Errors
    /// When names of nodes or of blocks repeat, or there is no output.
    pub fn finish(self) -> Result<Network, NetworkError> {
        if let Some(name) = repeated(self.graph.raw_nodes().iter().map(|node| node.weight.name.as_str())) {
            return Err(NetworkError::Duplicate { name: name.to_owned() });
        }
        if let Some(block) = repeated(self.block_names.iter().map(|(name, _)| name.as_str())) {
            return Err(NetworkError::Reopened { block: block.to_owned() });
        }
        if self.outputs.is_empty() {
            return Err(NetworkError::NoOutput);
        }
        Ok(Network { graph: self.graph, outputs: self.outputs, block_names: self.block_names })
    }
}

/// A name that occurs more than once.
fn repeated<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::with_capacity_and_hasher(names.len(), BuildHasherDefault::<NameHasher>::default());
    names.into_iter().find(|name| !seen.insert(*name))
}

/// A hash for short names (FNV-1a over words of eight bytes). Every network that is scored has its names
/// checked, and the default hasher took a quarter of the time to build one.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        }
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Network {
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there are no nodes; never true of a finished network.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All nodes in topological order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.len() as u32).map(NodeId)
    }

    /// A node by its id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.graph[NodeIndex::new(id.index())]
    }

    /// The node of that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.ids().find(|&id| self.node(id).name == name)
    }

    /// The shapes of the inputs, in topological order.
    pub fn input_shapes(&self) -> Vec<Shape> {
        let nodes = self.graph.raw_nodes().iter().map(|entry| &entry.weight);
        nodes.filter(|node| matches!(node.op, Op::Input { .. })).map(|node| node.shape).collect()
    }

    /// The outputs.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// What feeds a node, in the order of its inputs.
    pub fn inputs(&self, id: NodeId) -> Vec<NodeId> {
        // petgraph lists the edges of a node latest first; they were added in order.
        let mut inputs: Vec<NodeId> = self.unordered_inputs(id).map(|(_, from)| from).collect();
        inputs.reverse();
        inputs
    }

    /// What feeds a node, with the position of each input, in no particular order.
    pub(super) fn unordered_inputs(&self, id: NodeId) -> impl Iterator<Item = (u32, NodeId)> {
        self.graph
            .edges_directed(NodeIndex::new(id.index()), Direction::Incoming)
            .map(|edge| (*edge.weight(), NodeId(edge.source().index() as u32)))
    }

    /// What a node feeds, with the position of the input there. Order is not defined.
    pub fn consumers(&self, id: NodeId) -> impl Iterator<Item = (u32, NodeId)> {
        self.graph
            .edges_directed(NodeIndex::new(id.index()), Direction::Outgoing)
            .map(|edge| (*edge.weight(), NodeId(edge.target().index() as u32)))
    }

    /// The shape of a node's first input, or its own shape if it has none.
    pub fn input_shape(&self, id: NodeId) -> Shape {
        self.unordered_inputs(id)
            .find(|(port, _)| *port == 0)
            .map_or_else(|| self.node(id).shape, |(_, from)| self.node(from).shape)
    }

    /// The underlying graph, for algorithms of petgraph.
    pub fn as_graph(&self) -> &DiGraph<Node, u32> {
        &self.graph
    }
}

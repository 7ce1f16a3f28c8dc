//! The plain form in which networks are written to files: names in place of
//! ids, every node with its operator, inputs, shape and block.

use std::collections::{BTreeSet, HashMap};

use petgraph::graph::NodeIndex;
use serde::{Deserialize, Serialize};

use super::{BlockId, Builder, Network, NetworkError, NodeId, Op, Shape};

impl Network {
    /// The plain form for files, in topological order.
    pub fn to_raw(&self) -> RawNetwork {
        let name = |id: NodeId| self.node(id).name.clone();
        let nodes = self
            .ids()
            .map(|id| {
                let node = self.node(id);
                RawNode {
                    name: node.name.clone(),
                    block: Some(self.block_names[node.block.index()].0.clone()),
                    inputs: self.inputs(id).into_iter().map(name).collect(),
                    shape: Some(node.shape),
                    op: node.op.clone(),
                }
            })
            .collect();
        RawNetwork { nodes, outputs: self.outputs.iter().map(|&id| name(id)).collect() }
    }
}

/// A node as files write it: names in place of ids, attributes beside them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawNode {
    /// Unique name.
    pub name: String,
    /// Name of its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// Names of its inputs, in order.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Its shape; an input and a reshape must have one, elsewhere it is checked against the inferred one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// The operator and its attributes.
    #[serde(flatten)]
    pub op: Op,
}

impl RawNode {
    /// The operator, an input or a reshape completed with the shape of the node.
    fn operator(&self) -> Result<Op, NetworkError> {
        let given = |what| self.shape.ok_or_else(|| NetworkError::Unshaped { node: self.name.clone(), what });
        match &self.op {
            Op::Input { shape } if *shape == Shape::unknown() => Ok(Op::Input { shape: given("an input")? }),
            Op::Reshape { shape } if *shape == Shape::unknown() => Ok(Op::Reshape { shape: given("a reshape")? }),
            op => Ok(op.clone()),
        }
    }
}

/// A network as files write it. Nodes may come in any order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawNetwork {
    /// The nodes.
    pub nodes: Vec<RawNode>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
}

impl RawNetwork {
    /// Checks and rebuilds the network.
    ///
    /// # Errors
    /// Duplicate or unknown names, cycles, operators that do not fit, and shapes that differ from the inferred ones.
    pub fn build(&self) -> Result<Network, NetworkError> {
        let (network, misshapen) = self.rebuild();
        misshapen.into_iter().next().map_or(network, Err)
    }

    /// As [`build`](Self::build), but goes on past shapes that differ from the inferred ones: each is a
    /// [`NetworkError::Claim`] beside the network.
    pub fn rebuild(&self) -> (Result<Network, NetworkError>, Vec<NetworkError>) {
        let mut misshapen = Vec::new();
        (self.assemble(&mut misshapen), misshapen)
    }

    fn assemble(&self, misshapen: &mut Vec<NetworkError>) -> Result<Network, NetworkError> {
        let mut position = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if position.insert(node.name.as_str(), index).is_some() {
                return Err(NetworkError::Duplicate { name: node.name.clone() });
            }
        }
        let order = self.topological_order(&position)?;
        let mut builder = Builder::new();
        let mut ids: Vec<Option<NodeId>> = vec![None; self.nodes.len()];
        let mut blocks: HashMap<&str, BlockId> = HashMap::new();
        for index in order {
            let node = &self.nodes[index];
            let inputs: Vec<NodeId> = node.inputs.iter().filter_map(|name| ids[position[name.as_str()]]).collect();
            let id = builder.add(node.name.as_str(), node.operator()?, &inputs)?;
            let block_name = node.block.as_deref().unwrap_or("network");
            let next = BlockId(blocks.len() as u32);
            let block = *blocks.entry(block_name).or_insert(next);
            if block.index() + 1 < blocks.len() {
                return Err(NetworkError::Reopened { block: block_name.to_owned() });
            }
            builder.graph[NodeIndex::new(id.index())].block = block;
            let inferred = builder.shape(id);
            if let Some(claimed) = node.shape.filter(|&claimed| claimed != inferred) {
                misshapen.push(NetworkError::Claim { node: node.name.clone(), claimed, inferred });
            }
            ids[index] = Some(id);
        }
        let mut names: Vec<(&str, BlockId)> = blocks.into_iter().collect();
        names.sort_by_key(|(_, block)| *block);
        builder.block_names = names.into_iter().map(|(name, _)| (name.to_owned(), String::new())).collect();
        for name in &self.outputs {
            match position.get(name.as_str()).and_then(|&index| ids[index]) {
                Some(id) => builder.output(id),
                None => return Err(NetworkError::Unknown { node: "outputs".to_owned(), input: name.clone() }),
            }
        }
        builder.finish()
    }

    /// Stable topological order: nodes keep the order of the file as far as their inputs allow.
    fn topological_order(&self, position: &HashMap<&str, usize>) -> Result<Vec<usize>, NetworkError> {
        let mut waiting = vec![0usize; self.nodes.len()];
        let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                let Some(&from) = position.get(input.as_str()) else {
                    return Err(NetworkError::Unknown { node: node.name.clone(), input: input.clone() });
                };
                feeds[from].push(index);
                waiting[index] += 1;
            }
        }
        let mut ready: BTreeSet<usize> = (0..self.nodes.len()).filter(|&i| waiting[i] == 0).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(index) = ready.pop_first() {
            order.push(index);
            for &next in &feeds[index] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.insert(next);
                }
            }
        }
        if order.len() < self.nodes.len() {
            return Err(NetworkError::Cycle { nodes: self.cycle(&waiting, position) });
        }
        Ok(order)
    }

    /// One cycle among the nodes that still wait for an input.
    fn cycle(&self, waiting: &[usize], position: &HashMap<&str, usize>) -> String {
        let Some(mut at) = waiting.iter().position(|&w| w > 0) else { return String::new() };
        let mut path = Vec::new();
        let mut passed: HashMap<usize, usize> = HashMap::new();
        loop {
            if let Some(start) = passed.insert(at, path.len()) {
                let mut names: Vec<&str> =
                    path[start..].iter().rev().map(|&i: &usize| self.nodes[i].name.as_str()).collect();
                names.push(names[0]);
                return names.join(" → ");
            }
            path.push(at);
            // A waiting node always has an input that waits too.
            let upstream = self.nodes[at].inputs.iter().map(|name| position[name.as_str()]).find(|&i| waiting[i] > 0);
            match upstream {
                Some(next) => at = next,
                None => return String::new(),
            }
        }
    }
}

//! What a program is made of: the nodes of a network that run, brought down to the few operations that have kernels.
//!
//! Squeeze-excite becomes its six parts, a linear layer a 1×1 convolution. Nodes that only rename what is in memory
//! (identity, a map seen as tokens, a single position seen as a vector) become nothing at all.

use super::Layout;
use super::conv::Conv;
use super::tokens::FeatureNorm;
use crate::engine::{EngineError, Plan};
use crate::graph::{Activation, Attention, Axis, Network, NodeId, Op, Pool, Resample, Shape};

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub action: Action,
    pub inputs: Vec<Port>,
    /// The layout of what it computes.
    pub layout: Layout,
    /// The node whose parameters it has.
    pub node: NodeId,
    /// The first of them, among the node's.
    pub parameter: usize,
}

/// What an item reads: another item, perhaps seen in another layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub item: usize,
    pub layout: Layout,
}

/// What an item does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// The network's input of that position.
    Input(usize),
    Conv {
        conv: Conv,
        bias: bool,
    },
    BatchNorm,
    Activation(Activation),
    Pool(Pool),
    /// Mean over all positions.
    Mean,
    /// Sum of what it reads; of a single one, a copy that a kernel can read plainly.
    Sum,
    Product,
    Concat,
    Upsample {
        scale: usize,
        mode: Resample,
    },
    PixelShuffle {
        scale: usize,
    },
    /// Moves elements to a layout of another shape, both in the order channel, row, column.
    Reshape {
        from: Shape,
        to: Shape,
    },
    FeatureNorm(FeatureNorm),
    Softmax,
    /// Adds a learned vector to every token.
    Place,
    /// Puts learned tokens before the others.
    Prepend,
    Slice {
        axis: Axis,
        start: usize,
    },
    Shuffle {
        groups: usize,
    },
    Embedding {
        vocabulary: usize,
    },
    Attention(Attention),
    Zeros,
}

impl Action {
    /// Whether it has no buffer of its own: it is applied where its result is read.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::BatchNorm | Self::Activation(_))
    }

    /// Whether it has parameters of its own, kept as PyTorch orders them.
    pub fn has_table(&self) -> bool {
        matches!(self, Self::FeatureNorm(_) | Self::Embedding { .. } | Self::Place | Self::Prepend)
    }

    /// Whether its kernels read inputs through a norm and an activation. The others need a stored map.
    pub fn reads_views(&self) -> bool {
        matches!(self, Self::Conv { .. } | Self::Pool(_) | Self::Mean | Self::Sum | Self::Product | Self::Concat)
    }

    /// Whether its backward kernel takes the gradient of its output through a batch norm.
    pub fn takes_slope(&self) -> bool {
        matches!(self, Self::Conv { .. } | Self::Sum)
    }
}

/// The items of a network, in the order they run.
#[derive(Debug)]
pub(super) struct Items {
    pub list: Vec<Item>,
    /// What holds the value of each node; nothing for nodes that do not run.
    pub of_node: Vec<Option<Port>>,
    /// The ports of the network's inputs, in order; nothing for one that is not needed.
    pub inputs: Vec<Option<usize>>,
}

impl Items {
    /// Brings a network down to items.
    pub fn new(network: &Network, plan: &Plan) -> Result<Self, EngineError> {
        let runs = running(network, plan);
        let mut items = Self { list: Vec::new(), of_node: vec![None; network.len()], inputs: Vec::new() };
        let mut input = 0;
        for id in network.ids() {
            let is_input = matches!(network.node(id).op, Op::Input { .. });
            if runs[id.index()] {
                let port = items.add_node(network, id, input);
                let pinned = plan.watch.contains(&id) || network.outputs().contains(&id);
                items.of_node[id.index()] = Some(if pinned { items.pin(network, port, id, plan) } else { port });
            }
            if is_input {
                items.inputs.push(items.of_node[id.index()].map(|port| port.item));
                input += 1;
            }
        }
        Ok(items)
    }

    /// What can be read, or be given a gradient, needs a buffer that is read by nobody on its behalf.
    fn pin(&mut self, network: &Network, port: Port, id: NodeId, plan: &Plan) -> Port {
        let shared = self.list[port.item].node != id || self.list[port.item].action.is_view();
        if plan.backward && shared {
            self.push(Action::Sum, vec![port], Layout::new(network.node(id).shape), id, 0)
        } else {
            port
        }
    }

    fn push(&mut self, action: Action, inputs: Vec<Port>, layout: Layout, node: NodeId, parameter: usize) -> Port {
        let inputs = if action.reads_views() || action.is_view() {
            inputs
        } else {
            inputs.into_iter().map(|port| self.stored(port, node)).collect()
        };
        // A norm reads a stored map, an activation one that has none yet.
        let inputs = match action {
            Action::BatchNorm => vec![self.stored(inputs[0], node)],
            Action::Activation(_) if matches!(self.list[inputs[0].item].action, Action::Activation(_)) => {
                vec![self.stored(inputs[0], node)]
            }
            _ => inputs,
        };
        self.list.push(Item { action, inputs, layout, node, parameter });
        Port { item: self.list.len() - 1, layout }
    }

    /// The same value in a buffer.
    fn stored(&mut self, port: Port, node: NodeId) -> Port {
        if self.list[port.item].action.is_view() {
            self.list.push(Item { action: Action::Sum, inputs: vec![port], layout: port.layout, node, parameter: 0 });
            Port { item: self.list.len() - 1, layout: port.layout }
        } else {
            port
        }
    }

    fn add_node(&mut self, network: &Network, id: NodeId, input: usize) -> Port {
        let node = network.node(id);
        let (shape, from) = (node.shape, network.input_shape(id));
        let layout = Layout::new(shape);
        let mut ports = Vec::new();
        for from in network.inputs(id) {
            let layout = Layout::new(network.node(from).shape);
            match self.of_node[from.index()] {
                Some(port) => ports.push(Port { layout, ..port }),
                // What does not run is zero: nothing to a sum, but it has its place everywhere else.
                None if node.op == Op::Add => {}
                None => ports.push(self.push(Action::Zeros, vec![], layout, id, 0)),
            }
        }
        let mut push = |action, inputs| self.push(action, inputs, layout, id, 0);
        match &node.op {
            Op::Input { .. } => push(Action::Input(input), vec![]),
            Op::Conv2d(conv) => push(Action::Conv { conv: Conv::new(conv, from, shape), bias: conv.bias }, ports),
            Op::Linear { bias, .. } => push(Action::Conv { conv: Conv::linear(from, shape), bias: *bias }, ports),
            Op::BatchNorm => push(Action::BatchNorm, ports),
            Op::Activation { function } => push(Action::Activation(*function), ports),
            Op::Pool(pool) => push(Action::Pool(*pool), ports),
            Op::GlobalAvgPool => push(Action::Mean, ports),
            Op::Add => push(Action::Sum, ports),
            Op::Multiply => push(Action::Product, ports),
            Op::Concat => push(Action::Concat, ports),
            Op::SqueezeExcite(se) => {
                let (narrow, wide) = (Shape::map(se.hidden, 1), Shape::map(shape.channels(), 1));
                let dense = |from, to| Action::Conv { conv: Conv::linear(from, to), bias: true };
                let mean = self.push(Action::Mean, ports.clone(), Layout::new(wide), id, 0);
                let reduce = self.push(dense(wide, narrow), vec![mean], Layout::new(narrow), id, 0);
                let hidden = self.push(Action::Activation(se.activation), vec![reduce], Layout::new(narrow), id, 0);
                let expand = self.push(dense(narrow, wide), vec![hidden], Layout::new(wide), id, 2);
                let gate = self.push(Action::Activation(se.gate), vec![expand], Layout::new(wide), id, 0);
                self.push(Action::Product, vec![ports[0], gate], layout, id, 0)
            }
            Op::Upsample { scale, mode } => push(Action::Upsample { scale: *scale, mode: *mode }, ports),
            Op::PixelShuffle { scale } => push(Action::PixelShuffle { scale: *scale }, ports),
            Op::Flatten | Op::Reshape { .. } if moves(from, shape) => push(Action::Reshape { from, to: shape }, ports),
            Op::Flatten | Op::Reshape { .. } | Op::ToTokens | Op::ToMap { .. } | Op::Identity => {
                Port { layout, ..ports[0] }
            }
            Op::LayerNorm { epsilon } => {
                push(Action::FeatureNorm(FeatureNorm { centred: true, epsilon: *epsilon }), ports)
            }
            Op::RmsNorm { epsilon } => {
                push(Action::FeatureNorm(FeatureNorm { centred: false, epsilon: *epsilon }), ports)
            }
            Op::PositionEmbedding => push(Action::Place, ports),
            Op::PrependTokens { .. } => push(Action::Prepend, ports),
            Op::Slice { axis, start, .. } => push(Action::Slice { axis: *axis, start: *start }, ports),
            Op::ChannelShuffle { groups } => push(Action::Shuffle { groups: *groups }, ports),
            Op::Softmax => push(Action::Softmax, ports),
            Op::Embedding { vocabulary, .. } => push(Action::Embedding { vocabulary: *vocabulary }, ports),
            Op::Attention(attention) => push(Action::Attention(*attention), ports),
            Op::Zero { .. } => push(Action::Zeros, vec![]),
        }
    }
}

/// Whether elements lie elsewhere in the new shape. They do not where there is but one position.
fn moves(from: Shape, to: Shape) -> bool {
    from != to && (Layout::new(from).positions() > 1 || Layout::new(to).positions() > 1)
}

/// The nodes that are computed: all, or, pruned, what the outputs and the watched nodes are made of.
fn running(network: &Network, plan: &Plan) -> Vec<bool> {
    if !plan.prune {
        return vec![true; network.len()];
    }
    let zeros = network.zeros();
    let counts = |id: NodeId| !zeros[id.index()];
    let mut runs = vec![false; network.len()];
    for &id in network.outputs().iter().chain(&plan.watch) {
        runs[id.index()] = counts(id);
    }
    for id in network.ids().rev() {
        if runs[id.index()] {
            for from in network.inputs(id) {
                runs[from.index()] |= counts(from);
            }
        }
    }
    runs
}

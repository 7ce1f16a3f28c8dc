//! Where an imported network is taken apart: at the places that everything passes. What lies between two of them is a block
//! where it branches; where it does not, a layer with its norm and activation is one, and the layers of an inverted
//! bottleneck (Sandler et al., CVPR 2018) are one together.

use std::ops::Range;

use crate::graph::{Network, NodeId, Op, OpKind, Shape};

/// What a block is, as far as its place in a network goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It branches, and joins again.
    Branched,
    /// An inverted bottleneck without a shortcut, or a separable convolution.
    Bottleneck,
    /// A layer, with what belongs to it.
    Layer,
}

/// The blocks of a network: name, description, position of the first node.
pub(super) fn find(network: &Network) -> Vec<(String, String, usize)> {
    let network = &Nodes { network, ids: network.ids().collect() };
    let parts = parts(network);
    let is_body = |kind: Kind| kind != Kind::Layer;
    let first = parts.iter().position(|(_, kind)| is_body(*kind));
    let last = parts.iter().rposition(|(_, kind)| is_body(*kind));
    let (Some(first), Some(last)) = (first, last) else { return plain(network, &parts) };
    let mut blocks = Vec::with_capacity(parts.len());
    let (mut stage, mut place, mut before) = (0, 0, None);
    for (at, (nodes, _)) in parts.iter().enumerate() {
        let shape = network.exit(nodes);
        let name = if at < first {
            numbered("stem", at)
        } else if at > last {
            numbered("head", at - last - 1)
        } else {
            if before != Some(shape) {
                (stage, place) = (stage + 1, 0);
            }
            before = Some(shape);
            place += 1;
            format!("s{stage}.{}", place - 1)
        };
        blocks.push((name, describe(network, nodes), nodes.start));
    }
    blocks
}

/// The blocks of a network without any that branches: what comes before the mean over positions, and from there on.
fn plain(network: &Nodes, parts: &[(Range<usize>, Kind)]) -> Vec<(String, String, usize)> {
    let head = parts
        .iter()
        .position(|(nodes, _)| nodes.clone().any(|at| matches!(network.op(at), Op::GlobalAvgPool | Op::Flatten)));
    let head = head.unwrap_or(parts.len());
    let named = parts.iter().enumerate().map(|(at, (nodes, _))| {
        let name = if at < head { format!("s1.{at}") } else { numbered("head", at - head) };
        (name, describe(network, nodes), nodes.start)
    });
    named.collect()
}

fn numbered(name: &str, at: usize) -> String {
    if at == 0 { name.to_owned() } else { format!("{name}.{at}") }
}

/// A network by the positions of its nodes.
struct Nodes<'n> {
    network: &'n Network,
    ids: Vec<NodeId>,
}

impl<'n> Nodes<'n> {
    fn op(&self, at: usize) -> &'n Op {
        &self.network.node(self.ids[at]).op
    }

    /// The kind of its weights.
    fn kind(&self, at: usize) -> OpKind {
        self.op(at).kind(self.entering(at).channels())
    }

    /// The shape that enters a node.
    fn entering(&self, at: usize) -> Shape {
        self.network.input_shape(self.ids[at])
    }

    /// The shape that leaves a part.
    fn exit(&self, nodes: &Range<usize>) -> Shape {
        self.network.node(self.ids[nodes.end - 1]).shape
    }
}

/// The network in pieces that follow each other.
fn parts(network: &Nodes) -> Vec<(Range<usize>, Kind)> {
    let mut segments: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for cut in network.network.cut_points() {
        segments.push(start..cut.index() + 1);
        start = cut.index() + 1;
    }
    if start < network.ids.len() {
        segments.push(start..network.ids.len());
    }
    let mut parts: Vec<(Range<usize>, Kind)> = Vec::new();
    for segment in segments {
        let op = network.op(segment.start);
        let branched = segment.len() > 1 && !parts.is_empty();
        let belongs = matches!(op, Op::BatchNorm | Op::Activation { .. } | Op::Identity | Op::Softmax | Op::Flatten)
            || matches!(op, Op::Linear { .. }) && parts.last().is_some_and(|(nodes, _)| flattened(network, nodes));
        match parts.last_mut() {
            _ if branched => parts.push((segment, Kind::Branched)),
            // Inputs belong to what reads them first.
            Some((nodes, _)) if belongs || nodes.clone().all(|at| matches!(network.op(at), Op::Input { .. })) => {
                nodes.end = segment.end;
            }
            _ => parts.push((segment, Kind::Layer)),
        }
    }
    fires(network, bottlenecks(network, parts))
}

/// Whether a part ends in a vector without weights, as the pool before a classifier does.
fn flattened(network: &Nodes, nodes: &Range<usize>) -> bool {
    let weighted = nodes.clone().any(|at| matches!(network.op(at), Op::Conv2d(_) | Op::Linear { .. }));
    matches!(network.exit(nodes), Shape::Vector { .. }) && !weighted
}

/// Joins the layers of inverted bottlenecks: a pointwise layer that widens, a depthwise one, perhaps a gate, and a pointwise
/// one without activation.
fn bottlenecks(network: &Nodes, parts: Vec<(Range<usize>, Kind)>) -> Vec<(Range<usize>, Kind)> {
    let mut joined: Vec<(Range<usize>, Kind)> = Vec::with_capacity(parts.len());
    let mut at = 0;
    while at < parts.len() {
        match (0..2).find_map(|before| bottleneck(network, &parts[at..], before)) {
            Some(count) => {
                joined.push((parts[at].0.start..parts[at + count - 1].0.end, Kind::Bottleneck));
                at += count;
            }
            None => {
                joined.push(parts[at].clone());
                at += 1;
            }
        }
    }
    joined
}

/// Joins a pointwise layer that narrows to the branches it feeds, where these are laid side by side: a fire module (Iandola et
/// al., 2016, section 3.2).
fn fires(network: &Nodes, parts: Vec<(Range<usize>, Kind)>) -> Vec<(Range<usize>, Kind)> {
    let mut joined: Vec<(Range<usize>, Kind)> = Vec::with_capacity(parts.len());
    for (nodes, kind) in parts {
        let squeezes = |(before, kind): &(Range<usize>, Kind)| {
            let narrows = match network.op(before.start) {
                Op::Conv2d(conv) => conv.channels < network.entering(before.start).channels(),
                _ => false,
            };
            *kind == Kind::Layer && narrows && pointwise(network.op(before.start))
        };
        let side_by_side = || {
            let op = |at: usize| network.op(at);
            nodes.clone().any(|at| *op(at) == Op::Concat)
                && nodes.clone().all(|at| !matches!(op(at), Op::Add | Op::Multiply))
        };
        match joined.last_mut().filter(|before| kind == Kind::Branched && squeezes(before) && side_by_side()) {
            Some(before) => *before = (before.0.start..nodes.end, kind),
            None => joined.push((nodes, kind)),
        }
    }
    joined
}

fn pointwise(op: &Op) -> bool {
    matches!(op, Op::Conv2d(conv) if conv.kernel == [1, 1] && conv.groups == 1 && conv.stride == 1)
}

/// How many parts an inverted bottleneck takes that begins with so many pointwise layers, if it is one.
fn bottleneck(network: &Nodes, parts: &[(Range<usize>, Kind)], before: usize) -> Option<usize> {
    let layer = |at: usize| {
        let (nodes, kind) = parts.get(at)?;
        (*kind == Kind::Layer).then(|| (network.op(nodes.start), network.kind(nodes.start), nodes))
    };
    let mut at = 0;
    if before == 1 {
        at += layer(0).filter(|(op, ..)| pointwise(op)).map(|_| 1)?;
    }
    layer(at).filter(|(_, kind, _)| *kind == OpKind::DepthwiseConv)?;
    at += 1;
    at += usize::from(layer(at).is_some_and(|(op, ..)| matches!(op, Op::SqueezeExcite(_))));
    let (op, _, nodes) = layer(at)?;
    let linear = nodes.clone().all(|at| !matches!(network.op(at), Op::Activation { .. }));
    (pointwise(op) && linear).then_some(at + 1)
}

/// What a block holds, in a few words.
fn describe(network: &Nodes, nodes: &Range<usize>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for at in nodes.clone() {
        let op = network.op(at);
        let text = match (op, network.kind(at)) {
            (Op::Conv2d(conv), OpKind::DepthwiseConv) => format!("depthwise {}×{}", conv.kernel[0], conv.kernel[1]),
            (Op::Conv2d(conv), OpKind::GroupedConv) => format!("grouped conv {}×{}", conv.kernel[0], conv.kernel[1]),
            (Op::Conv2d(conv), _) => format!("conv {}×{}", conv.kernel[0], conv.kernel[1]),
            (Op::Linear { .. }, _) => "linear".to_owned(),
            (Op::SqueezeExcite(_) | Op::Attention(_) | Op::Pool(_) | Op::GlobalAvgPool | Op::Concat | Op::Add, _) => {
                op.name().to_owned()
            }
            _ => continue,
        };
        match counts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => counts.push((text, 1)),
        }
    }
    let words = counts.into_iter().map(|(text, count)| if count == 1 { text } else { format!("{count} {text}") });
    words.collect::<Vec<_>>().join(", ")
}

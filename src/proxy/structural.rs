//! Structural scores: proxies that need nothing but the operator graph. They
//! are the part of ZiCo (Li et al., ICLR 2023, eq. 15) and of ZiCo-BC (Bhardwaj
//! et al., ICCV-W 2023, eq. 1) that remains when every weight counts the same.
//!
//! With two batches ZiCo gives a layer ln(Σ over its n weights of mean/deviation
//! of their gradients), which is close to ln n plus noise. Hence `s0` = Σ ln n,
//! and, with ZiCo-BC's correction for depth, `s0_bc` = Σ (ln n − β·ln(H·W/√C)),
//! natural logarithms, H, W and C those of the convolution's output. Linear
//! layers and biases do not count. Squeeze-excite does not count either, in
//! whichever form it is written: as [`Op::SqueezeExcite`], or as convolutions on
//! a 1×1 map that only gate a larger one. An ordinary convolution on a 1×1 map,
//! MobileNetV3's 960 → 1280 for example, does count.

use super::{Proxy, Score, ScoreError, sum};
use crate::graph::{Conv2d, Live, Network, NodeId, Op, Shape};

/// What a structural score adds up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Term {
    /// Weights, tables of embeddings, biases, scales and shifts of norms of every node, dead ones included.
    Params,
    /// Multiply-adds of convolutions, linear layers and attention, dead ones included.
    Macs,
    /// [`Term::Params`] of the live nodes.
    LiveParams,
    /// [`Term::Macs`] of the live nodes.
    LiveMacs,
    /// 1 for each live convolution.
    LiveConvs,
    /// ln n for each live convolution of n weights.
    S0,
    /// ln n − β·ln(H·W/√C) for each live convolution.
    S0Bc {
        /// Strength of the correction; 1 for classification.
        beta: f64,
    },
}

impl Term {
    /// What proxy files call it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Macs => "macs",
            Self::LiveParams => "live_params",
            Self::LiveMacs => "live_macs",
            Self::LiveConvs => "live_convs",
            Self::S0 => "s0",
            Self::S0Bc { .. } => "s0_bc",
        }
    }
}

/// A structural score, over the whole network or over some of its blocks.
#[derive(Clone, Debug)]
pub struct Structural {
    name: String,
    term: Term,
    blocks: Vec<String>,
}

impl Structural {
    /// Counts `term` in the blocks that match any of the patterns; in all of them when there is no pattern.
    pub(super) fn new(name: String, term: Term, blocks: Vec<String>) -> Self {
        Self { name, term, blocks }
    }

    /// What it adds up.
    pub(super) fn term(&self) -> Term {
        self.term
    }

    fn counts(&self, block: &str) -> bool {
        self.blocks.is_empty() || self.blocks.iter().any(|pattern| matches(pattern, block))
    }
}

impl Proxy for Structural {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, network: &Network) -> Result<Score, ScoreError> {
        self.check(network)?;
        let live = network.live();
        let terms = network.ids().map(|id| self.node_contribution(network, &live, id));
        let value = sum(terms.filter(|&term| term != 0.0).collect());
        let inputs = network.input_shapes();
        Ok(Score { value, inputs, live: live.count() > 0, details: Vec::new(), bytes: 0, operations: 0 })
    }

    fn structural(&self) -> Option<&Structural> {
        Some(self)
    }
}

impl Structural {
    /// Whether the network is one this proxy can score.
    fn check(&self, network: &Network) -> Result<(), ScoreError> {
        if self.blocks.is_empty() {
            return Ok(());
        }
        let blocks = network.blocks();
        match self.blocks.iter().find(|pattern| !blocks.iter().any(|block| matches(pattern, &block.name))) {
            None => Ok(()),
            Some(pattern) => Err(ScoreError::NoSuchBlock {
                proxy: self.name.clone(),
                pattern: pattern.clone(),
                blocks: blocks.iter().map(|block| block.name.as_str()).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// What each block adds to the score, in the order of [`Network::blocks`].
    ///
    /// # Errors
    /// [`ScoreError`] when the network is not one this proxy can score.
    pub fn block_contributions(&self, network: &Network) -> Result<Vec<f64>, ScoreError> {
        self.check(network)?;
        let live = network.live();
        let mut blocks = vec![Vec::new(); network.blocks().len()];
        for id in network.ids() {
            blocks[network.node(id).block.index()].push(self.node_contribution(network, &live, id));
        }
        Ok(blocks.into_iter().map(sum).collect())
    }

    /// What one node adds to the score; 0 for most. `live` is the live part of the same network.
    pub fn node_contribution(&self, network: &Network, live: &Live, id: NodeId) -> f64 {
        let node = network.node(id);
        if !self.counts(network.block_name(node.block)) {
            return 0.0;
        }
        match self.term {
            Term::Params => network.node_cost(id).params.0 as f64,
            Term::Macs => network.node_cost(id).macs.0 as f64,
            _ if !live.contains(id) => 0.0,
            Term::LiveParams => network.node_cost(id).params.0 as f64,
            Term::LiveMacs => network.node_cost(id).macs.0 as f64,
            Term::LiveConvs | Term::S0 | Term::S0Bc { .. } => match &node.op {
                Op::Conv2d(conv) if !only_gates(network, live, id) => {
                    self.term.of_convolution(conv, network.input_shape(id), node.shape)
                }
                _ => 0.0,
            },
        }
    }
}

impl Term {
    fn of_convolution(self, conv: &Conv2d, input: Shape, output: Shape) -> f64 {
        let weights = (conv.weights(input.channels()) as f64).ln();
        match self {
            Self::S0 => weights,
            Self::S0Bc { beta } => {
                let (height, width) = output.size();
                let positions = height as f64 * width as f64;
                weights - beta * (positions / (output.channels() as f64).sqrt()).ln()
            }
            _ => 1.0,
        }
    }
}

/// Whether a `C×1×1` node serves only as a gate: everything made from it reaches the output through
/// a product with a larger map. That is squeeze-excite, spelled out.
pub(super) fn only_gates(network: &Network, live: &Live, id: NodeId) -> bool {
    let single = |id: NodeId| matches!(network.node(id).shape, Shape::Map { height: 1, width: 1, .. });
    let mut seen = Vec::new();
    let mut open = vec![id];
    while let Some(at) = open.pop() {
        if !single(at) || network.outputs().contains(&at) {
            return false;
        }
        if seen.contains(&at) {
            continue;
        }
        seen.push(at);
        let consumers = network.consumers(at).map(|(_, to)| to).filter(|&to| live.contains(to));
        open.extend(consumers.filter(|&to| network.node(to).op != Op::Multiply || single(to)));
    }
    true
}

/// Whether a name matches a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

//! A canonical hash: isomorphic live networks get the same one, whatever order
//! and names their nodes were added with.
//!
//! Colour refinement (Weisfeiler and Leman) over the directed graph, sharpened
//! by sweeping along the topological order in both directions, so that two or
//! three sweeps settle networks of hundreds of layers. Like every colour
//! refinement it can fail to tell apart two regular graphs that are not
//! isomorphic; it never tells apart two that are.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Network, NodeId, Op, Resample, Shape};

/// A 128-bit fingerprint of the live part of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalHash([u8; 16]);

impl fmt::Display for CanonicalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for CanonicalHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Folds a word into a running hash. The multiplier is the 64-bit golden ratio;
/// the shifts are those of the SplitMix64 finaliser.
fn mix(hash: u64, word: u64) -> u64 {
    let mut z = (hash.rotate_left(23) ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Op {
    /// The operator as words. The encoding is fixed by hand and not derived, since hashes are
    /// written to files: never renumber, only append.
    fn code(&self) -> [u64; 11] {
        let mut words = [0u64; 11];
        let mut fill = |values: &[usize]| {
            for (slot, value) in words.iter_mut().zip(values) {
                *slot = *value as u64;
            }
        };
        match self {
            Self::Input { shape: Shape::Map { channels, height, width } } => fill(&[1, 3, *channels, *height, *width]),
            Self::Input { shape: Shape::Vector { features } } => fill(&[1, 1, *features]),
            Self::Input { shape: Shape::Tokens { tokens, features } } => fill(&[1, 2, *tokens, *features]),
            Self::Conv2d(c) => fill(&[
                2,
                c.channels,
                c.kernel[0],
                c.kernel[1],
                c.stride,
                c.padding[0],
                c.padding[1],
                c.dilation,
                c.groups,
                usize::from(c.bias),
            ]),
            Self::Linear { features, bias } => fill(&[3, *features, usize::from(*bias)]),
            Self::BatchNorm => fill(&[4]),
            Self::Activation { function } => fill(&[5, *function as usize]),
            Self::Pool(p) => fill(&[6, p.kind as usize, p.kernel, p.stride, p.padding, usize::from(p.ceil)]),
            Self::GlobalAvgPool => fill(&[7]),
            Self::Add => fill(&[8]),
            Self::Multiply => fill(&[9]),
            Self::Concat => fill(&[10]),
            Self::SqueezeExcite(se) => fill(&[11, se.hidden, se.activation as usize, se.gate as usize]),
            Self::Upsample { scale, mode } => fill(&[12, *scale, usize::from(*mode == Resample::Bilinear)]),
            Self::Flatten => fill(&[13]),
            Self::Identity => fill(&[14]),
            Self::Zero { stride } => fill(&[15, *stride]),
            // The sizes of the new shape are part of every node's colour, but not how many there are.
            Self::Reshape { shape } => fill(&[16, Vec::from(*shape).len()]),
            Self::ToTokens => fill(&[17]),
            Self::ToMap { .. } => fill(&[18]),
            Self::PixelShuffle { scale } => fill(&[19, *scale]),
            Self::LayerNorm { epsilon } => {
                fill(&[20]);
                words[1] = epsilon.code();
            }
            Self::RmsNorm { epsilon } => {
                fill(&[21]);
                words[1] = epsilon.code();
            }
            Self::Softmax => fill(&[22]),
            Self::Embedding { vocabulary, features } => fill(&[23, *vocabulary, *features]),
            Self::Attention(a) => fill(&[24, a.heads, a.kv_heads, usize::from(a.causal), a.rotary.unwrap_or(0)]),
            Self::PositionEmbedding => fill(&[25]),
            Self::PrependTokens { count } => fill(&[26, *count]),
            Self::Slice { axis, start, count } => fill(&[27, *axis as usize, *start, *count]),
            Self::ChannelShuffle { groups } => fill(&[28, *groups]),
        }
        words
    }

    /// Whether swapping two inputs changes the result.
    fn ordered(&self) -> bool {
        matches!(self, Self::Concat | Self::Attention(_))
    }
}

impl Network {
    /// The canonical hash of the live part. All networks without a live path share one hash.
    pub fn canonical_hash(&self) -> CanonicalHash {
        let live = self.live();
        let ids: Vec<NodeId> = self.ids().filter(|&id| live.contains(id)).collect();
        let mut colour = vec![0u64; self.len()];
        for &id in &ids {
            let node = self.node(id);
            // The shape matters where a dead input has a say in it: a concat keeps the channels of its dead inputs.
            let (height, width) = node.shape.size();
            let shape = [node.shape.channels() as u64, height as u64, width as u64];
            colour[id.index()] = node.op.code().into_iter().chain(shape).fold(0, mix);
        }
        for (order, id) in self.outputs.iter().enumerate() {
            colour[id.index()] = mix(colour[id.index()], order as u64 + 1);
        }
        let mut classes = 0;
        loop {
            self.sweep(&ids, &live, &mut colour);
            let mut seen: Vec<u64> = ids.iter().map(|id| colour[id.index()]).collect();
            seen.sort_unstable();
            let distinct = seen.chunk_by(|a, b| a == b).count();
            if distinct == classes {
                let mut hasher = blake3::Hasher::new();
                seen.iter().for_each(|word| {
                    hasher.update(&word.to_le_bytes());
                });
                let mut short = [0; 16];
                short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
                return CanonicalHash(short);
            }
            classes = distinct;
        }
    }

    /// One refinement: down with the colours of what feeds a node, up with the colours of what it feeds.
    fn sweep(&self, ids: &[NodeId], live: &super::Live, colour: &mut [u64]) {
        let mut neighbours = Vec::new();
        let mut fold = |own: u64, words: &mut dyn Iterator<Item = u64>| {
            neighbours.clear();
            neighbours.extend(words);
            neighbours.sort_unstable();
            neighbours.iter().fold(mix(own, neighbours.len() as u64), |hash, &word| mix(hash, word))
        };
        // Ports only matter where inputs are ordered; elsewhere every port counts as the first.
        let port = |consumer: NodeId, port: u32| if self.node(consumer).op.ordered() { u64::from(port) } else { 0 };
        for &id in ids {
            let own = colour[id.index()];
            let mut inputs = self
                .unordered_inputs(id)
                .filter(|(_, from)| live.contains(*from))
                .map(|(p, from)| mix(colour[from.index()], port(id, p)));
            colour[id.index()] = fold(own, &mut inputs);
        }
        for &id in ids.iter().rev() {
            let own = colour[id.index()];
            let mut consumers = self
                .consumers(id)
                .filter(|(_, to)| live.contains(*to))
                .map(|(p, to)| mix(colour[to.index()], port(to, p)));
            colour[id.index()] = fold(own, &mut consumers);
        }
    }
}

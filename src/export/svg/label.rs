//! Operators in a few signs, and the colours of their kinds.

use crate::graph::{Op, OpKind, PoolKind, Shape};

/// What kind of operator a chip stands for; several in a row have the kind of the weightiest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tint {
    Conv,
    Depthwise,
    Linear,
    Attention,
    Pool,
    Gate,
    Join,
    Plain,
}

impl Tint {
    /// Fill and stroke. The fills carry dark text.
    pub(super) fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Conv => ("#d6e8f6", "#7fb2da"),
            Self::Depthwise => ("#d3efe6", "#6dbb9f"),
            Self::Linear => ("#e4dcf4", "#a48fd0"),
            Self::Attention => ("#f8dbe9", "#d687af"),
            Self::Pool => ("#fbe9cc", "#d9ac5c"),
            Self::Gate => ("#e6efc9", "#a9bf63"),
            Self::Join => ("#ffffff", "#6b7884"),
            Self::Plain => ("#edf0f3", "#b3bec8"),
        }
    }
}

/// Whether an operator is written behind the one before it: `conv 3×3 · BN · relu`.
pub(super) fn follows(op: &Op) -> bool {
    matches!(op, Op::BatchNorm | Op::Activation { .. })
}

/// An operator behind an input of that shape.
pub(super) fn label(op: &Op, input: Shape) -> (String, Tint) {
    let stride = |stride: usize| if stride == 1 { String::new() } else { format!(" /{stride}") };
    match op {
        Op::Input { shape } => (format!("input {shape}"), Tint::Plain),
        Op::Conv2d(conv) => {
            let kind = op.kind(input.channels());
            let [height, width] = conv.kernel;
            let mut text = match kind {
                OpKind::DepthwiseConv => format!("dw {height}×{width}"),
                _ => format!("conv {height}×{width}"),
            };
            text += &stride(conv.stride);
            if conv.dilation != 1 {
                text += &format!(" dilated {}", conv.dilation);
            }
            if kind == OpKind::GroupedConv {
                text += &format!(" in {} groups", conv.groups);
            }
            if kind == OpKind::DepthwiseConv && conv.channels == input.channels() {
                return (text, Tint::Depthwise);
            }
            let tint = if kind == OpKind::DepthwiseConv { Tint::Depthwise } else { Tint::Conv };
            (format!("{text} → {}", conv.channels), tint)
        }
        Op::Linear { features, .. } => (format!("linear → {features}"), Tint::Linear),
        Op::BatchNorm => ("BN".to_owned(), Tint::Plain),
        Op::LayerNorm { .. } => ("LN".to_owned(), Tint::Plain),
        Op::RmsNorm { .. } => ("RMS norm".to_owned(), Tint::Plain),
        Op::Activation { function } => (function.name().to_owned(), Tint::Plain),
        Op::Pool(pool) => {
            let kind = if pool.kind == PoolKind::Max { "max" } else { "avg" };
            (format!("{kind} {0}×{0}{1}", pool.kernel, stride(pool.stride)), Tint::Pool)
        }
        Op::GlobalAvgPool => ("global avg".to_owned(), Tint::Pool),
        Op::Add => ("+".to_owned(), Tint::Join),
        Op::Multiply => ("×".to_owned(), Tint::Join),
        Op::Concat => ("concat".to_owned(), Tint::Join),
        Op::SqueezeExcite(gate) => (format!("SE {}", gate.hidden), Tint::Gate),
        Op::Upsample { scale, .. } => (format!("up ×{scale}"), Tint::Pool),
        Op::PixelShuffle { scale } => (format!("shuffle ×{scale}"), Tint::Pool),
        Op::Embedding { vocabulary, features } => (format!("embed {vocabulary} → {features}"), Tint::Linear),
        Op::Attention(attention) => {
            let mut text = format!("attention, {} heads", attention.heads);
            if attention.kv_heads != attention.heads {
                text += &format!(" over {}", attention.kv_heads);
            }
            if attention.causal {
                text += ", causal";
            }
            if attention.rotary.is_some() {
                text += ", rotary";
            }
            (text, Tint::Attention)
        }
        Op::Reshape { shape } => (format!("as {shape}"), Tint::Plain),
        Op::ToTokens => ("to tokens".to_owned(), Tint::Plain),
        Op::ToMap { .. } => ("to map".to_owned(), Tint::Plain),
        Op::Identity => ("identity".to_owned(), Tint::Plain),
        Op::Zero { .. } => ("zero".to_owned(), Tint::Plain),
        Op::PositionEmbedding => ("+ positions".to_owned(), Tint::Linear),
        Op::PrependTokens { count } => (format!("{count} learned before"), Tint::Linear),
        Op::Slice { start, count, .. } => {
            (format!("{start} to {}", start.saturating_add(*count).saturating_sub(1)), Tint::Plain)
        }
        Op::ChannelShuffle { groups } => (format!("shuffle {groups} groups"), Tint::Plain),
        Op::Flatten | Op::Softmax => (op.name().to_owned(), Tint::Plain),
    }
}

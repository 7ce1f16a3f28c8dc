//! A layer as the space language has it: an operator with the norm and the activation that follow it.

use super::vary::Varied;
use crate::graph::{Activation, Attention, Conv2d, Epsilon, Network, NodeId, Op, Pool, PoolKind, Resample, Shape};

/// A layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unit {
    /// A convolution with norm and activation.
    Conv { conv: Conv2d, depthwise: bool, norm: Option<Op>, act: Option<Activation> },
    /// A linear layer with activation.
    Linear { features: usize, bias: bool, act: Option<Activation> },
    /// An attention with its projections.
    Attention { attention: Attention, width: usize, bias: bool },
    /// Anything else.
    Op(Op),
}

/// A chain of nodes as layers.
///
/// # Errors
/// What the language cannot say.
pub(super) fn chain(network: &Network, nodes: &[NodeId]) -> Result<Vec<Unit>, String> {
    let op = |at: usize| nodes.get(at).map(|&id| &network.node(id).op);
    let mut units = Vec::new();
    let mut at = 0;
    while let Some(current) = op(at) {
        let activation = |at: usize| match op(at) {
            Some(Op::Activation { function }) => Some(*function),
            _ => None,
        };
        let entering = network.input_shape(nodes[at]);
        let (unit, taken) = match current {
            Op::Conv2d(conv) => {
                if conv.kernel[0] != conv.kernel[1] || conv.padding[0] != conv.padding[1] {
                    return Err(format!("`{}`, a convolution that is not square", network.node(nodes[at]).name));
                }
                let norm = op(at + 1).filter(|op| matches!(op, Op::BatchNorm | Op::LayerNorm { .. })).cloned();
                let normed = at + 1 + usize::from(norm.is_some());
                let act = activation(normed);
                let channels = entering.channels();
                let depthwise = conv.groups == channels && conv.channels == channels && channels > 1;
                (Unit::Conv { conv: *conv, depthwise, norm, act }, normed - at + usize::from(act.is_some()))
            }
            Op::Linear { .. } if matches!(op(at + 3), Some(Op::Attention(_))) => {
                let (Some(Op::Attention(attention)), Some(Op::Linear { features: back, .. })) =
                    (op(at + 3), op(at + 4))
                else {
                    return Err("an attention without a linear layer after it".to_owned());
                };
                let projection = |at: usize| match op(at) {
                    Some(Op::Linear { features, bias }) => Some((*features, *bias)),
                    _ => None,
                };
                let (Some((width, bias)), Some(k), Some(v), Some((_, last))) =
                    (projection(at), projection(at + 1), projection(at + 2), projection(at + 4))
                else {
                    return Err("an attention of something else than linear layers".to_owned());
                };
                let keys = width / attention.heads * attention.kv_heads;
                if k != (keys, bias) || v != k || last != bias || *back != entering.channels() {
                    return Err("an attention whose projections differ in bias or size".to_owned());
                }
                (Unit::Attention { attention: *attention, width, bias }, 5)
            }
            Op::Linear { features, bias } => {
                let act = activation(at + 1);
                (Unit::Linear { features: *features, bias: *bias, act }, 1 + usize::from(act.is_some()))
            }
            Op::Attention(_) | Op::Add | Op::Multiply | Op::Concat | Op::Input { .. } => {
                return Err(format!("`{}` ({}) at an unusual place", network.node(nodes[at]).name, current));
            }
            other => (Unit::Op(other.clone()), 1),
        };
        units.push(unit);
        at += taken;
    }
    Ok(units)
}

impl Unit {
    /// The layer in one line, with references to what varies.
    pub(super) fn written(&self, name: &str, varied: &Varied) -> String {
        let mut keys: Vec<(&str, String)> = Vec::new();
        let op = match self {
            Self::Conv { conv, depthwise, norm, act } => {
                keys.push(("kernel", varied.kernel_of(conv)));
                if conv.stride != 1 {
                    keys.push(("stride", conv.stride.to_string()));
                }
                if !depthwise {
                    keys.push(("channels", varied.channels_of(conv)));
                    let groups = varied.groups_of(conv);
                    if groups != "1" {
                        keys.push(("groups", groups));
                    }
                }
                if conv.dilation != 1 {
                    keys.push(("dilation", conv.dilation.to_string()));
                }
                if conv.padding[0] != (conv.kernel[0] - 1) * conv.dilation / 2 {
                    keys.push(("padding", conv.padding[0].to_string()));
                }
                match norm {
                    Some(Op::LayerNorm { epsilon }) => {
                        keys.push(("norm", "layer".to_owned()));
                        keys.extend(written_epsilon(*epsilon));
                    }
                    Some(_) => {}
                    None => keys.push(("norm", "none".to_owned())),
                }
                if conv.bias != norm.is_none() {
                    keys.push(("bias", conv.bias.to_string()));
                }
                keys.extend(act.map(|act| ("act", act.name().to_owned())));
                if *depthwise { "depthwise_conv" } else { "conv" }
            }
            Self::Linear { features, bias, act } => {
                keys.push(("features", varied.features_of(*features)));
                if !bias {
                    keys.push(("bias", "false".to_owned()));
                }
                keys.extend(act.map(|act| ("act", act.name().to_owned())));
                "linear"
            }
            Self::Attention { attention, width, bias } => {
                keys.push(("heads", varied.heads_of(attention.heads)));
                if attention.kv_heads != attention.heads {
                    keys.push(("kv_heads", attention.kv_heads.to_string()));
                }
                keys.push(("width", width.to_string()));
                if attention.causal {
                    keys.push(("causal", "true".to_owned()));
                }
                keys.extend(attention.rotary.map(|base| ("rotary", base.to_string())));
                if !bias {
                    keys.push(("bias", "false".to_owned()));
                }
                "attention"
            }
            Self::Op(op) => plain(op, &mut keys, varied),
        };
        let keys: Vec<String> = keys.iter().map(|(key, value)| format!(", {key}: {value}")).collect();
        let when = match self {
            Self::Op(Op::SqueezeExcite(_)) if varied.excite.is_some() => {
                format!(", when: {} > 0", varied.excite_name())
            }
            _ => String::new(),
        };
        format!("{{ name: {name}, op: {op}{}{when} }}", keys.concat())
    }
}

/// The ε of a norm, where it is not the common one.
fn written_epsilon(epsilon: Epsilon) -> Option<(&'static str, String)> {
    (!epsilon.is_common()).then(|| ("epsilon", format!("{:e}", epsilon.value())))
}

/// The name and the settings of an operator that stands alone.
fn plain(op: &Op, keys: &mut Vec<(&'static str, String)>, varied: &Varied) -> &'static str {
    match op {
        Op::Pool(Pool { kind, kernel, stride, padding, ceil }) => {
            keys.push(("kernel", kernel.to_string()));
            keys.push(("stride", stride.to_string()));
            if *padding != 0 {
                keys.push(("padding", padding.to_string()));
            }
            if *ceil {
                keys.push(("ceil", "true".to_owned()));
            }
            if *kind == PoolKind::PaddedAvg {
                keys.push(("count_include_pad", "true".to_owned()));
            }
            return if *kind == PoolKind::Max { "max_pool" } else { "avg_pool" };
        }
        Op::SqueezeExcite(se) => {
            keys.push((
                "hidden",
                if varied.excite.is_some() { format!("={}", varied.excite_name()) } else { se.hidden.to_string() },
            ));
            keys.push(("act", se.activation.name().to_owned()));
            keys.push(("gate", se.gate.name().to_owned()));
        }
        Op::Upsample { scale, mode } => {
            keys.push(("scale", scale.to_string()));
            keys.push(("mode", if *mode == Resample::Nearest { "nearest" } else { "bilinear" }.to_owned()));
        }
        Op::PixelShuffle { scale } => keys.push(("scale", scale.to_string())),
        Op::Reshape { shape } => {
            let sizes: Vec<String> = Vec::from(*shape).iter().map(usize::to_string).collect();
            keys.push(("shape", format!("[{}]", sizes.join(", "))));
        }
        Op::ToMap { height } => keys.push(("height", height.to_string())),
        Op::Embedding { vocabulary, features } => {
            keys.push(("vocabulary", vocabulary.to_string()));
            keys.push(("features", features.to_string()));
        }
        Op::Zero { stride } => keys.push(("stride", stride.to_string())),
        Op::LayerNorm { epsilon } | Op::RmsNorm { epsilon } => keys.extend(written_epsilon(*epsilon)),
        Op::PrependTokens { count } => keys.push(("count", count.to_string())),
        Op::Slice { axis, start, count } => {
            keys.push(("axis", axis.name().to_owned()));
            keys.push(("start", start.to_string()));
            keys.push(("count", count.to_string()));
        }
        Op::ChannelShuffle { groups } => keys.push(("groups", groups.to_string())),
        _ => {}
    }
    debug_assert!(!matches!(op, Op::Input { shape: Shape::Map { .. } }));
    op.name()
}

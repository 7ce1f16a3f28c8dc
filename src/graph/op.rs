//! The operators a network may hold, each with the attributes that fix its
//! shape and its cost. To add one, follow the recipe in `CONTRIBUTING.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Epsilon, Shape};

/// One operator with its attributes. Sizes are in elements, never in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// A network input of the given shape.
    Input {
        /// The shape of one sample. In files it is the shape of the node, see [`super::RawNode`].
        #[serde(skip, default = "Shape::unknown")]
        shape: Shape,
    },
    /// Two-dimensional convolution; depthwise when `groups` equals the input channels.
    Conv2d(Conv2d),
    /// Fully connected layer on a feature vector, or on each token.
    Linear {
        /// Output features.
        features: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Batch normalisation with scale and shift per channel.
    BatchNorm,
    /// An element-wise non-linearity.
    Activation {
        /// Which one.
        function: Activation,
    },
    /// Max or average pooling over a window.
    Pool(Pool),
    /// Mean over all positions: `C×H×W` becomes `C×1×1`, tokens of `F` features become a vector of `F`.
    GlobalAvgPool,
    /// Element-wise sum of one or more inputs of equal shape.
    Add,
    /// Element-wise product; an input of `C×1×1` is spread over the positions.
    Multiply,
    /// Concatenation along the channels.
    Concat,
    /// Squeeze-excite: global mean, two 1×1 convolutions, and a gate on the channels.
    SqueezeExcite(SqueezeExcite),
    /// Enlarges the map by a whole factor.
    Upsample {
        /// The factor in both directions.
        scale: usize,
        /// How new positions are filled.
        mode: Resample,
    },
    /// `C×H×W` becomes a vector of `C·H·W` features, in that order; tokens are strung together.
    Flatten,
    /// Gives the elements another shape, in the order channel, row, column, or token, feature.
    Reshape {
        /// The new shape, of as many elements. In files it is the shape of the node, as for an input.
        #[serde(skip, default = "Shape::unknown")]
        shape: Shape,
    },
    /// Every position of a map becomes a token: `C×H×W` becomes `H·W` tokens of `C` features.
    ToTokens,
    /// Tokens become the positions of a map, row by row.
    ToMap {
        /// Rows of the map; the tokens must fill them.
        height: usize,
    },
    /// `C·s²×H×W` becomes `C×sH×sW` (Shi et al., CVPR 2016, eq. 4; channel `c·s² + i·s + j` goes to row `i`, column `j`).
    PixelShuffle {
        /// The factor `s` in both directions.
        scale: usize,
    },
    /// Layer normalisation over the features of each position, with scale and shift (Ba et al., 2016).
    LayerNorm {
        /// What is added to the variance.
        #[serde(default, skip_serializing_if = "Epsilon::is_common")]
        epsilon: Epsilon,
    },
    /// Root-mean-square normalisation over the features of each position, with scale (Zhang and Sennrich, 2019).
    RmsNorm {
        /// What is added to the mean square.
        #[serde(default, skip_serializing_if = "Epsilon::is_common")]
        epsilon: Epsilon,
    },
    /// Softmax over the features of each position.
    Softmax,
    /// A table of vectors: a vector of `T` whole numbers becomes `T` tokens.
    Embedding {
        /// Rows of the table; ids are below it.
        vocabulary: usize,
        /// Features of a token.
        features: usize,
    },
    /// Scaled dot-product attention (Vaswani et al., 2017, eq. 1) of queries, keys and values, in that order. The
    /// projections before and after it are linear layers of their own.
    Attention(Attention),
    /// Adds to every token a vector that is learned for its place (Gehring et al., 2017; Dosovitskiy et al., 2021, eq. 1).
    PositionEmbedding,
    /// Puts learned tokens before the others, such as a class token (Dosovitskiy et al., 2021, section 3.1).
    PrependTokens {
        /// How many.
        count: usize,
    },
    /// Some of the channels, or of the tokens, that stand together.
    Slice {
        /// What is counted.
        axis: Axis,
        /// The first one.
        start: usize,
        /// How many.
        count: usize,
    },
    /// Mixes the channels of groups: channel `i · groups + j` is the one that was `i`-th in group `j` (Zhang et al., CVPR
    /// 2018, section 3.1).
    ChannelShuffle {
        /// Groups, which divide the channels.
        groups: usize,
    },
    /// Passes its input on.
    Identity,
    /// Passes zeros on: whatever reaches the output only through it is dead.
    Zero {
        /// Spatial stride of the zeros that come out.
        stride: usize,
    },
}

/// Attributes of a two-dimensional convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Output channels.
    pub channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride in both directions.
    pub stride: usize,
    /// Zero padding at each of the four sides: rows above and below, columns left and right.
    pub padding: [usize; 2],
    /// Dilation in both directions.
    pub dilation: usize,
    /// Groups; equal to the input channels for a depthwise convolution.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv2d {
    /// A square convolution whose padding keeps the size at stride 1 (odd kernels), ungrouped, without bias.
    pub fn square(channels: usize, kernel: usize, stride: usize) -> Self {
        let padding = kernel.saturating_sub(1) / 2;
        Self {
            channels,
            kernel: [kernel, kernel],
            stride,
            padding: [padding, padding],
            dilation: 1,
            groups: 1,
            bias: false,
        }
    }

    /// The number of weights of the kernel for `input` channels, bias not counted.
    pub fn weights(&self, input: usize) -> u64 {
        let per_filter = (input / self.groups.max(1)) as u64;
        (self.channels as u64)
            .saturating_mul(per_filter)
            .saturating_mul(self.kernel[0] as u64)
            .saturating_mul(self.kernel[1] as u64)
    }
}

/// Attributes of a pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Maximum or mean.
    pub kind: PoolKind,
    /// Side of the square window.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding at each side; padded positions never win a maximum, and count in a mean only where its kind says so.
    pub padding: usize,
    /// Whether a last, partial window is kept (`ceil` in place of `floor`).
    pub ceil: bool,
}

/// What a pooling window computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest element.
    Max,
    /// The mean of the elements.
    Avg,
    /// The mean over the whole window, padded positions as zeros in it: `count_include_pad` of ONNX and PyTorch. Only with
    /// whole windows, not with `ceil`.
    PaddedAvg,
}

/// Attributes of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Heads of the queries; the features of a query are split evenly among them.
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` heads of the queries (Ainslie et al., 2023).
    pub kv_heads: usize,
    /// Whether a token attends only to itself and to those before it.
    pub causal: bool,
    /// Base of the rotary position embedding of queries and keys (Su et al., 2021), where there is one; commonly 10000.
    /// Feature `i` of a head is rotated with feature `i + half`, as in the files of Llama.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotary: Option<usize>,
}

/// Attributes of a squeeze-excite gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExcite {
    /// Channels between its two 1×1 convolutions (both have a bias).
    pub hidden: usize,
    /// The non-linearity between them.
    pub activation: Activation,
    /// The gate, [`Activation::Sigmoid`] or [`Activation::Hsigmoid`].
    pub gate: Activation,
}

/// Element-wise non-linearities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x · relu6(x + 3) / 6` (MobileNetV3, eq. 4).
    Hswish,
    /// `x · sigmoid(x)`, also called SiLU.
    Swish,
    /// Gaussian error linear unit.
    Gelu,
    /// Logistic function.
    Sigmoid,
    /// `relu6(x + 3) / 6`.
    Hsigmoid,
}

impl Activation {
    /// Every function, in the order messages list them.
    pub const ALL: [Self; 7] =
        [Self::Relu, Self::Relu6, Self::Hswish, Self::Swish, Self::Gelu, Self::Sigmoid, Self::Hsigmoid];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Hswish => "hswish",
            Self::Swish => "swish",
            Self::Gelu => "gelu",
            Self::Sigmoid => "sigmoid",
            Self::Hsigmoid => "hsigmoid",
        }
    }

    /// The function of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

/// What of a tensor is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Channels of a map, features of a vector or of each token.
    Channels,
    /// Tokens.
    Tokens,
}

impl Axis {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Tokens => "tokens",
        }
    }

    /// The axis of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Channels, Self::Tokens].into_iter().find(|axis| axis.name() == name)
    }
}

/// How an enlarged map is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// Repeats the nearest element.
    Nearest,
    /// Interpolates between the four nearest elements.
    Bilinear,
}

/// An operator without its attributes, for tables and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpKind {
    /// [`Op::Input`].
    Input,
    /// [`Op::Conv2d`] with one group.
    Conv,
    /// [`Op::Conv2d`] with more than one group, not depthwise.
    GroupedConv,
    /// [`Op::Conv2d`] with a group per channel.
    DepthwiseConv,
    /// [`Op::Linear`].
    Linear,
    /// Everything without weights of rank two.
    Other,
}

impl Op {
    /// Layer normalisation with the common ε.
    pub const LAYER_NORM: Self = Self::LayerNorm { epsilon: Epsilon::COMMON };
    /// Root-mean-square normalisation with the common ε.
    pub const RMS_NORM: Self = Self::RmsNorm { epsilon: Epsilon::COMMON };

    /// How many inputs it takes: at least, at most.
    pub fn arity(&self) -> (usize, usize) {
        match self {
            Self::Input { .. } => (0, 0),
            Self::Attention(_) => (3, 3),
            Self::Add | Self::Multiply | Self::Concat => (1, usize::MAX),
            _ => (1, 1),
        }
    }

    /// The name used in files and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input { .. } => "input",
            Self::Conv2d(_) => "conv2d",
            Self::Linear { .. } => "linear",
            Self::BatchNorm => "batch_norm",
            Self::Activation { function } => function.name(),
            Self::Pool(pool) => match pool.kind {
                PoolKind::Max => "max_pool",
                PoolKind::Avg | PoolKind::PaddedAvg => "avg_pool",
            },
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Add => "add",
            Self::Multiply => "multiply",
            Self::Concat => "concat",
            Self::SqueezeExcite(_) => "squeeze_excite",
            Self::Upsample { .. } => "upsample",
            Self::Flatten => "flatten",
            Self::Reshape { .. } => "reshape",
            Self::ToTokens => "to_tokens",
            Self::ToMap { .. } => "to_map",
            Self::PixelShuffle { .. } => "pixel_shuffle",
            Self::LayerNorm { .. } => "layer_norm",
            Self::RmsNorm { .. } => "rms_norm",
            Self::Softmax => "softmax",
            Self::Embedding { .. } => "embedding",
            Self::Attention(_) => "attention",
            Self::PositionEmbedding => "position_embedding",
            Self::PrependTokens { .. } => "prepend_tokens",
            Self::Slice { .. } => "slice",
            Self::ChannelShuffle { .. } => "channel_shuffle",
            Self::Identity => "identity",
            Self::Zero { .. } => "zero",
        }
    }

    /// The kind of weighted operator it is, given the channels that enter.
    pub fn kind(&self, input_channels: usize) -> OpKind {
        match self {
            Self::Input { .. } => OpKind::Input,
            Self::Conv2d(conv) if conv.groups == 1 => OpKind::Conv,
            Self::Conv2d(conv) if conv.groups == input_channels => OpKind::DepthwiseConv,
            Self::Conv2d(_) => OpKind::GroupedConv,
            Self::Linear { .. } => OpKind::Linear,
            _ => OpKind::Other,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { shape } => write!(f, "input {shape}"),
            Self::Conv2d(c) => {
                write!(f, "conv {}×{}", c.kernel[0], c.kernel[1])?;
                write!(f, " → {}", c.channels)?;
                if c.stride != 1 {
                    write!(f, " stride {}", c.stride)?;
                }
                if c.groups != 1 {
                    write!(f, " groups {}", c.groups)?;
                }
                if c.dilation != 1 {
                    write!(f, " dilation {}", c.dilation)?;
                }
                Ok(())
            }
            Self::Linear { features, .. } => write!(f, "linear → {features}"),
            Self::Pool(p) => write!(f, "{} {}×{} stride {}", self.name(), p.kernel, p.kernel, p.stride),
            Self::SqueezeExcite(se) => write!(f, "squeeze_excite {}", se.hidden),
            Self::Upsample { scale, .. } => write!(f, "upsample ×{scale}"),
            Self::Reshape { shape } => write!(f, "reshape → {shape}"),
            Self::PixelShuffle { scale } => write!(f, "pixel_shuffle ×{scale}"),
            Self::Embedding { vocabulary, features } => write!(f, "embedding {vocabulary} → {features}"),
            Self::Attention(a) if a.heads == a.kv_heads => write!(f, "attention of {} heads", a.heads),
            Self::Attention(a) => write!(f, "attention of {} heads over {}", a.heads, a.kv_heads),
            Self::PrependTokens { count } => write!(f, "prepend_tokens {count}"),
            Self::Slice { axis, start, count } => {
                write!(f, "slice of {} {start} to {}", axis.name(), start.saturating_add(*count).saturating_sub(1))
            }
            Self::ChannelShuffle { groups } => write!(f, "channel_shuffle of {groups} groups"),
            _ => f.write_str(self.name()),
        }
    }
}

//! Shapes, and the rules by which each operator makes its output's shape from
//! its inputs' shapes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Attention, Axis, Conv2d, Op, Pool, PoolKind};

/// The shape of one sample; the batch is never part of it.
///
/// Files write it as a list: `[channels, height, width]`, `[tokens, features]` or `[features]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub enum Shape {
    /// A feature map, `channels × height × width`.
    Map {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A sequence of feature vectors, `tokens × features`.
    Tokens {
        /// Number of tokens.
        tokens: usize,
        /// Features of each.
        features: usize,
    },
    /// A feature vector.
    Vector {
        /// Its length.
        features: usize,
    },
}

/// The largest size, number of channels or number of elements that is accepted
/// anywhere: far beyond any network, far below overflow.
const LIMIT: usize = 1 << 40;

impl Shape {
    /// What stands for a shape until it is known; no operator accepts it.
    pub(super) fn unknown() -> Self {
        Self::Vector { features: 0 }
    }

    /// A feature map with square positions.
    pub fn map(channels: usize, size: usize) -> Self {
        Self::Map { channels, height: size, width: size }
    }

    /// Channels of a map, features of a vector or of each token.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Map { channels, .. } => channels,
            Self::Tokens { features, .. } | Self::Vector { features } => features,
        }
    }

    /// Height and width. Tokens count as positions in one column, a vector as one position.
    pub fn size(&self) -> (usize, usize) {
        match *self {
            Self::Map { height, width, .. } => (height, width),
            Self::Tokens { tokens, .. } => (tokens, 1),
            Self::Vector { .. } => (1, 1),
        }
    }

    /// Elements in all; stops at the largest number there is.
    pub fn elements(&self) -> u64 {
        let (height, width) = self.size();
        (self.channels() as u64).saturating_mul(height as u64).saturating_mul(width as u64)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Map { channels, height, width } => vec![channels, height, width],
            Shape::Tokens { tokens, features } => vec![tokens, features],
            Shape::Vector { features } => vec![features],
        }
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = String;

    fn try_from(sizes: Vec<usize>) -> Result<Self, String> {
        match sizes[..] {
            [channels, height, width] => Ok(Self::Map { channels, height, width }),
            [tokens, features] => Ok(Self::Tokens { tokens, features }),
            [features] => Ok(Self::Vector { features }),
            _ => Err(format!(
                "a shape has 3 sizes (channels, height, width), 2 (tokens, features) or 1 (features), not {}",
                sizes.len()
            )),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { channels, height, width } => write!(f, "{channels}×{height}×{width}"),
            Self::Tokens { tokens, features } => write!(f, "{tokens}×{features}"),
            Self::Vector { features } => write!(f, "{features}"),
        }
    }
}

/// Why an operator cannot take the inputs it is given. The message is completed
/// with the names of both ends by [`super::NetworkError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Too few or too many inputs.
    #[error("takes {wanted} input(s), but {given} are given")]
    Arity {
        /// What the operator takes.
        wanted: String,
        /// What it got.
        given: usize,
    },
    /// The input has the wrong rank.
    #[error("needs a {wanted}, but input {input} is {given}")]
    Rank {
        /// Which input, from 0.
        input: usize,
        /// Feature map or feature vector.
        wanted: &'static str,
        /// The shape that came.
        given: Shape,
    },
    /// Two inputs that must agree do not.
    #[error("input {input} is {given}, but input {other} is {expected}; {remedy}")]
    Disagree {
        /// The input that does not fit.
        input: usize,
        /// Its shape.
        given: Shape,
        /// The input it is held against.
        other: usize,
        /// The shape of that one.
        expected: Shape,
        /// What the operator needs.
        remedy: &'static str,
    },
    /// Channels are not divisible by the groups.
    #[error("has {groups} groups, which must divide both its {input} input and its {output} output channels")]
    Groups {
        /// Groups.
        groups: usize,
        /// Input channels.
        input: usize,
        /// Output channels.
        output: usize,
    },
    /// A mean that counts its padding, over windows that may reach beyond the padding.
    #[error("counts its padding (`count_include_pad`), which is for whole windows; leave out `ceil`")]
    PartialWindows,
    /// The window is larger than the padded map.
    #[error("has a window of {window}, larger than the padded input of {padded}")]
    Window {
        /// Extent of the window, dilation included.
        window: usize,
        /// Extent of the padded map.
        padded: usize,
    },
    /// Padding so wide that a window could see nothing else.
    #[error("has padding {padding}, which must be smaller than its window of {window}")]
    Padding {
        /// Padding at each side.
        padding: usize,
        /// Side of the window.
        window: usize,
    },
    /// A count that does not divide what it has to divide.
    #[error("has {count} {what}, which must divide its {total} {of}")]
    Divide {
        /// The divisor.
        count: usize,
        /// What it counts.
        what: &'static str,
        /// What has to be divisible.
        total: usize,
        /// What that counts.
        of: &'static str,
    },
    /// A new shape for another number of elements.
    #[error("has {given} elements, but the new shape {wanted} has {}", wanted.elements())]
    Elements {
        /// Elements that come.
        given: u64,
        /// The shape asked for.
        wanted: Shape,
    },
    /// A slice that reaches beyond what there is.
    #[error("takes {count} {what} from {start} on (counted from 0), but there are {of}")]
    Beyond {
        /// What is counted.
        what: &'static str,
        /// The first one.
        start: usize,
        /// How many.
        count: usize,
        /// How many there are.
        of: usize,
    },
    /// An attribute must be at least one.
    #[error("has {attribute} 0; it must be at least 1")]
    Zero {
        /// Which attribute.
        attribute: &'static str,
    },
    /// Sizes so large that counts would overflow.
    #[error("makes a tensor of more than 2^40 elements or weights")]
    TooLarge,
}

fn positive(value: usize, attribute: &'static str) -> Result<(), ShapeError> {
    if value == 0 { Err(ShapeError::Zero { attribute }) } else { Ok(()) }
}

fn as_map(input: usize, shape: &Shape) -> Result<(usize, usize, usize), ShapeError> {
    match *shape {
        Shape::Map { channels, height, width } => Ok((channels, height, width)),
        given => Err(ShapeError::Rank { input, wanted: "feature map", given }),
    }
}

fn as_tokens(input: usize, shape: &Shape) -> Result<(usize, usize), ShapeError> {
    match *shape {
        Shape::Tokens { tokens, features } => Ok((tokens, features)),
        given => Err(ShapeError::Rank { input, wanted: "sequence of tokens", given }),
    }
}

/// Positions of a window over an axis of `size`.
fn windows(size: usize, window: usize, stride: usize, padding: usize, ceil: bool) -> Result<usize, ShapeError> {
    let padded = padding.checked_mul(2).and_then(|p| size.checked_add(p)).ok_or(ShapeError::TooLarge)?;
    if window > padded {
        return Err(ShapeError::Window { window, padded });
    }
    let room = padded - window;
    let mut steps = if ceil { room.div_ceil(stride) } else { room / stride };
    // A last window that would start in the padding at the far side sees nothing.
    if ceil && steps.saturating_mul(stride) >= size + padding {
        steps -= 1;
    }
    Ok(steps + 1)
}

fn conv(c: &Conv2d, input: &Shape) -> Result<Shape, ShapeError> {
    let (channels, height, width) = as_map(0, input)?;
    positive(c.channels, "channels")?;
    positive(c.kernel[0].min(c.kernel[1]), "kernel")?;
    positive(c.stride, "stride")?;
    positive(c.dilation, "dilation")?;
    positive(c.groups, "groups")?;
    if !channels.is_multiple_of(c.groups) || !c.channels.is_multiple_of(c.groups) {
        return Err(ShapeError::Groups { groups: c.groups, input: channels, output: c.channels });
    }
    let extent =
        |kernel: usize| (kernel - 1).checked_mul(c.dilation).and_then(|e| e.checked_add(1)).ok_or(ShapeError::TooLarge);
    if c.weights(channels) > LIMIT as u64 {
        return Err(ShapeError::TooLarge);
    }
    Ok(Shape::Map {
        channels: c.channels,
        height: windows(height, extent(c.kernel[0])?, c.stride, c.padding[0], false)?,
        width: windows(width, extent(c.kernel[1])?, c.stride, c.padding[1], false)?,
    })
}

fn pool(p: &Pool, input: &Shape) -> Result<Shape, ShapeError> {
    let (channels, height, width) = as_map(0, input)?;
    positive(p.kernel, "kernel")?;
    positive(p.stride, "stride")?;
    if p.padding >= p.kernel {
        return Err(ShapeError::Padding { padding: p.padding, window: p.kernel });
    }
    if p.ceil && p.kind == PoolKind::PaddedAvg {
        return Err(ShapeError::PartialWindows);
    }
    Ok(Shape::Map {
        channels,
        height: windows(height, p.kernel, p.stride, p.padding, p.ceil)?,
        width: windows(width, p.kernel, p.stride, p.padding, p.ceil)?,
    })
}

impl Op {
    /// The shape that comes out for the shapes that go in.
    ///
    /// # Errors
    /// [`ShapeError`] says which input does not fit, and why.
    pub fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let (least, most) = self.arity();
        if inputs.len() < least || inputs.len() > most {
            let wanted = if least == most { least.to_string() } else { format!("at least {least}") };
            return Err(ShapeError::Arity { wanted, given: inputs.len() });
        }
        let shape = self.infer_unbounded(inputs)?;
        let (height, width) = shape.size();
        let elements =
            shape.channels().checked_mul(height).and_then(|e| e.checked_mul(width)).ok_or(ShapeError::TooLarge)?;
        match elements {
            0 => Err(ShapeError::Zero { attribute: "elements" }),
            e if e > LIMIT => Err(ShapeError::TooLarge),
            _ => Ok(shape),
        }
    }

    fn infer_unbounded(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        match self {
            Self::Input { shape } => Ok(*shape),
            Self::Conv2d(c) => conv(c, &inputs[0]),
            Self::Linear { features, .. } => {
                if let given @ Shape::Map { .. } = inputs[0] {
                    let wanted = "feature vector, or tokens (put a flatten or a to_tokens before it)";
                    return Err(ShapeError::Rank { input: 0, wanted, given });
                }
                positive(*features, "features")?;
                table(inputs[0].channels(), *features)?;
                Ok(match inputs[0] {
                    Shape::Tokens { tokens, .. } => Shape::Tokens { tokens, features: *features },
                    _ => Shape::Vector { features: *features },
                })
            }
            Self::Pool(p) => pool(p, &inputs[0]),
            Self::GlobalAvgPool => match inputs[0] {
                Shape::Tokens { features, .. } => Ok(Shape::Vector { features }),
                _ => as_map(0, &inputs[0]).map(|(channels, ..)| Shape::map(channels, 1)),
            },
            Self::Add => {
                for (input, given) in inputs.iter().enumerate().skip(1) {
                    if *given != inputs[0] {
                        return Err(disagree(inputs, input, 0, "add needs equal shapes"));
                    }
                }
                Ok(inputs[0])
            }
            Self::Multiply => multiply(inputs),
            Self::Concat => concat(inputs),
            Self::SqueezeExcite(se) => {
                as_map(0, &inputs[0])?;
                positive(se.hidden, "hidden channels")?;
                if se.hidden > LIMIT / inputs[0].channels().max(1) {
                    return Err(ShapeError::TooLarge);
                }
                Ok(inputs[0])
            }
            Self::Upsample { scale, .. } => {
                let (channels, height, width) = as_map(0, &inputs[0])?;
                positive(*scale, "scale")?;
                let grow = |size: usize| size.checked_mul(*scale).ok_or(ShapeError::TooLarge);
                Ok(Shape::Map { channels, height: grow(height)?, width: grow(width)? })
            }
            Self::Flatten => match usize::try_from(inputs[0].elements()) {
                Ok(features) => Ok(Shape::Vector { features }),
                Err(_) => Err(ShapeError::TooLarge),
            },
            Self::Reshape { shape } => {
                if shape.elements() != inputs[0].elements() {
                    return Err(ShapeError::Elements { given: inputs[0].elements(), wanted: *shape });
                }
                Ok(*shape)
            }
            Self::ToTokens => {
                let (features, height, width) = as_map(0, &inputs[0])?;
                Ok(Shape::Tokens { tokens: height.checked_mul(width).ok_or(ShapeError::TooLarge)?, features })
            }
            Self::ToMap { height } => {
                let (tokens, channels) = as_tokens(0, &inputs[0])?;
                positive(*height, "height")?;
                divide(*height, "rows", tokens, "tokens")?;
                Ok(Shape::Map { channels, height: *height, width: tokens / height })
            }
            Self::PixelShuffle { scale } => {
                let (channels, height, width) = as_map(0, &inputs[0])?;
                positive(*scale, "scale")?;
                let square = scale.checked_mul(*scale).ok_or(ShapeError::TooLarge)?;
                divide(square, "parts of a channel", channels, "channels")?;
                let grow = |size: usize| size.checked_mul(*scale).ok_or(ShapeError::TooLarge);
                Ok(Shape::Map { channels: channels / square, height: grow(height)?, width: grow(width)? })
            }
            Self::Embedding { vocabulary, features } => match inputs[0] {
                Shape::Vector { features: tokens } => {
                    positive(*vocabulary, "vocabulary")?;
                    positive(*features, "features")?;
                    table(*vocabulary, *features)?;
                    Ok(Shape::Tokens { tokens, features: *features })
                }
                given => Err(ShapeError::Rank { input: 0, wanted: "vector of ids", given }),
            },
            Self::Attention(a) => attention(a, inputs),
            Self::PositionEmbedding => as_tokens(0, &inputs[0]).map(|_| inputs[0]),
            Self::PrependTokens { count } => {
                let (tokens, features) = as_tokens(0, &inputs[0])?;
                positive(*count, "tokens to prepend")?;
                Ok(Shape::Tokens { tokens: tokens.checked_add(*count).ok_or(ShapeError::TooLarge)?, features })
            }
            Self::Slice { axis, start, count } => slice(*axis, *start, *count, inputs[0]),
            Self::ChannelShuffle { groups } => {
                let (channels, ..) = as_map(0, &inputs[0])?;
                positive(*groups, "groups")?;
                divide(*groups, "groups", channels, "channels")?;
                Ok(inputs[0])
            }
            Self::BatchNorm
            | Self::LayerNorm { .. }
            | Self::RmsNorm { .. }
            | Self::Softmax
            | Self::Activation { .. }
            | Self::Identity => Ok(inputs[0]),
            Self::Zero { stride } => {
                positive(*stride, "stride")?;
                match inputs[0] {
                    Shape::Map { channels, height, width } => {
                        Ok(Shape::Map { channels, height: height.div_ceil(*stride), width: width.div_ceil(*stride) })
                    }
                    vector => Ok(vector),
                }
            }
        }
    }
}

fn divide(count: usize, what: &'static str, total: usize, of: &'static str) -> Result<(), ShapeError> {
    if total.is_multiple_of(count) { Ok(()) } else { Err(ShapeError::Divide { count, what, total, of }) }
}

/// A table of weights that does not overflow.
fn table(rows: usize, columns: usize) -> Result<(), ShapeError> {
    match rows.checked_mul(columns) {
        Some(weights) if weights <= LIMIT => Ok(()),
        _ => Err(ShapeError::TooLarge),
    }
}

/// Channels or tokens from `start` on; the rest of the shape stays.
fn slice(axis: Axis, start: usize, count: usize, input: Shape) -> Result<Shape, ShapeError> {
    positive(count, "count")?;
    let of = match axis {
        Axis::Channels => input.channels(),
        Axis::Tokens => as_tokens(0, &input)?.0,
    };
    if start.checked_add(count).is_none_or(|end| end > of) {
        return Err(ShapeError::Beyond { what: axis.name(), start, count, of });
    }
    Ok(match (axis, input) {
        (Axis::Tokens, _) => Shape::Tokens { tokens: count, features: input.channels() },
        (Axis::Channels, Shape::Map { height, width, .. }) => Shape::Map { channels: count, height, width },
        (Axis::Channels, Shape::Tokens { tokens, .. }) => Shape::Tokens { tokens, features: count },
        (Axis::Channels, Shape::Vector { .. }) => Shape::Vector { features: count },
    })
}

/// Queries, keys and values: keys as wide a head as queries, values as many tokens as keys.
fn attention(a: &Attention, inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let (tokens, queries) = as_tokens(0, &inputs[0])?;
    let (others, keys) = as_tokens(1, &inputs[1])?;
    let (_, values) = as_tokens(2, &inputs[2])?;
    positive(a.heads, "heads")?;
    positive(a.kv_heads, "kv_heads")?;
    divide(a.kv_heads, "key and value heads", a.heads, "query heads")?;
    divide(a.heads, "heads", queries, "features of a query")?;
    divide(a.kv_heads, "heads", keys, "features of a key")?;
    divide(a.kv_heads, "heads", values, "features of a value")?;
    if queries / a.heads != keys / a.kv_heads {
        return Err(disagree(inputs, 1, 0, "a head of a key must be as wide as a head of a query"));
    }
    if inputs[1].size() != inputs[2].size() {
        return Err(disagree(inputs, 2, 1, "there must be as many values as keys"));
    }
    if a.causal && tokens != others {
        return Err(disagree(inputs, 1, 0, "causal attention needs as many keys as queries"));
    }
    if let Some(base) = a.rotary {
        positive(base, "rotary base")?;
        divide(2, "halves", queries / a.heads, "features of a head")?;
    }
    // The weights of the values are a tensor too, a row of keys for each head and query.
    let weights = tokens.checked_mul(others).and_then(|pairs| pairs.checked_mul(a.heads));
    if weights.is_none_or(|weights| weights > LIMIT) {
        return Err(ShapeError::TooLarge);
    }
    let features = (values / a.kv_heads).checked_mul(a.heads).ok_or(ShapeError::TooLarge)?;
    Ok(Shape::Tokens { tokens, features })
}

/// All inputs equal, or `C×1×1` beside `C×H×W`.
fn multiply(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let largest = (1..inputs.len()).fold(0, |a, b| if inputs[b].elements() > inputs[a].elements() { b } else { a });
    let whole = inputs[largest];
    for (input, given) in inputs.iter().enumerate() {
        let spread = *given == Shape::map(whole.channels(), 1) && matches!(whole, Shape::Map { .. });
        if *given != whole && !spread {
            return Err(disagree(inputs, input, largest, "multiply needs equal shapes, or C×1×1 beside C×H×W"));
        }
    }
    Ok(whole)
}

fn disagree(inputs: &[Shape], input: usize, other: usize, remedy: &'static str) -> ShapeError {
    ShapeError::Disagree { input, given: inputs[input], other, expected: inputs[other], remedy }
}

fn concat(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let mut total = 0usize;
    for (input, given) in inputs.iter().enumerate() {
        let same_rank = std::mem::discriminant(given) == std::mem::discriminant(&inputs[0]);
        if !same_rank || given.size() != inputs[0].size() {
            return Err(disagree(
                inputs,
                input,
                0,
                "concat needs maps of equal height and width, as many tokens, or only vectors",
            ));
        }
        total = total.checked_add(given.channels()).ok_or(ShapeError::TooLarge)?;
    }
    Ok(match inputs[0] {
        Shape::Map { height, width, .. } => Shape::Map { channels: total, height, width },
        Shape::Tokens { tokens, .. } => Shape::Tokens { tokens, features: total },
        Shape::Vector { .. } => Shape::Vector { features: total },
    })
}

//! What each operator of a network is in PyTorch: the layer that holds its parameters, and the expression that applies it.
//! What PyTorch lacks, or has only in later versions, is a helper at the top of the file.

use crate::engine::EPSILON;
use crate::graph::{Activation, Attention, Axis, Epsilon, Network, NodeId, Op, Pool, PoolKind, Resample, Shape};

// The batch norm of PyTorch adds as much unless it is told otherwise.
const _: () = assert!(EPSILON == 1e-5, "write the epsilon of batch norms");

/// An expression.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) text: String,
    /// Whether a method can be called on it as it stands.
    atom: bool,
}

impl Code {
    /// A name, a call, or whatever binds as closely.
    pub(super) fn atom(text: String) -> Self {
        Self { text, atom: true }
    }

    /// The same as an operand.
    fn operand(&self) -> String {
        if self.atom { self.text.clone() } else { format!("({})", self.text) }
    }
}

/// What stands at the top of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Helper {
    RmsNorm,
    PositionEmbedding,
    PrependTokens,
    SqueezeExcite,
    Attention,
    Rotate,
    AveragePool,
}

impl Helper {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::RmsNorm => {
                r#"class RMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps), times a weight for each feature (Zhang and Sennrich, 2019)."""

    def __init__(self, features, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight
"#
            }
            Self::PositionEmbedding => {
                r#"class PositionEmbedding(nn.Module):
    """Adds to every token a vector that is learned for its place (Dosovitskiy et al., 2021, eq. 1)."""

    def __init__(self, *sizes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(sizes))

    def forward(self, x):
        return x + self.weight
"#
            }
            Self::PrependTokens => {
                r#"class PrependTokens(nn.Module):
    """Puts learned tokens, such as a class token, before the others (Dosovitskiy et al., 2021)."""

    def __init__(self, count, features):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, features))

    def forward(self, x):
        return torch.cat([self.weight.expand(x.shape[0], -1, -1), x], 1)
"#
            }
            Self::SqueezeExcite => {
                r#"class SqueezeExcite(nn.Module):
    """The mean over all positions, two 1×1 convolutions, and a gate on the channels (Hu et al., 2018)."""

    def __init__(self, channels, hidden, activation, gate):
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.activation = activation
        self.gate = gate

    def forward(self, x):
        y = x.mean((2, 3), keepdim=True)
        y = self.activation(self.reduce(y))
        return x * self.gate(self.expand(y))
"#
            }
            Self::Attention => {
                r#"def attention(q, k, v, heads, kv_heads=None, causal=False, rotary=None):
    """Scaled dot-product attention (Vaswani et al., 2017, eq. 1) of batch × tokens × features.

    Each head of keys and values serves heads / kv_heads heads of queries (Ainslie et al., 2023).
    """
    kv_heads = kv_heads or heads
    # batch × heads × tokens × features of a head
    q = q.unflatten(2, (heads, -1)).transpose(1, 2)
    k = k.unflatten(2, (kv_heads, -1)).transpose(1, 2)
    v = v.unflatten(2, (kv_heads, -1)).transpose(1, 2)
    if rotary:
        q, k = rotate(q, rotary), rotate(k, rotary)
    if heads != kv_heads:
        k = k.repeat_interleave(heads // kv_heads, 1)
        v = v.repeat_interleave(heads // kv_heads, 1)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
    if causal:
        later = torch.ones(scores.shape[2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    return (scores.softmax(3) @ v).transpose(1, 2).flatten(2)
"#
            }
            Self::Rotate => {
                r#"def rotate(x, base):
    """Turns features i and i + half of the token at position p by the angle p · base^(-i / half) (Su et al., 2021)."""
    tokens, half = x.shape[2], x.shape[3] // 2
    # In double precision, since the angles of late tokens are large.
    speed = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(tokens, dtype=torch.float64)[:, None] * speed
    cosine, sine = angle.cos().to(x), angle.sin().to(x)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], 3)
"#
            }
            Self::AveragePool => {
                r#"def average_pool(x, kernel, stride, padding):
    """Means over windows, in which positions of the padding do not count."""
    count = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), padding), kernel, stride)
    return F.avg_pool2d(F.pad(x, padding), kernel, stride) / count
"#
            }
        }
    }
}

/// The helpers of an operator.
pub(super) fn helpers(op: &Op) -> Vec<Helper> {
    match op {
        Op::RmsNorm { .. } => vec![Helper::RmsNorm],
        Op::PositionEmbedding => vec![Helper::PositionEmbedding],
        Op::PrependTokens { .. } => vec![Helper::PrependTokens],
        Op::SqueezeExcite(_) => vec![Helper::SqueezeExcite],
        Op::Attention(Attention { rotary: None, .. }) => vec![Helper::Attention],
        Op::Attention(_) => vec![Helper::Attention, Helper::Rotate],
        Op::Pool(pool) if pool.kind == PoolKind::Avg && !pads_itself(pool) => {
            vec![Helper::AveragePool]
        }
        _ => Vec::new(),
    }
}

/// The expression that makes the layer of an operator; nothing for one without parameters.
pub(super) fn layer(op: &Op, input: Shape) -> Option<String> {
    let channels = input.channels();
    let bias = |bias: bool| if bias { "" } else { ", bias=False" };
    Some(match op {
        Op::Conv2d(conv) => {
            let mut more = String::new();
            for (name, value, default) in [
                ("stride", conv.stride.to_string(), "1"),
                ("padding", pair(conv.padding), "0"),
                ("dilation", conv.dilation.to_string(), "1"),
                ("groups", conv.groups.to_string(), "1"),
            ] {
                if value != default {
                    more += &format!(", {name}={value}");
                }
            }
            format!("nn.Conv2d({channels}, {}, {}{more}{})", conv.channels, pair(conv.kernel), bias(conv.bias))
        }
        Op::Linear { features, bias: has } => format!("nn.Linear({channels}, {features}{})", bias(*has)),
        Op::BatchNorm if matches!(input, Shape::Map { .. }) => format!("nn.BatchNorm2d({channels})"),
        Op::BatchNorm => format!("nn.BatchNorm1d({channels})"),
        Op::LayerNorm { epsilon } => format!("nn.LayerNorm({channels}{})", eps(*epsilon)),
        Op::RmsNorm { epsilon } => format!("RMSNorm({channels}{})", eps(*epsilon)),
        Op::PositionEmbedding => format!("PositionEmbedding({})", sizes(input)),
        Op::PrependTokens { count } => format!("PrependTokens({count}, {channels})"),
        Op::Embedding { vocabulary, features } => format!("nn.Embedding({vocabulary}, {features})"),
        Op::SqueezeExcite(se) => {
            let (activation, gate) = (function(se.activation), function(se.gate));
            format!("SqueezeExcite({channels}, {}, {activation}, {gate})", se.hidden)
        }
        Op::Input { .. }
        | Op::Activation { .. }
        | Op::Pool(_)
        | Op::GlobalAvgPool
        | Op::Add
        | Op::Multiply
        | Op::Concat
        | Op::Upsample { .. }
        | Op::Flatten
        | Op::Reshape { .. }
        | Op::ToTokens
        | Op::ToMap { .. }
        | Op::PixelShuffle { .. }
        | Op::Softmax
        | Op::Attention(_)
        | Op::Slice { .. }
        | Op::ChannelShuffle { .. }
        | Op::Identity
        | Op::Zero { .. } => return None,
    })
}

/// The expression that applies an operator to its inputs; `layer` leads to its layer.
pub(super) fn call(network: &Network, id: NodeId, inputs: &[Code], layer: &str) -> Code {
    let (input, output) = (network.input_shape(id), network.node(id).shape);
    let Some(x) = inputs.first() else { return Code::atom("None".to_owned()) };
    let (text, on) = (&x.text, x.operand());
    let joined = |sign: &str| {
        let operands: Vec<String> = inputs.iter().map(Code::operand).collect();
        Code { text: operands.join(sign), atom: false }
    };
    let is_map = matches!(input, Shape::Map { .. });
    Code::atom(match &network.node(id).op {
        Op::Conv2d(_) | Op::Linear { .. } | Op::SqueezeExcite(_) => format!("{layer}({text})"),
        // The channels come second there.
        Op::BatchNorm if matches!(input, Shape::Tokens { .. }) => {
            format!("{layer}({on}.transpose(1, 2)).transpose(1, 2)")
        }
        Op::BatchNorm => format!("{layer}({text})"),
        // The features come last there.
        Op::LayerNorm { .. } | Op::RmsNorm { .. } if is_map => {
            format!("{layer}({on}.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)")
        }
        Op::LayerNorm { .. } | Op::RmsNorm { .. } | Op::PositionEmbedding | Op::PrependTokens { .. } => {
            format!("{layer}({text})")
        }
        Op::Softmax => format!("{on}.softmax({})", if is_map { 1 } else { -1 }),
        Op::Embedding { .. } => format!("{layer}({on}.long())"),
        Op::Activation { function } => format!("{}({text})", self::function(*function)),
        Op::Pool(p) => pool(p, text, input, output),
        Op::GlobalAvgPool if is_map => format!("{on}.mean((2, 3), keepdim=True)"),
        Op::GlobalAvgPool => format!("{on}.mean(1)"),
        Op::Add => return joined(" + "),
        Op::Multiply => return joined(" * "),
        Op::Concat => {
            let names: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
            format!("torch.cat([{}], {})", names.join(", "), if matches!(input, Shape::Tokens { .. }) { 2 } else { 1 })
        }
        Op::Upsample { scale, mode: Resample::Nearest } => {
            format!("F.interpolate({text}, scale_factor={scale}, mode=\"nearest\")")
        }
        Op::Upsample { scale, mode: Resample::Bilinear } => {
            format!("F.interpolate({text}, scale_factor={scale}, mode=\"bilinear\", align_corners=False)")
        }
        Op::Flatten => format!("{on}.flatten(1)"),
        Op::Reshape { .. } => format!("{on}.reshape(-1, {})", sizes(output)),
        Op::ToTokens => format!("{on}.flatten(2).transpose(1, 2)"),
        Op::ToMap { .. } => format!("{on}.transpose(1, 2).reshape(-1, {})", sizes(output)),
        Op::Slice { axis, start, count } => {
            let ahead = if *axis == Axis::Channels && matches!(input, Shape::Tokens { .. }) { "..." } else { ":" };
            format!("{on}[{ahead}, {start}:{}]", start.saturating_add(*count))
        }
        Op::ChannelShuffle { groups } => format!("{on}.unflatten(1, ({groups}, -1)).transpose(1, 2).flatten(1, 2)"),
        Op::PixelShuffle { scale } => format!("F.pixel_shuffle({text}, {scale})"),
        Op::Attention(a) => attention(a, inputs),
        Op::Zero { stride } if is_map && *stride > 1 => {
            format!("torch.zeros_like({on}[:, :, ::{stride}, ::{stride}])")
        }
        Op::Zero { .. } => format!("torch.zeros_like({text})"),
        // Nothing is computed for these.
        Op::Input { .. } | Op::Identity => return x.clone(),
    })
}

fn attention(a: &Attention, inputs: &[Code]) -> String {
    let names: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
    let mut text = format!("attention({}, heads={}", names.join(", "), a.heads);
    if a.kv_heads != a.heads {
        text += &format!(", kv_heads={}", a.kv_heads);
    }
    if a.causal {
        text += ", causal=True";
    }
    if let Some(base) = a.rotary {
        text += &format!(", rotary={base}");
    }
    text + ")"
}

/// Whether PyTorch takes the padding of a pool: it wants it to be at most half of the window.
fn pads_itself(pool: &Pool) -> bool {
    pool.padding.saturating_mul(2) <= pool.kernel
}

fn pool(p: &Pool, x: &str, input: Shape, output: Shape) -> String {
    let (kernel, stride) = (p.kernel, p.stride);
    if pads_itself(p) {
        let mut text = format!("({x}, {kernel}, stride={stride}");
        if p.padding > 0 {
            text += &format!(", padding={}", p.padding);
        }
        if p.ceil {
            text += ", ceil_mode=True";
        }
        return match p.kind {
            PoolKind::Max => format!("F.max_pool2d{text})"),
            // Padding matters only where windows reach into it, and so may the last one with `ceil`.
            PoolKind::Avg if p.padding > 0 || p.ceil => format!("F.avg_pool2d{text}, count_include_pad=False)"),
            PoolKind::Avg | PoolKind::PaddedAvg => format!("F.avg_pool2d{text})"),
        };
    }
    // The far sides are padded until the windows that are there fit.
    let far = |size: usize, windows: usize| {
        let reach = (windows - 1).saturating_mul(stride).saturating_add(kernel);
        reach.saturating_sub(size.saturating_add(p.padding)).max(p.padding)
    };
    let ((height, width), (rows, columns)) = (input.size(), output.size());
    let sides = format!("({0}, {1}, {0}, {2})", p.padding, far(width, columns), far(height, rows));
    match p.kind {
        PoolKind::Max => format!("F.max_pool2d(F.pad({x}, {sides}, value=float(\"-inf\")), {kernel}, {stride})"),
        PoolKind::Avg => format!("average_pool({x}, {kernel}, {stride}, {sides})"),
        PoolKind::PaddedAvg => format!("F.avg_pool2d(F.pad({x}, {sides}), {kernel}, {stride})"),
    }
}

fn function(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "F.relu",
        Activation::Relu6 => "F.relu6",
        Activation::Hswish => "F.hardswish",
        Activation::Swish => "F.silu",
        Activation::Gelu => "F.gelu",
        Activation::Sigmoid => "torch.sigmoid",
        Activation::Hsigmoid => "F.hardsigmoid",
    }
}

fn eps(epsilon: Epsilon) -> String {
    if epsilon.is_common() { String::new() } else { format!(", eps={:e}", epsilon.value()) }
}

/// Two sizes, or one for both.
fn pair([rows, columns]: [usize; 2]) -> String {
    if rows == columns { rows.to_string() } else { format!("({rows}, {columns})") }
}

fn sizes(shape: Shape) -> String {
    Vec::<usize>::from(shape).iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

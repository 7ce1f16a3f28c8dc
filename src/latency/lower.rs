//! Lowers a network to the operators that TFLite runs for it: batch norm folded
//! into its convolution, activations fused into their producers, padding merged
//! where the runtime pads as it goes, squeeze-excite as its four parts. Only
//! live nodes run.
//!
//! The rules stand one a line in the test of `lower/fusion.rs`.
//!
//! Additions and activations that stand alone run in TFLite but have no rows in
//! the measured operator lists that most tables are fitted to. Their cost is part
//! of what the fit gives to the other operators, so [`lower`] leaves them out too.
//! [`lower_run`] has them, for tables that were measured or fitted with them, and
//! [`lower_whole`] has skip connections besides. A batch norm that stands alone
//! costs nothing here; no space has one.
//!
//! Transformers have operators that no measured network has: products of tensors,
//! softmax, layer norm, look-ups. They are priced by their size, and a prediction
//! says that they are not covered.

use super::{Kernel, KernelKind};
use crate::graph::{Activation, Attention, Axis, BlockId, Conv2d, Live, Network, NodeId, Op, Pool, PoolKind, Shape};

/// An operator of a lowered network and the block it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// The block.
    pub block: BlockId,
    /// The operator.
    pub kernel: Kernel,
}

/// The operators that run for a network, in order, as measured operator lists have them.
pub fn lower(network: &Network) -> Vec<Lowered> {
    lower_where(network, |kernel| !kernel.kind.is_folded())
}

/// The operators that run for a network, in order, those that operator lists leave out among them.
pub fn lower_run(network: &Network) -> Vec<Lowered> {
    lower_where(network, |kernel| kernel.kind != KernelKind::Identity)
}

/// The operators of a network, in order: what runs, and skip connections, which are passes in some runtimes.
pub fn lower_whole(network: &Network) -> Vec<Lowered> {
    lower_where(network, |_| true)
}

/// The operators of a network that somebody asks for. Searches lower millions of networks: what nobody asks for is not
/// looked into.
pub(super) fn lower_where(network: &Network, mut wanted: impl FnMut(&Kernel) -> bool) -> Vec<Lowered> {
    let live = network.live();
    let mut lowered = Vec::with_capacity(network.len());
    for id in network.ids().filter(|&id| live.contains(id)) {
        let block = network.node(id).block;
        node_kernels(network, &live, id, |kernel| {
            let clamp = kernel.kind == KernelKind::Relu;
            if wanted(&kernel) && !(clamp && is_fused(network, &live, id)) {
                lowered.push(Lowered { block, kernel });
            }
        });
    }
    lowered
}

/// The operators of one node.
fn node_kernels(network: &Network, live: &Live, id: NodeId, mut emit: impl FnMut(Kernel)) {
    let node = network.node(id);
    let inputs = || network.inputs(id).into_iter().filter(|&from| live.contains(from)).count();
    let input = network.input_shape(id);
    let shapes = || network.inputs(id).into_iter().map(|from| network.node(from).shape).collect::<Vec<_>>();
    match &node.op {
        Op::Conv2d(conv) => emit(convolution(conv, input, node.shape)),
        Op::Linear { .. } => {
            emit(Kernel { output_channels: channels(node.shape), ..same_shape(KernelKind::FullyConnected, input) })
        }
        Op::Pool(pool) => emit(pooling(pool, input, node.shape)),
        Op::GlobalAvgPool => emit(mean(input)),
        Op::Multiply => emit(Kernel { inputs: to_u32(inputs()), ..same_shape(KernelKind::Multiply, node.shape) }),
        Op::Concat => emit(Kernel {
            input_channels: channels(input),
            inputs: to_u32(inputs()),
            ..same_shape(KernelKind::Concatenation, node.shape)
        }),
        Op::SqueezeExcite(gate) => {
            let (outer, hidden) = (channels(input), to_u32(gate.hidden));
            let dense = Kernel::pointwise(KernelKind::Conv, [1, 1], outer);
            emit(mean(input));
            emit(Kernel { output_channels: hidden, ..dense });
            emit(Kernel { input_channels: hidden, ..dense });
            emit(Kernel { inputs: 2, ..same_shape(KernelKind::Multiply, input) });
        }
        Op::Upsample { .. } => {
            emit(Kernel { output: size(node.shape), ..same_shape(KernelKind::Resize, input) });
        }
        Op::PixelShuffle { .. } => emit(Kernel {
            output: size(node.shape),
            output_channels: channels(node.shape),
            ..same_shape(KernelKind::DepthToSpace, input)
        }),
        // TFLite keeps the channels of a position together, as tokens do: another view of the same bytes. Where
        // elements go in the order of channels, a map has to be turned first.
        Op::Reshape { .. } if is_image(input) || is_image(node.shape) => {
            emit(same_shape(KernelKind::Transpose, input));
        }
        // Parts along the channels are copied position by position; tokens and channels of one position lie together.
        Op::ChannelShuffle { .. } => emit(same_shape(KernelKind::Transpose, input)),
        Op::Slice { axis: Axis::Channels, .. } if node.shape.size() != (1, 1) => {
            emit(same_shape(KernelKind::Transpose, node.shape))
        }
        Op::PositionEmbedding => emit(Kernel { inputs: 2, ..same_shape(KernelKind::Add, node.shape) }),
        Op::PrependTokens { .. } => emit(Kernel {
            input_channels: channels(input),
            inputs: 2,
            ..same_shape(KernelKind::Concatenation, node.shape)
        }),
        Op::LayerNorm { .. } | Op::RmsNorm { .. } => emit(same_shape(KernelKind::Norm, input)),
        Op::Softmax => emit(same_shape(KernelKind::Softmax, input)),
        Op::Embedding { .. } => emit(same_shape(KernelKind::Gather, node.shape)),
        Op::Attention(a) => attention(a, &shapes(), node.shape, emit),
        // TFLite adds two tensors at a time.
        Op::Add => {
            for _ in 1..inputs() {
                emit(Kernel { inputs: 2, ..same_shape(KernelKind::Add, node.shape) });
            }
        }
        Op::Identity => emit(same_shape(KernelKind::Identity, node.shape)),
        Op::Activation { function } => emit(same_shape(activation(*function), node.shape)),
        Op::Input { .. }
        | Op::BatchNorm
        | Op::Flatten
        | Op::Slice { .. }
        | Op::Zero { .. }
        | Op::Reshape { .. }
        | Op::ToTokens
        | Op::ToMap { .. } => {}
    }
}

fn activation(function: Activation) -> KernelKind {
    match function {
        Activation::Relu | Activation::Relu6 => KernelKind::Relu,
        Activation::Hswish | Activation::Hsigmoid => KernelKind::HardSwish,
        Activation::Swish | Activation::Sigmoid => KernelKind::Logistic,
        Activation::Gelu => KernelKind::Gelu,
    }
}

/// Whether the operator before a clamp takes it in: one that can, in the same block, whose output nothing else reads. What
/// stands on the other side of a border is not known where blocks are priced one by one.
fn is_fused(network: &Network, live: &Live, id: NodeId) -> bool {
    let block = network.node(id).block;
    let mut at = id;
    loop {
        let [from] = network.inputs(at)[..] else { return false };
        let node = network.node(from);
        let readers = network.consumers(from).filter(|&(_, reader)| live.contains(reader)).count();
        if node.block != block || readers > 1 || network.outputs().contains(&from) {
            return false;
        }
        match node.op {
            Op::BatchNorm => at = from,
            Op::Conv2d(_) | Op::Linear { .. } | Op::Add | Op::Multiply | Op::Pool(_) => return true,
            _ => return false,
        }
    }
}

/// Queries times keys, softmax over the keys, weights times values. A rotary embedding multiplies queries and keys first.
fn attention(a: &Attention, inputs: &[Shape], output: Shape, mut emit: impl FnMut(Kernel)) {
    let [queries, keys, ..] = inputs[..] else { return };
    let weights = to_u32(a.heads.saturating_mul(keys.size().0));
    if a.rotary.is_some() {
        for turned in [queries, keys] {
            emit(Kernel { inputs: 2, ..same_shape(KernelKind::Multiply, turned) });
        }
    }
    let product = Kernel { groups: to_u32(a.heads), inputs: 2, ..same_shape(KernelKind::MatMul, queries) };
    emit(Kernel { output_channels: weights, ..product });
    emit(Kernel::pointwise(KernelKind::Softmax, size(queries), weights));
    emit(Kernel { input_channels: weights, output_channels: channels(output), ..product });
}

/// Whether there is more than one position and more than one channel, so that the order of elements matters.
fn is_image(shape: Shape) -> bool {
    matches!(shape, Shape::Map { channels, height, width } if channels > 1 && height.saturating_mul(width) > 1)
}

fn convolution(conv: &Conv2d, input: Shape, output: Shape) -> Kernel {
    let (unpadded, out) = (size(input), size(output));
    let stride = to_u32(conv.stride);
    let padded = [0, 1].map(|axis| unpadded[axis].saturating_add(to_u32(conv.padding[axis].saturating_mul(2))));
    let groups = to_u32(conv.groups);
    let kind = match groups {
        1 => KernelKind::Conv,
        _ if groups == channels(input) => KernelKind::Depthwise,
        _ => KernelKind::Grouped,
    };
    // A convolution pads as it goes where the output is as large as TFLite's SAME padding makes it.
    // Depthwise convolutions are exported with a padding step of their own.
    let same = [0, 1].iter().all(|&axis| out[axis] == unpadded[axis].div_ceil(stride));
    let explicit_padding = padded != unpadded && (kind == KernelKind::Depthwise || !same);
    Kernel {
        kind,
        input: if explicit_padding { padded } else { unpadded },
        input_channels: channels(input),
        output: out,
        output_channels: channels(output),
        window: conv.kernel.map(to_u32),
        stride,
        dilation: to_u32(conv.dilation),
        groups,
        inputs: 1,
        explicit_padding,
    }
}

fn pooling(pool: &Pool, input: Shape, output: Shape) -> Kernel {
    let kind = match pool.kind {
        PoolKind::Max => KernelKind::MaxPool,
        PoolKind::Avg | PoolKind::PaddedAvg => KernelKind::AveragePool,
    };
    let window = to_u32(pool.kernel);
    // TFLite's own padding never counts in a mean.
    let explicit_padding = pool.kind == PoolKind::PaddedAvg && pool.padding > 0;
    let padding = if explicit_padding { to_u32(pool.padding.saturating_mul(2)) } else { 0 };
    Kernel {
        input: size(input).map(|side| side.saturating_add(padding)),
        output: size(output),
        window: [window, window],
        stride: to_u32(pool.stride),
        explicit_padding,
        ..same_shape(kind, input)
    }
}

fn mean(input: Shape) -> Kernel {
    Kernel { output: [1, 1], ..same_shape(KernelKind::Mean, input) }
}

fn same_shape(kind: KernelKind, shape: Shape) -> Kernel {
    Kernel::pointwise(kind, size(shape), channels(shape))
}

fn size(shape: Shape) -> [u32; 2] {
    let (height, width) = shape.size();
    [to_u32(height), to_u32(width)]
}

fn channels(shape: Shape) -> u32 {
    to_u32(shape.channels())
}

/// Saturates: a graph admits sizes up to 2^40, and what costs that much need not be told apart.
fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod fusion;
#[cfg(test)]
mod tests;

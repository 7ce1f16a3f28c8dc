//! What is measured: networks of a single operator, of a block, whole ones, and empty ones whose time the single
//! operators are told apart from.
//!
//! An operator is a geometry ([`Kernel`]), so its benchmark is built from that alone and lowered again as a check: a
//! benchmark that would measure another operator than it names is never made.

use crate::graph::{
    Activation, Attention, Builder, Conv2d, Network, NetworkError, NodeId, Op, Pool, PoolKind, RawNetwork, Resample,
    Shape,
};
use crate::latency::{Kernel, KernelKind, lower_run};

/// What a benchmark is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One operator.
    Operator(Kernel),
    /// The two products of an attention, with the softmax between them: no network has one of them by itself.
    Attention,
    /// A block, as the space cuts it: position and what was decided there.
    Block(String),
    /// A whole network, by its text form.
    Network(String),
    /// Nothing but inputs: what a run costs besides its operators.
    Empty,
}

/// A network to be measured.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// What it is of.
    pub subject: Subject,
    /// A hash of the network: the same network has the same key in any space.
    pub key: String,
    /// What runs.
    pub network: Network,
    /// Its operators as the table knows them.
    pub kernels: Vec<Kernel>,
}

impl Benchmark {
    /// A benchmark of a network.
    pub fn new(subject: Subject, network: Network) -> Self {
        let kernels = lower_run(&network).into_iter().map(|lowered| lowered.kernel).collect();
        let key = key(&network.to_raw());
        Self { subject, key, network, kernels }
    }

    /// What a person calls it.
    pub fn name(&self) -> String {
        match &self.subject {
            Subject::Operator(kernel) => kernel.to_string(),
            Subject::Attention => match &self.kernels[..] {
                [scores, ..] => format!("attention of {scores}"),
                [] => "attention".to_owned(),
            },
            Subject::Block(label) => format!("block {label}"),
            Subject::Network(text) => format!("network {text}"),
            Subject::Empty => {
                let shapes: Vec<String> = self.network.input_shapes().iter().map(Shape::to_string).collect();
                format!("nothing but an input of {}", shapes.join(" and "))
            }
        }
    }
}

/// Names of blocks and nodes do not change what runs, but are part of no other network's key by accident either.
fn key(network: &RawNetwork) -> String {
    let text = serde_json::to_string(network).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// A network that passes its inputs on: of the same inputs as `network`.
///
/// # Errors
/// None to speak of: an identity takes every shape.
pub fn empty(shapes: &[Shape]) -> Result<Benchmark, NetworkError> {
    let mut builder = Builder::new();
    for (index, &shape) in shapes.iter().enumerate() {
        let input = builder.add(format!("input{index}"), Op::Input { shape }, &[])?;
        let end = builder.add(format!("output{index}"), Op::Identity, &[input])?;
        builder.output(end);
    }
    Ok(Benchmark::new(Subject::Empty, builder.finish()?))
}

/// A network of one operator alone; nothing for operators that no network of ours has by themselves (the products of
/// an attention, for example).
pub fn operator(kernel: &Kernel) -> Option<Benchmark> {
    let subject = Subject::Operator(*kernel);
    candidates(kernel).into_iter().find_map(|(shapes, op)| node(&subject, &shapes, op, &[*kernel]))
}

/// A network of one attention: of queries times keys, softmax and weights times values, as [`lower`] has them. Keys and
/// values have as many heads as queries; fewer that are shared do the same work.
pub fn attention(kernels: &[Kernel; 3]) -> Option<Benchmark> {
    let [scores, _, values] = kernels;
    let heads = scores.groups as usize;
    let keys = values.input_channels.checked_div(scores.groups)? as usize;
    let tokens = |tokens, features: u32| Shape::Tokens { tokens, features: features as usize };
    let queries = tokens(scores.input[0] as usize, scores.input_channels);
    let shapes = [queries, tokens(keys, scores.input_channels), tokens(keys, values.output_channels)];
    let op = Op::Attention(Attention { heads, kv_heads: heads, causal: false, rotary: None });
    node(&Subject::Attention, &shapes, op, kernels)
}

/// A network of one node, if it lowers to exactly these operators.
fn node(subject: &Subject, shapes: &[Shape], op: Op, kernels: &[Kernel]) -> Option<Benchmark> {
    let mut builder = Builder::new();
    let inputs: Result<Vec<NodeId>, NetworkError> = (shapes.iter().enumerate())
        .map(|(index, &shape)| builder.add(format!("input{index}"), Op::Input { shape }, &[]))
        .collect();
    let end = builder.add("operator", op, &inputs.ok()?).ok()?;
    builder.output(end);
    let benchmark = Benchmark::new(subject.clone(), builder.finish().ok()?);
    (benchmark.kernels == kernels).then_some(benchmark)
}

/// Rows of the table that a look-up reads from: their number does not change what is read.
const VOCABULARY: usize = 1024;

/// Inputs and operators that may lower to a kernel, likeliest first.
fn candidates(kernel: &Kernel) -> Vec<(Vec<Shape>, Op)> {
    use KernelKind as K;
    let map = |[height, width]: [u32; 2], channels: u32| Shape::Map {
        channels: channels as usize,
        height: height as usize,
        width: width as usize,
    };
    let input = map(kernel.input, kernel.input_channels);
    let tokens = |channels: u32| Shape::Tokens { tokens: kernel.input[0] as usize, features: channels as usize };
    let one = |shape: Shape, op: Op| (vec![shape], op);
    match kernel.kind {
        K::Conv | K::Depthwise | K::Grouped => {
            convolutions(kernel).map(|(shape, conv)| one(shape, Op::Conv2d(conv))).collect()
        }
        K::FullyConnected => {
            let op = Op::Linear { features: kernel.output_channels as usize, bias: true };
            let vector = Shape::Vector { features: kernel.input_channels as usize };
            vec![one(vector, op.clone()), one(tokens(kernel.input_channels), op)]
        }
        K::MaxPool | K::AveragePool => {
            let kind = match kernel.kind {
                K::MaxPool => PoolKind::Max,
                _ if kernel.explicit_padding => PoolKind::PaddedAvg,
                _ => PoolKind::Avg,
            };
            let side = kernel.window[0] as usize;
            let pool = |padding, ceil| Pool { kind, kernel: side, stride: kernel.stride as usize, padding, ceil };
            let centred = side.saturating_sub(1) / 2;
            [(centred, false), (centred, true)]
                .into_iter()
                .chain((0..=side / 2).flat_map(|padding| [(padding, false), (padding, true)]))
                .map(|(padding, ceil)| one(input, Op::Pool(pool(padding, ceil))))
                .collect()
        }
        K::Mean => vec![one(input, Op::GlobalAvgPool), one(tokens(kernel.input_channels), Op::GlobalAvgPool)],
        K::Multiply => {
            let gate = map([1, 1], kernel.input_channels);
            vec![(vec![input, gate], Op::Multiply), (vec![input, input], Op::Multiply)]
        }
        K::Concatenation => concatenation(kernel, map).into_iter().collect(),
        K::Resize => {
            let scale = (kernel.output[0] / kernel.input[0].max(1)) as usize;
            [Resample::Nearest, Resample::Bilinear].map(|mode| one(input, Op::Upsample { scale, mode })).into()
        }
        K::DepthToSpace => {
            vec![one(input, Op::PixelShuffle { scale: (kernel.output[0] / kernel.input[0].max(1)) as usize })]
        }
        K::Softmax => vec![one(tokens(kernel.input_channels), Op::Softmax), one(input, Op::Softmax)],
        K::Norm => [Op::LAYER_NORM, Op::RMS_NORM]
            .into_iter()
            .flat_map(|op| [one(tokens(kernel.input_channels), op.clone()), one(input, op)])
            .collect(),
        K::Gather => {
            let (ids, features) = (kernel.input[0] as usize, kernel.input_channels as usize);
            vec![one(Shape::Vector { features: ids }, Op::Embedding { vocabulary: VOCABULARY, features })]
        }
        K::Transpose => {
            let flat = Shape::Vector { features: input.elements() as usize };
            let from_tokens = |shape| one(tokens(kernel.input_channels), Op::Reshape { shape });
            vec![one(input, Op::Reshape { shape: flat }), from_tokens(input)]
        }
        K::Add => [tokens(kernel.input_channels), input].map(|shape| (vec![shape; 2], Op::Add)).into(),
        K::HardSwish => activation(input, tokens(kernel.input_channels), Activation::Hswish),
        K::Relu => activation(input, tokens(kernel.input_channels), Activation::Relu),
        K::Logistic => activation(input, tokens(kernel.input_channels), Activation::Swish),
        K::Gelu => activation(input, tokens(kernel.input_channels), Activation::Gelu),
        // Nothing lowers to these alone.
        K::MatMul | K::Identity => Vec::new(),
    }
}

fn activation(map: Shape, tokens: Shape, function: Activation) -> Vec<(Vec<Shape>, Op)> {
    [map, tokens].map(|shape| (vec![shape], Op::Activation { function })).into()
}

/// Convolutions of a geometry: only the padding is open, and the input where it was padded in a step of its own.
fn convolutions(kernel: &Kernel) -> impl Iterator<Item = (Shape, Conv2d)> {
    let kernel = *kernel;
    let span = kernel.window.map(|side| (side.saturating_sub(1) * kernel.dilation) as usize);
    let centred = span.map(|side| side / 2);
    let by_axis = move |axis: usize| std::iter::once(centred[axis]).chain(0..=span[axis]);
    by_axis(0).flat_map(move |rows| by_axis(1).map(move |columns| [rows, columns])).filter_map(move |padding| {
        let sides: Option<Vec<usize>> = (0..2)
            .map(|axis| {
                let added = if kernel.explicit_padding { 2 * padding[axis] } else { 0 };
                (kernel.input[axis] as usize).checked_sub(added).filter(|&side| side > 0)
            })
            .collect();
        let sides = sides?;
        let shape = Shape::Map { channels: kernel.input_channels as usize, height: sides[0], width: sides[1] };
        let conv = Conv2d {
            channels: kernel.output_channels as usize,
            kernel: kernel.window.map(|side| side as usize),
            stride: kernel.stride as usize,
            padding,
            dilation: kernel.dilation as usize,
            groups: kernel.groups as usize,
            bias: true,
        };
        Some((shape, conv))
    })
}

/// Only the first input's channels are known; the others share the rest.
fn concatenation(kernel: &Kernel, map: impl Fn([u32; 2], u32) -> Shape) -> Option<(Vec<Shape>, Op)> {
    let others = kernel.inputs.checked_sub(1)?;
    let rest = kernel.output_channels.checked_sub(kernel.input_channels)?;
    let mut shapes = vec![map(kernel.output, kernel.input_channels)];
    if let (Some(each), Some(more)) = (rest.checked_div(others), rest.checked_rem(others)) {
        if each == 0 {
            return None;
        }
        shapes.extend((0..others).map(|other| map(kernel.output, each + u32::from(other < more))));
    }
    Some((shapes, Op::Concat))
}

#[cfg(test)]
mod tests;

//! TFLite models whose speed is asked for: the graph as TFLite runs it after conversion (batch norms folded, activations
//! fused, maps with their channels last), with weights of no meaning. By the schema that TensorFlow publishes
//! (`tensorflow/compiler/mlir/lite/schema/schema.fbs`, version 3).
//!
//! Transformers are refused: what a converter makes of their norms and attention is not fixed.

mod flatbuffer;
mod model;

use crate::graph::{Activation, Conv2d, Live, Network, NodeId, Op, Pool, PoolKind, Resample, Shape, SqueezeExcite};
use model::{Code, Model, Options, Tensor};

/// A model that runs as fast as the network does.
///
/// # Errors
/// An operator without a fixed form in TFLite, and weights that do not fit into a file.
pub fn speed_model(network: &Network) -> Result<Vec<u8>, String> {
    let bytes = network.cost().params.0.saturating_mul(4);
    if bytes > model::LIMIT {
        return Err(format!("the weights take {} MiB, but a TFLite file holds at most 2047 MiB", bytes >> 20));
    }
    let live = network.live();
    let mut writer = Writer { network, live, model: Model::default(), values: vec![None; network.len()] };
    for id in network.ids() {
        if writer.live.contains(id) && writer.values[id.index()].is_none() {
            writer.node(id)?;
        }
    }
    let outputs: Vec<Tensor> = network.outputs().iter().filter_map(|id| writer.values[id.index()]).collect();
    if outputs.len() < network.outputs().len() {
        return Err("an output does not depend on the input".to_owned());
    }
    Ok(writer.model.finish(&outputs))
}

struct Writer<'a> {
    network: &'a Network,
    live: Live,
    model: Model,
    /// The tensor of each node that is written.
    values: Vec<Option<Tensor>>,
}

/// Sizes as TFLite has them: a batch of one, channels last.
fn sizes(shape: Shape) -> Vec<i32> {
    let whole = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    match shape {
        Shape::Map { channels, height, width } => vec![1, whole(height), whole(width), whole(channels)],
        Shape::Tokens { tokens, features } => vec![1, whole(tokens), whole(features)],
        Shape::Vector { features } => vec![1, whole(features)],
    }
}

impl Writer<'_> {
    fn node(&mut self, id: NodeId) -> Result<(), String> {
        let node = self.network.node(id);
        let inputs: Vec<Tensor> = self.network.inputs(id).iter().filter_map(|from| self.values[from.index()]).collect();
        let shape = sizes(node.shape);
        if let Op::Input { .. } = node.op {
            self.values[id.index()] = Some(self.model.input(&shape));
            return Ok(());
        }
        let Some(&x) = inputs.first() else { return Err(format!("`{}` has no input that counts", node.name)) };
        let input = self.network.input_shape(id);
        let refuse = || {
            Err(format!(
                "`{}`: {} has no fixed form in TFLite; write models as onnx (--model-format onnx)",
                node.name, node.op
            ))
        };
        let value = match &node.op {
            Op::Conv2d(conv) => {
                let fused = self.fuse(id);
                self.convolution(conv, x, input, node.shape, fused)?
            }
            Op::Linear { .. } => {
                let fused = self.fuse(id);
                let (features, outputs) = (sizes(input)[shape.len() - 1], shape[shape.len() - 1]);
                let weights = [self.model.weights(&[outputs, features]), self.model.weights(&[outputs])];
                let options = Options::FullyConnected { fused, keep_dimensions: shape.len() > 2 };
                self.model.operator(Code::FullyConnected, &[x, weights[0], weights[1]], &shape, options)
            }
            Op::BatchNorm => {
                let channels = [shape[shape.len() - 1]];
                let scale = self.model.weights(&channels);
                let scaled = self.model.operator(Code::Mul, &[x, scale], &shape, Options::Fused(0));
                let shift = self.model.weights(&channels);
                let fused = self.fuse(id);
                self.model.operator(Code::Add, &[scaled, shift], &shape, Options::Fused(fused))
            }
            Op::Activation { function } => self.activation(*function, x, &shape),
            Op::Pool(pool) => self.pool(pool, x, input, node.shape)?,
            Op::GlobalAvgPool => self.mean(x, input),
            Op::Add | Op::Multiply => {
                let code = if node.op == Op::Add { Code::Add } else { Code::Mul };
                let fused = if inputs.len() > 1 { self.fuse(id) } else { 0 };
                let mut sum = x;
                for (index, &next) in inputs.iter().enumerate().skip(1) {
                    let last = index + 1 == inputs.len();
                    sum = self.model.operator(code, &[sum, next], &shape, Options::Fused(if last { fused } else { 0 }));
                }
                if inputs.len() == 1 { self.reshape(x, &shape) } else { sum }
            }
            Op::Concat => {
                self.model.operator(Code::Concatenation, &inputs, &shape, Options::Axis(shape.len() as i32 - 1))
            }
            Op::SqueezeExcite(gate) => self.squeeze_excite(gate, x, input),
            Op::Upsample { mode, .. } => {
                let size = self.model.numbers(&shape[1..3]);
                let code = match mode {
                    Resample::Nearest => Code::ResizeNearest,
                    Resample::Bilinear => Code::ResizeBilinear,
                };
                self.model.operator(code, &[x, size], &shape, Options::Resize { bilinear: *mode == Resample::Bilinear })
            }
            Op::PixelShuffle { scale } => self.model.operator(
                Code::DepthToSpace,
                &[x],
                &shape,
                Options::BlockSize(i32::try_from(*scale).unwrap_or(i32::MAX)),
            ),
            Op::Softmax => self.model.operator(Code::Softmax, &[x], &shape, Options::Softmax),
            // The channels of a position lie together, so these are other views of the same bytes.
            Op::Flatten | Op::ToTokens | Op::ToMap { .. } => self.reshape(x, &shape),
            Op::Identity if !self.network.outputs().contains(&id) => x,
            Op::Identity => self.reshape(x, &shape),
            Op::Reshape { .. }
            | Op::LayerNorm { .. }
            | Op::RmsNorm { .. }
            | Op::PositionEmbedding
            | Op::PrependTokens { .. }
            | Op::Slice { .. }
            | Op::ChannelShuffle { .. }
            | Op::Embedding { .. }
            | Op::Attention(_)
            | Op::Zero { .. } => {
                return refuse();
            }
            Op::Input { .. } => x,
        };
        let fused = self.fused(id);
        for id in std::iter::once(id).chain(fused) {
            self.values[id.index()] = Some(value);
        }
        Ok(())
    }

    /// The one live node that takes what a node computes, if nothing else does.
    fn only_consumer(&self, id: NodeId) -> Option<NodeId> {
        let mut consumers = self.network.consumers(id).map(|(_, to)| to).filter(|&to| self.live.contains(to));
        let only = consumers.next().filter(|_| !self.network.outputs().contains(&id))?;
        consumers.next().is_none().then_some(only)
    }

    /// What is folded into a node: a batch norm behind weights, then an activation that TFLite fuses.
    fn fused(&self, id: NodeId) -> Vec<NodeId> {
        let op = &self.network.node(id).op;
        let weighted = matches!(op, Op::Conv2d(_) | Op::Linear { .. });
        let fuses = match op {
            Op::Add | Op::Multiply => self.network.inputs(id).len() > 1,
            Op::BatchNorm => true,
            _ => weighted,
        };
        let mut folded = Vec::new();
        let mut at = id;
        if weighted
            && let Some(next) = self.only_consumer(at)
            && self.network.node(next).op == Op::BatchNorm
        {
            folded.push(next);
            at = next;
        }
        if fuses
            && let Some(next) = self.only_consumer(at)
            && matches!(self.network.node(next).op, Op::Activation { function: Activation::Relu | Activation::Relu6 })
        {
            folded.push(next);
        }
        folded
    }

    /// The activation that is fused into a node, by TFLite's number.
    fn fuse(&self, id: NodeId) -> u8 {
        let last = self.fused(id).last().map(|&last| &self.network.node(last).op);
        match last {
            Some(Op::Activation { function: Activation::Relu }) => 1,
            Some(Op::Activation { function: Activation::Relu6 }) => 3,
            _ => 0,
        }
    }

    fn reshape(&mut self, x: Tensor, shape: &[i32]) -> Tensor {
        let to = self.model.numbers(shape);
        self.model.operator(Code::Reshape, &[x, to], shape, Options::Reshape(shape.to_vec()))
    }

    fn mean(&mut self, x: Tensor, input: Shape) -> Tensor {
        let from = sizes(input);
        let (axes, to): (&[i32], Vec<i32>) = match from[..] {
            [_, _, _, channels] => (&[1, 2], vec![1, 1, 1, channels]),
            _ => (&[1], vec![1, from[from.len() - 1]]),
        };
        let axes = self.model.numbers(axes);
        self.model.operator(Code::Mean, &[x, axes], &to, Options::KeepDimensions(to.len() == 4))
    }

    /// `SAME` where TFLite's own padding gives the output its size, otherwise a step that pads; as `latency::lower` has it.
    fn convolution(
        &mut self,
        conv: &Conv2d,
        x: Tensor,
        input: Shape,
        output: Shape,
        fused: u8,
    ) -> Result<Tensor, String> {
        let (from, to) = (sizes(input), sizes(output));
        let whole = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let depthwise = conv.groups > 1 && conv.groups == input.channels();
        let padded = conv.padding != [0, 0];
        let same = (0..2).all(|axis| to[1 + axis] == (from[1 + axis] as usize).div_ceil(conv.stride) as i32);
        let (x, same) =
            if padded && (depthwise || !same) { (self.pad(x, &from, conv.padding), false) } else { (x, padded) };
        let [rows, columns] = conv.kernel.map(whole);
        let (filter, code) = if depthwise {
            ([1, rows, columns, to[3]], Code::DepthwiseConv)
        } else {
            ([to[3], rows, columns, whole(input.channels() / conv.groups)], Code::Conv)
        };
        let inputs = [x, self.model.weights(&filter), self.model.weights(&[to[3]])];
        let options = Options::Conv {
            same,
            stride: whole(conv.stride),
            dilation: whole(conv.dilation),
            fused,
            multiplier: depthwise.then(|| to[3] / from[3]),
        };
        Ok(self.model.operator(code, &inputs, &to, options))
    }

    fn pad(&mut self, x: Tensor, from: &[i32], padding: [usize; 2]) -> Tensor {
        let [rows, columns] = padding.map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let sides = self.model.shaped_numbers(&[0, 0, rows, rows, columns, columns, 0, 0], &[4, 2]);
        let to = [1, from[1] + 2 * rows, from[2] + 2 * columns, from[3]];
        self.model.operator(Code::Pad, &[x, sides], &to, Options::None)
    }

    fn pool(&mut self, pool: &Pool, x: Tensor, input: Shape, output: Shape) -> Result<Tensor, String> {
        let (mut from, to) = (sizes(input), sizes(output));
        let mut x = x;
        // TFLite's own padding never counts in a mean.
        if pool.kind == PoolKind::PaddedAvg && pool.padding > 0 {
            x = self.pad(x, &from, [pool.padding; 2]);
            (1..3).for_each(|axis| from[axis] += 2 * pool.padding as i32);
        }
        let size = |axis: usize| (from[axis] as usize, to[axis] as usize);
        let same = (1..3).all(|axis| size(axis).1 == size(axis).0.div_ceil(pool.stride));
        let valid = (1..3).all(|axis| {
            size(axis).0.checked_sub(pool.kernel).is_some_and(|rest| rest / pool.stride + 1 == size(axis).1)
        });
        if !same && !valid {
            return Err(
                "a pooling whose padding TFLite does not have; write models as onnx (--model-format onnx)".to_owned()
            );
        }
        let code = match pool.kind {
            PoolKind::Max => Code::MaxPool,
            PoolKind::Avg | PoolKind::PaddedAvg => Code::AveragePool,
        };
        let whole = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let same = same && !(valid && (pool.padding == 0 || pool.kind == PoolKind::PaddedAvg));
        Ok(self.model.operator(
            code,
            &[x],
            &to,
            Options::Pool { same, stride: whole(pool.stride), window: whole(pool.kernel) },
        ))
    }

    fn activation(&mut self, function: Activation, x: Tensor, shape: &[i32]) -> Tensor {
        let mut step = |code, inputs: &[Tensor], options| self.model.operator(code, inputs, shape, options);
        match function {
            Activation::Relu => step(Code::Relu, &[x], Options::None),
            Activation::Relu6 => step(Code::Relu6, &[x], Options::None),
            Activation::Hswish => step(Code::HardSwish, &[x], Options::None),
            Activation::Sigmoid => step(Code::Logistic, &[x], Options::None),
            Activation::Gelu => step(Code::Gelu, &[x], Options::None),
            Activation::Swish => {
                let gate = step(Code::Logistic, &[x], Options::None);
                step(Code::Mul, &[x, gate], Options::Fused(0))
            }
            Activation::Hsigmoid => {
                let (three, sixth) = (self.model.weights(&[1]), self.model.weights(&[1]));
                let clipped = self.model.operator(Code::Add, &[x, three], shape, Options::Fused(3));
                self.model.operator(Code::Mul, &[clipped, sixth], shape, Options::Fused(0))
            }
        }
    }

    fn squeeze_excite(&mut self, gate: &SqueezeExcite, x: Tensor, input: Shape) -> Tensor {
        let shape = sizes(input);
        let (channels, hidden) = (shape[3], i32::try_from(gate.hidden).unwrap_or(i32::MAX));
        let mean = self.mean(x, input);
        let fused = match gate.activation {
            Activation::Relu => 1,
            Activation::Relu6 => 3,
            _ => 0,
        };
        let dense = |writer: &mut Self, x, from, to, fused| {
            let inputs = [x, writer.model.weights(&[to, 1, 1, from]), writer.model.weights(&[to])];
            let options = Options::Conv { same: false, stride: 1, dilation: 1, fused, multiplier: None };
            writer.model.operator(Code::Conv, &inputs, &[1, 1, 1, to], options)
        };
        let mut narrow = dense(self, mean, channels, hidden, fused);
        if fused == 0 {
            narrow = self.activation(gate.activation, narrow, &[1, 1, 1, hidden]);
        }
        let wide = dense(self, narrow, hidden, channels, 0);
        let gate = self.activation(gate.gate, wide, &[1, 1, 1, channels]);
        self.model.operator(Code::Mul, &[x, gate], &shape, Options::Fused(0))
    }
}

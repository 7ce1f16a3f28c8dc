//! What each operator means, in the tensor algebra of dfdx.

use ::dfdx::prelude::*;

use super::convolution::{convolution, pool};
use super::stencil::Stencil;
use super::{Flat, Number, Plain, Samples, Tape, Taped, attention, gelu};
use crate::engine::{EPSILON, EngineError, Mode};
use crate::graph::{Activation, Axis as Counted, Node, Op, Shape, SqueezeExcite};

/// Samples by channels by positions.
type Maps = (usize, usize, usize);

/// An operator in its place.
pub(super) struct Operator<'a, E: Number> {
    pub node: &'a Node,
    /// The shapes of its inputs.
    pub shapes: &'a [Shape],
    pub parameters: &'a [Plain<Flat, E>],
    pub mode: Mode,
}

impl<E: Number> Operator<'_, E> {
    /// The value of the node. At least one of `inputs` carries the tape; no two are the same tensor.
    ///
    /// # Errors
    /// Ids outside an embedding.
    pub fn apply(&self, inputs: Vec<Taped<Samples, E>>) -> Result<Taped<Samples, E>, EngineError> {
        let mut inputs = inputs.into_iter();
        let x = inputs.next().expect("an operator other than an input has inputs");
        let (batch, width) = *x.shape();
        let (from, to) = (self.shapes[0], self.node.shape);
        let out = (batch, to.elements() as usize);
        let map = sizes(from);
        let [_, height, columns] = sizes(to);
        Ok(match &self.node.op {
            Op::Input { .. } => x,
            Op::Conv2d(conv) => convolution(conv, map, [height, columns], x, self.parameters),
            Op::Pool(window) => pool(window, map, [height, columns], x),
            Op::Linear { .. } => samples(linear(rows(x, from), self.parameters), batch, to),
            Op::BatchNorm => samples(self.batch_norm(rows(x, from)), batch, to),
            Op::LayerNorm { epsilon } => {
                samples(affine(rows(x, from).normalize::<Axis<1>>(epsilon.value()), self.parameters), batch, to)
            }
            Op::RmsNorm { epsilon } => {
                let x = rows(x, from);
                let shape = *x.shape();
                let root = (x.retaped::<Tape<E>>().square().mean::<_, Axis<1>>() + E::of(epsilon.value())).sqrt();
                samples(affine(x / root.broadcast_like::<_, Axis<1>>(&shape), self.parameters), batch, to)
            }
            Op::Softmax => samples(rows(x, from).softmax::<Axis<1>>(), batch, to),
            Op::Activation { function } => activation(*function, x),
            Op::GlobalAvgPool => match from {
                Shape::Map { .. } => mean(x, map),
                _ => x.reshape_like(&(batch, from.size().0, from.channels())).mean::<_, Axis<1>>(),
            },
            Op::Add => inputs.fold(copy(x), |sum, next| sum + next),
            Op::Multiply => {
                let spread = |x: Taped<Samples, E>, shape: Shape| -> Taped<Maps, E> {
                    let whole = (batch, to.channels(), height * columns);
                    match shape == to {
                        true => x.reshape_like(&whole),
                        false => x.broadcast_like::<_, Axis<2>>(&whole),
                    }
                };
                let first = spread(copy(x), from);
                let others = inputs.zip(&self.shapes[1..]);
                others.fold(first, |product, (x, &shape)| product * spread(x, shape)).reshape_like(&out)
            }
            Op::Concat => {
                // Channels of maps lie one after the other; features of tokens are gathered token by token.
                let tokens = if let Shape::Tokens { tokens, .. } = to { tokens } else { 1 };
                let view = |x: Taped<Samples, E>| -> Taped<Maps, E> {
                    let (batch, width) = *x.shape();
                    x.reshape_like(&(batch, tokens, width / tokens))
                };
                inputs.fold(view(copy(x)), |all, next| (all, view(next)).concat_along(Axis::<2>)).reshape_like(&out)
            }
            Op::SqueezeExcite(se) => self.squeeze_excite(se, x),
            Op::Upsample { scale, mode } => Stencil::upsample(map, *scale, *mode).apply(x),
            Op::Identity | Op::Flatten | Op::Reshape { .. } => copy(x),
            Op::ToTokens => swap(copy(x), from.channels(), width / from.channels()),
            Op::ToMap { .. } => swap(copy(x), width / from.channels(), from.channels()),
            Op::PixelShuffle { scale } => {
                type Split = (usize, usize, usize, usize, usize, usize);
                let [_, height, columns] = map;
                copy(x)
                    .reshape_like(&(batch, to.channels(), *scale, *scale, height, columns))
                    .permute::<Split, Axes6<0, 1, 4, 2, 5, 3>>()
                    .reshape_like(&out)
            }
            Op::PositionEmbedding => x + self.table().broadcast_like::<_, Axis<0>>(&out),
            Op::PrependTokens { .. } => {
                let table = self.table();
                let before = (batch, table.shape().0);
                let table = table.put_tape(Tape::<E>::default()).broadcast_like::<_, Axis<0>>(&before);
                (table, copy(x)).concat_along(Axis::<1>)
            }
            Op::Slice { axis, start, .. } => {
                // Elements between one of what is counted and the next, how many of it follow each other, and how many are kept.
                let (inner, of, count) = match axis {
                    Counted::Tokens => (from.channels(), from.size().0, to.size().0),
                    Counted::Channels => {
                        // Channels of a map lie one after the other, features token by token.
                        let inner = if let Shape::Map { .. } = from { width / from.channels() } else { 1 };
                        (inner, from.channels(), to.channels())
                    }
                };
                Stencil::slice(width, inner, of, *start, count).apply(x)
            }
            Op::ChannelShuffle { groups } => {
                type Split = (usize, usize, usize, usize);
                let (channels, positions) = (from.channels(), width / from.channels());
                copy(x)
                    .reshape_like(&(batch, *groups, channels / groups, positions))
                    .permute::<Split, Axes4<0, 2, 1, 3>>()
                    .reshape_like(&out)
            }
            Op::Embedding { vocabulary, .. } => self.embedding(*vocabulary, x)?,
            Op::Attention(heads) => {
                let mut next = || inputs.next().expect("an attention has three inputs");
                attention::attention(heads, [from, self.shapes[1], self.shapes[2]], [x, next(), next()])
            }
            Op::Zero { .. } => {
                let (x, tape) = x.split_tape();
                x.device().zeros_like(&out).put_tape(tape)
            }
        })
    }

    /// Normalises channels over all positions of all samples, or by the running statistics (Ioffe and Szegedy, 2015).
    fn batch_norm(&self, x: Taped<Samples, E>) -> Taped<Samples, E> {
        let shape = *x.shape();
        let normal = match self.mode {
            Mode::Train => x.normalize::<Axis<0>>(EPSILON),
            Mode::Eval => {
                let (mean, variance) = (self.parameters[2].clone(), self.parameters[3].clone());
                let deviation = (variance + E::of(EPSILON)).sqrt();
                (x - mean.broadcast_like::<_, Axis<0>>(&shape)) / deviation.broadcast_like::<_, Axis<0>>(&shape)
            }
        };
        affine(normal, self.parameters)
    }

    /// Global mean, two linear layers, and a gate on the channels (Hu et al., 2018, eq. 3).
    fn squeeze_excite(&self, se: &SqueezeExcite, x: Taped<Samples, E>) -> Taped<Samples, E> {
        let shape = *x.shape();
        let [channels, height, width] = sizes(self.node.shape);
        let whole = (shape.0, channels, height * width);
        let (reduce, expand) = self.parameters.split_at(2);
        let squeezed = mean(x.retaped::<Tape<E>>(), [channels, height, width]);
        let hidden = activation(se.activation, linear(squeezed, reduce));
        let gate = activation(se.gate, linear(hidden, expand));
        (x.reshape_like(&whole) * gate.broadcast_like::<_, Axis<2>>(&whole)).reshape_like(&shape)
    }

    /// The only parameter.
    fn table(&self) -> Plain<Flat, E> {
        self.parameters[0].clone()
    }

    /// The rows of the table that the ids name.
    fn embedding(&self, vocabulary: usize, ids: Taped<Samples, E>) -> Result<Taped<Samples, E>, EngineError> {
        let (ids, tape) = ids.split_tape();
        let (batch, tokens) = *ids.shape();
        let features = self.node.shape.channels();
        let row = |id: E| {
            let id = id.to_f64();
            let known = id >= 0.0 && id < vocabulary as f64 && id.fract() == 0.0;
            known.then_some(id as usize).ok_or(EngineError::Id { node: self.node.name.clone(), vocabulary, id })
        };
        let rows = ids.as_vec().into_iter().map(row).collect::<Result<Vec<usize>, _>>()?;
        let rows = ids.device().tensor_from_vec(rows, (batch * tokens,));
        let table = self.parameters[0].clone().reshape_like(&(vocabulary, features));
        let found: Taped<Samples, E> = table.put_tape(tape).gather(rows);
        Ok(found.reshape_like(&(batch, tokens * features)))
    }
}

/// Channels, height and width.
fn sizes(shape: Shape) -> [usize; 3] {
    let (height, width) = shape.size();
    [shape.channels(), height, width]
}

/// The same value as a tensor of its own: dfdx keeps gradients by tensor, and a view is the tensor it views.
pub(super) fn copy<E: Number>(x: Taped<Samples, E>) -> Taped<Samples, E> {
    x * E::of(1.0)
}

/// Samples of `a × b` as samples of `b × a`.
fn swap<E: Number>(x: Taped<Samples, E>, a: usize, b: usize) -> Taped<Samples, E> {
    let (batch, width) = *x.shape();
    x.reshape_like(&(batch, a, b)).permute::<Maps, Axes3<0, 2, 1>>().reshape_like(&(batch, width))
}

/// A row for each position of each sample, a column for each channel or feature.
fn rows<E: Number>(x: Taped<Samples, E>, shape: Shape) -> Taped<Samples, E> {
    let ((batch, width), channels) = (*x.shape(), shape.channels());
    let positions = width / channels;
    let x = if let Shape::Map { .. } = shape { swap(x, channels, positions) } else { x };
    x.reshape_like(&(batch * positions, channels))
}

/// The way back from [`rows`].
fn samples<E: Number>(x: Taped<Samples, E>, batch: usize, shape: Shape) -> Taped<Samples, E> {
    let (rows, channels) = *x.shape();
    let positions = rows / batch;
    let x = x.reshape_like(&(batch, positions * channels));
    if let Shape::Map { .. } = shape { swap(x, positions, channels) } else { x }
}

/// The mean over the positions of maps.
fn mean<E: Number>(x: Taped<Samples, E>, [channels, height, width]: [usize; 3]) -> Taped<Samples, E> {
    let (batch, _) = *x.shape();
    x.reshape_like(&(batch, channels, height * width)).mean::<_, Axis<2>>()
}

/// `x · weightᵀ + bias`.
fn linear<E: Number>(x: Taped<Samples, E>, parameters: &[Plain<Flat, E>]) -> Taped<Samples, E> {
    let (rows, features) = *x.shape();
    let weight = parameters[0].clone();
    let outputs = weight.shape().0 / features;
    let weight = weight.reshape_like(&(outputs, features)).permute::<Samples, Axes2<1, 0>>();
    let product = x.matmul(weight);
    match parameters.get(1) {
        Some(bias) => product + bias.clone().broadcast_like::<_, Axis<0>>(&(rows, outputs)),
        None => product,
    }
}

/// Scale and, where there is one, shift of each column.
fn affine<E: Number>(x: Taped<Samples, E>, parameters: &[Plain<Flat, E>]) -> Taped<Samples, E> {
    let shape = *x.shape();
    let scaled = x * parameters[0].clone().broadcast_like::<_, Axis<0>>(&shape);
    match parameters.get(1) {
        Some(shift) => scaled + shift.clone().broadcast_like::<_, Axis<0>>(&shape),
        None => scaled,
    }
}

fn activation<E: Number>(function: Activation, x: Taped<Samples, E>) -> Taped<Samples, E> {
    // The derivative of dfdx's clamp is 1 at its lower end, PyTorch's is 0; zeros do occur, so the lower end is a relu.
    let relu6 = |x: Taped<Samples, E>| x.relu().clamp(0.0, 6.0);
    let hsigmoid = |x: Taped<Samples, E>| relu6(x + E::of(3.0)) / E::of(6.0);
    match function {
        Activation::Relu => x.relu(),
        Activation::Relu6 => relu6(x),
        Activation::Sigmoid => x.sigmoid(),
        Activation::Hsigmoid => hsigmoid(x),
        Activation::Swish => x.retaped::<Tape<E>>().sigmoid() * x,
        Activation::Hswish => hsigmoid(x.retaped::<Tape<E>>()) * x,
        Activation::Gelu => gelu::gelu(x),
    }
}

//! Fully connected layers: `Gemm` on vectors, `MatMul` by a constant on tokens. On maps whose channels stand last they are
//! convolutions of one position.

use super::{Done, Fault, Lowerer, Value, wrong};
use crate::graph::{Conv2d, Op, Shape};
use crate::import::model::Node;
use crate::import::view::{Atom, View, whole};

impl<'m> Lowerer<'m> {
    pub(super) fn gemm(&mut self, node: &'m Node) -> Done {
        if node.int_or("transA", 0) != 0 {
            return Err(Fault::new("its first matrix is turned", "write it with transA=0"));
        }
        let weight = self.floats(node, 1)?.ok_or_else(|| wrong("its matrix is left out"))?;
        let [rows, columns] = weight.dims[..] else {
            return Err(wrong(format!("its matrix is {:?}", weight.dims)));
        };
        let (alpha, beta) = (node.float_or("alpha", 1.0), node.float_or("beta", 1.0));
        let values = weight.as_floats().unwrap_or(&[]);
        let (features, mut matrix) = match node.int_or("transB", 0) {
            0 => (columns, turned(values, rows, columns)),
            _ => (rows, values.to_vec()),
        };
        matrix.iter_mut().for_each(|x| *x *= alpha);
        let bias = match self.floats(node, 2)? {
            None => None,
            Some(bias) => {
                let one = bias.as_floats().unwrap_or(&[]);
                match one.len() {
                    1 => Some(vec![one[0] * beta; features]),
                    n if n == features => Some(one.iter().map(|x| x * beta).collect()),
                    _ => {
                        return Err(Fault::new(
                            format!("it adds a tensor of {:?}", bias.dims),
                            "add a bias for each feature",
                        ));
                    }
                }
            }
        };
        self.linear(node, features, matrix, bias)
    }

    /// A product: by a constant a linear layer, of two tensors a part of an attention.
    pub(super) fn product(&mut self, node: &'m Node) -> Done {
        let second = node.input(1).map(|name| self.value(name));
        let Some(Value::Constant(weight)) = second else {
            return match node.input(0).map(|name| self.value(name)) {
                Some(Value::Constant(_)) => {
                    Err(Fault::new("a constant is multiplied from the left", "write it as a linear layer"))
                }
                _ => self.attention_product(node),
            };
        };
        let ([rows, columns], Some(values)) = (&weight.dims[..], weight.as_floats()) else {
            return Err(Fault::new(
                format!("it multiplies by a tensor of {:?}", weight.dims),
                "multiply by one matrix",
            ));
        };
        let matrix = turned(values, *rows, *columns);
        self.linear(node, *columns, matrix, None)
    }

    /// A linear layer over the last axis, with its matrix as PyTorch has it: `[out, in]`.
    fn linear(&mut self, node: &'m Node, features: usize, matrix: Vec<f32>, bias: Option<Vec<f32>>) -> Done {
        let view = self.view(node, 0)?;
        let biased = bias.is_some();
        let parameters: Vec<Vec<f32>> = std::iter::once(matrix).chain(bias).collect();
        let op = Op::Linear { features, bias: biased };
        // A stack of tokens with more axes than tokens have, or a map with its channels last.
        if view.axes.len() > 3 || Self::natural_shape(&view).is_none() {
            if let Some((below, over)) = self.below(&view)? {
                let shape = self.draft.nodes[below].shape;
                let sizes: Vec<usize> = shape.into();
                let channel = channel_axis(shape);
                let last = over.axes.last().cloned().unwrap_or_default();
                if last == whole(channel, sizes[channel]) {
                    let op = match shape {
                        Shape::Map { .. } => Op::Conv2d(Conv2d { bias: biased, ..Conv2d::square(features, 1, 1) }),
                        _ => op,
                    };
                    let at = self.add(node, op, &[below], parameters)?;
                    let mut axes = over.axes;
                    if let Some(last) = axes.last_mut() {
                        *last = whole(channel, features);
                    }
                    return self.set(node, View { axes, ..self.whole(at) });
                }
            }
            let message = format!("it multiplies the last axis of a tensor of {}", super::realise::shown(&view.dims()));
            return Err(Fault::new(message, "apply linear layers to vectors, to tokens, or to the channels of a map"));
        }
        let input = self.natural(&view, node.input(0).unwrap_or_default())?;
        let at = self.add(node, op, &[input], parameters)?;
        self.keep_dims(node, at, &view, features)
    }

    /// Sets what a node makes to all of a node of the draft, with the axes that the file has: sizes of one may stand between.
    fn keep_dims(&mut self, node: &'m Node, at: usize, before: &View, features: usize) -> Done {
        let mut dims = before.dims();
        if let Some(last) = dims.last_mut() {
            *last = features;
        }
        let whole = self.whole(at);
        let view = whole.reshaped(&dims).unwrap_or(whole);
        self.set(node, view)
    }
}

/// Which axis of a shape holds the channels, the batch not counted.
pub(super) fn channel_axis(shape: Shape) -> usize {
    match shape {
        Shape::Tokens { .. } => 1,
        _ => 0,
    }
}

/// All digits of the channels.
pub(super) fn channels(shape: Shape) -> Vec<Atom> {
    whole(channel_axis(shape), shape.channels())
}

/// A matrix with rows and columns in each other's place.
fn turned(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

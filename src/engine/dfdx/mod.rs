//! The reference engine: networks in the tensor algebra of dfdx 0.13, differentiated by its tape. It says what every
//! operator means, plainly rather than quickly; the fast engine is held against it.
//!
//! dfdx's own are sums, products, matrix products, means, roots, exponentials, softmax, normalisation, permutations,
//! broadcasts, concatenation and gathering, and of activations all but one. From these come linear layers, every norm
//! (batch norm too), squeeze-excite, attention with rotary embedding, embeddings and everything that moves elements
//! by permutation. On stable Rust dfdx 0.13 has neither convolution nor pooling, and its upscaling aligns corners as
//! no exported model does. All three are linear maps with few terms, so one tape operator of ours serves them
//! ([`stencil`]): a convolution unfolds its windows with it and is a matrix product of dfdx from there. Ours is also
//! the derivative of GELU, since dfdx's lacks a factor of `1/√2` ([`gelu`]).
//!
//! A tape of dfdx runs once and stays on its thread. A program therefore keeps plain tensors only, and its backward
//! pass records the forward pass anew.

use std::ops::DerefMut;

use ::dfdx::dtypes::Dtype;
use ::dfdx::tensor::{Cpu, OwnedTape, Storage, Tensor as Array};
use ::dfdx::tensor_ops::Device;

use super::{Backend, Element, EngineError, Plan, Program};
use crate::graph::Network;

mod attention;
mod convolution;
mod gelu;
mod operator;
mod program;
mod stencil;
mod trace;

/// The reference engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dfdx;

/// An element that dfdx computes with. The device is a type of the trait, since bounds on such a type hold wherever
/// the trait does; `where Cpu: Device<E>` would have to stand at every function.
trait Number: Element + Dtype {
    /// Where it is computed; always [`Cpu`].
    type On: Device<Self> + Storage<Self, Vec: DerefMut<Target = Vec<Self>>>;
}

impl Number for f32 {
    type On = Cpu;
}

impl Number for f64 {
    type On = Cpu;
}

/// Records what is done to values.
type Tape<E> = OwnedTape<E, <E as Number>::On>;
/// A tensor of dfdx.
type Plain<S, E> = Array<S, E, <E as Number>::On>;
/// A tensor of dfdx that carries the tape, or an empty one that is merged later.
type Taped<S, E> = Array<S, E, <E as Number>::On, Tape<E>>;
/// Every value of a network is a matrix, a row for each sample, whatever its shape is; an operator views it in the rank
/// it needs. So ranks, which dfdx keeps in types, stay inside of operators.
type Samples = (usize, usize);
/// Every parameter is a vector, for the same reason.
type Flat = (usize,);

impl Backend<f32> for Dfdx {
    fn name(&self) -> &'static str {
        "dfdx"
    }

    fn compile(&self, network: &Network, plan: &Plan) -> Result<Box<dyn Program<f32>>, EngineError> {
        Ok(Box::new(program::Recorded::new(network, plan)?))
    }
}

impl Backend<f64> for Dfdx {
    fn name(&self) -> &'static str {
        "dfdx"
    }

    fn compile(&self, network: &Network, plan: &Plan) -> Result<Box<dyn Program<f64>>, EngineError> {
        Ok(Box::new(program::Recorded::new(network, plan)?))
    }
}

#[cfg(test)]
mod tests;

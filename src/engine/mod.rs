//! The tensor engine: runs a network forward and backward.
//!
//! A [`Backend`] compiles a [`Network`] for one size of batch to a [`Program`] that owns its buffers. There are two:
//! `native` is the fast one; `dfdx` says in that library's tensor algebra what every operator means. One conformance
//! suite holds both against values from elsewhere. Tensors cross this border in the order of PyTorch: batch, channel,
//! row, column.

use std::fmt::Debug;

use crate::graph::{Network, NodeId};

#[cfg(test)]
pub(crate) mod conformance;
mod dfdx;
mod element;
mod init;
mod loss;
pub mod native;
mod tensor;
mod weights;

pub use self::dfdx::Dfdx;
pub use element::Element;
pub use init::{Biases, Drawn, Init, Scheme, initialise};
pub use loss::{IGNORED, Loss, LossError, Target};
pub use tensor::Tensor;
pub use weights::{Weights, WeightsError};

/// What batch norms add to a variance before its root is taken (the default of PyTorch).
pub const EPSILON: f64 = 1e-5;

/// What batch norms normalise by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The statistics of the batch, as in training.
    Train,
    /// The running statistics among the weights.
    Eval,
}

/// What a program is to do, besides computing outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Samples in a batch.
    pub batch: usize,
    /// What batch norms normalise by.
    pub mode: Mode,
    /// Whether [`Program::backward`] will be called.
    pub backward: bool,
    /// Whether the gradient of the inputs is wanted too.
    pub input_gradients: bool,
    /// Nodes whose values, and whose gradients if there is a backward pass, can be read afterwards. Outputs always can.
    pub watch: Vec<NodeId>,
    /// Leaves out nodes that are not live ([`Network::live`]). Right as long as biases and shifts are zero, as they are
    /// before training.
    pub prune: bool,
}

impl Plan {
    /// A forward pass over `batch` samples.
    pub fn forward(batch: usize, mode: Mode) -> Self {
        Self { batch, mode, backward: false, input_gradients: false, watch: Vec::new(), prune: false }
    }

    /// A forward and a backward pass in training over `batch` samples.
    pub fn train(batch: usize) -> Self {
        Self { backward: true, ..Self::forward(batch, Mode::Train) }
    }
}

/// Runs networks.
pub trait Backend<T: Element = f32>: Debug + Send + Sync {
    /// Its name on the command line and in messages.
    fn name(&self) -> &'static str;

    /// Makes a program. Its parameters are unset until [`Program::load`].
    ///
    /// # Errors
    /// [`EngineError`] where the backend has no such operator, or the buffers do not fit the memory.
    fn compile(&self, network: &Network, plan: &Plan) -> Result<Box<dyn Program<T>>, EngineError>;
}

/// A network compiled for one size of batch, with its buffers and its copy of the parameters.
pub trait Program<T: Element = f32>: Debug + Send {
    /// Takes the parameters of every node that runs.
    ///
    /// # Errors
    /// A parameter that is missing or has another shape.
    fn load(&mut self, weights: &Weights<T>) -> Result<(), EngineError>;

    /// Computes the outputs for one batch: a tensor `[batch, …]` for each input of the network, in order.
    ///
    /// # Errors
    /// Inputs of other shapes than the network's, or ids outside an embedding.
    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Result<(), EngineError>;

    /// The value of an output or of a watched node after [`forward`](Self::forward): `[batch, …]`.
    fn value(&self, node: NodeId) -> Option<Tensor<T>>;

    /// Runs backward from the gradient of some scalar with respect to outputs or watched nodes; gradients of parameters
    /// are those of this call alone, not added to the last.
    ///
    /// # Errors
    /// A node that is neither output nor watched, or a gradient of another shape than its value.
    fn backward(&mut self, seeds: &[(NodeId, &Tensor<T>)]) -> Result<(), EngineError>;

    /// Hands out the gradient of a parameter, by its position in [`Network::parameters`], in pieces, without copying.
    /// The pieces hold every element once, in an order of the program's own that is the same for every call. Nothing is
    /// handed out for nodes that do not run.
    fn visit_gradient(&self, node: NodeId, parameter: usize, visit: &mut dyn FnMut(&[T]));

    /// The gradient of a parameter in the shape of [`Network::parameters`].
    fn gradient(&self, node: NodeId, parameter: usize) -> Option<Tensor<T>>;

    /// The gradient of an output, of a watched node, or of an input where the plan asks for it.
    fn value_gradient(&self, node: NodeId) -> Option<Tensor<T>>;

    /// Whether a node runs; one that was pruned does not.
    fn runs(&self, node: NodeId) -> bool;

    /// Bytes of all buffers.
    fn bytes(&self) -> u64;
}

/// Why a network cannot be run. Displays what, where and the remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// An operator that a backend does not have.
    #[error("`{node}`: the {backend} engine cannot run {op}; {remedy}")]
    Unsupported {
        /// The node.
        node: String,
        /// The backend.
        backend: &'static str,
        /// The operator.
        op: String,
        /// What can be done.
        remedy: String,
    },
    /// More memory than there is.
    #[error(
        "this network needs {} MiB for a batch of {batch}, but {} MiB are free; use a smaller batch or input",
        needed >> 20, available >> 20
    )]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes there are.
        available: u64,
        /// Samples in the batch.
        batch: usize,
    },
    /// A tensor of the wrong shape.
    #[error("`{node}` takes a tensor of {wanted:?}, but {given:?} is given")]
    Shape {
        /// The node.
        node: String,
        /// Its shape with the batch.
        wanted: Vec<usize>,
        /// The shape that came.
        given: Vec<usize>,
    },
    /// Another number of inputs than the network has.
    #[error("the network has {wanted} input(s), but {given} tensors are given")]
    Inputs {
        /// Inputs of the network.
        wanted: usize,
        /// Tensors given.
        given: usize,
    },
    /// An id that is not a row of an embedding.
    #[error("`{node}` has {vocabulary} rows, but the id {id} is given")]
    Id {
        /// The embedding.
        node: String,
        /// Its rows.
        vocabulary: usize,
        /// What came.
        id: f64,
    },
    /// A node whose gradient or value is not kept.
    #[error("`{node}` is neither an output nor watched")]
    Unwatched {
        /// The node.
        node: String,
    },
    /// The weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

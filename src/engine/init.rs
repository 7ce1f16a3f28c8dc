//! Weights before training. Every parameter draws from a random stream of its own, seeded by its name, so that what two
//! candidates share they share in their weights too (common random numbers), and a difference of scores is one of
//! architectures.
//!
//! A layer that keeps its name and shape has the same weights in every network. A wider layer of that name draws from the
//! same stream and begins with the same numbers; they then stand at other places, and the scale follows the new shape.

mod drawn;

pub use drawn::Drawn;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{Tensor, Weights};
use crate::graph::{Network, Parameter, Role};

/// How a kernel, a matrix or a table is drawn. With `i` for [`Parameter::fan_in`] and `o` for [`Parameter::fan_out`]:
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheme {
    /// Normal of variance `2 / i`, for networks of relu (He et al., ICCV 2015, eq. 10).
    KaimingNormal,
    /// Normal of variance `2 / o`, which keeps the scale of gradients (He et al., eq. 14).
    KaimingNormalFanOut,
    /// Uniform of variance `2 / i`: within `±sqrt(6 / i)`.
    KaimingUniform,
    /// Uniform of variance `2 / o`: within `±sqrt(6 / o)`.
    KaimingUniformFanOut,
    /// Normal of variance `2 / (i + o)` (Glorot and Bengio, AISTATS 2010, eq. 12).
    XavierNormal,
    /// Uniform of variance `2 / (i + o)`: within `±sqrt(6 / (i + o))` (Glorot and Bengio, eq. 16).
    XavierUniform,
    /// A random orthogonal matrix (Saxe et al., ICLR 2014): of the first size and the product of the others, the shorter
    /// side's vectors are orthonormal. The gain is 1.
    Orthogonal,
    /// Normal of this standard deviation, whatever the shape.
    Gaussian {
        /// The standard deviation; 1 where only the name is given.
        deviation: f64,
    },
    /// PyTorch's default: uniform within `±1 / sqrt(i)` (its `kaiming_uniform_` with `a = sqrt(5)`) for kernels and
    /// matrices, unit normal for tables.
    Pytorch,
}

impl Scheme {
    /// Every scheme, in the order messages list them.
    pub const ALL: [Self; 9] = [
        Self::KaimingNormal,
        Self::KaimingNormalFanOut,
        Self::KaimingUniform,
        Self::KaimingUniformFanOut,
        Self::XavierNormal,
        Self::XavierUniform,
        Self::Orthogonal,
        Self::Gaussian { deviation: 1.0 },
        Self::Pytorch,
    ];

    /// The name used in files; the deviation of a Gaussian is no part of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KaimingNormal => "kaiming_normal",
            Self::KaimingNormalFanOut => "kaiming_normal_fan_out",
            Self::KaimingUniform => "kaiming_uniform",
            Self::KaimingUniformFanOut => "kaiming_uniform_fan_out",
            Self::XavierNormal => "xavier_normal",
            Self::XavierUniform => "xavier_uniform",
            Self::Orthogonal => "orthogonal",
            Self::Gaussian { .. } => "gaussian",
            Self::Pytorch => "pytorch",
        }
    }

    /// The scheme of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    fn draw(self, parameter: &Parameter, stream: &mut ChaCha8Rng) -> Vec<f32> {
        let (inputs, outputs) = (parameter.fan_in().max(1) as f64, parameter.fan_out().max(1) as f64);
        let count = parameter.elements();
        match self {
            Self::KaimingNormal => normal(count, (2.0 / inputs).sqrt(), stream),
            Self::KaimingNormalFanOut => normal(count, (2.0 / outputs).sqrt(), stream),
            Self::KaimingUniform => uniform(count, (6.0 / inputs).sqrt(), stream),
            Self::KaimingUniformFanOut => uniform(count, (6.0 / outputs).sqrt(), stream),
            Self::XavierNormal => normal(count, (2.0 / (inputs + outputs)).sqrt(), stream),
            Self::XavierUniform => uniform(count, (6.0 / (inputs + outputs)).sqrt(), stream),
            Self::Orthogonal => orthogonal(parameter.shape[0], parameter.fan_in(), stream),
            Self::Gaussian { deviation } => normal(count, deviation, stream),
            Self::Pytorch if parameter.role == Role::Table => normal(count, 1.0, stream),
            Self::Pytorch => uniform(count, inputs.sqrt().recip(), stream),
        }
    }
}

/// What biases of convolutions and linear layers start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Biases {
    /// 0. Only then may a program leave out nodes that are not live ([`super::Plan::prune`]).
    Zero,
    /// PyTorch's default: uniform within `±1 / sqrt(i)`, `i` the fan-in of the layer's weight.
    Pytorch,
}

impl Biases {
    /// Both, in the order messages list them.
    pub const ALL: [Self; 2] = [Self::Zero, Self::Pytorch];

    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Pytorch => "pytorch",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|biases| biases.name() == name)
    }
}

/// How each kind of layer is drawn. Norms always start with scale 1, shift 0, running mean 0 and running variance 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    /// Kernels of convolutions, those of squeeze-excite gates among them.
    pub convolutions: Scheme,
    /// Matrices of linear layers.
    pub linear: Scheme,
    /// Tables of embeddings.
    pub embeddings: Scheme,
    /// Biases.
    pub biases: Biases,
}

impl Default for Init {
    /// Convolutions by Kaiming's normal over the fan-out, linear layers and embeddings as PyTorch makes them: what
    /// vision networks in PyTorch commonly start from, except that biases are 0, so that dead parts can be left out.
    fn default() -> Self {
        Self {
            convolutions: Scheme::KaimingNormalFanOut,
            linear: Scheme::Pytorch,
            embeddings: Scheme::Pytorch,
            biases: Biases::Zero,
        }
    }
}

/// Draws every parameter of a network. The same seed, names and shapes give the same numbers, whatever else the
/// network holds.
pub fn initialise(network: &Network, init: &Init, seed: u64) -> Weights<f32> {
    let draw = |scheme: Scheme, parameter: &Parameter, name: &str| scheme.draw(parameter, &mut stream(seed, name));
    initialise_by(network, init, seed, draw)
}

/// The same, where `draw` is asked for every kernel, matrix and table by its full name.
fn initialise_by(
    network: &Network,
    init: &Init,
    seed: u64,
    mut draw: impl FnMut(Scheme, &Parameter, &str) -> Vec<f32>,
) -> Weights<f32> {
    let mut weights = Weights::default();
    for id in network.ids() {
        // A bias is scaled by the weight that it stands behind.
        let mut fan_in = 1;
        for parameter in network.parameters(id) {
            let name = format!("{}.{}", network.node(id).name, parameter.name);
            let data = match parameter.role {
                Role::Weight => {
                    fan_in = parameter.fan_in().max(1);
                    let scheme = if parameter.shape.len() == 4 { init.convolutions } else { init.linear };
                    draw(scheme, &parameter, &name)
                }
                Role::Table => draw(init.embeddings, &parameter, &name),
                Role::Bias => match init.biases {
                    Biases::Zero => vec![0.0; parameter.elements()],
                    Biases::Pytorch => {
                        uniform(parameter.elements(), (fan_in as f64).sqrt().recip(), &mut stream(seed, &name))
                    }
                },
                Role::Scale | Role::Variance => vec![1.0; parameter.elements()],
                Role::Shift | Role::Mean => vec![0.0; parameter.elements()],
            };
            weights.0.insert(name, Tensor::new(parameter.shape, data));
        }
    }
    weights
}

/// The random stream of one parameter.
fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = blake3::Hasher::new_derive_key("pocketnas: initial weights");
    hash.update(&seed.to_le_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(*hash.finalize().as_bytes())
}

fn normal(count: usize, deviation: f64, stream: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| (deviation * stream.sample::<f64, _>(StandardNormal)) as f32).collect()
}

fn uniform(count: usize, bound: f64, stream: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| (bound * (2.0 * stream.r#gen::<f64>() - 1.0)) as f32).collect()
}

/// Orthonormal rows, or columns where there are fewer of them, uniform over all such matrices: Gram and Schmidt's process
/// on normal vectors, which is the QR factorisation whose R has a positive diagonal.
fn orthogonal(rows: usize, columns: usize, stream: &mut ChaCha8Rng) -> Vec<f32> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| stream.sample(StandardNormal)).collect();
        // The second pass takes away what rounding left of the first (Giraud et al., 2005: twice is enough).
        for _ in 0..2 {
            for before in &vectors {
                let along: f64 = vector.iter().zip(before).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(before).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        // A vector within the span of the others has no direction left; chance does not draw one, but may not fail here.
        if norm > 1e-9 {
            vector.iter_mut().for_each(|x| *x /= norm);
            vectors.push(vector);
        }
    }
    let element = |row: usize, column: usize| if rows <= columns { vectors[row][column] } else { vectors[column][row] };
    (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).map(|(r, c)| element(r, c) as f32).collect()
}

#[cfg(test)]
mod tests;

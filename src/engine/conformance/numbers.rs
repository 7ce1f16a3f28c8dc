//! Inputs, parameters and gradients from above, from names alone: what `golden.py` computes in the same words.

use crate::engine::{Element, Tensor, Weights};
use crate::graph::{Network, NodeId, Op, Parameter, Role};

/// Numbers in `[0, 1)` that are exact in single precision: a linear congruential generator started by the name.
pub fn numbers(name: &str) -> impl Iterator<Item = f64> + use<> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    })
}

fn tensor<T: Element>(name: &str, shape: Vec<usize>, of: impl Fn(f64) -> f64) -> Tensor<T> {
    let size = shape.iter().product();
    Tensor::new(shape, numbers(name).take(size).map(|x| T::of(of(x))).collect())
}

fn signed(x: f64) -> f64 {
    2.0 * x - 1.0
}

fn with_batch(network: &Network, id: NodeId, batch: usize) -> Vec<usize> {
    std::iter::once(batch).chain(Vec::from(network.node(id).shape)).collect()
}

/// A batch for each input: ids where an embedding takes it, and whole numbers from −2 to 2 where it is named `coarse`.
pub fn inputs<T: Element>(network: &Network, batch: usize) -> Vec<Tensor<T>> {
    let takers = network.ids().filter(|&id| matches!(network.node(id).op, Op::Input { .. }));
    let input = |id: NodeId| {
        let rows = network.consumers(id).find_map(|(_, to)| match network.node(to).op {
            Op::Embedding { vocabulary, .. } => Some(vocabulary as f64),
            _ => None,
        });
        let (name, shape) = (&network.node(id).name, with_batch(network, id, batch));
        match rows {
            Some(rows) => tensor(name, shape, |x| (x * rows).floor()),
            None if name == "coarse" => tensor(name, shape, |x| (x * 5.0).floor() - 2.0),
            None => tensor(name, shape, signed),
        }
    };
    takers.map(input).collect()
}

/// The gradient that comes to a node from above.
pub fn seed<T: Element>(network: &Network, id: NodeId, batch: usize) -> Tensor<T> {
    tensor(&format!("{}.seed", network.node(id).name), with_batch(network, id, batch), signed)
}

/// Every parameter of a network.
pub fn weights<T: Element>(network: &Network) -> Weights<T> {
    let of = |parameter: Parameter, name: String| {
        let spread = (3.0 / parameter.fan_in() as f64).sqrt();
        let value = match parameter.role {
            Role::Weight => tensor(&name, parameter.shape, |x| signed(x) * spread),
            Role::Scale | Role::Variance => tensor(&name, parameter.shape, |x| 0.5 + x),
            Role::Table | Role::Bias | Role::Shift | Role::Mean => tensor(&name, parameter.shape, signed),
        };
        (name, value)
    };
    let named = network.ids().flat_map(|id| {
        let node = &network.node(id).name;
        network.parameters(id).into_iter().map(move |parameter| {
            let name = format!("{node}.{}", parameter.name);
            (parameter, name)
        })
    });
    Weights(named.map(|(parameter, name)| of(parameter, name)).collect())
}

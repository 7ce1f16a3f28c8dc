//! What every backend must do, as one suite that each instantiates: `suite!(Backend)`.
//!
//! Independent references come first: values and gradients of every operator, and of whole networks, by PyTorch in
//! double precision ([`golden`], written by `tests/fixtures/engine/golden.py`). Then what needs none: gradients against
//! finite differences ([`differences`]), and the contract of plans and programs ([`contract`], [`refusals`]).
//!
//! Golden values are few; [`agreement`] with the reference engine, which they hold, covers random geometries and graphs.
//!
//! Whole networks are compared only where they are shallow and smooth. In a deep network of ReLUs the gradient is not
//! a continuous function of rounding: a single activation that changed sign (+1.2e-6 against −1.8e-6) moved the gradient
//! of a NAS-Bench-201 network with one cell a stage by 2.1e-3 of its norm, and PyTorch in single precision is itself
//! 2.2e-2 away from double with five cells a stage. No bar on those gradients could tell a wrong kernel from a sum in
//! another order. Such networks are therefore compared by their scores: here by the norm of each layer's gradient, and in the
//! tests of the proxies. Every operator in them is held to 1e-5.
#![allow(clippy::unwrap_used)]

use super::{Backend, Element, Plan, Program, Tensor, Weights};
use crate::graph::{Network, NodeId, Role};

pub mod agreement;
pub mod contract;
pub mod differences;
pub mod golden;
mod numbers;
pub mod refusals;

pub use numbers::{inputs, numbers, seed, weights};

/// Every test of the suite for a backend that is a value of that name, in single and in double precision.
macro_rules! suite {
    ($backend:expr) => {
        $crate::engine::conformance::suite!(@precision single, f32, $backend);
        $crate::engine::conformance::suite!(@precision double, f64, $backend);

        #[test]
        fn gradients_are_finite_differences() {
            $crate::engine::conformance::differences::networks(&$backend);
        }
    };
    (@precision $module:ident, $element:ty, $backend:expr) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            use $crate::engine::conformance::{agreement, contract, golden, refusals};

            $crate::engine::conformance::suite! { @tests $element, $backend,
                golden::operators, golden::networks, golden::deep_network,
                agreement::random_operators, agreement::random_networks,
                contract::watched_values_and_gradients, contract::any_node_can_be_watched,
                contract::products_between_inner_nodes, contract::seeds_add_up, contract::several_inputs,
                contract::many_consumers, contract::the_same_node_twice, contract::one_sample,
                contract::samples_are_independent, contract::pruning, contract::constants_survive_pruning,
                contract::dead_networks, contract::backward_twice_is_the_same,
                contract::visits_hand_out_every_element, contract::running_statistics_have_no_gradient,
                contract::batches_follow_each_other,
                refusals::wrong_shapes_are_errors, refusals::wrong_seeds_are_errors,
                refusals::wrong_weights_are_errors, refusals::wrong_ids_are_errors,
                refusals::empty_batches_are_errors,
            }
        }
    };
    (@tests $element:ty, $backend:expr, $($part:ident::$test:ident),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                $part::$test::<$element>(&$backend);
            }
        )*
    };
}
pub(crate) use suite;

/// How far a backend may be from a double-precision reference, relative to its norm.
pub fn tolerance<T: Element>() -> f64 {
    if size_of::<T>() == 4 { 1e-5 } else { 1e-10 }
}

/// Distance of `given` from `wanted`, relative to the norm of `wanted`; absolute where that is zero.
pub fn distance<T: Element>(given: &[T], wanted: &[f64]) -> f64 {
    assert_eq!(given.len(), wanted.len(), "as many elements");
    let norm = |sum: f64| if sum == 0.0 { 1.0 } else { sum.sqrt() };
    let apart: f64 = given.iter().zip(wanted).map(|(a, b)| (a.to_f64() - b).powi(2)).sum();
    apart.sqrt() / norm(wanted.iter().map(|x| x * x).sum())
}

/// Asserts that two tensors are close, and of the same shape.
#[track_caller]
pub fn assert_close<T: Element>(given: &Tensor<T>, wanted: &Tensor<T>, what: &str) {
    assert_eq!(given.shape, wanted.shape, "{what}");
    let wanted: Vec<f64> = wanted.data.iter().map(|x| x.to_f64()).collect();
    let apart = distance(&given.data, &wanted);
    assert!(apart <= tolerance::<T>(), "{what}: {apart:e} apart");
}

/// A program with its weights.
pub fn compile<T: Element>(
    backend: &dyn Backend<T>,
    network: &Network,
    plan: &Plan,
    weights: &Weights<T>,
) -> Box<dyn Program<T>> {
    let mut program = backend.compile(network, plan).unwrap_or_else(|error| panic!("{error}"));
    program.load(weights).unwrap_or_else(|error| panic!("{error}"));
    program
}

/// Runs a program forward on the numbers of its inputs, and backward from every output that was not pruned.
pub fn run<T: Element>(program: &mut dyn Program<T>, network: &Network, plan: &Plan) {
    forward(program, &inputs(network, plan.batch));
    if plan.backward {
        let live = network.live();
        let outputs = network.outputs().iter().filter(|id| !plan.prune || live.contains(**id));
        let seeds: Vec<(NodeId, Tensor<T>)> = outputs.map(|&id| (id, seed(network, id, plan.batch))).collect();
        backward(program, &seeds);
    }
}

/// Runs a program forward.
pub fn forward<T: Element>(program: &mut dyn Program<T>, inputs: &[Tensor<T>]) {
    program.forward(&inputs.iter().collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{error}"));
}

/// Runs a program backward.
pub fn backward<T: Element>(program: &mut dyn Program<T>, seeds: &[(NodeId, Tensor<T>)]) {
    let seeds: Vec<(NodeId, &Tensor<T>)> = seeds.iter().map(|(id, seed)| (*id, seed)).collect();
    program.backward(&seeds).unwrap_or_else(|error| panic!("{error}"));
}

/// Every trained parameter of a network: node, position, name.
pub fn trained(network: &Network) -> Vec<(NodeId, usize, String)> {
    let of = |id: NodeId| {
        let parameters = network.parameters(id).into_iter().enumerate();
        let trained = parameters.filter(|(_, parameter)| parameter.role.trained());
        trained.map(move |(at, parameter)| (id, at, format!("{}.{}", network.node(id).name, parameter.name)))
    };
    network.ids().flat_map(of).collect()
}

/// Weights as before training: as [`weights`], but no bias, shift or running mean.
pub fn fresh_weights<T: Element>(network: &Network) -> Weights<T> {
    let mut weights = weights(network);
    for id in network.ids() {
        for parameter in network.parameters(id) {
            if matches!(parameter.role, Role::Bias | Role::Shift | Role::Mean) {
                let name = format!("{}.{}", network.node(id).name, parameter.name);
                weights.0.insert(name, Tensor::zeros(parameter.shape));
            }
        }
    }
    weights
}

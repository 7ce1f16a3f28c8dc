//! Gradients of whole networks against finite differences, in double precision.

use super::golden::{Case, whole_networks};
use super::{backward, compile, forward, inputs, seed, trained, weights};
use crate::engine::{Backend, Program, Tensor, Weights};
use crate::graph::{Network, NodeId, Op};

/// What a network is trained for: a scalar of its outputs, with its gradient.
type Loss = fn(&Network, &dyn Program<f64>, usize) -> (f64, Vec<(NodeId, Tensor<f64>)>);

/// For every whole network and each of its parameters and inputs: the derivative along a direction by the gradient, and by
/// differences of fourth order, agree to 1e-6 of the product of both norms.
pub fn networks(backend: &dyn Backend<f64>) {
    for case in whole_networks() {
        let loss: Loss = if case.name == "language" { cross_entropy } else { weighted_sum };
        check(backend, &case, loss);
    }
}

/// The sum of all outputs, each element with a weight.
fn weighted_sum(network: &Network, program: &dyn Program<f64>, batch: usize) -> (f64, Vec<(NodeId, Tensor<f64>)>) {
    let seeds: Vec<(NodeId, Tensor<f64>)> =
        network.outputs().iter().map(|&id| (id, seed(network, id, batch))).collect();
    let dot = |(id, seed): &(NodeId, Tensor<f64>)| {
        let value = program.value(*id).unwrap();
        value.data.iter().zip(&seed.data).map(|(a, b)| a * b).sum::<f64>()
    };
    (seeds.iter().map(dot).sum(), seeds)
}

/// Cross entropy of each token's logits against a class that goes round.
fn cross_entropy(network: &Network, program: &dyn Program<f64>, _: usize) -> (f64, Vec<(NodeId, Tensor<f64>)>) {
    let id = network.outputs()[0];
    let mut gradient = program.value(id).unwrap();
    let classes = network.node(id).shape.channels();
    let mut loss = 0.0;
    for (token, logits) in gradient.data.chunks_mut(classes).enumerate() {
        let class = token * 5 % classes;
        let largest = logits.iter().fold(f64::MIN, |a, &b| a.max(b));
        let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        loss += sum.ln() + largest - logits[class];
        logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp() / sum);
        logits[class] -= 1.0;
    }
    (loss, vec![(id, gradient)])
}

fn check(backend: &dyn Backend<f64>, case: &Case, loss: Loss) {
    let network = case.network();
    let plan = case.plan();
    let (weights, batch) = (weights(&network), inputs(&network, case.batch));
    let mut program = compile(backend, &network, &plan, &weights);
    let mut evaluate = |weights: &Weights<f64>, batch: &[Tensor<f64>]| {
        program.load(weights).unwrap();
        forward(program.as_mut(), batch);
        loss(&network, program.as_ref(), case.batch).0
    };
    // The derivative along a direction, by differences of fourth order.
    let step = 1e-3;
    let mut along = |change: &dyn Fn(f64) -> (Weights<f64>, Vec<Tensor<f64>>)| {
        let mut at = |distance: f64| {
            let (weights, batch) = change(distance * step);
            evaluate(&weights, &batch)
        };
        (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
    };
    let mut numeric = Vec::new();
    for (id, at, name) in trained(&network) {
        let direction = direction(&weights.0[&name], &name);
        let change = |distance: f64| {
            let mut moved = weights.clone();
            moved.0.insert(name.clone(), shift(&weights.0[&name], &direction, distance));
            (moved, batch.clone())
        };
        numeric.push((Some((id, at)), name.clone(), along(&change), direction.clone()));
    }
    let takers: Vec<NodeId> = network.ids().filter(|&id| matches!(network.node(id).op, Op::Input { .. })).collect();
    for (at, &id) in takers.iter().enumerate().filter(|(_, id)| network.node(**id).name != "ids") {
        let name = network.node(id).name.clone();
        let direction = direction(&batch[at], &name);
        let change = |distance: f64| {
            let mut moved = batch.clone();
            moved[at] = shift(&batch[at], &direction, distance);
            (weights.clone(), moved)
        };
        numeric.push((None, name, along(&change), direction.clone()));
    }
    let mut program = compile(backend, &network, &plan, &weights);
    forward(program.as_mut(), &batch);
    let (_, seeds) = loss(&network, program.as_ref(), case.batch);
    backward(program.as_mut(), &seeds);
    for (parameter, name, wanted, direction) in numeric {
        let gradient = match parameter {
            Some((id, at)) => program.gradient(id, at),
            None => program.value_gradient(network.find(&name).unwrap()),
        };
        let gradient = gradient.unwrap_or_else(|| panic!("{}: no gradient of `{name}`", case.name));
        let dot: f64 = gradient.data.iter().zip(&direction).map(|(a, b)| a * b).sum();
        let scale = norm(&gradient.data) * norm(&direction);
        let apart = (dot - wanted).abs();
        assert!(apart <= 1e-6 * scale + 1e-9, "{}: `{name}` {dot} by gradient, {wanted} by differences", case.name);
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// A direction of ones and minus ones, other for every name.
fn direction(like: &Tensor<f64>, name: &str) -> Vec<f64> {
    let mut state = name.bytes().fold(7u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 1.0 } else { -1.0 }
    };
    like.data.iter().map(|_| next()).collect()
}

fn shift(tensor: &Tensor<f64>, direction: &[f64], distance: f64) -> Tensor<f64> {
    let data = tensor.data.iter().zip(direction).map(|(x, d)| x + distance * d).collect();
    Tensor::new(tensor.shape.clone(), data)
}

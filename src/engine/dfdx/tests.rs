//! The reference engine against the conformance suite, and what only it has to show.
#![allow(clippy::unwrap_used)]

use ::dfdx::prelude::{Backward, Trace};
use ::dfdx::tensor::{AsArray, TensorFrom};

use super::*;
use crate::engine::{Tensor, Weights, WeightsError};
use crate::graph::{Builder, NodeId, Op, Shape};

crate::engine::conformance::suite!(Dfdx);

/// A linear layer on two features.
fn linear() -> (Network, NodeId) {
    let mut net = Builder::new();
    let x = net.add("x", Op::Input { shape: Shape::Vector { features: 2 } }, &[]).unwrap();
    let y = net.add("y", Op::Linear { features: 1, bias: false }, &[x]).unwrap();
    net.output(y);
    (net.finish().unwrap(), y)
}

#[test]
fn calls_out_of_order_are_errors() {
    let (network, y) = linear();
    let mut program: Box<dyn Program> = Dfdx.compile(&network, &Plan::train(1)).unwrap();
    let (x, seed) = (Tensor::filled(vec![1, 2], 3.0), Tensor::filled(vec![1, 1], 1.0));
    let missing = WeightsError::Missing { name: "y.weight".to_owned() };
    assert_eq!(program.forward(&[&x]), Err(missing.into()));
    program.load(&Weights([("y.weight".to_owned(), Tensor::new(vec![1, 2], vec![1.0, -2.0]))].into())).unwrap();
    assert_eq!(program.backward(&[(y, &seed)]), Err(EngineError::Inputs { wanted: 1, given: 0 }));
    program.forward(&[&x]).unwrap();
    program.backward(&[(y, &seed)]).unwrap();
    assert_eq!(program.value(y).unwrap().data, [-3.0]);
    assert_eq!(program.gradient(y, 0).unwrap().data, [3.0, 3.0]);
}

#[test]
fn bytes_are_those_of_the_tensors_kept() {
    let (network, y) = linear();
    let mut program: Box<dyn Program<f64>> = Dfdx.compile(&network, &Plan::train(3)).unwrap();
    assert_eq!(program.bytes(), 0);
    program.load(&Weights([("y.weight".to_owned(), Tensor::zeros(vec![1, 2]))].into())).unwrap();
    program.forward(&[&Tensor::zeros(vec![3, 2])]).unwrap();
    // Weights 2, inputs 6, outputs 3; then the gradients of outputs 3 and of weights 2.
    assert_eq!(program.bytes(), 8 * 11);
    program.backward(&[(y, &Tensor::zeros(vec![3, 1]))]).unwrap();
    assert_eq!(program.bytes(), 8 * 16);
}

/// Why GELU has a derivative of ours. When this fails, dfdx has been mended and `gelu` can go.
#[test]
fn the_derivative_of_gelu_in_dfdx_is_off() {
    let x: Array<::dfdx::shapes::Rank0, f64, Cpu> = Cpu::default().tensor(1.0);
    let slope = x.leaky_trace().accurate_gelu().backward().get(&x).array();
    let right = 0.841_344_746_068_543 + 0.241_970_724_519_143;
    assert!((slope - right).abs() > 0.1, "Φ(1) + φ(1) is {right}, and dfdx says {slope}");
}

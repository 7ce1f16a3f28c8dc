//! The native engine against the conformance suite.
#![allow(clippy::unwrap_used)]

use super::*;

crate::engine::conformance::suite!(Native::default());

/// The same with 3×3 convolutions in tiles.
mod winograd {
    use super::*;

    crate::engine::conformance::suite!(Native::default().with_convolutions(Convolutions::Winograd));
}

use crate::engine::conformance::{golden, run, trained, weights};

/// Whole networks on every instruction set of this machine, those that are not its best as well.
#[test]
fn whole_networks_on_every_instruction_set() {
    for isa in Isa::available() {
        golden::networks::<f32>(&Native::new(isa));
        golden::networks::<f64>(&Native::new(isa));
    }
}

/// Every value and gradient of a deep network, as bits.
fn bits(engine: &Native) -> Vec<u32> {
    let network = deep();
    // More samples than chunks, and chunks of unequal size.
    let plan = Plan { input_gradients: true, ..Plan::train(7) };
    let mut program = Backend::<f32>::compile(engine, &network, &plan).unwrap();
    program.load(&weights(&network)).unwrap();
    run(program.as_mut(), &network, &plan);
    let values = network.outputs().iter().map(|&id| program.value(id).unwrap());
    let gradients = trained(&network).into_iter().map(|(id, at, _)| program.gradient(id, at).unwrap());
    values.chain(gradients).flat_map(|tensor| tensor.data).map(f32::to_bits).collect()
}

/// Convolutions of every kind, norms, poolings and a gate, with channels that need padding.
fn deep() -> Network {
    use crate::graph::{Activation, Builder, Conv2d, Op, Pool, PoolKind, Shape, SqueezeExcite};
    let mut net = Builder::new();
    net.block("all", "");
    let mut count = 0;
    let mut add = |op: Op, inputs: &[_]| {
        count += 1;
        net.add(format!("n{count}"), op, inputs).unwrap()
    };
    let relu = Op::Activation { function: Activation::Relu };
    let input = add(Op::Input { shape: Shape::map(3, 12) }, &[]);
    let stem = add(Op::Conv2d(Conv2d::square(24, 3, 1)), &[input]);
    let mut x = add(Op::BatchNorm, &[stem]);
    for _ in 0..2 {
        let act = add(relu.clone(), &[x]);
        let dense = add(Op::Conv2d(Conv2d::square(24, 3, 1)), &[act]);
        let dense = add(Op::BatchNorm, &[dense]);
        let depthwise = add(Op::Conv2d(Conv2d { groups: 24, ..Conv2d::square(24, 5, 1) }), &[x]);
        let depthwise = add(Op::BatchNorm, &[depthwise]);
        let pool = Pool { kind: PoolKind::Avg, kernel: 3, stride: 1, padding: 1, ceil: false };
        let pool = add(Op::Pool(pool), &[x]);
        x = add(Op::Add, &[dense, depthwise, pool, x]);
    }
    let gate = SqueezeExcite { hidden: 6, activation: Activation::Relu, gate: Activation::Hsigmoid };
    x = add(Op::SqueezeExcite(gate), &[x]);
    x = add(Op::GlobalAvgPool, &[x]);
    x = add(Op::Flatten, &[x]);
    x = add(Op::Linear { features: 10, bias: true }, &[x]);
    net.output(x);
    net.finish().unwrap()
}

#[test]
fn numbers_do_not_depend_on_the_number_of_threads() {
    for convolutions in [Convolutions::Direct, Convolutions::Winograd] {
        let engine = Native::default().with_convolutions(convolutions);
        let alone = bits(&engine);
        for threads in [2, 4] {
            let together = bits(&engine.clone().with_threads(threads).unwrap());
            assert!(together == alone, "{convolutions:?}, {threads} threads");
        }
    }
}

#[test]
fn the_switch_takes_another_way_to_the_same_numbers() {
    let [direct, tiled] = [Convolutions::Direct, Convolutions::Winograd]
        .map(|convolutions| bits(&Native::default().with_convolutions(convolutions)));
    assert!(direct != tiled, "the bits would be the same only if nothing was tiled");
}

/// What a program leaves behind, whatever it is, does not show in the next one.
#[test]
fn programs_do_not_see_what_others_left() {
    let engine = Native::default();
    let first = bits(&engine);
    let network = deep();
    let mut program = Backend::<f32>::compile(&engine, &network, &Plan::train(7)).unwrap();
    let mut spoilt = weights::<f32>(&network);
    spoilt.0.values_mut().for_each(|tensor| tensor.data.fill(f32::NAN));
    program.load(&spoilt).unwrap();
    run(program.as_mut(), &network, &Plan::train(7));
    drop(program);
    assert!(bits(&engine) == first);
}

#[test]
fn what_nothing_reached_has_gradients_of_zero_in_its_own_shapes() {
    use crate::engine::Tensor;
    use crate::graph::{Activation, Builder, Op, Shape, SqueezeExcite};
    let mut builder = Builder::new();
    let input = builder.add("input", Op::Input { shape: Shape::map(6, 2) }, &[]).unwrap();
    let se = SqueezeExcite { hidden: 2, activation: Activation::Relu, gate: Activation::Sigmoid };
    let gated = builder.add("gated", Op::SqueezeExcite(se), &[input]).unwrap();
    let other = builder.add("other", Op::BatchNorm, &[input]).unwrap();
    builder.output(gated);
    builder.output(other);
    let network = builder.finish().unwrap();
    let mut program = Backend::<f32>::compile(&Native::default(), &network, &Plan::train(2)).unwrap();
    let weights = crate::engine::initialise(&network, &crate::engine::Init::default(), 1);
    program.load(&weights).unwrap();
    program.forward(&[&Tensor::filled(vec![2, 6, 2, 2], 1.0)]).unwrap();
    program.backward(&[(other, &Tensor::filled(vec![2, 6, 2, 2], 1.0))]).unwrap();
    for (position, parameter) in network.parameters(gated).iter().enumerate() {
        let mut visited = Vec::new();
        program.visit_gradient(gated, position, &mut |piece| visited.extend_from_slice(piece));
        assert_eq!(visited, vec![0.0; parameter.elements()], "{}", parameter.name);
        assert_eq!(
            program.gradient(gated, position),
            Some(Tensor::zeros(parameter.shape.clone())),
            "{}",
            parameter.name
        );
    }
}

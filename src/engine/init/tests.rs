#![allow(clippy::unwrap_used)]

use super::*;
use crate::graph::{Activation, Builder, Conv2d, Op, Shape, SqueezeExcite};

/// Moments are held to this many standard errors: a sound generator fails one test in fifteen thousand, and the seeds
/// are fixed.
const ERRORS: f64 = 4.0;

const CONV: &str = "conv.weight";

/// One convolution of 64 inputs in 2 groups, 96 outputs and a 3×5 window: the fan-in is 480, the fan-out 1440.
fn convolution() -> Network {
    let mut net = Builder::new();
    let input = net.add("in", Op::Input { shape: Shape::map(64, 8) }, &[]).unwrap();
    let conv = Conv2d { kernel: [3, 5], padding: [1, 2], groups: 2, bias: true, ..Conv2d::square(96, 3, 1) };
    let conv = net.add("conv", Op::Conv2d(conv), &[input]).unwrap();
    net.output(conv);
    net.finish().unwrap()
}

/// Every kind of layer that has parameters; `wide` and `extra` change it around the layers that stay.
fn network(wide: usize, extra: bool) -> Network {
    let mut net = Builder::new();
    let input = net.add("in", Op::Input { shape: Shape::map(3, 8) }, &[]).unwrap();
    let tokens = net.add("ids", Op::Input { shape: Shape::Vector { features: 4 } }, &[]).unwrap();
    let mut at = net.add("stem", Op::Conv2d(Conv2d::square(8, 3, 1)), &[input]).unwrap();
    if extra {
        at = net.add("extra", Op::Conv2d(Conv2d::square(8, 3, 1)), &[at]).unwrap();
    }
    at = net.add("norm", Op::BatchNorm, &[at]).unwrap();
    let gate = SqueezeExcite { hidden: 4, activation: Activation::Relu, gate: Activation::Sigmoid };
    at = net.add("gate", Op::SqueezeExcite(gate), &[at]).unwrap();
    at = net.add("wide", Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(wide, 1, 1) }), &[at]).unwrap();
    at = net.add("pool", Op::GlobalAvgPool, &[at]).unwrap();
    at = net.add("flat", Op::Flatten, &[at]).unwrap();
    at = net.add("head", Op::Linear { features: 10, bias: true }, &[at]).unwrap();
    net.output(at);
    let table = net.add("table", Op::Embedding { vocabulary: 50, features: 6 }, &[tokens]).unwrap();
    let scaled = net.add("scaled", Op::LAYER_NORM, &[table]).unwrap();
    net.output(scaled);
    net.finish().unwrap()
}

fn drawn(scheme: Scheme, seed: u64) -> Vec<f64> {
    let init = Init { convolutions: scheme, ..Init::default() };
    initialise(&convolution(), &init, seed).0[CONV].data.iter().map(|&x| x.into()).collect()
}

#[test]
fn moments_are_those_of_the_papers() {
    let (fan_in, fan_out) = (32.0 * 15.0, 96.0 * 15.0);
    // The kurtosis is 3 for a normal distribution, 1.8 for a uniform one.
    let cases = [
        (Scheme::KaimingNormal, 2.0 / fan_in, 3.0),
        (Scheme::KaimingNormalFanOut, 2.0 / fan_out, 3.0),
        (Scheme::KaimingUniform, 2.0 / fan_in, 1.8),
        (Scheme::KaimingUniformFanOut, 2.0 / fan_out, 1.8),
        (Scheme::XavierNormal, 2.0 / (fan_in + fan_out), 3.0),
        (Scheme::XavierUniform, 2.0 / (fan_in + fan_out), 1.8),
        (Scheme::Gaussian { deviation: 0.02 }, 0.0004, 3.0),
        (Scheme::Pytorch, 1.0 / (3.0 * fan_in), 1.8),
    ];
    for (scheme, variance, kurtosis) in cases {
        let values = drawn(scheme, 7);
        let n = values.len() as f64;
        let moment = |power: i32| values.iter().map(|x| x.powi(power)).sum::<f64>() / n;
        let error = (variance / n).sqrt();
        assert!(moment(1).abs() < ERRORS * error, "{scheme:?}: mean {} ± {error}", moment(1));
        let error = variance * ((kurtosis - 1.0) / n).sqrt();
        assert!((moment(2) - variance).abs() < ERRORS * error, "{scheme:?}: variance {} ± {error}", moment(2));
        // The variance of the fourth moment: E x⁸ − (E x⁴)², with E x⁸ = 105 σ⁸ and 9 σ⁸ respectively.
        let eighth = if kurtosis == 3.0 { 105.0 } else { 9.0 };
        let error = ((eighth - kurtosis * kurtosis) / n).sqrt();
        let measured = moment(4) / (variance * variance);
        assert!((measured - kurtosis).abs() < ERRORS * error, "{scheme:?}: kurtosis {measured} ± {error}");
        if kurtosis == 1.8 {
            let largest = values.iter().fold(0.0_f64, |a, x| a.max(x.abs()));
            let bound = (3.0 * variance).sqrt();
            assert!(largest <= bound * 1.000_001 && largest > 0.999 * bound, "{scheme:?}: {largest} of {bound}");
        }
    }
}

#[test]
fn orthogonal_kernels_have_orthonormal_vectors() {
    for (rows, columns) in [(12, 27), (27, 12), (16, 16), (1, 5), (5, 1)] {
        let values = orthogonal(rows, columns, &mut stream(1, "w"));
        let at = |vector: usize, place: usize| match rows <= columns {
            true => values[vector * columns + place],
            false => values[place * columns + vector],
        };
        let (count, length) = (rows.min(columns), rows.max(columns));
        for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))) {
            let product: f64 = (0..length).map(|i| f64::from(at(a, i)) * f64::from(at(b, i))).sum();
            let wanted = if a == b { 1.0 } else { 0.0 };
            assert!((product - wanted).abs() < 1e-6, "{rows}×{columns}: {a}·{b} = {product}");
        }
    }
    let kernel = drawn(Scheme::Orthogonal, 3);
    let first: f64 = kernel[..480].iter().map(|x| x * x).sum();
    assert!((first - 1.0).abs() < 1e-5, "a filter is a row: {first}");
}

/// Haar measure: each element has mean 0 and variance `1 / length`, and no sign is preferred on the diagonal.
#[test]
fn orthogonal_matrices_are_uniform() {
    let (size, draws) = (4, 2000);
    let corner: Vec<f64> =
        (0..draws).map(|seed| orthogonal(size, size, &mut stream(seed, "w"))[0].into()).collect::<Vec<f64>>();
    let n = draws as f64;
    let mean = corner.iter().sum::<f64>() / n;
    let variance = corner.iter().map(|x| x * x).sum::<f64>() / n;
    assert!(mean.abs() < ERRORS * (0.25 / n).sqrt(), "{mean}");
    // E x⁴ = 3 / (d (d + 2)) on a sphere.
    let error = ((3.0 / 24.0 - 1.0 / 16.0) / n).sqrt();
    assert!((variance - 0.25).abs() < ERRORS * error, "{variance}");
}

#[test]
fn layers_of_one_name_and_shape_share_their_weights() {
    let init = Init { biases: Biases::Pytorch, ..Init::default() };
    let (small, large) = (initialise(&network(6, false), &init, 11), initialise(&network(12, true), &init, 11));
    for (name, tensor) in &small.0 {
        match name.as_str() {
            "wide.weight" | "wide.bias" | "head.weight" | "head.bias" => assert_ne!(*tensor, large.0[name], "{name}"),
            _ => assert_eq!(*tensor, large.0[name], "{name}"),
        }
    }
    // A wider layer begins with the same numbers up to the scale.
    let (a, b) = (&small.0["wide.weight"].data, &large.0["wide.weight"].data);
    let scale = f64::from(a[0]) / f64::from(b[0]);
    assert!((scale - 2.0_f64.sqrt()).abs() < 1e-6, "{scale}");
    assert!(a.iter().zip(b).all(|(a, b)| (f64::from(*a) / f64::from(*b) / scale - 1.0).abs() < 1e-6));
    // Two layers of one shape draw from streams of their own.
    assert_ne!(large.0["stem.weight"].data[..8], large.0["extra.weight"].data[..8]);
}

#[test]
fn seeds_differ_and_threads_do_not() {
    let init = Init { biases: Biases::Pytorch, ..Init::default() };
    let network = network(6, false);
    let here = initialise(&network, &init, 5);
    let threads: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| initialise(&network, &init, 5))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(threads.iter().all(|weights| *weights == here));
    let other = initialise(&network, &init, 6);
    for name in ["stem.weight", "gate.reduce.weight", "gate.reduce.bias", "head.weight", "head.bias", "table.weight"] {
        assert_ne!(here.0[name], other.0[name], "{name}");
    }
}

/// What is written down must never drift: a saved study resumes with these numbers.
#[test]
fn the_stream_is_pinned() {
    let values = drawn(Scheme::Gaussian { deviation: 1.0 }, 0);
    let written: Vec<String> = values[..4].iter().map(|x| format!("{x:.6}")).collect();
    assert_eq!(written, ["0.839713", "1.510878", "0.267016", "0.094041"]);
}

#[test]
fn every_parameter_has_its_start() {
    let network = network(6, false);
    let weights = initialise(&network, &Init::default(), 1);
    for id in network.ids() {
        weights.of(&network, id).unwrap();
    }
    let all = |name: &str, value: f32| weights.0[name].data.iter().all(|&x| x == value);
    for (name, value) in [
        ("norm.weight", 1.0),
        ("norm.bias", 0.0),
        ("norm.running_mean", 0.0),
        ("norm.running_var", 1.0),
        ("scaled.weight", 1.0),
        ("scaled.bias", 0.0),
        ("gate.reduce.bias", 0.0),
        ("gate.expand.bias", 0.0),
        ("wide.bias", 0.0),
        ("head.bias", 0.0),
    ] {
        assert!(all(name, value), "{name}");
    }
}

#[test]
fn biases_follow_the_weight_before_them() {
    let init = Init { biases: Biases::Pytorch, ..Init::default() };
    let weights = initialise(&network(96, false), &init, 2);
    // Fan-ins: 8 channels, 4 hidden ones, 8 channels, 96 features.
    for (name, fan_in) in
        [("gate.reduce.bias", 8.0), ("gate.expand.bias", 4.0), ("wide.bias", 8.0), ("head.bias", 96.0)]
    {
        let largest = weights.0[name].data.iter().fold(0.0_f32, |a, x| a.max(x.abs()));
        let bound = 1.0 / f32::sqrt(fan_in);
        assert!(largest <= bound && largest > 0.4 * bound, "{name}: {largest} of {bound}");
    }
}

#[test]
fn names_read_back() {
    for scheme in Scheme::ALL {
        assert_eq!(Scheme::from_name(scheme.name()), Some(scheme));
    }
    for biases in Biases::ALL {
        assert_eq!(Biases::from_name(biases.name()), Some(biases));
    }
    assert_eq!(Scheme::from_name("kaiming"), None);
}

#[test]
fn what_is_kept_is_what_would_be_drawn() {
    let drawn = Drawn::default();
    let schemes = [Scheme::KaimingNormalFanOut, Scheme::Orthogonal];
    for (width, seed, convolutions) in
        [(96, 0, schemes[0]), (96, 0, schemes[1]), (64, 0, schemes[1]), (96, 1, schemes[1]), (96, 0, schemes[0])]
    {
        let (network, init) = (network(width, false), Init { convolutions, ..Init::default() });
        for _ in 0..2 {
            assert_eq!(drawn.initialise(&network, &init, seed), initialise(&network, &init, seed));
        }
    }
}

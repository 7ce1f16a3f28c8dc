//! Every kernel against loops over the definition in double precision.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::Element;
use crate::engine::native::view::{Affine, Through};
use crate::graph::Activation;

/// A convolution and how its maps are read.
#[derive(Clone, Debug)]
struct Case {
    conv: Conv,
    samples: usize,
    bias: bool,
    affine: bool,
    activation: Option<Activation>,
    through: bool,
    accumulate: bool,
}

/// Channels, height and width of the input; output channels; kernel; stride, padding, dilation and groups.
fn conv(input: [usize; 3], outputs: usize, kernel: [usize; 2], rest: [usize; 5]) -> Option<Conv> {
    let [stride, above, left, dilation, groups] = rest;
    let size = |size: usize, kernel: usize, padding: usize| {
        Some((size + 2 * padding).checked_sub(dilation * (kernel - 1) + 1)? / stride + 1)
    };
    let [channels, height, width] = input;
    Some(Conv {
        input: Layout { channels, height, width },
        output: Layout {
            channels: outputs,
            height: size(height, kernel[0], above)?,
            width: size(width, kernel[1], left)?,
        },
        kernel,
        stride,
        padding: [above, left],
        dilation,
        groups,
    })
}

fn plain(conv: Conv) -> Case {
    let (affine, through, accumulate) = (false, false, false);
    Case { conv, samples: 3, bias: false, affine, activation: None, through, accumulate }
}

fn full(conv: Conv, activation: Activation) -> Case {
    Case { bias: true, affine: true, activation: Some(activation), through: true, accumulate: true, ..plain(conv) }
}

fn value(activation: Option<Activation>, u: f64) -> f64 {
    let hsigmoid = ((u + 3.0) / 6.0).clamp(0.0, 1.0);
    let sigmoid = 1.0 / (1.0 + (-u).exp());
    match activation {
        None => u,
        Some(Activation::Relu) => u.max(0.0),
        Some(Activation::Relu6) => u.clamp(0.0, 6.0),
        Some(Activation::Hswish) => u * hsigmoid,
        Some(Activation::Hsigmoid) => hsigmoid,
        Some(Activation::Swish) => u * sigmoid,
        Some(Activation::Sigmoid) => sigmoid,
        Some(Activation::Gelu) => u * normal(u),
    }
}

/// The normal distribution function, by Simpson's rule over its density.
fn normal(u: f64) -> f64 {
    let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let steps = 2000;
    let h = u / f64::from(steps);
    let inner: f64 = (1..steps).map(|i| density(f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    0.5 + (density(0.0) + inner + density(u)) * h / 3.0
}

/// The derivative, by differences that are exact to about 1e-13 away from kinks.
fn derivative(activation: Option<Activation>, u: f64) -> f64 {
    let h = 1e-3;
    let at = |k: f64| value(activation, u + k * h);
    let d = |k: f64| (at(k) - at(-k)) / (2.0 * k * h);
    (15.0 * d(1.0) - 6.0 * d(2.0) + d(3.0)) / 10.0
}

/// Random numbers in the layout of a map, with rubbish in the padding.
fn map(rng: &mut ChaCha8Rng, layout: &Layout, samples: usize) -> Vec<f64> {
    (0..samples * layout.sample())
        .map(|i| if i % layout.stride() < layout.channels { number(rng) } else { 7.5 })
        .collect()
}

/// A number that single precision holds, at least 1e-2 from every kink after any of the affine maps used here.
fn number(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.gen_range(-2.0_f32..2.0))
}

fn per_channel(rng: &mut ChaCha8Rng, layout: &Layout) -> Vec<f64> {
    (0..layout.stride()).map(|c| if c < layout.channels { number(rng) } else { 0.0 }).collect()
}

fn cast<T: Element>(x: &[f64]) -> Vec<T> {
    x.iter().map(|&x| T::of(x)).collect()
}

/// All that is computed, padding left out.
#[derive(Default)]
struct Results {
    y: Vec<f64>,
    moments: [Vec<f64>; 2],
    weight: Vec<f64>,
    bias: Vec<f64>,
    input: Vec<f64>,
    flow: [Vec<f64>; 2],
}

struct Data {
    x: Vec<f64>,
    scale: Vec<f64>,
    shift: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    slope: Vec<f64>,
    y: Vec<f64>,
    through: [Vec<f64>; 3],
    before: Vec<f64>,
}

fn data(case: &Case, seed: u64) -> Data {
    let conv = &case.conv;
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (scale, shift) = (per_channel(rng, &conv.input), per_channel(rng, &conv.input));
    let mut x = map(rng, &conv.input, case.samples);
    // Differences and single precision do not agree about a kink.
    let kinked = |u: f64| [-3.0, 0.0, 3.0, 6.0].iter().any(|kink| (u - kink).abs() < 1e-2);
    for (i, x) in x.iter_mut().enumerate() {
        let c = i % conv.input.stride();
        let u = |x: f64| if case.affine { x * scale[c] + shift[c] } else { x };
        let usable = (0..1000).any(|_| {
            let near = c < conv.input.channels && kinked(u(*x));
            if near {
                *x = number(rng);
            }
            !near
        });
        assert!(usable, "a channel that is constant at a kink");
    }
    let weights = conv.output.channels * conv.group_in() * conv.taps();
    Data {
        x,
        scale,
        shift,
        weight: (0..weights).map(|_| number(rng)).collect(),
        bias: (0..conv.output.channels).map(|_| number(rng)).collect(),
        slope: map(rng, &conv.output, case.samples),
        y: map(rng, &conv.output, case.samples),
        through: [0; 3].map(|_| per_channel(rng, &conv.output)),
        before: map(rng, &conv.input, case.samples),
    }
}

/// The definition.
fn naive(case: &Case, data: &Data) -> Results {
    let conv = &case.conv;
    let (input, output) = (conv.input, conv.output);
    let strip = |x: &[f64], layout: &Layout| -> Vec<f64> {
        x.chunks(layout.stride()).flat_map(|position| position[..layout.channels].to_vec()).collect()
    };
    let affine = |at: usize, c: usize| match case.affine {
        true => data.x[at] * data.scale[c] + data.shift[c],
        false => data.x[at],
    };
    let read = |at: usize| value(case.activation, affine(at, at % input.stride()));
    let read: Vec<f64> = (0..data.x.len()).map(read).collect();
    let mut y = vec![0.0; case.samples * output.sample()];
    let mut weight = vec![0.0; data.weight.len()];
    let mut bias = vec![0.0; output.channels];
    let mut raw = vec![0.0; case.samples * input.sample()];
    for n in 0..case.samples {
        for oy in 0..output.height {
            for ox in 0..output.width {
                for co in 0..output.channels {
                    let at = ((n * output.height + oy) * output.width + ox) * output.stride() + co;
                    let [a, b, c] = &data.through;
                    let slope = match case.through {
                        true => a[co] * data.slope[at] + b[co] * data.y[at] + c[co],
                        false => data.slope[at],
                    };
                    let mut sum = if case.bias { data.bias[co] } else { 0.0 };
                    bias[co] += slope;
                    for ky in 0..conv.kernel[0] {
                        for kx in 0..conv.kernel[1] {
                            let iy = (oy * conv.stride + ky * conv.dilation).wrapping_sub(conv.padding[0]);
                            let ix = (ox * conv.stride + kx * conv.dilation).wrapping_sub(conv.padding[1]);
                            if iy >= input.height || ix >= input.width {
                                continue;
                            }
                            for ci in 0..conv.group_in() {
                                let c = co / conv.group_out() * conv.group_in() + ci;
                                let from = ((n * input.height + iy) * input.width + ix) * input.stride() + c;
                                let w = ((co * conv.group_in() + ci) * conv.kernel[0] + ky) * conv.kernel[1] + kx;
                                let x = read[from];
                                sum += x * data.weight[w];
                                weight[w] += x * slope;
                                raw[from] += slope * data.weight[w];
                            }
                        }
                    }
                    y[at] = sum;
                }
            }
        }
    }
    let mut flow = [vec![0.0; input.channels], vec![0.0; input.channels]];
    for (at, g) in raw.iter_mut().enumerate() {
        let c = at % input.stride();
        if c < input.channels {
            *g *= derivative(case.activation, affine(at, c));
            *g += if case.accumulate { data.before[at] } else { 0.0 };
            flow[0][c] += *g;
            flow[1][c] += *g * data.x[at];
        }
    }
    let mut moments = [vec![0.0; output.channels], vec![0.0; output.channels]];
    for (at, y) in y.iter().enumerate() {
        let c = at % output.stride();
        if c < output.channels {
            moments[0][c] += y;
            moments[1][c] += y * y;
        }
    }
    Results { y: strip(&y, &output), moments, weight, bias, input: strip(&raw, &input), flow }
}

/// The kernels.
fn native<T: Numeric>(isa: Isa, convolutions: Convolutions, case: &Case, data: &Data) -> Results {
    let conv = &case.conv;
    let (input, output) = (conv.input, conv.output);
    let strip = |x: &[T], layout: &Layout| -> Vec<f64> {
        x.chunks(layout.stride()).flat_map(|position| position[..layout.channels].iter().map(|x| x.to_f64())).collect()
    };
    let (x, scale, shift) = (cast::<T>(&data.x), cast::<T>(&data.scale), cast::<T>(&data.shift));
    let (slope, stored) = (cast::<T>(&data.slope), cast::<T>(&data.y));
    let through = data.through.each_ref().map(|factors| cast::<T>(factors));
    let source = Source {
        data: &x,
        layout: input,
        affine: case.affine.then_some(Affine { scale: &scale, shift: &shift }),
        activation: case.activation,
    };
    let [a, b, c] = &through;
    let slope = Slope { data: &slope, through: case.through.then_some(Through { y: &stored, a, b, c }) };
    let bias = cast::<T>(&data.bias);
    let mut filters = Filters::new(conv, convolutions);
    filters.load(&cast::<T>(&data.weight), case.bias.then_some(&bias));
    let mut scratch = Scratch::default();
    let mut moments = Sums::new(output.stride());
    let mut y = vec![T::of(3.0); case.samples * output.sample()];
    forward(isa, conv, source, &filters, &mut y, Some(&mut moments), &mut scratch);
    let mut gradient = FilterGradient::new(conv, true);
    let mut flow = Sums::new(input.stride());
    let mut to = cast::<T>(&data.before);
    let sink = Sink { data: &mut to, accumulate: case.accumulate, sums: Some(&mut flow) };
    backward(isa, conv, source, slope, &filters, &mut gradient, Some(sink), &mut scratch);
    let mut visited = 0;
    gradient.visit_weight(&mut |piece| visited += piece.len());
    assert_eq!(visited, data.weight.len(), "every weight is visited once: {case:?}");
    // Without a sink the same parameters come out, and nothing is needed beyond the map.
    let mut again = FilterGradient::new(conv, true);
    backward(isa, conv, source, slope, &filters, &mut again, None, &mut scratch);
    let doubles = |x: &[T]| -> Vec<f64> { x.iter().map(|x| x.to_f64()).collect() };
    assert!(distance(&doubles(&again.weight()), &doubles(&gradient.weight())) < 1e-6, "{case:?}");
    let cut = |sums: Sums, channels: usize| [sums.first[..channels].to_vec(), sums.second[..channels].to_vec()];
    Results {
        y: strip(&y, &output),
        moments: cut(moments, output.channels),
        weight: doubles(&gradient.weight()),
        bias: doubles(gradient.bias().unwrap()),
        input: strip(&to, &input),
        flow: cut(flow, input.channels),
    }
}

/// The norm of the difference relative to the norm.
fn distance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut x.iter().zip(y).map(|(x, y)| x - y)) / norm(&mut y.iter().copied()).max(1e-300)
}

/// What is wrong with a case, if anything.
fn faults<T: Numeric>(case: &Case, data: &Data, wanted: &Results, bound: f64, run: (Isa, Convolutions)) -> Vec<String> {
    let given = native::<T>(run.0, run.1, case, data);
    // Sums of signed numbers cancel: their errors are relative to the numbers.
    let magnitude = |wanted: &Results, part: usize| {
        let y = wanted.y.iter().map(|y| y.abs()).sum::<f64>();
        let g = wanted.input.iter().map(|g| g.abs()).sum::<f64>();
        [y, g][part]
    };
    let sum = |given: &[f64], wanted_sums: &[f64], part: usize| {
        let difference = given.iter().zip(wanted_sums).map(|(x, y)| (x - y).abs()).sum::<f64>();
        difference / magnitude(wanted, part).max(1e-300)
    };
    [
        ("forward", distance(&given.y, &wanted.y)),
        ("Σy", sum(&given.moments[0], &wanted.moments[0], 0)),
        ("Σy²", distance(&given.moments[1], &wanted.moments[1])),
        ("filters", distance(&given.weight, &wanted.weight)),
        ("bias", distance(&given.bias, &wanted.bias)),
        ("input", distance(&given.input, &wanted.input)),
        ("Σg", sum(&given.flow[0], &wanted.flow[0], 1)),
        ("Σgx", sum(&given.flow[1], &wanted.flow[1], 1)),
    ]
    .into_iter()
    .filter(|(_, error)| error.is_nan() || *error > bound)
    .map(|(what, error)| format!("{what} off by {error:.1e} on {run:?}, {}: {case:?}", std::any::type_name::<T>()))
    .collect()
}

fn check(case: &Case, seed: u64) -> Vec<String> {
    let data = data(case, seed);
    let wanted = naive(case, &data);
    // The differences that stand for a derivative, and Simpson's rule, are good to about this much.
    let bound = if matches!(case.activation, None | Some(Activation::Relu)) { 1e-12 } else { 1e-10 };
    let mut found = Vec::new();
    for isa in Isa::available() {
        for convolutions in [Convolutions::Direct, Convolutions::Winograd] {
            // What is not tiled is the same.
            if convolutions == Convolutions::Direct || case.conv.tiled() {
                let run = (isa, convolutions);
                found.extend(faults::<f32>(case, &data, &wanted, 1e-5, run));
                found.extend(faults::<f64>(case, &data, &wanted, bound, run));
            }
        }
    }
    found
}

fn check_all(cases: impl IntoIterator<Item = Case>) {
    let found: Vec<String> = cases.into_iter().enumerate().flat_map(|(i, case)| check(&case, i as u64)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Kernel, padding.
const KERNELS: [([usize; 2], [usize; 2]); 6] =
    [([1, 1], [0, 0]), ([3, 3], [1, 1]), ([3, 3], [0, 0]), ([5, 5], [4, 2]), ([7, 7], [3, 3]), ([1, 7], [0, 3])];

#[test]
fn dense_convolutions_are_what_they_are_defined_to_be() {
    for channels in [1, 3, 8, 16, 24, 40, 64] {
        let cases = KERNELS.into_iter().flat_map(|(kernel, [above, left])| {
            (1..=3).filter_map(move |stride| {
                let outputs = if channels == 64 { 24 } else { 65 - channels };
                conv([channels, 7, 5], outputs, kernel, [stride, above, left, 1, 1]).map(plain)
            })
        });
        check_all(cases);
    }
}

#[test]
fn odd_sizes_dilation_and_wide_padding_are_no_exception() {
    let cases = [
        conv([3, 1, 1], 16, [3, 3], [1, 1, 1, 1, 1]),
        conv([16, 1, 1], 16, [1, 1], [1, 0, 0, 1, 1]),
        conv([16, 1, 9], 8, [3, 3], [2, 1, 1, 1, 1]),
        conv([16, 9, 1], 8, [3, 1], [1, 1, 0, 1, 1]),
        conv([8, 7, 5], 24, [3, 3], [1, 2, 2, 2, 1]),
        conv([8, 9, 11], 24, [3, 3], [2, 2, 2, 2, 1]),
        conv([8, 9, 11], 24, [3, 3], [3, 2, 2, 2, 1]),
        conv([5, 6, 7], 24, [3, 3], [1, 6, 5, 1, 1]),
        conv([5, 6, 7], 24, [3, 3], [2, 6, 5, 1, 1]),
        conv([5, 6, 7], 24, [1, 1], [1, 2, 1, 1, 1]),
        conv([5, 6, 7], 24, [1, 1], [3, 2, 1, 1, 1]),
        conv([4, 8, 8], 4, [2, 2], [2, 0, 0, 1, 1]),
        conv([4, 9, 9], 4, [4, 4], [4, 0, 0, 1, 1]),
        conv([3, 40, 40], 16, [3, 3], [2, 1, 1, 1, 1]),
        conv([32, 33, 37], 33, [3, 3], [1, 1, 1, 1, 1]),
    ];
    check_all(cases.into_iter().flatten().map(plain));
}

#[test]
fn groups_and_depthwise_kernels_keep_to_their_channels() {
    let mut cases = Vec::new();
    for (channels, outputs, groups) in
        [(32, 64, 2), (48, 48, 3), (24, 24, 6), (24, 12, 4), (12, 18, 3), (24, 48, 24), (40, 40, 8), (6, 6, 2)]
    {
        for stride in 1..=2 {
            cases.extend(conv([channels, 7, 5], outputs, [3, 3], [stride, 1, 1, 1, groups]));
        }
    }
    for channels in [3, 8, 16, 24, 40, 64] {
        for (kernel, [above, left]) in KERNELS {
            for stride in 1..=3 {
                cases.extend(conv([channels, 7, 5], channels, kernel, [stride, above, left, 1, channels]));
            }
        }
        cases.extend(conv([channels, 12, 9], channels, [3, 3], [2, 2, 2, 2, channels]));
        cases.extend(conv([channels, 31, 33], channels, [5, 5], [1, 2, 2, 1, channels]));
    }
    check_all(cases.into_iter().map(plain));
}

#[test]
fn norms_activations_and_what_was_there_are_taken_in() {
    let convs = [
        conv([24, 7, 5], 40, [1, 1], [1, 0, 0, 1, 1]),
        conv([3, 7, 5], 16, [3, 3], [2, 1, 1, 1, 1]),
        conv([16, 7, 5], 16, [3, 3], [1, 1, 1, 1, 1]),
        conv([24, 7, 5], 24, [5, 5], [2, 2, 2, 1, 24]),
        conv([24, 7, 5], 24, [3, 3], [1, 1, 1, 1, 6]),
    ];
    for conv in convs.into_iter().flatten() {
        check_all(Activation::ALL.into_iter().map(|activation| full(conv.clone(), activation)));
        check_all([
            Case { affine: false, ..full(conv.clone(), Activation::Relu) },
            Case { accumulate: false, ..full(conv.clone(), Activation::Relu) },
            Case { through: false, ..full(conv.clone(), Activation::Relu) },
            Case { activation: None, ..full(conv.clone(), Activation::Relu) },
        ]);
    }
}

#[test]
fn a_linear_layer_maps_every_token() {
    let input = Shape::Tokens { tokens: 9, features: 70 };
    let output = Shape::Tokens { tokens: 9, features: 130 };
    check_all([plain(Conv::linear(input, output)), full(Conv::linear(input, output), Activation::Relu)]);
}

#[test]
fn maps_of_one_lot_of_tiles_and_of_several() {
    // Several samples a lot, bands of a sample, a row of tiles that is a lot of its own.
    let same = |channels, height, width| conv([channels, height, width], channels, [3, 3], [1, 1, 1, 1, 1]).unwrap();
    let convs = [same(16, 8, 8), same(16, 33, 40), same(8, 6, 270)];
    assert!(convs.iter().all(Conv::tiled));
    check_all(convs.into_iter().flat_map(|conv| [plain(conv.clone()), full(conv, Activation::Relu)]));
}

#[test]
fn only_what_pays_is_tiled() {
    let tiled = |input, outputs, kernel, rest| conv(input, outputs, kernel, rest).unwrap().tiled();
    assert!(tiled([16, 32, 32], 16, [3, 3], [1, 1, 1, 1, 1]));
    assert!(!tiled([3, 32, 32], 16, [3, 3], [1, 1, 1, 1, 1]), "three channels");
    assert!(!tiled([16, 2, 2], 16, [3, 3], [1, 1, 1, 1, 1]), "a quarter of a tile");
    assert!(!tiled([16, 32, 32], 16, [3, 3], [2, 1, 1, 1, 1]), "stride");
    assert!(!tiled([16, 32, 32], 16, [3, 3], [1, 2, 2, 2, 1]), "dilation");
    assert!(!tiled([16, 32, 32], 16, [3, 3], [1, 0, 0, 1, 1]), "no padding");
    assert!(!tiled([16, 32, 32], 16, [5, 5], [1, 2, 2, 1, 1]), "5×5");
    assert!(!tiled([16, 32, 32], 16, [3, 3], [1, 1, 1, 1, 2]), "groups");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn tiles_give_what_the_definition_gives(
        (height, width) in (3_usize..15, 3_usize..15),
        (inputs, outputs, samples) in (8_usize..36, 8_usize..36, 1_usize..5),
        flags in any::<[bool; 5]>(),
        seed in any::<u64>(),
    ) {
        let conv = conv([inputs, height, width], outputs, [3, 3], [1, 1, 1, 1, 1]).unwrap();
        prop_assume!(conv.tiled());
        let [bias, affine, relu, through, accumulate] = flags;
        let activation = relu.then_some(Activation::Relu);
        let found = check(&Case { conv, samples, bias, affine, activation, through, accumulate }, seed);
        prop_assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_geometry_is_computed_as_defined(
        (height, width) in (1_usize..12, 1_usize..12),
        kernel in [1_usize..5, 1_usize..5],
        padding in [0_usize..4, 0_usize..4],
        (stride, dilation, groups) in (1_usize..4, 1_usize..3, 1_usize..6),
        (group_in, group_out) in (1_usize..9, 1_usize..9),
        flags in any::<[bool; 5]>(),
        seed in any::<u64>(),
    ) {
        let rest = [stride, padding[0], padding[1], dilation, groups];
        let conv = conv([groups * group_in, height, width], groups * group_out, kernel, rest);
        prop_assume!(conv.is_some());
        let [bias, affine, relu, through, accumulate] = flags;
        let activation = relu.then_some(Activation::Relu);
        let case = Case { conv: conv.unwrap(), samples: 2, bias, affine, activation, through, accumulate };
        let found = check(&case, seed);
        prop_assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

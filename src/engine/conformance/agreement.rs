//! Agreement with the reference engine in double precision where no golden values are stored: operators of random
//! geometry, which reach the tails of tiles and vectors, and random networks, which reach what is fused and shared.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::{compile, distance, fresh_weights, run, tolerance, trained, weights};
use crate::engine::{Backend, Dfdx, Element, Mode, Plan, Program, Tensor, Weights};
use crate::graph::{
    Activation, Attention, Axis, Builder, Conv2d, Network, NodeId, Op, Pool, PoolKind, Resample, Shape, SqueezeExcite,
};

/// An operator, the shapes it takes, and samples.
type Case = (Op, Vec<Shape>, usize);

/// Operators of random geometry.
pub fn random_operators<T: Element>(backend: &dyn Backend<T>) {
    check(96, operator(), |(op, shapes, batch)| {
        let mut net = Builder::new();
        let names = ["a", "b", "c"];
        let inputs: Vec<NodeId> =
            shapes.iter().zip(names).map(|(&shape, name)| net.add(name, Op::Input { shape }, &[]).unwrap()).collect();
        let output = net.add("op", op, &inputs).unwrap();
        net.output(output);
        let network = net.finish().unwrap();
        let plan = Plan { input_gradients: true, ..Plan::train(batch) };
        agree(backend, &network, &plan, &weights(&network))
    });
}

/// Random networks of smooth operators, in training and not, pruned and not.
pub fn random_networks<T: Element>(backend: &dyn Backend<T>) {
    let plans = (any::<bool>(), any::<bool>(), 1..4usize, any::<prop::sample::Index>());
    check(48, (recipe(), plans), |(recipe, (prune, eval, batch, watched))| {
        let network = build(&recipe);
        let watch = network.ids().nth(watched.index(network.len()));
        let live = network.live();
        let watch = watch.filter(|&id| !prune || live.contains(id));
        let mode = if eval { Mode::Eval } else { Mode::Train };
        let plan =
            Plan { mode, prune, input_gradients: true, watch: watch.into_iter().collect(), ..Plan::train(batch) };
        agree(backend, &network, &plan, &fresh_weights(&network))
    });
}

fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new_with_rng(config.clone(), rng(&config)).run(&strategy, test) {
        panic!("{error}");
    }
}

/// The same cases every time, so that a failure is one for everybody.
fn rng(config: &Config) -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm)
}

/// Values and all gradients, against the reference. Sums that cancel and depth lose digits, so the bar is ten times that
/// for golden values; a tile that is left out misses by far more.
fn agree<T: Element>(
    backend: &dyn Backend<T>,
    network: &Network,
    plan: &Plan,
    weights: &Weights<f64>,
) -> Result<(), TestCaseError> {
    let mut reference: Box<dyn Program<f64>> = compile(&Dfdx, network, plan, weights);
    run(reference.as_mut(), network, plan);
    let mut program = compile(backend, network, plan, &weights.cast::<T>());
    run(program.as_mut(), network, plan);
    let close = |what: &str, given: Option<Tensor<T>>, wanted: Option<Tensor<f64>>| {
        let Some(wanted) = wanted else { return Ok(()) };
        let Some(given) = given else {
            // What feeds no output may be left out.
            prop_assert!(wanted.data.iter().all(|x| *x == 0.0), "{what} is missing");
            return Ok(());
        };
        let size = wanted.data.iter().map(|x| x * x).sum::<f64>().sqrt();
        // What is zero but for rounding is not compared by its own norm.
        let apart = distance(&given.data, &wanted.data) * if size < 1e-6 { size } else { 1.0 };
        prop_assert!(apart <= 10.0 * tolerance::<T>(), "{what} is {apart:.1e} apart");
        Ok(())
    };
    let live = network.live();
    let compared = network.outputs().iter().chain(&plan.watch);
    for &id in compared.filter(|id| !plan.prune || live.contains(**id)) {
        let name = &network.node(id).name;
        close(&format!("value of `{name}`"), program.value(id), reference.value(id))?;
        close(&format!("gradient of `{name}`"), program.value_gradient(id), reference.value_gradient(id))?;
    }
    for id in network.ids().filter(|&id| matches!(network.node(id).op, Op::Input { .. })) {
        close(&network.node(id).name, program.value_gradient(id), reference.value_gradient(id))?;
    }
    for (id, at, name) in trained(network) {
        close(&format!("gradient of `{name}`"), program.gradient(id, at), reference.gradient(id, at))?;
    }
    Ok(())
}

fn operator() -> impl Strategy<Value = Case> {
    let map = (1..40usize, 1..12usize, 1..36usize);
    let map = map.prop_map(|(channels, height, width)| Shape::Map { channels, height, width });
    let kind = prop_oneof![Just(PoolKind::Max), Just(PoolKind::Avg), Just(PoolKind::PaddedAvg)];
    let pool = (kind, 1..5usize, 1..4usize, 0..3usize, any::<bool>(), map.clone());
    let pool = pool.prop_map(|(kind, kernel, stride, padding, ceil, map)| {
        let ceil = ceil && kind != PoolKind::PaddedAvg;
        (Op::Pool(Pool { kind, kernel, stride, padding, ceil }), vec![map])
    });
    let upsample = (1..4usize, any::<bool>(), map.clone()).prop_map(|(scale, bilinear, map)| {
        let mode = if bilinear { Resample::Bilinear } else { Resample::Nearest };
        (Op::Upsample { scale, mode }, vec![map])
    });
    let linear = (1..70usize, any::<bool>(), 1..12usize, 1..70usize).prop_map(|(features, bias, tokens, width)| {
        (Op::Linear { features, bias }, vec![Shape::Tokens { tokens, features: width }])
    });
    let norm = (0..4usize, 1..12usize, 4..70usize).prop_map(|(kind, tokens, features)| {
        let op = [Op::LAYER_NORM, Op::RMS_NORM, Op::Softmax, Op::PositionEmbedding][kind].clone();
        (op, vec![Shape::Tokens { tokens, features }])
    });
    let prepend = (1..4usize, 1..12usize, 1..70usize)
        .prop_map(|(count, tokens, features)| (Op::PrependTokens { count }, vec![Shape::Tokens { tokens, features }]));
    let slice = (any::<bool>(), 0..20usize, 1..20usize, 1..24usize, 1..40usize);
    let slice = slice.prop_map(|(by_token, start, count, tokens, features)| {
        let axis = if by_token { Axis::Tokens } else { Axis::Channels };
        (Op::Slice { axis, start, count }, vec![Shape::Tokens { tokens, features }])
    });
    let part = (0..20usize, 1..30usize, map.clone())
        .prop_map(|(start, count, map)| (Op::Slice { axis: Axis::Channels, start, count }, vec![map]));
    let shuffle = (1..7usize, map.clone()).prop_map(|(groups, map)| (Op::ChannelShuffle { groups }, vec![map]));
    let moved = prop_oneof![prepend, slice, part, shuffle];
    let gate = (1..20usize, map).prop_map(|(hidden, map)| {
        let (activation, gate) = (Activation::Swish, Activation::Sigmoid);
        (Op::SqueezeExcite(SqueezeExcite { hidden, activation, gate }), vec![map])
    });
    let kinds = prop_oneof![5 => convolution(), 2 => pool, 1 => upsample, 2 => linear, 1 => norm, 1 => gate, 2 => moved, 2 => attention()];
    (kinds, 1..4usize)
        .prop_map(|((op, shapes), batch)| (op, shapes, batch))
        .prop_filter("fits", |(op, shapes, _)| op.infer(shapes).is_ok())
}

/// Plain, depthwise with a multiplier, or of groups.
fn convolution() -> impl Strategy<Value = (Op, Vec<Shape>)> {
    let channels = (0..3usize, 1..40usize, 1..40usize, 1..5usize);
    let window = ([1..6usize, 1..6], 1..4usize, [0..4usize, 0..4], 1..3usize, any::<bool>());
    (channels, window, 1..12usize, 1..36usize).prop_map(|(channels, window, height, width)| {
        let (kind, input, output, few) = channels;
        let (kernel, stride, padding, dilation, bias) = window;
        let (input, output, groups) = match kind {
            0 => (input, output, 1),
            1 => (input, input * few.min(2), input),
            _ => (few * input.div_ceil(few), few * output.div_ceil(few), few),
        };
        let conv = Conv2d { channels: output, kernel, stride, padding, dilation, groups, bias };
        (Op::Conv2d(conv), vec![Shape::Map { channels: input, height, width }])
    })
}

fn attention() -> impl Strategy<Value = (Op, Vec<Shape>)> {
    let heads = (1..4usize, 1..4usize, 1..6usize, 1..10usize);
    (heads, 1..20usize, 1..20usize, any::<bool>(), any::<bool>()).prop_map(
        |((kv_heads, shared, half, value), tokens, others, causal, rotary)| {
            let heads = kv_heads * shared;
            let others = if causal { tokens } else { others };
            let of = |tokens, features| Shape::Tokens { tokens, features };
            let shapes =
                vec![of(tokens, heads * 2 * half), of(others, kv_heads * 2 * half), of(others, kv_heads * value)];
            (Op::Attention(Attention { heads, kv_heads, causal, rotary: rotary.then_some(1000) }), shapes)
        },
    )
}

/// Steps of a network: which operator, and what feeds it.
type Recipe = Vec<(usize, [prop::sample::Index; 3])>;

fn recipe() -> impl Strategy<Value = Recipe> {
    prop::collection::vec((0..14usize, any::<[prop::sample::Index; 3]>()), 2..12)
}

/// A network of maps of one shape; the last node is an output, and half of the time one from the middle too.
fn build(recipe: &Recipe) -> Network {
    let mut net = Builder::new();
    let shape = Shape::Map { channels: 20, height: 6, width: 5 };
    let mut made = vec![net.add("image", Op::Input { shape }, &[]).unwrap()];
    for (step, (kind, picks)) in recipe.iter().enumerate() {
        let from = picks.map(|pick| made[pick.index(made.len())]);
        let activation = |function| Op::Activation { function };
        let (op, inputs) = match kind {
            0 | 1 => (Op::Conv2d(Conv2d { bias: *kind == 1, ..Conv2d::square(20, 3, 1) }), &from[..1]),
            2 => (Op::Conv2d(Conv2d { groups: 20, ..Conv2d::square(20, 5, 1) }), &from[..1]),
            3 | 4 => (Op::BatchNorm, &from[..1]),
            5 => (activation(Activation::Swish), &from[..1]),
            6 => (activation(Activation::Gelu), &from[..1]),
            7 => (activation(Activation::Sigmoid), &from[..1]),
            8 => (Op::Add, &from[..2]),
            9 => (Op::Add, &from[..3]),
            10 => (Op::Multiply, &from[..2]),
            11 => {
                let wide = net.add(format!("n{step}.wide"), Op::Concat, &from[..2]).unwrap();
                let narrow = Op::Conv2d(Conv2d::square(20, 1, 1));
                made.push(net.add(format!("n{step}"), narrow, &[wide]).unwrap());
                continue;
            }
            12 => (Op::Pool(Pool { kind: PoolKind::Avg, kernel: 3, stride: 1, padding: 1, ceil: false }), &from[..1]),
            _ => (Op::Zero { stride: 1 }, &from[..1]),
        };
        made.push(net.add(format!("n{step}"), op, inputs).unwrap());
    }
    net.output(made[made.len() - 1]);
    if recipe.len().is_multiple_of(2) {
        net.output(made[made.len() / 2]);
    }
    net.finish().unwrap()
}

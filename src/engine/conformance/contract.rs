//! What [`Plan`](crate::engine::Plan) and [`Program`](crate::engine::Program) promise, whatever the operators are.

use super::{
    assert_close, backward, compile, distance, forward, fresh_weights, inputs, run, seed, tolerance, trained, weights,
};
use crate::engine::{Backend, Element, EngineError, Mode, Plan, Program, Tensor, Weights};
use crate::graph::{Activation, Builder, Conv2d, Network, NodeId, Op, Shape};

const IMAGE: Shape = Shape::Map { channels: 4, height: 6, width: 5 };

/// Builds networks a line a node.
pub struct Draft(Builder);

impl Draft {
    pub fn new() -> Self {
        Self(Builder::new())
    }

    pub fn input(&mut self, name: &str, shape: Shape) -> NodeId {
        self.0.add(name, Op::Input { shape }, &[]).unwrap()
    }

    pub fn add(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        self.0.add(name, op, inputs).unwrap()
    }

    pub fn conv(&mut self, name: &str, channels: usize, input: NodeId) -> NodeId {
        self.add(name, Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(channels, 3, 1) }), &[input])
    }

    pub fn finish(mut self, outputs: &[NodeId]) -> Network {
        outputs.iter().for_each(|&id| self.0.output(id));
        self.0.finish().unwrap()
    }
}

fn activation(function: Activation) -> Op {
    Op::Activation { function }
}

/// Stem and two branches of smooth operators, of 20 channels so that a last vector is partly filled. With `cut`, the
/// node `act` is an input.
pub fn diamond(cut: bool) -> Network {
    let mut draft = Draft::new();
    let act = if cut {
        draft.input("act", Shape::Map { channels: 20, height: 6, width: 5 })
    } else {
        let image = draft.input("image", IMAGE);
        let stem = draft.conv("stem", 20, image);
        let norm = draft.add("norm", Op::BatchNorm, &[stem]);
        draft.add("act", activation(Activation::Swish), &[norm])
    };
    let left = draft.conv("left", 20, act);
    let right = draft.add("right", activation(Activation::Gelu), &[act]);
    let sum = draft.add("sum", Op::Add, &[left, right, act]);
    let mean = draft.add("mean", Op::GlobalAvgPool, &[sum]);
    let flat = draft.add("flat", Op::Flatten, &[mean]);
    let logits = draft.add("logits", Op::Linear { features: 3, bias: true }, &[flat]);
    draft.finish(&[logits])
}

pub fn find(network: &Network, name: &str) -> NodeId {
    network.find(name).unwrap()
}

fn with_inputs(batch: usize) -> Plan {
    Plan { input_gradients: true, ..Plan::train(batch) }
}

fn value<T: Element>(program: &dyn Program<T>, network: &Network, name: &str) -> Tensor<T> {
    program.value(find(network, name)).unwrap_or_else(|| panic!("no value of `{name}`"))
}

fn value_gradient<T: Element>(program: &dyn Program<T>, network: &Network, name: &str) -> Tensor<T> {
    program.value_gradient(find(network, name)).unwrap_or_else(|| panic!("no gradient of `{name}`"))
}

fn gradients<T: Element>(program: &dyn Program<T>, network: &Network) -> Vec<(String, Tensor<T>)> {
    let of = |(id, at, name): (NodeId, usize, String)| program.gradient(id, at).map(|gradient| (name, gradient));
    trained(network).into_iter().filter_map(of).collect()
}

/// An inner node that is watched has the value and the gradient it would have as the input of what follows.
pub fn watched_values_and_gradients<T: Element>(backend: &dyn Backend<T>) {
    let (whole, cut) = (diamond(false), diamond(true));
    let weights = weights(&whole);
    let watch = vec![find(&whole, "act"), find(&whole, "sum")];
    let plan = Plan { watch, ..Plan::train(2) };
    let mut program = compile(backend, &whole, &plan, &weights);
    run(program.as_mut(), &whole, &plan);
    let plan = with_inputs(2);
    let mut rest = compile(backend, &cut, &plan, &weights);
    forward(rest.as_mut(), &[value(program.as_ref(), &whole, "act")]);
    backward(rest.as_mut(), &[(find(&cut, "logits"), seed(&whole, find(&whole, "logits"), 2))]);
    assert_close(&value(rest.as_ref(), &cut, "logits"), &value(program.as_ref(), &whole, "logits"), "logits");
    let (given, wanted) = (value_gradient(program.as_ref(), &whole, "act"), value_gradient(rest.as_ref(), &cut, "act"));
    assert_close(&given, &wanted, "gradient of `act`");
    assert!(program.value_gradient(find(&whole, "image")).is_none(), "not asked for");
    // All positions of a map share in its mean.
    let (sum, mean) = (value_gradient(program.as_ref(), &whole, "sum"), find(&whole, "mean"));
    assert!(program.value(mean).is_none(), "not watched");
    assert!(sum.data.chunks(30).all(|map| map.iter().all(|x| *x == map[0])), "gradient of `sum`");
}

/// An input can be watched like any node, an output may feed on, and a node watched twice is watched.
pub fn any_node_can_be_watched<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let image = draft.input("image", IMAGE);
    let first = draft.add("first", activation(Activation::Swish), &[image]);
    let second = draft.add("second", activation(Activation::Sigmoid), &[first]);
    let network = draft.finish(&[first, second]);
    let plan = Plan { watch: vec![image, first, image], ..with_inputs(2) };
    let mut program = compile(backend, &network, &plan, &Weights::default());
    run(program.as_mut(), &network, &plan);
    assert_close(&value(program.as_ref(), &network, "image"), &inputs(&network, 2).remove(0), "the input itself");
    // What an output that feeds on gets: its own seed, and what comes back through the next.
    let sigmoid = value(program.as_ref(), &network, "second");
    let (own, next) = (seed::<T>(&network, first, 2), seed::<T>(&network, second, 2));
    let slope = |at: usize| sigmoid.data[at] * (T::ONE - sigmoid.data[at]);
    let wanted = (0..own.data.len()).map(|at| own.data[at] + next.data[at] * slope(at)).collect();
    let given = value_gradient(program.as_ref(), &network, "first");
    assert_close(&given, &Tensor::new(own.shape.clone(), wanted), "gradient of `first`");
    let swish = |x: f64| {
        let gate = 1.0 / (1.0 + (-x).exp());
        gate + x * gate * (1.0 - gate)
    };
    let image = value(program.as_ref(), &network, "image");
    let wanted = given.data.iter().zip(&image.data).map(|(&g, x)| g * T::of(swish(x.to_f64()))).collect();
    let gradient = value_gradient(program.as_ref(), &network, "image");
    assert_close(&gradient, &Tensor::new(image.shape, wanted), "gradient of `image`");
}

/// Two inputs come in the order of the network, and one that nothing live takes may be pruned.
pub fn several_inputs<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let one = draft.input("one", IMAGE);
    let unused = draft.input("unused", Shape::Vector { features: 3 });
    let two = draft.input("two", Shape::map(4, 1));
    let both = draft.add("both", Op::Multiply, &[one, two]);
    let _dead = draft.add("dead", Op::Linear { features: 2, bias: true }, &[unused]);
    let network = draft.finish(&[both]);
    for prune in [false, true] {
        let plan = Plan { prune, ..with_inputs(2) };
        let mut program = compile(backend, &network, &plan, &fresh_weights(&network));
        run(program.as_mut(), &network, &plan);
        let given = inputs::<T>(&network, 2);
        let wanted = (0..given[0].data.len()).map(|at| given[0].data[at] * given[2].data[at / 30]).collect();
        let product = value(program.as_ref(), &network, "both");
        assert_close(&product, &Tensor::new(product.shape.clone(), wanted), "the product");
        if let Some(gradient) = program.value_gradient(unused) {
            assert!(gradient.data.iter().all(|x| *x == T::ZERO), "nothing comes back to `unused`");
        }
    }
}

/// A network whose output no data reaches. Nothing runs when it is pruned, and nothing breaks.
pub fn dead_networks<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let image = draft.input("image", IMAGE);
    let zero = draft.add("zero", Op::Zero { stride: 1 }, &[image]);
    let conv = draft.conv("conv", 5, zero);
    let network = draft.finish(&[conv]);
    for prune in [false, true] {
        let plan = Plan { prune, ..with_inputs(2) };
        let mut program = compile(backend, &network, &plan, &fresh_weights(&network));
        forward(program.as_mut(), &inputs(&network, 2));
        if let Some(value) = program.value(conv) {
            assert!(value.data.iter().all(|x| *x == T::ZERO), "prune: {prune}");
        }
        if program.backward(&[(conv, &seed(&network, conv, 2))]).is_ok() {
            let gradient = program.value_gradient(image);
            assert!(gradient.is_none_or(|gradient| gradient.data.iter().all(|x| *x == T::ZERO)), "prune: {prune}");
        }
    }
}

/// Seeds at an inner node give the product of its Jacobian with respect to another inner node.
pub fn products_between_inner_nodes<T: Element>(backend: &dyn Backend<T>) {
    let (whole, cut) = (diamond(false), diamond(true));
    let weights = weights(&whole);
    let plan = Plan { watch: vec![find(&whole, "sum"), find(&whole, "act")], ..Plan::train(2) };
    let mut program = compile(backend, &whole, &plan, &weights);
    forward(program.as_mut(), &inputs(&whole, 2));
    let above = seed(&whole, find(&whole, "sum"), 2);
    backward(program.as_mut(), &[(find(&whole, "sum"), above.clone())]);
    let plan = Plan { watch: vec![find(&cut, "sum")], ..with_inputs(2) };
    let mut rest = compile(backend, &cut, &plan, &weights);
    forward(rest.as_mut(), &[value(program.as_ref(), &whole, "act")]);
    backward(rest.as_mut(), &[(find(&cut, "sum"), above.clone())]);
    let wanted = value_gradient(rest.as_ref(), &cut, "act");
    assert_close(&value_gradient(program.as_ref(), &whole, "act"), &wanted, "gradient of `act`");
    assert_close(&value_gradient(program.as_ref(), &whole, "sum"), &above, "gradient of `sum` is its seed");
    for (name, gradient) in gradients(program.as_ref(), &whole) {
        let zero = gradient.data.iter().all(|x| *x == T::ZERO);
        assert_eq!(zero, name.starts_with("logits"), "`{name}`: what follows the seed has no gradient");
    }
}

/// Gradients are linear in the seeds, over several outputs.
pub fn seeds_add_up<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let image = draft.input("image", IMAGE);
    let stem = draft.conv("stem", 6, image);
    let one = draft.conv("one", 5, stem);
    let two = draft.add("two", activation(Activation::Swish), &[stem]);
    let network = draft.finish(&[one, two]);
    let mut program = compile(backend, &network, &with_inputs(2), &weights(&network));
    forward(program.as_mut(), &inputs(&network, 2));
    let (first, second) = ((one, seed(&network, one, 2)), (two, seed(&network, two, 2)));
    let mut of = |seeds: &[(NodeId, Tensor<T>)]| {
        backward(program.as_mut(), seeds);
        let mut all = gradients(program.as_ref(), &network);
        all.push(("image".to_owned(), value_gradient(program.as_ref(), &network, "image")));
        all
    };
    let (a, b, both) = (of(std::slice::from_ref(&first)), of(std::slice::from_ref(&second)), of(&[first, second]));
    for (((name, a), (_, b)), (_, both)) in a.iter().zip(&b).zip(&both) {
        let sum = a.data.iter().zip(&b.data).map(|(&a, &b)| a + b).collect();
        assert_close(both, &Tensor::new(a.shape.clone(), sum), name);
    }
}

/// A node that many take gets the sum of what it would get from each.
pub fn many_consumers<T: Element>(backend: &dyn Backend<T>) {
    let build = |stems: usize| {
        let mut draft = Draft::new();
        let image = draft.input("image", IMAGE);
        let stems: Vec<NodeId> = (0..stems).map(|at| draft.conv(&format!("stem{at}"), 6, image)).collect();
        let mut next = (0..).map(|at| stems[at % stems.len()]);
        let mut stem = || next.next().unwrap();
        let norm = draft.add("norm", Op::BatchNorm, &[stem()]);
        let conv = draft.conv("conv", 6, stem());
        let act = draft.add("act", activation(Activation::Gelu), &[stem()]);
        let product = draft.add("product", Op::Multiply, &[stem(), norm]);
        let plain = draft.add("plain", Op::Identity, &[stem()]);
        let sum = draft.add("sum", Op::Add, &[norm, conv, act, product, plain, stem()]);
        let all = draft.add("all", Op::Concat, &[stem(), sum]);
        draft.finish(&[all])
    };
    let (shared, apart) = (build(1), build(7));
    let mut alike: Weights<T> = weights(&apart);
    let of_first: Weights<T> = weights(&shared);
    for at in 0..7 {
        for kind in ["weight", "bias"] {
            alike.0.insert(format!("stem{at}.{kind}"), of_first.0[&format!("stem0.{kind}")].clone());
        }
    }
    let plan = with_inputs(2);
    let mut one = compile(backend, &shared, &plan, &of_first);
    let mut seven = compile(backend, &apart, &plan, &alike);
    run(one.as_mut(), &shared, &plan);
    run(seven.as_mut(), &apart, &plan);
    assert_close(&value(one.as_ref(), &shared, "all"), &value(seven.as_ref(), &apart, "all"), "all");
    let (given, wanted) =
        (value_gradient(one.as_ref(), &shared, "image"), value_gradient(seven.as_ref(), &apart, "image"));
    assert_close(&given, &wanted, "gradient of `image`");
    for parameter in 0..2 {
        let mut sum = seven.gradient(find(&apart, "stem0"), parameter).unwrap();
        for at in 1..7 {
            let other = seven.gradient(find(&apart, &format!("stem{at}")), parameter).unwrap();
            sum.data.iter_mut().zip(&other.data).for_each(|(a, &b)| *a += b);
        }
        assert_close(&one.gradient(find(&shared, "stem0"), parameter).unwrap(), &sum, "gradient of the stem");
    }
}

/// The same node as several inputs of an operator, an input of the network and an inner node.
pub fn the_same_node_twice<T: Element>(backend: &dyn Backend<T>) {
    for inner in [false, true] {
        for op in [Op::Add, Op::Multiply, Op::Concat] {
            let mut draft = Draft::new();
            let image = draft.input("image", IMAGE);
            let x = if inner { draft.add("x", Op::Identity, &[image]) } else { image };
            let twice = draft.add("twice", op.clone(), &[x, x]);
            let network = draft.finish(&[twice]);
            let plan = with_inputs(2);
            let mut program = compile(backend, &network, &plan, &Weights::default());
            run(program.as_mut(), &network, &plan);
            let (x, above) = (inputs::<T>(&network, 2).remove(0), seed::<T>(&network, twice, 2));
            let two = T::of(2.0);
            let (wanted, gradient): (Vec<T>, Vec<T>) = match op {
                Op::Add => (x.data.iter().map(|&x| two * x).collect(), above.data.iter().map(|&g| two * g).collect()),
                Op::Multiply => {
                    let slope = x.data.iter().zip(&above.data).map(|(&x, &g)| two * x * g);
                    (x.data.iter().map(|&x| x * x).collect(), slope.collect())
                }
                _ => {
                    let per_sample = IMAGE.elements() as usize;
                    let doubled = x.data.chunks(per_sample).flat_map(|x| [x, x].concat());
                    let halves = above.data.chunks(2 * per_sample).flat_map(|g| {
                        let (first, second) = g.split_at(per_sample);
                        first.iter().zip(second).map(|(&a, &b)| a + b).collect::<Vec<T>>()
                    });
                    (doubled.collect(), halves.collect())
                }
            };
            let what = format!("{op}, inner: {inner}");
            let given = value(program.as_ref(), &network, "twice");
            assert_close(&given, &Tensor::new(given.shape.clone(), wanted), &what);
            let given = value_gradient(program.as_ref(), &network, "image");
            assert_close(&given, &Tensor::new(given.shape.clone(), gradient), &what);
        }
    }
}

/// A batch of one. Batch norm over a single element gives its shift, and gradients stay finite.
pub fn one_sample<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    for mode in [Mode::Train, Mode::Eval] {
        let plan = Plan { mode, ..with_inputs(1) };
        let mut program = compile(backend, &network, &plan, &weights(&network));
        run(program.as_mut(), &network, &plan);
        assert!(value(program.as_ref(), &network, "logits").data.iter().all(|x| x.to_f64().is_finite()));
        for (name, gradient) in gradients(program.as_ref(), &network) {
            assert!(gradient.data.iter().any(|x| *x != T::ZERO), "`{name}` in {mode:?}");
        }
    }
    let mut draft = Draft::new();
    let image = draft.input("image", Shape::map(5, 1));
    let norm = draft.add("norm", Op::BatchNorm, &[image]);
    let network = draft.finish(&[norm]);
    let (plan, weights) = (with_inputs(1), weights::<T>(&network));
    let mut program = compile(backend, &network, &plan, &weights);
    run(program.as_mut(), &network, &plan);
    let (given, shift) = (value(program.as_ref(), &network, "norm"), &weights.0["norm.bias"]);
    // The root of ε multiplies the rounding of a fused scale and shift by 316, in single precision to 2e-5.
    let wanted: Vec<f64> = shift.data.iter().map(|x| x.to_f64()).collect();
    assert!(distance(&given.data, &wanted) <= 10.0 * tolerance::<T>(), "the shift");
    let gradient = value_gradient(program.as_ref(), &network, "image");
    assert!(gradient.data.iter().all(|x| x.to_f64().abs() <= 10.0 * tolerance::<T>()), "a constant has no slope");
}

/// With running statistics a sample does not see its batch.
pub fn samples_are_independent<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let weights = weights(&network);
    let plan = |batch| Plan::forward(batch, Mode::Eval);
    let whole = inputs::<T>(&network, 3).remove(0);
    let mut together = compile(backend, &network, &plan(3), &weights);
    forward(together.as_mut(), std::slice::from_ref(&whole));
    let mut alone = compile(backend, &network, &plan(1), &weights);
    let mut data = Vec::new();
    for sample in whole.data.chunks(whole.data.len() / 3) {
        forward(alone.as_mut(), &[Tensor::new(vec![1, 4, 6, 5], sample.to_vec())]);
        data.extend(value(alone.as_ref(), &network, "logits").data);
    }
    assert_close(&value(together.as_ref(), &network, "logits"), &Tensor::new(vec![3, 3], data), "logits");
}

/// Before training, leaving dead nodes out changes nothing that is live.
pub fn pruning<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let image = draft.input("image", IMAGE);
    let stem = draft.conv("stem", 6, image);
    let zero = draft.add("zero", Op::Zero { stride: 1 }, &[stem]);
    let after = draft.conv("after", 6, zero);
    let norm = draft.add("after.norm", Op::BatchNorm, &[after]);
    let shrunk = draft.add("shrunk", Op::Zero { stride: 2 }, &[stem]);
    let before = draft.conv("before", 6, stem);
    let cut = draft.add("cut", Op::Zero { stride: 1 }, &[before]);
    let sum = draft.add("sum", Op::Add, &[norm, stem, cut]);
    let both = draft.add("both", Op::Concat, &[cut, sum, norm]);
    let tail = draft.conv("tail", 3, both);
    let _unused = draft.conv("unused", 4, shrunk);
    let network = draft.finish(&[tail]);
    let weights: Weights<T> = fresh_weights(&network);
    let dead = ["zero", "after", "after.norm", "shrunk", "before", "cut", "unused"];
    let plan = with_inputs(2);
    let mut full = compile(backend, &network, &plan, &weights);
    run(full.as_mut(), &network, &plan);
    // A pruned program asks for no weights of dead nodes.
    let mut live = weights.clone();
    live.0.retain(|name, _| !dead.iter().any(|dead| name.starts_with(dead)));
    let pruned_plan = Plan { prune: true, ..with_inputs(2) };
    let mut pruned = compile(backend, &network, &pruned_plan, &live);
    run(pruned.as_mut(), &network, &pruned_plan);
    assert_close(&value(pruned.as_ref(), &network, "tail"), &value(full.as_ref(), &network, "tail"), "tail");
    let (given, wanted) =
        (value_gradient(pruned.as_ref(), &network, "image"), value_gradient(full.as_ref(), &network, "image"));
    assert_close(&given, &wanted, "gradient of `image`");
    for (id, at, name) in trained(&network) {
        let runs = !dead.contains(&network.node(id).name.as_str());
        // What feeds no output may be left out in any case.
        assert!(full.runs(id) || name.starts_with("unused"), "`{name}`: all that feeds an output runs unless pruned");
        assert_eq!(pruned.runs(id), runs, "`{name}`");
        match pruned.gradient(id, at) {
            Some(gradient) if runs => assert_close(&gradient, &full.gradient(id, at).unwrap(), &name),
            gradient => assert!(gradient.is_none() && !runs, "`{name}`"),
        }
        let mut visited = 0;
        pruned.visit_gradient(id, at, &mut |piece| visited += piece.len());
        assert_eq!(visited > 0, runs, "`{name}` is handed out");
    }
    let id = find(&network, "before");
    let refused = pruned.backward(&[(id, &seed(&network, id, 2))]);
    assert_eq!(refused, Err(EngineError::Unwatched { node: "before".to_owned() }));
}

/// A gate that no data reaches is not live, but scales what it gates.
pub fn constants_survive_pruning<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let image = draft.input("image", IMAGE);
    let zero = draft.add("zero", Op::Zero { stride: 1 }, &[image]);
    let gate = draft.add("gate", activation(Activation::Sigmoid), &[zero]);
    let gated = draft.add("gated", Op::Multiply, &[image, gate]);
    let network = draft.finish(&[gated]);
    let plan = Plan { prune: true, ..with_inputs(2) };
    let mut program = compile(backend, &network, &plan, &Weights::default());
    run(program.as_mut(), &network, &plan);
    let half = |tensor: Tensor<T>| {
        Tensor::new(tensor.shape.clone(), tensor.data.iter().map(|&x| x * T::of(0.5)).collect::<Vec<T>>())
    };
    let wanted = half(inputs(&network, 2).remove(0));
    assert_close(&value(program.as_ref(), &network, "gated"), &wanted, "half of the image");
    let gradient = value_gradient(program.as_ref(), &network, "image");
    assert_close(&gradient, &half(seed(&network, gated, 2)), "gradient of `image`");
}

/// Backward does not add to the last call, and leaves nothing behind.
pub fn backward_twice_is_the_same<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let plan = with_inputs(2);
    let mut program = compile(backend, &network, &plan, &weights(&network));
    run(program.as_mut(), &network, &plan);
    let (once, image) = (gradients(program.as_ref(), &network), value_gradient(program.as_ref(), &network, "image"));
    let logits = find(&network, "logits");
    backward(program.as_mut(), &[(logits, seed(&network, logits, 2))]);
    assert_eq!(once, gradients(program.as_ref(), &network));
    assert_eq!(image, value_gradient(program.as_ref(), &network, "image"));
}

/// A visit hands out what [`Program::gradient`] holds, each element once, and in the same order every time.
pub fn visits_hand_out_every_element<T: Element>(backend: &dyn Backend<T>) {
    for case in super::golden::whole_networks() {
        let (network, plan) = (case.network(), case.plan());
        let mut program = compile(backend, &network, &plan, &weights(&network));
        run(program.as_mut(), &network, &plan);
        for (id, at, name) in trained(&network) {
            let visited = || {
                let mut pieces = Vec::new();
                program.visit_gradient(id, at, &mut |piece| pieces.extend_from_slice(piece));
                pieces
            };
            let sorted = |values: Vec<T>| {
                let mut values: Vec<f64> = values.into_iter().map(Element::to_f64).collect();
                values.sort_by(f64::total_cmp);
                values
            };
            assert_eq!(visited(), visited(), "{}: `{name}`", case.name);
            let all = program.gradient(id, at).unwrap_or_else(|| panic!("{}: no gradient of `{name}`", case.name));
            assert_eq!(sorted(visited()), sorted(all.data), "{}: `{name}`", case.name);
        }
    }
}

/// What is not trained has no gradient.
pub fn running_statistics_have_no_gradient<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    for mode in [Mode::Train, Mode::Eval] {
        let plan = Plan { mode, ..Plan::train(2) };
        let mut program = compile(backend, &network, &plan, &weights(&network));
        run(program.as_mut(), &network, &plan);
        let norm = find(&network, "norm");
        for parameter in [2, 3] {
            assert!(program.gradient(norm, parameter).is_none());
            program.visit_gradient(norm, parameter, &mut |_| panic!("nothing to hand out"));
        }
    }
}

/// A program is used for many batches; the last leaves no trace in the next.
pub fn batches_follow_each_other<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let plan = Plan { watch: vec![find(&network, "act")], ..with_inputs(2) };
    let mut program = compile(backend, &network, &plan, &weights(&network));
    let mut of = |scale: f64| {
        let mut batch = inputs::<T>(&network, 2);
        batch[0].data.iter_mut().for_each(|x| *x *= T::of(scale));
        forward(program.as_mut(), &batch);
        let logits = find(&network, "logits");
        backward(program.as_mut(), &[(logits, seed(&network, logits, 2))]);
        (value(program.as_ref(), &network, "logits"), gradients(program.as_ref(), &network))
    };
    let first = of(1.0);
    let other = of(-3.0);
    assert_ne!(first, other);
    assert_eq!(first, of(1.0));
}

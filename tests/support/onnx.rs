//! What tests of ONNX files share: the official tools, networks with weights in which nothing hides, and samples for them.

use pocketnas::engine::{Tensor, Weights};
use pocketnas::graph::{Network, NodeId, Op, Role, Shape};
use pocketnas::search::Domain;
use pocketnas::space::Space;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The tools of ONNX and all that they need, so that tests do not change with the day.
pub const ONNX: [&str; 8] = [
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "flatbuffers==25.12.19",
    "ml_dtypes==0.6.0",
    "numpy==2.4.6",
    "packaging==26.3",
    "protobuf==7.36.2",
    "typing_extensions==4.16.0",
];

/// Weights in which nothing hides: biases, scales, shifts and statistics are as random as the rest.
pub fn weights(network: &Network, seed: u64) -> Weights {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = Weights::default();
    for id in network.ids() {
        for parameter in network.parameters(id) {
            let (low, high) = match parameter.role {
                Role::Weight => {
                    let bound = (6.0 / parameter.fan_in() as f32).sqrt();
                    (-bound, bound)
                }
                Role::Table => (-1.0, 1.0),
                Role::Scale => (0.5, 1.5),
                Role::Variance => (0.5, 1.5),
                Role::Bias | Role::Shift | Role::Mean => (-0.1, 0.1),
            };
            let data = (0..parameter.elements()).map(|_| random.gen_range(low..high)).collect();
            let name = format!("{}.{}", network.node(id).name, parameter.name);
            weights.0.insert(name, Tensor::new(parameter.shape, data));
        }
    }
    weights
}

/// Noise for each input, or ids where it feeds an embedding.
pub fn inputs(network: &Network, batch: usize) -> Vec<Tensor> {
    let mut random = ChaCha8Rng::seed_from_u64(batch as u64);
    let is_input = |id: &NodeId| matches!(network.node(*id).op, Op::Input { .. });
    let noise = |id: NodeId| {
        let rows = network.consumers(id).find_map(|(_, to)| match network.node(to).op {
            Op::Embedding { vocabulary, .. } => Some(vocabulary),
            _ => None,
        });
        let shape = sizes(batch, network.node(id).shape);
        // A mean for each channel of each sample: noise alone looks the same to a network that averages it.
        let channel = shape[2..].iter().product::<usize>();
        let mut mean = 0.0;
        let draw = |at: usize| match rows {
            Some(rows) => random.gen_range(0..rows) as f32,
            None => {
                mean = if at.is_multiple_of(channel) { random.gen_range(-2.0..2.0) } else { mean };
                mean + random.gen_range(-2.0..2.0f32)
            }
        };
        let data = (0..shape.iter().product()).map(draw).collect();
        Tensor::new(shape, data)
    };
    network.ids().filter(is_input).map(noise).collect()
}

pub fn sizes(batch: usize, shape: Shape) -> Vec<usize> {
    std::iter::once(batch).chain(Vec::from(shape)).collect()
}

pub fn largest(tensor: &Tensor) -> f32 {
    tensor.data.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// Outputs that differ by more than this share of the largest.
pub fn differ(ours: &Tensor, theirs: &Tensor, share: f32) -> Option<String> {
    if ours.shape != theirs.shape {
        return Some(format!("{:?} against {:?}", ours.shape, theirs.shape));
    }
    let largest = largest(theirs);
    let bound = share * largest;
    let apart = |at: usize| (ours.data[at] - theirs.data[at]).abs();
    let at = (0..ours.data.len()).find(|&at| apart(at).is_nan() || apart(at) > bound)?;
    Some(format!(
        "{} against {} at element {at} of {:?}, where the largest is {largest}",
        ours.data[at], theirs.data[at], ours.shape
    ))
}

/// The architecture that a seed draws from a space.
pub fn drawn(space: &str, seed: u64) -> Network {
    let space = Space::load(space, None).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let genotype = std::iter::repeat_with(|| space.sample(&mut random)).find_map(|genotype| genotype).unwrap();
    space.realise(&genotype).unwrap().1
}

/// The same operators on smaller inputs, as often halved as it takes to stay below so many multiply-adds, or as it can be.
pub fn shrunk(network: &Network, most: u64) -> Network {
    let mut raw = network.to_raw();
    for node in &mut raw.nodes {
        match &mut node.op {
            Op::Input { shape: Shape::Map { height, width, .. } } => (*height, *width) = (*height / 2, *width / 2),
            _ => node.shape = None,
        }
        if let (Op::Input { shape }, claimed) = (&node.op, &mut node.shape) {
            *claimed = Some(*shape);
        }
    }
    match raw.build() {
        Ok(smaller) if network.cost().macs.0 > most => shrunk(&smaller, most),
        _ => network.clone(),
    }
}

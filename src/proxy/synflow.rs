//! SynFlow as a score (Tanaka, Kunin, Yamins and Ganguli, NeurIPS 2020, eq. 3; summed by Abdelfattah et al., ICLR 2021):
//! how much flows through all paths from input to output, `ln Σ |θ · ∂R/∂θ|` over the kernels and matrices, where R is the sum of
//! the outputs for one input of ones, all parameters are taken by magnitude and norms pass on what comes. In double
//! precision, for R is a product over depth, and by its logarithm, as NASLib has it.
//!
//! ReLU6 counts as ReLU, since its cap would stop all flow. Other activations stay: on what is large and positive hswish,
//! swish and GELU pass nearly everything, and the gates of squeeze-excite stand open near 1, so their own two layers add
//! next to nothing.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};
use crate::engine::{Mode, Plan, Tensor, Weights};
use crate::graph::{Activation, Network, NodeId, Op};

/// The logarithm of the synaptic flow.
#[derive(Clone, Debug)]
struct Synflow;

pub(super) static SYNFLOW: Kind = Kind {
    word: "synflow",
    fields: &[],
    setup: || Setup { batch_size: 1, ..Setup::default() },
    read: |_| Ok(Box::new(Synflow)),
};

impl Measure for Synflow {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let network = without_norms(lab)?;
        let mut weights: Weights<f64> = lab.weights().cast();
        weights.0.values_mut().flat_map(|tensor| &mut tensor.data).for_each(|w| *w = w.abs());
        let plan = Plan { backward: true, prune: lab.training(1).prune, ..Plan::forward(1, Mode::Eval) };
        let mut program = lab.program_of(&network, &plan, &weights)?;
        let ones = |shape: Vec<usize>| Tensor::filled(std::iter::once(1).chain(shape).collect(), 1.0);
        let inputs: Vec<Tensor<f64>> = network.input_shapes().into_iter().map(|shape| ones(shape.into())).collect();
        program.forward(&inputs.iter().collect::<Vec<_>>())?;
        let live = network.live();
        let outputs = network.outputs().iter().copied().filter(|&id| live.contains(id));
        let seeds: Vec<(NodeId, Tensor<f64>)> = outputs.map(|id| (id, ones(network.node(id).shape.into()))).collect();
        program.backward(&seeds.iter().map(|(id, seed)| (*id, seed)).collect::<Vec<_>>())?;
        let mut layers = Vec::new();
        for (id, parameter) in lab.kernels() {
            // Nodes may stand in another order, but keep their names.
            let there = network.find(&lab.network.node(id).name);
            let Some(gradient) = there.and_then(|there| program.gradient(there, parameter)) else { continue };
            let weight = lab.weight(&weights, id, parameter)?;
            layers.push(gradient.data.iter().zip(&weight.data).map(|(g, w)| (g * w).abs()).sum::<f64>());
        }
        let flow = sum(layers);
        if flow == 0.0 {
            return Err(lab.unfit("finds no flow: every path from input to output ends in what has no slope"));
        }
        Ok(flow.ln().into())
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

/// The network with identities in the place of norms, and ReLU in that of ReLU6.
fn without_norms(lab: &Lab<'_>) -> Result<Network, ScoreError> {
    let mut raw = lab.network.to_raw();
    for node in &mut raw.nodes {
        match node.op {
            Op::BatchNorm | Op::LayerNorm { .. } | Op::RmsNorm { .. } => node.op = Op::Identity,
            Op::Activation { function: Activation::Relu6 } => {
                node.op = Op::Activation { function: Activation::Relu };
            }
            _ => {}
        }
    }
    raw.build().map_err(|error| lab.unfit(format!("cannot take the norms out of this network: {error}")))
}

//! Fisher information of activations as a score (Turner et al., "BlockSwap", ICLR 2020, eq. 2 and 3; over the layers as
//! in the code of Abdelfattah et al., ICLR 2021): `Σ_l Σ_c ½ · mean_n (Σ_p a_ncp · ∂L/∂a_ncp)²`, where a is the value of
//! a convolution or a linear layer, n a sample, c a channel and p a position. The inner convolutions of a squeeze-excite
//! gate that is one operator do not count; spelled out they do.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};
use crate::engine::{Plan, Tensor};
use crate::graph::{NodeId, Op, Shape};

/// The Fisher information of every channel.
#[derive(Clone, Debug)]
struct Fisher;

pub(super) static FISHER: Kind =
    Kind { word: "fisher", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(Fisher)) };

impl Measure for Fisher {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let plain = |id: &NodeId| !matches!(lab.network.node(*id).op, Op::SqueezeExcite(_));
        let watch: Vec<NodeId> = lab.weighted().into_iter().filter(plain).collect();
        let plan = Plan { watch: watch.clone(), ..lab.training(lab.setup.batch_size) };
        let mut program = lab.program(&plan)?;
        let mut scores = Vec::new();
        for batch in lab.batches()?.iter() {
            lab.step(program.as_mut(), batch)?;
            let of = |&id: &NodeId| {
                let (value, gradient) = (program.value(id)?, program.value_gradient(id)?);
                Some(information(&value, &gradient, lab.network.node(id).shape))
            };
            scores.push(sum(watch.iter().filter_map(of).collect()));
        }
        Ok((sum(scores.clone()) / scores.len() as f64).into())
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

/// `Σ_c ½ · mean_n (Σ_p a · g)²` of one layer.
fn information(value: &Tensor<f32>, gradient: &Tensor<f32>, shape: Shape) -> f64 {
    let (channels, elements) = (shape.channels(), shape.elements() as usize);
    // Maps go channel by channel, tokens and vectors feature by feature.
    let (step, run) = match shape {
        Shape::Map { height, width, .. } => (height * width, 1),
        Shape::Tokens { .. } | Shape::Vector { .. } => (1, channels),
    };
    let products = |sample: usize, channel: usize| -> f64 {
        let start = sample * elements + channel * step;
        let at = (0..elements / channels).map(|position| start + position * run);
        at.map(|at| f64::from(value.data[at]) * f64::from(gradient.data[at])).sum()
    };
    let samples = value.data.len() / elements;
    let squares = (0..samples).flat_map(|n| (0..channels).map(move |c| (n, c))).map(|(n, c)| products(n, c).powi(2));
    squares.sum::<f64>() / (2.0 * samples as f64)
}

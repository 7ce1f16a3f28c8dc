//! Fisher information of activations as a score (Turner et al., "BlockSwap", ICLR 2020, eq. 2 and 3; over the layers as
//! in the code of Abdelfattah et al., ICLR 2021): `Σ_l w_l Σ_c ½ · mean_n (Σ_p a_ncp · ∂L/∂a_ncp)²`, where a is the value
//! of a convolution or a linear layer, n a sample, c a channel and p a position. The inner convolutions of a
//! squeeze-excite gate that is one operator do not count; spelled out they do.
//!
//! In the code every weight of a channel's kernel takes the channel's information, and the score is the sum over weights:
//! w is the weights of one kernel (`per: weight`). Published rank correlations are of that; in the papers w is 1
//! (`per: channel`).

use serde_json::{Map, Value as Json, json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, sum};
use crate::engine::{Plan, Tensor};
use crate::graph::{NodeId, Op, Role, Shape};

/// The Fisher information of every channel.
#[derive(Clone, Debug)]
struct Fisher {
    /// Whether a channel counts once for each of its weights.
    per_weight: bool,
}

pub(super) static FISHER: Kind = Kind {
    word: "fisher",
    fields: &["per"],
    setup: Setup::default,
    read: |fields| Ok(Box::new(Fisher { per_weight: fields.word("per") != Some("channel") })),
};

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
                Some(self.times(lab, id) * information(&value, &gradient, lab.network.node(id).shape))
            };
            scores.push(sum(watch.iter().filter_map(of).collect()));
        }
        Ok((sum(scores.clone()) / scores.len() as f64).into())
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        [("per".to_owned(), json!(if self.per_weight { "weight" } else { "channel" }))].into_iter().collect()
    }
}

impl Fisher {
    /// How often each channel of a layer counts.
    fn times(&self, lab: &Lab<'_>, id: NodeId) -> f64 {
        let parameters = lab.network.parameters(id);
        let kernel = parameters.iter().find(|parameter| parameter.role == Role::Weight);
        kernel.filter(|_| self.per_weight).map_or(1.0, |kernel| kernel.shape[1..].iter().product::<usize>() as f64)
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

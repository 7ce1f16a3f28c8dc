//! Zen-score (Lin et al., ICCV 2021): how far an untrained network of Gaussian weights moves its last feature
//! map when its input moves a little, in logarithms, with what batch norms scaled away put back.
//!
//! `ln E|f(x) - f(x + 0.01 ε)| + Σ ln sqrt(mean of the channels' variances)`, x and ε unit Gaussian, the mean over the
//! elements of the last map before pooling and the sum over live batch norms, by the variances of what enters them. The
//! authors say that it is meant for networks without skip connections.

use serde_json::{Map, Value as Json, json};

use super::ScoreError;
use super::chain::channel_rows;
use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use crate::engine::{Init, Mode, Plan, Scheme, Tensor};
use crate::graph::{NodeId, Op, Shape};

/// Zen-score.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Zen {
    /// How much of the noise is added.
    gamma: f64,
}

pub(super) static ZEN: Kind = Kind {
    word: "zen",
    fields: &["gamma"],
    setup: || {
        let gaussian = Scheme::Gaussian { deviation: 1.0 };
        let init = Init { convolutions: gaussian, linear: gaussian, ..Init::default() };
        Setup { batch_size: 16, init, ..Setup::default() }
    },
    read: |fields| Ok(Box::new(Zen { gamma: fields.number("gamma").unwrap_or(0.01) })),
};

impl Measure for Zen {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let network = lab.network;
        let wide = |id: &NodeId| match network.node(*id).shape {
            Shape::Map { height, width, .. } => height * width > 1,
            Shape::Tokens { .. } => true,
            Shape::Vector { .. } => false,
        };
        let Some(last) = network.cut_points().into_iter().rfind(wide) else {
            return Err(lab.unfit("looks at the last feature map that all paths pass, but the network has none"));
        };
        let live = network.live();
        let norms = network.ids().filter(|&id| live.contains(id) && matches!(network.node(id).op, Op::BatchNorm));
        let normed: Vec<NodeId> = norms.filter_map(|id| network.inputs(id).first().copied()).collect();
        let watch = [&normed[..], &[last]].concat();
        let plan = Plan { watch, prune: true, ..Plan::forward(lab.setup.batch_size, Mode::Train) };
        let mut program = lab.program(&plan)?;
        let noise = lab.noise(2, lab.setup.batch_size)?;
        let mut inputs = noise[0].inputs.clone();
        program.forward(&[&inputs])?;
        let value = |program: &dyn crate::engine::Program, id| program.value(id).unwrap_or_default();
        let still = value(program.as_ref(), last);
        let scales = normed.iter().map(|&id| 0.5 * mean_variance(&value(program.as_ref(), id)).ln()).sum::<f64>();
        inputs.data.iter_mut().zip(&noise[1].inputs.data).for_each(|(x, e)| *x += self.gamma as f32 * e);
        program.forward(&[&inputs])?;
        let moved = value(program.as_ref(), last);
        let distance = still.data.iter().zip(&moved.data).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        let distance = (distance / still.data.len().max(1) as f64).ln();
        // A network that does not react at all is the worst there is.
        Ok(Reading {
            value: (distance + scales).max(f64::MIN),
            details: vec![("distance", distance), ("norms", scales)],
        })
    }

    fn fields(&self) -> Map<String, Json> {
        [("gamma".to_owned(), json!(self.gamma))].into_iter().collect()
    }
}

/// The mean over channels of the variance of each.
fn mean_variance(value: &Tensor) -> f64 {
    let (rows, channels) = channel_rows(value);
    let length = (rows.len() / channels.max(1)).max(1);
    let variance = |row: &[f32]| {
        let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / length as f64;
        row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / length as f64
    };
    rows.chunks_exact(length).map(variance).sum::<f64>() / channels as f64
}

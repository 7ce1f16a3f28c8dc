//! MeCo (Jiang, Wang and Bie, NeurIPS 2023): how far the channels of each layer of an untrained network are from
//! saying the same.
//!
//! One random image goes through; the score is the sum over live convolutions of the smallest eigenvalue of the matrix of
//! Pearson's correlations between the channels of the output. With `channels`, so many are drawn from each layer and their
//! eigenvalue counts C / channels times (MeCo_opt). Channels that do not vary correlate with nothing.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value as Json, json};

use super::bisection::smallest;
use super::chain::channel_rows;
use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, statistics, sum};
use crate::engine::{Mode, Plan};
use crate::graph::{NodeId, Op};

/// MeCo.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Meco {
    /// Side of the image in place of the network's own.
    size: Option<usize>,
    /// Channels that are drawn from a layer; all by default.
    channels: Option<usize>,
}

pub(super) static MECO: Kind = Kind {
    word: "meco",
    fields: &["size", "channels"],
    setup: || Setup { batch_size: 1, ..Setup::default() },
    read: |fields| Ok(Box::new(Meco { size: fields.count("size"), channels: fields.count("channels") })),
};

impl Measure for Meco {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let resized = self.size.map(|size| lab.resized(size)).transpose()?;
        let network = resized.as_ref().unwrap_or(lab.network);
        let live = network.live();
        let convolutions =
            network.ids().filter(|&id| live.contains(id) && matches!(network.node(id).op, Op::Conv2d(_)));
        let layers: Vec<NodeId> = convolutions.collect();
        let plan = Plan { watch: layers.clone(), prune: true, ..Plan::forward(lab.setup.batch_size, Mode::Train) };
        let mut program = lab.program_of(network, &plan, &lab.weights())?;
        program.forward(&[&lab.batches_for(network)?[0].inputs])?;
        let terms = layers.iter().enumerate().filter_map(|(position, &id)| {
            let (rows, all) = channel_rows(&program.value(id)?);
            let length = rows.len() / all;
            let (rows, channels) = match self.channels.filter(|&some| some < all) {
                Some(some) => {
                    let mut stream = ChaCha8Rng::seed_from_u64(lab.seed().wrapping_add(position as u64));
                    let drawn = rand::seq::index::sample(&mut stream, all, some);
                    (drawn.iter().flat_map(|i| rows[i * length..(i + 1) * length].to_vec()).collect(), some)
                }
                None => (rows, all),
            };
            let mut correlations = statistics::correlations(&rows, channels);
            Some(smallest(&mut correlations, channels) * all as f64 / channels as f64)
        });
        let value = sum(terms.collect());
        Ok(Reading { value, details: vec![("layers", layers.len() as f64)] })
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        let fields = [("size", self.size), ("channels", self.channels)];
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))).collect()
    }
}

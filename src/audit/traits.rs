//! What a score may only be repeating: how deep and wide a network is, what it costs, and how long it takes.

use serde::Serialize;

use crate::graph::{Live, Network, Op};
use crate::latency::LatencyTable;

/// Plain quantities of the live part of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Traits {
    /// Convolutions on the path that has most of them.
    pub depth: f64,
    /// Mean output channels of the convolutions; 0 without any.
    pub width: f64,
    /// Parameters.
    pub params: f64,
    /// Multiply-adds.
    pub macs: f64,
    /// Predicted latency in milliseconds, where a table was given.
    pub latency: Option<f64>,
}

impl Traits {
    /// The quantities of a network with that live part.
    pub fn of(network: &Network, live: &Live, table: Option<&LatencyTable>) -> Self {
        let (mut depth, mut channels, mut convolutions) = (vec![0_u32; network.len()], 0.0, 0.0_f64);
        for id in network.ids().filter(|&id| live.contains(id)) {
            let before = network.inputs(id).into_iter().filter(|&from| live.contains(from));
            depth[id.index()] = before.map(|from| depth[from.index()]).max().unwrap_or(0);
            if matches!(network.node(id).op, Op::Conv2d(_)) {
                depth[id.index()] += 1;
                channels += network.node(id).shape.channels() as f64;
                convolutions += 1.0;
            }
        }
        let cost = network.live_cost(live);
        Self {
            depth: f64::from(depth.into_iter().max().unwrap_or(0)),
            width: channels / convolutions.max(1.0),
            params: cost.params.0 as f64,
            macs: cost.macs.0 as f64,
            latency: table.map(|table| (table.overhead() + table.operators_cost(network)).0),
        }
    }

    /// The quantities by name; latency only where it is known.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let always = [("depth", self.depth), ("width", self.width), ("params", self.params), ("macs", self.macs)];
        always.into_iter().chain(self.latency.map(|latency| ("latency", latency)))
    }
}

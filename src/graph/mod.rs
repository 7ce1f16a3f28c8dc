//! Networks as typed operator graphs: the layer that everything else stands on.
//!
//! A [`Network`] is a directed acyclic graph of [`Op`]s whose shapes are inferred
//! as it is built, so a network that exists is a network that fits together.
//! From it come the live part ([`Network::live`]), a canonical hash
//! ([`Network::canonical_hash`]), parameters, multiply-adds and bytes
//! ([`Network::cost`]), and the blocks at whose borders later work cuts.

mod blocks;
mod cost;
mod epsilon;
mod file;
mod hash;
mod live;
mod network;
mod op;
mod parameters;
mod shape;
#[cfg(test)]
mod tests;

pub use blocks::Block;
pub use cost::Cost;
pub use epsilon::Epsilon;
pub use file::{RawNetwork, RawNode};
pub use hash::CanonicalHash;
pub use live::Live;
pub use network::{BlockId, Builder, Network, NetworkError, Node, NodeId};
pub use op::{Activation, Attention, Axis, Conv2d, Op, OpKind, Pool, PoolKind, Resample, SqueezeExcite};
pub use parameters::{Parameter, Role};
pub use shape::{Shape, ShapeError};

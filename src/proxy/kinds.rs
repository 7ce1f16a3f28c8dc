//! The kinds of measured proxies, and how each reads its own fields of a proxy file. One line of [`KINDS`] for each.

use super::lab::Setup;
use super::measured::Measure;
use super::{
    az_nas, fisher, grad_norm, grad_sign, grasp, jacov, l2_norm, meco, naswot, ntk, snip, swap, synflow, vkdnw, zen,
    zico,
};
use crate::yaml::Node;

/// A kind of measured proxy.
pub(super) struct Kind {
    /// What `proxy:` says.
    pub word: &'static str,
    /// The fields it has besides those that all measured proxies have.
    pub fields: &'static [&'static str],
    /// Batches, size and weights, where the file says nothing.
    pub setup: fn() -> Setup,
    /// Reads its fields.
    pub read: fn(&Fields<'_>) -> Result<Box<dyn Measure>, Problem>,
}

/// What is wrong with a field, and the remedy.
pub(super) struct Problem {
    pub field: &'static str,
    pub message: String,
    pub help: String,
}

/// Every kind.
pub(super) static KINDS: [&Kind; 20] = [
    &zico::ZICO,
    &zico::ZICO_BC,
    &jacov::JACOV,
    &naswot::NASWOT,
    &swap::SWAP,
    &zen::ZEN,
    &meco::MECO,
    &az_nas::EXPRESSIVITY,
    &az_nas::PROGRESSIVITY,
    &az_nas::TRAINABILITY,
    &vkdnw::VKDNW,
    &grad_norm::GRAD_NORM,
    &snip::SNIP,
    &snip::PLAIN,
    &grasp::GRASP,
    &fisher::FISHER,
    &synflow::SYNFLOW,
    &grad_sign::GRAD_SIGN,
    &l2_norm::L2_NORM,
    &ntk::NTK,
];

/// The fields of a proxy file. The schema has checked their types.
pub(super) struct Fields<'a>(pub &'a Node);

impl<'a> Fields<'a> {
    pub fn word(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(Node::text)
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Node::number)
    }

    pub fn count(&self, key: &str) -> Option<usize> {
        self.0.get(key).and_then(Node::int).and_then(|int| usize::try_from(int).ok())
    }

    pub fn truth(&self, key: &str) -> Option<bool> {
        self.0.get(key).and_then(Node::bool)
    }
}

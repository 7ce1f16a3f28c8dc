//! The part of a table file that upper bounds are made from.

use super::{field, text};
use crate::latency::BoundRatios;
use crate::yaml::{Kind, Node};

pub(super) const BOUNDS: Kind = Kind::Map(&[
    field("left_out", &Kind::Word(&["families", "folds", "operators"]), true, "what was left out of the fit together"),
    field(
        "ratios",
        &Kind::List(&Kind::Number { min: 1e-6, max: 1e6 }, 0),
        true,
        "measured over predicted latency of each network left out",
    ),
]);

const ABOUT: &str = "\
# Measured over predicted latency of the networks left out, in order. The upper bound at a confidence is the mean times
# the ratio of rank (networks + 1) x confidence, rounded up.
bounds:";

/// The ratios as lines of a file, without the last line break.
pub(super) fn lines(bounds: &BoundRatios) -> String {
    let ratios: Vec<String> = bounds.ratios().iter().map(|ratio| format!("{ratio:.4}")).collect();
    let rows: Vec<String> = ratios.chunks(14).map(|row| row.join(", ")).collect();
    format!("{ABOUT}\n  left_out: {}\n  ratios:\n    [{}]", bounds.left_out, rows.join(",\n     "))
}

/// The ratios of a file that has been checked against the schema.
pub(super) fn ratios(root: &Node) -> Option<BoundRatios> {
    let bounds = root.get("bounds")?;
    let ratios = bounds.get("ratios").map(Node::items).unwrap_or_default().iter().filter_map(Node::number);
    Some(BoundRatios::new(text(bounds, "left_out"), ratios.collect()))
}

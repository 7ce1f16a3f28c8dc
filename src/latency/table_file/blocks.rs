//! Rows of blocks that were measured as a whole.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::field;
use super::operators::{MEASUREMENT, OPERATOR, joined, kernel, measurement, measurement_entries, operator_entries};
use crate::latency::{Kernel, MeasuredRow};
use crate::yaml::{Field, Kind, Node, Problems};

const BLOCK: [Field; 2] = [
    field("source", &Kind::Word(&["measured"]), true, "measured: the time of a block of exactly these operators"),
    field("block", &Kind::List(&Kind::Map(&OPERATOR), 1), true, "the operators, in any order"),
];

/// The fields of a block row.
pub(super) const BLOCK_ROW: [Field; 5] = joined(&[&BLOCK, &MEASUREMENT]);

/// The operators of a block, sorted, and its measurement.
pub(super) fn block_row(row: &Node, path: &str, to_ms: f64, problems: &mut Problems) -> (Vec<Kernel>, MeasuredRow) {
    let operators = row.get("block").map(Node::items).unwrap_or_default().iter().enumerate();
    let mut kernels: Vec<Kernel> =
        operators.filter_map(|(at, node)| kernel(node, &format!("{path}.block[{at}]"), problems)).collect();
    kernels.sort_unstable();
    (kernels, measurement(row, to_ms))
}

/// The lines of all blocks.
pub(super) fn lines(blocks: &HashMap<Vec<Kernel>, MeasuredRow>) -> String {
    let mut sorted: Vec<_> = blocks.iter().collect();
    sorted.sort_by_key(|(kernels, _)| *kernels);
    let mut out = String::new();
    for (kernels, row) in sorted {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  - source: measured\n    {}\n    block:", measurement_entries(row).join("\n    "));
        for kernel in kernels {
            let _ = writeln!(out, "      - {{{}}}", operator_entries(kernel).join(", "));
        }
    }
    out
}

//! Rows of blocks that were measured as a whole.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{COUNT, KINDS, PAIR, POSITIVE, SIZE, field, kernel, measurement};
use crate::latency::{Kernel, MeasuredRow};
use crate::yaml::{Field, Kind, Node, Problems};

/// The fields of a block row.
pub(super) const BLOCK_ROW: [Field; 5] = [
    field("source", &Kind::Word(&["measured"]), true, "measured: the time of a block of exactly these operators"),
    field("block", &Kind::List(&OPERATOR, 1), true, "the operators, in any order"),
    field("mean", &POSITIVE, true, "mean time"),
    field("std", &POSITIVE, true, "standard deviation of the time"),
    field("count", &COUNT, true, "number of runs"),
];

const OPERATOR: Kind = Kind::Map(&[
    field("operator", &KINDS, true, "kind of operator"),
    field("input", &PAIR, true, "height and width; padded where padding is a step of its own"),
    field("input_channels", &SIZE, true, "input channels"),
    field("output", &PAIR, true, "height and width"),
    field("output_channels", &SIZE, true, "output channels"),
    field("window", &PAIR, false, "height and width of the window; 1, 1 if absent"),
    field("stride", &SIZE, false, "stride; 1 if absent"),
    field("dilation", &SIZE, false, "dilation; 1 if absent"),
    field("groups", &SIZE, false, "groups; 1 if absent"),
    field("inputs", &SIZE, false, "number of inputs; 1 if absent"),
    field("explicit_padding", &Kind::Bool, false, "whether a padding step runs before it; false if absent"),
]);

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
        let (ms, std, count) = (row.ms.0, row.std.0, row.count);
        let _ =
            writeln!(out, "  - source: measured\n    mean: {ms:e}\n    std: {std:e}\n    count: {count}\n    block:");
        for k in kernels {
            let pair = |[a, b]: [u32; 2]| format!("[{a}, {b}]");
            let _ = writeln!(
                out,
                "      - {{operator: {}, input: {}, input_channels: {}, output: {}, output_channels: {}, window: {}, \
                 stride: {}, dilation: {}, groups: {}, inputs: {}, explicit_padding: {}}}",
                k.kind.name(),
                pair(k.input),
                k.input_channels,
                pair(k.output),
                k.output_channels,
                pair(k.window),
                k.stride,
                k.dilation,
                k.groups,
                k.inputs,
                k.explicit_padding
            );
        }
    }
    out
}

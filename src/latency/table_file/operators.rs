//! Operators and their measurements in a table file: the keys that rows of operators and the operators of a block have.

use super::{COUNT, KINDS, PAIR, POSITIVE, SIZE, field, number, pair, size, text};
use crate::latency::{Kernel, KernelKind, MeasuredRow};
use crate::units::Millis;
use crate::yaml::{Field, Kind, Node, Problems};

/// The keys of an operator.
pub(super) const OPERATOR: [Field; 11] = [
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
];

/// The keys of a measurement.
pub(super) const MEASUREMENT: [Field; 3] = [
    field("mean", &POSITIVE, true, "mean time"),
    field("std", &POSITIVE, true, "standard deviation of the time"),
    field("count", &COUNT, true, "number of runs"),
];

const SOURCE: [Field; 1] =
    [field("source", &Kind::Word(&["measured"]), true, "measured: the time of exactly this operator")];

/// The fields of a row of a measured operator.
pub(super) const OPERATOR_ROW: [Field; 15] = joined(&[&SOURCE, &OPERATOR, &MEASUREMENT]);

/// Lists of keys, one after the other.
pub(super) const fn joined<const N: usize>(lists: &[&[Field]]) -> [Field; N] {
    let mut all = [lists[0][0]; N];
    let (mut count, mut list) = (0, 0);
    while list < lists.len() {
        let mut key = 0;
        while key < lists[list].len() {
            all[count] = lists[list][key];
            count += 1;
            key += 1;
        }
        list += 1;
    }
    assert!(count == N, "as many keys as the lists have");
    all
}

/// The operator of a row that passed the schema.
pub(super) fn kernel(row: &Node, path: &str, problems: &mut Problems) -> Option<Kernel> {
    Some(Kernel {
        kind: KernelKind::from_name(&text(row, "operator"))?,
        input: pair(row, "input", path, problems),
        input_channels: size(row, "input_channels", 1),
        output: pair(row, "output", path, problems),
        output_channels: size(row, "output_channels", 1),
        window: pair(row, "window", path, problems),
        stride: size(row, "stride", 1),
        dilation: size(row, "dilation", 1),
        groups: size(row, "groups", 1),
        inputs: size(row, "inputs", 1),
        explicit_padding: row.get("explicit_padding").and_then(Node::bool).unwrap_or(false),
    })
}

/// The measurement of a row that passed the schema.
pub(super) fn measurement(row: &Node, to_ms: f64) -> MeasuredRow {
    let count = row.get("count").and_then(Node::int).and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
    let time = |key| Millis(number(row, key) * to_ms);
    MeasuredRow { ms: time("mean"), std: time("std"), count }
}

/// An operator as `key: value`, in the order of the keys.
pub(super) fn operator_entries(k: &Kernel) -> [String; 11] {
    let pair = |[a, b]: [u32; 2]| format!("[{a}, {b}]");
    let values = [
        k.kind.name().to_owned(),
        pair(k.input),
        k.input_channels.to_string(),
        pair(k.output),
        k.output_channels.to_string(),
        pair(k.window),
        k.stride.to_string(),
        k.dilation.to_string(),
        k.groups.to_string(),
        k.inputs.to_string(),
        k.explicit_padding.to_string(),
    ];
    let mut keys = OPERATOR.iter();
    values.map(|value| format!("{}: {value}", keys.next().map_or("", |key| key.name)))
}

/// A measurement as `key: value`, in the order of the keys.
pub(super) fn measurement_entries(row: &MeasuredRow) -> [String; 3] {
    [format!("mean: {:e}", row.ms.0), format!("std: {:e}", row.std.0), format!("count: {}", row.count)]
}

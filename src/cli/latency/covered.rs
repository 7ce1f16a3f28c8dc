//! What a table has seen, for `latency tables`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::latency::{Covered, KernelKind, LatencyTable, Property};
use crate::units::counted;

/// The kinds of operators and the ranges of their sizes.
pub(super) fn json(table: &LatencyTable) -> Value {
    let entry = |(kind, over_sequence, covered): (KernelKind, bool, &Covered)| {
        let mut entry = Map::new();
        entry.insert("operator".to_owned(), json!(kind.name()));
        if over_sequence {
            entry.insert("over_sequence".to_owned(), json!(true));
        }
        entry.insert("operators".to_owned(), json!(covered.operators));
        for (property, (low, high)) in covered.ranges() {
            entry.insert(property.name().to_owned(), json!([low, high]));
        }
        Value::Object(entry)
    };
    table.coverage().kinds().map(entry).collect()
}

/// The same in a few words: how many kinds, and the sizes of maps over all of them.
pub(super) fn line(table: &LatencyTable) -> String {
    // Rows of a sequence are no size of a map.
    let kinds = table.coverage().kinds().filter(|(_, over_sequence, _)| !over_sequence);
    let kinds: Vec<&Covered> = kinds.map(|(_, _, covered)| covered).collect();
    let sizes = kinds.iter().map(|covered| covered.ranges[Property::InputSize as usize]);
    match sizes.reduce(|(low, high), (least, most)| (low.min(least), high.max(most))) {
        Some((low, high)) => format!("{} of operators on sizes {low} to {high}", counted(kinds.len(), "kind")),
        None => "covers what its rows say".to_owned(),
    }
}

/// A row for each kind: the ranges of its properties, as far as one differs from what every operator has.
pub(super) fn ranges(table: &LatencyTable) -> String {
    let mut text =
        "  covers   operators alike in kind, within these ranges; beyond them prices are flagged\n".to_owned();
    for (kind, over_sequence, covered) in table.coverage().kinds() {
        let told = covered.ranges().filter(|(_, (_, high))| *high > 1);
        let ranges: Vec<String> = told
            .map(|(property, (low, high))| {
                let name = property.name().replace('_', " ");
                if low == high { format!("{name} {low}") } else { format!("{name} {low} to {high}") }
            })
            .collect();
        let name = format!("{}{}", kind.name(), if over_sequence { ", sequences" } else { "" });
        let _ = writeln!(text, "    {name:<27} {}", ranges.join(", "));
    }
    text
}

//! What a table has seen, for `latency tables`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::latency::{Covered, KernelKind, LatencyTable, Property};
use crate::units::counted;

/// The kinds of operators and the ranges of their sizes.
pub(super) fn json(table: &LatencyTable) -> Value {
    let kinds = KernelKind::ALL.into_iter().filter_map(|kind| Some((kind, table.coverage().kind(kind)?)));
    let entry = |(kind, covered): (KernelKind, &Covered)| {
        let mut entry = Map::new();
        entry.insert("operator".to_owned(), json!(kind.name()));
        entry.insert("operators".to_owned(), json!(covered.operators));
        for (property, (low, high)) in Property::ALL.into_iter().zip(covered.ranges) {
            entry.insert(property.name().to_owned(), json!([low, high]));
        }
        Value::Object(entry)
    };
    kinds.map(entry).collect()
}

/// The same in a few words: how many kinds, and the sizes of maps over all of them.
pub(super) fn line(table: &LatencyTable) -> String {
    let kinds: Vec<&Covered> = KernelKind::ALL.into_iter().filter_map(|kind| table.coverage().kind(kind)).collect();
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
    for kind in KernelKind::ALL {
        let Some(covered) = table.coverage().kind(kind) else { continue };
        let told = Property::ALL.into_iter().zip(covered.ranges).filter(|(_, (_, high))| *high > 1);
        let ranges: Vec<String> = told
            .map(|(property, (low, high))| {
                let name = property.name().replace('_', " ");
                if low == high { format!("{name} {low}") } else { format!("{name} {low} to {high}") }
            })
            .collect();
        let _ = writeln!(text, "    {:<26} {}", kind.name(), ranges.join(", "));
    }
    text
}

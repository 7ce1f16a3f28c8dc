//! What a table has seen, for `latency tables`.

use serde_json::{Map, Value, json};

use crate::latency::{Covered, KernelKind, LatencyTable, Property};

/// The kinds of operators and the ranges of their sizes.
pub(super) fn json(table: &LatencyTable) -> Value {
    let entry = |(kind, over_sequence, covered): (KernelKind, bool, &Covered)| {
        let mut entry = Map::new();
        entry.insert("operator".to_owned(), json!(kind.name()));
        if over_sequence {
            entry.insert("over_sequence".to_owned(), json!(true));
        }
        entry.insert("operators".to_owned(), json!(covered.operators));
        for (property, (low, high)) in Property::ALL.into_iter().zip(covered.ranges) {
            entry.insert(property.name().to_owned(), json!([low, high]));
        }
        Value::Object(entry)
    };
    table.coverage().kinds().map(entry).collect()
}

/// The same in a line: how many operators of each kind.
pub(super) fn line(table: &LatencyTable) -> String {
    let kinds = table.coverage().kinds();
    let kinds: Vec<String> = kinds.map(|(kind, _, covered)| format!("{} {}", covered.operators, kind.name())).collect();
    if kinds.is_empty() { "covers what its rows say".to_owned() } else { format!("covers {}", kinds.join(", ")) }
}

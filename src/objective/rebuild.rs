//! An objective from its definition alone, for a process that has nothing but a request.

use std::sync::Arc;

use super::request::Wanted;
use super::{Count, CountKind, Latency, Objective, ObjectiveError, Zeroshot};
use crate::latency::LatencyTable;
use crate::proxy::Definition;
use crate::yaml::Document;

/// The objective that a request asks for: the one whose [`Objective::definition`] it carries.
///
/// # Errors
/// A kind that this program does not compute, and a definition that does not read.
pub fn rebuild(wanted: &Wanted) -> Result<Arc<dyn Objective>, ObjectiveError> {
    let Wanted { name, kind, definition } = wanted;
    let refuse = |reason: String| ObjectiveError(format!("objective `{name}`: {reason}"));
    match kind.as_str() {
        "count" => match CountKind::from_name(definition) {
            Some(kind) => Ok(Arc::new(Count::new(name, None, kind))),
            None => Err(refuse(format!("`{definition}` is no count"))),
        },
        "proxy" => {
            let document = Document::parse(name, definition).map_err(|problems| refuse(problems.to_string()))?;
            let proxy = Definition::from_document(&document).map_err(|problems| refuse(problems.to_string()))?;
            Ok(Arc::new(Zeroshot::new(name, None, &proxy)))
        }
        "table" => {
            let table = LatencyTable::parse(name, definition).map_err(|problems| refuse(problems.to_string()))?;
            Ok(Arc::new(Latency::new(name, None, name, table)))
        }
        other => Err(refuse(format!("`{other}` is no kind that pocketnas computes itself (table, proxy or count)"))),
    }
}

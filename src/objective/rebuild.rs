//! An objective from its definition alone, for a process that has nothing but a request.

use std::sync::Arc;

use super::latency::BoundDefinition;
use super::request::Wanted;
use super::{Count, CountKind, Latency, Objective, ObjectiveError, Zeroshot};
use crate::data::{Dataset, Normalisation};
use crate::latency::LatencyTable;
use crate::proxy::{Conditions, Definition};
use crate::yaml::Document;

/// A measured proxy: its file, the data, and the seeds of weights and batches.
#[derive(serde::Deserialize)]
struct Carried {
    file: String,
    data: String,
    seed: u64,
    data_seed: u64,
}

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
            // A measured proxy carries its conditions beside its file.
            let carried: Option<Carried> = serde_json::from_str(definition).ok();
            let file = carried.as_ref().map_or(definition, |carried| &carried.file);
            let document = Document::parse(name, file).map_err(|problems| refuse(problems.to_string()))?;
            let proxy = Definition::from_document(&document).map_err(|problems| refuse(problems.to_string()))?;
            let conditions = match carried {
                Some(Carried { data, seed, data_seed, .. }) => {
                    let set = Dataset::open(&data, &Normalisation::default());
                    Conditions::new(&data, Arc::new(set.map_err(|error| refuse(error.to_string()))?), seed, data_seed)
                }
                None => Conditions::default(),
            };
            Ok(Arc::new(Zeroshot::new(name, None, &proxy, &conditions)))
        }
        "table" => {
            // A bound carries its confidence beside its table.
            let carried: Option<BoundDefinition> = serde_json::from_str(definition).ok();
            let file = carried.as_ref().map_or(definition, |carried| &carried.table);
            let table = LatencyTable::parse(name, file).map_err(|problems| refuse(problems.to_string()))?;
            Ok(Arc::new(match carried {
                None => Latency::new(name, None, name, table),
                Some(BoundDefinition { confidence, .. }) => Latency::bounded(name, None, name, table, confidence)
                    .map_err(|reason| refuse(reason.to_string()))?,
            }))
        }
        other => Err(refuse(format!("`{other}` is no kind that pocketnas computes itself (table, proxy or count)"))),
    }
}

//! The front of a search as its tables have it, whether from `front.json` or from `front.csv` alone.

use super::Unreadable;
use super::origin::Origin;
use crate::export::ArchitectureFile;
use crate::report::{Member, Metric, ReportData};

/// One architecture of a front.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Its name within the front.
    pub(super) id: String,
    /// The canonical hash.
    pub(super) hash: String,
    /// The text form.
    pub(super) architecture: String,
    /// Its architecture file, relative to the folder.
    pub(super) file: Option<String>,
    /// All warnings, as the table joins them.
    pub(super) flags: String,
    /// Every known quantity by its column, `latency_ms`.
    pub(super) values: Vec<(String, f64)>,
}

/// Columns before and behind those of quantities.
const BEFORE: [&str; 3] = ["rank", "id", "hash"];
const BEHIND: [&str; 3] = ["flags", "file", "architecture"];

impl Row {
    /// A member of a report; what is not known of it is left out.
    pub(super) fn of(member: &Member, data: &ReportData) -> Self {
        let objectives = data.objectives.iter().map(|objective| objective.column()).zip(member.values.iter().copied());
        let metrics = member.metrics.iter().map(|metric| (metric.column(), metric.value));
        Self {
            id: member.id.clone(),
            hash: member.hash.clone(),
            architecture: member.architecture.clone(),
            file: member.file.clone(),
            flags: member.flags.join("; "),
            values: objectives.chain(metrics).filter(|(_, value)| value.is_finite()).collect(),
        }
    }

    /// The rows of a `front.csv`.
    ///
    /// # Errors
    /// Text that is no such table: with the line and the column.
    pub(super) fn table(name: &str, text: &str) -> Result<Vec<Self>, Unreadable> {
        let refuse = |what: String| Unreadable::Other(format!("{name}: {what}; the search writes it anew"));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
        let columns: Vec<&str> = header.iter().collect();
        let quantities = (columns.strip_prefix(&BEFORE[..])).and_then(|rest| rest.strip_suffix(&BEHIND[..]));
        let Some(quantities) = quantities else {
            return Err(refuse(format!("the header is not {}, …, {}", BEFORE.join(", "), BEHIND.join(", "))));
        };
        let mut rows = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| refuse(error.to_string()))?;
            let cell = |at: usize| record.get(at).unwrap_or_default();
            let mut values = Vec::new();
            for (at, column) in quantities.iter().enumerate() {
                let text = cell(BEFORE.len() + at);
                match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => values.push(((*column).to_owned(), value)),
                    // A quantity that the member does not have.
                    _ if text.is_empty() => {}
                    _ => return Err(refuse(format!("line {}: `{column}` holds `{text}`, no number", index + 2))),
                }
            }
            let behind = BEFORE.len() + quantities.len();
            rows.push(Self {
                id: cell(1).to_owned(),
                hash: cell(2).to_owned(),
                flags: cell(behind).to_owned(),
                file: Some(cell(behind + 1).to_owned()).filter(|file| !file.is_empty()),
                architecture: cell(behind + 2).to_owned(),
                values,
            });
        }
        Ok(rows)
    }

    /// The value in a column.
    pub(super) fn value(&self, column: &str) -> Option<f64> {
        self.values.iter().find(|(name, _)| name == column).map(|(_, value)| *value)
    }
}

/// What the columns of a front mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Meaning {
    /// The space, by name.
    pub(super) space: String,
    /// The seed of the search.
    pub(super) seed: u64,
    /// Each quantity: its name, its column, and where it comes from.
    pub(super) quantities: Vec<(String, String, Origin)>,
}

impl Meaning {
    /// As one of the architecture files has it: in full.
    pub(super) fn of_file(file: &ArchitectureFile) -> Self {
        let quantity = |(name, metric): (&String, &crate::export::Metric)| {
            let origin = Origin::new(&metric.from, file.provenance.sources.get(name));
            (name.clone(), column(name, &metric.unit), origin)
        };
        let quantities = file.metrics.iter().map(quantity).collect();
        Self { space: file.space.clone(), seed: file.provenance.seed, quantities }
    }

    /// As the report has it: by kind, name and the first digits of a hash.
    pub(super) fn of_report(data: &ReportData) -> Self {
        let members = data.front.iter().chain(data.closest.iter().map(|closest| &closest.member));
        let metrics = members.take(1).flat_map(|member| &member.metrics).map(|metric| (&metric.name, &metric.unit));
        let named = data.objectives.iter().map(|objective| (&objective.name, &objective.unit)).chain(metrics);
        let quantity = |(name, unit): (&String, &String)| {
            let version = data.run.versions.iter().find(|entry| entry.key == *name);
            // Whatever the config does not name is a count.
            let from = version.map_or_else(|| format!("count {name}"), |entry| entry.value.clone());
            (name.clone(), column(name, unit), Origin::new(&from, Some(&from.clone().into())))
        };
        Self { space: data.space.name.clone(), seed: data.run.seed, quantities: named.map(quantity).collect() }
    }
}

fn column(name: &str, unit: &str) -> String {
    Metric { name: name.to_owned(), value: 0.0, unit: unit.to_owned() }.column()
}

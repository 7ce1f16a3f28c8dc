//! `front.csv`: one row for each member of the front, for spreadsheets and
//! scripts. Every number is written in full, every header names its unit.

use std::io::{self, Write};

use super::data::ReportData;
use super::number::plain;

/// Writes the table. Its rows are in the order of the first objective.
///
/// # Errors
///
/// What `out` reports.
pub(super) fn write(data: &ReportData, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    let metrics = metric_columns(data);
    let objectives = data.objectives.iter().map(|objective| objective.column());
    let header = (["rank", "id", "hash"].map(str::to_owned).into_iter())
        .chain(objectives)
        .chain(metrics.iter().cloned())
        .chain(["flags", "file", "architecture"].map(str::to_owned));
    writer.write_record(header).map_err(into_io)?;
    for (rank, index) in data.order().into_iter().enumerate() {
        let member = &data.front[index];
        let mut record = vec![(rank + 1).to_string(), member.id.clone(), member.hash.clone()];
        record.extend(member.values.iter().map(|value| plain(*value)));
        record.extend(metrics.iter().map(|column| {
            let metric = member.metrics.iter().find(|metric| metric.column() == *column);
            metric.map(|metric| plain(metric.value)).unwrap_or_default()
        }));
        record.extend([member.flags.join("; "), member.file.clone().unwrap_or_default(), member.architecture.clone()]);
        writer.write_record(record).map_err(into_io)?;
    }
    writer.flush()
}

/// The columns of all metrics in order of appearance, without those that repeat an objective.
pub(super) fn metric_columns(data: &ReportData) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for metric in data.front.iter().flat_map(|member| &member.metrics) {
        let column = metric.column();
        let known = columns.contains(&column) || data.objectives.iter().any(|objective| objective.column() == column);
        if !known {
            columns.push(column);
        }
    }
    columns
}

fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

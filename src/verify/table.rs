//! Latency tables: whether they read, what they were made from, and whether one that calls itself shipped is.

use super::{Finding, Given, Kind, Opened, Unreadable, blake3_of};
use crate::export::Claim;
use crate::latency::LatencyTable;

/// The kind of latency tables.
#[derive(Debug)]
pub(super) struct Table;

impl Kind for Table {
    fn name(&self) -> &'static str {
        "latency table"
    }

    fn recognises(&self, file: &Opened) -> bool {
        file.has_key("table") && file.has_key("rows")
    }

    fn verify(&self, file: &Opened, given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let table = LatencyTable::from_document(file.document()?)?;
        let rows = format!("{} fitted and {} measured", table.fitted_rows(), table.measured_rows());
        let mut findings = vec![Finding::agrees("rows", rows)];
        let info = table.info();
        findings.push(as_shipped(&table));
        for source in &info.provenance.files {
            let named = |path: &&std::path::PathBuf| path.file_name().is_some_and(|name| name == source.name.as_str());
            let claim = format!("source {}", source.name);
            findings.push(match given.sources.iter().find(named) {
                None => {
                    Finding::unchecked(claim, format!("the file is not at hand; give it with --given {}", source.name))
                }
                Some(path) => match blake3_of(path) {
                    Ok(found) => Claim::text(claim, source.blake3.clone(), found).into(),
                    Err(error) => Finding::unchecked(claim, format!("cannot read `{}`: {error}", path.display())),
                },
            });
        }
        if info.provenance.error.is_some() || table.ratios().is_some() {
            let why = match info.provenance.command.as_str() {
                "" => "only a fit to the measurements can tell, and the table does not say how it was made".to_owned(),
                command => format!("only a fit to the measurements can tell: `{command}`"),
            };
            findings.push(Finding::unchecked("error and bounds", why));
        }
        Ok(findings)
    }
}

/// A table that was made as a shipped one was, from the same files, has to be that one.
fn as_shipped(table: &LatencyTable) -> Finding {
    let claim = "the shipped table of its name";
    let (info, made) = (table.info(), &table.info().provenance);
    let mut shipped = LatencyTable::names().filter_map(|name| LatencyTable::named(name).ok());
    let Some(shipped) = shipped.find(|shipped| shipped.info().table == info.table) else {
        return Finding::unchecked(claim, format!("no shipped table is called {}", info.table));
    };
    let theirs = &shipped.info().provenance;
    if (&made.files, &made.command) != (&theirs.files, &theirs.command) {
        return Finding::unchecked(claim, "it was made in another way, or from other files, than the shipped one");
    }
    // Written by the same hand, two tables differ where they say different things.
    let (ours, theirs) = (table.to_yaml(), shipped.to_yaml());
    let mut lines = ours.lines().zip(theirs.lines());
    match lines.find(|(ours, theirs)| ours != theirs) {
        Some((ours, theirs)) => Finding::disagrees(claim, ours.trim(), theirs.trim()),
        None if ours.len() == theirs.len() => Finding::agrees(claim, "every line"),
        None => {
            Finding::disagrees(claim, format!("{} lines", ours.lines().count()), theirs.lines().count().to_string())
        }
    }
}

//! From a name in a config to a file on disk, or to something the program ships.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::latency::LatencyTable;
use crate::objective::{Count, CountKind, Latency, Objective, Zeroshot};
use crate::proxy::{Conditions, Definition};
use crate::yaml::{Diagnostics, Document, nearest};

/// What a reference stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file; it wins over a shipped name.
    File(PathBuf),
    /// Part of the program, under that name.
    Shipped,
    /// Neither.
    Nothing,
}

/// Looks for `reference` as a file relative to `folder`, then to the current folder, then among the shipped names.
pub fn resolve<'a>(reference: &str, folder: &Path, shipped: impl IntoIterator<Item = &'a str>) -> Found {
    let candidates = [folder.join(reference), PathBuf::from(reference)];
    if let Some(file) = candidates.into_iter().find(|path| path.is_file()) {
        return Found::File(file);
    }
    if shipped.into_iter().any(|name| name == reference) { Found::Shipped } else { Found::Nothing }
}

/// The objective that one word stands for: a count, a proxy or a latency table, by name or by path.
///
/// # Errors
/// A word that is none of them, and a file that is not what its first lines promise.
pub fn objective_by_reference(name: &str, what: &str) -> Result<Arc<dyn Objective>, Diagnostics> {
    if let Some(kind) = CountKind::from_name(what) {
        return Ok(Arc::new(Count::new(name, None, kind)));
    }
    match resolve(what, Path::new(""), Definition::names().chain(LatencyTable::names())) {
        Found::File(path) => {
            let document = Document::read(&path)?;
            if document.root.get("proxy").is_some() {
                return Ok(Arc::new(Zeroshot::new(
                    name,
                    None,
                    &Definition::from_document(&document)?,
                    &Conditions::default(),
                )));
            }
            Ok(Arc::new(Latency::new(name, None, what, LatencyTable::parse(&document.name, &document.text)?)))
        }
        Found::Shipped if Definition::names().any(|known| known == what) => {
            Ok(Arc::new(Zeroshot::new(name, None, &Definition::load(what)?, &Conditions::default())))
        }
        Found::Shipped => Ok(Arc::new(Latency::new(name, None, what, LatencyTable::named(what)?))),
        Found::Nothing => {
            let counts = CountKind::ALL.into_iter().map(CountKind::name);
            let help = nearest(what, counts.chain(Definition::names()).chain(LatencyTable::names()));
            Err(Diagnostics::file(what, "is no count, no proxy, no latency table and no file", help))
        }
    }
}

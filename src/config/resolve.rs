//! From a name in a config to a file on disk, or to something the program ships.

use std::path::{Path, PathBuf};

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

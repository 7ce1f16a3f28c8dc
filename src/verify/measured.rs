//! What an audit writes: numbers that were measured, and that only measuring again can tell.

use super::{Finding, Given, Kind, Opened, Unreadable};

/// Names of files, and the command that measures what is in them.
const MEASURED: &[(&str, &str)] = &[
    ("audit.csv", "pocketnas audit proxies"),
    ("audit.json", "pocketnas audit proxies"),
    ("strategies.csv", "pocketnas audit strategies"),
    ("strategies.md", "pocketnas audit strategies"),
];

/// The kind of what audits write.
#[derive(Debug)]
pub(super) struct Measured;

impl Kind for Measured {
    fn name(&self) -> &'static str {
        "result of an audit"
    }

    fn recognises(&self, file: &Opened) -> bool {
        MEASURED.iter().any(|(name, _)| *name == file.name())
    }

    fn verify(&self, file: &Opened, _given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let path = file.path();
        std::fs::read_to_string(path)
            .map_err(|error| Unreadable::Other(format!("cannot read `{}`: {error}", path.display())))?;
        if file.is_document() {
            file.document()?;
        }
        let command = MEASURED.iter().find(|(name, _)| *name == file.name()).map_or("", |(_, command)| command);
        let why = format!("it was measured, and only measuring it again would tell: `{command}`");
        Ok(vec![Finding::unchecked("everything", why)])
    }
}

//! What an audit of proxies found, as files: plots and a page, each a pure function of [`AuditReport`].

use std::path::Path;

use super::ReportError;

/// The files that an audit leaves in its folder besides the journal of its scores.
pub const AUDIT_OUTPUTS: [&str; 9] = [
    "audit.csv",
    "audit.json",
    "spearman.svg",
    "spearman.png",
    "ranks.svg",
    "ranks.png",
    "bias.svg",
    "bias.png",
    "audit.html",
];

/// Checks, before a long audit, that its report can be drawn and written to `directory` afterwards.
///
/// # Errors
/// As [`prepare`](super::prepare).
pub fn prepare_audit(directory: &Path) -> Result<(), ReportError> {
    super::files::prepare_for(directory, &AUDIT_OUTPUTS)
}

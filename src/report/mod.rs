//! Writes what a search found: tables, plots and a page, each a pure function of
//! [`ReportData`]. Nothing here knows a network, a space or a strategy.
//!
//! | file | content |
//! |---|---|
//! | `front.csv` | the front, one row for each member, units in the header |
//! | `front.json` | all of [`ReportData`] |
//! | `front.svg`, `front.png` | the plot |
//! | `report.html` | one self-contained page that fetches nothing |
//!
//! Equal data give equal bytes. What varies from run to run (time, host) enters
//! only through the run card, and so only `front.json` and `report.html`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod audit;
mod axis;
mod check;
mod comparison;
mod data;
mod figure;
mod files;
mod font;
mod front_csv;
mod growth;
mod html;
mod labels;
mod number;
mod panel;
mod parallel;
mod scene;
mod selection;
mod signs;
mod staircase;
mod table;
mod words;

pub use audit::{AUDIT_OUTPUTS, AuditProxy, AuditReport, Correlation, audit_page, prepare_audit, write_audit};
pub use comparison::{Comparison, Line, Station, comparison_svg};
pub use data::{
    Baseline, Block, Broken, Certificate, Choice, Closest, Course, Decision, Direction, Entry, FormatVersion, Growth,
    Importance, Limit, Member, Metric, Objective, Relation, ReportData, RunCard, SpaceSummary,
};
pub use figure::readable_count;
pub use files::{prepare, write_atomically};
pub use table::table;

use figure::Place;
pub(crate) use font::{FAMILY, Typeface};

/// The files that [`write()`] leaves in its directory.
pub const OUTPUTS: [&str; 5] = ["front.csv", "front.json", "front.svg", "front.png", "report.html"];

/// Why a report could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The data contradict themselves.
    #[error("the report's data are inconsistent: {0}")]
    Data(String),
    /// The output directory cannot be used.
    #[error("cannot write to the folder `{path}`: {source}; choose another with --out or free it", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One of the files could not be written.
    #[error("cannot write `{path}`: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A `front.json` could not be read.
    #[error("cannot read `{path}`: {reason}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The embedded typeface is unusable.
    #[error("the typeface built into this program does not parse; the build is broken")]
    Font,
    /// The plotting library gave up.
    #[error("cannot draw the plot: {0}")]
    Draw(String),
}

/// Writes all of [`OUTPUTS`] to `directory` and returns their paths. Each file
/// appears whole or not at all.
///
/// # Errors
///
/// [`ReportError::Data`] where `data` does not pass its check, and what
/// [`prepare`] and the single writers report.
pub fn write(data: &ReportData, directory: &Path) -> Result<Vec<PathBuf>, ReportError> {
    data.check()?;
    prepare(directory)?;
    let [csv, json, svg, png, html] = OUTPUTS.map(|name| directory.join(name));
    // The numbers come first: they are worth most if a later file fails.
    files::write_atomically(&csv, |out| front_csv::write(data, out))?;
    files::write_atomically(&json, |out| write_json(data, out))?;
    let bytes = svg_document(data)?;
    files::write_atomically(&svg, |out| out.write_all(bytes.as_bytes()))?;
    let bytes = png_image(data)?;
    files::write_atomically(&png, |out| out.write_all(&bytes))?;
    let bytes = html_page(data)?;
    files::write_atomically(&html, |out| out.write_all(bytes.as_bytes()))?;
    Ok(vec![csv, json, svg, png, html])
}

fn write_json(data: &ReportData, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, data)?;
    out.write_all(b"\n")
}

/// Reads a `front.json` back.
///
/// # Errors
///
/// [`ReportError::Read`] where the file is missing, not of this version or not
/// of this shape; [`ReportError::Data`] where its content contradicts itself.
pub fn read(path: &Path) -> Result<ReportData, ReportError> {
    let refuse = |reason: String| ReportError::Read { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let data: ReportData = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    data.check()?;
    Ok(data)
}

/// The table of the front as `front.csv` holds it.
///
/// # Errors
///
/// [`ReportError::Data`] where `data` does not pass its check.
pub fn csv_text(data: &ReportData) -> Result<String, ReportError> {
    data.check()?;
    let mut bytes = Vec::new();
    front_csv::write(data, &mut bytes).map_err(|error| ReportError::Data(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| ReportError::Data(error.to_string()))
}

/// The plot as an SVG document.
///
/// # Errors
///
/// [`ReportError::Data`] where `data` does not pass its check, and drawing errors.
pub fn svg_document(data: &ReportData) -> Result<String, ReportError> {
    data.check()?;
    figure::draw(data, &Typeface::load()?, Place::File).scene.svg(&data.title, &[])
}

/// The plot as a PNG at twice the size of the SVG.
///
/// # Errors
///
/// As [`svg_document`].
pub fn png_image(data: &ReportData) -> Result<Vec<u8>, ReportError> {
    data.check()?;
    let typeface = Typeface::load()?;
    figure::draw(data, &typeface, Place::File).scene.png(&typeface)
}

/// The page as one HTML document.
///
/// # Errors
///
/// As [`svg_document`].
pub fn html_page(data: &ReportData) -> Result<String, ReportError> {
    data.check()?;
    html::page(data)
}

/// Text made safe for HTML and XML, in content and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML 1.0 has no place for other control characters, not even escaped.
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

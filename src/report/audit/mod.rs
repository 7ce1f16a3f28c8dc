//! What an audit of proxies found, as files: plots and a page, each a pure function of [`AuditReport`].

use std::path::Path;

use super::data::Entry;
use super::files::{prepare_for, write_atomically};
use super::font::Typeface;
use super::scene::Scene;
use super::{ReportError, figure};

mod bars;
mod heat;
mod page;
mod ranks;
#[cfg(test)]
mod tests;

/// The files that an audit leaves in its folder besides the journal of its scores. The first two are the caller's.
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

/// A rank correlation, where it is defined, and the ends of its interval, where one was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Correlation {
    /// The correlation, −1 to 1.
    pub value: Option<f64>,
    /// Lower and upper end.
    pub interval: Option<(f64, f64)>,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditReport {
    /// The headline.
    pub title: String,
    /// What was audited, in a sentence or two.
    pub lead: String,
    /// What the scores are held against.
    pub truth: String,
    /// How many favourites nDCG counts.
    pub ndcg_at: usize,
    /// What is about equal in a band; empty without bands.
    pub equal: String,
    /// What the bias of each proxy is about: depth, width and so on.
    pub quantities: Vec<String>,
    /// The truth of each distinct network, in the mean over its rows.
    pub truths: Vec<f64>,
    /// The proxies, in any order.
    pub proxies: Vec<AuditProxy>,
    /// How it was made.
    pub facts: Vec<Entry>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// What an audit says of a proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditProxy {
    /// Its name.
    pub name: String,
    /// Whether it is there to be beaten.
    pub baseline: bool,
    /// The formula, in words.
    pub definition: String,
    /// Where it comes from.
    pub source: String,
    /// Spearman's ρ with the truth.
    pub spearman: Correlation,
    /// Kendall's τ-b with the truth.
    pub kendall: Correlation,
    /// nDCG of its favourites.
    pub ndcg: Option<f64>,
    /// The best truth among its ten favourites.
    pub best_of_top_10: Option<f64>,
    /// Spearman's ρ on the better half.
    pub top_half: Option<f64>,
    /// Spearman's ρ within each band, cheapest first.
    pub bands: Vec<Option<f64>>,
    /// Their mean.
    pub bands_mean: Option<f64>,
    /// Spearman's ρ of the score with each quantity.
    pub bias: Vec<Option<f64>>,
    /// Seconds per network, on one thread.
    pub seconds: f64,
    /// Bytes per network; 0 where none runs.
    pub bytes: f64,
    /// The share of the arithmetic of its threads that it reached, where it was counted.
    pub share_of_peak: Option<f64>,
    /// What it counted on the way: name, mean over networks, and the largest in brackets.
    pub details: Vec<String>,
    /// The score of each distinct network; higher is better.
    pub scores: Vec<f64>,
}

impl AuditReport {
    /// The proxies, best first; those without a correlation last.
    fn order(&self) -> Vec<&AuditProxy> {
        let mut proxies: Vec<&AuditProxy> = self.proxies.iter().collect();
        let key = |proxy: &AuditProxy| proxy.spearman.value.unwrap_or(f64::NEG_INFINITY);
        proxies.sort_by(|a, b| key(b).total_cmp(&key(a)));
        proxies
    }
}

/// Checks, before a long audit, that its report can be drawn and written to `directory` afterwards.
///
/// # Errors
/// As [`prepare`](super::prepare).
pub fn prepare_audit(directory: &Path) -> Result<(), ReportError> {
    prepare_for(directory, &AUDIT_OUTPUTS)
}

/// Writes the plots and the page to `directory`. Each file appears whole or not at all.
///
/// # Errors
/// Drawing errors, and [`ReportError::Write`].
pub fn write_audit(report: &AuditReport, directory: &Path) -> Result<(), ReportError> {
    let typeface = Typeface::load()?;
    let plots: [(&str, Scene, &str); 3] = [
        ("spearman", bars::draw(report, &typeface, false, true), "Rank correlation with the truth"),
        ("ranks", ranks::sheet(report, &typeface), "Truth against the rank of the score"),
        ("bias", heat::draw(report, &typeface, false, true), "What the scores go along with"),
    ];
    for (name, scene, title) in plots {
        let svg = scene.svg(&format!("{title}: {}", report.title), &[])?;
        write_atomically(&directory.join(format!("{name}.svg")), |out| out.write_all(svg.as_bytes()))?;
        let png = scene.png(&typeface)?;
        write_atomically(&directory.join(format!("{name}.png")), |out| out.write_all(&png))?;
    }
    let page = page::page(report, &typeface)?;
    write_atomically(&directory.join("audit.html"), |out| out.write_all(page.as_bytes()))
}

/// The page of an audit as one HTML document.
///
/// # Errors
/// Drawing errors.
pub fn audit_page(report: &AuditReport) -> Result<String, ReportError> {
    page::page(report, &Typeface::load()?)
}

/// The colour of a proxy: those to be beaten stand out from the rest.
fn tone(proxy: &AuditProxy) -> (u8, u8, u8) {
    if proxy.baseline { figure::colour::BASELINE } else { figure::colour::FRONT }
}

/// A correlation as it is written: two decimals and a real minus.
fn written(value: f64) -> String {
    format!("{:.2}", value + 0.0).replace('-', "−").replace("−0.00", "0.00")
}

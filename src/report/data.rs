//! What a report is made of: plain data that a search fills in and every writer
//! reads. It is also the content of `front.json`, so it reads back unchanged.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::number::{plain, readable};

/// Everything a report shows.
///
/// Objective `i` of every `values` lines up with `objectives[i]`. Indices such
/// as [`knee`](Self::knee) point into `front`, whose order is free: writers sort
/// by the first objective.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportData {
    /// Version of this format.
    pub version: FormatVersion,
    /// Headline of plot and page.
    pub title: String,
    /// The space that was searched.
    pub space: SpaceSummary,
    /// What was optimised; the first two are the axes of the main plot.
    pub objectives: Vec<Objective>,
    /// Hard limits of the search.
    pub limits: Vec<Limit>,
    /// The front.
    pub front: Vec<Member>,
    /// Objective values of other architectures, for comparison: those that were evaluated, or, beside an exact front,
    /// randomly drawn ones. Rows that
    /// are not finite are left out of every file, and the plot says how many.
    #[serde(serialize_with = "finite_rows")]
    pub sampled: Vec<Vec<f64>>,
    /// Known networks, for comparison.
    pub baselines: Vec<Baseline>,
    /// The member where giving up a little of one objective buys most of another.
    pub knee: Option<usize>,
    /// The best member that keeps every limit.
    pub best_under_limit: Option<usize>,
    /// How far the front can be relied on to be the front.
    pub certificate: Certificate,
    /// How the front was made.
    pub run: RunCard,
    /// Remarks a reader of the numbers must know.
    pub notes: Vec<String>,
    /// How a search that evaluates candidates one by one went; none for an exact front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// Objective values of candidates outside the limits, where they are known.
    #[serde(default, serialize_with = "finite_rows")]
    pub infeasible: Vec<Vec<f64>>,
    /// For each decision, how often each option is taken on the front and among all.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// How much of the spread of each objective each decision explains.
    #[serde(default)]
    pub importance: Vec<Importance>,
    /// Where nothing is within the limits: what comes closest, best first. The front is empty then.
    #[serde(default)]
    pub closest: Vec<Closest>,
}

/// The course of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Networks evaluated in full.
    pub evaluated: u64,
    /// Candidates that a limit on something cheap ruled out before anything dear was evaluated.
    pub screened: u64,
    /// Candidates outside the limits, screened ones included.
    pub infeasible: u64,
    /// Candidates that could not be evaluated.
    pub failed: u64,
    /// Candidates whose network had been evaluated before.
    pub cached: u64,
    /// The corner that hypervolumes are measured from, one value for each objective in its own direction and unit.
    pub reference: Vec<f64>,
    /// The hypervolume of the front so far, as a share of the last; each time it grew, and at the end.
    pub hypervolume: Vec<Growth>,
}

/// A point of the course.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Evaluations so far.
    pub evaluations: u64,
    /// Hypervolume so far over that of the final front.
    pub hypervolume: f64,
    /// Members of the front so far.
    pub front: u64,
}

/// How often the options of a decision are taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The decision.
    pub path: String,
    /// Its options, in order.
    pub options: Vec<String>,
    /// The share of front members that take each; what is missing to 1 does not decide it.
    pub front: Vec<f64>,
    /// The same over all candidates, or over uniformly drawn architectures for an exact front.
    pub all: Vec<f64>,
}

/// How much of an objective's variance a decision explains on its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// Index of the objective.
    pub objective: usize,
    /// The decision.
    pub path: String,
    /// The share of variance explained, 0 to 1.
    pub share: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A candidate near the limits where nothing is within them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Closest {
    /// The candidate.
    pub member: Member,
    /// The limits it breaks, the worst first.
    pub broken: Vec<Broken>,
}

/// A limit that is broken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Broken {
    /// The limit, as a sentence: `latency ≤ 30 ms`.
    pub limit: String,
    /// The value of the limited quantity.
    pub value: f64,
    /// By how much it is off, in the same unit.
    pub by: f64,
    /// The unit.
    pub unit: String,
}

impl ReportData {
    /// What the rows of [`sampled`](Self::sampled) are.
    pub(super) fn others(&self) -> &'static str {
        if self.course.is_some() { "other candidates" } else { "random samples" }
    }
}

/// JSON has no number for NaN, and the null it would become does not read back.
fn finite_rows<S: Serializer>(rows: &[Vec<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.iter().filter(|row| row.iter().all(|value| value.is_finite())))
}

/// A value that is not finite is written as null, and read as one that is not known.
fn unknown_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values: Vec<Option<f64>> = Vec::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// The version of `front.json`, written as the number 1; reading any other fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatVersion;

impl FormatVersion {
    const NUMBER: u64 = 1;
}

impl Serialize for FormatVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "this is version {other} of the format, but only version {} is understood",
                Self::NUMBER
            ))),
        }
    }
}

/// The searched space in a few words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpaceSummary {
    /// Name, as its file gives it.
    pub name: String,
    /// One or two sentences about where it comes from.
    pub about: String,
    /// Number of architectures in decimal digits; it may exceed any integer type.
    pub architectures: String,
}

/// Which way an objective improves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Lower is better.
    #[default]
    Minimise,
    /// Higher is better.
    Maximise,
}

impl Direction {
    /// The value as a cost, so that lower is always better.
    pub fn cost(self, value: f64) -> f64 {
        match self {
            Self::Minimise => value,
            Self::Maximise => -value,
        }
    }

    /// `lower is better` or `higher is better`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Minimise => "lower is better",
            Self::Maximise => "higher is better",
        }
    }
}

/// One quantity that was optimised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Short name, used in column headers: `latency`.
    pub name: String,
    /// Name for people, used on axes: `Latency, Galaxy S10, one core`.
    pub label: String,
    /// Unit; `1` for a plain number.
    pub unit: String,
    /// Which way it improves.
    pub direction: Direction,
}

impl Objective {
    /// The short name with its unit in brackets, where it has one.
    pub fn name_with_unit(&self) -> String {
        in_brackets(&self.name, &self.unit)
    }

    /// The label with its unit in brackets, where it has one.
    pub fn label_with_unit(&self) -> String {
        let label = if self.label.is_empty() { &self.name } else { &self.label };
        in_brackets(label, &self.unit)
    }

    /// The name as a column header, `latency_ms`.
    pub fn column(&self) -> String {
        column_name(&self.name, &self.unit)
    }
}

/// Which side of a bound is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// At most the bound.
    #[default]
    #[serde(rename = "<=")]
    AtMost,
    /// At least the bound.
    #[serde(rename = ">=")]
    AtLeast,
}

impl Relation {
    /// The sign as people write it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "≤",
            Self::AtLeast => "≥",
        }
    }
}

/// A hard limit of the search. It is drawn where `quantity` names an objective.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Name of the limited quantity.
    pub quantity: String,
    /// Which side of the bound is allowed.
    pub relation: Relation,
    /// The bound, in `unit`.
    pub bound: f64,
    /// Unit; `1` for a plain number.
    pub unit: String,
}

impl Limit {
    /// `latency ≤ 30 ms`.
    pub fn sentence(&self) -> String {
        let mut text = format!("{} {} {}", self.quantity, self.relation.sign(), readable(self.bound));
        if !unit_suffix(&self.unit).is_empty() {
            text.push(' ');
            text.push_str(&self.unit);
        }
        text
    }
}

/// One architecture of the front.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Short identifier within this report.
    pub id: String,
    /// The architecture's text form.
    pub architecture: String,
    /// Hash of its content.
    pub hash: String,
    /// One value for each objective. Only a member of [`ReportData::closest`] may have values that are not finite:
    /// those that are not known, since a limit on something cheap had ruled it out before.
    #[serde(deserialize_with = "unknown_is_nan")]
    pub values: Vec<f64>,
    /// The decisions that make it, in order.
    pub decisions: Vec<Decision>,
    /// Its blocks in order, with what each costs.
    pub blocks: Vec<Block>,
    /// Further quantities: parameters, multiply-adds.
    pub metrics: Vec<Metric>,
    /// Its architecture file, relative to the report.
    pub file: Option<String>,
    /// Warnings about this member alone, such as an extrapolated latency.
    pub flags: Vec<String>,
}

/// One decided choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Where in the space.
    pub path: String,
    /// What was chosen.
    pub value: String,
}

/// One block of a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Name, as the space gives it.
    pub name: String,
    /// What it is, in a few words.
    pub description: String,
    /// Predicted latency in milliseconds, where a table covers it.
    pub latency_ms: Option<f64>,
}

/// A quantity that was not optimised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Name, used in column headers.
    pub name: String,
    /// Value in `unit`.
    pub value: f64,
    /// Unit; `1` for a plain number.
    pub unit: String,
}

impl Metric {
    /// The name as a column header.
    pub fn column(&self) -> String {
        column_name(&self.name, &self.unit)
    }
}

/// A known network to compare with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its usual name.
    pub name: String,
    /// One value for each objective; none where it is not known.
    pub values: Vec<Option<f64>>,
}

/// How far the front can be relied on to be the front.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whether no better architecture of the space is missing.
    pub complete: bool,
    /// Certified relative gap; zero for an exact front, none where nothing is certified.
    pub epsilon: Option<f64>,
    /// The certificate as a sentence.
    pub statement: String,
}

impl Certificate {
    /// The certificate in a few words.
    pub fn short(&self) -> String {
        match (self.complete, self.epsilon) {
            (true, None | Some(0.0)) => "complete and exact".to_owned(),
            (_, Some(epsilon)) => format!("within {} % of the exact front", plain(epsilon * 100.0)),
            (false, None) => "not certified".to_owned(),
        }
    }
}

/// How the front was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunCard {
    /// Facts worth a line each: strategy, evaluations, device, host.
    pub entries: Vec<Entry>,
    /// The search config, word for word.
    pub config: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Versions of the program, the tables and the scores.
    pub versions: Vec<Entry>,
    /// Wall-clock time of the search in seconds.
    pub seconds: f64,
}

/// A named fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub key: String,
    /// What it is.
    pub value: String,
}

/// `latency (ms)`; the name alone for a plain number.
pub(super) fn in_brackets(name: &str, unit: &str) -> String {
    match unit_suffix(unit) {
        "" => name.to_owned(),
        unit => format!("{name} ({unit})"),
    }
}

/// The unit for display: nothing for a plain number.
pub(super) fn unit_suffix(unit: &str) -> &str {
    if unit == "1" { "" } else { unit }
}

fn column_name(name: &str, unit: &str) -> String {
    match unit_suffix(unit) {
        "" => name.to_owned(),
        unit => format!("{name}_{unit}"),
    }
}

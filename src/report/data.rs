//! What a report is made of: plain data that a search fills in and every writer
//! reads. It is also the content of `front.json`, so it reads back unchanged.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ReportError;

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
    /// Objective values of randomly drawn architectures, for comparison.
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
    /// The label with its unit in brackets, where it has one.
    pub fn label_with_unit(&self) -> String {
        let label = if self.label.is_empty() {
            &self.name
        } else {
            &self.label
        };
        match unit_suffix(&self.unit) {
            "" => label.clone(),
            unit => format!("{label} ({unit})"),
        }
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
        let mut text = format!(
            "{} {} {}",
            self.quantity,
            self.relation.sign(),
            plain(self.bound)
        );
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
    /// One value for each objective.
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

impl ReportData {
    /// Refuses data that no writer could show truthfully.
    ///
    /// # Errors
    ///
    /// [`ReportError::Data`] where a row does not have one value for each
    /// objective, a value of the front, a limit or a baseline is not finite, or
    /// an index points outside the front.
    pub fn check(&self) -> Result<(), ReportError> {
        let wrong = |what: String| Err(ReportError::Data(what));
        let width = self.objectives.len();
        if width == 0 {
            return wrong("there is no objective; a front needs at least one".to_owned());
        }
        for member in &self.front {
            if member.values.len() != width {
                let found = member.values.len();
                return wrong(format!(
                    "`{}` has {found} values for {width} objectives",
                    member.id
                ));
            }
            let metrics = member.metrics.iter().map(|metric| metric.value);
            if let Some(value) = member
                .values
                .iter()
                .copied()
                .chain(metrics)
                .find(|v| !v.is_finite())
            {
                return wrong(format!(
                    "`{}` has the value {value}; leave it out of the front",
                    member.id
                ));
            }
        }
        for (index, row) in self.sampled.iter().enumerate() {
            if row.len() != width {
                let found = row.len();
                return wrong(format!(
                    "sample {index} has {found} values for {width} objectives"
                ));
            }
        }
        for baseline in &self.baselines {
            if baseline.values.len() != width {
                let found = baseline.values.len();
                return wrong(format!(
                    "baseline `{}` has {found} values for {width} objectives",
                    baseline.name
                ));
            }
            if baseline
                .values
                .iter()
                .flatten()
                .any(|value| !value.is_finite())
            {
                return wrong(format!(
                    "baseline `{}` has a value that is not finite; give none instead",
                    baseline.name
                ));
            }
        }
        if let Some(limit) = self.limits.iter().find(|limit| !limit.bound.is_finite()) {
            return wrong(format!("the limit on `{}` is not finite", limit.quantity));
        }
        for (name, index) in [
            ("knee", self.knee),
            ("best_under_limit", self.best_under_limit),
        ] {
            if let Some(index) = index.filter(|index| *index >= self.front.len()) {
                return wrong(format!(
                    "`{name}` is {index}, but the front has {} members",
                    self.front.len()
                ));
            }
        }
        Ok(())
    }

    /// Indices into `front`, best first objective first, ties by the next ones,
    /// then by hash and identifier, so that equal data give equal files.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.front.len()).collect();
        order.sort_by(|&a, &b| {
            let (left, right) = (&self.front[a], &self.front[b]);
            self.objectives
                .iter()
                .zip(left.values.iter().zip(&right.values))
                .map(|(objective, (x, y))| {
                    objective
                        .direction
                        .cost(*x)
                        .total_cmp(&objective.direction.cost(*y))
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or_else(|| (&left.hash, &left.id, a).cmp(&(&right.hash, &right.id, b)))
        });
        order
    }

    /// The same data without samples that are not finite, and how many those were.
    pub(super) fn finite_samples(&self) -> (Vec<&[f64]>, usize) {
        let finite: Vec<&[f64]> = (self.sampled.iter())
            .map(Vec::as_slice)
            .filter(|row| row.iter().all(|value| value.is_finite()))
            .collect();
        let dropped = self.sampled.len() - finite.len();
        (finite, dropped)
    }

    /// The members no shortened view may leave out, each with what is special
    /// about it: the best in each objective, knee, best under the limit.
    pub(super) fn landmarks(&self, order: &[usize]) -> BTreeMap<usize, String> {
        let mut remarks: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        if let Some(index) = self.best_under_limit {
            remarks
                .entry(index)
                .or_default()
                .push(self.best_phrase().to_owned());
        }
        if let Some(index) = self.knee {
            remarks.entry(index).or_default().push("knee".to_owned());
        }
        for (column, objective) in self.objectives.iter().enumerate() {
            let cost = |member: usize| objective.direction.cost(self.front[member].values[column]);
            // With one member, being the best says nothing.
            let contested = order.iter().any(|&index| cost(index) != cost(order[0]));
            if let Some(index) = order
                .iter()
                .copied()
                .min_by(|&a, &b| cost(a).total_cmp(&cost(b)))
                .filter(|_| contested)
            {
                let word = match objective.direction {
                    Direction::Minimise => "lowest",
                    Direction::Maximise => "highest",
                };
                remarks
                    .entry(index)
                    .or_default()
                    .push(format!("{word} {}", objective.name));
            }
        }
        remarks
            .into_iter()
            .map(|(index, remarks)| (index, remarks.join(", ")))
            .collect()
    }

    /// What the best member is the best of.
    pub(super) fn best_phrase(&self) -> &'static str {
        match self.limits.as_slice() {
            [] => "best",
            [
                Limit {
                    relation: Relation::AtMost,
                    ..
                },
            ] => "best under the limit",
            [_] => "best over the limit",
            _ => "best within the limits",
        }
    }

    /// At most `room` members in the order of [`order`](Self::order): the
    /// landmarks, and others evenly spread over the rest.
    pub(super) fn representatives(&self, room: usize) -> Vec<usize> {
        let order = self.order();
        if order.len() <= room {
            return order;
        }
        let landmarks = self.landmarks(&order);
        let ranks = order
            .iter()
            .enumerate()
            .filter(|(_, index)| landmarks.contains_key(index));
        let mut chosen: BTreeSet<usize> = ranks.map(|(rank, _)| rank).take(room).collect();
        let rest = room - chosen.len();
        chosen.extend((1..=rest).map(|step| step * order.len() / (rest + 1)));
        chosen.into_iter().map(|rank| order[rank]).collect()
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

/// A number in full: every digit that distinguishes it, and an exponent only
/// where the digits would otherwise run away.
pub(super) fn plain(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

//! The words around the panels of a plot: headline, legend, and what the drawing
//! had to leave out.

use super::axis::{Range, drawable};
use super::data::ReportData;
use super::figure::{colour, subtitle, with_unit};
use super::font::Typeface;
use super::number::{NumberFormat, grouped};
use super::panel::{self, FACES_DIFFER};
use super::scene::{Anchor, Mark, Paint, Point};
use super::signs::{NUMBERED, Sign, sign};

/// The words around the panels, laid out from the top.
pub(super) struct Words<'a> {
    pub(super) typeface: &'a Typeface,
    pub(super) marks: Vec<Mark>,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) y: f64,
}

impl Words<'_> {
    fn text(&mut self, at: Point, text: String, size: f64, bold: bool, tone: (u8, u8, u8)) {
        self.marks.push(Mark::Text { at, text, size, bold, anchor: Anchor::Start, paint: Paint(tone, 1.0) });
    }

    /// Title and subtitle.
    pub(super) fn headline(&mut self, data: &ReportData) {
        let room = self.right - self.left;
        let title = self.typeface.fit(&data.title, 19.0, true, room);
        self.text((self.left, 34.0), title, 19.0, true, colour::INK);
        let subtitle = self.typeface.fit(&subtitle(data), 12.5, false, room);
        self.text((self.left, 58.0), subtitle, 12.5, false, colour::MUTED);
        self.y = 74.0;
    }

    /// A row of signs and what they mean, above the panels so that it covers nothing.
    pub(super) fn legend(&mut self, data: &ReportData, samples: usize, infeasible: usize) {
        let mut items = Vec::new();
        let (size, indent) = (12.0, 22.0);
        if !data.front.is_empty() {
            items.push((Sign::Front, format!("front ({})", grouped(&data.front.len().to_string()))));
        }
        if samples > 0 {
            items.push((Sign::Sampled, format!("{} ({})", data.others(), grouped(&samples.to_string()))));
        }
        if infeasible > 0 {
            let count = grouped(&infeasible.to_string());
            items.push((Sign::Infeasible, format!("outside the limits ({count})")));
        }
        if !data.closest.is_empty() {
            items.push((Sign::Closest, "closest to the limits".to_owned()));
        }
        if !data.baselines.is_empty() {
            items.push((Sign::Baseline, "known networks".to_owned()));
        }
        let drawn = |name: &str| data.objectives.iter().any(|objective| objective.name == name);
        for limit in data.limits.iter().filter(|limit| drawn(&limit.quantity)) {
            items.push((Sign::Limit, format!("limit: {}", limit.sentence())));
        }
        if data.knee.is_some() {
            items.push((Sign::Knee, "knee".to_owned()));
        }
        if data.best_under_limit.is_some() {
            items.push((Sign::Best, data.best_phrase().to_owned()));
        }
        let mut x = self.left;
        self.y += 14.0;
        for (kind, label) in items {
            let label = self.typeface.fit(&label, size, false, self.right - self.left - indent);
            let width = indent + self.typeface.width(&label, size, false) * FACES_DIFFER;
            if x > self.left && x + width > self.right {
                (x, self.y) = (self.left, self.y + 20.0);
            }
            self.marks.extend(sign(kind, (x + 8.0, self.y)));
            self.text((x + indent, self.y), label, size, false, colour::INK);
            x += width + 18.0;
        }
        self.y += 12.0;
    }

    /// Small print, broken into lines between words.
    pub(super) fn paragraph(&mut self, text: &str) {
        let size = 11.0;
        let room = self.right - self.left;
        for line in self.typeface.lines(text, size, room) {
            self.y += 16.0;
            let line = self.typeface.fit(&line, size, false, room);
            self.text((self.left, self.y - 6.0), line, size, false, colour::MUTED);
        }
    }
}

/// What stands around the front.
pub(super) struct Clouds<'a> {
    /// Finite samples.
    pub(super) samples: &'a [&'a [f64]],
    /// Candidates outside the limits.
    pub(super) infeasible: &'a [&'a [f64]],
    /// How many samples are not finite.
    pub(super) dropped: usize,
}

/// What the drawing does not show, said in words.
pub(super) fn footnotes(data: &ReportData, ranges: &[Range], clouds: &Clouds, shown: usize) -> Vec<String> {
    let Clouds { samples, infeasible, dropped } = *clouds;
    let inside = |values: &[f64]| values.iter().zip(ranges).take(shown).all(|(value, range)| range.contains(*value));
    let count = |number: usize| grouped(&number.to_string());
    // With several panels, what one of them cannot hold may still stand in another.
    let place = if shown > 2 { "at least one panel" } else { "the drawing" };
    let mut notes = Vec::new();
    let clipped = samples.iter().filter(|row| !inside(row)).count();
    if clipped > 0 {
        let verb = if clipped == 1 { "lies" } else { "lie" };
        notes.push(format!("{} of {} {} {verb} outside {place}.", count(clipped), count(samples.len()), data.others()));
    }
    let clipped = infeasible.iter().filter(|row| !inside(row)).count();
    if clipped > 0 {
        let all = count(infeasible.len());
        let verb = if clipped == 1 { "lies" } else { "lie" };
        notes.push(format!("Of {all} candidates outside the limits, {} {verb} outside {place}.", count(clipped)));
    }
    let unknown = data.infeasible.len() - infeasible.len();
    if unknown > 0 {
        let (candidates, verb) = if unknown == 1 { ("candidate", "has") } else { ("candidates", "have") };
        notes.push(format!(
            "{} more {candidates} outside the limits {verb} no known place in the drawing.",
            count(unknown)
        ));
    }
    let closest = data.closest.iter().take(NUMBERED).filter(|closest| !inside(&closest.member.values)).count();
    if closest > 0 {
        let verb = if closest == 1 { "has" } else { "have" };
        notes.push(format!("{} of the closest {verb} no known place in the drawing.", count(closest)));
    }
    if dropped > 0 {
        let (samples, verb) = if dropped == 1 { ("sample has", "is") } else { ("samples have", "are") };
        notes.push(format!("{} random {samples} no finite score and {verb} left out.", count(dropped)));
    }
    let (mut far, mut unknown) = (Vec::new(), Vec::new());
    for baseline in &data.baselines {
        match baseline.values.iter().copied().collect::<Option<Vec<f64>>>() {
            None => unknown.push(baseline.name.as_str()),
            Some(values) if inside(&values) => {}
            Some(values) => {
                let values: Vec<String> = (values.iter().zip(&data.objectives))
                    .map(|(value, objective)| {
                        with_unit(NumberFormat::for_values([*value].into_iter()).show(*value), &objective.unit)
                    })
                    .collect();
                far.push(format!("{} ({})", baseline.name, values.join(", ")));
            }
        }
    }
    if !far.is_empty() {
        notes.push(format!("Outside {place}: {}.", far.join("; ")));
    }
    if !unknown.is_empty() {
        notes.push(format!("Not drawn in every panel, for want of a value: {}.", unknown.join(", ")));
    }
    for (index, range) in ranges.iter().enumerate().take(shown) {
        let outside = panel::limits(data, index).filter(|limit| !range.contains(limit.bound));
        notes.extend(outside.map(|limit| format!("The limit {} lies outside the drawing.", limit.sentence())));
    }
    let extreme = data.front.iter().filter(|member| !member.values.iter().copied().all(drawable)).count();
    if extreme > 0 {
        notes.push(format!("{} members have values too large to draw.", count(extreme)));
    }
    if data.objectives.len() > shown {
        let hidden: Vec<&str> = data.objectives[shown..].iter().map(|objective| objective.name.as_str()).collect();
        notes.push(format!("Not drawn, for want of room: {}.", hidden.join(", ")));
    }
    notes
}

//! The plot of a front: headline, legend, one panel for each pair of objectives,
//! and what had to stay outside. A pure function from data to a scene.

use serde::Serialize;

use super::axis::{NumberFormat, Range, drawable, grouped};
use super::data::{ReportData, unit_suffix};
use super::font::Typeface;
use super::labels::Rect;
use super::panel::{self, Style};
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};

/// Panels become too small to read beyond this many objectives.
const MOST_OBJECTIVES: usize = 5;

/// Colours after Okabe and Ito, "Color Universal Design" (2008), which stay apart
/// for colour-blind readers, and greys. The page restyles them by value in the dark.
pub(super) mod colour {
    pub(in crate::report) const INK: (u8, u8, u8) = (0x1b, 0x1f, 0x24);
    pub(in crate::report) const MUTED: (u8, u8, u8) = (0x5b, 0x65, 0x70);
    pub(in crate::report) const GRID: (u8, u8, u8) = (0xe4, 0xe8, 0xec);
    pub(in crate::report) const PAPER: (u8, u8, u8) = (0xff, 0xff, 0xff);
    pub(in crate::report) const SAMPLED: (u8, u8, u8) = (0x8b, 0x96, 0xa3);
    pub(in crate::report) const FRONT: (u8, u8, u8) = (0x00, 0x72, 0xb2);
    pub(in crate::report) const BASELINE: (u8, u8, u8) = (0xd5, 0x5e, 0x00);
    pub(in crate::report) const LIMIT: (u8, u8, u8) = (0xcc, 0x79, 0xa7);
    pub(in crate::report) const KNEE: (u8, u8, u8) = (0xe6, 0x9f, 0x00);
    pub(in crate::report) const BEST: (u8, u8, u8) = (0x00, 0x9e, 0x73);
}

/// Where the figure will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file of its own: with headline.
    File,
    /// A wide page that has its own headline.
    Page,
    /// The same on a phone: panels below each other.
    Phone,
}

/// One panel: which objectives it shows, where, and over which ranges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Frame {
    /// Objective along the horizontal axis.
    pub(super) x: usize,
    /// Objective along the vertical axis; none for a strip.
    pub(super) y: Option<usize>,
    /// Left edge in pixels.
    pub(super) left: f64,
    /// Upper edge in pixels.
    pub(super) top: f64,
    /// Width in pixels.
    pub(super) width: f64,
    /// Height in pixels.
    pub(super) height: f64,
    /// Ends of the horizontal axis.
    pub(super) x_ends: (f64, f64),
    /// Ends of the vertical axis.
    pub(super) y_ends: (f64, f64),
}

impl Frame {
    fn x_range(&self) -> Range {
        Range {
            low: self.x_ends.0,
            high: self.x_ends.1,
        }
    }

    fn y_range(&self) -> Range {
        Range {
            low: self.y_ends.0,
            high: self.y_ends.1,
        }
    }

    /// Where a row of objective values is drawn, if it is within the panel.
    pub(super) fn place(&self, values: &[f64]) -> Option<Point> {
        let x = values[self.x];
        let y = self.y.map_or(0.5, |y| values[y]);
        let inside = self.x_range().contains(x) && self.y_range().contains(y);
        inside.then(|| self.project(x, y))
    }

    /// The pixel of a pair of values.
    pub(super) fn project(&self, x: f64, y: f64) -> Point {
        (
            self.left + self.x_range().fraction(x) * self.width,
            self.top + (1.0 - self.y_range().fraction(y)) * self.height,
        )
    }

    /// The panel as a rectangle.
    pub(super) fn rect(&self) -> Rect {
        Rect {
            x: self.left,
            y: self.top,
            width: self.width,
            height: self.height,
        }
    }
}

/// A drawn front.
pub(super) struct Figure {
    /// The drawing.
    pub(super) scene: Scene,
    /// Its panels.
    pub(super) frames: Vec<Frame>,
}

/// Draws `data`, which must have passed its check.
pub(super) fn draw(data: &ReportData, typeface: &Typeface, place: Place) -> Figure {
    let (samples, dropped) = data.finite_samples();
    let shown = data.objectives.len().min(MOST_OBJECTIVES);
    let ranges = ranges(data, &samples);
    let margin = if place == Place::Phone { 4.0 } else { 22.0 };
    let width = match (place, shown) {
        (Place::Phone, _) => 380.0,
        (_, 0..=3) => 960.0,
        (_, columns) => 360.0 * (columns - 1) as f64,
    };
    // The height is known only at the end, so words are gathered first.
    let mut words = Words {
        typeface,
        marks: Vec::new(),
        left: margin,
        right: width - margin,
        y: 0.0,
    };
    if place == Place::File {
        words.headline(data);
    }
    words.legend(data, samples.len());

    let frames = frames(&ranges, shown, place, words.y, margin, width);
    words.y = frames
        .iter()
        .map(|frame| frame.top + frame.height)
        .fold(words.y, f64::max)
        + 46.0;
    for note in footnotes(data, &ranges, &samples, dropped, shown) {
        words.paragraph(&note);
    }

    let height = words.y + if place == Place::File { 14.0 } else { 2.0 };
    let mut scene = Scene::new(width, height.ceil());
    let paper = vec![
        (0.0, 0.0),
        (width, 0.0),
        (width, height.ceil()),
        (0.0, height.ceil()),
    ];
    scene.add(
        Layer::Paper,
        Mark::Polygon {
            points: paper,
            paint: Paint(colour::PAPER, 1.0),
        },
    );
    for mark in words.marks {
        scene.add(Layer::Words, mark);
    }
    for frame in &frames {
        panel::draw(
            &mut scene,
            frame,
            &Style {
                data,
                samples: &samples,
                typeface,
                phone: place == Place::Phone,
            },
        );
    }
    Figure { scene, frames }
}

/// The range of each objective. A baseline stretches them only if it is near in
/// all of them, so a slow network does not squeeze the front by its latency.
fn ranges(data: &ReportData, samples: &[&[f64]]) -> Vec<Range> {
    let pass = |near: &dyn Fn(&[Option<f64>]) -> bool| -> Vec<Range> {
        (0..data.objectives.len())
            .map(|index| {
                let core: Vec<f64> = data
                    .front
                    .iter()
                    .map(|member| member.values[index])
                    .collect();
                let baselines = data
                    .baselines
                    .iter()
                    .filter(|baseline| near(&baseline.values));
                let mut wanted: Vec<f64> = baselines
                    .filter_map(|baseline| baseline.values[index])
                    .collect();
                wanted.extend(panel::limits(data, index).map(|limit| limit.bound));
                let cloud: Vec<f64> = samples.iter().map(|row| row[index]).collect();
                Range::around(&core, &wanted, &cloud)
            })
            .collect()
    };
    let generous = pass(&|_| true);
    pass(&|values| {
        values
            .iter()
            .zip(&generous)
            .all(|(value, range)| value.is_none_or(|v| range.contains(v)))
    })
}

/// Lays the panels out: a strip, one plot, or the lower triangle of a matrix
/// whose columns share an axis; below each other on a phone.
fn frames(
    ranges: &[Range],
    shown: usize,
    place: Place,
    top: f64,
    margin: f64,
    width: f64,
) -> Vec<Frame> {
    let (above, left_labels, below) = (34.0, 46.0, 58.0);
    let phone = place == Place::Phone;
    let one = |x: usize, y: Option<usize>, left: f64, top: f64, width: f64, height: f64| Frame {
        x,
        y,
        left: left + left_labels,
        top: top + above,
        width: width - left_labels,
        height,
        x_ends: (ranges[x].low, ranges[x].high),
        y_ends: y.map_or((0.0, 1.0), |y| (ranges[y].low, ranges[y].high)),
    };
    if shown == 1 {
        let mut strip = one(
            0,
            None,
            margin - left_labels + 8.0,
            top - 16.0,
            width - 2.0 * margin + left_labels,
            120.0,
        );
        strip.width -= 16.0;
        return vec![strip];
    }
    let columns = if phone { 1 } else { shown - 1 };
    let gap = 26.0;
    let panel_width = (width - 2.0 * margin - 8.0 - gap * (columns - 1) as f64) / columns as f64;
    let panel_height = match (phone, columns) {
        (true, _) => 280.0,
        (_, 1) => 430.0,
        _ => panel_width * 0.62,
    };
    let pairs = (1..shown).flat_map(|y| (0..y).map(move |x| (x, y)));
    pairs
        .enumerate()
        .map(|(index, (x, y))| {
            let (column, row) = if phone { (0, index) } else { (x, y - 1) };
            let left = margin + column as f64 * (panel_width + gap);
            let top = top + row as f64 * (panel_height + above + below);
            one(x, Some(y), left, top, panel_width, panel_height)
        })
        .collect()
}

/// What the drawing does not show, said in words.
fn footnotes(
    data: &ReportData,
    ranges: &[Range],
    samples: &[&[f64]],
    dropped: usize,
    shown: usize,
) -> Vec<String> {
    let inside = |values: &[f64]| {
        values
            .iter()
            .zip(ranges)
            .take(shown)
            .all(|(value, range)| range.contains(*value))
    };
    let count = |number: usize| grouped(&number.to_string());
    let mut notes = Vec::new();
    let clipped = samples.iter().filter(|row| !inside(row)).count();
    if clipped > 0 {
        let verb = if clipped == 1 { "lies" } else { "lie" };
        notes.push(format!(
            "{} of {} random samples {verb} outside the drawing.",
            count(clipped),
            count(samples.len())
        ));
    }
    if dropped > 0 {
        notes.push(format!(
            "{} random samples have no finite score and are left out.",
            count(dropped)
        ));
    }
    let (mut far, mut unknown) = (Vec::new(), Vec::new());
    for baseline in &data.baselines {
        match baseline
            .values
            .iter()
            .copied()
            .collect::<Option<Vec<f64>>>()
        {
            None => unknown.push(baseline.name.as_str()),
            Some(values) if inside(&values) => {}
            Some(values) => {
                let values: Vec<String> = (values.iter().zip(&data.objectives))
                    .map(|(value, objective)| {
                        with_unit(
                            NumberFormat::for_values([*value].into_iter()).show(*value),
                            &objective.unit,
                        )
                    })
                    .collect();
                far.push(format!("{} ({})", baseline.name, values.join(", ")));
            }
        }
    }
    if !far.is_empty() {
        notes.push(format!("Outside the drawing: {}.", far.join("; ")));
    }
    if !unknown.is_empty() {
        notes.push(format!(
            "Not drawn in every panel, for want of a value: {}.",
            unknown.join(", ")
        ));
    }
    for (index, range) in ranges.iter().enumerate().take(shown) {
        let outside = panel::limits(data, index).filter(|limit| !range.contains(limit.bound));
        notes.extend(
            outside
                .map(|limit| format!("The limit {} lies outside the drawing.", limit.sentence())),
        );
    }
    let extreme = data
        .front
        .iter()
        .filter(|member| !member.values.iter().copied().all(drawable))
        .count();
    if extreme > 0 {
        notes.push(format!(
            "{} members have values too large to draw.",
            count(extreme)
        ));
    }
    if data.objectives.len() > shown {
        let hidden: Vec<&str> = data.objectives[shown..]
            .iter()
            .map(|objective| objective.name.as_str())
            .collect();
        notes.push(format!(
            "Not drawn, for want of room: {}.",
            hidden.join(", ")
        ));
    }
    notes
}

/// A shown number with its unit.
pub(super) fn with_unit(shown: String, unit: &str) -> String {
    match unit_suffix(unit) {
        "" => shown,
        unit => format!("{shown} {unit}"),
    }
}

/// One line on the searched space and the certificate.
pub(super) fn subtitle(data: &ReportData) -> String {
    let mut parts = Vec::new();
    if !data.space.name.is_empty() {
        parts.push(data.space.name.clone());
    }
    if !data.space.architectures.is_empty() {
        parts.push(format!(
            "{} architectures",
            readable_count(&data.space.architectures)
        ));
    }
    parts.push(format!("front {}", data.certificate.short()));
    parts.join("  ·  ")
}

/// A count of any length: its digits in groups, or rounded to a power of ten.
pub(super) fn readable_count(digits: &str) -> String {
    if digits.len() <= 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return grouped(digits);
    }
    let power = i32::try_from(digits.len() - 1).unwrap_or(i32::MAX);
    format!(
        "{}.{} {}",
        &digits[..1],
        &digits[1..3],
        super::axis::power_label(power)
    )
}

/// The words around the panels, laid out from the top.
struct Words<'a> {
    typeface: &'a Typeface,
    marks: Vec<Mark>,
    left: f64,
    right: f64,
    y: f64,
}

impl Words<'_> {
    fn text(&mut self, at: Point, text: String, size: f64, bold: bool, tone: (u8, u8, u8)) {
        self.marks.push(Mark::Text {
            at,
            text,
            size,
            bold,
            anchor: Anchor::Start,
            paint: Paint(tone, 1.0),
        });
    }

    fn headline(&mut self, data: &ReportData) {
        let room = self.right - self.left;
        let title = self.typeface.fit(&data.title, 19.0, true, room);
        self.text((self.left, 34.0), title, 19.0, true, colour::INK);
        let subtitle = self.typeface.fit(&subtitle(data), 12.5, false, room);
        self.text((self.left, 58.0), subtitle, 12.5, false, colour::MUTED);
        self.y = 74.0;
    }

    /// A row of signs and what they mean, above the panels so that it covers nothing.
    fn legend(&mut self, data: &ReportData, samples: usize) {
        let mut items = Vec::new();
        let (size, sign) = (12.0, 22.0);
        if !data.front.is_empty() {
            items.push((
                panel::Sign::Front,
                format!("front ({})", grouped(&data.front.len().to_string())),
            ));
        }
        if samples > 0 {
            items.push((
                panel::Sign::Sampled,
                format!("random samples ({})", grouped(&samples.to_string())),
            ));
        }
        if !data.baselines.is_empty() {
            items.push((panel::Sign::Baseline, "known networks".to_owned()));
        }
        let drawn = |name: &str| {
            data.objectives
                .iter()
                .any(|objective| objective.name == name)
        };
        for limit in data.limits.iter().filter(|limit| drawn(&limit.quantity)) {
            items.push((panel::Sign::Limit, format!("limit: {}", limit.sentence())));
        }
        if data.knee.is_some() {
            items.push((panel::Sign::Knee, "knee".to_owned()));
        }
        if data.best_under_limit.is_some() {
            items.push((panel::Sign::Best, data.best_phrase().to_owned()));
        }
        let mut x = self.left;
        self.y += 14.0;
        for (kind, label) in items {
            let label = self
                .typeface
                .fit(&label, size, false, self.right - self.left - sign);
            let width = sign + self.typeface.width(&label, size, false);
            if x > self.left && x + width > self.right {
                (x, self.y) = (self.left, self.y + 20.0);
            }
            self.marks.extend(panel::sign(kind, (x + 8.0, self.y)));
            self.text((x + sign, self.y), label, size, false, colour::INK);
            x += width + 20.0;
        }
        self.y += 12.0;
    }

    /// Small print, broken into lines between words.
    fn paragraph(&mut self, text: &str) {
        let size = 11.0;
        let room = self.right - self.left;
        let mut line = String::new();
        let mut lines = Vec::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.typeface.width(&longer, size, false) > room && !line.is_empty() {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                line = longer;
            }
        }
        lines.push(line);
        for line in lines {
            self.y += 16.0;
            let line = self.typeface.fit(&line, size, false, room);
            self.text((self.left, self.y - 6.0), line, size, false, colour::MUTED);
        }
    }
}

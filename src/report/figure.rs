//! The plot of a front: headline, legend, one panel for each pair of objectives,
//! and what had to stay outside. A pure function from data to a scene.

use serde::Serialize;

use super::axis::{Range, central};
use super::data::{ReportData, unit_suffix};
use super::font::Typeface;
use super::labels::Rect;
use super::number::grouped;
use super::panel::{self, Style};
use super::scene::{Layer, Mark, Paint, Point, Scene};
use super::words::{Clouds, Words, footnotes};

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
        Range { low: self.x_ends.0, high: self.x_ends.1 }
    }

    fn y_range(&self) -> Range {
        Range { low: self.y_ends.0, high: self.y_ends.1 }
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
        Rect { x: self.left, y: self.top, width: self.width, height: self.height }
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
    let infeasible = data.finite_infeasible();
    let ranges = ranges(data, &samples, &infeasible);
    let margin = if place == Place::Phone { 4.0 } else { 22.0 };
    let width = match (place, shown) {
        (Place::Phone, _) => 380.0,
        (_, 0..=3) => 960.0,
        (_, columns) => 360.0 * (columns - 1) as f64,
    };
    // The height is known only at the end, so words are gathered first.
    let mut words = Words { typeface, marks: Vec::new(), left: margin, right: width - margin, y: 0.0 };
    if place == Place::File {
        words.headline(data);
    }
    words.legend(data, samples.len(), infeasible.len());

    let frames = frames(&ranges, shown, place, words.y, margin, width);
    words.y = frames.iter().map(|frame| frame.top + frame.height).fold(words.y, f64::max) + 52.0;
    for note in footnotes(data, &ranges, &Clouds { samples: &samples, infeasible: &infeasible, dropped }, shown) {
        words.paragraph(&note);
    }

    let height = words.y + if place == Place::File { 14.0 } else { 2.0 };
    let mut scene = Scene::new(width, height.ceil());
    let paper = vec![(0.0, 0.0), (width, 0.0), (width, height.ceil()), (0.0, height.ceil())];
    scene.add(Layer::Paper, Mark::Polygon { points: paper, paint: Paint(colour::PAPER, 1.0) });
    for mark in words.marks {
        scene.add(Layer::Words, mark);
    }
    for frame in &frames {
        let phone = place == Place::Phone;
        panel::draw(&mut scene, frame, &Style { data, samples: &samples, infeasible: &infeasible, typeface, phone });
    }
    Figure { scene, frames }
}

/// The range of each objective. A baseline stretches them only if it is near in
/// all of them, so a slow network does not squeeze the front by its latency.
pub(super) fn ranges(data: &ReportData, samples: &[&[f64]], infeasible: &[&[f64]]) -> Vec<Range> {
    let pass = |near: &dyn Fn(&[Option<f64>]) -> bool| -> Vec<Range> {
        (0..data.objectives.len())
            .map(|index| {
                let mut core: Vec<f64> = data.front.iter().map(|member| member.values[index]).collect();
                let baselines = data.baselines.iter().filter(|baseline| near(&baseline.values));
                let mut wanted: Vec<f64> = baselines.filter_map(|baseline| baseline.values[index]).collect();
                wanted.extend(panel::limits(data, index).map(|limit| limit.bound));
                let cloud: Vec<f64> = samples.iter().chain(infeasible).map(|row| row[index]).collect();
                if core.is_empty() {
                    // What comes closest is shown among the others, together with the limits that it breaks.
                    core.extend(data.closest.iter().map(|closest| closest.member.values[index]));
                    core.extend(panel::limits(data, index).map(|limit| limit.bound));
                    core.extend(central(&cloud));
                }
                Range::around(&core, &wanted, &cloud)
            })
            .collect()
    };
    let generous = pass(&|_| true);
    pass(&|values| values.iter().zip(&generous).all(|(value, range)| value.is_none_or(|v| range.contains(v))))
}

/// Lays the panels out: a strip, one plot, or the lower triangle of a matrix
/// whose columns share an axis; below each other on a phone.
fn frames(ranges: &[Range], shown: usize, place: Place, top: f64, margin: f64, width: f64) -> Vec<Frame> {
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
        let mut strip = one(0, None, margin - left_labels + 8.0, top - 16.0, width - 2.0 * margin + left_labels, 120.0);
        strip.width -= 16.0;
        return vec![strip];
    }
    let columns = if phone { 1 } else { shown - 1 };
    let gap = 26.0;
    let panel_width = (width - 2.0 * margin - 8.0 - gap * (columns - 1) as f64) / columns as f64;
    let panel_height = match (phone, columns) {
        (true, _) => 280.0,
        (_, 1) => 470.0,
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
        parts.push(format!("{} architectures", readable_count(&data.space.architectures)));
    }
    parts.push(if data.front.is_empty() {
        "nothing within the limits".to_owned()
    } else {
        format!("front {}", data.certificate.short())
    });
    parts.join("  ·  ")
}

/// A count of any length: its digits in groups, or rounded to a power of ten.
pub fn readable_count(digits: &str) -> String {
    if digits.len() <= 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return grouped(digits);
    }
    let power = i32::try_from(digits.len() - 1).unwrap_or(i32::MAX);
    let leading = digits.bytes().take(4).fold(0, |number, b| 10 * number + u32::from(b - b'0'));
    let rounded = (leading + 5) / 10;
    let (rounded, power) = if rounded < 1000 { (rounded, power) } else { (100, power.saturating_add(1)) };
    format!("{}.{:02}{}", rounded / 100, rounded % 100, super::axis::power_label(power))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Direction, Limit, Member, Objective, Relation};
    use super::*;

    fn data(values: &[[f64; 2]]) -> ReportData {
        let objective = |name: &str, direction| Objective { name: name.into(), direction, ..Objective::default() };
        ReportData {
            objectives: vec![objective("latency", Direction::Minimise), objective("score", Direction::Maximise)],
            front: values.iter().map(|row| Member { values: row.to_vec(), ..Member::default() }).collect(),
            limits: vec![Limit {
                quantity: "latency".into(),
                relation: Relation::AtMost,
                bound: 2.5,
                unit: "ms".into(),
            }],
            ..ReportData::default()
        }
    }

    fn figure(data: &ReportData, place: Place) -> Figure {
        draw(data, &Typeface::load().unwrap(), place)
    }

    #[test]
    fn counts_are_rounded_and_not_cut() {
        for (digits, text) in [
            ("15625", "15,625"),
            ("21758655492572485851", "2.18×10¹⁹"),
            ("9996000000", "1.00×10¹⁰"),
            ("8349416423424", "8.35×10¹²"),
        ] {
            assert_eq!(readable_count(digits), text);
        }
    }

    #[test]
    fn only_attained_values_are_drawn() {
        let data = data(&[[1.0, 1.0], [2.0, 3.0], [3.0, 4.0]]);
        for place in [Place::File, Place::Page, Place::Phone] {
            let figure = figure(&data, place);
            let frame = &figure.frames[0];
            let expected: Vec<Point> = data.front.iter().map(|m| frame.project(m.values[0], m.values[1])).collect();
            let mut discs = Vec::new();
            for mark in figure.scene.marks(Layer::Front) {
                match mark {
                    Mark::Disc { centre, .. } => discs.push(*centre),
                    Mark::Line { points, .. } => {
                        for pair in points.windows(2) {
                            assert!(pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1, "a slope: {pair:?}");
                        }
                    }
                    other => panic!("{other:?} is no part of a front"),
                }
            }
            assert_eq!(discs, expected);
        }
    }

    #[test]
    fn a_limit_stands_at_its_bound_and_tints_what_it_forbids() {
        let figure = figure(&data(&[[1.0, 1.0], [3.0, 4.0]]), Place::File);
        let frame = &figure.frames[0];
        let (bound, _) = frame.project(2.5, 1.0);
        let mut tints = 0;
        for mark in figure.scene.marks(Layer::Limits) {
            match mark {
                Mark::Line { points, .. } => assert!(points.iter().all(|point| point.0 == bound)),
                Mark::Polygon { points, .. } => {
                    tints += 1;
                    let right = frame.left + frame.width;
                    assert!(points.iter().all(|point| point.0 >= bound && point.0 <= right + 1e-9));
                }
                other => panic!("{other:?} is no part of a limit"),
            }
        }
        assert_eq!(tints, 1);
    }

    #[test]
    fn objectives_become_pairwise_panels() {
        for (objectives, panels) in [(1, 1), (2, 1), (3, 3), (4, 6), (5, 10), (7, 10)] {
            let member = Member { values: vec![1.0; objectives], ..Member::default() };
            let data = ReportData {
                objectives: vec![Objective::default(); objectives],
                front: vec![member],
                ..ReportData::default()
            };
            let figure = figure(&data, Place::File);
            assert_eq!(figure.frames.len(), panels, "{objectives} objectives");
            for (index, frame) in figure.frames.iter().enumerate() {
                for other in &figure.frames[..index] {
                    let apart = frame.left >= other.left + other.width
                        || other.left >= frame.left + frame.width
                        || frame.top >= other.top + other.height
                        || other.top >= frame.top + frame.height;
                    assert!(apart, "panels overlap: {frame:?} {other:?}");
                }
            }
        }
    }
}

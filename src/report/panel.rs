//! One panel of the plot: axes, the cloud of samples, limits, the front as a
//! staircase, known networks, and the two members worth pointing out.

use std::collections::HashSet;

use super::axis::{Range, Tick, drawable, power_label};
use super::data::{Direction, Limit, Relation, ReportData};
use super::figure::{Frame, colour};
use super::font::Typeface;
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};
use super::signs::{Sign, dashes, empty, named, sign};
use super::staircase::{nondominated, staircase};

/// What panels of one figure share.
pub(super) struct Style<'a> {
    /// The data.
    pub(super) data: &'a ReportData,
    /// Its finite samples.
    pub(super) samples: &'a [&'a [f64]],
    /// Its candidates outside the limits whose values are known.
    pub(super) infeasible: &'a [&'a [f64]],
    /// The typeface.
    pub(super) typeface: &'a Typeface,
    /// Whether the figure is drawn for a phone.
    pub(super) phone: bool,
}

impl Style<'_> {
    /// Whether the figure has a panel for each of several pairs.
    fn matrix(&self) -> bool {
        self.data.objectives.len() > 2
    }
}

/// The limits that are drawn along an objective.
pub(super) fn limits(data: &ReportData, objective: usize) -> impl Iterator<Item = &Limit> {
    let name = data.objectives[objective].name.as_str();
    data.limits.iter().filter(move |limit| limit.quantity == name)
}

/// How much wider another face may set a text than the measured one.
pub(super) const FACES_DIFFER: f64 = 1.12;

/// Draws everything of one panel.
pub(super) fn draw(scene: &mut Scene, frame: &Frame, style: &Style) {
    axes(scene, frame, style);
    if let Some(y) = frame.y {
        limit_lines(scene, frame, style.data, y, false);
    }
    limit_lines(scene, frame, style.data, frame.x, true);
    infeasible(scene, frame, style);
    samples(scene, frame, style);
    let points = front(scene, frame, style);
    if style.data.front.is_empty() {
        empty(scene, frame, style);
    }
    named(scene, frame, style, points);
}

fn axes(scene: &mut Scene, frame: &Frame, style: &Style) {
    let (left, top) = (frame.left, frame.top);
    let (right, bottom) = (left + frame.width, top + frame.height);
    let line =
        |from: Point, to: Point, tone, width| Mark::Line { points: vec![from, to], width, paint: Paint(tone, 1.0) };
    let label = |at, text: String, anchor| Mark::Text {
        at,
        text,
        size: 11.5,
        bold: false,
        anchor,
        paint: Paint(colour::MUTED, 1.0),
    };
    let (x_ticks, x_power) = fitting_ticks(Range { low: frame.x_ends.0, high: frame.x_ends.1 }, frame.width, style);
    for tick in x_ticks {
        let (x, _) = frame.project(tick.value, frame.y_ends.0);
        scene.add(Layer::Frame, line((x, top), (x, bottom), colour::GRID, 1.0));
        scene.add(Layer::Frame, label((x, bottom + 14.0), tick.label, Anchor::Middle));
    }
    title(scene, frame, style, frame.x, x_power, true);
    if let Some(y) = frame.y {
        let range = Range { low: frame.y_ends.0, high: frame.y_ends.1 };
        let (ticks, power) = range.ticks((frame.height / 52.0) as usize);
        for tick in ticks {
            let (_, y) = frame.project(frame.x_ends.0, tick.value);
            scene.add(Layer::Frame, line((left, y), (right, y), colour::GRID, 1.0));
            let text = style.typeface.fit(&tick.label, 11.5, false, 44.0);
            scene.add(Layer::Frame, label((left - 7.0, y), text, Anchor::End));
        }
        title(scene, frame, style, y, power, false);
    }
    scene.add(Layer::Frame, line((left, bottom), (right, bottom), colour::MUTED, 1.0));
}

/// As many ticks as their labels leave room for.
fn fitting_ticks(range: Range, width: f64, style: &Style) -> (Vec<Tick>, i32) {
    for wanted in (2..=(width / 70.0) as usize).rev() {
        let (ticks, power) = range.ticks(wanted);
        let widest = ticks.iter().map(|tick| style.typeface.width(&tick.label, 11.5, false)).fold(0.0, f64::max);
        if (widest + 14.0) * (ticks.len() as f64) < width {
            return (ticks, power);
        }
    }
    range.ticks(1)
}

/// Name, unit and better direction of an axis. The vertical one stands above its
/// axis, upright, where it is read without turning the head.
fn title(scene: &mut Scene, frame: &Frame, style: &Style, objective: usize, power: i32, horizontal: bool) {
    let objective = &style.data.objectives[objective];
    let arrow = match (horizontal, objective.direction) {
        (true, Direction::Minimise) => "←",
        (true, Direction::Maximise) => "→",
        (false, Direction::Minimise) => "↓",
        (false, Direction::Maximise) => "↑",
    };
    let cramped = frame.width < 340.0 && !style.phone;
    let phrase = if cramped { "better" } else { objective.direction.phrase() };
    let hint = format!("{arrow} {phrase}");
    let size = 12.5;
    let power = if power == 0 { String::new() } else { format!(", {}", power_label(power)) };
    // Name and hint stand at opposite ends: a viewer without the measured face may set them wider.
    let right = frame.left + frame.width;
    let (left, y) =
        if horizontal { (frame.left, frame.top + frame.height + 37.0) } else { (frame.left - 40.0, frame.top - 17.0) };
    let room = (right - left - style.typeface.width(&hint, size, false)) / FACES_DIFFER - 12.0;
    let mut name = objective.label_with_unit() + &power;
    if style.typeface.width(&name, size, true) > room {
        name = objective.name_with_unit() + &power;
    }
    let name = style.typeface.fit(&name, size, true, room);
    let mut text = |x, text: String, bold, anchor, tone| {
        scene.add(Layer::Frame, Mark::Text { at: (x, y), text, size, bold, anchor, paint: Paint(tone, 1.0) });
    };
    text(left, name, true, Anchor::Start, colour::INK);
    text(right, hint, false, Anchor::End, colour::MUTED);
}

/// A dashed line at each limit of an objective, and a tint over what it forbids.
fn limit_lines(scene: &mut Scene, frame: &Frame, data: &ReportData, objective: usize, vertical: bool) {
    let (low, high) = if vertical { frame.x_ends } else { frame.y_ends };
    for limit in limits(data, objective).filter(|limit| (low..=high).contains(&limit.bound)) {
        let forbidden = match limit.relation {
            Relation::AtMost => high,
            Relation::AtLeast => low,
        };
        let corner = |value: f64, far: bool| {
            if vertical {
                frame.project(value, if far { frame.y_ends.1 } else { frame.y_ends.0 })
            } else {
                frame.project(if far { frame.x_ends.1 } else { frame.x_ends.0 }, value)
            }
        };
        let (from, to) = (corner(limit.bound, false), corner(limit.bound, true));
        let tint = vec![from, to, corner(forbidden, true), corner(forbidden, false)];
        scene.add(Layer::Limits, Mark::Polygon { points: tint, paint: Paint(colour::LIMIT, 0.08) });
        dashes(from, to).into_iter().for_each(|mark| scene.add(Layer::Limits, mark));
    }
}

/// Where a row of a cloud stands, if it is within the panel.
fn cloud_place(frame: &Frame, index: usize, row: &[f64]) -> Option<Point> {
    let (x, y) = frame.place(row)?;
    // In a strip the height means nothing; spreading it by the golden ratio shows density.
    let spread = || frame.top + frame.height * (0.1 + 0.8 * (index as f64 * 0.618_034).fract());
    Some((x, if frame.y.is_some() { y } else { spread() }))
}

/// Crosses are larger than points, so fewer of them make a cloud: what would cover another is left out.
fn infeasible(scene: &mut Scene, frame: &Frame, style: &Style) {
    let mut drawn = Thinned::new(4.0);
    for (index, row) in style.infeasible.iter().enumerate() {
        if let Some(place) = cloud_place(frame, index, row).filter(|&place| drawn.is_new(place)) {
            sign(Sign::Infeasible, place).into_iter().for_each(|mark| scene.add(Layer::Infeasible, mark));
        }
    }
}

fn samples(scene: &mut Scene, frame: &Frame, style: &Style) {
    let mut drawn = Thinned::new(if style.matrix() { 3.0 } else { 1.5 });
    for (index, row) in style.samples.iter().enumerate() {
        let Some((x, y)) = cloud_place(frame, index, row) else {
            continue;
        };
        if drawn.is_new((x, y)) {
            let radius = if style.phone { 1.6 } else { 2.0 };
            scene.add(Layer::Sampled, Mark::Disc { centre: (x, y), radius, paint: Paint(colour::SAMPLED, 0.4) });
        }
    }
}

/// Draws the front and returns the pixels of its members.
fn front(scene: &mut Scene, frame: &Frame, style: &Style) -> Vec<Point> {
    let data = style.data;
    if let Some(y) = frame.y {
        let directions = (data.objectives[frame.x].direction, data.objectives[y].direction);
        let pairs: Vec<(f64, f64)> = (data.front.iter())
            .map(|member| (member.values[frame.x], member.values[y]))
            .filter(|pair| drawable(pair.0) && drawable(pair.1))
            .collect();
        // What falls on the same pixel need not be drawn twice.
        let mut drawn = Thinned::new(0.5);
        let mut members = nondominated(&pairs, directions);
        members.retain(|pair| drawn.is_new(frame.project(pair.0, pair.1)));
        let corners: Vec<Point> =
            staircase(&members, directions).iter().map(|pair| frame.project(pair.0, pair.1)).collect();
        if let (Some(&first), Some(&last)) = (corners.first(), corners.last()) {
            // Beyond its ends the boundary goes on straight: worse budgets attain the same.
            let worst_y = if directions.1 == Direction::Minimise { frame.top } else { frame.top + frame.height };
            let worst_x = if directions.0 == Direction::Minimise { frame.left + frame.width } else { frame.left };
            for ends in [vec![(first.0, worst_y), first], vec![last, (worst_x, last.1)]] {
                scene.add(Layer::Front, Mark::Line { points: ends, width: 1.25, paint: Paint(colour::FRONT, 0.4) });
            }
            scene.add(Layer::Front, Mark::Line { points: corners, width: 1.5, paint: Paint(colour::FRONT, 0.75) });
        }
    }
    let radius = match data.front.len() {
        0..=60 => 3.6,
        61..=400 => 2.5,
        _ => 2.2,
    };
    // A matrix shows each member several times, so here only those that would cover each other are left out.
    let mut drawn = Thinned::new(if style.matrix() { radius } else { radius / 2.0 });
    let mut points = Vec::new();
    for place in data.front.iter().filter_map(|member| frame.place(&member.values)) {
        if drawn.is_new(place) {
            scene.add(Layer::Front, Mark::Disc { centre: place, radius, paint: Paint(colour::FRONT, 1.0) });
            points.push(place);
        }
    }
    points
}

/// Remembers which cells of a grid have been drawn to.
struct Thinned {
    cell: f64,
    seen: HashSet<(i64, i64)>,
}

impl Thinned {
    fn new(cell: f64) -> Self {
        Self { cell, seen: HashSet::new() }
    }

    fn is_new(&mut self, place: Point) -> bool {
        self.seen.insert(((place.0 / self.cell).round() as i64, (place.1 / self.cell).round() as i64))
    }
}

//! Parallel coordinates for three objectives and more: an axis for each objective, a line for each member.
//! Every axis is turned so that better is up, or to the right where axes lie below each other; crossing
//! lines are then trades (Inselberg, "The plane with parallel coordinates", 1985).

use serde::Serialize;

use super::axis::{Range, drawable, power_label};
use super::data::{Direction, Objective, Relation, ReportData};
use super::figure::{colour, ranges, with_unit};
use super::font::Typeface;
use super::number::NumberFormat;
use super::panel::{FACES_DIFFER, limits};
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};
use super::signs::{Sign, sign};

/// Lines times objectives that a drawing holds: a page of some hundred kilobytes.
const SEGMENTS: usize = 2400;
/// With fewer objectives the scatter says it all.
const LEAST_OBJECTIVES: usize = 3;
/// Axes closer than this have no room for their names.
const LEAST_PITCH: f64 = 100.0;

/// Colours by the first objective, best to worst: hues of Okabe and Ito that also differ in lightness.
pub(super) const RAMP: [(u8, u8, u8); 5] =
    [(0x0a, 0x6e, 0xae), (0x77, 0x74, 0xb0), (0xc4, 0x78, 0xa6), (0xdb, 0x85, 0x5c), (0xe8, 0x9c, 0x10)];

/// Drawn parallel coordinates.
pub(super) struct Parallel {
    /// The drawing.
    pub(super) scene: Scene,
    /// Its axes.
    pub(super) axes: Axes,
    /// Width in pixels, below which names would collide.
    pub(super) width: f64,
    /// How many members and how many samples have a line.
    pub(super) lines: (usize, usize),
}

/// The axes in pixels.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Axes {
    /// Whether they stand side by side.
    upright: bool,
    /// Where each stands: its x if upright, its y otherwise.
    at: Vec<f64>,
    /// The pixel of the worst and of the best end.
    span: (f64, f64),
    /// The values at the worst and the best end of each.
    ends: Vec<(f64, f64)>,
}

impl Axes {
    /// Where a value stands on an axis.
    fn place(&self, axis: usize, value: f64) -> Point {
        let ((worst, best), (from, to)) = (self.ends[axis], self.span);
        let along = from + (value - worst) / (best - worst) * (to - from);
        if self.upright { (self.at[axis], along) } else { (along, self.at[axis]) }
    }

    /// A row as a line; nothing if a value lies beyond its axis.
    fn line(&self, values: &[f64]) -> Option<Vec<Point>> {
        let inside = |(value, (worst, best)): (&f64, &(f64, f64))| {
            (worst.min(*best)..=worst.max(*best)).contains(value) && drawable(*value)
        };
        let all = values.iter().zip(&self.ends).all(inside);
        all.then(|| values.iter().enumerate().map(|(axis, value)| self.place(axis, *value)).collect())
    }
}

/// Draws the front; nothing where it has too few objectives or no member.
pub(super) fn draw(data: &ReportData, typeface: &Typeface, phone: bool) -> Option<Parallel> {
    let count = data.objectives.len();
    if count < LEAST_OBJECTIVES || data.front.is_empty() {
        return None;
    }
    let (samples, _) = data.finite_samples();
    let ranges = ranges(data, &samples, &[]);
    let ends = ranges.iter().zip(&data.objectives).map(|(range, objective)| match objective.direction {
        Direction::Minimise => (range.high, range.low),
        Direction::Maximise => (range.low, range.high),
    });
    let (width, height, at, span) = layout(count, phone);
    let axes = Axes { upright: !phone, at, span, ends: ends.collect() };
    let mut scene = Scene::new(width, height);
    legend(&mut scene, data, typeface, width);

    let room = (SEGMENTS / count).clamp(30, 300);
    let stride = samples.len().div_ceil(room / 2).max(1);
    let mut lines = (0, 0);
    for line in samples.iter().step_by(stride).filter_map(|row| axes.line(row)) {
        lines.1 += 1;
        scene.add(Layer::Sampled, Mark::Line { points: line, width: 0.9, paint: Paint(colour::SAMPLED, 0.28) });
    }
    let shown = data.representatives(room);
    let opacity = if shown.len() > 60 { 0.55 } else { 0.85 };
    for &index in &shown {
        let values = &data.front[index].values;
        let Some(points) = axes.line(values) else { continue };
        lines.0 += 1;
        let (worst, best) = axes.ends[0];
        let tone = RAMP[shade((best - values[0]) / (best - worst))];
        scene.add(Layer::Front, Mark::Line { points, width: 1.3, paint: Paint(tone, opacity) });
    }
    for (index, tone) in [(data.knee, colour::KNEE), (data.best_under_limit, colour::BEST)] {
        let Some(points) = index.and_then(|index| axes.line(&data.front[index].values)) else { continue };
        for (width, tone) in [(5.5, colour::PAPER), (3.2, tone)] {
            scene.add(Layer::Landmarks, Mark::Line { points: points.clone(), width, paint: Paint(tone, 1.0) });
        }
    }
    for axis in 0..count {
        draw_axis(&mut scene, &axes, axis, data, typeface);
    }
    Some(Parallel { scene, axes, width, lines })
}

/// Size of the drawing, where axes stand, and the pixels of their ends.
fn layout(count: usize, phone: bool) -> (f64, f64, Vec<f64>, (f64, f64)) {
    if phone {
        let (width, first, pitch) = (380.0, 78.0, 92.0);
        let at = (0..count).map(|axis| first + axis as f64 * pitch).collect();
        return (width, first + (count - 1) as f64 * pitch + 30.0, at, (18.0, width - 18.0));
    }
    let side = 62.0;
    let width = f64::max(960.0, 2.0 * side + (count - 1) as f64 * LEAST_PITCH);
    let pitch = (width - 2.0 * side) / (count - 1) as f64;
    (width, 440.0, (0..count).map(|axis| side + axis as f64 * pitch).collect(), (422.0, 92.0))
}

/// The step of the ramp for a share of the way from best to worst.
fn shade(worse: f64) -> usize {
    ((worse * RAMP.len() as f64) as usize).min(RAMP.len() - 1)
}

/// A plate that keeps what is written on it readable above lines.
fn plate(scene: &mut Scene, (x, y): Point, width: f64, height: f64) {
    let (a, b) = (width / 2.0, height / 2.0);
    let points = vec![(x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)];
    scene.add(Layer::Words, Mark::Polygon { points, paint: Paint(colour::PAPER, 0.78) });
}

fn text(scene: &mut Scene, at: Point, text: String, size: f64, bold: bool, anchor: Anchor) {
    let tone = if bold { colour::INK } else { colour::MUTED };
    scene.add(Layer::Words, Mark::Text { at, text, size, bold, anchor, paint: Paint(tone, 1.0) });
}

/// What the colours stand for, and the two members that have one of their own.
fn legend(scene: &mut Scene, data: &ReportData, typeface: &Typeface, width: f64) {
    let (mut x, mut y) = (8.0, 14.0);
    let size = 12.0;
    let objective = &data.objectives[0];
    let best = typeface.fit(&format!("best {}", objective.name), size, false, 130.0);
    text(scene, (x, y), best.clone(), size, false, Anchor::Start);
    x += typeface.width(&best, size, false) * FACES_DIFFER + 6.0;
    for tone in RAMP {
        let swatch = vec![(x, y - 4.0), (x + 16.0, y - 4.0), (x + 16.0, y + 4.0), (x, y + 4.0)];
        scene.add(Layer::Words, Mark::Polygon { points: swatch, paint: Paint(tone, 1.0) });
        x += 16.0;
    }
    text(scene, (x + 6.0, y), "worst".to_owned(), size, false, Anchor::Start);
    x += 66.0;
    for (index, kind, label) in
        [(data.best_under_limit, Sign::Best, data.best_phrase()), (data.knee, Sign::Knee, "knee")]
    {
        if index.is_none() {
            continue;
        }
        let wide = 30.0 + typeface.width(label, size, false) * FACES_DIFFER;
        if x + wide > width {
            (x, y) = (8.0, y + 20.0);
        }
        sign(kind, (x + 8.0, y)).into_iter().for_each(|mark| scene.add(Layer::Words, mark));
        text(scene, (x + 22.0, y), label.to_owned(), size, false, Anchor::Start);
        x += wide + 10.0;
    }
}

fn draw_axis(scene: &mut Scene, axes: &Axes, axis: usize, data: &ReportData, typeface: &Typeface) {
    let objective = &data.objectives[axis];
    let (worst, best) = axes.ends[axis];
    let (from, to) = (axes.place(axis, worst), axes.place(axis, best));
    let pitch = axes.at[1] - axes.at[0];
    for limit in limits(data, axis).filter(|limit| (worst.min(best)..=worst.max(best)).contains(&limit.bound)) {
        let forbidden = match limit.relation {
            Relation::AtMost => worst.max(best),
            Relation::AtLeast => worst.min(best),
        };
        let points = vec![axes.place(axis, limit.bound), axes.place(axis, forbidden)];
        scene.add(Layer::Limits, Mark::Line { points, width: 7.0, paint: Paint(colour::LIMIT, 0.35) });
        let (x, y) = axes.place(axis, limit.bound);
        let across = if axes.upright { vec![(x - 9.0, y), (x + 9.0, y)] } else { vec![(x, y - 9.0), (x, y + 9.0)] };
        scene.add(Layer::Limits, Mark::Line { points: across, width: 2.5, paint: Paint(colour::LIMIT, 1.0) });
    }
    scene.add(Layer::Frame, Mark::Line { points: vec![from, to], width: 1.25, paint: Paint(colour::MUTED, 1.0) });

    let range = Range { low: worst.min(best), high: worst.max(best) };
    let (ticks, power) = range.ticks(if axes.upright { 6 } else { 4 });
    for tick in ticks {
        let (x, y) = axes.place(axis, tick.value);
        let wide = typeface.width(&tick.label, 10.5, false) * FACES_DIFFER;
        let (mark, centre) = if axes.upright {
            (vec![(x, y), (x + 4.0, y)], (x + 8.0 + wide / 2.0, y))
        } else {
            (vec![(x, y), (x, y + 4.0)], (x, y + 11.0))
        };
        scene.add(Layer::Frame, Mark::Line { points: mark, width: 1.0, paint: Paint(colour::MUTED, 1.0) });
        plate(scene, centre, wide + 3.0, 12.0);
        text(scene, centre, tick.label, 10.5, false, Anchor::Middle);
    }
    title(scene, axes, axis, objective, power, pitch, typeface);
}

/// Name, unit and better direction at the best end.
fn title(
    scene: &mut Scene,
    axes: &Axes,
    axis: usize,
    objective: &Objective,
    power: i32,
    pitch: f64,
    typeface: &Typeface,
) {
    let lower = objective.direction == Direction::Minimise;
    let power = if power == 0 { String::new() } else { format!(", {}", power_label(power)) };
    let name = objective.name_with_unit() + &power;
    if axes.upright {
        let x = axes.at[axis];
        let roomy = pitch > 150.0;
        let phrase = if roomy {
            objective.direction.phrase()
        } else if lower {
            "lower"
        } else {
            "higher"
        };
        // The outer titles stay on the paper.
        let room = (pitch / FACES_DIFFER - 8.0).min(if axis == 0 || axis + 1 == axes.at.len() { 110.0 } else { 240.0 });
        text(scene, (x, 58.0), typeface.fit(&name, 12.5, true, room), 12.5, true, Anchor::Middle);
        text(scene, (x, 76.0), format!("↑ {phrase}"), 11.5, false, Anchor::Middle);
    } else {
        let (left, right, y) = (axes.span.0, axes.span.1, axes.at[axis] - 16.0);
        let hint = format!("→ {}", objective.direction.phrase());
        let room = (right - left - typeface.width(&hint, 11.5, false)) / FACES_DIFFER - 12.0;
        let name = typeface.fit(&name, 12.5, true, room);
        // Above the first axis there are no lines.
        if axis > 0 {
            let wide = |text: &str, size, bold| typeface.width(text, size, bold) * FACES_DIFFER;
            let (name_wide, hint_wide) = (wide(&name, 12.5, true), wide(&hint, 11.5, false));
            plate(scene, (left + name_wide / 2.0, y), name_wide + 6.0, 17.0);
            plate(scene, (right - hint_wide / 2.0, y), hint_wide + 6.0, 17.0);
        }
        text(scene, (left, y), name, 12.5, true, Anchor::Start);
        text(scene, (right, y), hint, 11.5, false, Anchor::End);
    }
}

/// The values of a row with their units, for a person.
pub(super) fn ends_in_words(data: &ReportData) -> String {
    let objective = &data.objectives[0];
    let values = data.front.iter().map(|member| member.values[0]);
    let format = NumberFormat::for_values(values.clone());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    format!(
        "from {} to {}",
        with_unit(format.show(low), &objective.unit),
        with_unit(format.show(high), &objective.unit)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Member;
    use super::*;

    fn data(objectives: usize, rows: &[f64]) -> ReportData {
        let objective = |at: usize| Objective {
            name: format!("o{at}"),
            direction: if at.is_multiple_of(2) { Direction::Minimise } else { Direction::Maximise },
            ..Objective::default()
        };
        let member = |&value: &f64| Member { values: vec![value; objectives], ..Member::default() };
        ReportData {
            objectives: (0..objectives).map(objective).collect(),
            front: rows.iter().map(member).collect(),
            ..ReportData::default()
        }
    }

    #[test]
    fn better_is_up_or_to_the_right_on_every_axis() {
        let data = data(4, &[1.0, 2.0]);
        for phone in [false, true] {
            let axes = draw(&data, &Typeface::load().unwrap(), phone).unwrap().axes;
            for (axis, objective) in data.objectives.iter().enumerate() {
                let (better, worse) = if objective.direction == Direction::Minimise { (1.0, 2.0) } else { (2.0, 1.0) };
                let (better, worse) = (axes.place(axis, better), axes.place(axis, worse));
                assert!(if phone { better.0 > worse.0 } else { better.1 < worse.1 }, "{better:?} {worse:?}");
            }
        }
    }

    #[test]
    fn fewer_than_three_objectives_have_no_parallel_coordinates_and_many_have_room() {
        let typeface = Typeface::load().unwrap();
        assert!(draw(&data(2, &[1.0]), &typeface, false).is_none());
        assert!(draw(&data(3, &[]), &typeface, false).is_none());
        let rows: Vec<f64> = (0..2000).map(f64::from).collect();
        for phone in [false, true] {
            let parallel = draw(&data(64, &rows), &typeface, phone).unwrap();
            assert!(parallel.axes.at.windows(2).all(|pair| pair[1] - pair[0] >= 60.0));
            assert!(parallel.lines.0 >= 30 && parallel.lines.0 * 64 <= SEGMENTS, "{:?}", parallel.lines);
        }
    }
}

//! The course of a search: how much of the final hypervolume the front so far had, over evaluations.
//! Between two points nothing grew, so the curve is a flight of steps.

use serde::Serialize;

use super::axis::Range;
use super::data::{Course, Growth};
use super::figure::colour;
use super::font::Typeface;
use super::number::grouped;
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};

/// Shares of the final hypervolume worth pointing out.
const MILESTONES: [f64; 2] = [0.9, 0.99];
/// More steps than this cannot be told apart.
const STEPS: usize = 500;

/// A drawn course.
pub(super) struct Curve {
    /// The drawing.
    pub(super) scene: Scene,
    /// Where in it which number stands.
    pub(super) frame: CurveFrame,
}

/// The panel of a curve in pixels, and what its ends stand for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CurveFrame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    /// Evaluations at the right end; the left end is 0.
    evaluations: f64,
    /// Shares of the hypervolume at the lower and the upper end.
    ends: (f64, f64),
}

impl CurveFrame {
    fn project(&self, evaluations: u64, share: f64) -> Point {
        let (low, high) = self.ends;
        let across = evaluations as f64 / self.evaluations;
        (self.left + across * self.width, self.top + (1.0 - (share - low) / (high - low)) * self.height)
    }
}

/// The steps that are shown: at most some hundred, the last among them.
pub(super) fn steps(course: &Course) -> Vec<&Growth> {
    let points = &course.hypervolume;
    let stride = points.len().div_ceil(STEPS).max(1);
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(|(at, _)| (last - at).is_multiple_of(stride)).map(|(_, point)| point).collect()
}

/// After how many evaluations each milestone was reached.
pub(super) fn milestones(course: &Course) -> Vec<(f64, u64)> {
    let reached = |share: f64| course.hypervolume.iter().find(|point| point.hypervolume >= share);
    MILESTONES.into_iter().filter_map(|share| Some((share, reached(share)?.evaluations))).collect()
}

/// A share as people write it: `93.2 %`.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// Draws the course, which has at least one point.
pub(super) fn draw(course: &Course, typeface: &Typeface, phone: bool) -> Curve {
    let (width, height) = if phone { (380.0, 250.0) } else { (960.0, 300.0) };
    let last = course.hypervolume.last().map_or(0, |point| point.evaluations).max(course.evaluated);
    let shares = || course.hypervolume.iter().map(|point| point.hypervolume);
    let lowest = shares().fold(1.0, f64::min);
    let frame = CurveFrame {
        left: 52.0,
        top: 34.0,
        width: width - 52.0 - 18.0,
        height: height - 34.0 - 46.0,
        evaluations: last.max(1) as f64,
        ends: (((lowest * 10.0).floor() / 10.0).clamp(0.0, 0.9), shares().fold(1.0, f64::max)),
    };
    let mut scene = Scene::new(width, height);
    axes(&mut scene, &frame, phone);

    let mut line: Vec<Point> = Vec::new();
    for point in steps(course) {
        let to = frame.project(point.evaluations, point.hypervolume.max(frame.ends.0));
        if let Some(&(_, y)) = line.last() {
            line.push((to.0, y));
        }
        line.push(to);
    }
    if let Some(&(_, y)) = line.last() {
        line.push((frame.left + frame.width, y));
    }
    scene.add(Layer::Front, Mark::Line { points: line, width: 2.0, paint: Paint(colour::FRONT, 1.0) });
    for (share, evaluations) in milestones(course) {
        let reached =
            course.hypervolume.iter().find(|point| point.evaluations == evaluations && point.hypervolume >= share);
        let Some(point) = reached else { continue };
        let (x, y) = frame.project(evaluations, point.hypervolume);
        scene.add(Layer::Front, Mark::Disc { centre: (x, y), radius: 4.0, paint: Paint(colour::FRONT, 1.0) });
        let text = format!("{} after {}", percent(share), grouped(&evaluations.to_string()));
        // Below the curve on its right there is nothing; where that is too narrow the caption says it alone.
        if x + 10.0 + typeface.width(&text, 12.0, false) * 1.12 < frame.left + frame.width
            && y + 26.0 < frame.top + frame.height
        {
            let paint = Paint(colour::INK, 1.0);
            scene.add(
                Layer::Words,
                Mark::Text { at: (x + 8.0, y + 15.0), text, size: 12.0, bold: false, anchor: Anchor::Start, paint },
            );
        }
    }
    Curve { scene, frame }
}

fn axes(scene: &mut Scene, frame: &CurveFrame, phone: bool) {
    let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);
    let mut line = |from: Point, to: Point, tone| {
        scene.add(Layer::Frame, Mark::Line { points: vec![from, to], width: 1.0, paint: Paint(tone, 1.0) });
    };
    let mut labels = Vec::new();
    let (shares, _) = Range { low: frame.ends.0 - 1e-9, high: frame.ends.1 + 1e-9 }.ticks(5);
    for tick in shares {
        let (_, y) = frame.project(0, tick.value);
        line((frame.left, y), (right, y), colour::GRID);
        labels.push(((frame.left - 8.0, y), percent(tick.value + 0.0), Anchor::End, 11.5, false, colour::MUTED));
    }
    let (evaluations, _) = Range { low: 0.0, high: frame.evaluations }.ticks(if phone { 4 } else { 8 });
    for tick in evaluations.iter().filter(|tick| tick.value.fract() == 0.0) {
        let (x, _) = frame.project(tick.value as u64, 0.0);
        line((x, frame.top), (x, bottom), colour::GRID);
        let text = grouped(&format!("{:.0}", tick.value));
        labels.push(((x, bottom + 15.0), text, Anchor::Middle, 11.5, false, colour::MUTED));
    }
    line((frame.left, bottom), (right, bottom), colour::MUTED);
    labels.push((
        (frame.left - 44.0, 12.0),
        "Share of the final hypervolume".to_owned(),
        Anchor::Start,
        12.5,
        true,
        colour::INK,
    ));
    labels.push(((right, 12.0), "↑ higher is better".to_owned(), Anchor::End, 12.5, false, colour::MUTED));
    labels.push(((frame.left, bottom + 36.0), "Networks evaluated".to_owned(), Anchor::Start, 12.5, true, colour::INK));
    for (at, text, anchor, size, bold, tone) in labels {
        scene.add(Layer::Frame, Mark::Text { at, text, size, bold, anchor, paint: Paint(tone, 1.0) });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn course(points: &[(u64, f64)]) -> Course {
        let growth = |&(evaluations, hypervolume): &(u64, f64)| Growth { evaluations, hypervolume, front: 1 };
        Course { evaluated: 1000, hypervolume: points.iter().map(growth).collect(), ..Course::default() }
    }

    #[test]
    fn the_curve_is_a_flight_of_steps_up_to_the_last_evaluation() {
        let course = course(&[(10, 0.2), (100, 0.91), (640, 0.995), (800, 1.0)]);
        for phone in [false, true] {
            let curve = draw(&course, &Typeface::load().unwrap(), phone);
            let line = curve.scene.marks(Layer::Front).iter().find_map(|mark| match mark {
                Mark::Line { points, .. } => Some(points),
                _ => None,
            });
            let line = line.unwrap();
            assert!(line.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1), "{line:?}");
            assert!(line.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 >= pair[1].1), "{line:?}");
            assert_eq!(line.last(), Some(&curve.frame.project(1000, 1.0)));
        }
        assert_eq!(milestones(&course), [(0.9, 100), (0.99, 640)]);
    }

    #[test]
    fn thinning_keeps_the_end() {
        let points: Vec<(u64, f64)> = (1..=3456).map(|at| (at, at as f64 / 3456.0)).collect();
        let course = course(&points);
        let steps = steps(&course);
        assert!(steps.len() <= STEPS && steps.last().unwrap().hypervolume == 1.0, "{}", steps.len());
    }
}

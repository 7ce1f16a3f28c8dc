//! The signs of the plot and their names: known networks, knee and best member,
//! and what stands in for a front that is empty.

use super::figure::{Frame, colour};
use super::labels::{Placer, Rect};
use super::panel::{FACES_DIFFER, Style};
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};

/// How many of the closest are drawn with their number.
pub(super) const NUMBERED: usize = 10;

/// Says why there is nothing to see.
pub(super) fn empty(scene: &mut Scene, frame: &Frame, style: &Style) {
    // A strip or a panel of a matrix has no room for a sentence.
    let cramped = frame.width < 340.0 || frame.y.is_none();
    let message = if cramped {
        "Nothing is within the limits."
    } else {
        "Nothing is within the limits; numbers mark what comes closest."
    };
    // What is drawn still says something: the message keeps off its middle.
    let x = frame.left + frame.width / 2.0;
    let y = frame.top + 26.0;
    let size = if style.phone || cramped { 12.0 } else { 15.0 };
    let half = style.typeface.width(message, size, true) * FACES_DIFFER / 2.0 + 14.0;
    let plate = vec![(x - half, y - 20.0), (x + half, y - 20.0), (x + half, y + 20.0), (x - half, y + 20.0)];
    scene.add(Layer::Words, Mark::Polygon { points: plate, paint: Paint(colour::PAPER, 0.9) });
    let paint = Paint(colour::INK, 1.0);
    scene.add(
        Layer::Words,
        Mark::Text { at: (x, y), text: message.to_owned(), size, bold: true, anchor: Anchor::Middle, paint },
    );
}

/// Known networks, knee and best member, each with its name beside it.
pub(super) fn named(scene: &mut Scene, frame: &Frame, style: &Style, points: Vec<Point>) {
    let data = style.data;
    let mut labels: Vec<(Layer, Point, String, bool)> = Vec::new();
    let best = data.best_under_limit.and_then(|index| frame.place(&data.front[index].values));
    let knee = data.knee.and_then(|index| frame.place(&data.front[index].values));
    for (sign_kind, place) in [(Sign::Best, best), (Sign::Knee, knee)] {
        if let Some(place) = place {
            sign(sign_kind, place).into_iter().for_each(|mark| scene.add(Layer::Landmarks, mark));
        }
    }
    // In a matrix the legend names them: there is little room, and they recur in every panel.
    if data.objectives.len() <= 2 {
        let landmark = |place, text: &str| (Layer::Landmarks, place, text.to_owned(), true);
        match (best, knee) {
            (Some(place), Some(_)) if data.best_under_limit == data.knee => {
                labels.push(landmark(place, &format!("{}, knee", data.best_phrase())));
            }
            _ => {
                labels.extend(best.map(|place| landmark(place, data.best_phrase())));
                labels.extend(knee.map(|place| landmark(place, "knee")));
            }
        }
    }
    for (rank, closest) in data.closest.iter().take(NUMBERED).enumerate().rev() {
        let Some(place) = frame.place(&closest.member.values) else { continue };
        sign(Sign::Closest, place).into_iter().for_each(|mark| scene.add(Layer::Landmarks, mark));
        labels.push((Layer::Landmarks, place, (rank + 1).to_string(), true));
    }
    for baseline in &data.baselines {
        let known: Option<Vec<f64>> = (0..data.objectives.len())
            .map(|index| {
                let needed = index == frame.x || Some(index) == frame.y;
                baseline.values[index].or((!needed).then_some(0.0))
            })
            .collect();
        let Some(place) = known.and_then(|values| frame.place(&values)) else {
            continue;
        };
        sign(Sign::Baseline, place).into_iter().for_each(|mark| scene.add(Layer::Baselines, mark));
        labels.push((Layer::Baselines, place, baseline.name.clone(), false));
    }

    let size = if style.phone { 11.0 } else { 12.0 };
    let taken = labels.iter().map(|(_, place, ..)| Rect::around(*place, 7.0)).collect();
    let mut placer = Placer::new(frame.rect(), taken, points);
    for (layer, place, text, bold) in labels {
        let text = style.typeface.fit(&text, size, bold, (frame.width * 0.45).min(180.0));
        let width = style.typeface.width(&text, size, bold) * FACES_DIFFER + 4.0;
        let rect = placer.place(place, (width, size + 4.0));
        leader(scene, layer, place, rect);
        // Towards the mark, so that a face of another width leaves the gap as it is.
        let (x, anchor) = if rect.x + rect.width / 2.0 < place.0 {
            (rect.x + rect.width - 2.0, Anchor::End)
        } else {
            (rect.x + 2.0, Anchor::Start)
        };
        let at = (x, rect.y + rect.height / 2.0);
        let written = Mark::Text { at, text, size, bold, anchor, paint: Paint(colour::INK, 1.0) };
        halo(&written).into_iter().chain([written]).for_each(|mark| scene.add(layer, mark));
    }
}

/// The same text in the colour of the paper, a little off in every direction, so
/// that a label stays readable on top of points and lines.
fn halo(written: &Mark) -> Vec<Mark> {
    (0..8)
        .map(|step| {
            let mut copy = written.clone();
            if let Mark::Text { at, paint, .. } = &mut copy {
                let angle = f64::from(step) * std::f64::consts::FRAC_PI_4;
                *at = (at.0 + 1.75 * angle.cos(), at.1 + 1.75 * angle.sin());
                *paint = Paint(colour::PAPER, 1.0);
            }
            copy
        })
        .collect()
}

/// A thin line from a mark to its label where the label had to move away.
fn leader(scene: &mut Scene, layer: Layer, place: Point, label: Rect) {
    let nearest = (place.0.clamp(label.x, label.x + label.width), place.1.clamp(label.y, label.y + label.height));
    if (nearest.0 - place.0).hypot(nearest.1 - place.1) > 14.0 {
        let paint = Paint(colour::MUTED, 0.7);
        scene.add(layer, Mark::Line { points: vec![place, nearest], width: 0.75, paint });
    }
}

/// The signs of the plot, also used by its legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Front,
    Sampled,
    Infeasible,
    Closest,
    Baseline,
    Limit,
    Knee,
    Best,
}

/// The marks of a sign centred on a point.
pub(super) fn sign(kind: Sign, centre: Point) -> Vec<Mark> {
    let disc = |radius, tone, alpha| Mark::Disc { centre, radius, paint: Paint(tone, alpha) };
    let polygon = |points, tone| Mark::Polygon { points, paint: Paint(tone, 1.0) };
    let diamond = |reach: f64| {
        let (x, y) = centre;
        vec![(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    };
    match kind {
        Sign::Front => {
            let (x, y) = centre;
            let step = vec![(x - 8.0, y + 4.0), (x, y + 4.0), (x, y - 4.0), (x + 8.0, y - 4.0)];
            vec![
                Mark::Line { points: step, width: 1.5, paint: Paint(colour::FRONT, 0.75) },
                Mark::Disc { centre: (x, y - 4.0), radius: 3.0, paint: Paint(colour::FRONT, 1.0) },
            ]
        }
        Sign::Sampled => vec![disc(2.6, colour::SAMPLED, 0.6)],
        Sign::Infeasible => vec![cross(centre, 2.6, 0.55, Paint(colour::SAMPLED, 0.65))],
        Sign::Closest => {
            vec![cross(centre, 7.0, 2.7, Paint(colour::PAPER, 1.0)), cross(centre, 5.6, 1.4, Paint(colour::INK, 1.0))]
        }
        Sign::Baseline => vec![polygon(star(centre, 9.0), colour::PAPER), polygon(star(centre, 7.2), colour::BASELINE)],
        Sign::Limit => dashes((centre.0 - 8.0, centre.1), (centre.0 + 8.0, centre.1)),
        Sign::Knee => vec![
            polygon(diamond(8.5), colour::PAPER),
            polygon(diamond(7.0), colour::INK),
            polygon(diamond(5.6), colour::KNEE),
        ],
        Sign::Best => vec![disc(8.8, colour::PAPER, 1.0), disc(7.6, colour::BEST, 1.0), disc(4.2, colour::PAPER, 1.0)],
    }
}

/// A diagonal cross as one shape, so that a translucent one is not darker in its middle.
fn cross((x, y): Point, reach: f64, half: f64, paint: Paint) -> Mark {
    // An upright cross, turned by an eighth.
    let arm = [(half, half), (reach * 1.4, half), (reach * 1.4, -half)];
    let quarters = |corner: (f64, f64), turns: usize| (0..turns).fold(corner, |(dx, dy), _| (dy, -dx));
    let turned = |(dx, dy): (f64, f64)| (x + (dx - dy) * 0.707, y + (dx + dy) * 0.707);
    let points = (0..4).flat_map(|turns| arm.map(|corner| turned(quarters(corner, turns))));
    Mark::Polygon { points: points.collect(), paint }
}

/// A five-pointed star.
fn star(centre: Point, reach: f64) -> Vec<Point> {
    (0..10)
        .map(|corner| {
            let radius = if corner % 2 == 0 { reach } else { reach * 0.42 };
            let angle = std::f64::consts::PI * (f64::from(corner) / 5.0 - 0.5);
            (centre.0 + radius * angle.cos(), centre.1 + radius * angle.sin())
        })
        .collect()
}

/// A dashed line in the colour of limits.
pub(super) fn dashes(from: Point, to: Point) -> Vec<Mark> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    let at = |distance: f64| (from.0 + dx * distance / length, from.1 + dy * distance / length);
    let (dash, period) = (6.0, 10.0);
    (0..(length / period).ceil() as usize)
        .map(|index| {
            let start = index as f64 * period;
            let points = vec![at(start), at((start + dash).min(length))];
            Mark::Line { points, width: 2.0, paint: Paint(colour::LIMIT, 1.0) }
        })
        .collect()
}

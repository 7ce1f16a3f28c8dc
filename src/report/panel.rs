//! One panel of the plot: axes, the cloud of samples, limits, the front as a
//! staircase, known networks, and the two members worth pointing out.

use std::collections::HashSet;

use super::axis::{Range, Tick, drawable, power_label};
use super::data::{Direction, Limit, Relation, ReportData};
use super::figure::{Frame, colour};
use super::font::Typeface;
use super::labels::{Placer, Rect};
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};
use super::staircase::{nondominated, staircase};

/// What panels of one figure share.
pub(super) struct Style<'a> {
    /// The data.
    pub(super) data: &'a ReportData,
    /// Its finite samples.
    pub(super) samples: &'a [&'a [f64]],
    /// The typeface.
    pub(super) typeface: &'a Typeface,
    /// Whether the figure is drawn for a phone.
    pub(super) phone: bool,
}

/// The limits that are drawn along an objective.
pub(super) fn limits(data: &ReportData, objective: usize) -> impl Iterator<Item = &Limit> {
    let name = data.objectives[objective].name.as_str();
    data.limits
        .iter()
        .filter(move |limit| limit.quantity == name)
}

/// Draws everything of one panel.
pub(super) fn draw(scene: &mut Scene, frame: &Frame, style: &Style) {
    axes(scene, frame, style);
    if let Some(y) = frame.y {
        limit_lines(scene, frame, style.data, y, false);
    }
    limit_lines(scene, frame, style.data, frame.x, true);
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
    let line = |from: Point, to: Point, tone, width| Mark::Line {
        points: vec![from, to],
        width,
        paint: Paint(tone, 1.0),
    };
    let label = |at, text: String, anchor| Mark::Text {
        at,
        text,
        size: 11.5,
        bold: false,
        anchor,
        paint: Paint(colour::MUTED, 1.0),
    };
    let (x_ticks, x_power) = fitting_ticks(
        Range {
            low: frame.x_ends.0,
            high: frame.x_ends.1,
        },
        frame.width,
        style,
    );
    for tick in x_ticks {
        let (x, _) = frame.project(tick.value, frame.y_ends.0);
        scene.add(Layer::Frame, line((x, top), (x, bottom), colour::GRID, 1.0));
        scene.add(
            Layer::Frame,
            label((x, bottom + 14.0), tick.label, Anchor::Middle),
        );
    }
    title(scene, frame, style, frame.x, x_power, true);
    if let Some(y) = frame.y {
        let range = Range {
            low: frame.y_ends.0,
            high: frame.y_ends.1,
        };
        let (ticks, power) = range.ticks((frame.height / 62.0) as usize);
        for tick in ticks {
            let (_, y) = frame.project(frame.x_ends.0, tick.value);
            scene.add(Layer::Frame, line((left, y), (right, y), colour::GRID, 1.0));
            let text = style.typeface.fit(&tick.label, 11.5, false, 44.0);
            scene.add(Layer::Frame, label((left - 7.0, y), text, Anchor::End));
        }
        title(scene, frame, style, y, power, false);
    }
    scene.add(
        Layer::Frame,
        line((left, bottom), (right, bottom), colour::MUTED, 1.0),
    );
}

/// As many ticks as their labels leave room for.
fn fitting_ticks(range: Range, width: f64, style: &Style) -> (Vec<Tick>, i32) {
    for wanted in (2..=(width / 70.0) as usize).rev() {
        let (ticks, power) = range.ticks(wanted);
        let widest = ticks
            .iter()
            .map(|tick| style.typeface.width(&tick.label, 11.5, false))
            .fold(0.0, f64::max);
        if (widest + 14.0) * (ticks.len() as f64) < width {
            return (ticks, power);
        }
    }
    range.ticks(1)
}

/// Name, unit and better direction of an axis. The vertical one stands above its
/// axis, upright, where it is read without turning the head.
fn title(
    scene: &mut Scene,
    frame: &Frame,
    style: &Style,
    objective: usize,
    power: i32,
    horizontal: bool,
) {
    let objective = &style.data.objectives[objective];
    let arrow = match (horizontal, objective.direction) {
        (true, Direction::Minimise) => "←",
        (true, Direction::Maximise) => "→",
        (false, Direction::Minimise) => "↓",
        (false, Direction::Maximise) => "↑",
    };
    let hint = format!("{arrow} {}", objective.direction.phrase());
    let (size, gap) = (12.5, 9.0);
    let hint_width = style.typeface.width(&hint, size, false);
    let room = if horizontal {
        frame.width
    } else {
        frame.width + 40.0
    };
    let mut name = objective.label_with_unit();
    if power != 0 {
        name.push_str(&format!(", {}", power_label(power)));
    }
    let name = style
        .typeface
        .fit(&name, size, true, room - hint_width - gap);
    let name_width = style.typeface.width(&name, size, true);
    let (x, y) = if horizontal {
        (
            frame.left + (frame.width - name_width - gap - hint_width) / 2.0,
            frame.top + frame.height + 37.0,
        )
    } else {
        (frame.left - 40.0, frame.top - 17.0)
    };
    let mut text = |at, text: String, bold, tone| {
        scene.add(
            Layer::Frame,
            Mark::Text {
                at,
                text,
                size,
                bold,
                anchor: Anchor::Start,
                paint: Paint(tone, 1.0),
            },
        );
    };
    text((x, y), name, true, colour::INK);
    text((x + name_width + gap, y), hint, false, colour::MUTED);
}

/// A dashed line at each limit of an objective, and a tint over what it forbids.
fn limit_lines(
    scene: &mut Scene,
    frame: &Frame,
    data: &ReportData,
    objective: usize,
    vertical: bool,
) {
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
        scene.add(
            Layer::Limits,
            Mark::Polygon {
                points: tint,
                paint: Paint(colour::LIMIT, 0.08),
            },
        );
        dashes(from, to)
            .into_iter()
            .for_each(|mark| scene.add(Layer::Limits, mark));
    }
}

/// A dashed line in the colour of limits.
fn dashes(from: Point, to: Point) -> Vec<Mark> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    let at = |distance: f64| {
        (
            from.0 + dx * distance / length,
            from.1 + dy * distance / length,
        )
    };
    let (dash, period) = (6.0, 10.0);
    (0..(length / period).ceil() as usize)
        .map(|index| {
            let start = index as f64 * period;
            let points = vec![at(start), at((start + dash).min(length))];
            Mark::Line {
                points,
                width: 2.0,
                paint: Paint(colour::LIMIT, 1.0),
            }
        })
        .collect()
}

fn samples(scene: &mut Scene, frame: &Frame, style: &Style) {
    let mut drawn = Thinned::new(1.5);
    for (index, row) in style.samples.iter().enumerate() {
        let Some((x, y)) = frame.place(row) else {
            continue;
        };
        // In a strip the height means nothing; spreading it by the golden ratio shows density.
        let y = if frame.y.is_some() {
            y
        } else {
            frame.top + frame.height * (0.1 + 0.8 * (index as f64 * 0.618_034).fract())
        };
        if drawn.is_new((x, y)) {
            let radius = if style.phone { 1.6 } else { 2.0 };
            scene.add(
                Layer::Sampled,
                Mark::Disc {
                    centre: (x, y),
                    radius,
                    paint: Paint(colour::SAMPLED, 0.4),
                },
            );
        }
    }
}

/// Draws the front and returns the pixels of its members.
fn front(scene: &mut Scene, frame: &Frame, style: &Style) -> Vec<Point> {
    let data = style.data;
    if let Some(y) = frame.y {
        let directions = (
            data.objectives[frame.x].direction,
            data.objectives[y].direction,
        );
        let pairs: Vec<(f64, f64)> = (data.front.iter())
            .map(|member| (member.values[frame.x], member.values[y]))
            .filter(|pair| drawable(pair.0) && drawable(pair.1))
            .collect();
        // What falls on the same pixel need not be drawn twice.
        let mut drawn = Thinned::new(0.5);
        let mut members = nondominated(&pairs, directions);
        members.retain(|pair| drawn.is_new(frame.project(pair.0, pair.1)));
        let corners: Vec<Point> = staircase(&members, directions)
            .iter()
            .map(|pair| frame.project(pair.0, pair.1))
            .collect();
        if let (Some(&first), Some(&last)) = (corners.first(), corners.last()) {
            // Beyond its ends the boundary goes on straight: worse budgets attain the same.
            let worst_y = if directions.1 == Direction::Minimise {
                frame.top
            } else {
                frame.top + frame.height
            };
            let worst_x = if directions.0 == Direction::Minimise {
                frame.left + frame.width
            } else {
                frame.left
            };
            for ends in [
                vec![(first.0, worst_y), first],
                vec![last, (worst_x, last.1)],
            ] {
                scene.add(
                    Layer::Front,
                    Mark::Line {
                        points: ends,
                        width: 1.25,
                        paint: Paint(colour::FRONT, 0.4),
                    },
                );
            }
            scene.add(
                Layer::Front,
                Mark::Line {
                    points: corners,
                    width: 1.5,
                    paint: Paint(colour::FRONT, 0.75),
                },
            );
        }
    }
    let radius = match data.front.len() {
        0..=60 => 3.6,
        61..=400 => 2.7,
        _ => 2.2,
    };
    let mut drawn = Thinned::new(radius / 2.0);
    let mut points = Vec::new();
    for place in data
        .front
        .iter()
        .filter_map(|member| frame.place(&member.values))
    {
        if drawn.is_new(place) {
            scene.add(
                Layer::Front,
                Mark::Disc {
                    centre: place,
                    radius,
                    paint: Paint(colour::FRONT, 1.0),
                },
            );
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
        Self {
            cell,
            seen: HashSet::new(),
        }
    }

    fn is_new(&mut self, place: Point) -> bool {
        self.seen.insert((
            (place.0 / self.cell).round() as i64,
            (place.1 / self.cell).round() as i64,
        ))
    }
}

fn empty(scene: &mut Scene, frame: &Frame, style: &Style) {
    let message = if style.data.limits.is_empty() {
        "The front is empty."
    } else {
        "No architecture keeps every limit."
    };
    let (x, y) = (
        frame.left + frame.width / 2.0,
        frame.top + frame.height / 2.0,
    );
    let size = if style.phone { 13.0 } else { 15.0 };
    let half = style.typeface.width(message, size, true) / 2.0 + 16.0;
    let plate = vec![
        (x - half, y - 20.0),
        (x + half, y - 20.0),
        (x + half, y + 20.0),
        (x - half, y + 20.0),
    ];
    scene.add(
        Layer::Words,
        Mark::Polygon {
            points: plate,
            paint: Paint(colour::PAPER, 0.9),
        },
    );
    let paint = Paint(colour::INK, 1.0);
    scene.add(
        Layer::Words,
        Mark::Text {
            at: (x, y),
            text: message.to_owned(),
            size,
            bold: true,
            anchor: Anchor::Middle,
            paint,
        },
    );
}

/// Known networks, knee and best member, each with its name beside it.
fn named(scene: &mut Scene, frame: &Frame, style: &Style, points: Vec<Point>) {
    let data = style.data;
    let mut labels: Vec<(Layer, Point, String, bool)> = Vec::new();
    let best = data
        .best_under_limit
        .and_then(|index| frame.place(&data.front[index].values));
    let knee = data
        .knee
        .and_then(|index| frame.place(&data.front[index].values));
    for (sign_kind, place) in [(Sign::Best, best), (Sign::Knee, knee)] {
        if let Some(place) = place {
            sign(sign_kind, place)
                .into_iter()
                .for_each(|mark| scene.add(Layer::Landmarks, mark));
        }
    }
    match (best, knee) {
        (Some(place), Some(_)) if data.best_under_limit == data.knee => {
            labels.push((
                Layer::Landmarks,
                place,
                format!("{}, knee", data.best_phrase()),
                true,
            ));
        }
        _ => {
            labels.extend(
                best.map(|place| (Layer::Landmarks, place, data.best_phrase().to_owned(), true)),
            );
            labels.extend(knee.map(|place| (Layer::Landmarks, place, "knee".to_owned(), true)));
        }
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
        sign(Sign::Baseline, place)
            .into_iter()
            .for_each(|mark| scene.add(Layer::Baselines, mark));
        labels.push((Layer::Baselines, place, baseline.name.clone(), false));
    }

    let size = if style.phone { 11.0 } else { 12.0 };
    let taken = labels
        .iter()
        .map(|(_, place, ..)| Rect::around(*place, 7.0))
        .collect();
    let mut placer = Placer::new(frame.rect(), taken, points);
    for (layer, place, text, bold) in labels {
        let text = style
            .typeface
            .fit(&text, size, bold, (frame.width * 0.45).min(180.0));
        let width = style.typeface.width(&text, size, bold) + 4.0;
        let rect = placer.place(place, (width, size + 4.0));
        leader(scene, layer, place, rect);
        let corners = [
            (0.0, 0.0),
            (rect.width, 0.0),
            (rect.width, rect.height),
            (0.0, rect.height),
        ];
        let plate = corners
            .iter()
            .map(|(dx, dy)| (rect.x + dx, rect.y + dy))
            .collect();
        scene.add(
            layer,
            Mark::Polygon {
                points: plate,
                paint: Paint(colour::PAPER, 0.75),
            },
        );
        let at = (rect.x + 2.0, rect.y + rect.height / 2.0);
        let paint = Paint(colour::INK, 1.0);
        scene.add(
            layer,
            Mark::Text {
                at,
                text,
                size,
                bold,
                anchor: Anchor::Start,
                paint,
            },
        );
    }
}

/// A thin line from a mark to its label where the label had to move away.
fn leader(scene: &mut Scene, layer: Layer, place: Point, label: Rect) {
    let nearest = (
        place.0.clamp(label.x, label.x + label.width),
        place.1.clamp(label.y, label.y + label.height),
    );
    if (nearest.0 - place.0).hypot(nearest.1 - place.1) > 14.0 {
        let paint = Paint(colour::MUTED, 0.7);
        scene.add(
            layer,
            Mark::Line {
                points: vec![place, nearest],
                width: 0.75,
                paint,
            },
        );
    }
}

/// The signs of the plot, also used by its legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Front,
    Sampled,
    Baseline,
    Limit,
    Knee,
    Best,
}

/// The marks of a sign centred on a point.
pub(super) fn sign(kind: Sign, centre: Point) -> Vec<Mark> {
    let disc = |radius, tone, alpha| Mark::Disc {
        centre,
        radius,
        paint: Paint(tone, alpha),
    };
    let polygon = |points, tone| Mark::Polygon {
        points,
        paint: Paint(tone, 1.0),
    };
    let diamond = |reach: f64| {
        let (x, y) = centre;
        vec![
            (x, y - reach),
            (x + reach, y),
            (x, y + reach),
            (x - reach, y),
        ]
    };
    match kind {
        Sign::Front => {
            let (x, y) = centre;
            let step = vec![
                (x - 8.0, y + 4.0),
                (x, y + 4.0),
                (x, y - 4.0),
                (x + 8.0, y - 4.0),
            ];
            vec![
                Mark::Line {
                    points: step,
                    width: 1.5,
                    paint: Paint(colour::FRONT, 0.75),
                },
                Mark::Disc {
                    centre: (x, y - 4.0),
                    radius: 3.0,
                    paint: Paint(colour::FRONT, 1.0),
                },
            ]
        }
        Sign::Sampled => vec![disc(2.6, colour::SAMPLED, 0.6)],
        Sign::Baseline => vec![
            polygon(star(centre, 9.0), colour::PAPER),
            polygon(star(centre, 7.2), colour::BASELINE),
        ],
        Sign::Limit => dashes((centre.0 - 8.0, centre.1), (centre.0 + 8.0, centre.1)),
        Sign::Knee => vec![
            polygon(diamond(8.5), colour::PAPER),
            polygon(diamond(7.0), colour::INK),
            polygon(diamond(5.6), colour::KNEE),
        ],
        Sign::Best => vec![
            disc(8.8, colour::PAPER, 1.0),
            disc(7.6, colour::BEST, 1.0),
            disc(4.2, colour::PAPER, 1.0),
        ],
    }
}

/// A five-pointed star.
fn star(centre: Point, reach: f64) -> Vec<Point> {
    (0..10)
        .map(|corner| {
            let radius = if corner % 2 == 0 { reach } else { reach * 0.42 };
            let angle = std::f64::consts::PI * (f64::from(corner) / 5.0 - 0.5);
            (
                centre.0 + radius * angle.cos(),
                centre.1 + radius * angle.sin(),
            )
        })
        .collect()
}

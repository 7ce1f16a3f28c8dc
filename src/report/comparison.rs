//! The plot of a contest: how much of the exact hypervolume each strategy has found after so many evaluations.
//! A pure function from numbers to a scene.

use serde::Serialize;

use super::ReportError;
use super::axis::Range;
use super::figure::colour;
use super::font::Typeface;
use super::number::grouped;
use super::panel::FACES_DIFFER;
use super::scene::{Anchor, Layer, Mark, Paint, Point, Scene};

/// A point on the way of several runs of one strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Station {
    /// Evaluations so far.
    pub evaluations: u64,
    /// The least share of the exact hypervolume over the runs; 1 is all of it.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The largest.
    pub high: f64,
}

/// One strategy of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its stations, by evaluations.
    pub stations: Vec<Station>,
}

/// Strategies against an exact front.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The headline.
    pub title: String,
    /// What was compared, in a sentence or two.
    pub subtitle: String,
    /// One line for each strategy.
    pub lines: Vec<Line>,
}

/// Okabe and Ito's colours, without the yellow that white paper swallows.
const COLOURS: [(u8, u8, u8); 7] = [
    colour::FRONT,
    colour::BASELINE,
    colour::BEST,
    colour::LIMIT,
    colour::KNEE,
    (0x56, 0xb4, 0xe9),
    (0x1b, 0x1f, 0x24),
];

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 22.0;
const PANEL_HEIGHT: f64 = 430.0;

/// The plot as an SVG document.
///
/// # Errors
/// [`ReportError::Font`] and [`ReportError::Draw`].
pub fn comparison_svg(comparison: &Comparison) -> Result<String, ReportError> {
    draw(comparison, &Typeface::load()?).svg(&comparison.title, &[])
}

fn draw(comparison: &Comparison, typeface: &Typeface) -> Scene {
    let mut marks: Vec<(Layer, Mark)> = Vec::new();
    let mut text = |layer, at: Point, text: String, size: f64, bold: bool, anchor, tone| {
        marks.push((layer, Mark::Text { at, text, size, bold, anchor, paint: Paint(tone, 1.0) }));
    };
    let room = WIDTH - 2.0 * MARGIN;
    let title = typeface.fit(&comparison.title, 19.0, true, room / FACES_DIFFER);
    text(Layer::Words, (MARGIN, 34.0), title, 19.0, true, Anchor::Start, colour::INK);
    let mut y = 42.0;
    for line in typeface.lines(&comparison.subtitle, 12.5, room / FACES_DIFFER) {
        y += 17.0;
        text(Layer::Words, (MARGIN, y), line, 12.5, false, Anchor::Start, colour::MUTED);
    }

    // The best at the end comes first, as the lines stand at the right edge.
    let mut order: Vec<usize> = (0..comparison.lines.len()).collect();
    let last = |i: usize| comparison.lines[i].stations.last().map_or(0.0, |station| station.median);
    order.sort_by(|&a, &b| last(b).total_cmp(&last(a)).then(a.cmp(&b)));
    let mut swatches = Vec::new();
    let mut x = MARGIN;
    y += 24.0;
    for &i in &order {
        let label = format!("{} ({:.1} %)", comparison.lines[i].name, 100.0 * last(i));
        let label = typeface.fit(&label, 12.0, false, room / 2.0);
        let width = 28.0 + typeface.width(&label, 12.0, false) * FACES_DIFFER;
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + 20.0);
        }
        swatches.push((i, (x, y)));
        text(Layer::Words, (x + 28.0, y), label, 12.0, false, Anchor::Start, colour::INK);
        x += width + 16.0;
    }

    let (left, top) = (MARGIN + 34.0, y + 46.0);
    let (right, bottom) = (WIDTH - MARGIN - 8.0, top + PANEL_HEIGHT);
    let (across, up) = ranges(&comparison.lines);
    let place = |evaluations: f64, share: f64| -> Point {
        let share = (100.0 * share).clamp(up.low, up.high);
        (left + across.fraction(evaluations) * (right - left), bottom - up.fraction(share) * PANEL_HEIGHT)
    };
    let mut grid = Vec::new();
    for tick in up.ticks(8).0 {
        let (_, y) = place(0.0, tick.value / 100.0);
        grid.push(vec![(left, y), (right, y)]);
        text(Layer::Frame, (left - 7.0, y), tick.label, 11.5, false, Anchor::End, colour::MUTED);
    }
    for tick in across.ticks(8).0 {
        let (x, _) = place(tick.value, 0.0);
        grid.push(vec![(x, top), (x, bottom)]);
        let label = grouped(&format!("{:.0}", tick.value));
        text(Layer::Frame, (x, bottom + 14.0), label, 11.5, false, Anchor::Middle, colour::MUTED);
    }
    let (name, end) = ("share of the exact hypervolume, %".to_owned(), "evaluations".to_owned());
    text(Layer::Frame, (left - 34.0, top - 17.0), name, 12.5, true, Anchor::Start, colour::INK);
    text(Layer::Frame, (left, bottom + 37.0), end, 12.5, true, Anchor::Start, colour::INK);
    let hint = "↑ more is better".to_owned();
    text(Layer::Frame, (right, top - 17.0), hint, 12.5, false, Anchor::End, colour::MUTED);

    let height = bottom + 56.0;
    let mut scene = Scene::new(WIDTH, height.ceil());
    let paper = vec![(0.0, 0.0), (WIDTH, 0.0), (WIDTH, height.ceil()), (0.0, height.ceil())];
    scene.add(Layer::Paper, Mark::Polygon { points: paper, paint: Paint(colour::PAPER, 1.0) });
    let line = |points, width, tone| Mark::Line { points, width, paint: Paint(tone, 1.0) };
    grid.into_iter().for_each(|points| scene.add(Layer::Frame, line(points, 1.0, colour::GRID)));
    scene.add(Layer::Frame, line(vec![(left, bottom), (right, bottom)], 1.0, colour::MUTED));
    for (layer, mark) in marks {
        scene.add(layer, mark);
    }
    let (_, exact) = place(0.0, 1.0);
    for mark in super::signs::dashes((left, exact), (right, exact)) {
        // Dashed as a limit is, but not in its colour, which is a strategy's here.
        if let Mark::Line { points, .. } = mark {
            scene.add(Layer::Limits, line(points, 1.5, colour::MUTED));
        }
    }
    scene.add(
        Layer::Words,
        Mark::Text {
            at: (right, exact - 10.0),
            text: "the exact front".to_owned(),
            size: 11.5,
            bold: false,
            anchor: Anchor::End,
            paint: Paint(colour::MUTED, 1.0),
        },
    );
    for &(i, (x, y)) in &swatches {
        let tone = COLOURS[i % COLOURS.len()];
        scene.add(Layer::Words, line(vec![(x, y), (x + 20.0, y)], 2.5, tone));
        let stations = &comparison.lines[i].stations;
        let edge = |value: fn(&Station) -> f64| {
            stations.iter().map(move |station| place(station.evaluations as f64, value(station)))
        };
        let band: Vec<Point> = edge(|s| s.high).chain(edge(|s| s.low).rev()).collect();
        scene.add(Layer::Sampled, Mark::Polygon { points: band, paint: Paint(tone, 0.13) });
        // What lies below the panel is not drawn along its lower edge.
        let visible = stations.iter().position(|s| 100.0 * s.median >= up.low).unwrap_or(stations.len());
        let points: Vec<Point> = edge(|s| s.median).skip(visible.saturating_sub(1)).collect();
        scene.add(Layer::Front, line(points, 2.0, tone));
    }
    scene
}

/// Evaluations from 0 to the last, and per cent from about where the slowest is after a tenth of them.
fn ranges(lines: &[Line]) -> (Range, Range) {
    let end = lines.iter().filter_map(|line| line.stations.last()).map(|s| s.evaluations).max().unwrap_or(1);
    let settled = lines.iter().flat_map(|line| &line.stations).filter(|s| s.evaluations * 10 >= end);
    let low = settled.map(|station| station.median).filter(|share| share.is_finite()).fold(0.95, f64::min);
    let low = (20.0 * low - 0.5).floor().max(0.0) * 5.0;
    (Range { low: 0.0, high: end.max(1) as f64 }, Range { low, high: 100.0 + (100.0 - low) * 0.06 })
}

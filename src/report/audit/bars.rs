//! A bar for each proxy: its rank correlation with the truth, and how sure that is.

use super::{AuditReport, tone, written};
use crate::report::figure::colour;
use crate::report::font::Typeface;
use crate::report::panel::FACES_DIFFER;
use crate::report::scene::{Anchor, Layer, Mark, Paint, Scene};

const ROW: f64 = 24.0;

/// Draws the bars, best first; for a phone narrower, and for a file with a headline and on white.
pub(super) fn draw(report: &AuditReport, typeface: &Typeface, phone: bool, file: bool) -> Scene {
    let proxies = report.order();
    let width = if phone { 380.0 } else { 960.0 };
    let names = proxies.iter().map(|proxy| typeface.width(&proxy.name, 12.5, false) * FACES_DIFFER);
    let names = names.fold(40.0, f64::max).min(if phone { 110.0 } else { 220.0 });
    let (left, right) = (names + 22.0, width - 62.0);
    let top = if file { 94.0 } else { 34.0 };
    let bottom = top + ROW * proxies.len() as f64;
    let height = bottom + 34.0;
    let mut scene = Scene::new(width, height);
    let mut add = |layer, mark| scene.add(layer, mark);
    let rectangle = |x0: f64, y0: f64, x1: f64, y1: f64| vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
    let text = |at, text: String, size, bold, anchor, tone| Mark::Text {
        at,
        text,
        size,
        bold,
        anchor,
        paint: Paint(tone, 1.0),
    };
    if file {
        add(
            Layer::Paper,
            Mark::Polygon { points: rectangle(0.0, 0.0, width, height), paint: Paint(colour::PAPER, 1.0) },
        );
        let title = typeface.fit(&report.title, 19.0, true, (width - 44.0) / FACES_DIFFER);
        add(Layer::Words, text((14.0, 28.0), title, 19.0, true, Anchor::Start, colour::INK));
    }
    // Few scores rank the wrong way round; then zero is not at the left edge.
    let ends = proxies.iter().flat_map(|proxy| {
        let (low, high) = proxy.spearman.interval.unwrap_or((0.0, 0.0));
        [low, high, proxy.spearman.value.unwrap_or(0.0)]
    });
    let low = (ends.fold(0.0_f64, f64::min) * 5.0).floor() / 5.0;
    let place = |value: f64| left + (value - low) / (1.0 - low) * (right - left);
    let steps = ((1.0 - low) * 5.0).round() as usize;
    let skip = if phone { 2 } else { 1 };
    for step in (0..=steps).filter(|step| (steps - step) % skip == 0) {
        let value = low + step as f64 / 5.0;
        let line = vec![(place(value), top), (place(value), bottom)];
        add(Layer::Frame, Mark::Line { points: line, width: 1.0, paint: Paint(colour::GRID, 1.0) });
        let label = format!("{:.1}", value + 0.0).replace('-', "−").replace("−0.0", "0.0");
        add(Layer::Frame, text((place(value), bottom + 15.0), label, 11.5, false, Anchor::Middle, colour::MUTED));
    }
    let head = format!("Spearman correlation with {}", report.truth);
    let head = typeface.fit(&head, 12.5, true, (width - 28.0) / FACES_DIFFER);
    add(Layer::Frame, text((14.0, top - 18.0), head, 12.5, true, Anchor::Start, colour::INK));
    for (at, proxy) in proxies.iter().enumerate() {
        let y = top + ROW * (at as f64 + 0.5);
        let name = typeface.fit(&proxy.name, 12.5, false, names / FACES_DIFFER + 0.5);
        add(Layer::Words, text((left - 10.0, y), name, 12.5, false, Anchor::End, colour::INK));
        let Some(value) = proxy.spearman.value else {
            let words = "not defined".to_owned();
            add(Layer::Words, text((place(0.0) + 6.0, y), words, 11.5, false, Anchor::Start, colour::MUTED));
            continue;
        };
        let bar = rectangle(place(0.0), y - 7.0, place(value), y + 7.0);
        let layer = if proxy.baseline { Layer::Baselines } else { Layer::Front };
        add(layer, Mark::Polygon { points: bar, paint: Paint(tone(proxy), 0.85) });
        if let Some((low, high)) = proxy.spearman.interval {
            let mut whisker = |points| {
                add(Layer::Words, Mark::Line { points, width: 1.5, paint: Paint(colour::INK, 1.0) });
            };
            whisker(vec![(place(low), y), (place(high), y)]);
            for end in [low, high] {
                whisker(vec![(place(end), y - 4.0), (place(end), y + 4.0)]);
            }
        }
        add(Layer::Words, text((width - 14.0, y), written(value), 12.0, false, Anchor::End, colour::INK));
    }
    let zero = vec![(place(0.0), top), (place(0.0), bottom)];
    add(Layer::Frame, Mark::Line { points: zero, width: 1.0, paint: Paint(colour::MUTED, 1.0) });
    if file {
        let mut x = 14.0;
        for (tone, words) in [(colour::FRONT, "proxies"), (colour::BASELINE, "baselines, to be beaten")] {
            let sign = rectangle(x, 45.0, x + 12.0, 55.0);
            add(Layer::Words, Mark::Polygon { points: sign, paint: Paint(tone, 0.85) });
            add(Layer::Words, text((x + 18.0, 50.0), words.to_owned(), 12.0, false, Anchor::Start, colour::INK));
            x += 36.0 + typeface.width(words, 12.0, false) * FACES_DIFFER;
        }
    }
    scene
}

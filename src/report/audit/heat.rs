//! A field for each proxy and quantity: how far the score goes along with depth, width and cost.

use super::{AuditReport, written};
use crate::report::figure::colour;
use crate::report::font::Typeface;
use crate::report::panel::FACES_DIFFER;
use crate::report::scene::{Anchor, Layer, Mark, Paint, Scene};

const ROW: f64 = 26.0;
/// The deepest tint that still carries dark and light text.
const DEEPEST: f64 = 0.6;

/// Draws the fields; for a phone narrower, and for a file with a headline and on white.
pub(super) fn draw(report: &AuditReport, typeface: &Typeface, phone: bool, file: bool) -> Scene {
    let proxies = report.order();
    let mut heads = vec![report.truth.clone()];
    heads.extend(report.quantities.iter().cloned());
    let names = proxies.iter().map(|proxy| typeface.width(&proxy.name, 12.5, false) * FACES_DIFFER);
    let names = names.fold(40.0, f64::max).min(if phone { 92.0 } else { 220.0 });
    let width = if phone { 380.0 } else { 960.0 };
    let left = names + 22.0;
    let column = ((width - left - 14.0) / heads.len() as f64).min(120.0);
    let top = if file { 76.0 } else { 30.0 };
    let height = top + ROW * proxies.len() as f64 + 14.0;
    let mut scene = Scene::new(width, height);
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
        let paper = rectangle(0.0, 0.0, width, height);
        scene.add(Layer::Paper, Mark::Polygon { points: paper, paint: Paint(colour::PAPER, 1.0) });
        let title = format!("What the scores go along with: {}", report.title);
        let title = typeface.fit(&title, 19.0, true, (width - 44.0) / FACES_DIFFER);
        scene.add(Layer::Words, text((14.0, 28.0), title, 19.0, true, Anchor::Start, colour::INK));
    }
    for (at, head) in heads.iter().enumerate() {
        let x = left + column * (at as f64 + 0.5);
        let size = if phone { 11.0 } else { 12.5 };
        let head = typeface.fit(head, size, true, (column - 4.0) / FACES_DIFFER);
        scene.add(Layer::Frame, text((x, top - 14.0), head, size, true, Anchor::Middle, colour::INK));
    }
    for (row, proxy) in proxies.iter().enumerate() {
        let y = top + ROW * row as f64;
        let name = typeface.fit(&proxy.name, 12.5, false, names / FACES_DIFFER + 0.5);
        scene.add(Layer::Words, text((left - 10.0, y + ROW / 2.0), name, 12.5, false, Anchor::End, colour::INK));
        let values = std::iter::once(proxy.spearman.value).chain(proxy.bias.iter().copied());
        for (at, value) in values.enumerate() {
            let x = left + column * at as f64;
            let middle = (x + column / 2.0, y + ROW / 2.0);
            let Some(value) = value else {
                scene.add(Layer::Words, text(middle, "–".to_owned(), 12.0, false, Anchor::Middle, colour::MUTED));
                continue;
            };
            let tone = if value < 0.0 { colour::BASELINE } else { colour::FRONT };
            let field = rectangle(x + 1.0, y + 1.0, x + column - 1.0, y + ROW - 1.0);
            let paint = Paint(tone, (value.abs() * DEEPEST * 20.0).round() / 20.0);
            scene.add(Layer::Front, Mark::Polygon { points: field, paint });
            scene.add(Layer::Words, text(middle, written(value), 12.0, false, Anchor::Middle, colour::INK));
        }
    }
    scene
}

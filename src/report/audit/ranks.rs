//! The truth of each distinct network against the rank of its score: points where there are few, and the share of
//! networks in each field where points would cover each other.

use super::{AuditProxy, AuditReport, tone, written};
use crate::report::axis::Range;
use crate::report::figure::colour;
use crate::report::font::Typeface;
use crate::report::panel::FACES_DIFFER;
use crate::report::scene::{Anchor, Layer, Mark, Paint, Point, Scene};

/// More networks than this are counted by field.
const POINTS: usize = 300;
/// Fields across and up.
const FIELDS: (usize, usize) = (44, 30);
/// Shades of a field.
const SHADES: f64 = 8.0;

/// Size of a panel with its axes.
pub(super) const PANEL: (f64, f64) = (310.0, 240.0);
const COLUMNS: usize = 3;

/// All panels as one drawing with a headline.
pub(super) fn sheet(report: &AuditReport, typeface: &Typeface) -> Scene {
    let proxies = report.order();
    let (width, top) = (COLUMNS as f64 * PANEL.0 + 30.0, 52.0);
    let height = top + proxies.len().div_ceil(COLUMNS) as f64 * PANEL.1 + 10.0;
    let mut scene = Scene::new(width, height);
    let paper = vec![(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
    scene.add(Layer::Paper, Mark::Polygon { points: paper, paint: Paint(colour::PAPER, 1.0) });
    let title = typeface.fit(&report.title, 19.0, true, (width - 44.0) / FACES_DIFFER);
    let paint = Paint(colour::INK, 1.0);
    scene.add(
        Layer::Words,
        Mark::Text { at: (14.0, 28.0), text: title, size: 19.0, bold: true, anchor: Anchor::Start, paint },
    );
    for (at, proxy) in proxies.into_iter().enumerate() {
        let corner = (15.0 + (at % COLUMNS) as f64 * PANEL.0, top + (at / COLUMNS) as f64 * PANEL.1);
        draw(&mut scene, corner, report, proxy, typeface);
    }
    scene
}

/// The panel of a proxy.
pub(super) fn panel(report: &AuditReport, proxy: &AuditProxy, typeface: &Typeface) -> Scene {
    let mut scene = Scene::new(PANEL.0, PANEL.1);
    draw(&mut scene, (0.0, 0.0), report, proxy, typeface);
    scene
}

fn draw(scene: &mut Scene, corner: Point, report: &AuditReport, proxy: &AuditProxy, typeface: &Typeface) {
    let (left, top) = (corner.0 + 44.0, corner.1 + 34.0);
    let (right, bottom) = (corner.0 + PANEL.0 - 10.0, corner.1 + PANEL.1 - 38.0);
    let truth = Range::around(&[], &[], &report.truths);
    let place = |rank: f64, value: f64| (left + rank * (right - left), bottom - truth.fraction(value) * (bottom - top));
    let mut text = |at, text: String, size, bold, anchor, tone| {
        scene.add(Layer::Frame, Mark::Text { at, text, size, bold, anchor, paint: Paint(tone, 1.0) });
    };
    let value = proxy.spearman.value.map_or("not defined".to_owned(), written);
    let room = (right - corner.0 - 90.0) / FACES_DIFFER;
    let name = typeface.fit(&proxy.name, 13.0, true, room);
    text((corner.0 + 6.0, corner.1 + 16.0), name, 13.0, true, Anchor::Start, colour::INK);
    text((right, corner.1 + 16.0), value, 12.0, false, Anchor::End, colour::MUTED);
    let mut lines = vec![];
    for tick in truth.ticks(4).0 {
        let (_, y) = place(0.0, tick.value);
        lines.push((vec![(left, y), (right, y)], colour::GRID));
        text((left - 6.0, y), tick.label, 11.0, false, Anchor::End, colour::MUTED);
    }
    lines.push((vec![(left, bottom), (right, bottom)], colour::MUTED));
    text((left, bottom + 13.0), "lowest".to_owned(), 11.0, false, Anchor::Start, colour::MUTED);
    text(
        ((left + right) / 2.0, bottom + 13.0),
        "rank of the score".to_owned(),
        11.0,
        false,
        Anchor::Middle,
        colour::MUTED,
    );
    text((right, bottom + 13.0), "highest".to_owned(), 11.0, false, Anchor::End, colour::MUTED);
    for (points, tone) in lines {
        scene.add(Layer::Frame, Mark::Line { points, width: 1.0, paint: Paint(tone, 1.0) });
    }
    let points: Vec<(f64, f64)> = (ranked(&proxy.scores).into_iter().zip(&report.truths))
        .filter_map(|(rank, &truth)| Some((rank?, truth)))
        .filter(|(_, value)| truth.contains(*value))
        .collect();
    if points.len() <= POINTS {
        for (rank, value) in points {
            let paint = Paint(tone(proxy), 0.6);
            scene.add(Layer::Front, Mark::Disc { centre: place(rank, value), radius: 2.5, paint });
        }
        return;
    }
    let mut counts = vec![0_u32; FIELDS.0 * FIELDS.1];
    for (rank, value) in &points {
        let cell = |share: f64, fields: usize| ((share * fields as f64) as usize).min(fields - 1);
        counts[cell(truth.fraction(*value), FIELDS.1) * FIELDS.0 + cell(*rank, FIELDS.0)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    for (at, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (across, up) = ((at % FIELDS.0) as f64 / FIELDS.0 as f64, (at / FIELDS.0) as f64 / FIELDS.1 as f64);
        let (x0, y1) = (left + across * (right - left), bottom - up * (bottom - top));
        let (x1, y0) = (x0 + (right - left) / FIELDS.0 as f64, y1 - (bottom - top) / FIELDS.1 as f64);
        // The square root keeps lone networks visible beside crowds.
        let shade = (f64::from(count) / f64::from(most)).sqrt().mul_add(SHADES, 0.5).ceil().min(SHADES) / SHADES;
        let points = vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
        scene.add(Layer::Front, Mark::Polygon { points, paint: Paint(tone(proxy), 0.12 + 0.88 * shade) });
    }
}

/// The rank of each score from 0 to 1, equal scores in the middle of their places; nothing where there is no number.
fn ranked(scores: &[f64]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&at| scores[at].is_finite()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let last = order.len().saturating_sub(1).max(1) as f64;
    let mut ranks = vec![None; scores.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let middle = (before as f64 + (tied.len() as f64 - 1.0) / 2.0) / last;
        tied.iter().for_each(|&at| ranks[at] = Some(middle));
        before += tied.len();
    }
    ranks
}

//! Placing labels beside their marks so that they cover neither each other nor
//! the marks, as far as there is room.

use super::scene::Point;

/// An upright rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    /// Left edge.
    pub(super) x: f64,
    /// Upper edge.
    pub(super) y: f64,
    /// Width.
    pub(super) width: f64,
    /// Height.
    pub(super) height: f64,
}

impl Rect {
    /// The part of its area that `other` covers, in square pixels.
    fn overlap(self, other: Self) -> f64 {
        let along = |a: f64, b: f64, c: f64, d: f64| (b.min(d) - a.max(c)).max(0.0);
        along(self.x, self.x + self.width, other.x, other.x + other.width)
            * along(self.y, self.y + self.height, other.y, other.y + other.height)
    }

    /// A square of half-width `reach` around `centre`.
    pub(super) fn around(centre: Point, reach: f64) -> Self {
        Self { x: centre.0 - reach, y: centre.1 - reach, width: 2.0 * reach, height: 2.0 * reach }
    }
}

/// Finds places for labels one after the other.
pub(super) struct Placer {
    room: Rect,
    taken: Vec<Rect>,
    points: Vec<Point>,
}

impl Placer {
    /// Labels stay within `room`, keep off `taken`, and avoid `points` where they can.
    pub(super) fn new(room: Rect, taken: Vec<Rect>, points: Vec<Point>) -> Self {
        Self { room, taken, points }
    }

    /// The rectangle for a label of `size` beside a mark at `anchor`, now taken.
    /// Near places come first; a place two labels away is better than an overlap.
    pub(super) fn place(&mut self, anchor: Point, size: (f64, f64)) -> Rect {
        let (width, height) = size;
        let mut best: Option<(f64, Rect)> = None;
        for ring in 0..5 {
            let gap = 12.0 + 13.0 * f64::from(ring);
            let side = [
                (gap, -height / 2.0),
                (-gap - width, -height / 2.0),
                (gap * 0.7, -gap * 0.7 - height),
                (gap * 0.7, gap * 0.7),
                (-gap * 0.7 - width, -gap * 0.7 - height),
                (-gap * 0.7 - width, gap * 0.7),
                (-width / 2.0, -gap - height),
                (-width / 2.0, gap),
            ];
            for (preference, (dx, dy)) in side.into_iter().enumerate() {
                let rect = Rect { x: anchor.0 + dx, y: anchor.1 + dy, width, height };
                let cost = self.cost(rect) + f64::from(ring) * 14.0 + preference as f64;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, rect));
                }
            }
        }
        let (_, mut rect) = best.unwrap_or((0.0, Rect { x: anchor.0, y: anchor.1, width, height }));
        rect.x = rect.x.min(self.room.x + self.room.width - width).max(self.room.x);
        rect.y = rect.y.min(self.room.y + self.room.height - height).max(self.room.y);
        self.taken.push(rect);
        rect
    }

    fn cost(&self, rect: Rect) -> f64 {
        let outside = rect.width * rect.height - rect.overlap(self.room);
        let covered: f64 = self.taken.iter().map(|other| rect.overlap(*other)).sum();
        let hidden = self.points.iter().filter(|point| rect.overlap(Rect::around(**point, 1.5)) > 0.0).count();
        10.0 * outside + 10.0 * covered + 6.0 * hidden as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_crowded_marks_do_not_overlap() {
        let room = Rect { x: 0.0, y: 0.0, width: 600.0, height: 400.0 };
        let marks: Vec<Point> = (0..8).map(|i| (300.0 + f64::from(i), 200.0 - f64::from(i) * 2.0)).collect();
        let stars = marks.iter().map(|mark| Rect::around(*mark, 7.0)).collect();
        let mut placer = Placer::new(room, stars, Vec::new());
        let placed: Vec<Rect> = marks.iter().map(|mark| placer.place(*mark, (90.0, 14.0))).collect();
        for (index, rect) in placed.iter().enumerate() {
            assert!(rect.x >= 0.0 && rect.x + rect.width <= 600.0);
            for other in &placed[..index] {
                assert_eq!(rect.overlap(*other), 0.0, "{rect:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_label_in_a_corner_stays_inside() {
        let room = Rect { x: 0.0, y: 0.0, width: 200.0, height: 100.0 };
        let rect = Placer::new(room, Vec::new(), Vec::new()).place((199.0, 1.0), (80.0, 14.0));
        assert!(rect.x >= 0.0 && rect.x + rect.width <= 200.0 && rect.y >= 0.0, "{rect:?}");
    }
}

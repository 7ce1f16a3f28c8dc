//! The non-dominated filter: which of many points form the front.
//! Two and three objectives take O(n log n) by sorting and sweeping (Kung, Luccio & Preparata, 1975);
//! more compare each point with the front found so far.

use std::cmp::Ordering;

use super::weakly_dominates;

/// Indices, ascending, of the points that no other point dominates.
///
/// Of equal points the first is kept. Points that hold a NaN are left out.
pub fn non_dominated<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..points.len()).filter(|&i| points[i].as_ref().iter().all(|value| !value.is_nan())).collect();
    // In lexicographic order nothing is dominated by what comes after it, so one pass decides.
    order.sort_by(|&a, &b| lexicographic(points[a].as_ref(), points[b].as_ref()).then(a.cmp(&b)));
    let objectives = order.first().map_or(0, |&i| points[i].as_ref().len());
    let mut front = Vec::new();
    match objectives {
        0 => front.extend(order.first()),
        1 | 2 => {
            let mut best = None;
            for i in order {
                let last = points[i].as_ref()[objectives - 1];
                if best.is_none_or(|b| last < b) {
                    best = Some(last);
                    front.push(i);
                    if objectives == 1 {
                        break;
                    }
                }
            }
        }
        3 => {
            let mut stairs = Staircase::default();
            front.extend(order.into_iter().filter(|&i| {
                let point = points[i].as_ref();
                stairs.insert(point[1], point[2])
            }));
        }
        _ => {
            for i in order {
                let point = points[i].as_ref();
                if !front.iter().any(|&j: &usize| weakly_dominates(points[j].as_ref(), point)) {
                    front.push(i);
                }
            }
        }
    }
    front.sort_unstable();
    front
}

/// Lexicographic order of two points without NaN; `-0.0` equals `0.0`, as dominance has it.
pub(super) fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

/// A two-dimensional front that grows: sorted by the first value, so the second falls.
#[derive(Default)]
pub(super) struct Staircase {
    steps: Vec<(f64, f64)>,
}

impl Staircase {
    /// Adds a step unless one at least as good in both values is there; says whether it was added.
    pub(super) fn insert(&mut self, y: f64, z: f64) -> bool {
        // Everything before `after` has a value of at most y; the last of them has the smallest z.
        let after = self.steps.partition_point(|step| step.0 <= y);
        if after > 0 && self.steps[after - 1].1 <= z {
            return false;
        }
        let start = if after > 0 && self.steps[after - 1].0 == y { after - 1 } else { after };
        let end = start + self.steps[start..].partition_point(|step| step.1 >= z);
        self.steps.splice(start..end, [(y, z)]);
        true
    }
}

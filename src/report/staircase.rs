//! The attained boundary of a two-objective front. Between two members nothing
//! was attained, so the boundary is a staircase and never a slope.

use super::Direction;

/// Members of `points` that no other point beats in both coordinates, best
/// first coordinate first, equal points once.
pub(super) fn nondominated(points: &[(f64, f64)], directions: (Direction, Direction)) -> Vec<(f64, f64)> {
    let costs = |&(x, y): &(f64, f64)| (directions.0.cost(x), directions.1.cost(y));
    let mut sorted: Vec<(f64, f64)> = points.to_vec();
    sorted.sort_by(|a, b| {
        let (a, b) = (costs(a), costs(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let mut best = f64::INFINITY;
    sorted.retain(|point| {
        let second = costs(point).1;
        let keep = second < best;
        best = best.min(second);
        keep
    });
    sorted
}

/// The corners of the staircase through the non-dominated of `points`: from each
/// member along the first axis to the next one's budget, then along the second.
pub(super) fn staircase(points: &[(f64, f64)], directions: (Direction, Direction)) -> Vec<(f64, f64)> {
    let members = nondominated(points, directions);
    let mut corners = Vec::with_capacity(2 * members.len());
    for member in members {
        if let Some(&(_, y)) = corners.last() {
            corners.push((member.0, y));
        }
        corners.push(member);
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn direction() -> impl Strategy<Value = Direction> {
        prop_oneof![Just(Direction::Minimise), Just(Direction::Maximise)]
    }

    proptest! {
        #[test]
        fn is_monotone_axis_parallel_and_never_better_than_what_was_attained(
            points in prop::collection::vec((-9i32..9, -9i32..9), 0..40),
            first in direction(),
            second in direction(),
        ) {
            let points: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x.into(), y.into())).collect();
            let corners = staircase(&points, (first, second));
            prop_assert_eq!(corners.is_empty(), points.is_empty());
            for pair in corners.windows(2) {
                let (dx, dy) = (
                    first.cost(pair[1].0) - first.cost(pair[0].0),
                    second.cost(pair[1].1) - second.cost(pair[0].1),
                );
                prop_assert!(dx >= 0.0 && dy <= 0.0, "rises");
                prop_assert!((dx == 0.0) != (dy == 0.0), "a slope or a repeated corner");
            }
            for corner in &corners {
                let attained = points.iter().any(|p| {
                    first.cost(p.0) <= first.cost(corner.0) && second.cost(p.1) <= second.cost(corner.1)
                });
                prop_assert!(attained, "{:?} promises more than any point gives", corner);
            }
            for point in &points {
                let inside = corners.iter().any(|c| {
                    first.cost(c.0) <= first.cost(point.0) && second.cost(c.1) <= second.cost(point.1)
                });
                prop_assert!(inside, "{:?} lies beyond the staircase", point);
            }
        }
    }
}

//! Exact hypervolume: the volume that a set of points dominates up to a reference point.
//! Two objectives by a sweep, three by a sweep over a staircase, more by WFG with slicing
//! (While, Bradstreet & Barone, *A Fast Way of Calculating Exact Hypervolumes*, 2012).

use super::filter::lexicographic;
use super::non_dominated;

/// Volume dominated by `points` within the box that ends at `reference`, all objectives minimised.
///
/// Points that are not below the reference in every objective add nothing.
///
/// # Units
/// The product of the units of the objectives.
pub fn hypervolume<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> f64 {
    let inside: Vec<Vec<f64>> = points
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| p.len() == reference.len() && p.iter().zip(reference).all(|(x, r)| x < r))
        .map(<[f64]>::to_vec)
        .collect();
    if inside.is_empty() || reference.is_empty() { 0.0 } else { volume(inside, reference) }
}

/// The hypervolume of at least one point, each of them strictly inside the box.
fn volume(points: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    match *reference {
        [r] => r - points.iter().fold(f64::INFINITY, |best, p| best.min(p[0])),
        [x, y] => sweep_2d(points, [x, y]),
        [x, y, z] => sweep_3d(points, [x, y, z]),
        _ => wfg(points, reference),
    }
}

fn sweep_2d(mut points: Vec<Vec<f64>>, reference: [f64; 2]) -> f64 {
    points.sort_by(|a, b| lexicographic(a, b));
    let (mut area, mut floor) = (0.0, reference[1]);
    for p in &points {
        if p[1] < floor {
            area += (reference[0] - p[0]) * (floor - p[1]);
            floor = p[1];
        }
    }
    area
}

/// Moves a plane up the third objective; below it stands the area of a staircase in the first two.
fn sweep_3d(mut points: Vec<Vec<f64>>, reference: [f64; 3]) -> f64 {
    points.sort_by(|a, b| a[2].total_cmp(&b[2]));
    let mut steps: Vec<(f64, f64)> = Vec::new();
    let (mut volume, mut area) = (0.0, 0.0);
    for (i, p) in points.iter().enumerate() {
        area += add_step(&mut steps, (p[0], p[1]), (reference[0], reference[1]));
        let next = points.get(i + 1).map_or(reference[2], |q| q[2]);
        volume += area * (next - p[2]);
    }
    volume
}

/// Adds a step to a staircase (x rises, y falls) and returns the area that it gains.
fn add_step(steps: &mut Vec<(f64, f64)>, (x, y): (f64, f64), corner: (f64, f64)) -> f64 {
    let start = steps.partition_point(|step| step.0 < x);
    let mut ceiling = if start > 0 { steps[start - 1].1 } else { corner.1 };
    if ceiling <= y || steps.get(start).is_some_and(|s| s.0 == x && s.1 <= y) {
        return 0.0;
    }
    let end = start + steps[start..].partition_point(|step| step.1 >= y);
    let (mut gained, mut left) = (0.0, x);
    for &(step_x, step_y) in &steps[start..end] {
        gained += (step_x - left) * (ceiling - y);
        (left, ceiling) = (step_x, step_y);
    }
    let right = steps.get(end).map_or(corner.0, |step| step.0);
    gained += (right - left) * (ceiling - y);
    steps.splice(start..end, [(x, y)]);
    gained
}

/// Sum of exclusive hypervolumes. With the points sorted worst first in the last objective, what a
/// point shares with its successors lies in one slice, so each term is one dimension smaller.
fn wfg(points: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    let last = reference.len() - 1;
    let mut front: Vec<Vec<f64>> = non_dominated(&points).into_iter().map(|i| points[i].clone()).collect();
    front.sort_by(|a, b| b[last].total_cmp(&a[last]));
    let base = &reference[..last];
    let mut total = 0.0;
    for (i, p) in front.iter().enumerate() {
        let own: f64 = p.iter().zip(base).map(|(x, r)| r - x).product();
        let shared: Vec<Vec<f64>> =
            front[i + 1..].iter().map(|q| q[..last].iter().zip(p).map(|(a, b)| a.max(*b)).collect()).collect();
        let shared = if shared.is_empty() { 0.0 } else { volume(shared, base) };
        total += (reference[last] - p[last]) * (own - shared);
    }
    total
}

//! Non-dominated sorting: a point's rank is the number of fronts to be peeled off before it is on the front itself.
//! Two objectives take O(n log n) (Jensen, 2003); more use efficient non-dominated sorting with binary search
//! (Zhang, Tian, Cheng & Jin, *An Efficient Approach to Nondominated Sorting for Evolutionary Multiobjective Optimization*, 2015).

use super::dominates;
use super::filter::lexicographic;

/// The rank of every point, 0 for those that nothing dominates.
///
/// Equal points share a rank. Points that hold a NaN come last, in a rank of their own.
pub fn ranks<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let (mut order, unordered): (Vec<usize>, Vec<usize>) =
        (0..points.len()).partition(|&i| points[i].as_ref().iter().all(|value| !value.is_nan()));
    // In lexicographic order nothing is dominated by what comes after it, so each point's rank is final at once.
    order.sort_by(|&a, &b| lexicographic(points[a].as_ref(), points[b].as_ref()));
    let mut ranks = vec![0; points.len()];
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    let mut previous: Option<usize> = None;
    for i in order {
        let point = points[i].as_ref();
        let rank = match previous {
            Some(twin) if points[twin].as_ref() == point => ranks[twin],
            // Who is dominated from a front is dominated from every better one, so the border can be bisected.
            _ => fronts.partition_point(|front| reaches(points, front, point)),
        };
        match fronts.get_mut(rank) {
            Some(front) => front.push(i),
            None => fronts.push(vec![i]),
        }
        ranks[i] = rank;
        previous = Some(i);
    }
    for i in unordered {
        ranks[i] = fronts.len();
    }
    ranks
}

/// Whether a member of `front`, filled in lexicographic order, dominates `point`, which comes later and equals none.
fn reaches<P: AsRef<[f64]>>(points: &[P], front: &[usize], point: &[f64]) -> bool {
    match point.len() {
        // The last member has the smallest second value of its front: with two objectives it answers for all of them.
        0..=2 => front.last().is_some_and(|&last| dominates(points[last].as_ref(), point)),
        // The latest ones are nearest in the first objective, and most likely to dominate.
        _ => front.iter().rev().any(|&other| dominates(points[other].as_ref(), point)),
    }
}

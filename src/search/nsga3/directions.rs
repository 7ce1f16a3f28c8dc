//! Reference directions: points spread evenly over the simplex of all weightings of the objectives.
//! Das & Dennis, *Normal-Boundary Intersection*, 1998, in one layer or two as in Deb & Jain, 2014, section IV.B.

/// At most `wanted` directions over `objectives`, each of which sums to 1; but never fewer than one for each objective.
///
/// They stand on a grid that divides each edge of the simplex as finely as `wanted` allows. A grid so coarse that it has no
/// point inside, with fewer divisions than objectives, gets a second layer at half the size around the centre.
pub fn directions(objectives: usize, wanted: usize) -> Vec<Vec<f64>> {
    if objectives < 2 {
        return vec![vec![1.0; objectives]];
    }
    let mut outer = 1;
    while grid_size(objectives, outer + 1) <= wanted {
        outer += 1;
    }
    if outer >= objectives {
        return grid(objectives, outer);
    }
    let fits = |outer: usize, inner: usize| grid_size(objectives, outer) + grid_size(objectives, inner) <= wanted;
    let layers = (1..=outer).rev().find_map(|outer| {
        let inner = (1..=outer).rev().find(|&inner| (inner < outer || outer == 1) && fits(outer, inner))?;
        Some((outer, inner))
    });
    let Some((outer, inner)) = layers else {
        return grid(objectives, outer);
    };
    let centre = 1.0 / objectives as f64;
    let mut both = grid(objectives, outer);
    both.extend(
        grid(objectives, inner)
            .into_iter()
            .map(|point| point.into_iter().map(|weight| (weight + centre) / 2.0).collect::<Vec<_>>()),
    );
    both
}

/// Points of a grid with so many divisions: (divisions + objectives − 1) over divisions.
fn grid_size(objectives: usize, divisions: usize) -> usize {
    (1..objectives).fold(1_usize, |size, i| size.saturating_mul(divisions + i) / i)
}

fn grid(objectives: usize, divisions: usize) -> Vec<Vec<f64>> {
    let mut points = Vec::new();
    fill(&mut Vec::with_capacity(objectives), objectives, divisions, divisions, &mut points);
    points
}

/// Every way to share `left` of `divisions` among the objectives that `point` lacks.
fn fill(point: &mut Vec<f64>, objectives: usize, left: usize, divisions: usize, points: &mut Vec<Vec<f64>>) {
    let shares = if point.len() + 1 == objectives { left..=left } else { 0..=left };
    for share in shares {
        point.push(share as f64 / divisions as f64);
        if point.len() == objectives {
            points.push(point.clone());
        } else {
            fill(point, objectives, left - share, divisions, points);
        }
        point.pop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Deb & Jain, 2014, table I; and what this program's usual populations get.
    #[test]
    fn counts_are_those_of_the_paper() {
        for (objectives, wanted, count) in [
            (3, 92, 91),
            (5, 212, 210),
            (8, 156, 156),
            (10, 276, 275),
            (15, 136, 135),
            (1, 50, 1),
            (2, 50, 50),
            (4, 50, 35),
            (5, 50, 50),
            (6, 3, 6),
        ] {
            let found = directions(objectives, wanted);
            assert_eq!(found.len(), count, "{objectives} objectives, {wanted} wanted");
        }
    }

    #[test]
    fn directions_are_distinct_weightings_with_the_corners_among_them() {
        for objectives in 2..=8 {
            for wanted in [10, 50, 100, 300] {
                let found = directions(objectives, wanted);
                assert!(found.len() <= wanted.max(objectives));
                for (i, direction) in found.iter().enumerate() {
                    assert!((direction.iter().sum::<f64>() - 1.0).abs() < 1e-12 && direction.iter().all(|&w| w >= 0.0));
                    let apart = |other: &Vec<f64>| direction.iter().zip(other).any(|(a, b)| (a - b).abs() > 1e-9);
                    assert!(found[i + 1..].iter().all(apart), "{direction:?} twice");
                }
                for axis in 0..objectives {
                    assert!(found.iter().any(|direction| direction[axis] == 1.0));
                }
                // Something lies inside wherever there is room for a second layer.
                if wanted >= 2 * objectives {
                    assert!(found.iter().any(|direction| direction.iter().all(|&w| w > 0.0)), "{objectives}, {wanted}");
                }
            }
        }
    }
}

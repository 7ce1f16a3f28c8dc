//! Who stays where not all can, by hand; the rest is in `tests/many_objectives.rs`.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;

use super::*;

fn members(points: &[[f64; 2]]) -> Vec<Member<()>> {
    let member = |(id, point): (usize, &[f64; 2])| Member {
        id: id as u64,
        genotype: (),
        outcome: Outcome::Complete { objectives: point.to_vec() },
    };
    points.iter().enumerate().map(member).collect()
}

/// Indices that stay of a front of which `kept` are sure to.
fn stay(points: &[[f64; 2]], kept: &[usize], free: usize, directions: &[Vec<f64>], seed: u64) -> Vec<usize> {
    let front: Vec<usize> = (0..points.len()).filter(|i| !kept.contains(i)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut found = spread(&members(points), kept, &front, free, directions, &mut Normaliser::default(), &mut rng);
    found.sort_unstable();
    found
}

#[test]
fn each_direction_keeps_whom_it_passes_nearest() {
    // Along x + y = 10: the ends, the middle, and others between them.
    let points = [[0.0, 10.0], [0.9, 9.1], [4.9, 5.1], [4.0, 6.0], [6.2, 3.8], [9.0, 1.0], [10.0, 0.0]];
    for seed in 0..20 {
        assert_eq!(stay(&points, &[], 3, &directions(2, 3), seed), [0, 2, 6]);
    }
}

#[test]
fn directions_that_are_served_already_come_last() {
    let points = [[0.0, 10.0], [10.0, 0.0], [0.5, 9.5], [9.6, 0.4], [5.5, 4.5]];
    for seed in 0..20 {
        assert_eq!(stay(&points, &[0, 1], 1, &directions(2, 3), seed), [4]);
    }
}

#[test]
fn twins_wait_until_everyone_else_has_a_place() {
    let points = [[5.0, 5.0], [5.0, 5.0], [5.0, 5.0], [0.0, 10.0], [4.0, 6.0], [10.0, 0.0]];
    for seed in 0..20 {
        let found = stay(&points, &[], 4, &directions(2, 3), seed);
        assert_eq!(found[found.len() - 3..], [3, 4, 5]);
        assert_eq!(stay(&points, &[], 5, &directions(2, 3), seed).len(), 5);
    }
}

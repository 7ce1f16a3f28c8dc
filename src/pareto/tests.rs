//! Fronts against brute force, hypervolumes against other programs and other formulas.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::*;

type Points = Vec<Vec<f64>>;

/// Points on a grid coarse enough to make ties, with `k` objectives from 1 to 5.
fn points(least: usize, most: usize) -> impl Strategy<Value = Points> {
    (1usize..=5).prop_flat_map(move |k| {
        let point = prop::collection::vec((0i32..8).prop_map(|x| f64::from(x) / 8.0), k);
        prop::collection::vec(point, least..=most)
    })
}

/// Inclusion and exclusion over all subsets of the boxes.
fn by_inclusion_exclusion(points: &Points, reference: &[f64]) -> f64 {
    let subset = |mask: u32| {
        let chosen: Vec<&Vec<f64>> =
            points.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, p)| p).collect();
        let corner = |j: usize| chosen.iter().map(|p| p[j]).fold(f64::MIN, f64::max);
        let shared: f64 = reference.iter().enumerate().map(|(j, r)| (r - corner(j)).max(0.0)).product();
        if chosen.len() % 2 == 1 { shared } else { -shared }
    };
    (1..1u32 << points.len()).map(subset).sum()
}

proptest! {
    #[test]
    fn the_front_is_what_comparing_all_pairs_finds(points in points(0, 40)) {
        let brute: Vec<usize> = (0..points.len())
            .filter(|&i| {
                let beaten = points.iter().any(|q| dominates(q, &points[i]));
                !beaten && !points[..i].contains(&points[i])
            })
            .collect();
        prop_assert_eq!(non_dominated(&points), brute);
    }

    #[test]
    fn ranks_are_what_peeling_off_fronts_finds(points in points(0, 60)) {
        let mut expected = vec![0; points.len()];
        let mut left: Vec<usize> = (0..points.len()).collect();
        for rank in 0.. {
            let beaten = |&i: &usize| left.iter().any(|&j| dominates(&points[j], &points[i]));
            let front: Vec<usize> = left.iter().copied().filter(|i| !beaten(i)).collect();
            if front.is_empty() {
                break;
            }
            left.retain(|i| !front.contains(i));
            front.into_iter().for_each(|i| expected[i] = rank);
        }
        prop_assert_eq!(ranks(&points), expected);
    }

    #[test]
    fn hypervolume_equals_inclusion_and_exclusion(points in points(1, 9)) {
        let reference = vec![1.0; points[0].len()];
        let (ours, theirs) = (hypervolume(&points, &reference), by_inclusion_exclusion(&points, &reference));
        prop_assert!((ours - theirs).abs() < 1e-12, "{} against {}", ours, theirs);
    }

    #[test]
    fn hypervolume_ignores_order_and_dominated_points_and_never_falls(points in points(2, 30), seed in 0u64..1000) {
        let reference = vec![1.0; points[0].len()];
        let all = hypervolume(&points, &reference);
        let mut shuffled = points.clone();
        rand::seq::SliceRandom::shuffle(&mut shuffled[..], &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert!((hypervolume(&shuffled, &reference) - all).abs() < 1e-12);
        let front: Points = non_dominated(&points).into_iter().map(|i| points[i].clone()).collect();
        prop_assert!((hypervolume(&front, &reference) - all).abs() < 1e-12);
        prop_assert!(hypervolume(&points[1..], &reference) <= all + 1e-12);
    }

    #[test]
    fn a_choice_keeps_the_extremes_and_states_its_gap(points in points(1, 40), k in 1usize..12) {
        let front: Points = non_dominated(&points).into_iter().map(|i| points[i].clone()).collect();
        let chosen = top_k(&front, k);
        prop_assert_eq!(chosen.indices.len(), k.min(front.len()));
        prop_assert!(chosen.indices.is_sorted());
        prop_assert!((gap_of(&front, &chosen.indices) - chosen.gap).abs() < 1e-12);
        let objectives = front[0].len();
        if k >= objectives {
            let (low, _) = bounds(&front).unwrap();
            for (j, least) in low.iter().enumerate() {
                prop_assert!(chosen.indices.iter().any(|&i| front[i][j] == *least));
            }
        }
    }

    #[test]
    fn with_two_objectives_no_choice_of_as_many_points_leaves_a_smaller_gap(
        points in prop::collection::vec(prop::collection::vec(0.0f64..1.0, 2), 4..60), k in 2usize..5,
    ) {
        let mut front: Points = non_dominated(&points).into_iter().map(|i| points[i].clone()).collect();
        front.sort_by(|a, b| a[0].total_cmp(&b[0]));
        prop_assume!(front.len() > k && front.len() < 16);
        // All choices of k points that hold both ends.
        let last = front.len() - 1;
        let best = (0..1u32 << front.len())
            .filter(|mask| mask.count_ones() == k as u32 && mask & 1 == 1 && mask >> last & 1 == 1)
            .map(|mask| gap_of(&front, &(0..=last).filter(|i| mask >> i & 1 == 1).collect::<Vec<_>>()))
            .fold(f64::INFINITY, f64::min);
        prop_assert!((top_k(&front, k).gap - best).abs() < 1e-9);
    }
}

/// The additive epsilon indicator of `chosen`, on objectives scaled to their range.
fn gap_of(front: &Points, chosen: &[usize]) -> f64 {
    let (low, high) = bounds(front).unwrap();
    let distance =
        |c: &[f64], p: &[f64]| (0..p.len()).map(|j| share(c[j] - p[j], high[j] - low[j])).fold(0.0, f64::max);
    let nearest = |p| chosen.iter().map(|&c| distance(&front[c], p)).fold(f64::INFINITY, f64::min);
    front.iter().map(|p| nearest(p)).fold(0.0, f64::max)
}

#[test]
fn hypervolume_equals_three_other_programs() {
    let document: Value = serde_json::from_str(include_str!("../../tests/fixtures/hypervolume.json")).unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let row = |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
        let points: Points = case["points"].as_array().unwrap().iter().map(row).collect();
        let reference = row(&case["reference"]);
        let (found, expected) = (hypervolume(&points, &reference), case["hypervolume"].as_f64().unwrap());
        assert!((found - expected).abs() < 1e-12, "{} objectives: {found} against {expected}", reference.len());
    }
}

#[test]
fn hypervolume_by_hand() {
    type Case = (&'static [&'static [f64]], &'static [f64], f64);
    let cases: [Case; 6] = [
        (&[&[1.0, 3.0], &[2.0, 2.0], &[3.0, 1.0]], &[4.0, 4.0], 6.0),
        (&[&[1.0, 2.0, 2.0], &[2.0, 1.0, 2.0], &[2.0, 2.0, 1.0]], &[3.0, 3.0, 3.0], 4.0),
        (&[&[1.0], &[0.5]], &[2.0], 1.5),
        (&[], &[1.0, 1.0], 0.0),
        (&[&[1.0, 0.0]], &[1.0, 1.0], 0.0),
        (&[&[f64::NAN, 0.0], &[0.0, 0.0]], &[1.0, 1.0], 1.0),
    ];
    for (points, reference, expected) in cases {
        assert_eq!(hypervolume(points, reference), expected, "{points:?}");
    }
}

#[test]
fn hypervolume_of_many_points_equals_sampling() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (k, n) in [(2, 200), (3, 200), (4, 60), (5, 40), (6, 25)] {
        let points: Points = (0..n).map(|_| (0..k).map(|_| rng.r#gen()).collect()).collect();
        let samples = 200_000;
        let hit = |sample: &Vec<f64>| points.iter().any(|p| weakly_dominates(p, sample));
        let hits = (0..samples).filter(|_| hit(&(0..k).map(|_| rng.r#gen()).collect())).count();
        let share = hits as f64 / f64::from(samples);
        // Five standard deviations of the sampling error.
        let error = 5.0 * (share * (1.0 - share) / f64::from(samples)).sqrt();
        let exact = hypervolume(&points, &vec![1.0; k]);
        assert!((exact - share).abs() < error, "{k} objectives: {exact} against {share} ± {error}");
    }
}

#[test]
fn nan_is_never_in_a_front() {
    let points = [[f64::NAN, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, f64::NAN, 0.0, 0.0]];
    assert_eq!(non_dominated(&points), [1]);
    assert_eq!(non_dominated::<[f64; 2]>(&[]), [0usize; 0]);
    // A negative zero is zero.
    assert_eq!(non_dominated(&[[0.0, 1.0], [-0.0, 2.0]]), [0]);
}

#[test]
fn the_knee_bulges_most() {
    type Case = (&'static str, &'static [[f64; 2]], Option<usize>);
    let cases: [Case; 6] = [
        ("nothing", &[], None),
        ("alone", &[[3.0, 4.0]], Some(0)),
        ("plain", &[[0.0, 100.0], [1.0, 20.0], [2.0, 9.0], [10.0, 0.0]], Some(2)),
        ("units do not matter", &[[0.0, 1e6], [1e-6, 2e5], [1e-5, 0.0]], Some(1)),
        ("a tie goes to balance", &[[0.0, 8.0], [1.0, 5.0], [3.0, 3.0], [8.0, 0.0]], Some(2)),
        ("no bulge", &[[0.0, 1.0], [0.9, 0.9], [1.0, 0.0]], Some(0)),
    ];
    for (name, points, expected) in cases {
        assert_eq!(knee(points), expected, "{name}");
    }
    let three = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.3, 0.3, 0.3], [0.2, 0.5, 0.4]];
    assert_eq!(knee(&three), Some(3));
}

#[test]
fn a_small_choice_of_a_straight_front_is_evenly_spaced() {
    let front: Vec<[f64; 2]> = (0..=100).map(|i| [f64::from(i), f64::from(100 - i)]).collect();
    let chosen = top_k(&front, 5);
    assert_eq!((chosen.indices.len(), chosen.indices[0], chosen.indices[4]), (5, 0, 100));
    // Four stretches of 25 steps, each covered from both sides.
    assert!((chosen.gap - 0.12).abs() < 1e-9, "{}", chosen.gap);
    assert_eq!(top_k(&front, 0), Representatives { indices: vec![], gap: f64::INFINITY });
    assert_eq!(top_k(&front, 500).gap, 0.0);
    assert_eq!(top_k::<[f64; 2]>(&[], 3), Representatives { indices: vec![], gap: 0.0 });
}

#[test]
fn a_point_with_a_nan_ranks_behind_all_others() {
    let points = [[2.0, 2.0], [f64::NAN, 0.0], [1.0, 1.0], [0.0, f64::NAN]];
    assert_eq!(ranks(&points), [1, 2, 0, 2]);
}

//! Ranks against brute force, room by hand, and the order that limits impose.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::pareto::dominates;

fn complete(id: u64, objectives: &[f64]) -> Member<()> {
    Member { id, genotype: (), outcome: Outcome::Complete { objectives: objectives.to_vec() } }
}

fn broken(id: u64, violations: &[f64]) -> Member<()> {
    Member { id, genotype: (), outcome: Outcome::Infeasible { violations: violations.to_vec() } }
}

/// What has been seen when all of `members` have been told.
fn all_seen(members: &[Member<()>]) -> Violations {
    let mut seen = Violations::default();
    members.iter().for_each(|member| seen.see(&member.outcome));
    seen
}

/// Points on a coarse grid, or violations of up to two limits, or failures.
fn members() -> impl Strategy<Value = Vec<Member<()>>> {
    let outcome = |k: usize| {
        prop_oneof![
            6 => prop::collection::vec((0i32..6).prop_map(f64::from), k)
                .prop_map(|objectives| Outcome::Complete { objectives }),
            2 => (0i32..4, 1i32..4).prop_map(|(a, b)| Outcome::Infeasible {
                violations: vec![f64::from(a), f64::from(b) * 1000.0]
            }),
            1 => Just(Outcome::Failed { reason: "a test".to_owned() }),
            1 => (1i32..4).prop_map(|f| Outcome::Pruned { fidelity: f64::from(f) / 4.0 }),
        ]
    };
    (1usize..=5).prop_flat_map(move |k| prop::collection::vec(outcome(k), 1..40)).prop_map(|outcomes| {
        let member = |(id, outcome)| Member { id: id as u64, genotype: (), outcome };
        outcomes.into_iter().enumerate().map(member).collect()
    })
}

/// Constraint domination, written down pair by pair.
fn better(a: &Outcome, b: &Outcome, seen: &Violations) -> bool {
    use Outcome::{Complete, Failed, Infeasible, Pruned};
    match (a, b) {
        (Complete { objectives: x }, Complete { objectives: y }) => dominates(x, y),
        (Complete { .. }, _) => true,
        (Pruned { fidelity: x }, Pruned { fidelity: y }) => x > y,
        (Pruned { .. }, Infeasible { .. } | Failed { .. }) => true,
        (Infeasible { violations: x }, Infeasible { violations: y }) => seen.total(x) < seen.total(y),
        (Infeasible { .. }, Failed { .. }) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn fronts_are_what_peeling_off_by_brute_force_finds(members in members()) {
        let seen = all_seen(&members);
        let mut left: Vec<usize> = (0..members.len()).collect();
        let mut peeled: Vec<Vec<usize>> = Vec::new();
        while !left.is_empty() {
            let beaten = |&i: &usize| left.iter().any(|&j| better(&members[j].outcome, &members[i].outcome, &seen));
            let front: Vec<usize> = left.iter().copied().filter(|i| !beaten(i)).collect();
            left.retain(|i| !front.contains(i));
            peeled.push(front);
        }
        prop_assert_eq!(fronts(&members, &seen), peeled);
    }

    #[test]
    fn survivors_leave_out_nobody_who_beats_one_of_them(members in members(), share in 0.0f64..=1.0) {
        let seen = all_seen(&members);
        let keep = (share * members.len() as f64) as usize;
        let kept = survivors(&members, &seen, keep);
        prop_assert_eq!(kept.len(), keep);
        for i in (0..members.len()).filter(|i| !kept.contains(i)) {
            for &k in &kept {
                prop_assert!(!better(&members[i].outcome, &members[k].outcome, &seen), "{} beats {}", i, k);
            }
        }
        // The whole order is a permutation that starts with the same front.
        let mut all = survivors(&members, &seen, members.len());
        all.sort_unstable();
        prop_assert_eq!(all, (0..members.len()).collect::<Vec<_>>());
    }

    #[test]
    fn room_does_not_depend_on_units_or_on_the_order_of_members(
        points in prop::collection::vec((0u32..20, 0u32..20), 2..20), seed in 0u64..100
    ) {
        let front: Vec<usize> = (0..points.len()).collect();
        let plain: Vec<Member<()>> = points.iter().enumerate()
            .map(|(id, p)| complete(id as u64, &[f64::from(p.0), f64::from(p.1)])).collect();
        let scaled: Vec<Member<()>> = points.iter().enumerate()
            .map(|(id, p)| complete(id as u64, &[1024.0 * f64::from(p.0), f64::from(p.1) / 1024.0])).collect();
        let room = crowding(&plain, &front);
        prop_assert_eq!(&room, &crowding(&scaled, &front));
        let mut order = front.clone();
        use rand::{SeedableRng, seq::SliceRandom};
        order.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        for (at, room_there) in order.iter().zip(crowding(&plain, &order)) {
            prop_assert!(room[*at].total_cmp(&room_there).is_eq() || (room[*at] - room_there).abs() < 1e-12);
        }
    }
}

#[test]
fn room_by_hand() {
    let members = [
        complete(0, &[0.0, 10.0]),
        complete(1, &[1.0, 5.0]),
        complete(2, &[4.0, 0.0]),
        complete(3, &[1.0, 5.0]),
        complete(4, &[3.0, 4.0]),
    ];
    let room = crowding(&members, &[0, 1, 2, 3, 4]);
    let inner = [3.0 / 4.0 + 6.0 / 10.0, 3.0 / 4.0 + 5.0 / 10.0];
    assert_eq!(room, [f64::INFINITY, inner[0], f64::INFINITY, 0.0, inner[1]]);
    assert!(crowding(&members, &[]).is_empty());
    assert_eq!(crowding(&members, &[3]), [f64::INFINITY]);
}

/// Judged once, both twins in the middle would go and leave nothing between the ends.
#[test]
fn a_front_is_thinned_one_by_one() {
    let along = |id, x: f64| complete(id, &[x, 10.0 - x]);
    let members = [along(0, 0.0), along(1, 4.0), along(2, 4.5), along(3, 9.0), along(4, 10.0)];
    let room = crowding(&members, &[0, 1, 2, 3, 4]);
    assert!(room[3] > room[1].max(room[2]), "the third of three has most room at first");
    let mut kept = survivors(&members, &Violations::default(), 3);
    kept.sort_unstable();
    assert_eq!(kept, [0, 2, 4]);
}

#[test]
fn violations_count_by_the_worst_seen_of_their_limit() {
    let members =
        [broken(0, &[900.0, 0.0]), broken(1, &[0.0, 0.002]), broken(2, &[1000.0, 0.001]), broken(3, &[0.0, 0.01])];
    let seen = all_seen(&members);
    // In plain sums the kilobytes of 0 would outweigh all that 1 and 3 do to the second limit.
    let order: Vec<usize> = survivors(&members, &seen, 4);
    assert_eq!(order, [1, 0, 3, 2]);
    assert_eq!(seen.total(&[500.0, 0.005]), 1.0);
    assert_eq!(Violations::default().total(&[2.0]), 2.0, "nothing has been seen yet");
}

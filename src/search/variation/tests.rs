//! What children take from their parents, on domains small enough to list.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::{Rng, SeedableRng};

use super::*;
use crate::search::toy::{BUDGET, NESTED, PARITY, Toy};

/// Two candidates of a domain and a stream of random numbers.
fn two(domain: &Toy, seed: u64) -> (Genotype, Genotype, ChaCha8Rng) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let all = domain.all();
    let mut pick = || all.iter().nth(rng.gen_range(0..all.len())).unwrap().clone();
    (pick(), pick(), rng)
}

proptest! {
    #[test]
    fn a_child_has_each_decision_from_a_parent_that_took_it(seed in any::<u64>()) {
        let (a, b, mut rng) = two(&NESTED, seed);
        let child = Conditional::new(&NESTED).cross(&a, &b, &mut rng).unwrap();
        prop_assert!(NESTED.all().contains(&child));
        // Nothing is closed in this domain, and what is open below a choice is open in the parent that made it.
        for gene in &child {
            prop_assert!(a.contains(gene) || b.contains(gene), "{:?} from {:?} and {:?}", gene, a, b);
        }
    }

    #[test]
    fn children_keep_within_constraints(seed in any::<u64>()) {
        let (a, b, mut rng) = two(&BUDGET, seed);
        let variation = Conditional::new(&BUDGET);
        let all = BUDGET.all();
        let child = variation.cross(&a, &b, &mut rng).unwrap();
        prop_assert!(all.contains(&child));
        // The first decision is always open, so it is inherited; a later one may have been closed by both parents' shares.
        prop_assert!(child[0] == a[0] || child[0] == b[0]);
        prop_assert!(all.contains(&variation.mutate(&a, &mut rng).unwrap()));
        for neighbour in variation.neighbours(&a) {
            prop_assert!(all.contains(&neighbour));
        }
    }

    #[test]
    fn alike_parents_have_that_child(seed in any::<u64>()) {
        for domain in [NESTED, BUDGET, PARITY] {
            let (a, _, mut rng) = two(&domain, seed);
            prop_assert_eq!(Conditional::new(&domain).cross(&a, &a, &mut rng), Some(a));
        }
    }

    #[test]
    fn mutation_changes_something(seed in any::<u64>()) {
        for domain in [NESTED, BUDGET] {
            let (parent, _, mut rng) = two(&domain, seed);
            prop_assert_ne!(Conditional::new(&domain).mutate(&parent, &mut rng).unwrap(), parent);
        }
    }

    #[test]
    fn neighbours_differ_in_one_decision_and_what_hangs_on_it(seed in any::<u64>()) {
        let (of, _, _) = two(&NESTED, seed);
        let neighbours = Conditional::new(&NESTED).neighbours(&of);
        let distinct: BTreeSet<_> = neighbours.iter().collect();
        prop_assert_eq!(distinct.len(), neighbours.len());
        for neighbour in &neighbours {
            let before: BTreeMap<_, _> = of.iter().map(|gene| (&gene.path, gene.option)).collect();
            let changed = neighbour.iter().filter(|gene| before.get(&gene.path).is_some_and(|&o| o != gene.option));
            prop_assert_eq!(changed.count(), 1);
        }
        // Each decision has been given each of its other options.
        let options = |gene: &crate::search::Gene| match gene.path.rsplit('.').next() {
            Some("size") => 4,
            Some("kernel") => 3,
            _ => 2,
        };
        prop_assert_eq!(neighbours.len(), of.iter().map(|gene| options(gene) - 1).sum::<usize>());
    }
}

/// Paths that the genotype has beneath `scope`.
fn under<'a>(genotype: &'a Genotype, scope: &str) -> Vec<&'a crate::search::Gene> {
    genotype.iter().filter(|gene| gene.path.starts_with(scope)).collect()
}

#[test]
fn subtrees_stay_whole_more_often_than_tosses_for_each_decision_would_leave_them() {
    let full = |op: usize| -> Genotype {
        let genotype = NESTED.walk(&mut |decision| match decision.path.rsplit('.').next() {
            Some("op") => 1,
            Some("kernel") => 2 * op,
            Some("repeat") => 1,
            _ => *decision.allowed.last().unwrap(),
        });
        genotype.unwrap()
    };
    let (a, b) = (full(0), full(1));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let variation = Conditional::new(&NESTED);
    let (mut whole, mut mixed) = (0, 0);
    for _ in 0..2000 {
        let child = variation.cross(&a, &b, &mut rng).unwrap();
        for stage in ["s0", "s1"] {
            let own = under(&child, stage);
            if own == under(&a, stage) || own == under(&b, stage) { whole += 1 } else { mixed += 1 }
        }
    }
    // Only two kernels of a stage differ here: single tosses would leave half of the stages whole. Half of the others,
    // which are divided, agree as well.
    let share = f64::from(whole) / f64::from(whole + mixed);
    assert!((share - 0.75).abs() < 0.03, "{share}");
}

#[test]
fn what_a_change_opens_is_drawn() {
    let plain = NESTED.walk(&mut |decision| decision.allowed[0]).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut opened: BTreeMap<Genotype, usize> = BTreeMap::new();
    for _ in 0..3000 {
        let child = Conditional::new(&NESTED).mutate(&plain, &mut rng).unwrap();
        let stage: Genotype = under(&child, "s0").into_iter().cloned().collect();
        if stage[0].option == 1 {
            *opened.entry(stage).or_default() += 1;
        }
    }
    // One block of 4 kinds, or two: every inside of the stage is reached from a parent that had none of it.
    assert_eq!(opened.len(), 4 + 16);
}

#[test]
fn ordered_decisions_mostly_move_by_one_step() {
    let plain = NESTED.walk(&mut |decision| decision.allowed[0]).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut steps = [0; 4];
    for _ in 0..4000 {
        let child = Conditional::new(&NESTED).mutate(&plain, &mut rng).unwrap();
        if let Some(gene) = child.iter().find(|gene| &*gene.path == "s0.plain.size") {
            steps[gene.option] += 1;
        }
    }
    assert!(steps[1] > 4 * steps[2] && steps[2] > 0 && steps[3] > 0, "{steps:?}");
}

#[test]
fn a_candidate_without_an_alternative_has_no_mutant() {
    let only = Toy(|_| true);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    assert_eq!(Conditional::new(&only).mutate(&Genotype::new(), &mut rng), None);
    assert_eq!(Conditional::new(&only).neighbours(&Genotype::new()), Vec::<Genotype>::new());
}

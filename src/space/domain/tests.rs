//! Walks of a choice graph against the architectures it is known to hold.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use rand::SeedableRng;

use super::*;
use crate::space::Budget;

/// Every walk of a domain: the last decision that has options left moves on, what follows starts over.
pub(in crate::space) fn walks(domain: &dyn Domain) -> Vec<Genotype> {
    let mut found = Vec::new();
    let mut next = Some(Vec::new());
    while let Some(given) = next.take() {
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let walked = domain.walk(&mut |decision| {
            let at: usize = given.get(taken.len()).copied().unwrap_or(0);
            assert!(decision.allowed.is_sorted() && decision.allowed.iter().all(|&option| option < decision.options));
            taken.push((at, decision.allowed.len()));
            decision.allowed[at]
        });
        found.extend(walked);
        next = (0..taken.len()).rev().find(|&at| taken[at].0 + 1 < taken[at].1).map(|at| {
            let mut following: Vec<usize> = taken[..=at].iter().map(|&(index, _)| index).collect();
            following[at] += 1;
            following
        });
    }
    found
}

#[test]
fn walks_are_the_architectures() {
    let text = "
space: t
about: A test.
version: 1
input: { channels: 3, size: 16 }
decisions:
  act: { choice: [relu, hswish] }
blocks:
  wide:
    params: { channels: {}, kernel: { choice: [3, 5], ordered: true } }
    layers: [{ op: conv, kernel: =kernel, channels: =channels, act: =act }]
network:
  - stage: s1
    repeat: { choice: [1, 2] }
    channels: { choice: [8, 16] }
    block: { choice: [{ use: wide }, { use: wide, with: { kernel: 7 } }] }
  - { name: last, op: conv, kernel: 1, channels: { choice: [8, 12, 16] } }
constraints:
  - last.channels >= s1.channels
  - { when: act == hswish, require: last.channels == 16 }
";
    let space = Space::from_text("t", text).unwrap();
    let graph = space.compile(Budget::default()).unwrap();
    let along = walks(&graph);
    let interpreted = walks(&space);
    assert_eq!(along.len().to_string(), graph.count().to_string());
    let set: HashSet<&Genotype> = along.iter().collect();
    assert_eq!(set.len(), along.len(), "a walk came twice");
    assert_eq!(interpreted.iter().collect::<HashSet<_>>(), set);
    for genotype in &along {
        let (architecture, network) = space.realise(genotype).unwrap();
        let path = graph.path(&architecture).unwrap();
        assert_eq!(graph.genotype(&path), *genotype);
        assert_eq!(network.canonical_hash(), space.build(&architecture).unwrap().canonical_hash());
    }
}

#[test]
fn drawn_genotypes_belong_to_their_space() {
    for (name, _) in Space::shipped().iter().filter(|(name, _)| !name.contains('/')) {
        let space = Space::load(name, None).unwrap();
        let Ok(graph) = space.compile(Budget::default()) else { continue };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for domain in [&graph as &dyn Domain, &space] {
            for _ in 0..10 {
                let genotype = domain.sample(&mut rng).unwrap();
                let (architecture, _) = space.realise(&genotype).unwrap();
                assert!(graph.path(&architecture).is_some(), "{name}");
                // Given the same answers, a walk ends at the same genotype.
                let mut answers = genotype.iter().map(|gene| gene.option);
                assert_eq!(domain.walk(&mut |_| answers.next().unwrap()).unwrap(), genotype, "{name}");
            }
        }
    }
}

#[test]
fn answers_that_are_not_allowed_lead_nowhere() {
    let space = Space::load("nas-bench-201", None).unwrap();
    let graph = space.compile(Budget::default()).unwrap();
    assert_eq!(graph.walk(&mut |decision| decision.options), None);
    assert_eq!(space.walk(&mut |decision| decision.options), None);
}

#![allow(clippy::unwrap_used)]
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::latency::LatencyTable;
use crate::proxy::{Conditions, Definition};
use crate::space::{Budget, CompileError, Space};

/// Every objective that the program ships.
fn shipped() -> Vec<Box<dyn Objective>> {
    let counts =
        CountKind::ALL.into_iter().map(|kind| Box::new(Count::new(kind.name(), None, kind)) as Box<dyn Objective>);
    let structural = |name: &&str| {
        let definition = Definition::load(name).unwrap();
        !definition.measured() && definition.members().is_empty()
    };
    let proxies = Definition::names().filter(structural).map(|name| {
        Box::new(Zeroshot::new(name, None, &Definition::load(name).unwrap(), &Conditions::default()))
            as Box<dyn Objective>
    });
    let tables = LatencyTable::names()
        .map(|name| Box::new(Latency::new(name, None, name, LatencyTable::named(name).unwrap())) as Box<dyn Objective>);
    let bounds = LatencyTable::names().take(2).map(|name| {
        let table = LatencyTable::named(name).unwrap();
        Box::new(Latency::bounded(name, None, name, table, 0.9).unwrap()) as Box<dyn Objective>
    });
    counts.chain(proxies).chain(tables).chain(bounds).collect()
}

#[test]
fn a_bound_is_rebuilt_as_it_was() {
    let table = LatencyTable::named("galaxy-s10-exynos9820/1large-float").unwrap();
    let bound = Latency::bounded("latency", None, "t", table, 0.9).unwrap();
    let wanted =
        request::Wanted { name: "latency".into(), kind: "table".into(), definition: bound.definition().unwrap() };
    let again = rebuild(&wanted).unwrap();
    let space = Space::load("mobilenetv3-ofa", None).unwrap();
    let network = space.build(&space.default_architecture()).unwrap();
    assert_eq!(again.value(&network).unwrap(), bound.value(&network).unwrap());
}

#[test]
fn a_block_that_drops_one_of_its_inputs_has_no_price() {
    let text = "space: t\nversion: 1\nabout: A test.\ninput: { channels: 3, size: 8 }\nnetwork:\n  - { name: a, op: conv, kernel: 3, channels: 4 }\n  - { name: b, op: conv, kernel: 3, channels: 4 }\n  - { name: c, combine: add, branches: [[{ op: identity }], [{ choice: [{ op: identity, from: a }, { op: zero, from: a }] }]] }\n";
    let graph = Space::from_text("t.yaml", text).unwrap().compile(Budget::default()).unwrap();
    let score = Zeroshot::new("s0", None, &Definition::load("s0").unwrap(), &Conditions::default());
    let error = price(&graph, &[&score as &dyn Objective], &|_| {}).unwrap_err();
    assert!(matches!(&error, PricingError::HalfDead { block, .. } if block == "c"), "{error}");
}

/// The crux of the exact search: a constant and the sum over a path are the value of the whole network.
#[test]
fn every_objective_adds_up_over_every_shipped_space() {
    let objectives = shipped();
    let mut compared = 0;
    for (name, _) in Space::shipped() {
        let space = Space::load(name, None).unwrap();
        let graph = match space.compile(Budget::default()) {
            Err(CompileError::TooLarge(_)) => continue,
            graph => graph.unwrap(),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        // Pricing the whole of the cell space would price 230,000 fragments; those on the sampled paths are enough.
        for _ in 0..40 {
            let path = graph.sample(&mut rng);
            let network = space.build(&graph.architecture(&path)).unwrap();
            let fragments: Vec<Network> =
                path.iter().map(|&edge| graph.fragment(graph.edges()[edge].variant as usize)).collect();
            let alive = fragments.iter().all(|fragment| fragment.live().count() > 0);
            assert_eq!(network.live().count() > 0, alive, "{name}: a network is dead exactly if a fragment is");
            if !alive {
                continue;
            }
            for objective in &objectives {
                let Ok(value) = objective.value(&network) else { continue };
                let additive = objective.additive().unwrap();
                let sum: f64 = fragments.iter().map(|fragment| additive.fragment(fragment).unwrap()).sum();
                let total = additive.constant() + sum;
                let text = space.format(&graph.architecture(&path));
                assert!(
                    (value - total).abs() <= 1e-9 * value.abs().max(1.0),
                    "{name}, {}: {value} as a whole, {total} as a sum, for {text}",
                    objective.name()
                );
                let blocks: f64 = objective.by_block(&network).unwrap().iter().sum();
                let whole = value - additive.constant();
                assert!((blocks - whole).abs() <= 1e-9 * value.abs().max(1.0), "{name}, {}", objective.name());
                compared += 1;
            }
        }
    }
    assert!(compared > 2000, "only {compared} comparisons");
}

#[test]
fn prices_follow_the_edges() {
    let space = Space::load("mobilenetv3-ofa", None).unwrap();
    let graph = space.compile(Budget::default()).unwrap();
    let objectives = shipped();
    let params = objectives.iter().find(|o| o.name() == "params").unwrap();
    let prices = price(&graph, &[params.as_ref()], &|_| {}).unwrap();
    assert_eq!(prices.dead(), 0);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..20 {
        let path = graph.sample(&mut rng);
        let network = space.build(&graph.architecture(&path)).unwrap();
        assert_eq!(prices.along(&path).unwrap(), [network.cost().params.0 as f64]);
    }
}

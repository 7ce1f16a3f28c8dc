#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::latency::lower_run;
use crate::latency::profile::simulated::space;
use crate::space::Budget;

const OPTIONS: PlanOptions = PlanOptions { networks: 6, blocks: 4, operators: None, seed: 3, copied: true };

fn plan(options: &PlanOptions) -> Plan {
    Plan::new(&space(), options, &Prior::Rough).unwrap()
}

/// Against the plain way: every architecture built, its operators counted.
#[test]
fn every_operator_is_planned_once_with_its_expected_share() {
    let space = space();
    let architectures = space.enumerate(100_000).unwrap();
    let mut counts: BTreeMap<Kernel, f64> = BTreeMap::new();
    for architecture in &architectures {
        for lowered in lower_run(&space.build(architecture).unwrap()) {
            *counts.entry(lowered.kernel).or_default() += 1.0 / architectures.len() as f64;
        }
    }
    let total: f64 = counts.iter().map(|(kernel, count)| count * Prior::Rough.cost(kernel)).sum();
    let mut planned: BTreeMap<Kernel, f64> = BTreeMap::new();
    for item in plan(&OPTIONS).planned {
        if let Subject::Operator(kernel) = item.benchmark.subject {
            assert!(planned.insert(kernel, item.share).is_none(), "{kernel} is planned twice");
        }
    }
    assert_eq!(planned.keys().collect::<Vec<_>>(), counts.keys().collect::<Vec<_>>());
    for (kernel, share) in planned {
        let wanted = counts[&kernel] * Prior::Rough.cost(&kernel) / total;
        assert!((share - wanted).abs() < 1e-12, "{kernel}: {share} in place of {wanted}");
    }
}

#[test]
fn networks_come_first_and_then_what_is_least_certain() {
    let plan = plan(&OPTIONS);
    let subjects: Vec<&Subject> = plan.planned.iter().map(|planned| &planned.benchmark.subject).collect();
    assert!(subjects[..6].iter().all(|subject| matches!(subject, Subject::Network(_))));
    assert!(!subjects[6..].iter().any(|subject| matches!(subject, Subject::Network(_))));
    let first = plan.planned.iter().find(|planned| planned.standing == Standing::Unknown).unwrap();
    let largest = plan.planned.iter().filter(|p| !matches!(p.benchmark.subject, Subject::Network(_)));
    assert_eq!(first.share, largest.map(|planned| planned.share).fold(0.0, f64::max));
    let standings: BTreeSet<&str> = plan
        .planned
        .iter()
        .map(|p| match p.standing {
            Standing::Unknown => "unknown",
            Standing::Extrapolated => "extrapolated",
            Standing::Interpolated => "interpolated",
            _ => "other",
        })
        .collect();
    assert_eq!(standings.len(), 4, "{standings:?}");
    // Greedy: nothing that is measured earlier was less urgent, by what was known then.
    let mut chosen: Vec<Kernel> = Vec::new();
    let rest: Vec<&Planned> = plan.planned[6..].iter().filter(|p| p.standing != Standing::Overhead).collect();
    for (index, planned) in rest.iter().enumerate() {
        let measured = Coverage::of(&chosen);
        let urgency = |p: &Planned| {
            let worst =
                p.benchmark.kernels.iter().map(|k| Standing::of(k, &measured).uncertainty()).fold(0.0, f64::max);
            p.share * worst
        };
        assert!(rest[index..].iter().all(|later| urgency(later) <= urgency(planned) + 1e-15));
        if let Subject::Operator(kernel) = planned.benchmark.subject {
            chosen.push(kernel);
        }
    }
}

/// Those that a search finds lie at the ends, so the calibration has to reach there.
#[test]
fn whole_networks_go_from_cheap_to_dear() {
    let space = Space::load("mobilenetv3-ofa", None).unwrap();
    let options = PlanOptions { networks: 9, blocks: 0, operators: Some(0), ..OPTIONS };
    let costs: Vec<f64> =
        Plan::new(&space, &options, &Prior::Rough).unwrap().planned.iter().map(|planned| planned.prior_ms).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let graph = space.compile(Budget::default()).unwrap();
    let cost = |_| {
        let network = space.build(&graph.architecture(&graph.sample(&mut rng))).unwrap();
        lower_run(&network).iter().map(|lowered| Prior::Rough.cost(&lowered.kernel)).sum::<f64>()
    };
    let uniform: Vec<f64> = (0..300).map(cost).collect();
    let (low, high) = uniform.iter().fold((f64::INFINITY, 0.0), |(low, high), &cost| (cost.min(low), cost.max(high)));
    assert_eq!(costs.len(), 9);
    assert!(costs[0] < low && costs[8] > high && low < costs[4] && costs[4] < high, "{costs:?}: {low} to {high}");
    assert!(costs.is_sorted_by(|a, b| *a < 1.15 * b), "{costs:?}");
}

#[test]
fn every_operator_and_block_has_its_empty_network_before_it() {
    for (copied, least) in [(true, 5), (false, 1)] {
        let mut there = BTreeSet::new();
        let plan = plan(&PlanOptions { copied, ..OPTIONS });
        for Planned { benchmark, .. } in &plan.planned {
            match &benchmark.subject {
                Subject::Empty => assert!(there.insert(benchmark.key.clone()), "{} is planned twice", benchmark.key),
                Subject::Network(_) => {}
                Subject::Operator(_) | Subject::Attention | Subject::Block(_) => {
                    assert!(there.contains(&plan.overhead(benchmark).unwrap().key), "{}", benchmark.name());
                }
            }
        }
        assert!(there.len() >= least && (copied || there.len() == 1), "{there:?}");
    }
}

#[test]
fn plans_follow_from_their_seed_and_keep_to_their_limits() {
    let keys = |options: &PlanOptions| -> Vec<String> {
        plan(options).planned.into_iter().map(|planned| planned.benchmark.key).collect()
    };
    assert_eq!(keys(&OPTIONS), keys(&OPTIONS));
    assert_ne!(keys(&OPTIONS), keys(&PlanOptions { seed: 4, ..OPTIONS }));
    let few = plan(&PlanOptions { networks: 2, blocks: 1, operators: Some(3), ..OPTIONS });
    let count = |is: fn(&Subject) -> bool| few.planned.iter().filter(|p| is(&p.benchmark.subject)).count();
    assert_eq!(count(|s| matches!(s, Subject::Network(_))), 2);
    assert_eq!(count(|s| matches!(s, Subject::Block(_))), 1);
    assert_eq!(count(|s| matches!(s, Subject::Operator(_))), 3);
    // A network is never drawn twice, though more are asked for than there are: 56.
    let many = plan(&PlanOptions { networks: 60, ..OPTIONS });
    let networks = many.planned.iter().filter(|p| matches!(p.benchmark.subject, Subject::Network(_)));
    let keys: Vec<&str> = networks.map(|p| p.benchmark.key.as_str()).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

#[test]
fn every_operator_of_a_vision_transformer_is_planned() {
    let space = crate::space::Space::load("autoformer-tiny", None).unwrap();
    let plan = Plan::new(&space, &PlanOptions { networks: 0, ..OPTIONS }, &Prior::Rough).unwrap();
    assert_eq!(plan.left_out, []);
    let attentions = plan.planned.iter().filter(|p| p.benchmark.subject == Subject::Attention).count();
    // Three or four heads of 64 features, whatever the features of a token.
    assert_eq!(attentions, 2);
}

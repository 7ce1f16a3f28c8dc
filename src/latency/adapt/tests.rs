#![allow(clippy::unwrap_used)]
use super::*;
use crate::latency::{Coverage, Kernel, KernelKind, fit, terms};

/// Networks of a convolution, a wide one, a depthwise one and a pool, with no latency yet.
fn networks(count: u32) -> Vec<Sample> {
    (1..=count)
        .map(|i| {
            let conv = Kernel { window: [3, 3], ..Kernel::pointwise(KernelKind::Conv, [16, 16], 8 * (1 + i % 5)) };
            let wide = Kernel::pointwise(KernelKind::Conv, [8, 8], 64 * (1 + i % 7));
            let depthwise =
                Kernel { window: [3, 3], ..Kernel::pointwise(KernelKind::Depthwise, [4 * (1 + i % 3), 16], 64) };
            let pool = Kernel::pointwise(KernelKind::MaxPool, [4 * (1 + i % 11), 16], 64);
            Sample { network: format!("n{i}"), kernels: vec![conv, wide, depthwise, pool], ms: 1.0 }
        })
        .collect()
}

/// The same as a device of these costs runs them.
fn measured(model: &OperatorModel, samples: &[Sample], noise: impl Fn(usize) -> f64) -> Vec<Sample> {
    let ms = |at, sample: &Sample| model.total(&sample.kernels).0 * noise(at);
    samples.iter().enumerate().map(|(at, sample)| Sample { ms: ms(at, sample), ..sample.clone() }).collect()
}

fn old() -> OperatorModel {
    OperatorModel::new(vec![
        (Term::Network, 0.3),
        (Term::FloatTiles, 3e-8),
        (Term::Outputs, 1e-6),
        (Term::Gathered, 1e-6),
        (Term::UncachedMacs, 1e-8),
        (Term::Depthwise, 2e-7),
        (Term::Moved, 4e-7),
        // None of the networks has one.
        (Term::GroupedMacs, 7e-7),
    ])
}

#[test]
fn a_phone_half_as_fast_costs_exactly_twice() {
    let samples = measured(&old().times(2.0), &networks(12), |_| 1.0);
    let adapted = adapt(&old(), &samples.iter().collect::<Vec<_>>()).unwrap();
    assert!((adapted.ratio - 2.0).abs() < 1e-9);
    assert_eq!(adapted.model, old().times(2.0), "{adapted:?}");
}

#[test]
fn ten_noisy_networks_are_better_moved_than_fitted() {
    let ratios = [1.3, 1.2, 1.0, 1.6, 1.4, 1.2, 1.4, 0.9];
    let costs = old().coefficients().iter().zip(ratios).map(|(&(term, cost), ratio)| (term, ratio * cost)).collect();
    let truth = OperatorModel::new(costs);
    let all = measured(&truth, &networks(60), |_| 1.0);
    let noisy = measured(&truth, &networks(10), |at| [1.04, 0.97, 1.02, 0.95, 1.03][at * 7 % 5]);
    let noisy: Vec<&Sample> = noisy.iter().collect();
    let error = |model: &OperatorModel| {
        all.iter().map(|s| (model.total(&s.kernels).0 / s.ms - 1.0).abs()).sum::<f64>() / all.len() as f64
    };
    let adapted = adapt(&old(), &noisy).unwrap();
    let (moved, scratch) = (error(&adapted.model), error(&fit(&noisy, &terms::FLOAT).unwrap()));
    assert!(moved < scratch, "{moved} moved, {scratch} from scratch");
    assert!(moved < 0.04, "{moved}");
}

#[test]
fn too_few_networks_and_empty_ones_are_refused() {
    let samples = measured(&old(), &networks(1), |_| 1.0);
    let error = adapt(&old(), &[&samples[0]]).unwrap_err().to_string();
    assert!(error.contains("1 measured network") && error.contains("at least 2"), "{error}");
    let nothing = Sample { kernels: Vec::new(), ..samples[0].clone() };
    let model = OperatorModel::new(vec![(Term::FloatTiles, 1e-8)]);
    assert!(adapt(&model, &[&nothing, &nothing]).unwrap_err().to_string().contains("cost nothing"));
}

#[test]
fn coverage_of_both_phones_is_their_union() {
    let small = Kernel::pointwise(KernelKind::Conv, [8, 8], 16);
    let large = Kernel::pointwise(KernelKind::Conv, [64, 64], 512);
    let pool = Kernel::pointwise(KernelKind::MaxPool, [8, 8], 16);
    let union = Coverage::of([&small]).union(&Coverage::of([&large, &pool]));
    assert_eq!(union, Coverage::of([&small, &large, &pool]));
    assert_eq!(Coverage::of([&large, &pool]).union(&Coverage::of([&small])), union);
}

#![allow(clippy::unwrap_used)]
use super::*;
use crate::latency::{KernelKind, terms};

/// Networks of a convolution and a pool, with latencies that these costs per multiply-add and per element give.
fn samples(per_mac: f64, per_element: f64, noise: impl Fn(u32) -> f64) -> Vec<Sample> {
    (1..=20u32)
        .map(|i| {
            let conv = Kernel { window: [3, 3], ..Kernel::pointwise(KernelKind::Conv, [16, 16], 8 * (1 + i % 5)) };
            let pool = Kernel::pointwise(KernelKind::MaxPool, [4 * i, 16], 64);
            let ms = conv.macs() as f64 * per_mac + (2 * pool.output_elements()) as f64 * per_element;
            Sample { network: format!("n{i}"), kernels: vec![conv, pool], ms: ms * noise(i) }
        })
        .collect()
}

fn siblings(sets: &[Vec<Sample>]) -> Siblings {
    let of = |(at, set): (usize, &Vec<Sample>)| {
        (format!("set{at}"), set.iter().map(|s| (s.network.clone(), s.ms)).collect())
    };
    Siblings { sets: sets.iter().enumerate().map(of).collect(), ..Siblings::default() }
}

fn error(model: &OperatorModel, truth: &[Sample]) -> f64 {
    truth.iter().map(|s| (model.total(&s.kernels).0 / s.ms - 1.0).abs()).fold(0.0, f64::max)
}

#[test]
fn siblings_of_another_speed_do_no_harm_to_an_exact_fit() {
    let own = samples(1e-6, 1e-5, |_| 1.0);
    let slower: Vec<Vec<Sample>> = vec![samples(3e-6, 3e-5, |_| 1.0), samples(7e-6, 7e-5, |_| 1.0)];
    let samples: Vec<&Sample> = own.iter().collect();
    let alone = fit(&samples, &terms::FLOAT).unwrap();
    let beside = fit_beside(&samples, &terms::FLOAT, &siblings(&slower)).unwrap();
    assert!(error(&alone, &own) < 0.01 && error(&beside, &own) < 0.01);
}

#[test]
fn siblings_settle_what_noise_hides() {
    let truth = samples(1e-6, 1e-5, |_| 1.0);
    let noisy = samples(1e-6, 1e-5, |i| if i < 11 { 1.25 } else { 0.8 });
    let samples_of: Vec<&Sample> = noisy.iter().collect();
    let exact = siblings(&[samples(3e-6, 3e-5, |_| 1.0)]);
    let alone = error(&fit(&samples_of, &terms::FLOAT).unwrap(), &truth);
    let beside = error(&fit_beside(&samples_of, &terms::FLOAT, &exact).unwrap(), &truth);
    assert!(beside < alone / 2.0, "{beside} beside siblings, {alone} alone");
}

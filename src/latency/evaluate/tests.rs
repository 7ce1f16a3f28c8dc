#![allow(clippy::unwrap_used)]
use super::*;
use crate::latency::{KernelKind, terms};

fn predicted(pairs: &[(f64, f64)]) -> Vec<Predicted> {
    pairs
        .iter()
        .map(|&(measured_ms, predicted_ms)| Predicted { network: "n".into(), measured_ms, predicted_ms })
        .collect()
}

#[test]
fn scores_are_those_worked_out_by_hand() {
    let scores = score(&predicted(&[(10.0, 10.5), (20.0, 15.0), (40.0, 40.0), (80.0, 100.0)]));
    assert!((scores.mape - (5.0 + 25.0 + 0.0 + 25.0) / 4.0).abs() < 1e-9);
    assert_eq!(scores.within_10, 50.0);
    assert_eq!(scores.spearman, Some(1.0));
    assert_eq!(score(&predicted(&[(1.0, 2.0), (2.0, 2.0)])).spearman, None);
}

#[test]
fn ties_share_their_mean_rank() {
    // scipy.stats.spearmanr([1, 2, 2, 3], [1, 3, 2, 4]) is 0.9486832980505139
    let rank = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 3.0, 2.0, 4.0]).unwrap();
    assert!((rank - 0.948_683_298_050_513_9).abs() < 1e-12);
}

/// Networks whose latency is exactly additive.
fn additive(count: u32) -> Vec<Sample> {
    (1..=count)
        .map(|i| {
            let conv = Kernel { window: [3, 3], ..Kernel::pointwise(KernelKind::Conv, [14, 14], 8 * i) };
            let pool = Kernel { kind: KernelKind::MaxPool, output: [7, 7], window: [2, 2], ..conv };
            let ms = 0.25 + conv.macs() as f64 * 2e-7 + f64::from(i) * 100.0 * 1e-5;
            Sample { network: format!("n{i}"), kernels: vec![conv, pool], ms }
        })
        .collect()
}

#[test]
fn every_network_is_left_out_once() {
    let samples = additive(24);
    let result = cross_validate(&samples, &terms::FLOAT, Split::Folds, &Siblings::default(), 0.5).unwrap();
    let names: Vec<&str> = result.predicted.iter().map(|p| p.network.as_str()).collect();
    assert_eq!(names, samples.iter().map(|s| s.network.as_str()).collect::<Vec<_>>());
    assert!(result.scores.mape < 2.0, "{:?}", result.scores);
}

#[test]
fn splits_without_groups_are_refused() {
    let samples = additive(6);
    let one_family = samples.iter().map(|s| (s.network.clone(), "f".to_owned())).collect();
    let error =
        cross_validate(&samples, &terms::FLOAT, Split::Families(&one_family), &Siblings::default(), 0.5).unwrap_err();
    assert!(error.to_string().contains("at least 2"), "{error}");
    let error = cross_validate(&samples, &terms::FLOAT, Split::Families(&HashMap::new()), &Siblings::default(), 0.5)
        .unwrap_err();
    assert!(error.to_string().contains("`n1` has no family"), "{error}");
}

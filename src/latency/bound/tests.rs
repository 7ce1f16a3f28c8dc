#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn of(ratios: &[f64]) -> BoundRatios {
    BoundRatios::new("families", ratios.to_vec())
}

/// 0.01, 0.02, ... in a shuffled order.
fn hundredths(count: u32) -> BoundRatios {
    of(&(0..count).map(|i| f64::from((i * 13) % count + 1) / 100.0).collect::<Vec<_>>())
}

#[test]
fn the_factor_is_the_ratio_of_the_conformal_rank() {
    // ceil(100 * 0.95) = 95 of 99; ceil(20 * 0.95) = 19 of 19; ceil(85 * 0.95) = 81 of 84; ceil(85 * 0.9) = 77.
    for (count, confidence, rank) in [(99, 0.95, 95), (19, 0.95, 19), (84, 0.95, 81), (84, 0.9, 77), (9, 0.5, 5)] {
        let factor = hundredths(count).factor(confidence).unwrap();
        assert!((factor - f64::from(rank) / 100.0).abs() < 1e-12, "{count} at {confidence}: {factor}");
    }
}

#[test]
fn more_confidence_than_the_networks_give_is_refused_with_the_remedy() {
    let error = hundredths(84).factor(0.99).unwrap_err().to_string();
    assert!(error.contains("takes 99 networks") && error.contains("there are 84"), "{error}");
    assert!(error.contains("highest is 0.988"), "{error}");
    assert!(hundredths(18).factor(0.95).is_err() && hundredths(19).factor(0.95).is_ok());
    for none in [0.49, 1.0, 95.0, -1.0, f64::NAN] {
        assert!(matches!(hundredths(84).factor(none), Err(NoBound::NoConfidence(_))), "{none}");
    }
    assert!(of(&[]).factor(0.5).is_err());
}

/// The promise itself, on draws of a skewed distribution: a new one lies at or below the factor at least that often.
#[test]
fn new_draws_lie_under_the_factor_as_often_as_stated() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut draw = move || 0.9 + rng.r#gen::<f64>().powi(4);
    for confidence in [0.5, 0.8, 0.95] {
        let trials = 6000;
        let holds = (0..trials)
            .filter(|_| {
                let ratios: Vec<f64> = (0..39).map(|_| draw()).collect();
                draw() <= of(&ratios).factor(confidence).unwrap()
            })
            .count();
        let share = holds as f64 / f64::from(trials);
        // Exact coverage is rank / 40: never below the confidence, and at most 1/40 above.
        assert!((confidence - 0.015..confidence + 0.04).contains(&share), "{share} at {confidence}");
    }
}

proptest! {
    #[test]
    fn the_factor_rises_with_the_confidence(
        ratios in prop::collection::vec(0.5f64..2.0, 40..90),
        low in 0.5f64..0.97,
        more in 0.0f64..0.4,
    ) {
        let ratios = of(&ratios);
        let high = (low + more).min(0.97);
        prop_assert!(ratios.factor(low).unwrap() <= ratios.factor(high).unwrap());
    }
}

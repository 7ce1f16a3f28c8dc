#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::graph::{Builder, Conv2d, Network, Op, Shape};

#[derive(Deserialize)]
struct Golden {
    scores: Vec<f64>,
    truths: Vec<f64>,
    costs: Vec<f64>,
    count: usize,
    ndcg: f64,
    bands: Vec<GoldenBand>,
}

#[derive(Deserialize)]
struct GoldenBand {
    low: f64,
    high: f64,
    n: usize,
    spearman: Option<f64>,
}

#[test]
fn gains_and_bands_equal_numpy() {
    let golden: Vec<Golden> = serde_json::from_str(include_str!("../../../tests/fixtures/audit.json")).unwrap();
    for (at, case) in golden.iter().enumerate() {
        assert_eq!(case.count, ndcg_cut(case.scores.len()));
        let gain = ndcg(&case.scores, &case.truths, case.count).unwrap();
        assert!((gain - case.ndcg).abs() < 1e-12, "case {at}: {gain}, numpy {}", case.ndcg);
        let bands = Bands::new("macs", &case.costs, &case.scores, &case.truths);
        assert_eq!(bands.bands.len(), case.bands.len(), "case {at}");
        for (ours, reference) in bands.bands.iter().zip(&case.bands) {
            assert_eq!((ours.low, ours.high, ours.n), (reference.low, reference.high, reference.n), "case {at}");
            let apart = ours.spearman.unwrap_or(9.0) - reference.spearman.unwrap_or(9.0);
            assert!(apart.abs() < 1e-12, "case {at}: {:?}, numpy {:?}", ours.spearman, reference.spearman);
        }
    }
}

#[test]
fn gain_by_hand() {
    // Gains 0, 1 and 3; the ranking by score puts 1 first: (1 + 3 / log2 3) / (3 + 1 / log2 3).
    let log = 3.0_f64.log2();
    let gain = ndcg(&[1.0, 3.0, 2.0], &[5.0, 6.0, 8.0], 10).unwrap();
    assert!((gain - (1.0 + 3.0 / log) / (3.0 + 1.0 / log)).abs() < 1e-15, "{gain}");
    assert!((ndcg(&[1.0, 3.0, 2.0], &[5.0, 6.0, 8.0], 1).unwrap() - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!((ndcg(&[], &[], 10), ndcg(&[1.0, 2.0], &[3.0, 3.0], 10), ndcg(&[1.0], &[1.0], 0)), (None, None, None));
}

proptest! {
    /// The gain of a ranking with ties is the mean over every way to break them.
    #[test]
    fn gain_with_ties_equals_enumeration(rows in prop::collection::vec((0u8..3, 0u8..6), 2..7), count in 1usize..8) {
        let (scores, truths): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (f64::from(r.0), f64::from(r.1))).unzip();
        let lowest = truths.iter().copied().fold(f64::INFINITY, f64::min);
        let discounted = |order: &[usize]| -> f64 {
            let gains = order.iter().take(count).enumerate();
            gains.map(|(rank, &row)| (truths[row] - lowest) / (rank as f64 + 2.0).log2()).sum()
        };
        let mut orders = vec![vec![]];
        for _ in 0..rows.len() {
            orders = orders.into_iter().flat_map(|order: Vec<usize>| {
                (0..rows.len()).filter(|row| !order.contains(row)).map(|row| [&order[..], &[row]].concat()).collect::<Vec<_>>()
            }).collect();
        }
        let ideal = orders.iter().map(|order| discounted(order)).fold(0.0, f64::max);
        let fair: Vec<f64> = (orders.iter())
            .filter(|order| order.windows(2).all(|pair| scores[pair[0]] >= scores[pair[1]]))
            .map(|order| discounted(order))
            .collect();
        let mean = fair.iter().sum::<f64>() / fair.len() as f64;
        match ndcg(&scores, &truths, count) {
            Some(gain) => prop_assert!((gain - mean / ideal).abs() < 1e-12),
            None => prop_assert_eq!(ideal, 0.0),
        }
    }

    /// Copies of a row that are drawn together say no more than the row alone.
    #[test]
    fn copies_within_a_class_do_not_narrow_the_interval(rows in prop::collection::vec((-9i32..9, -9i32..9), 4..30)) {
        let (scores, truths): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (f64::from(r.0), f64::from(r.1))).unzip();
        let bootstrap = Bootstrap { resamples: 40, ..Bootstrap::default() };
        let alone = bootstrap.intervals(&Ranks::new(&scores, &truths));
        let thrice = |values: &[f64]| values.iter().flat_map(|&value| [value; 3]).collect::<Vec<f64>>();
        let classes: Vec<usize> = (0..rows.len()).flat_map(|class| [class + 7; 3]).collect();
        let copies = bootstrap.class_intervals(&Ranks::new(&thrice(&scores), &thrice(&truths)), &classes);
        match (alone.spearman, copies.spearman) {
            (Some(a), Some(b)) => {
                prop_assert!((a.low - b.low).abs() < 1e-9 && (a.high - b.high).abs() < 1e-9, "{:?} {:?}", a, b);
            }
            (a, b) => prop_assert_eq!(a, b),
        }
    }
}

/// An input, a chain of three convolutions beside one, and a fourth behind a zero.
fn branches() -> Network {
    let mut net = Builder::new();
    let input = net.add("input", Op::Input { shape: Shape::map(3, 8) }, &[]).unwrap();
    let mut conv =
        |name: &str, channels, from| net.add(name, Op::Conv2d(Conv2d::square(channels, 3, 1)), &[from]).unwrap();
    let a = conv("a", 4, input);
    let b = conv("b", 10, a);
    let c = conv("c", 8, b);
    let short = conv("short", 8, input);
    let dead = conv("dead", 8, short);
    let zero = net.add("zero", Op::Zero { stride: 1 }, &[dead]).unwrap();
    let sum = net.add("sum", Op::Add, &[c, short, zero]).unwrap();
    net.output(sum);
    net.finish().unwrap()
}

#[test]
fn traits_are_those_of_the_live_part() {
    let network = branches();
    let traits = Traits::of(&network, &network.live(), None);
    let params = 9.0 * (3.0 * 4.0 + 4.0 * 10.0 + 10.0 * 8.0 + 3.0 * 8.0);
    let expected = Traits { depth: 3.0, width: 7.5, params, macs: 64.0 * params, latency: None };
    assert_eq!(traits, expected);
}

#[test]
fn a_score_that_is_depth_goes_along_with_depth_alone() {
    let depths = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let traits = depths.map(|depth| Traits { depth, width: 8.0, params: -depth, macs: depth * depth, latency: None });
    let rows = Rows { traits: traits.to_vec(), ..Rows::new(vec![1.0, 3.0, 2.0, 4.0, 6.0, 5.0]) };
    let column = Column {
        proxy: "depth".to_owned(),
        scores: depths.to_vec(),
        cost: Cost::default(),
        details: Vec::new(),
        unfit: None,
    };
    let judged = judge(&column, &rows, &Bootstrap { resamples: 0, ..Bootstrap::default() });
    let bias = serde_json::json!({"depth": 1.0, "width": null, "params": -1.0, "macs": 1.0});
    assert_eq!(Json::Object(judged.bias), bias);
    assert_eq!(judged.bands.unwrap().by, "macs");
}

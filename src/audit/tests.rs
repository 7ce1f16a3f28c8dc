#![allow(clippy::unwrap_used)]
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    name: String,
    first: Vec<f64>,
    second: Vec<f64>,
    spearman: f64,
    kendall: f64,
}

#[test]
fn correlations_equal_scipy() {
    let golden: Vec<Golden> = serde_json::from_str(include_str!("../../tests/fixtures/rank_correlation.json")).unwrap();
    for case in golden {
        let ranks = Ranks::new(&case.first, &case.second);
        assert!((ranks.spearman().unwrap() - case.spearman).abs() < 1e-12, "spearman, {}", case.name);
        assert!((ranks.kendall().unwrap() - case.kendall).abs() < 1e-12, "kendall, {}", case.name);
    }
}

#[test]
fn undefined_correlations_are_none() {
    for (first, second) in [(&[][..], &[][..]), (&[1.0], &[2.0]), (&[1.0, 1.0], &[1.0, 2.0]), (&[1.0, 2.0], &[3.0; 2])]
    {
        let ranks = Ranks::new(first, second);
        assert_eq!((ranks.spearman(), ranks.kendall()), (None, None), "{first:?} {second:?}");
    }
    assert_eq!(Ranks::new(&[0.0, -0.0, 1.0], &[1.0, 1.0, 2.0]).kendall(), Some(1.0), "zero has one rank");
}

/// τ-b by its definition, over all pairs.
fn kendall_by_pairs(rows: &[(u8, u8)]) -> Option<f64> {
    let (mut balance, mut first, mut second) = (0i64, 0i64, 0i64);
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[..i] {
            let (x, y) = (a.0.cmp(&b.0) as i64, a.1.cmp(&b.1) as i64);
            balance += x * y;
            first += x.abs();
            second += y.abs();
        }
    }
    (first > 0 && second > 0).then(|| balance as f64 / ((first as f64) * (second as f64)).sqrt())
}

/// ρ as Pearson's correlation of mid-ranks, each rank by counting.
fn spearman_by_counting(rows: &[(u8, u8)]) -> Option<f64> {
    let rank = |value: u8, of: &dyn Fn(&(u8, u8)) -> u8| {
        let below = rows.iter().filter(|row| of(row) < value).count() as f64;
        let equal = rows.iter().filter(|row| of(row) == value).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    let n = rows.len() as f64;
    let mean = (n + 1.0) / 2.0;
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for row in rows {
        let (x, y) = (rank(row.0, &|r| r.0) - mean, rank(row.1, &|r| r.1) - mean);
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

fn close(ours: Option<f64>, reference: Option<f64>) -> bool {
    match (ours, reference) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a.is_none() && b.is_none(),
    }
}

proptest! {
    /// Weights mean repetition: the weighted fast form equals the definition on the sample written out.
    #[test]
    fn weighted_correlations_equal_brute_force(
        rows in prop::collection::vec((0u8..6, 0u8..9, 0u32..4), 0..40)
    ) {
        let (first, second): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (f64::from(r.0), f64::from(r.1))).unzip();
        let counts: Vec<u32> = rows.iter().map(|r| r.2).collect();
        let sample: Vec<(u8, u8)> =
            rows.iter().flat_map(|r| std::iter::repeat_n((r.0, r.1), r.2 as usize)).collect();
        let ranks = Ranks::new(&first, &second);
        prop_assert!(close(ranks.weighted_kendall(&counts), kendall_by_pairs(&sample)));
        prop_assert!(close(ranks.weighted_spearman(&counts), spearman_by_counting(&sample)));
    }

    /// Only order counts, and swapping the columns or reversing one changes at most the sign.
    #[test]
    fn correlations_are_symmetric(rows in prop::collection::vec((-50i32..50, -50i32..50), 2..60)) {
        let (x, y): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (f64::from(r.0), f64::from(r.1))).unzip();
        let stretched: Vec<f64> = x.iter().map(|v| v.exp()).collect();
        let reversed: Vec<f64> = y.iter().map(|v| -v).collect();
        let ranks = Ranks::new(&x, &y);
        prop_assert_eq!(ranks.kendall(), Ranks::new(&stretched, &y).kendall());
        prop_assert!(close(ranks.kendall(), Ranks::new(&y, &x).kendall()));
        prop_assert!(close(ranks.spearman(), Ranks::new(&x, &reversed).spearman().map(|r| -r)));
    }

    /// The expected best equals the average over every way to break the ties.
    #[test]
    fn expected_best_equals_enumeration(rows in prop::collection::vec((0u8..3, 0u8..6), 1..7), count in 1usize..5) {
        let (scores, truths): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (f64::from(r.0), f64::from(r.1))).unzip();
        let expected = (count <= rows.len()).then(|| {
            let mut best = Vec::new();
            permutations(&mut (0..rows.len()).collect(), 0, &mut |order| {
                if order.windows(2).all(|pair| scores[pair[0]] >= scores[pair[1]]) {
                    best.push(order[..count].iter().map(|&i| truths[i]).fold(f64::MIN, f64::max));
                }
            });
            best.iter().sum::<f64>() / best.len() as f64
        });
        prop_assert!(close(expected_best(&scores, &truths, count), expected));
    }
}

fn permutations(order: &mut Vec<usize>, from: usize, visit: &mut dyn FnMut(&[usize])) {
    if from == order.len() {
        return visit(order);
    }
    for at in from..order.len() {
        order.swap(from, at);
        permutations(order, from + 1, visit);
        order.swap(from, at);
    }
}

#[test]
fn percentiles_are_interpolated() {
    assert_eq!(interval(vec![3.0, 1.0, 2.0], 1.0), Some(Interval { low: 1.0, high: 3.0 }));
    assert_eq!(interval((0..=100).map(f64::from).collect(), 0.5), Some(Interval { low: 25.0, high: 75.0 }));
    assert_eq!(interval(vec![0.0, 1.0], 0.5), Some(Interval { low: 0.25, high: 0.75 }));
    assert_eq!(interval(vec![], 0.95), None);
}

/// Rows of two normal columns with Pearson correlation `rho`, from a small generator of its own.
fn correlated(rows: usize, rho: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..rows)
        .map(|_| {
            let (x, e): (f64, f64) = (StandardNormal.sample(&mut rng), StandardNormal.sample(&mut rng));
            (x, rho * x + (1.0 - rho * rho).sqrt() * e)
        })
        .unzip()
}

#[test]
fn intervals_cover_the_true_correlation() {
    // For normal columns τ = 2/π · asin ρ (Kendall). 95 % intervals of 300 samples: 285 hits expected,
    // standard deviation 3.8; percentile intervals fall a little short at 100 rows.
    let (rho, bootstrap) = (0.6f64, Bootstrap { resamples: 200, ..Bootstrap::default() });
    let tau = 2.0 / std::f64::consts::PI * rho.asin();
    let hits = (0..300)
        .filter(|&seed| {
            let (x, y) = correlated(100, rho, seed);
            let kendall = bootstrap.intervals(&Ranks::new(&x, &y)).kendall.unwrap();
            (kendall.low..=kendall.high).contains(&tau)
        })
        .count();
    assert!((270..=297).contains(&hits), "{hits} of 300 intervals cover");
}

#[test]
fn intervals_depend_on_the_seed_only() {
    let (x, y) = correlated(200, 0.5, 1);
    let ranks = Ranks::new(&x, &y);
    let bootstrap = Bootstrap { resamples: 64, ..Bootstrap::default() };
    let many = bootstrap.intervals(&ranks);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| bootstrap.intervals(&ranks));
    assert_eq!(many, one);
    assert_ne!(many, Bootstrap { seed: 1, ..bootstrap }.intervals(&ranks));
    assert_eq!(Bootstrap { resamples: 0, ..bootstrap }.intervals(&ranks), Intervals::default());
}

#[test]
fn judgement_leaves_out_and_counts_scores_that_are_not_numbers() {
    let column = Column {
        proxy: "p".to_owned(),
        scores: vec![1.0, f64::NAN, 2.0, 3.0, f64::NEG_INFINITY],
        cost: Cost::default(),
        details: Vec::new(),
        unfit: None,
    };
    let judged = judge(&column, &Rows::new(vec![10.0, 99.0, 20.0, 30.0, 1.0]), &Bootstrap::default());
    assert_eq!((judged.n, judged.not_finite, judged.kendall), (3, 2, Some(1.0)));
    assert_eq!(judged.best_of_top_10, None, "three rows have no top ten");
    assert_eq!(judged.top_half.n, 2);
}

#[test]
fn the_top_half_starts_at_the_median() {
    let truths = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let column = Column {
        proxy: "p".to_owned(),
        scores: vec![0.0, 1.0, 2.0, 9.0, 8.0, 7.0],
        cost: Cost::default(),
        details: Vec::new(),
        unfit: None,
    };
    let half =
        judge(&column, &Rows::new(truths.to_vec()), &Bootstrap { resamples: 0, ..Bootstrap::default() }).top_half;
    assert_eq!((half.n, half.kendall, half.spearman), (3, Some(-1.0), Some(-1.0)));
}

fn truth(text: &str) -> Result<Truth, String> {
    Truth::parse(Path::new("t.csv"), text.as_bytes(), "arch", "accuracy").map_err(|error| error.to_string())
}

#[test]
fn truth_files_are_read() {
    let read = truth("index,arch,accuracy\n0,a,90.5\n1,b,\n2, c ,NaN\n3,d,80\n4,\"e,f\",inf\n").unwrap();
    let rows: Vec<(&str, f64, u64)> = read.rows.iter().map(|r| (r.id.as_str(), r.value, r.line)).collect();
    assert_eq!(rows, [("a", 90.5, 2), ("d", 80.0, 5)]);
    assert_eq!(read.skipped, 3);
    let lines = |text: &str| truth(text).unwrap().rows.iter().map(|row| row.line).collect::<Vec<_>>();
    assert_eq!(lines("arch,accuracy\r\na,1\r\n\r\n\"b\nc\",2\r\nd,3"), [2, 4, 6]);
    assert_eq!(lines("\narch,accuracy\na,1\n\n\nb,2\n"), [3, 6]);
}

#[test]
fn broken_truth_files_are_refused_with_their_place() {
    let cases = [
        (
            "arch,acuracy\na,1\n",
            "t.csv:1: there is no column `accuracy`; did you mean `acuracy`? the columns are arch, acuracy",
        ),
        ("name,value\na,1\n", "t.csv:1: there is no column `arch`; the columns are name, value"),
        (
            "arch,accuracy\na,1\nb,9O.5\n",
            "t.csv:3: `9O.5` in column `accuracy` is not a number; leave it empty if it is not known",
        ),
        ("arch,accuracy\na,1\nb,2\na,3\n", "t.csv:4: `a` stands on line 2 already; give each architecture one row"),
        (
            "arch,accuracy\na,1\nb,\n",
            "t.csv: 1 row(s) with a value in column `accuracy`; a correlation needs at least 2",
        ),
        (
            "arch,accuracy\na,1\nb\n",
            "t.csv: not a CSV file: CSV error: record 2 (line: 3, byte: 18): found record with 1 fields, but the previous record has 2 fields",
        ),
        ("", "t.csv:1: there is no column `arch`; the file is empty"),
    ];
    for (text, message) in cases {
        assert_eq!(truth(text).unwrap_err(), message, "{text:?}");
    }
    let invalid = Truth::parse(Path::new("t.csv"), b"arch,accuracy\n\xff,1\n", "arch", "accuracy").unwrap_err();
    assert!(invalid.to_string().contains("line 2"), "{invalid}");
    let missing = Truth::read(Path::new("no/such.csv"), "arch", "accuracy").unwrap_err();
    assert!(missing.to_string().starts_with("no/such.csv: cannot be read"), "{missing}");
}

#[test]
fn samples_are_uniform_and_repeatable() {
    let rows: Vec<TruthRow> =
        (0..20).map(|i| TruthRow { id: i.to_string(), value: f64::from(i), line: i as u64 + 2 }).collect();
    let all = Truth { rows, skipped: 0 };
    let drawn = |limit, seed| {
        let mut truth = all.clone();
        truth.sample(limit, seed);
        truth.rows
    };
    assert_eq!(drawn(5, 7), drawn(5, 7));
    assert_ne!(drawn(5, 7), drawn(5, 8));
    assert_eq!(drawn(20, 1), all.rows);
    assert_eq!(drawn(99, 1), all.rows);
    let mut hits = [0u32; 20];
    for seed in 0..2000 {
        drawn(5, seed).iter().for_each(|row| hits[row.value as usize] += 1);
    }
    // 500 expected each, standard deviation 19.
    assert!(hits.iter().all(|&h| (400..600).contains(&h)), "{hits:?}");
}

/// A network of one convolution on a map of the given size, or an error for size 0.
fn one_conv(size: usize) -> Result<crate::graph::Network, crate::graph::NetworkError> {
    use crate::graph::{Builder, Conv2d, Op, Shape};
    let mut net = Builder::new();
    let input = net.add("input", Op::Input { shape: Shape::map(3, size) }, &[])?;
    let conv = net.add("conv", Op::Conv2d(Conv2d::square(8, 3, 1)), &[input])?;
    net.output(conv);
    net.finish()
}

fn s0() -> Vec<Box<dyn crate::proxy::Proxy>> {
    vec![crate::proxy::Definition::load("s0").unwrap().proxy(&crate::proxy::Conditions::default())]
}

#[test]
fn measuring_scores_every_row_in_its_place() {
    let scored = std::sync::atomic::AtomicUsize::new(0);
    let count = || {
        scored.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    let measured = measure(40, |_| one_conv(8), &s0(), count).unwrap();
    assert_eq!(measured.columns[0].scores, vec![216f64.ln(); 40]);
    assert_eq!((measured.distinct, measured.dead, scored.into_inner()), (1, 0, 40));
}

#[test]
fn measuring_stops_at_the_first_row_that_cannot_be_scored() {
    let broken = measure(9, |row| one_conv(if row >= 5 { 0 } else { 8 }), &s0(), || ()).unwrap_err();
    assert_eq!(broken.row(), Some(5));
    assert!(matches!(broken, MeasureError::Build { .. }));
    let mixed = measure(9, |row| one_conv(if row == 7 { 16 } else { 8 }), &s0(), || ()).unwrap_err();
    assert_eq!(
        mixed.to_string(),
        "row 7: scores compare only at one input size, but these networks take 3×8×8 and 3×16×16; fix the input size"
    );
}

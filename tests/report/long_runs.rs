//! Made-up long searches: evolved fronts with their course, their decisions, and what lies outside the limits.

use pocketnas::report::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::samples::{many, realistic};

/// An evolved front of three objectives with everything that a report can show.
pub fn evolved() -> ReportData {
    let mut data = many(3, 250);
    data.title = "Evolved: latency, score and size on the Galaxy S10".into();
    data.certificate =
        Certificate { complete: false, epsilon: None, statement: "Found by NSGA-II; nothing is certified.".into() };
    data.course = Some(course(4000, vec![66.0, 290.0, 6.4e6]));
    let mut random = ChaCha8Rng::seed_from_u64(5);
    data.infeasible = data
        .sampled
        .iter()
        .take(500)
        .map(|row| vec![row[0] * random.gen_range(1.05..1.3), row[1], row[2] * 1.1])
        .collect();
    data.infeasible.push(vec![f64::NAN, 1.0, 1.0]);
    decide(&mut data, &space(20, 3));
    data
}

/// Growth that is fast at first, up to `evaluated` evaluations.
pub fn course(evaluated: u64, reference: Vec<f64>) -> Course {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut hypervolume = Vec::new();
    let mut evaluations = 12;
    while evaluations < evaluated {
        let t = evaluations as f64 / evaluated as f64;
        hypervolume.push(Growth {
            evaluations,
            hypervolume: 1.0 - 0.75 * (-6.5 * t).exp(),
            front: 3 + (240.0 * t) as u64,
        });
        evaluations += 1 + (random.gen_range(0.0..1.0_f64).powi(3) * 60.0) as u64;
    }
    hypervolume.push(Growth { evaluations: evaluated, hypervolume: 1.0, front: 250 });
    Course { evaluated, screened: 1310, infeasible: 1655, failed: 3, cached: 212, reference, hypervolume }
}

/// Decisions with their numbers of options: positions with kernel, expansion and attention, and an activation.
pub fn space(positions: usize, options: usize) -> Vec<(String, Vec<String>)> {
    let mut decisions = vec![("act".to_owned(), vec!["relu".to_owned(), "hswish".to_owned()])];
    for position in 0..positions {
        let scope = format!("s{}.{}", position / 4 + 1, position % 4);
        let kernels = (0..options).map(|option| (3 + 2 * option).to_string()).collect();
        decisions.push((format!("{scope}.kernel"), kernels));
        decisions.push((format!("{scope}.expand"), ["3", "4", "6"].map(str::to_owned).into()));
        decisions.push((format!("{scope}.attention"), ["none", "se"].map(str::to_owned).into()));
    }
    decisions
}

/// Fills choices and importance for these decisions.
pub fn decide(data: &mut ReportData, decisions: &[(String, Vec<String>)]) {
    let mut random = ChaCha8Rng::seed_from_u64(21);
    let mut shares = |count: usize, sharpness: i32, present: f64| -> Vec<f64> {
        let weights: Vec<f64> = (0..count).map(|_| random.gen_range(0.0..1.0_f64).powi(sharpness)).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| present * weight / total).collect()
    };
    data.choices = decisions
        .iter()
        .enumerate()
        .map(|(at, (path, options))| {
            let present = if path.contains(".3.") { 0.4 } else { 1.0 };
            let even = vec![present / options.len() as f64; options.len()];
            let front = if at % 5 == 3 { even.clone() } else { shares(options.len(), 3, present) };
            Choice { path: path.clone(), options: options.clone(), front, all: even }
        })
        .collect();
    data.importance = (0..data.objectives.len())
        .flat_map(|objective| decisions.iter().enumerate().map(move |(at, (path, _))| (objective, at, path)))
        .map(|(objective, at, path)| {
            let share = 0.32 * (-(((at * 7 + objective * 11) % decisions.len()) as f64) / 5.0).exp();
            let half = 0.02 + 0.1 * share;
            Importance { objective, path: path.clone(), share, low: (share - half).max(0.0), high: share + half }
        })
        .collect();
}

/// Two thousand members, and sixty decisions of which many have twelve options.
pub fn broad() -> ReportData {
    let mut data = many(5, 2000);
    data.course = Some(course(20_000, vec![66.0, 290.0, 6.4e6, 110.0, 68.0]));
    decide(&mut data, &space(20, 12));
    data
}

/// A search in which nothing kept its limits.
pub fn nothing_within_limits() -> ReportData {
    let mut data = realistic();
    let members: Vec<Member> = data.front.drain(..).take(6).collect();
    (data.knee, data.best_under_limit) = (None, None);
    data.limits[0].bound = 12.0;
    data.limits.push(Limit { quantity: "params".into(), relation: Relation::AtMost, bound: 2.0e6, unit: "1".into() });
    data.infeasible = std::mem::take(&mut data.sampled);
    data.closest = members
        .into_iter()
        .enumerate()
        .map(|(at, mut member)| {
            let over = |limit: &str, value: f64, by: f64, unit: &str| Broken {
                limit: limit.into(),
                value,
                by,
                unit: unit.into(),
            };
            let mut broken = vec![over("latency ≤ 12 ms", member.values[0], member.values[0] - 12.0, "ms")];
            if at % 2 == 1 {
                broken.push(over("params ≤ 2,000,000", 2.15e6, 1.5e5, "1"));
            }
            if at == 4 {
                // Ruled out by its latency, so never scored.
                member.values[1] = f64::NAN;
            }
            member.file = (at == 0).then(|| "architectures/c1.yaml".to_owned());
            Closest { member, broken }
        })
        .collect();
    data.certificate =
        Certificate { complete: false, epsilon: None, statement: "Nothing within the limits was found.".into() };
    let mut course = course(4000, vec![66.0, 290.0]);
    course.hypervolume.clear();
    course.infeasible = 4000;
    data.course = Some(course);
    decide(&mut data, &space(1, 4));
    data.choices.clear();
    data
}

/// As many objectives as a search takes.
pub fn objectives(count: usize) -> ReportData {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let direction = |at: usize| if at % 3 == 1 { Direction::Maximise } else { Direction::Minimise };
    let directions: Vec<Direction> = (0..count).map(direction).collect();
    let rows: Vec<Vec<f64>> =
        (0..300).map(|_| (0..count).map(|at| random.gen_range(0.0..10.0_f64.powi(at as i32 % 7))).collect()).collect();
    let members: Vec<&[f64]> = rows.iter().take(200).map(Vec::as_slice).collect();
    let samples: Vec<&[f64]> = rows.iter().skip(200).map(Vec::as_slice).collect();
    let mut data = crate::samples::bare(&directions, &members, &samples);
    data.course = Some(course(300, vec![0.0; count]));
    decide(&mut data, &space(2, 3));
    data
}

/// One decision, one objective, one step.
pub fn least() -> ReportData {
    let mut data = crate::samples::bare(&[Direction::Minimise], &[&[2.0]], &[&[3.0]]);
    let step = Growth { evaluations: 0, hypervolume: 1.0, front: 1 };
    data.course = Some(Course { reference: vec![4.0], hypervolume: vec![step], ..Course::default() });
    decide(&mut data, &[("act".to_owned(), vec!["relu".to_owned()])]);
    data.infeasible = vec![vec![3.5]];
    data
}

/// Every sample of a long run by name.
pub fn all() -> Vec<(&'static str, ReportData)> {
    let mut strip = least();
    strip.front.clear();
    let broken = Broken { limit: "o0 ≤ 1".into(), value: 2.0, by: 1.0, unit: "1".into() };
    strip.closest = vec![Closest { member: Member { values: vec![2.0], ..Member::default() }, broken: vec![broken] }];
    let mut unknown = strip.clone();
    unknown.closest[0].member.values[0] = f64::NAN;
    vec![
        ("evolved", evolved()),
        ("broad", broad()),
        ("nothing-within-limits", nothing_within_limits()),
        ("sixty-four", objectives(64)),
        ("least", least()),
        ("closest-strip", strip),
        ("closest-unknown", unknown),
    ]
}

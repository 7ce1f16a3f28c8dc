//! Made-up searches: one that looks like a real one, and many that are degenerate.

use pocketnas::report::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn objective(name: &str, label: &str, unit: &str, direction: Direction) -> Objective {
    Objective { name: name.into(), label: label.into(), unit: unit.into(), direction }
}

fn entry(key: &str, value: &str) -> Entry {
    Entry { key: key.into(), value: value.into() }
}

/// Three hundred members between 15 and 60 ms, a thousand samples, five known networks.
pub fn realistic() -> ReportData {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut steps: Vec<f64> = (0..300).map(|_| random.gen_range(0.02..1.0_f64).powi(2)).collect();
    let total: f64 = steps.iter().sum();
    let mut at = 0.0;
    for step in &mut steps {
        at += *step / total;
        *step = at;
    }
    let score = |t: f64| 300.0 + 120.0 * (1.0 - (-2.6 * t).exp()) / (1.0 - (-2.6_f64).exp());
    let front: Vec<Member> = steps
        .iter()
        .enumerate()
        .map(|(index, &t)| {
            let latency = 15.0 + 45.0 * t;
            member(index, vec![latency, score(t)], latency, &mut random)
        })
        .collect();
    let sampled = (0..1000)
        .map(|_| {
            let t: f64 =
                (random.gen_range(0.0..1.0_f64) + random.gen_range(0.0..1.0) + random.gen_range(0.0..1.0)) / 3.0;
            let loss = 4.0 + 26.0 * random.gen_range(0.0..1.0_f64).powf(1.5);
            vec![18.0 + 46.0 * t, score(t) - loss]
        })
        .collect();
    let baseline =
        |name: &str, latency: f64, score: f64| Baseline { name: name.into(), values: vec![Some(latency), Some(score)] };
    let best = front.iter().rposition(|member| member.values[0] <= 30.0);
    let knee = front.iter().position(|member| member.values[0] > 26.0);
    ReportData {
        version: FormatVersion,
        title: "MobileNetV3 on the Galaxy S10: structural score against latency".into(),
        space: SpaceSummary {
            name: "mobilenetv3-ofa".into(),
            about: "Five stages of inverted residuals in the shape of MobileNetV3-large; kernel 3, 5 or 7, expansion 3, 4 or 6, depth 2, 3 or 4 are searched.".into(),
            architectures: "21758655492572485851".into(),
        },
        objectives: vec![
            objective("latency", "Latency, Galaxy S10, one large core, float", "ms", Direction::Minimise),
            objective("s0_bc", "Structural ZiCo-BC score", "1", Direction::Maximise),
        ],
        limits: vec![Limit { quantity: "latency".into(), relation: Relation::AtMost, bound: 30.0, unit: "ms".into() }],
        front,
        sampled,
        baselines: vec![
            baseline("MobileNetV2", 33.4, 352.0),
            baseline("MobileNetV3-large", 27.1, 361.5),
            baseline("MobileNetV3-small", 14.2, 288.0),
            baseline("ResNet-18", 151.0, 118.0),
            baseline("EfficientNet-Lite0", 35.2, 357.0),
        ],
        knee,
        best_under_limit: best,
        certificate: Certificate {
            complete: true,
            epsilon: Some(0.0),
            statement: "Every architecture of the space was covered by the exact search: no other one is at least as good in both objectives.".into(),
        },
        run: RunCard {
            entries: vec![
                entry("strategy", "exact front over the choice graph"),
                entry("states", "61"),
                entry("random samples", "1,000"),
                entry("latency table", "galaxy-s10-exynos9820, 1large, float, fitted"),
            ],
            config: "# What to search, and for which phone.\nversion: 1\nspace: search_spaces/mobilenetv3-ofa.yaml\nobjectives:\n  - latency: { device: galaxy-s10-exynos9820, cores: 1large, precision: float }\n  - proxy: s0_bc\nlimits:\n  latency: 30 ms\nseed: 42\n".into(),
            seed: 42,
            versions: vec![entry("pocketnas", "0.1.0"), entry("score s0_bc", "1")],
            seconds: 3.27,
        },
        notes: vec![
            "No latency here was measured by this project: the table was fitted to whole-network measurements by others.".into(),
            "Scores compare only at one input size (224 × 224).".into(),
        ],
        ..ReportData::default()
    }
}

fn member(index: usize, values: Vec<f64>, latency: f64, random: &mut ChaCha8Rng) -> Member {
    let names: Vec<String> = (0..17).map(|block| format!("s{}.{}", block / 4 + 1, block % 4)).collect();
    let weights: Vec<f64> = names.iter().map(|_| random.gen_range(0.4..1.6)).collect();
    let total: f64 = weights.iter().sum::<f64>() / 0.86;
    let shapes: Vec<(u32, u32)> =
        names.iter().map(|_| ([3, 5, 7][random.gen_range(0..3)], [3, 4, 6][random.gen_range(0..3)])).collect();
    let mut blocks = vec![Block {
        name: "stem".into(),
        description: "conv 3×3, 16, stride 2".into(),
        latency_ms: Some(latency * 0.06),
    }];
    blocks.extend(names.iter().zip(&weights).zip(&shapes).map(|((name, weight), (k, e))| Block {
        name: name.clone(),
        description: format!("mbconv k{k} e{e}"),
        latency_ms: Some(latency * weight / total),
    }));
    blocks.push(Block {
        name: "head".into(),
        description: "conv 1×1, 960; linear 1280; linear 1000".into(),
        latency_ms: Some(latency * 0.08),
    });
    Member {
        id: format!("m{index:03}"),
        architecture: names
            .iter()
            .zip(&shapes)
            .map(|(name, (k, e))| format!("{name}=mbconv(k{k},e{e})"))
            .collect::<Vec<_>>()
            .join(" "),
        hash: format!("{:016x}", random.r#gen::<u64>()),
        values,
        decisions: names
            .iter()
            .zip(&shapes)
            .flat_map(|(name, (k, e))| {
                [
                    Decision { path: format!("{name}.kernel"), value: k.to_string() },
                    Decision { path: format!("{name}.expand"), value: e.to_string() },
                ]
            })
            .collect(),
        blocks,
        metrics: vec![
            Metric { name: "params".into(), value: (2.1e6 + latency * 9.0e4).round(), unit: "1".into() },
            Metric { name: "macs".into(), value: (5.0e7 + latency * 7.0e6).round(), unit: "1".into() },
        ],
        file: Some(format!("architectures/m{index:03}.yaml")),
        flags: if index % 37 == 5 {
            vec!["s4.2: kernel 7 at 7 × 7 lies outside the measured range; its latency is extrapolated".into()]
        } else {
            vec![]
        },
    }
}

/// A bare report with these objectives, members and samples.
pub fn bare(directions: &[Direction], members: &[&[f64]], sampled: &[&[f64]]) -> ReportData {
    ReportData {
        title: "Degenerate".into(),
        objectives: directions
            .iter()
            .enumerate()
            .map(|(index, direction)| objective(&format!("o{index}"), &format!("Objective {index}"), "1", *direction))
            .collect(),
        front: members
            .iter()
            .enumerate()
            .map(|(index, values)| Member { id: index.to_string(), values: values.to_vec(), ..Member::default() })
            .collect(),
        sampled: sampled.iter().map(|row| row.to_vec()).collect(),
        ..ReportData::default()
    }
}

/// Three or more objectives: a simplex of compromises.
pub fn many(objectives: usize, members: usize) -> ReportData {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut data = realistic();
    let extra = [
        objective("params", "Parameters", "1", Direction::Minimise),
        objective("energy", "Energy for one image", "mJ", Direction::Minimise),
        objective("accuracy", "Accuracy", "%", Direction::Maximise),
    ];
    data.objectives.extend(extra.into_iter().take(objectives - 2));
    data.limits.push(Limit { quantity: "params".into(), relation: Relation::AtMost, bound: 5.5e6, unit: "1".into() });
    let row = |random: &mut ChaCha8Rng, slack: f64| -> Vec<f64> {
        let weights: Vec<f64> = (0..objectives).map(|_| -random.gen_range(0.001..1.0_f64).ln()).collect();
        let total: f64 = weights.iter().sum();
        let w: Vec<f64> = weights.iter().map(|w| (w / total).sqrt()).collect();
        let cost = |i: usize| 1.0 - w[i] * (1.0 - slack);
        [
            15.0 + 45.0 * cost(0),
            420.0 - 120.0 * cost(1),
            2.1e6 + 4.0e6 * cost(2),
            20.0 + 80.0 * cost(3 % objectives),
            80.0 - 9.0 * cost(4 % objectives),
        ]
        .into_iter()
        .take(objectives)
        .collect()
    };
    data.front = (0..members)
        .map(|index| {
            let values = row(&mut random, 0.0);
            let latency = values[0];
            member(index, values, latency, &mut random)
        })
        .collect();
    data.sampled = (0..800)
        .map(|_| {
            let slack = random.gen_range(0.05..0.5);
            row(&mut random, slack)
        })
        .collect();
    for (index, baseline) in data.baselines.iter_mut().enumerate() {
        let extra = [Some(3.5e6 + 4e5 * index as f64), Some(70.0), None];
        baseline.values.extend(extra.into_iter().take(objectives - 2));
    }
    let kept = |index: &usize| data.front[*index].values[0] <= 30.0 && data.front[*index].values[2] <= 5.5e6;
    data.best_under_limit =
        (0..members).filter(kept).max_by(|a, b| data.front[*a].values[1].total_cmp(&data.front[*b].values[1]));
    data.knee = Some(members / 2);
    data.certificate = Certificate {
        complete: false,
        epsilon: Some(0.01),
        statement: "Every architecture of the space is within 1 % of a member in each objective.".into(),
    };
    data
}

/// A front far too large to draw or list in full.
pub fn huge(members: usize) -> ReportData {
    let mut data = realistic();
    let template = data.front.clone();
    data.front = (0..members)
        .map(|index| {
            let t = index as f64 / members as f64;
            let mut member = template[index % template.len()].clone();
            member.id = format!("m{index:06}");
            member.values = vec![15.0 + 45.0 * t, 300.0 + 120.0 * t.sqrt()];
            member
        })
        .collect();
    data.knee = Some(members / 4);
    data.best_under_limit = Some(members / 3);
    data
}

/// Names chosen to break out of whatever quotes them.
pub fn hostile() -> ReportData {
    let evil = "</script><script>window.broken=1</script><img src=x onerror=\"window.broken=1\">&'\"\u{2028}\u{0}é≤µ";
    let mut data = realistic();
    data.title = format!("A {evil} title");
    data.space.name = evil.into();
    data.space.about = evil.into();
    data.notes.push(evil.into());
    data.run.config = format!("# {evil}\n");
    data.run.entries.push(entry(evil, evil));
    data.baselines[0].name = evil.into();
    data.objectives[0].label = evil.into();
    data.objectives[1].name = evil.into();
    data.certificate.statement = evil.into();
    for member in data.front.iter_mut().take(40) {
        member.architecture = evil.into();
        member.id = evil.into();
        member.hash = evil.into();
        member.flags = vec![evil.into()];
        member.file = Some("javascript:window.broken=1".into());
        member.blocks[0].name = evil.into();
        member.blocks[0].description = evil.into();
        member.decisions[0].value = evil.into();
    }
    data.knee = Some(3);
    data.best_under_limit = Some(3);
    data.course = Some(crate::long_runs::course(400, vec![66.0, 290.0]));
    crate::long_runs::decide(&mut data, &[(format!("{evil}.{evil}"), vec![evil.into(), "3".into()])]);
    data
}

/// Every sample by name.
pub fn all() -> Vec<(&'static str, ReportData)> {
    use Direction::{Maximise, Minimise};
    let mut no_extras = realistic();
    no_extras.sampled.clear();
    no_extras.baselines.clear();
    no_extras.limits.clear();
    let mut single = realistic();
    single.front.truncate(120);
    single.front.drain(..119);
    (single.knee, single.best_under_limit) = (None, Some(0));
    let mut strip = realistic();
    strip.objectives.truncate(1);
    strip.front.truncate(1);
    strip.front[0].values.truncate(1);
    strip.sampled.iter_mut().for_each(|row| row.truncate(1));
    strip.baselines.iter_mut().for_each(|baseline| baseline.values.truncate(1));
    (strip.knee, strip.best_under_limit) = (None, Some(0));
    let mut samples = vec![
        ("realistic", realistic()),
        ("no-extras", no_extras),
        ("single", single),
        ("strip", strip),
        ("three", many(3, 250)),
        ("five", many(5, 400)),
        ("hostile", hostile()),
        ("one-point", bare(&[Minimise, Maximise], &[&[3.0, 4.0]], &[])),
        ("equal", bare(&[Minimise, Minimise], &[&[1.0, 1.0], &[1.0, 1.0]], &[&[1.0, 1.0]])),
        ("zero", bare(&[Minimise, Minimise], &[&[0.0, -0.0]], &[])),
        ("negative", bare(&[Maximise, Maximise], &[&[-5.0, -1.0], &[-2.0, -3.0]], &[&[-6.0, -6.0]])),
        ("large", bare(&[Minimise, Minimise], &[&[1e12, 9e250], &[2e12, 8e250]], &[&[f64::NAN, 1.0]])),
        ("small", bare(&[Minimise, Minimise], &[&[1e-12, 9e-200], &[2e-12, 8e-200]], &[])),
        ("close", bare(&[Minimise, Minimise], &[&[1e9 + 0.001, 2.0], &[1e9, 3.0]], &[])),
        ("overflowing", bare(&[Minimise, Minimise], &[&[f64::MAX, f64::MIN], &[f64::MIN, f64::MAX]], &[])),
    ];
    samples.extend(crate::long_runs::all());
    samples
}

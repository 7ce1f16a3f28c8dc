//! Strategies against the exact front: the yardstick itself by enumeration, and `pocketnas audit strategies` as a script meets it.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use pocketnas::config::SearchConfig;
use pocketnas::pareto;
use pocketnas::search::{Gene, Genotype, Outcome};
use pocketnas::study::{Plan, Progress};
use serde_json::Value;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn step(&self, _: u64) {}
    fn done(&self, _: &str) {}
}

fn pocketnas(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pocketnas")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

/// All 15,625 cells of NAS-Bench-201, judged as a strategy would have them judged, have exactly the exact front.
#[test]
fn the_outcomes_of_a_whole_space_have_the_exact_front() {
    let plan = Plan::new(SearchConfig::read(&Path::new(EXAMPLES).join("nas-bench-201.yaml")).unwrap(), &Quiet).unwrap();
    let (mut outcomes, mut dead) = (Vec::new(), 0);
    for path in plan.graph().paths() {
        let architecture = plan.graph().architecture(&path);
        let genotype: Genotype = (architecture.decisions.iter())
            .map(|decision| Gene { path: Arc::from(decision.path.as_str()), option: decision.option })
            .collect();
        assert_eq!(plan.graph().path_of(&genotype), Some(path));
        match plan.outcome(&genotype) {
            Outcome::Complete { objectives } => outcomes.push(objectives),
            Outcome::Failed { .. } => dead += 1,
            other => panic!("there are no limits here, and yet {other:?}"),
        }
        // Neither a part of a genotype nor one with more in it belongs to the space.
        assert!(matches!(plan.outcome(&genotype[1..]), Outcome::Failed { .. }));
    }
    assert_eq!(outcomes.len() + dead, 15_625);
    let exact = plan.exact(&Quiet).unwrap();
    assert!(exact.complete);
    let found: Vec<&Vec<f64>> = pareto::non_dominated(&outcomes).into_iter().map(|i| &outcomes[i]).collect();
    // Sums in another order may differ in their last digit.
    let alike = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(x, y)| (x - y).abs() <= 1e-9 * x.abs().max(1.0));
    for point in &exact.points {
        assert!(found.iter().any(|other| alike(point, other)), "{point:?} is not found");
    }
    for point in found {
        assert!(exact.points.iter().any(|other| alike(point, other)), "{point:?} is not exact");
    }
}

#[test]
fn limits_are_told_by_how_far_they_are_broken() {
    let config = SearchConfig::read(&Path::new(EXAMPLES).join("mobilenetv3-galaxy-s10-exact.yaml")).unwrap();
    let plan = Plan::new(config, &Quiet).unwrap();
    let mut seen: HashMap<bool, usize> = HashMap::new();
    for path in plan.graph().paths().step_by(1).take(300).chain(largest(&plan)) {
        let genotype: Genotype = (plan.graph().architecture(&path).decisions.into_iter())
            .map(|decision| Gene { path: Arc::from(decision.path), option: decision.option })
            .collect();
        let latency = plan.prices().along(&path).unwrap()[0];
        match plan.outcome(&genotype) {
            Outcome::Complete { objectives } => assert!(latency <= 30.0 && objectives[0] == latency),
            Outcome::Infeasible { violations } => {
                assert_eq!(violations.len(), 1);
                assert!(latency > 30.0 && (violations[0] - (latency - 30.0)).abs() < 1e-9);
            }
            other => panic!("{other:?}"),
        }
        *seen.entry(latency <= 30.0).or_default() += 1;
    }
    assert!(seen.len() == 2, "both sides of the limit are to be seen: {seen:?}");
}

/// The path that takes the last edge everywhere, which has the deepest and widest blocks.
fn largest(plan: &Plan) -> Option<Vec<usize>> {
    let graph = plan.graph();
    let (mut state, mut path) = (0, Vec::new());
    while state + 1 < graph.states() {
        let edge = graph.edges().iter().rposition(|edge| edge.from as usize == state)?;
        path.push(edge);
        state = graph.edges()[edge].to as usize;
    }
    Some(path)
}

#[test]
fn a_contest_is_written_and_depends_on_its_seeds_only() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{EXAMPLES}/mobilenetv3-galaxy-s10-exact.yaml");
    let run = |out: &Path, jobs: &str| {
        let fixed =
            ["audit", "strategies", &config, "--strategy", "random", "--strategy", "nsga2", "--evaluations", "200"];
        let more = ["--seeds", "3", "--json", "--jobs", jobs, "--out", out.to_str().unwrap()];
        let output = pocketnas(&[&fixed[..], &more[..]].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let answer = run(&one, "1");
    assert_eq!(answer, run(&two, "2"));
    for file in ["strategies.csv", "strategies.md", "strategies.svg"] {
        assert_eq!(fs::read(one.join(file)).unwrap(), fs::read(two.join(file)).unwrap(), "{file}");
    }
    let standings = answer["standings"].as_array().unwrap();
    assert_eq!(standings.iter().map(|s| s["strategy"].as_str().unwrap()).collect::<Vec<_>>(), ["nsga2", "random"]);
    for standing in standings {
        let shares = |key: &str| -> Vec<f64> {
            standing["stations"].as_array().unwrap().iter().map(|s| s[key].as_f64().unwrap()).collect()
        };
        let [low, median, high] = ["low", "median", "high"].map(shares);
        assert!(median.is_sorted(), "what has been found stays found");
        assert!(low.iter().zip(&median).zip(&high).all(|((low, median), high)| low <= median && median <= high));
        assert!(median[0] >= 0.0 && high.last().is_some_and(|&high| high > 0.2 && high <= 1.0 + 1e-9), "{high:?}");
    }
    let csv = fs::read_to_string(one.join("strategies.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 2 * 80);
    let svg = fs::read_to_string(one.join("strategies.svg")).unwrap();
    assert!(["nsga2 (", "random (", "the exact front"].iter().all(|words| svg.contains(words)));
}

#[test]
fn unknown_strategies_are_refused_with_those_there_are() {
    let config = format!("{EXAMPLES}/nas-bench-201.yaml");
    for name in ["exact", "nsga4"] {
        let output = pocketnas(&["audit", "strategies", &config, "--strategy", name]);
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(name) && told.contains("nsga2-steady") && told.contains("local"), "{told}");
    }
}

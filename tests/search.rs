//! Searches from end to end: what the program promises about its main job, and the front against brute force.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use pocketnas::config::SearchConfig;
use pocketnas::objective::Direction;
use pocketnas::study::{Plan, Progress, StudyError};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mobilenetv3-galaxy-s10-exact.yaml");
const OUTPUTS: [&str; 5] = ["front.csv", "front.json", "front.svg", "front.png", "report.html"];

fn pocketnas(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pocketnas")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn search(config: &str, out: &Path, more: &[&str]) -> Output {
    pocketnas(&[&["search", config, "--out", out.to_str().unwrap()], more].concat())
}

/// Every file below a folder with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn the_main_job_leaves_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = search(EXAMPLE, &out, &[]);
    assert_eq!(code(&output), Some(0), "{output:?}");
    for file in OUTPUTS {
        assert!(fs::metadata(out.join(file)).unwrap().len() > 500, "{file}");
    }
    let architectures = fs::read_dir(out.join("architectures")).unwrap().count();
    assert!((3..=50).contains(&architectures), "{architectures} files");
    let hidden =
        fs::read_dir(&out).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "temporary files stay behind");

    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["latency [ms]", "knee", "best under the limit", "complete and exact", "reproduce: config ", "seed 7"] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(progress.contains("the whole exact front") && !progress.contains('\u{1b}'), "{progress}");

    let data: serde_json::Value = serde_json::from_slice(&fs::read(out.join("front.json")).unwrap()).unwrap();
    assert_eq!(data["certificate"]["complete"], true);
    assert_eq!(data["baselines"].as_array().unwrap().len(), 5);
    assert_eq!(data["sampled"].as_array().unwrap().len(), 1000);
    // Every decision has its shares, and the most important one for the latency really explains something.
    let choices = data["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 45);
    let sum = |shares: &serde_json::Value| shares.as_array().unwrap().iter().filter_map(|s| s.as_f64()).sum::<f64>();
    assert!(
        choices
            .iter()
            .filter(|choice| choice["path"].as_str().unwrap().ends_with("repeat"))
            .all(|choice| { (sum(&choice["front"]) - 1.0).abs() < 1e-9 && (sum(&choice["all"]) - 1.0).abs() < 1e-9 })
    );
    let importance = data["importance"].as_array().unwrap();
    assert!(
        importance.iter().any(|row| row["objective"] == 0 && row["low"].as_f64().unwrap() > 0.05),
        "{importance:?}"
    );
    let limit = data["limits"][0]["bound"].as_f64().unwrap();
    for member in data["front"].as_array().unwrap() {
        let latency = member["values"][0].as_f64().unwrap();
        let blocks: f64 = member["blocks"].as_array().unwrap().iter().filter_map(|b| b["latency_ms"].as_f64()).sum();
        assert!(latency <= limit && blocks > 0.9 * latency && blocks <= latency * 1.000_001, "{latency} {blocks}");
    }
}

#[test]
fn the_same_search_gives_the_same_files_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    assert_eq!(code(&search(EXAMPLE, &one, &["--jobs", "1"])), Some(0));
    assert_eq!(code(&search(EXAMPLE, &two, &["--jobs", "5"])), Some(0));
    assert_eq!(fs::read(one.join("front.csv")).unwrap(), fs::read(two.join("front.csv")).unwrap());
    assert_eq!(fs::read(one.join("front.svg")).unwrap(), fs::read(two.join("front.svg")).unwrap());
    let names = |folder: &Path| -> BTreeMap<_, _> {
        content(&folder.join("architectures"))
            .into_iter()
            .map(|(p, c)| (p.file_name().unwrap().to_owned(), c))
            .collect()
    };
    assert_eq!(names(&one), names(&two));
    // Again into the same folder: the same config may replace its own results.
    let before = fs::read(one.join("front.csv")).unwrap();
    assert_eq!(code(&search(EXAMPLE, &one, &[])), Some(0));
    assert_eq!(fs::read(one.join("front.csv")).unwrap(), before);
}

#[test]
fn results_of_another_config_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    assert_eq!(code(&search(EXAMPLE, &out, &[])), Some(0));
    let results = || -> BTreeMap<PathBuf, Vec<u8>> {
        let study = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("study.");
        content(&out).into_iter().filter(|(path, _)| !study(path)).collect()
    };
    let before = results();
    let refused = search(EXAMPLE, &out, &["--seed", "8"]);
    assert_eq!(code(&refused), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("results of another config") && told.contains("--out") && told.contains("--new"), "{told}");
    assert_eq!(results(), before);
    fs::write(out.join("architectures/mine.yaml"), "x").unwrap();
    assert_eq!(code(&search(EXAMPLE, &out, &["--seed", "8", "--new"])), Some(0));
    assert!(out.join("architectures/mine.yaml").exists(), "a file that is not of a search was removed");

    let stranger = folder.path().join("stranger");
    fs::create_dir(&stranger).unwrap();
    fs::write(stranger.join("front.json"), "{}").unwrap();
    assert_eq!(code(&search(EXAMPLE, &stranger, &[])), Some(2));
    assert_eq!(fs::read(stranger.join("front.json")).unwrap(), b"{}");
}

/// A search that takes seconds: the cell space, and as many samples as a config may ask for.
fn slow_config(folder: &Path) -> PathBuf {
    let path = folder.join("slow.yaml");
    let text = "search: slow\nversion: 1\nspace: nas-bench-201\nobjectives:\n  params: {count: params}\n  score: {proxy: s0}\nsample: 100000\n";
    fs::write(&path, text).unwrap();
    path
}

fn spawn(config: &Path, out: &Path) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_pocketnas"))
        .args(["search".as_ref(), config.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (slow_config(folder.path()), folder.path().join("run"));
    let mut child = spawn(&config, &out);
    std::thread::sleep(Duration::from_millis(700));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left: Vec<String> = fs::read_dir(&out)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| name.starts_with("study.")), "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_killed_search_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    assert_eq!(code(&search(EXAMPLE, &whole, &[])), Some(0));
    for wait in [4, 6, 8, 10, 12, 14, 20, 60, 120, 200, 300, 450] {
        let mut child = spawn(Path::new(EXAMPLE), &broken);
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        let _ = child.wait();
    }
    assert_eq!(code(&search(EXAMPLE, &broken, &[])), Some(0));
    assert_eq!(fs::read(whole.join("front.csv")).unwrap(), fs::read(broken.join("front.csv")).unwrap());
    let hidden =
        fs::read_dir(&broken).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert!(hidden.count() <= 1, "staging folders pile up");
}

#[test]
fn every_shipped_example_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (mut seen, mut measured) = (0, 0);
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let entry = entry.unwrap().path();
        let path = if entry.is_dir() { entry.join("search.yaml") } else { entry };
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if text.contains("proxy: proxies/") {
            // Gradients take minutes; up to them everything is tried.
            let output = pocketnas(&["plan", path.to_str().unwrap()]);
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(told.contains("starting from the exact front between latency and s0_bc"), "{told} {output:?}");
            measured += 1;
            continue;
        }
        let out = folder.path().join(seen.to_string());
        let output = search(path.to_str().unwrap(), &out, &["--json"]);
        assert_eq!(code(&output), Some(0), "{}: {output:?}", path.display());
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        // What a program of the reader's own says does not add up along a path, and some spaces fit no choice graph.
        let exact = !text.contains("command:") && !text.contains("strategy:");
        assert_eq!(told["certificate"]["complete"], exact, "{}", path.display());
        assert!(told["front"].as_array().unwrap().len() > if exact { 5 } else { 0 }, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 8 && measured >= 3, "{seen} {measured}");
}

#[derive(Debug)]
struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn step(&self, _: u64) {}
    fn done(&self, _: &str) {}
}

#[test]
fn quantities_are_limited_and_shown_but_not_optimised() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("o");
    let output = search("examples/mobilenetv3-two-precisions.yaml", &out, &["--json"]);
    assert_eq!(code(&output), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let front: serde_json::Value = serde_json::from_slice(&fs::read(out.join("front.json")).unwrap()).unwrap();
    let members = front["front"].as_array().unwrap();
    let metric = |member: &serde_json::Value, name: &str| {
        let metrics = member["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    assert!(members.len() > 50, "{}", members.len());
    assert_eq!(front["objectives"].as_array().unwrap().len(), 2);
    assert!(members.iter().all(|member| metric(member, "float") <= 25.0 && metric(member, "params") <= 5.5e6));
    // A quantity that nothing limits is shown all the same, and `plan` tells its range.
    let config = fs::read_to_string("examples/mobilenetv3-two-precisions.yaml").unwrap();
    let free = dir.path().join("free.yaml");
    fs::write(&free, config.replace("  - float <= 25 ms\n", "")).unwrap();
    let plan = pocketnas(&["plan", free.to_str().unwrap()]);
    assert_eq!(code(&plan), Some(0), "{}", String::from_utf8_lossy(&plan.stderr));
    assert!(String::from_utf8_lossy(&plan.stdout).contains("float          reaches"));
    // The limit binds: without it the best score is slower in float.
    assert!(members.iter().any(|member| metric(member, "float") > 24.5));
}

/// A random space in YAML: stages with depth and width, tied and global decisions, cells with dead edges, constraints.
fn random_space(rng: &mut ChaCha8Rng) -> String {
    let mut text = String::from("space: s\nversion: 1\nabout: a\ninput: { channels: 3, size: 12 }\n");
    text.push_str("decisions:\n  tied: { choice: [1, 3] }\n");
    text.push_str(
        "blocks:\n  b:\n    params: { channels: 4, k: { choice: [1, 3, 5] }, act: { choice: [relu, hswish] } }\n",
    );
    text.push_str(
        "    residual: auto\n    layers:\n      - { op: conv, kernel: =k, channels: =channels, act: =act }\n",
    );
    text.push_str(
        "  t:\n    params: { channels: 4 }\n    layers:\n      - { op: depthwise_conv, kernel: =tied, act: relu6 }\n",
    );
    text.push_str("      - { op: conv, kernel: 1, channels: =channels }\n");
    text.push_str("cells:\n  c:\n    nodes: [in, a, out]\n    edges:\n      - between: all\n        choice:\n");
    text.push_str("          - { name: none, op: zero }\n          - { name: skip, op: identity }\n");
    text.push_str("          - { name: conv, op: conv, kernel: 3, channels: =in.channels }\n");
    if rng.gen_bool(0.5) {
        text.push_str("share: [c]\n");
    }
    text.push_str("network:\n");
    let mut stages = 0;
    for index in 0..rng.gen_range(1..=3) {
        match rng.gen_range(0..5) {
            0 => text.push_str(&format!("  - {{ name: c{index}, cell: c }}\n")),
            1 => text.push_str(&format!("  - {{ name: t{index}, use: t, with: {{ channels: 6 }} }}\n")),
            _ => {
                let depth = ["1", "{ choice: [1, 2] }", "{ choice: [0, 1, 2] }"][rng.gen_range(0..3)];
                let width = ["4", "{ choice: [4, 6] }"][rng.gen_range(0..2)];
                let share = ["", "\n    share: [k]", "\n    share: all"][rng.gen_range(0..3)];
                let block = "{ use: b }";
                text.push_str(&format!(
                    "  - stage: s{index}\n    repeat: {depth}\n    channels: {width}\n    block: {block}{share}\n"
                ));
                stages += 1;
            }
        }
    }
    if stages > 0 && rng.gen_bool(0.5) {
        let rule = ["sum(repeat) <= 2", "count(k == 3) >= 1", "all(k <= 3) or any(act == hswish)"][rng.gen_range(0..3)];
        text.push_str(&format!("constraints: [ \"{rule}\" ]\n"));
    }
    text
}

/// Objectives and a limit for a random space.
fn random_objectives(rng: &mut ChaCha8Rng) -> String {
    let all = [
        "latency: {table: galaxy-s10-exynos9820/1large-float}",
        "score: {proxy: s0_bc}",
        "params: {count: params}",
        "size: {count: activations}",
        "bound: {table: galaxy-s10-exynos9820/1med-quant, confidence: 0.9}",
    ];
    let first = rng.gen_range(0..all.len());
    let count = rng.gen_range(1..=3);
    let chosen: Vec<&str> = (0..count).map(|i| all[(first + i) % all.len()]).collect();
    chosen.iter().map(|line| format!("  {line}\n")).collect()
}

/// The front of the search is that of plain enumeration: every architecture built whole, judged whole, compared by pairs.
#[test]
fn the_front_equals_brute_force_over_random_spaces() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2026);
    let (mut compared, mut limited, mut empty, mut largest) = (0, 0, 0, 0);
    while compared < 220 {
        let space = random_space(&mut rng);
        fs::write(folder.path().join("s.yaml"), &space).unwrap();
        let objectives = random_objectives(&mut rng);
        let mut text = format!("search: r\nversion: 1\nspace: s.yaml\nobjectives:\n{objectives}sample: 0\n");
        if rng.gen_bool(0.4) {
            // Some of them below what the smallest network needs.
            let bound = [1_000, 5_000, 20_000, 60_000, 120_000][rng.gen_range(0..5)];
            text.push_str(&format!("limits: [macs <= {bound}]\n"));
        }
        let config = SearchConfig::parse("r.yaml", &text, folder.path()).unwrap_or_else(|e| panic!("{e}\n{space}"));
        let plan = match Plan::new(config, &Quiet) {
            Ok(plan) => plan,
            // Rules about values that this space does not have, or that nothing satisfies.
            Err(StudyError::Input(_)) if space.contains("constraints") => continue,
            Err(error) => panic!("{error:?}\n{space}{text}"),
        };
        if *plan.graph().count() > 4000u32.into() {
            continue;
        }

        let config = plan.config();
        let bound = config.limits.first().map(|limit| limit.bound);
        let mut points: Vec<Vec<f64>> = Vec::new();
        for path in plan.graph().paths() {
            let network = config.space.build(&plan.graph().architecture(&path)).unwrap();
            let kept = bound.is_none_or(|bound| network.cost().macs.0 as f64 <= bound);
            if kept && network.live().count() > 0 {
                let cost = |o: &dyn pocketnas::objective::Objective| {
                    let value = o.value(&network).unwrap();
                    if o.direction() == Direction::Lower { value } else { -value }
                };
                points.push(config.objectives.iter().map(|o| cost(o.as_ref())).collect());
            }
        }
        largest = largest.max(points.len());
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
        let no_worse = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(&x, &y)| x <= y || close(x, y));
        let equal = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(&x, &y)| close(x, y));
        let mut expected: Vec<&Vec<f64>> = Vec::new();
        for point in &points {
            let dominated = points.iter().any(|other| no_worse(other, point) && !equal(other, point));
            if !dominated && !expected.iter().any(|known| equal(known, point)) {
                expected.push(point);
            }
        }

        match plan.solve(&Quiet) {
            Ok(solution) => {
                assert!(solution.front.complete);
                let found: Vec<Vec<f64>> = solution
                    .members
                    .iter()
                    .map(|judged| {
                        let values = judged.member.values.iter().zip(&config.objectives);
                        values.map(|(v, o)| if o.direction() == Direction::Lower { *v } else { -v }).collect()
                    })
                    .collect();
                assert_eq!(found.len(), expected.len(), "{space}{text}\nfound {found:?}\nexpected {expected:?}");
                for point in &expected {
                    assert!(
                        found.iter().any(|f| equal(f, point)),
                        "{space}{text}\n{point:?} is missing from {found:?}"
                    );
                }
            }
            Err(StudyError::Infeasible(_) | StudyError::Input(_)) => {
                assert!(points.is_empty(), "{space}{text}\n{} points, but none was found", points.len());
                empty += 1;
            }
            Err(error) => panic!("{error}\n{space}{text}"),
        }
        compared += 1;
        limited += usize::from(bound.is_some());
    }
    assert!(limited > 50 && empty > 0 && largest > 500, "{limited} limited, {empty} empty, largest {largest}");
}

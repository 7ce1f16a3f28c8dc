//! Searches that evaluate candidates one by one, through the binary: resumed, interrupted, extended, refused.
#![allow(clippy::unwrap_used)]

#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use tiny::{Bench, succeeded, told};

/// A program that answers 5 to everything, and one that always fails.
const FIVE: &str =
    "while read -r l; do n=${l#*attempt\\\":}; n=${n%%[,\\}]*}; echo \"{\\\"attempt\\\":$n,\\\"value\\\":5}\"; done";
const BROKEN: &str = "while read -r l; do n=${l#*attempt\\\":}; n=${n%%[,\\}]*}; echo \"{\\\"attempt\\\":$n,\\\"error\\\":\\\"no lamp\\\"}\"; done";

const LONG: &str = "strategy: { kind: nsga2 }\nevaluations: 4000\nseed: 3\n";

#[test]
fn a_search_killed_at_twenty_moments_ends_as_an_unbroken_one() {
    let bench = Bench::new();
    let config = bench.config("mobilenetv3-ofa", "strategy: { kind: nsga2 }\nevaluations: 12000\nseed: 3\n");
    succeeded(&bench.run(&config, "unbroken", &[]));
    // By what it has logged, since a machine may be fast or busy: from the very start to some hundred evaluations on.
    let log = bench.path("killed").join("study.log.jsonl");
    let length = || fs::metadata(&log).map_or(0, |file| file.len());
    let mut killed = 0;
    for index in 0..20 {
        let wanted = length() + (index * 7919) % 113 * 1000;
        let mut child = bench.start(&config, "killed", &[]);
        while length() < wanted && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_micros(200));
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed >= 15, "only {killed} runs were killed before they ended");
    succeeded(&bench.run(&config, "killed", &[]));
    assert_eq!(bench.front("killed"), bench.front("unbroken"));
}

#[test]
fn an_interrupt_leaves_a_study_that_continues() {
    let bench = Bench::new();
    let config = bench.config("mobilenetv3-ofa", LONG);
    succeeded(&bench.run(&config, "unbroken", &[]));
    let child = bench.start(&config, "stopped", &[]);
    let began = Instant::now();
    let log = bench.path("stopped").join("study.log.jsonl");
    while fs::read_to_string(&log).map_or(0, |text| text.lines().count()) < 100 {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is evaluated");
        sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(told(&output).contains("the same command continues"), "{}", told(&output));
    // What there is so far is presented, and says that it is not the end.
    let statement = bench.data("stopped")["certificate"]["statement"].as_str().unwrap().to_owned();
    assert!(statement.contains("stopped before its budget was spent"), "{statement}");
    succeeded(&bench.run(&config, "stopped", &[]));
    assert_eq!(bench.front("stopped"), bench.front("unbroken"));
}

#[test]
fn threads_processes_and_modes_change_nothing_that_they_should_not() {
    let bench = Bench::new();
    let small = "strategy: { kind: nsga2, population: 20 }\nevaluations: 150\nlimits: [params <= 6M]\n";
    let config = bench.config("mobilenetv3-ofa", small);
    succeeded(&bench.run(&config, "one", &["--jobs", "1"]));
    succeeded(&bench.run(&config, "many", &["--jobs", "7"]));
    assert_eq!(bench.front("one"), bench.front("many"));
    let config = bench.config("mobilenetv3-ofa", &format!("{small}executor: processes\nworkers: 2\n"));
    succeeded(&bench.run(&config, "processes", &[]));
    assert_eq!(bench.front("one"), bench.front("processes"));
    let config = bench.config("mobilenetv3-ofa", &format!("{small}seed: 1\n"));
    succeeded(&bench.run(&config, "other-seed", &[]));
    assert_ne!(bench.front("one"), bench.front("other-seed"));
}

#[test]
fn every_strategy_uses_a_small_space_up_and_finds_the_exact_front() {
    let bench = Bench::new();
    let points = |out: &str| -> Vec<Json> {
        bench.data(out)["front"].as_array().unwrap().iter().map(|member| member["values"].clone()).collect()
    };
    succeeded(&bench.run(&bench.config("tiny.yaml", ""), "exact", &[]));
    for kind in ["nsga2", "nsga3", "aging", "local", "random"] {
        let config = bench.config("tiny.yaml", &format!("strategy: {{ kind: {kind} }}\nevaluations: 500\n"));
        succeeded(&bench.run(&config, kind, &[]));
        assert_eq!(points(kind), points("exact"), "{kind}");
        let certificate = &bench.data(kind)["certificate"];
        assert_eq!(certificate["complete"], true, "{kind}: {certificate}");
        let course = bench.data(kind)["course"].clone();
        assert_eq!(course["evaluated"].as_u64().unwrap() + course["cached"].as_u64().unwrap(), 72, "{kind}: {course}");
    }
}

#[test]
fn successive_halving_ends_at_full_effort() {
    let bench = Bench::new();
    let rest = "strategy: { kind: random, fidelities: [0.25, 1], eta: 4 }\nevaluations: 30\n";
    succeeded(&bench.run(&bench.config("mobilenetv3-ofa", rest), "out", &[]));
    let log = fs::read_to_string(bench.path("out").join("study.log.jsonl")).unwrap();
    let fidelities: Vec<f64> = (log.lines())
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .filter(|line| line["event"] == "told")
        .map(|line| line["fidelity"].as_f64().unwrap())
        .collect();
    let full = fidelities.iter().filter(|&&fidelity| fidelity == 1.0).count();
    assert!(full >= 3 && 3 * full < fidelities.len(), "{full} of {}", fidelities.len());
    // A quarter of an evaluation counts as one quarter.
    assert!((29.0..=31.5).contains(&fidelities.iter().sum::<f64>()), "{}", fidelities.iter().sum::<f64>());
}

#[test]
fn a_changed_config_is_refused_with_the_difference_and_extended_where_that_is_harmless() {
    let bench = Bench::new();
    let with = |evaluations: u64, limit: &str| {
        let rest = format!("strategy: {{ kind: nsga2 }}\nevaluations: {evaluations}\nlimits: [params <= {limit}]\n");
        bench.config("mobilenetv3-ofa", &rest)
    };
    succeeded(&bench.run(&with(120, "6M"), "out", &[]));
    let refused = bench.run(&with(120, "5M"), "out", &[]);
    assert_eq!(refused.status.code(), Some(2));
    for part in ["limits[0]: params <= 6000000 -> params <= 5000000", "--new"] {
        assert!(told(&refused).contains(part), "{}", told(&refused));
    }
    let refused = bench.run(&with(120, "5M"), "out", &["--extend"]);
    assert_eq!(refused.status.code(), Some(2), "a limit is no extension");
    let refused = bench.run(&with(200, "6M"), "out", &[]);
    assert_eq!(refused.status.code(), Some(2));
    for part in ["evaluations: 120 -> 200", "--extend"] {
        assert!(told(&refused).contains(part), "{}", told(&refused));
    }
    succeeded(&bench.run(&with(200, "6M"), "out", &["--extend"]));
    succeeded(&bench.run(&with(200, "6M"), "at-once", &[]));
    assert_eq!(bench.front("out"), bench.front("at-once"));
    // An extended study is the study of the extended config.
    succeeded(&bench.run(&with(200, "6M"), "out", &[]));
    succeeded(&bench.run(&with(120, "5M"), "out", &["--new"]));
}

#[test]
fn a_second_process_is_told_who_holds_the_study() {
    let bench = Bench::new();
    let config = bench.config("mobilenetv3-ofa", "strategy: { kind: random }\nevaluations: 1000000\n");
    let mut first = bench.start(&config, "out", &[]);
    let began = Instant::now();
    while !bench.path("out").join("study.log.jsonl").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "the study is not opened");
        sleep(Duration::from_millis(5));
    }
    let second = bench.run(&config, "out", &[]);
    let pid = first.id();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(told(&second).contains(&format!("in use by process {pid} on")), "{}", told(&second));
}

#[test]
fn nothing_within_the_limits_shows_what_comes_closest() {
    let bench = Bench::new();
    let program = |body: &str, limit: &str| {
        let path = bench.path("program.sh");
        fs::write(&path, body).unwrap();
        let rest = format!(
            "  depth: {{ command: [sh, program.sh], better: lower, unit: mm, retries: 0 }}\nlimits: [{limit}]\nevaluations: 12\n"
        );
        bench.config("tiny.yaml", &rest)
    };
    let output = bench.run(&program(FIVE, "depth <= 3"), "five", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(told(&output).contains("none of 12 candidates of `tiny` is within the limits"), "{}", told(&output));
    let closest = bench.data("five")["closest"].clone();
    assert_eq!(closest.as_array().unwrap().len(), 5);
    assert_eq!((&closest[0]["broken"][0]["value"], &closest[0]["broken"][0]["by"]), (&5.0.into(), &2.0.into()));
    assert_eq!(bench.front("five").lines().count(), 1, "a header, and nothing below it");

    let output = bench.run(&program(BROKEN, "depth <= 9"), "broken", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(
        told(&output).contains("every evaluation so far failed (12)") && told(&output).contains("no lamp"),
        "{}",
        told(&output)
    );

    // With twenty failures and nothing else, the rest of a long search is spared.
    let config = program(BROKEN, "depth <= 9");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("evaluations: 12", "evaluations: 70")).unwrap();
    let output = bench.run(&config, "hopeless", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("every evaluation so far failed (20)"), "{}", told(&output));

    // Limits that add up are known to be out of reach before anything is evaluated.
    let config = bench.config("tiny.yaml", "strategy: { kind: nsga2 }\nlimits: [params <= 10]\n");
    let output = bench.run(&config, "small", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(told(&output).contains("the smallest params it can reach is"), "{}", told(&output));
    let config = bench.config("tiny.yaml", "limits: [params <= 10]\n");
    let output = bench.run(&config, "exact", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(!bench.data("exact")["closest"].as_array().unwrap().is_empty());
}

#[test]
fn a_space_too_large_for_a_choice_graph_is_searched_all_the_same() {
    let bench = Bench::new();
    let rest = "limits: [params <= 4M]\nevaluations: 60\n";
    let output = bench.run(&bench.config("darts", rest), "out", &[]);
    succeeded(&output);
    let data = bench.data("out");
    assert_eq!(data["space"]["architectures"], "1076746950455072400");
    assert_eq!(data["certificate"]["complete"], false);
    let notes = data["notes"].as_array().unwrap();
    assert!(notes[0].as_str().unwrap().starts_with("The space is searched by evolution"), "{notes:?}");
    assert!(!data["choices"].as_array().unwrap().is_empty());
    // Whoever insists on the exact front is told why there is none.
    let output = bench.run(&bench.config("darts", &format!("{rest}strategy: {{ kind: exact }}\n")), "exact", &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_does_not_add_up_starts_from_the_front_of_its_stand_in() {
    let bench = Bench::new();
    fs::write(bench.path("program.sh"), FIVE).unwrap();
    let rest = "  depth: { command: [sh, program.sh], better: lower, stand_in: macs }\nquantities:\n  macs: { count: macs }\nevaluations: 10\n";
    let config = bench.config("tiny.yaml", rest);
    let output = bench.run(&config, "out", &[]);
    succeeded(&output);
    let entries = bench.data("out")["run"]["entries"].clone();
    let started =
        entries.as_array().unwrap().iter().find(|entry| entry["key"] == "started from").unwrap()["value"].clone();
    assert!(started.as_str().unwrap().contains("the exact front between params and score and macs"), "{started}");
}

//! `pocketnas status` through the binary: of a search that runs, was killed, was stopped, has finished, or never was.
#![allow(clippy::unwrap_used)]

#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use tiny::{Bench, pocketnas, told};

/// A program that answers after a while, so that the search is there to be looked at.
const SLOW: &str = "while read -r l; do n=${l#*attempt\\\":}; n=${n%%[,\\}]*}; sleep 0.1; echo \"{\\\"attempt\\\":$n,\\\"value\\\":5}\"; done";

fn slow(bench: &Bench) -> std::path::PathBuf {
    fs::write(bench.path("slow.sh"), SLOW).unwrap();
    let rest = "  heat: { command: [sh, slow.sh], unit: K, better: lower }\n\
                strategy: { kind: nsga2 }\nworkers: 2\nevaluations: 3000\n";
    bench.config("mobilenetv3-ofa", rest)
}

fn status(folder: &Path) -> Json {
    let output = pocketnas(&["status", folder.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(folder: &Path) -> String {
    let output = pocketnas(&["status", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The status of a search that was just started, once it has told of some candidates.
fn once_under_way(folder: &Path, child: &mut Child) -> Json {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(120), "nothing is evaluated");
        assert!(child.try_wait().unwrap().is_none(), "the search is over already");
        if folder.join("study.sqlite").metadata().is_ok_and(|file| file.len() > 0) {
            let status = status(folder);
            if status["candidates"].as_u64().unwrap() >= 5 {
                return status;
            }
        }
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_search_is_seen_running_and_killed_and_stopped() {
    let bench = Bench::new();
    let (config, out) = (slow(&bench), bench.path("run"));
    let mut child = bench.start(&config, "run", &[]);
    let running = once_under_way(&out, &mut child);
    assert_eq!(running["state"]["is"], "running", "{running:#}");
    assert_eq!(running["state"]["by"]["pid"], child.id());
    assert!(running["state"]["by"]["command"].as_str().unwrap().starts_with("pocketnas search "), "{running:#}");
    assert_eq!(running["budget"], 3000);
    let rate = running["per_second"].as_f64().unwrap();
    assert!(rate > 0.0 && rate < 30.0, "two workers give at most 20 a second, not {rate}");
    let heat = &running["best"][2];
    assert_eq!((&heat["name"], &heat["unit"], &heat["value"]), (&"heat".into(), &"K".into(), &5.0.into()));
    let shown = text(&out);
    for part in
        ["running for", " of 3000, ", " left\n", "lowest       heat 5 K\n", "highest      score ", "study.log.jsonl"]
    {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }

    child.kill().unwrap();
    child.wait().unwrap();
    let killed = status(&out);
    assert_eq!(killed["state"]["is"], "killed", "{killed:#}");
    assert_eq!(killed["state"]["pid"], child.id());
    assert!(killed["candidates"].as_u64() >= running["candidates"].as_u64());
    assert!(killed["per_second"].is_null() && text(&out).contains("the same command continues"));

    let mut child = bench.start(&config, "run", &[]);
    let began = Instant::now();
    while status(&out)["state"]["is"] != "running" {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not go on");
    }
    sleep(Duration::from_millis(500));
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let stopped = status(&out);
    assert_eq!((&stopped["state"]["is"], &stopped["state"]["reason"]), (&"stopped".into(), &"interrupt".into()));
}

#[test]
fn a_finished_search_says_what_its_front_says() {
    let bench = Bench::new();
    let config = bench.config("tiny.yaml", "strategy: { kind: nsga2 }\nevaluations: 20\nlimits: [params <= 3000]\n");
    bench.search(&config, "run");
    let status = status(&bench.path("run"));
    let data: Json = serde_json::from_slice(&fs::read(bench.path("run/front.json")).unwrap()).unwrap();
    assert_eq!((&status["state"]["is"], &status["state"]["exact"]), (&"finished".into(), &false.into()));
    let members = data["front"].as_array().unwrap();
    assert_eq!(status["front"], members.len());
    let values = |at: usize| members.iter().map(move |member| member["values"][at].as_f64().unwrap());
    assert_eq!(status["best"][0]["value"].as_f64().unwrap(), values(0).fold(f64::INFINITY, f64::min));
    assert_eq!(status["best"][1]["value"].as_f64().unwrap(), values(1).fold(f64::NEG_INFINITY, f64::max));
    assert_eq!(status["infeasible"], data["course"]["infeasible"]);
    assert_eq!(status["evaluated"].as_f64(), data["course"]["evaluated"].as_f64());
}

#[test]
fn an_exact_search_has_no_candidates() {
    let bench = Bench::new();
    bench.search(&bench.config("tiny.yaml", ""), "run");
    let shown = text(&bench.path("run"));
    assert!(shown.contains("none: the front is exact") && !shown.contains("evaluations"), "{shown}");
}

#[test]
fn what_is_no_study_is_refused_with_a_word_on_what_to_do() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    for (name, content) in [("foreign", vec![b'x'; 9000]), ("damaged", Vec::new())] {
        fs::create_dir(bench.path(name)).unwrap();
        fs::write(bench.path(name).join("study.sqlite"), content).unwrap();
    }
    bench.search(&bench.config("tiny.yaml", ""), "damaged");
    let store = bench.path("damaged/study.sqlite");
    rusqlite::Connection::open(&store).unwrap().execute_batch("DROP TABLE event").unwrap();
    for (name, told_of) in [
        ("nowhere", "there is no folder"),
        ("empty", "there is no study at"),
        ("foreign", "is not a study of pocketnas"),
        ("damaged", "is damaged"),
    ] {
        let output = pocketnas(&["status", bench.path(name).to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(told(&output).contains(told_of), "{name}: {}", told(&output));
    }
}

//! The record of a study from outside: its exports beside the front, and a file of the first version.
#![allow(clippy::unwrap_used)]

#[path = "support/tiny.rs"]
mod tiny;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pocketnas::search::Gene;
use pocketnas::study::store::{Event, Goal, Identity, State, Store, StoreError, Taken, Told, ToldOutcome};
use serde_json::{Value as Json, json};
use tiny::{Bench, pocketnas, told};

/// Rows of a CSV file by header.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

#[test]
fn rows_and_lines_agree_with_the_front() {
    let bench = Bench::new();
    let rest = "strategy: { kind: nsga2 }\nevaluations: 40\nlimits: [params <= 1500]\n";
    bench.search(&bench.config("tiny.yaml", rest), "run");
    let run = bench.path("run");
    let output = pocketnas(&["export", run.to_str().unwrap(), "--format", "csv,jsonl"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let files = [run.join("export/trials.csv"), run.join("export/trials.jsonl")];
    let listed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(listed.lines().map(Path::new).collect::<Vec<_>>(), files);

    let front = |rows: &[BTreeMap<String, String>]| -> BTreeMap<String, [f64; 2]> {
        let values = |row: &BTreeMap<String, String>| ["params", "score"].map(|name| row[name].parse().unwrap());
        rows.iter().map(|row| (row["architecture"].clone(), values(row))).collect()
    };
    let trials = rows(&files[0]);
    let on_front: Vec<_> = trials.iter().filter(|row| row["front"] == "true").cloned().collect();
    assert_eq!(front(&on_front), front(&rows(&run.join("front.csv"))));
    assert!(trials.iter().any(|row| row["outcome"] == "infeasible" && row["violation: params <= 1500"] != "0"));
    // The second block is only there where the stage repeats.
    let column = trials[0].keys().find(|key| key.contains("s1.1")).unwrap();
    assert!(trials.iter().any(|row| row[column].is_empty()) && trials.iter().any(|row| !row[column].is_empty()));

    let lines = fs::read_to_string(&files[1]).unwrap();
    let lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), trials.len());
    for (line, row) in lines.iter().zip(&trials) {
        assert_eq!((&line["architecture"], &line["outcome"]), (&json!(row["architecture"]), &json!(row["outcome"])));
        assert_eq!(line["front"].to_string(), row["front"]);
        for (name, value) in line["values"].as_object().unwrap() {
            assert_eq!(value.as_f64(), row[name].parse().ok());
        }
        let decisions = line["decisions"].as_object().unwrap();
        assert!(
            decisions.iter().all(|(path, value)| row[path] == value.as_str().map_or(value.to_string(), str::to_owned))
        );
    }
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    let config = bench.config("tiny.yaml", "");
    let (empty, file) = (bench.path("empty"), config);
    for (source, format, more, part) in [
        (&empty, "csv", &[][..], "there is no study at"),
        (&file, "jsonl", &[], "trials are those of a search"),
        (&empty, "cvs", &[], "csv"),
        (&empty, "csv", &["--top", "3"], "trials go out in whole"),
    ] {
        let output = pocketnas(&[&["export", source.to_str().unwrap(), "--format", format], more].concat());
        assert_eq!(output.status.code(), Some(2), "{part}");
        assert!(told(&output).contains(part), "{part}: {}", told(&output));
    }
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/study/v1.sqlite");

/// What the fixture was created with, and what happened in it: each event, and each way in which a candidate can end.
fn first_version() -> (Identity, Vec<Event>) {
    let goal = |name: &str, unit: &str, higher| Goal { name: name.into(), unit: unit.into(), higher };
    let pairs = [("evaluations", "20"), ("seed", "1")];
    let identity = Identity {
        name: "first".into(),
        version: "0.1.0".into(),
        host: "here".into(),
        config: "search: first\n".into(),
        space: "space: s\n".into(),
        objectives: vec![goal("latency", "ms", false), goal("score", "1", true)],
        limits: vec!["latency <= 30 ms".into()],
        fingerprint: pairs.map(|(key, value)| (key.into(), value.into())).into(),
    };
    let told = |trial: u64, values: &[(&str, f64)], cached, outcome| Event::Told {
        trial,
        architecture: format!("s:{trial}"),
        hash: format!("h{}", trial / 2),
        decisions: vec![Taken { path: "s.kernel".into(), option: trial as usize, value: json!(3 + 2 * trial) }],
        fidelity: 1.0,
        cached,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        outcome,
    };
    let readings = vec![("score".into(), "d".into(), 0.1 + 0.2, 1.5)];
    let known = [("latency", 12.5), ("score", 0.1 + 0.2)];
    let events = vec![
        Event::Opened { pid: 1, host: "here".into(), version: "0.1.0".into() },
        Event::Evaluated { trial: 0, hash: "h0".into(), fidelity: 1.0, seed: 1, readings },
        told(0, &known, false, ToldOutcome::Complete),
        told(1, &known, true, ToldOutcome::Complete),
        told(2, &[("latency", 31.0)], false, ToldOutcome::Infeasible { violations: vec![1.0], screened: true }),
        told(3, &[], false, ToldOutcome::Failed { reason: "no answer".into(), screened: false }),
        Event::Stopped { reason: "interrupt".into() },
        Event::Extended { changes: vec![("evaluations".into(), "20".into(), "40".into())] },
        Event::Finished { members: 1, seconds: 2.5, exact: false },
    ];
    (identity, events)
}

/// Writes the fixture: `cargo test --test study -- --ignored write_the_first_version`. A file of version 1 is never written
/// again once a release has read it; a later version gets a file of its own.
#[test]
#[ignore = "writes tests/fixtures/study/v1.sqlite"]
fn write_the_first_version() {
    let path = Path::new(FIXTURE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    let (identity, events) = first_version();
    Store::create(path, &identity).unwrap().record(&events).unwrap();
}

#[test]
fn a_study_of_the_first_version_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.sqlite");
    fs::copy(FIXTURE, &path).unwrap();
    let (identity, events) = first_version();
    let (store, read) = Store::read(&path).unwrap();
    assert_eq!(*store.identity(), identity);
    assert_eq!(store.events().unwrap().into_iter().map(|(_, event)| event).collect::<Vec<_>>(), events);
    drop(store);
    let (store, record) = Store::open(&path).unwrap();
    assert_eq!(record, read);
    assert_eq!(record.state, State::Finished { members: 1, seconds: 2.5, exact: false });
    assert_eq!(record.identity, [("evaluations".to_owned(), "40".to_owned()), ("seed".to_owned(), "1".to_owned())]);
    assert_eq!(record.reading("h0", "d", 1.0, 1), Some(0.1 + 0.2));
    assert_eq!(record.trials.len(), 4);
    let second = Told {
        genotype: vec![Gene { path: "s.kernel".into(), option: 1 }],
        architecture: "s:1".into(),
        hash: "h0".into(),
        fidelity: 1.0,
        cached: true,
        values: [("latency".to_owned(), 12.5), ("score".to_owned(), 0.1 + 0.2)].into(),
        outcome: ToldOutcome::Complete,
    };
    assert_eq!(record.trials[1], second);
    drop(store);

    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    for error in [Store::open(&path).unwrap_err(), Store::read(&path).unwrap_err()] {
        assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    }
    let output = pocketnas(&["status", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("use a later pocketnas"), "{}", told(&output));
}

#[test]
fn members_without_a_file_are_built_again_as_they_were() {
    let bench = Bench::new();
    let rest = "  latency: { table: galaxy-s10-exynos9820/1large-float }\nlimits: [params <= 3000]\n";
    let few = format!("{rest}architectures: 1\n");
    bench.search(&bench.config("tiny.yaml", &few), "few");
    bench.search(&bench.config("tiny.yaml", rest), "all");
    let yaml = |folder: &str, args: &[&str]| -> BTreeMap<String, Json> {
        let (from, to) = (bench.path(folder), bench.path("files").join(folder));
        let to_text = to.to_str().unwrap();
        let words = [&["export", from.to_str().unwrap(), "--format", "json", "--out", to_text], args].concat();
        let output = pocketnas(&words);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let read = |line: &str| {
            let path = Path::new(line);
            let file = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), file)
        };
        String::from_utf8(output.stdout).unwrap().lines().map(read).collect()
    };
    let written = yaml("all", &[]);
    let ids = written.keys().cloned().collect::<Vec<_>>();
    assert!(ids.len() > 3, "{ids:?}");
    assert_eq!(yaml("few", &[]).len(), 1, "what has a file");
    let rebuilt = yaml("few", &["--id", &ids.join(",")]);
    assert_eq!(yaml("few", &["--top", "3"]).len(), 3);
    for (id, file) in &written {
        for key in ["architecture", "hash", "space", "decisions", "network"] {
            assert_eq!(rebuilt[id][key], file[key], "{id} {key}");
        }
        let (ours, theirs) = (&rebuilt[id]["metrics"], file["metrics"].as_object().unwrap());
        assert_eq!(ours.as_object().unwrap().len(), theirs.len());
        for (name, metric) in theirs {
            for key in ["value", "unit", "from", "flags"] {
                assert_eq!(ours[name][key], metric[key], "{id} {name} {key}");
            }
        }
    }
    let output = pocketnas(&["export", bench.path("few").to_str().unwrap(), "--format", "json", "--id", "f9999"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("no member `f9999`"), "{}", told(&output));
}

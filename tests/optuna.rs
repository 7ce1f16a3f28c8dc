//! Studies in Optuna: the journal that is exported loads in the real one, and says there what it says here.
#![allow(clippy::unwrap_used)]

#[path = "support/python.rs"]
mod python;
#[path = "support/tiny.rs"]
mod tiny;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use tiny::{Bench, pocketnas, told};

/// Optuna, what it needs, and what its data frames need; all of them, so that tests do not change with the day.
const OPTUNA: [&str; 14] = [
    "optuna==5.0.0",
    "alembic==1.20.1",
    "colorlog==6.12.0",
    "Mako==1.4.3",
    "MarkupSafe==3.0.4",
    "numpy==2.4.6",
    "packaging==26.3",
    "pandas==3.1.1",
    "python-dateutil==4.0.0",
    "PyYAML==6.0.3",
    "SQLAlchemy==2.1.9",
    "tqdm==4.70.1",
    "typing_extensions==4.16.0",
    "tzdata==2026.6",
];

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/read_optuna.py");

fn optuna() -> Option<PathBuf> {
    python::environment("optuna", &OPTUNA)
}

fn export(folder: &Path, format: &str, file: &Path) -> String {
    let [folder, out] = [folder, file].map(|path| path.to_str().unwrap());
    let output = pocketnas(&["export", folder, "--format", format, "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    fs::read_to_string(file).unwrap()
}

/// What Optuna makes of a study, and its trials by our own lines.
fn loaded(python: &Path, bench: &Bench) -> (Json, Vec<Json>) {
    let journal = bench.path("study.journal");
    export(&bench.path("run"), "optuna-journal", &journal);
    let output = Command::new(python).arg(READER).arg(&journal).arg("s").output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let lines = export(&bench.path("run"), "jsonl", &bench.path("trials.jsonl"));
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (serde_json::from_slice(&output.stdout).unwrap(), lines)
}

/// The trials of Optuna are those of our lines, in all that both know.
fn agree(theirs: &Json, ours: &[Json]) {
    let trials = theirs["trials"].as_array().unwrap();
    assert_eq!(trials.len(), ours.len());
    let objectives = theirs["metrics"].as_array().unwrap();
    for (id, (theirs, ours)) in trials.iter().zip(ours).enumerate() {
        assert_eq!((&theirs["number"], &ours["id"]), (&id.into(), &id.into()));
        assert_eq!(theirs["architecture"], ours["architecture"]);
        assert_eq!(theirs["params"], ours["decisions"], "{id}");
        let away = theirs["complete"].as_f64().unwrap() - ours["time"].as_f64().unwrap();
        assert!(away.abs() < 1e-5, "{id}: told {away} s apart");
        let values: Option<Vec<Json>> =
            objectives.iter().map(|name| ours["values"].get(name.as_str().unwrap()).cloned()).collect();
        match theirs["state"].as_str().unwrap() {
            "COMPLETE" => assert_eq!(theirs["values"].as_array(), values.as_ref(), "{id}"),
            "PRUNED" => assert!(values.is_none() && ours["screened"] == true, "{id}"),
            "FAIL" => assert_eq!(theirs["reason"], ours["reason"], "{id}"),
            other => panic!("{id}: {other}"),
        }
        match ours["outcome"].as_str().unwrap() {
            "failed" => assert_eq!(theirs["state"], "FAIL"),
            outcome => {
                assert_eq!(theirs["constraints"], ours["violations"], "{id}");
                let outside = theirs["constraints"].as_object().unwrap().values().any(|by| by.as_f64().unwrap() > 0.0);
                assert_eq!(outside, outcome == "infeasible", "{id}");
            }
        }
    }
    assert_eq!(theirs["next"], ours.len());
}

/// The front of front.csv, by network and objective values, as it is written there.
fn front(folder: &Path) -> BTreeSet<String> {
    let mut reader = csv::Reader::from_path(folder.join("front.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let columns = [at("hash"), at("params"), at("score")];
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.unwrap();
        let [params, score] = [&row[columns[1]], &row[columns[2]]].map(|value| value.parse::<f64>().unwrap());
        format!("{} {params} {score}", &row[columns[0]])
    };
    reader.records().map(row).collect()
}

fn best(theirs: &Json) -> BTreeSet<String> {
    let row = |best: &Json| {
        let [params, score] = [0, 1].map(|at| best["values"][at].as_f64().unwrap());
        format!("{} {params} {score}", best["hash"].as_str().unwrap())
    };
    theirs["best"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn a_study_of_nas_bench_201_is_one_of_optuna() {
    let Some(python) = optuna() else { return };
    let bench = Bench::new();
    let rest = "strategy: { kind: nsga2 }\nevaluations: 200\nlimits: [params <= 800000]\nseed: 5\n";
    bench.search(&bench.config("nas-bench-201", rest), "run");
    let (theirs, ours) = loaded(&python, &bench);
    agree(&theirs, &ours);
    assert_eq!(theirs["directions"], serde_json::json!(["MINIMIZE", "MAXIMIZE"]));
    let states: BTreeSet<&str> = ours.iter().map(|ours| ours["outcome"].as_str().unwrap()).collect();
    assert!(states.contains("infeasible") && states.contains("complete"), "{states:?}");
    // Of networks that are equal in every objective, front.csv has the first, and Optuna all.
    let (found, listed) = (best(&theirs), front(&bench.path("run")));
    assert!(listed.is_subset(&found) && listed.len() > 3, "{listed:?} {found:?}");
    let values = |rows: &BTreeSet<String>| -> BTreeSet<String> {
        rows.iter().map(|row| row.split_once(' ').unwrap().1.to_owned()).collect()
    };
    assert_eq!(values(&listed), values(&found));

    let frame = theirs["frame"].as_array().unwrap();
    for (row, ours) in frame.iter().zip(&ours).filter(|(row, _)| row["state"] == "COMPLETE") {
        for (name, value) in ours["values"].as_object().unwrap() {
            let (theirs, ours) = (row[format!("values_{name}")].as_f64().unwrap(), value.as_f64().unwrap());
            // pandas writes 10 digits after the point.
            assert!((theirs - ours).abs() < 1e-9 * ours.abs().max(1.0), "{theirs} {ours}");
        }
        for (path, value) in ours["decisions"].as_object().unwrap() {
            assert_eq!(&row[format!("params_{path}")], value);
        }
    }
    let importance = theirs["importance"].as_object().unwrap();
    assert_eq!(importance.len(), 6, "an edge of the cell each: {importance:?}");
    let sum: f64 = importance.values().map(|share| share.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{importance:?}");
    for choices in theirs["choices"].as_object().unwrap().values() {
        assert_eq!(choices.as_array().unwrap().len(), 5, "five operations each");
    }
}

#[test]
fn decisions_that_depend_on_others_are_absent_where_they_are_not_taken() {
    let Some(python) = optuna() else { return };
    let bench = Bench::new();
    bench.search(&bench.config("mobilenetv3-ofa", "strategy: { kind: nsga2 }\nevaluations: 60\n"), "run");
    let (theirs, ours) = loaded(&python, &bench);
    agree(&theirs, &ours);
    let counts: BTreeSet<usize> = ours.iter().map(|ours| ours["decisions"].as_object().unwrap().len()).collect();
    assert!(counts.len() > 1, "depths differ, so numbers of decisions do: {counts:?}");
}

#[test]
fn what_was_ruled_out_is_pruned_and_what_failed_has_failed() {
    let Some(python) = optuna() else { return };
    let bench = Bench::new();
    // Answers, or fails, by the length of the question, which is that of the architecture.
    let program = "while read -r l; do n=${l#*attempt\\\":}; n=${n%%[,\\}]*}; if [ $((${#l} % 3)) = 0 ]; \
                   then echo \"{\\\"attempt\\\":$n,\\\"error\\\":\\\"no lamp\\\"}\"; \
                   else echo \"{\\\"attempt\\\":$n,\\\"value\\\":${#l}}\"; fi; done";
    fs::write(bench.path("heat.sh"), program).unwrap();
    let rest = "  heat: { command: [sh, heat.sh], unit: K, better: lower }\n\
                strategy: { kind: nsga2 }\nevaluations: 40\nlimits: [params <= 1500]\n";
    bench.search(&bench.config("tiny.yaml", rest), "run");
    let (theirs, ours) = loaded(&python, &bench);
    agree(&theirs, &ours);
    let states: BTreeSet<&str> =
        theirs["trials"].as_array().unwrap().iter().map(|trial| trial["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["COMPLETE", "FAIL", "PRUNED"].into());
}

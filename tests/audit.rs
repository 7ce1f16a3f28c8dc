//! Long audits through the binary: killed, stopped and continued; what is scored once; the page in a browser.
#![allow(clippy::unwrap_used)]

#[path = "support/chromium.rs"]
mod chromium;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pocketnas::latency::LatencyTable;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nine cells, of which the second and third are one network, told apart only by which dead edge is which, and so are
/// the last two.
const TRUTH: &str = "\
arch,accuracy
|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|,90
|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|,87
|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|,86
|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|,40
|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|,70
|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|,82
|avg_pool_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|skip_connect~1|none~2|,84
|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|,10
|none~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|none~2|,11
";
const DISTINCT: usize = 7;

/// ZiCo on batches that a build without optimised kernels can bear.
const SMALL: &str = "{proxy: zico, name: small, version: 1, definition: d, source: s, batches: 2, batch_size: 2}";

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(bench.path("truth.csv"), TRUTH).unwrap();
        fs::write(bench.path("small.yaml"), SMALL).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("pocketnas"));
        command
            .current_dir(self.dir.path())
            .env("RAYON_NUM_THREADS", "1")
            .args(["audit", "proxies", "--space", "nas-bench-201", "--truth", "truth.csv", "--id-column", "arch"])
            .args(["--truth-column", "accuracy", "--resamples", "50"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, more: &[&str]) -> Output {
        let output = self.command(more).output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        output
    }

    fn journal(&self, folder: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(folder).join("scores.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Starts an audit and waits until its journal has some scores.
    fn under_way(&self, folder: &str, scores: usize) -> Child {
        let mut child = self.command(&["--proxy", "small.yaml", "--out", folder]).spawn().unwrap();
        let began = Instant::now();
        while self.journal(folder).len() < scores {
            assert!(began.elapsed() < Duration::from_secs(300), "nothing is scored");
            assert!(child.try_wait().unwrap().is_none(), "the audit is over already");
            sleep(Duration::from_millis(5));
        }
        child
    }

    /// The verdicts of a folder, without times, which differ from run to run.
    fn verdicts(&self, folder: &str) -> (Value, String) {
        let mut verdicts: Value =
            serde_json::from_str(&fs::read_to_string(self.path(folder).join("audit.json")).unwrap()).unwrap();
        let rows = verdicts.as_array_mut().unwrap();
        for key in ["seconds_per_architecture", "operations_per_second", "share_of_peak"] {
            rows.iter_mut().for_each(|row| row[key] = Value::Null);
        }
        (verdicts, fs::read_to_string(self.path(folder).join("audit.csv")).unwrap())
    }
}

/// What a command said; the renderer breaks long lines, but what is said counts, not where it breaks.
fn told(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr).replace("\n  │ ", " ");
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn folders(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_audit_that_was_killed_and_stopped_ends_as_one_that_was_not() {
    let bench = Bench::new();
    bench.run(&["--proxy", "small.yaml", "--out", "whole"]);
    let whole = bench.journal("whole");
    assert_eq!(whole.len(), DISTINCT, "isomorphic networks are scored once: {whole:#?}");

    let mut child = bench.under_way("broken", 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = bench.journal("broken").len();
    assert!(killed < DISTINCT, "it was killed too late to show anything");
    // What a kill in the middle of a line leaves.
    let journal = bench.path("broken").join("scores.jsonl");
    let torn = fs::read_to_string(&journal).unwrap() + "{\"proxy\":\"small\",\"key\":\"00";
    fs::write(&journal, torn).unwrap();

    let child = bench.under_way("broken", killed + 1);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let stopped = child.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(130), "{}", told(&stopped));
    assert!(
        told(&stopped).contains(&format!("continues: {killed} of {DISTINCT} distinct networks")),
        "{}",
        told(&stopped)
    );
    assert!(told(&stopped).contains("state saved: the same command continues"), "{}", told(&stopped));

    let output = bench.run(&["--proxy", "small.yaml", "--out", "broken"]);
    assert!(told(&output).contains("continues: "), "{}", told(&output));
    assert_eq!(bench.verdicts("broken"), bench.verdicts("whole"));
    let key = |line: &Value| (line["class"].clone(), line["value"].clone());
    let sorted = |folder| {
        let mut lines: Vec<String> = bench.journal(folder).iter().map(|line| format!("{:?}", key(line))).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted("broken"), sorted("whole"), "no network is scored twice");

    // Other seeds ask for other scores; the old ones stay.
    bench.run(&["--proxy", "small.yaml", "--out", "broken", "--seed", "1"]);
    assert_eq!(bench.journal("broken").len(), 2 * DISTINCT);
    assert_ne!(bench.verdicts("broken").1, bench.verdicts("whole").1);
}

#[test]
fn without_a_folder_nothing_is_written() {
    let bench = Bench::new();
    bench.run(&["--proxy", "s0_bc"]);
    assert_eq!(folders(bench.dir.path()), ["small.yaml", "truth.csv"]);
}

#[test]
fn a_folder_gets_tables_plots_and_a_page_that_works_in_a_browser() {
    let bench = Bench::new();
    let answer = bench.run(&["--proxy", "s0_bc", "--out", "out", "--json"]);
    let expected = [
        "audit.csv",
        "audit.html",
        "audit.json",
        "bias.png",
        "bias.svg",
        "ranks.png",
        "ranks.svg",
        "scores.jsonl",
        "spearman.png",
        "spearman.svg",
        "study.lock",
    ];
    assert_eq!(folders(&bench.path("out")), expected);
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let kept: Value = serde_json::from_str(&fs::read_to_string(bench.path("out/audit.json")).unwrap()).unwrap();
    assert_eq!(answer, kept);
    for row in answer.as_array().unwrap() {
        assert_eq!((&row["rows"], &row["distinct"], &row["ndcg_at"]), (&json!(9), &json!(DISTINCT), &json!(10)));
        assert!(row["ndcg"].as_f64().unwrap() > 0.8, "{row:#}");
        let names: Vec<&String> = row["bias"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["depth", "width", "params", "macs"]);
        assert_eq!(row["bands"]["by"], "macs");
    }
    let csv = fs::read_to_string(bench.path("out/audit.csv")).unwrap();
    assert_eq!(csv.lines().count(), 10);

    let Some(program) = chromium::find() else { return };
    let page = fs::read_to_string(bench.path("out/audit.html")).unwrap();
    for width in [1400, 500] {
        let facts = chromium::facts(&program, &page, include_str!("report/auditcheck.js"), width);
        let expected = json!({
            "trouble": [], "overflow": 0, "resources": [], "untitled": 0, "panels": 4, "sorted": true, "rows": 4,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&facts[key], value, "{key} at {width} pixels: {facts:#}");
        }
    }
}

#[test]
fn a_sample_and_what_it_leaves_are_all_rows() {
    let bench = Bench::new();
    let rows = |more: &[&str]| -> Vec<String> {
        bench.run(&[&["--csv", "rows.csv", "--sample-seed", "3"], more].concat());
        let text = fs::read_to_string(bench.path("rows.csv")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let (sample, rest) = (rows(&["--limit", "4"]), rows(&["--except-sample", "4"]));
    assert_eq!((sample.len(), rest.len()), (4, 5));
    let mut all = [sample, rest].concat();
    all.sort();
    let mut expected = rows(&[]);
    expected.sort();
    assert_eq!(all, expected);
    let refused = bench.command(&["--except-sample", "8"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("1 row(s) are left without the sample"), "{}", told(&refused));
}

#[test]
fn aggregates_are_computed_over_distinct_networks() {
    let bench = Bench::new();
    let file = "{proxy: aggregate, name: both, version: 1, definition: d, source: s, members: [live_convs, s0]}";
    fs::write(bench.path("both.yaml"), file).unwrap();
    bench.run(&["--proxy", "both.yaml", "live_convs", "--csv", "scores.csv"]);
    let text = fs::read_to_string(bench.path("scores.csv")).unwrap();
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').skip(2).map(|cell| cell.parse().unwrap()).collect()).collect();
    let column = |name: &str| heads.iter().position(|head| *head == name).unwrap() - 2;
    // Rows 2 and 8 are networks that another row has already.
    let distinct: Vec<usize> = (0..9).filter(|row| ![2, 8].contains(row)).collect();
    let rank = |row: usize, name: &str| {
        let of = |row: usize| rows[row][column(name)];
        let below = distinct.iter().filter(|&&other| of(other) < of(row)).count() as f64;
        let equal = distinct.iter().filter(|&&other| of(other) == of(row)).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    for (row, values) in rows.iter().enumerate() {
        let expected: f64 = ["live_convs", "s0"].iter().map(|name| (rank(row, name) / DISTINCT as f64).ln()).sum();
        assert!((values[column("both")] - expected).abs() < 1e-12, "row {row}: {values:?}, by hand {expected}");
    }
}

#[test]
fn latency_tables_give_bands_of_equal_latency() {
    let bench = Bench::new();
    let output = bench.run(&["--latency", "galaxy-s10-exynos9820/1large-float", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (row, names) = (&answer[0], ["depth", "width", "params", "macs", "latency"]);
    assert!(row["bias"].as_object().unwrap().keys().eq(names), "{row:#}");
    assert_eq!(row["bands"]["by"], "latency");
    // The cheapest is dead: it costs what a network as such does.
    let table = LatencyTable::named("galaxy-s10-exynos9820/1large-float").unwrap();
    assert_eq!(row["bands"]["bands"][0]["low"].as_f64(), Some(table.overhead().0), "{row:#}");
    assert!(row["bands"]["bands"][1]["low"].as_f64().unwrap() > 0.0, "{row:#}");
    assert!(row["latency_table"].as_str().unwrap().contains("Exynos"), "{row:#}");
    let refused = bench.command(&["--latency", "galaxy-s10-exynos9820/2large-flat"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
}

#[test]
fn a_folder_that_is_in_use_or_not_its_own_is_refused() {
    let bench = Bench::new();
    let mut child = bench.under_way("out", 1);
    let refused = bench.command(&["--proxy", "small.yaml", "--out", "out"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(told(&refused).contains("is in use by"), "{}", told(&refused));
    child.kill().unwrap();
    child.wait().unwrap();

    fs::write(bench.path("file"), "").unwrap();
    let refused = bench.command(&["--out", "file"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
}

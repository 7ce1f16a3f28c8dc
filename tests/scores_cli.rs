//! `pocketnas score` and `pocketnas audit proxies`, as a user or a script meets them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const ALL_CONVS: &str =
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
const DEAD: &str = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|";

/// Seven cells; the third and fourth are one network, told apart only by which dead edge is which.
const TRUTH: &str = "\
arch,accuracy,other
|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|,94,x
|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|,90,1
|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|,87,1
|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|,86,1
|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|,40,1
|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|,10,1
|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|,,1
";

fn pocketnas(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("pocketnas").unwrap();
    command.args(args);
    command
}

fn json(args: &[&str]) -> Value {
    let output = pocketnas(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a refused command says; it must end with exit code 2 and must not panic.
fn refusal(args: &[&str]) -> String {
    let output = pocketnas(args).env("COLUMNS", "1000").output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    // The renderer breaks long lines; what is said counts, not where it breaks.
    message.replace("\n  │ ", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }
}

fn audit<'a>(truth: &'a str, column: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["audit", "proxies", "--space", "nas-bench-201", "--truth", truth, "--id-column", "arch"];
    [&fixed[..], &["--truth-column", column], more].concat()
}

#[test]
fn scores_of_one_architecture() {
    let answer = json(&[
        "score",
        "--space",
        "nas-bench-201",
        "--arch",
        ALL_CONVS,
        "--proxy",
        "s0",
        "s0_cells",
        "--proxy",
        "live_convs",
        "--json",
    ]);
    assert_eq!(answer["architecture"], ALL_CONVS);
    // Six 3×3 convolutions in each of five cells at 16, 32 and 64 channels; outside them the stem and
    // two reductions of two 3×3 convolutions and a 1×1.
    let ln = |weights: f64| weights.ln();
    let cells = 30.0 * (ln(2304.0) + ln(9216.0) + ln(36864.0));
    let rest = ln(432.0) + ln(4608.0) + ln(9216.0) + ln(512.0) + ln(18432.0) + ln(36864.0) + ln(2048.0);
    let close = |name: &str, expected: f64| {
        let got = answer["scores"][name].as_f64().unwrap();
        assert!((got - expected).abs() < 1e-9, "{name}: {got}, by hand {expected}");
    };
    close("s0_cells", cells);
    close("s0", cells + rest);
    close("live_convs", 97.0);
    assert_eq!(answer["inputs"], serde_json::json!([[3, 32, 32]]));
    pocketnas(&["score", "--space", "nas-bench-201", "--arch", DEAD, "--proxy", "s0"])
        .assert()
        .success()
        .stderr("note: the output of this architecture does not depend on its input; its scores mean nothing\n");
}

#[test]
fn proxies_can_be_files() {
    let files = Files::new();
    let mine = files.write(
        "mine.yaml",
        "{proxy: s0_bc, name: mine, version: 3, definition: d, source: s, beta: 0, blocks: ['stage*']}",
    );
    let answer =
        json(&["score", "--space", "nas-bench-201", "--arch", ALL_CONVS, "--proxy", &mine, "s0_cells", "--json"]);
    assert_eq!(answer["scores"]["mine"], answer["scores"]["s0_cells"]);
}

#[test]
fn audits_show_the_baselines_and_count_what_they_leave_out() {
    let files = Files::new();
    let truth = files.write("truth.csv", TRUTH);
    let csv = files.path("scores.csv");
    let answer = json(&audit(&truth, "accuracy", &["--proxy", "s0_bc", "--json", "--csv", csv.to_str().unwrap()]));
    let rows = answer.as_array().unwrap();
    let names: Vec<(&str, bool)> =
        rows.iter().map(|row| (row["proxy"].as_str().unwrap(), row["baseline"].as_bool().unwrap())).collect();
    assert_eq!(names, [("s0_bc", false), ("params", true), ("macs", true), ("s0", true)]);
    let s0 = &rows[3];
    // Six rows: isomorphic networks tie, and among the other 14 pairs all agree with the truth.
    let expected = 14.0 / (14.0f64 * 15.0).sqrt();
    assert!((s0["kendall"].as_f64().unwrap() - expected).abs() < 1e-12, "{s0}");
    for (key, value) in [("n", 6), ("skipped", 1), ("distinct", 5), ("dead", 1), ("version", 1)] {
        assert_eq!(s0[key], value, "{key}");
    }
    assert_eq!(s0["best_truth"], 94.0);
    let interval = s0["kendall_interval"].as_array().unwrap();
    assert!(interval[0].as_f64() < s0["kendall"].as_f64() && interval[1].as_f64() <= Some(1.0), "{s0}");
    assert!(s0["seconds_per_architecture"].as_f64().unwrap() > 0.0);

    let scores = fs::read_to_string(csv).unwrap();
    let lines: Vec<&str> = scores.lines().collect();
    assert_eq!(lines[0], "architecture,truth,s0_bc,params,macs,s0");
    assert_eq!(lines.len(), 7);
    assert!(lines[6].starts_with(&format!("{DEAD},10,0,")) && lines[6].ends_with(",0"), "{}", lines[6]);

    let table = pocketnas(&audit(&truth, "accuracy", &[])).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(["params", "macs", "s0 ", "baseline"].iter().all(|word| table.contains(word)), "{table}");
}

#[test]
fn equal_seeds_give_equal_answers() {
    let files = Files::new();
    let truth = files.write("truth.csv", TRUTH);
    let answer = |seed: &str| {
        let mut answer = json(&audit(&truth, "accuracy", &["--limit", "4", "--sample-seed", seed, "--json"]));
        let rows = answer.as_array_mut().unwrap();
        for key in ["seconds_per_architecture", "operations_per_second", "share_of_peak"] {
            rows.iter_mut().for_each(|row| row[key] = Value::Null);
        }
        answer
    };
    assert_eq!(answer("3"), answer("3"));
    assert_ne!(answer("3"), answer("4"));
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let files = Files::new();
    let truth = files.write("truth.csv", TRUTH);
    let unknown = files.write("unknown.csv", &TRUTH.replace("|none~0|+|nor_conv_3x3~0", "|none~0|+|nor_conv_5x5~0"));
    let repeated = files.write("repeated.csv", &format!("{TRUTH}{ALL_CONVS},1,1\n"));
    let clash = files.write("clash.yaml", "{proxy: macs, name: s0, version: 1, definition: d, source: s}");
    let broken = files.write("broken.yaml", "proxy: s0_bc\nversion: 1\ndefinition: d\nsource: s\nbeta: high\n");
    let cases: Vec<(Vec<&str>, &[&str])> = vec![
        (
            audit(&truth, "acuracy", &[]),
            &["truth.csv:1: there is no column `acuracy`; did you mean `accuracy`?", "arch, accuracy, other"],
        ),
        (audit(&truth, "other", &[]), &["truth.csv:2: `x` in column `other` is not a number"]),
        (
            audit(&unknown, "accuracy", &[]),
            &["unknown.csv:5: ", "is no architecture of `nas-bench-201`", "nor_conv_5x5"],
        ),
        (audit(&repeated, "accuracy", &[]), &["repeated.csv:9: ", "stands on line 2 already"]),
        (audit("no/such.csv", "accuracy", &[]), &["no/such.csv: cannot be read"]),
        (
            audit(&truth, "accuracy", &["--proxy", "s0_cb"]),
            &["there is no proxy of that name", "did you mean `s0_bc`?"],
        ),
        (audit(&truth, "accuracy", &["--proxy", &clash]), &["two proxies are named `s0`"]),
        (
            audit(&truth, "accuracy", &["--proxy", &broken]),
            &["broken.yaml:5:7: expected a number of at least 0, or one of auto"],
        ),
        (audit(&truth, "accuracy", &["--csv", "/no/such/folder/x.csv"]), &["/no/such/folder/x.csv: cannot be written"]),
        (audit(&truth, "accuracy", &["--csv", &truth]), &["truth.csv: the scores would be written over the truth"]),
        (audit(&truth, "accuracy", &["--limit", "1"]), &["invalid value '1' for '--limit"]),
        (
            vec!["score", "--space", "nas-bench-201", "--arch", "|none~0|", "--proxy", "s0"],
            &["has 1 nodes; the cell has 3"],
        ),
        (
            vec!["score", "--space", "nas-bench-210", "--arch", DEAD, "--proxy", "s0"],
            &["did you mean `nas-bench-201`?"],
        ),
    ];
    for (args, parts) in &cases {
        let message = refusal(args);
        for part in *parts {
            assert!(message.contains(part), "{args:?}\nsays   {message}\nlacks  {part}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let files = Files::new();
    let truth = files.write("truth.csv", TRUTH);
    let output = pocketnas(&audit(&truth, "accuracy", &["--csv", "/dev/full"])).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/dev/full: cannot be written"));
}

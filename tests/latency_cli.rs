//! `pocketnas latency` through the binary.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// A folder with the files of a made-up phone: nine small networks whose latency is exactly
/// 0.5 ms + 2e-6 ms per multiply-add + 1e-5 ms per output element.
struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        let mut networks = "network,ms\n".to_owned();
        let mut operators =
            "model,operator,input_hw,input_channels,output_hw,kernel,stride,filters,groups\n".to_owned();
        let mut families = "model,family\n".to_owned();
        for (i, (size, input, output)) in [
            (8, 16, 16),
            (16, 8, 64),
            (32, 8, 16),
            (8, 64, 8),
            (16, 16, 24),
            (4, 256, 8),
            (28, 8, 72),
            (7, 128, 160),
            (14, 48, 96),
        ]
        .into_iter()
        .enumerate()
        {
            let positions = f64::from(size * size);
            let ms = 0.5 + positions * f64::from(input * output) * 2e-6 + positions * f64::from(output) * 1e-5;
            networks += &format!("net{i},{ms}\n");
            operators += &format!("net{i},CONV_2D,{size},{input},{size},1,1,{output},1\n");
            families += &format!("net{i},f{}\n", i % 3);
        }
        dir.write("networks.csv", &networks);
        dir.write("operators.csv", &operators);
        dir.write("families.csv", &families);
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn latency(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("pocketnas").unwrap();
        command.current_dir(self.0.path()).arg("latency").args(arguments);
        command
    }

    fn measured(&self, command: &str, more: &[&str]) -> Command {
        let mut all = vec![command, "--networks", "networks.csv", "--operators", "operators.csv"];
        all.extend(["--device", "phone", "--cores", "big", "--precision", "float"]);
        all.extend(more);
        self.latency(&all)
    }
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The message of a command that must be refused.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(output.stdout.is_empty() && !error.contains("panicked"), "{error}");
    // The renderer breaks lines.
    error.replace(['\n', '│'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_users_own_csv_is_enough_for_a_table() {
    let dir = Dir::new();
    let fitted = json(&mut dir.measured("fit", &["--out", "phone.yaml", "--cross-validate", "families", "--json"]));
    assert_eq!(fitted["networks"], 9);
    assert!(fitted["mape"].as_f64().unwrap() < 5.0, "{fitted}");
    for key in ["within_10", "spearman", "coverage", "bound_over_mean"] {
        assert!(fitted.get(key).is_some() && fitted["baseline"].get(key).is_some(), "{key} in {fitted}");
    }
    let judged = json(&mut dir.measured("eval", &["--table", "phone.yaml", "--json"]));
    let keys: Vec<&String> = judged.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["networks", "mape", "within_10", "spearman", "coverage", "bound_over_mean"]);
    assert!(judged["mape"].as_f64().unwrap() < 1.0, "{judged}");

    let predicted =
        json(&mut dir.latency(&["predict", "--table", "phone.yaml", "operators.csv", "--model", "net3", "--json"]));
    let expected = 0.5 + 64.0 * 512.0 * 2e-6 + 512.0 * 1e-5;
    assert!((predicted["mean_ms"].as_f64().unwrap() / expected - 1.0).abs() < 0.03, "{predicted}");
    let shares: f64 = predicted["blocks"].as_array().unwrap().iter().map(|b| b["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9);
    assert_eq!((&predicted["bound_ms"], &predicted["confidence"]), (&Value::Null, &Value::Null));
    assert_eq!(predicted["flags"], Value::Array(vec![]));

    let tables = json(&mut dir.latency(&["tables", ".", "--json"]));
    assert_eq!(tables[0]["device"], "phone");
    assert_eq!(tables[0]["provenance"]["error"]["left_out"], "families");
}

#[test]
fn measured_columns_of_an_operators_file_are_never_read() {
    let dir = Dir::new();
    let plain = json(&mut dir.measured("fit", &["--out", "plain.yaml", "--json"]));
    let text = fs::read_to_string(dir.path("operators.csv")).unwrap();
    let mut lines = text.lines();
    let mut noisy = format!("{},s10_gpu_us,s10_gpu_kernel\n", lines.next().unwrap());
    for line in lines {
        noisy += &format!("{line},NaN,\u{1f980}\n");
    }
    dir.write("operators.csv", &noisy);
    assert_eq!(json(&mut dir.measured("fit", &["--out", "noisy.yaml", "--json"])), plain);
}

/// A network file as the exporter writes it, and the same network as an operator list.
#[test]
fn architecture_files_are_priced_by_block() {
    let dir = Dir::new();
    dir.measured("fit", &["--out", "phone.yaml"]).assert().success();
    let network = r#"{"version": 1, "name": "x", "network": {"nodes": [
        {"name": "image", "block": "stem", "op": "input", "shape": [16, 8, 8]},
        {"name": "conv", "block": "stem", "inputs": ["image"], "op": "conv2d", "channels": 16, "kernel": [1, 1],
         "stride": 1, "padding": [0, 0], "dilation": 1, "groups": 1, "bias": false},
        {"name": "wide", "block": "head", "inputs": ["conv"], "op": "conv2d", "channels": 999, "kernel": [3, 3],
         "stride": 1, "padding": [1, 1], "dilation": 1, "groups": 1, "bias": false},
        {"name": "up", "block": "head", "inputs": ["wide"], "op": "upsample", "scale": 2, "mode": "nearest"}
        ], "outputs": ["up"]}}"#;
    dir.write("network.json", network);
    dir.write("network.yaml", network);
    let from = |file: &str| json(&mut dir.latency(&["predict", "--table", "phone.yaml", file, "--json"]));
    let predicted = from("network.json");
    assert_eq!(predicted, from("network.yaml"));
    let names: Vec<&str> =
        predicted["blocks"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names[..2], ["stem", "head"]);
    let flags = predicted["flags"].to_string();
    for wanted in ["output_channels 999 is extrapolated, measured networks have 8 to 160", "RESIZE is not covered"] {
        assert!(flags.contains(wanted), "{flags}");
    }

    // Measured architecture files fit a table without any operator list.
    dir.write("files.csv", "network,ms\nnetwork.json,5\nnetwork.yaml,6\n");
    let arguments = ["fit", "--networks", "files.csv", "--device", "p", "--cores", "c", "--precision", "quant"];
    dir.latency(&[&arguments[..], &["--out", "files.yaml"]].concat()).assert().success();
}

#[test]
fn bad_input_is_refused_with_what_would_be_right() {
    let dir = Dir::new();
    dir.measured("fit", &["--out", "phone.yaml"]).assert().success();
    dir.write("latin.csv", "");
    fs::write(dir.path("latin.csv"), b"network,ms\n\xe9t\xe9,1\n").unwrap();
    dir.write("other.csv", "network,ms\nnet33,1\nnet0,2\n");
    dir.write("one.csv", "network,ms\nnet0,2\n");
    dir.write("nounit.yaml", &fs::read_to_string(dir.path("phone.yaml")).unwrap().replace("unit: ms\n", ""));
    dir.write("plain.yaml", "a: 1\n");
    let fit = |file| {
        let arguments =
            ["fit", "--operators", "operators.csv", "--device", "p", "--cores", "c", "--precision", "float"];
        refused(&mut dir.latency(&[&arguments[..], &["--out", "x.yaml", "--networks", file]].concat()))
    };
    let predict = |table, file| refused(&mut dir.latency(&["predict", "--table", table, file]));
    for (message, wanted) in [
        (fit("missing.csv"), "cannot read missing.csv"),
        (fit("latin.csv"), "line 2 is not UTF-8"),
        (fit("other.csv"), "no operators for `net33`"),
        (fit("one.csv"), "a fit needs at least 2"),
        (predict("nounit.yaml", "operators.csv"), "`unit` is missing"),
        (predict("nowhere.yaml", "operators.csv"), "nowhere.yaml"),
        (predict("phone.yaml", "operators.csv"), "holds 9 models"),
        (predict("phone.yaml", "plain.yaml"), "is no architecture file"),
    ] {
        assert!(message.contains(wanted), "{message} should say {wanted}");
    }
    let unwritable = dir.measured("fit", &["--out", "no/such/folder/x.yaml"]).output().unwrap();
    assert_eq!(unwritable.status.code(), Some(2), "it is noticed before anything is fitted");
    let measured = fs::read(dir.path("networks.csv")).unwrap();
    let lost = refused(&mut dir.measured("fit", &["--out", "networks.csv"]));
    assert!(lost.contains("is no latency table") && lost.contains("another file"), "{lost}");
    assert_eq!(fs::read(dir.path("networks.csv")).unwrap(), measured);
    for (flag, value) in [("--families", "families.csv"), ("--confidence", "0.9")] {
        let idle = refused(&mut dir.measured("fit", &["--out", "x.yaml", flag, value]));
        assert!(idle.contains("networks are left out") && idle.contains("--cross-validate"), "{idle}");
    }
    assert!(Path::new(&dir.path("phone.yaml")).is_file());
}

impl Dir {
    /// Thirty networks in six families on two core sets and a GPU of one device, in the layout of several devices.
    fn with_core_sets() -> Self {
        let dir = Self::new();
        let mut networks = "model,device,cores,precision,mean_us,std_us\n".to_owned();
        let mut operators =
            "model,operator,input_hw,input_channels,output_hw,kernel,stride,filters,groups\n".to_owned();
        let mut families = "model,family\n".to_owned();
        for i in 0..30 {
            let (size, channels) = (8 + i % 7, 16 + 8 * (i % 5));
            let ms = 0.5 + f64::from(size * size) * f64::from(channels) * (f64::from(channels) * 2e-6 + 1e-5);
            // Families are off by up to 6 %, each in its own way.
            let us = 1e3 * ms * (1.0 + 0.02 * f64::from(i % 6 - 3));
            for (cores, factor) in [("big", 1.0), ("little", 3.0), ("gpu", 0.1)] {
                networks += &format!("net{i},phone,{cores},float,{},{}\n", us * factor, us * factor / 100.0);
            }
            operators += &format!("net{i},CONV_2D,{size},{channels},{size},1,1,{channels},1\n");
            families += &format!("net{i},f{}\n", i % 6);
        }
        dir.write("networks.csv", &networks);
        dir.write("operators.csv", &operators);
        dir.write("families.csv", &families);
        dir
    }
}

#[test]
fn bounds_hold_at_the_confidence_that_is_asked_for() {
    let dir = Dir::with_core_sets();
    let arguments = ["--out", "phone.yaml", "--cross-validate", "families", "--json"];
    let output = dir.measured("fit", &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("costs lean on those of other core sets: little\n"), "{said}");
    let fitted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(fitted["coverage"].as_f64().unwrap() >= 80.0, "{fitted}");
    assert!(fitted["bound_over_mean"].as_f64().unwrap() > 1.0, "{fitted}");
    assert_eq!(fitted["groups"].as_array().unwrap().len(), 6);

    let predict = |more: &[&str]| {
        let words = ["predict", "--table", "phone.yaml", "operators.csv", "--model", "net3", "--json"];
        json(&mut dir.latency(&[&words[..], more].concat()))
    };
    let [usual, loose] = [predict(&[]), predict(&["--confidence", "0.6"])];
    assert_eq!((&usual["confidence"], &loose["confidence"]), (&Value::from(0.95), &Value::from(0.6)));
    assert_eq!(usual["mean_ms"], loose["mean_ms"]);
    let bound = |answer: &Value| answer["bound_ms"].as_f64().unwrap() / answer["mean_ms"].as_f64().unwrap();
    assert!(bound(&usual) > bound(&loose), "{usual} {loose}");

    let judged = json(&mut dir.measured("eval", &["--table", "phone.yaml", "--json"]));
    assert!(judged["coverage"].as_f64().unwrap() >= 93.0, "{judged}");
    assert!((judged["bound_over_mean"].as_f64().unwrap() - bound(&usual)).abs() < 1e-9, "{judged}");
    let tables = json(&mut dir.latency(&["tables", ".", "--json"]));
    assert_eq!(
        tables[0]["provenance"]["error"]["coverage"].as_f64().map(f64::round),
        fitted["coverage"].as_f64().map(f64::round)
    );
}

#[test]
fn bounds_that_cannot_be_given_are_refused_with_the_remedy() {
    let dir = Dir::with_core_sets();
    dir.measured("fit", &["--out", "bare.yaml"]).assert().success();
    dir.measured("fit", &["--out", "phone.yaml", "--cross-validate", "families"]).assert().success();
    let predict = |table: &str, confidence: &str| {
        refused(&mut dir.latency(&[
            "predict",
            "--table",
            table,
            "operators.csv",
            "--model",
            "net3",
            "--confidence",
            confidence,
        ]))
    };
    for (message, wanted) in [
        (predict("bare.yaml", "0.9"), "bare.yaml: it holds no ratios of networks left out"),
        (predict("bare.yaml", "0.9"), "--cross-validate families"),
        (predict("phone.yaml", "0.99"), "takes 99 networks left out of a fit, and there are 30"),
        (predict("phone.yaml", "95"), "a confidence is a number from 0.5 up to, but not, 1, and 95 is none"),
    ] {
        assert!(message.contains(wanted), "{message} should say {wanted}");
    }
    // Nobody asked: the mean is answered, and why it has no bound is said.
    let answer =
        json(&mut dir.latency(&["predict", "--table", "bare.yaml", "operators.csv", "--model", "net3", "--json"]));
    assert_eq!((&answer["bound_ms"], &answer["confidence"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_table_is_moved_to_a_slower_phone() {
    let dir = Dir::new();
    dir.measured("fit", &["--out", "old.yaml"]).assert().success();
    let mut slower = "network,ms\n".to_owned();
    for line in fs::read_to_string(dir.path("networks.csv")).unwrap().lines().skip(1) {
        let (network, ms) = line.split_once(',').unwrap();
        slower += &format!("{network},{}\n", 3.0 * ms.parse::<f64>().unwrap());
    }
    dir.write("networks.csv", &slower);
    dir.measured("fit", &["--adapt", "old.yaml", "--out", "new.yaml"]).assert().success();
    let price = |table: &str| {
        let predicted =
            json(&mut dir.latency(&["predict", "--table", table, "operators.csv", "--model", "net3", "--json"]));
        predicted["mean_ms"].as_f64().unwrap()
    };
    assert!((price("new.yaml") / price("old.yaml") / 3.0 - 1.0).abs() < 0.02);
    let table = fs::read_to_string(dir.path("new.yaml")).unwrap();
    assert!(table.contains("--adapt old.yaml") && table.contains("Moved from `old.yaml` (phone"), "{table}");
    let curve =
        ["--adapt", "old.yaml", "--learning-curve", "4,6", "--draws", "3", "--families", "families.csv", "--json"];
    let points = json(&mut dir.measured("fit", &curve));
    assert_eq!((&points[0]["networks"], &points[1]["networks"]), (&Value::from(4), &Value::from(6)));
    assert!(points[0]["adapted"].as_f64().unwrap() < 5.0, "{points}");
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let dir = Dir::new();
    dir.measured("fit", &["--out", "old.yaml"]).assert().success();
    let moved = |table: &str, more: &[&str]| {
        let mut arguments = vec!["--adapt", table, "--out", "new.yaml"];
        arguments.extend(more);
        refused(&mut dir.measured("fit", &arguments))
    };
    assert!(moved("none.yaml", &[]).contains("none.yaml"));
    let classes = moved("snapdragon-855/pixel4-gpu-float", &[]);
    assert!(classes.contains("costs by class") && classes.contains("move a table of fitted terms"), "{classes}");
    let precision = moved("galaxy-s10-exynos9820/1large-quant", &[]);
    assert!(precision.contains("`quant`") && precision.contains("same precision"), "{precision}");
    let all = refused(&mut dir.measured("fit", &["--adapt", "old.yaml", "--learning-curve", "9"]));
    assert!(all.contains("leaves none to judge"), "{all}");
    dir.write("networks.csv", "network,ms\nnet0,1.5\n");
    let one = moved("old.yaml", &[]);
    assert!(one.contains("at least 2"), "{one}");
}

/// What the command prints for a person.
fn text(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{error}");
    (out, error)
}

#[test]
fn tables_are_listed_beside_whatever_else_lies_there() {
    let dir = Dir::new();
    let (out, error) = text(&mut dir.latency(&["tables", "."]));
    assert!(out.is_empty() && error.contains("no tables in ."), "{out} {error}");
    dir.measured("fit", &["--out", "phone.yaml", "--cross-validate", "families"]).assert().success();
    dir.write("search.yaml", "search: s\nspace: nas-bench-201\n");
    dir.write("broken.yaml", "a: [\n");
    let (out, error) = text(&mut dir.latency(&["tables", "."]));
    assert!(
        out.contains("phone.yaml  float on big: ") && out.contains("% off on families left out, no bound"),
        "{out}"
    );
    assert!(error.contains("passed over: 2 YAML files without a `table:`"), "{error}");
    assert_eq!(json(&mut dir.latency(&["tables", ".", "--json"])).as_array().unwrap().len(), 1);
    // A table that is none of the sort is still an error.
    dir.write("bad.yaml", "table: t\nversion: 1\n");
    assert!(refused(&mut dir.latency(&["tables", "."])).contains("bad.yaml"));

    let (out, _) = text(&mut dir.latency(&["tables", "phone.yaml"]));
    for part in
        ["phone (chip not stated)", "input size 4 to 32", "input channels 8 to 256", "--cross-validate families"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(json(&mut dir.latency(&["tables", "phone.yaml", "--json"]))[0]["name"], "phone.yaml");
    let unknown = refused(&mut dir.latency(&["tables", "galaxy-s10-exynos980/1large-float"]));
    assert!(unknown.contains("did you mean `galaxy-s10-exynos9820/1large-float`"), "{unknown}");
}

#[test]
fn the_shipped_tables_are_a_line_each() {
    let dir = Dir::new();
    let (out, _) = text(&mut dir.latency(&["tables"]));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines.len() < 40 && lines.iter().all(|line| line.chars().count() < 200), "{out}");
    assert_eq!(out.matches("qed-usc/mobile-ml-benchmark").count(), 2, "{out}");
    for part in [
        "  1large-float            float on 1large: 2.4 % off on families left out, bound 1.0",
        "(held by 96.4 %); 12 kinds of operators",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn names_are_looked_up_the_same_way_everywhere() {
    let dir = Dir::new();
    let predict = |table: &str, network: &str| dir.latency(&["predict", "--table", table, network]);
    let message = refused(&mut predict("galaxy-s10-exynos980/1large-float", "nas-bench-201"));
    assert!(message.contains("did you mean `galaxy-s10-exynos9820/1large-float`"), "{message}");
    let message =
        refused(&mut dir.measured("fit", &["--adapt", "galaxy-s10-exynos980/1large-float", "--out", "n.yaml"]));
    assert!(message.contains("did you mean"), "{message}");
    let (out, error) = text(&mut predict("galaxy-s10-exynos9820/1large-float", "mobilenetv3-ofa"));
    assert!(out.contains(" ms: Samsung Galaxy S10"), "{out}");
    assert!(error.contains("`mobilenetv3-ofa` is a search space: its default architecture is meant"), "{error}");
}

#[test]
fn what_no_table_prices_is_told() {
    let dir = Dir::new();
    let table = "galaxy-s10-exynos9820/1large-float";
    let predict = |network: &str| text(&mut dir.latency(&["predict", "--table", table, network]));
    let space = |layers: &str| {
        format!("space: n\nversion: 1\nabout: A.\ninput: {{ channels: 32, size: 14 }}\nnetwork:\n{layers}")
    };
    let conv = |act: &str| format!("  - {{ name: c_{act}, op: conv, kernel: 3, channels: 32, act: {act} }}\n");
    dir.write("known.yaml", &space(&conv("relu6")));
    dir.write("swish.yaml", &space(&conv("swish")));
    dir.write("alone.yaml", &space("  - { name: a, op: relu }\n  - { name: b, op: sigmoid }\n"));
    let (known, _) = predict("known.yaml");
    assert!(known.contains("confidence of 95.0 %\n") && !known.contains("flag"), "{known}");
    let (swish, _) = predict("swish.yaml");
    assert!(swish.contains("flag: LOGISTIC counts as nothing") && swish.contains("the flag below says"), "{swish}");
    for (network, why) in [("alone.yaml", "of 2 operators that run"), ("nas-bench-201", "does not depend on its input")]
    {
        let (told, note) = predict(network);
        assert!(note.contains(why) && note.contains("no upper bound") && !told.contains("at most"), "{told}{note}");
    }
    // Each size by itself is known, but not both at once.
    dir.write("large.yaml", &space(&conv("relu6")).replace("32, size: 14", "512, size: 112").replace("32,", "512,"));
    let (large, _) = predict("large.yaml");
    for amount in ["elements", "macs"] {
        assert!(large.contains(&format!("CONV_2D: {amount}")), "{large}");
    }
}

//! Tables of class models through the binary: from measured operators, from architectures of a space, from blocks.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn latency(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("pocketnas").unwrap();
    command.current_dir(folder).arg("latency").args(arguments);
    command
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

/// Twelve networks of a made-up GPU: an operator takes 30 us and 1 us for 1,000 multiply-adds, a network twice its
/// operators and 1 ms.
fn gpu(folder: &Path) {
    let mut networks = "network,ms\n".to_owned();
    let mut operators =
        "model,operator,input_hw,input_channels,output_hw,kernel,stride,filters,groups,phone_gpu_us\n".to_owned();
    for network in 0..12 {
        let mut sum = 0.0;
        for layer in 0..4 + network % 5 {
            let (size, input, output) = (7 << ((network + layer) % 3), 8 << (layer % 4), 16 << (network % 4));
            let us = 30.0 + f64::from(size * size * input * output) / 1000.0;
            sum += us;
            operators += &format!("net{network},CONV_2D,{size},{input},{size},1,1,{output},1,{us}\n");
        }
        networks += &format!("net{network},{}\n", 1.0 + 2.0 * sum / 1000.0);
    }
    operators += "near,CONV_2D,16,8,16,1,1,16,1,\nseen,CONV_2D,14,8,14,1,1,16,1,\nfar,CONV_2D,200,8,200,1,1,16,1,\n";
    fs::write(folder.join("networks.csv"), networks).unwrap();
    fs::write(folder.join("operators.csv"), operators).unwrap();
}

#[test]
fn measured_operators_make_a_table_with_rows_or_without() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    gpu(folder);
    let files = ["--networks", "networks.csv", "--operators", "operators.csv"];
    let fit = |more: &[&str]| {
        let device = ["--device", "phone", "--cores", "gpu", "--precision", "float", "--cross-validate", "folds"];
        json(&mut latency(folder, &[&["fit"][..], &files, &device, more, &["--json"]].concat()))
    };
    let fitted = fit(&["--out", "fitted.yaml"]);
    assert!(fitted["mape"].as_f64().unwrap() < 2.0, "{fitted}");
    fit(&["--out", "full.yaml", "--measured-rows"]);
    let predict = |table: &str, model: &str| {
        json(&mut latency(folder, &["predict", "--table", table, "operators.csv", "--model", model, "--json"]))
    };
    for (table, model, source) in [
        ("fitted.yaml", "seen", "fitted"),
        ("full.yaml", "seen", "measured"),
        ("full.yaml", "near", "interpolated"),
        ("full.yaml", "far", "fitted"),
    ] {
        let predicted = predict(table, model);
        assert_eq!(predicted["blocks"][0]["source"], source, "{table} {model}: {predicted}");
        let size: f64 =
            [("seen", 14.0), ("near", 16.0), ("far", 200.0)].into_iter().find(|(m, _)| *m == model).unwrap().1;
        let expected = 1.0 + 2.0 * (30.0 + size * size * 128.0 / 1000.0) / 1000.0;
        let ms = predicted["mean_ms"].as_f64().unwrap();
        assert!((ms / expected - 1.0).abs() < 0.05, "{table} {model}: {ms} for {expected}");
    }
    assert!(predict("full.yaml", "far")["flags"].to_string().contains("input_size 200 is extrapolated"));
    let tables = json(&mut latency(folder, &["tables", ".", "--json"]));
    assert_eq!(tables[0]["rows"]["measured"], 0);
    assert_eq!(tables[1]["rows"]["measured"], distinct_operators(folder));

    let other = ["--device", "phone", "--cores", "npu", "--precision", "float", "--measured-rows", "--out", "x.yaml"];
    let message = refused(&mut latency(folder, &[&["fit"][..], &files, &other].concat()));
    assert!(message.contains("has no column `phone_npu_us`"), "{message}");
}

/// The number of distinct operators with a time, counted in the file.
fn distinct_operators(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("operators.csv")).unwrap();
    let timed = text.lines().skip(1).filter(|line| !line.ends_with(','));
    let distinct: std::collections::HashSet<Vec<&str>> = timed.map(|line| line.split(',').skip(1).collect()).collect();
    Value::from(distinct.len())
}

#[test]
fn architectures_of_a_space_make_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut rows = "arch_str,phone_ms\n".to_owned();
    // 5 ms, 2 ms for each 3x3 convolution on the way from 0 to 3, 0.5 ms for each pooling.
    for (convs, pools, cell) in [
        (1, 0, "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"),
        (0, 1, "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|"),
        (2, 0, "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"),
        (1, 1, "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|avg_pool_3x3~1|none~2|"),
        (3, 0, "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|"),
        (1, 2, "|avg_pool_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|none~1|nor_conv_3x3~2|"),
        // Another name for the first but one: the second edge leads nowhere.
        (0, 1, "|nor_conv_3x3~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|"),
    ] {
        rows += &format!("{cell},{}\n", 5.0 + 2.0 * f64::from(convs) + 0.5 * f64::from(pools));
    }
    fs::write(folder.join("cells.csv"), &rows).unwrap();
    let fit = |column: &str, more: &[&str]| {
        let files = ["fit", "--networks", "cells.csv", "--space", "nas-bench-201", "--column", column];
        let device = ["--device", "phone", "--cores", "cpu", "--precision", "float"];
        latency(folder, &[&files[..], &device, more].concat())
    };
    fit("phone_ms", &["--out", "cells.yaml", "--cross-validate", "operators"]).assert().success();
    let text = fs::read_to_string(folder.join("cells.yaml")).unwrap();
    assert!(text.contains("left_out: operators") && text.contains("--space nas-bench-201 --column phone_ms"), "{text}");
    let score = json(&mut fit("phone_ms", &["--out", "again.yaml", "--json"]));
    assert!(score["mape"].as_f64().unwrap() < 1.0, "{score}");

    assert!(refused(&mut fit("phone", &["--out", "x.yaml"])).contains("has no column `phone`"));
    fs::write(folder.join("cells.csv"), rows.replacen("none~2", "nothing~2", 1)).unwrap();
    let message = refused(&mut fit("phone_ms", &["--out", "x.yaml"]));
    assert!(message.contains("cells.csv:2: column `arch_str`"), "{message}");
    let twice = format!("{rows}{}\n", rows.lines().nth(1).unwrap());
    fs::write(folder.join("cells.csv"), twice).unwrap();
    assert!(refused(&mut fit("phone_ms", &["--out", "x.yaml"])).contains("listed twice"));
}

#[test]
fn blocks_make_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (file, size) in [("a.yaml", 28), ("b.yaml", 14)] {
        let mut text = String::new();
        for (expand, output, skip) in [(48, 16, 1), (96, 16, 1), (48, 24, 0), (96, 24, 0), (144, 24, 0)] {
            let macs = size * size * (16 * expand + 9 * expand + expand * output);
            let ms = f64::from(macs) * 2e-7;
            text += &format!(
                "expanded_conv-input:{size}x{size}x16-output:{size}x{size}x{output}-expand:{expand}-kernel:3-stride:1-\
                 idskip:{skip}-se:0-hs:0:\n  count: 5\n  mean: {ms}\n  std: 0.001\n"
            );
        }
        fs::write(folder.join(file), text).unwrap();
    }
    let stated = ["--name", "t", "--device-name", "d", "--soc", "s", "--runtime", "r", "--cores", "c"];
    let more = ["--precision", "float", "--source", "somebody", "--licence", "MIT", "--json"];
    let blocks = |more_still: &[&str]| {
        json(&mut latency(folder, &[&["blocks", "a.yaml", "b.yaml"][..], &stated, &more, more_still].concat()))
    };
    let scores = blocks(&["--out", "blocks.yaml"]);
    assert_eq!(scores["resolution_left_out"]["networks"], 10);
    assert!(scores["in_sample"]["mape"].as_f64().unwrap() < 5.0, "{scores}");
    blocks(&["--out", "full.yaml", "--measured-rows"]);

    // The same block as a network of ours: a convolution each way, a depthwise one between, and their sum.
    let conv = |name: &str, input: &str, channels: u32, kernel: u32, groups: u32| {
        let padding = kernel / 2;
        format!(
            r#"{{"name": "{name}", "block": "b", "inputs": ["{input}"], "op": "conv2d", "channels": {channels},
            "kernel": [{kernel}, {kernel}], "stride": 1, "padding": [{padding}, {padding}], "dilation": 1,
            "groups": {groups}, "bias": false}}"#
        )
    };
    let network = format!(
        r#"{{"version": 1, "name": "x", "network": {{"nodes": [
        {{"name": "image", "block": "b", "op": "input", "shape": [16, 28, 28]}}, {}, {}, {},
        {{"name": "sum", "block": "b", "inputs": ["image", "project"], "op": "add"}}], "outputs": ["sum"]}}}}"#,
        conv("expand", "image", 48, 1, 1),
        conv("wide", "expand", 48, 3, 48),
        conv("project", "wide", 16, 1, 1)
    );
    fs::write(folder.join("network.json"), network).unwrap();
    for (table, source) in [("blocks.yaml", "fitted"), ("full.yaml", "measured")] {
        let predicted = json(&mut latency(folder, &["predict", "--table", table, "network.json", "--json"]));
        assert_eq!(predicted["blocks"][0]["source"], source, "{predicted}");
        let expected = 28.0 * 28.0 * (16.0 * 48.0 + 9.0 * 48.0 + 48.0 * 16.0) * 2e-7;
        let tolerance = if source == "measured" { 1e-9 } else { 0.1 };
        let ms = predicted["mean_ms"].as_f64().unwrap();
        assert!((ms / expected - 1.0).abs() < tolerance, "{ms} for {expected} in {table}");
    }
    fs::write(folder.join("a.yaml"), "stem:\n  mean: 1\n").unwrap();
    let message = refused(&mut latency(folder, &[&["blocks", "a.yaml"][..], &stated, &more].concat()));
    assert!(message.contains("`stem` is no block"), "{message}");
}

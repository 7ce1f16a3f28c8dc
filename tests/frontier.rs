//! `pocketnas frontier` as a user or a script runs it.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use assert_cmd::Command;
use serde_json::Value;

const HEAD: &str = r#""version": 1, "objectives": [{"name": "latency", "unit": "ms"}, {"name": "loss", "unit": "1"}]"#;

/// Costs and choices.
type Point = (Vec<f64>, Vec<u64>);

/// Two positions; 0.1 + 0.2 and 0.3 must count as equal.
fn chain() -> String {
    format!(
        r#"{{{HEAD}, "positions": [
            {{"name": "b0", "variants": [{{"name": "k3", "costs": [0.1, 0.5]}}, {{"name": "k5", "costs": [0.3, 0.2]}}]}},
            {{"name": "b1", "variants": [{{"name": "e3", "costs": [0.2, 0.4]}}, {{"name": "e6", "costs": [0, 0.8]}},
                                         {{"name": "e9", "costs": [9, 9]}}]}}]}}"#
    )
}

fn graph() -> String {
    format!(
        r#"{{{HEAD}, "resources": [{{"name": "size", "unit": "MB"}}], "nodes": 3, "source": 0, "sink": 2, "edges": [
            {{"from": 0, "to": 1, "name": "a", "costs": [1, 2, 10]}}, {{"from": 1, "to": 2, "name": "b", "costs": [1, 2, 10]}},
            {{"from": 0, "to": 2, "name": "c", "costs": [1, 5, 1]}}, {{"from": 0, "to": 2, "name": "d", "costs": [3, 5, 0]}}]}}"#
    )
}

/// Runs the program with `library` on standard input.
fn frontier(library: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("pocketnas").unwrap();
    let output = command.args(["frontier", "-"]).args(arguments).write_stdin(library).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The JSON answer, and from it the points as (costs, choices).
fn answer(library: &str, arguments: &[&str]) -> (Value, Vec<Point>) {
    let (code, stdout, stderr) = frontier(library, &[&["--json"], arguments].concat());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let document: Value = serde_json::from_str(&stdout).unwrap();
    let point = |point: &Value| {
        let costs = point["costs"].as_array().unwrap().iter().map(|c| c.as_f64().unwrap()).collect();
        (costs, point["choices"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap()).collect())
    };
    let points = document["front"].as_array().unwrap().iter().map(point).collect();
    (document, points)
}

#[test]
fn a_chain_is_answered_with_variant_indices() {
    let (document, points) = answer(&chain(), &[]);
    let expected = [(0.1, 1.3, [0, 1]), (0.3, 0.9, [0, 0]), (0.5, 0.6, [1, 0])];
    assert_eq!(points, expected.map(|(ms, loss, choices)| (vec![ms, loss], choices.to_vec())));
    assert_eq!(document["complete"], true);
    assert_eq!(document["epsilon"].as_f64(), Some(0.0));
    assert!(document["seconds"].as_f64().is_some_and(|seconds| (0.0..1.0).contains(&seconds)));
}

#[test]
fn a_graph_is_answered_with_edge_indices_and_limits_hold_for_resources() {
    let (document, points) = answer(&graph(), &[]);
    assert_eq!(points, [(vec![1.0, 5.0], vec![2]), (vec![2.0, 4.0], vec![0, 1])]);
    assert_eq!(document["front"][1]["resources"]["size"], 20.0);
    assert_eq!(answer(&graph(), &["--limit", "size<=19.5"]).1, [(vec![1.0, 5.0], vec![2])]);
    // Under this limit a path that is dominated without it is all there is.
    assert_eq!(answer(&graph(), &["--limit", "size <= 0"]).1, [(vec![3.0, 5.0], vec![3])]);
}

#[test]
fn a_limit_on_an_objective_is_inclusive() {
    let (_, points) = answer(&chain(), &["--limit", "latency<=0.3", "--limit", "loss<=1"]);
    assert_eq!(points, [(vec![0.3, 0.9], vec![0, 0])]);
}

#[test]
fn top_keeps_the_extremes_and_does_not_claim_to_be_complete() {
    let (document, points) = answer(&chain(), &["--top", "2"]);
    assert_eq!(points.iter().map(|p| p.0[0]).collect::<Vec<_>>(), [0.1, 0.5]);
    assert_eq!((&document["complete"], &document["points"]), (&Value::from(false), &Value::from(3)));
    // (0.3, 0.9) is left out: 4/7 of the loss range from the first point, 1/2 of the latency range from the last.
    assert!((document["epsilon"].as_f64().unwrap() - 0.5).abs() < 1e-9);
}

#[test]
fn people_get_an_aligned_table() {
    let (code, stdout, _) = frontier(&chain(), &[]);
    assert_eq!(code, Some(0));
    let table: Vec<&str> = stdout.lines().take(4).collect();
    assert_eq!(
        table,
        [
            "latency [ms]  loss  choices",
            "         0.1   1.3  k3 e6",
            "         0.3   0.9  k3 e3",
            "         0.5   0.6  k5 e3",
        ]
    );
    assert!(stdout.contains("\nexact front: 3 points, "));
}

#[test]
fn an_impossible_limit_ends_with_3_and_names_the_smallest_value_and_what_binds() {
    let (code, stdout, stderr) = frontier(&chain(), &["--limit", "loss<=0.5"]);
    assert_eq!((code, stdout.as_str()), (Some(3), ""));
    let message = stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(message.contains("smallest reachable loss is 0.6"), "{message}");
    assert!(message.contains("position 1 (`b1`), variant 0 (`e3`) with 0.4"), "{message}");
    let (code, _, stderr) = frontier(&chain(), &["--limit", "loss<=0.6", "--limit", "latency<=0.1"]);
    assert_eq!(code, Some(3), "{stderr}");
}

#[test]
fn a_front_too_large_for_the_budget_is_an_error_with_a_remedy() {
    let (code, stdout, stderr) = frontier(&chain(), &["--max-labels", "2"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("--epsilon 0.01"), "{stderr}");
}

#[test]
fn bad_input_ends_with_2_and_a_message() {
    let cyclic = format!(
        r#"{{{HEAD}, "nodes": 2, "source": 0, "sink": 1, "edges": [
            {{"from": 0, "to": 1, "costs": [1, 1]}}, {{"from": 1, "to": 0, "costs": [1, 1]}}]}}"#
    );
    let apart = format!(r#"{{{HEAD}, "nodes": 2, "source": 0, "sink": 1, "edges": []}}"#);
    let nothing: &[&str] = &[];
    let deep = "[".repeat(2_000_000);
    let cases: [(&str, &[&str], &str); 13] = [
        ("", nothing, "line 1, column 0"),
        ("{\"version\": 1,\n oops}", nothing, "line 2, column 2"),
        (&deep, nothing, "recursion limit"),
        ("{\"version\": NaN}", nothing, "line 1, column 13"),
        ("{\"version\": 7}", nothing, "version 7 is unknown"),
        (&cyclic, nothing, "cycle through nodes 0 -> 1 -> 0"),
        (&apart, nothing, "no path leads from the source"),
        (&chain(), &["--limit", "power<=3"], "no `power`, it has latency, loss"),
        (&chain(), &["--limit", "latency<=fast"], "`fast` is not a number"),
        (&chain(), &["--limit", "latency=3"], "expected NAME<=VALUE"),
        (&chain(), &["--limit", "latency<=nan"], "not a finite number"),
        (&chain(), &["--epsilon", "2"], "epsilon is 2"),
        (&chain(), &["--top", "0"], "invalid value '0'"),
    ];
    for (library, arguments, part) in cases {
        let (code, stdout, stderr) = frontier(library, arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{part}: {stderr}");
        let message = stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(message.contains(part) && !message.contains("panicked"), "`{part}` is not in {message}");
    }
}

#[test]
fn a_file_is_read_and_a_missing_one_is_named() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(chain().as_bytes()).unwrap();
    let run =
        |path: &std::path::Path| Command::cargo_bin("pocketnas").unwrap().arg("frontier").arg(path).output().unwrap();
    assert_eq!(run(file.path()).status.code(), Some(0));
    let missing = run(&file.path().with_extension("missing"));
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read"));
}

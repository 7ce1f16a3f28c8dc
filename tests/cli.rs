//! The command line as a user meets it: exit codes, messages, streams, schemas.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const CONFIG: &str = "\
search: s
version: 1
space: mobilenetv3-ofa
objectives:
  latency: {table: galaxy-s10-exynos9820/1large-float}
  score: {proxy: s0_bc}
limits: [latency <= 20 ms]
";

const SPACE: &str = "\
space: small
version: 1
about: Two layers.
input: { channels: 3, size: 16 }
network:
  - { name: a, op: conv, kernel: { choice: [1, 3] }, channels: 8 }
  - { name: b, op: conv, kernel: { choice: [1, 3] }, channels: 8 }
";

/// A folder to run the program in.
struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.0.path().join(name), content).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pocketnas"))
            .args(arguments)
            .current_dir(self.path())
            .env("NO_COLOR", "1")
            .output()
            .unwrap()
    }

    /// Runs, expects an exit code, gives stdout and stderr; the temporary folder's name is taken out.
    fn expect(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        assert!(!err.contains("panicked"), "{err}");
        (out, err)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (out, _) = self.expect(0, arguments);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}\n{out}"))
    }
}

#[test]
fn bad_configs_end_with_2_and_name_file_and_line() {
    let dir = Dir::new();
    let bomb: String = std::iter::once("a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned())
        .chain(["ab", "bc", "cd", "de", "ef"].iter().map(|pair| {
            let (from, to) = pair.split_at(1);
            format!("{to}: &{to} [{}]\n", vec![format!("*{from}"); 9].join(","))
        }))
        .collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "empty.yaml"),
        ("not-utf8", b"search: s\n\xff\xfe".to_vec(), "line 2 is not UTF-8"),
        ("syntax", b"[1,2\n".to_vec(), "syntax.yaml:1:"),
        ("list", b"- a\n".to_vec(), "a search file is a mapping"),
        ("deep", "[".repeat(1_000_000).into_bytes(), "recursion limit"),
        ("bomb", bomb.into_bytes(), "bomb.yaml:"),
        ("unknown", format!("{CONFIG}unknown_key: 3\n").into_bytes(), "unknown.yaml:8:1"),
        ("no-space", CONFIG.replace("mobilenetv3-ofa", "no-such-space.yaml").into_bytes(), "no-space.yaml:3:8"),
        ("no-table", CONFIG.replace("1large-float", "9large-float").into_bytes(), "no-table.yaml:5:20"),
        ("sizes", CONFIG.replace("mobilenetv3-ofa", "mobilenetv3-ofa-resolution").into_bytes(), "sizes.yaml:6:10"),
        (
            "no-objective",
            CONFIG
                .replace("objectives:\n", "objectives: {}\n#")
                .replace("  latency:", "#")
                .replace("  score", "#")
                .into_bytes(),
            "no objective is given",
        ),
    ];
    for (name, content, told) in cases {
        let file = format!("{name}.yaml");
        dir.file(&file, content);
        let (out, err) = dir.expect(2, &["search", &file, "--out", "o"]);
        let flat = err.replace("\n  │ ", " ");
        assert!(flat.contains(told) && flat.contains(&file), "{name}: {told} is missing\n{err}");
        assert!(out.is_empty(), "{name} wrote to stdout");
        assert!(!dir.path().join("o").exists(), "{name} left a folder");
    }
    let (_, err) = dir.expect(2, &["search", "absent.yaml"]);
    assert!(err.contains("absent.yaml"), "{err}");
}

#[test]
fn bad_spaces_end_with_2_and_name_file_and_line() {
    let layer = "  - { name: b, op: conv, kernel: { choice: [1, 3] }, channels: 8 }\n";
    let dir = Dir::new();
    for (name, from, to, told) in [
        (
            "operator",
            "op: conv, kernel: { choice: [1, 3] }, channels: 8 }\n  - { name: b",
            "op: cnov, kernel: 3, channels: 8 }\n  - { name: b",
            "did you mean `conv`?",
        ),
        (
            "empty-choice",
            "name: b, op: conv, kernel: { choice: [1, 3] }",
            "name: b, op: conv, kernel: { choice: [] }",
            "at least one option",
        ),
        ("clash", layer, "  - { name: c, op: linear, features: 4 }\n", "put a flatten or a to_tokens"),
        ("impossible", layer, &format!("{layer}constraints: [ a.kernel > 5 ]\n"), "no architecture satisfies"),
        (
            "recursion",
            "network:",
            "blocks:\n  r: { layers: [ { use: r } ] }\nnetwork:\n  - { use: r }",
            "contains itself",
        ),
        ("million", layer, "  - { name: c, op: relu, repeat: 1000000 }\n", "from 0 to 1000"),
        (
            "cycle",
            "network:",
            "cells:\n  c: { nodes: [in, a, out], edges: [ { between: [a, in], choice: [ { op: relu } ] } ] }\nnetwork:\n  - { cell: c }",
            "close a cycle",
        ),
    ] {
        let text = SPACE.replacen(from, to, 1);
        assert_ne!(text, SPACE, "{name}");
        let file = format!("{name}.yaml");
        dir.file(&file, text).file("c.yaml", CONFIG.replace("mobilenetv3-ofa", &file));
        for arguments in [&["space", "count", &file][..], &["search", "c.yaml", "--out", "o"], &["plan", "c.yaml"]] {
            let (_, err) = dir.expect(2, arguments);
            let flat = err.replace("\n  │ ", " ").replace("\n        ", " ");
            assert!(
                flat.contains(told) && flat.contains(&format!("{file}:")),
                "{arguments:?}: {told} is missing\n{err}"
            );
        }
    }
}

#[test]
fn bad_tables_are_refused_before_anything_is_searched() {
    let dir = Dir::new();
    let table = fs::read_to_string(format!("{ROOT}/latency_tables/galaxy-s10-exynos9820/1large-float.yaml")).unwrap();
    let line = table
        .lines()
        .find(|line| line.contains("ms_per") || line.contains("cost:") || line.contains("ms:"))
        .unwrap_or_default();
    let config = CONFIG.replace("galaxy-s10-exynos9820/1large-float", "t.yaml");
    dir.file("c.yaml", config);
    let unit = table.lines().find(|line| line.starts_with("unit:")).unwrap();
    for (name, text) in [
        ("no unit", table.replacen(unit, "", 1)),
        ("not a table", "a: 1\n".to_owned()),
        ("not a number", table.replacen("unit:", "x: .nan\nunit:", 1)),
    ] {
        assert_ne!(text, table, "{name}");
        dir.file("t.yaml", text);
        let (_, err) = dir.expect(2, &["search", "c.yaml", "--out", "o"]);
        assert!(err.contains("t.yaml"), "{name}: {err} {line}");
        assert!(!dir.path().join("o").exists());
    }
}

#[test]
fn an_operator_that_no_measured_network_has_is_told() {
    let dir = Dir::new();
    let space = SPACE.replace(
        "op: conv, kernel: { choice: [1, 3] }, channels: 8 }\n  - { name: b",
        "op: upsample, scale: 2, mode: nearest }\n  - { name: b",
    );
    assert_ne!(space, SPACE);
    dir.file("s.yaml", space).file("c.yaml", CONFIG.replace("mobilenetv3-ofa", "s.yaml"));
    let plan = dir.json(&["plan", "c.yaml", "--json"]);
    let coverage = plan["coverage"].to_string();
    assert!(coverage.contains("not covered"), "{coverage}");
    dir.expect(0, &["search", "c.yaml", "--out", "o"]);
    assert!(fs::read_to_string(dir.path().join("o/front.json")).unwrap().contains("not covered"));
}

#[test]
fn infeasible_limits_end_with_3_and_name_what_binds() {
    let dir = Dir::new();
    dir.file("c.yaml", CONFIG);
    // The table may be fitted anew: the smallest latency is whatever the plan says.
    let plan = dir.json(&["plan", "c.yaml", "--json"]);
    let smallest = plan["quantities"][0]["min"].as_f64().unwrap();
    let start = &smallest.to_string()[..4];
    let (told, remedy) = (format!("it can reach is {start}"), format!("relax the limit to {start}"));
    dir.file("c.yaml", CONFIG.replace("20 ms", "4 ms"));
    for command in [&["search", "c.yaml", "--out", "o"][..], &["plan", "c.yaml"]] {
        let (_, err) = dir.expect(3, command);
        let flat = err.replace("\n  │ ", " ").replace("\n        ", " ");
        for part in ["c.yaml:7:10", "`latency <= 4 ms`", &told, "block `", &remedy] {
            assert!(flat.contains(part), "{part} is missing\n{err}");
        }
    }
    let page = std::fs::read_to_string(dir.path().join("o/report.html")).unwrap();
    assert!(page.contains("latency ≤ 4 ms"), "the report does not show what comes closest");
    dir.file("c.yaml", CONFIG.replace("[latency <= 20 ms]", "[latency <= 13 ms, score >= 400]"));
    let (_, err) = dir.expect(3, &["search", "c.yaml", "--out", "p"]);
    let flat = err.replace("\n  │ ", " ").replace("\n        ", " ");
    assert!(
        flat.contains("each limit can be met alone") && flat.contains("while the others hold, latency reaches"),
        "{err}"
    );
}

#[test]
fn messages_look_like_this() {
    let dir = Dir::new();
    let broken = CONFIG.replace("s0_bc", "s0_cb").replace("20 ms", "20 kg") + "sede: 1\n";
    dir.file("c.yaml", broken);
    insta::assert_snapshot!("broken_config", dir.expect(2, &["search", "c.yaml"]).1);
    dir.file("c.yaml", CONFIG.replace("mobilenetv3-ofa", "mobilenetv3-ofa-resolution"));
    let (_, err) = dir.expect(2, &["search", "c.yaml"]);
    let start = err.find('×').unwrap();
    insta::assert_snapshot!("input_sizes", &err[start..]);
}

#[test]
fn plan_answers_with_one_document() {
    let dir = Dir::new();
    dir.file("c.yaml", CONFIG);
    let plan = dir.json(&["plan", "c.yaml", "--json"]);
    assert_eq!(plan["architectures"], "21758655492572485851");
    assert_eq!(plan["feasible"], true);
    let latency = &plan["quantities"][0];
    assert!(latency["min"].as_f64().unwrap() < 20.0 && latency["max"].as_f64().unwrap() > 30.0, "{latency}");
    assert!(plan["front"].as_u64().unwrap() > 100 && plan["seconds"].as_f64().unwrap() < 60.0, "{plan}");
}

#[test]
fn space_commands_answer() {
    let dir = Dir::new();
    dir.file("s.yaml", SPACE);
    let count = dir.json(&["space", "count", "s.yaml", "--json"]);
    assert_eq!(count, serde_json::json!({"architectures": "4", "distinct": 4, "states": count["states"]}));
    let shown = dir.json(&["space", "show", "s.yaml", "--json"]);
    assert_eq!(shown["space"], "small");
    let drawn = dir.json(&["space", "sample", "s.yaml", "-n", "3", "--seed", "4", "--json"]);
    assert_eq!(drawn.as_array().unwrap().len(), 3);
    let (lines, _) = dir.expect(0, &["space", "sample", "s.yaml", "-n", "3", "--seed", "4"]);
    assert_eq!(lines.lines().next(), drawn[0]["architecture"].as_str());

    let (library, _) = dir.expect(0, &["space", "graph", "s.yaml"]);
    dir.file("l.json", &library);
    let front = dir.json(&["frontier", "l.json", "--json"]);
    // The two mixed ones score alike, and the one with the large kernel in front is smaller.
    assert_eq!(front["front"].as_array().unwrap().len(), 3, "{front}");
    let (library, _) = dir.expect(
        0,
        &["space", "graph", "s.yaml", "--objective", "ms=galaxy-s10-exynos9820/1large-float", "--objective", "macs"],
    );
    let library: Value = serde_json::from_str(&library).unwrap();
    assert_eq!(library["objectives"][0], serde_json::json!({"name": "ms", "unit": "ms"}));
    let (_, err) = dir.expect(2, &["space", "graph", "s.yaml", "--objective", "x=s0_cb"]);
    assert!(err.contains("did you mean `s0_bc`?"), "{err}");
}

#[test]
fn exports_of_a_run() {
    let dir = Dir::new();
    dir.file("c.yaml", CONFIG.to_owned() + "architectures: 6\n");
    dir.expect(0, &["search", "c.yaml", "--out", "o"]);
    let (listed, _) = dir.expect(0, &["export", "o", "--format", "json,dot", "--top", "3", "--out", "e"]);
    assert_eq!(listed.lines().count(), 6, "{listed}");
    let json = listed.lines().find(|line| line.ends_with(".json")).unwrap();
    let (yaml, _) = dir.expect(0, &["export", json, "--format", "yaml"]);
    let name = Path::new(json).with_extension("yaml");
    let original = fs::read_to_string(dir.path().join("o/architectures").join(name.file_name().unwrap())).unwrap();
    assert_eq!(yaml, original);
    assert!(dir.expect(2, &["export", "o", "--format", "onxx"]).1.contains("there is no format `onxx`"));
    dir.expect(2, &["export", "nowhere", "--format", "json"]);
    dir.expect(2, &["export", json, "--format", "yaml,dot"]);
    dir.file("space.yaml", SPACE);
    for (arguments, part) in [
        (&["export", json, "--format", "svg", "--out", "x.svg"][..], "`x.svg` is called like a file"),
        (&["export", json, "--format", "svg", "--top", "1"], "is one architecture"),
        (&["export", json, "--format", "svg", "--id", "f001"], "is one architecture"),
        (&["export", "model.onnx", "--format", "svg"], "`pocketnas import model.onnx --out DIR`"),
        (&["export", "space.yaml", "--format", "svg"], "it is a search space; `pocketnas search`"),
        (&["export", "c.yaml", "--format", "svg"], "it is a search config; `pocketnas search`"),
    ] {
        let told = dir.expect(2, arguments).1;
        assert!(
            told.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "").contains(part),
            "{part}: {told}"
        );
    }
    let (listed, _) = dir.expect(0, &["export", json, "--format", "svg,dot,svg", "--out", "twice"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");

    let before = fs::read(dir.path().join("o/front.svg")).unwrap();
    fs::remove_file(dir.path().join("o/front.svg")).unwrap();
    dir.expect(0, &["report", "o"]);
    assert_eq!(fs::read(dir.path().join("o/front.svg")).unwrap(), before);
    assert_eq!(dir.json(&["report", "o", "--json"])["title"], "s");
    dir.expect(2, &["report", "nowhere"]);
}

#[test]
fn unusable_folders_and_full_disks() {
    let dir = Dir::new();
    dir.file("c.yaml", CONFIG).file("file", "");
    let (_, err) = dir.expect(2, &["search", "c.yaml", "--out", "file/below"]);
    assert!(err.contains("file/below") && err.contains("--out"), "{err}");
    #[cfg(target_os = "linux")]
    {
        dir.expect(2, &["search", "c.yaml", "--out", "/proc/pocketnas"]);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_pocketnas"))
            .args(["space", "count", "mobilenetv3-ofa", "--json"])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pocketnas"))
        .args(["space", "sample", "nas-bench-201", "-n", "5000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let dir = Dir::new();
    for arguments in [&["serach"][..], &["search"], &["search", "c.yaml", "--jobs", "0"], &["schema", "spaces"], &[]] {
        dir.expect(2, arguments);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(dir.expect(0, &["completions", shell]).0.contains("pocketnas"));
    }
}

#[test]
fn committed_schemas_are_current_and_hold_for_every_shipped_file() {
    let dir = Dir::new();
    let folders = [
        ("space", "search_spaces"),
        ("search", "examples"),
        ("proxy", "proxies"),
        ("proxy", "examples/proxies"),
        ("table", "latency_tables"),
    ];
    let mut stale = String::new();
    for (kind, folder) in folders {
        let (text, _) = dir.expect(0, &["schema", kind]);
        let committed = fs::read_to_string(format!("{ROOT}/schemas/{kind}.json")).unwrap_or_default();
        if committed != text {
            stale.push_str(&format!("cargo run -- schema {kind} > schemas/{kind}.json\n"));
        }
        let schema: Value = serde_json::from_str(&text).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let files = yaml_files(Path::new(ROOT).join(folder).as_path());
        assert!(!files.is_empty(), "{folder}");
        for file in files {
            // Spaces and proxies beside their configs, as a reader's own would be.
            if kind == "search"
                && (file.ends_with("space.yaml") || file.parent().is_some_and(|p| p.ends_with("proxies")))
            {
                continue;
            }
            let document: Value = serde_yaml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", file.display());
        }
        assert!(!validator.is_valid(&serde_json::json!({"no_such_key": 1})), "{kind} takes anything");
    }
    assert!(stale.is_empty(), "schemas are out of date; run\n{stale}");
}

fn yaml_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|e| e == "yaml") {
            files.push(path);
        }
    }
    files
}

/// What an installed binary needs: nothing beside it.
#[test]
fn shipped_names_work_from_any_folder() {
    let dir = Dir::new();
    dir.file("c.yaml", CONFIG);
    dir.expect(0, &["search", "c.yaml"]);
    assert!(dir.path().join("reports/s/front.csv").exists());
}

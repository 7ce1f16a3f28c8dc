//! `pocketnas latency profile` from the shell, with a command that prints made-up times: what it plans, writes, refuses, and
//! how it goes on after an interrupt or a kill.
#![allow(clippy::unwrap_used)]

#[path = "support/python.rs"]
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pocketnas::latency::profile::{Journal, Plan, PlanOptions, Prior, Protocol, Results, Setup, Watch, measure, open};
use pocketnas::space::Space;
use serde_json::Value as Json;
use tempfile::TempDir;

const SPACE: &str = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 16 }\nnetwork:\n  - { op: conv, kernel: 3, channels: { \
                     choice: [8, 16] } }\n  - { op: conv, kernel: { choice: [1, 3] }, channels: 16 }\n  - op: global_avg_pool\n  - op: flatten\n  \
                     - { op: linear, features: 10 }\n";

struct Bench(TempDir);

impl Bench {
    /// A space, and a command whose times follow from the length of the model; it takes `pause` seconds each time.
    fn new(pause: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("t.yaml"), SPACE).unwrap();
        let script = format!(
            "sleep {pause}; size=$(wc -c < \"$1\"); i=0; while [ $i -lt \"$2\" ]; do echo \"$((100 + size / 10)) us\"; i=$((i + 1)); done\n"
        );
        fs::write(folder.path().join("bench.sh"), script).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn start(&self, more: &[&str]) -> Child {
        let script = format!("sh '{}' {{model}} {{runs}}", self.path("bench.sh").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketnas"));
        command.args([
            "latency",
            "profile",
            "t.yaml",
            "--runner",
            "host",
            "--model-runner",
            &script,
            "--networks",
            "4",
        ]);
        command.args(["--blocks", "0", "--runs", "10", "--cool-down", "0"]).args(more);
        command.current_dir(self.0.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, more: &[&str]) -> Output {
        self.start(more).wait_with_output().unwrap()
    }

    fn journal(&self) -> Vec<Json> {
        let text = fs::read_to_string(self.path("out.profile/profile.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn windows(&self) -> usize {
        self.journal().iter().filter(|event| event["event"] == "window").count()
    }

    /// Waits until so many windows are measured.
    fn reach(&self, windows: usize) {
        let began = Instant::now();
        while self.windows() < windows {
            assert!(began.elapsed() < Duration::from_secs(60), "{} windows in a minute", self.windows());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What was said, without the frames and breaks of messages that are wrapped to the width of a terminal.
fn words(output: &Output) -> String {
    let said = told(output);
    let words = said.split(|c: char| c.is_whitespace() || "│×╰─▶".contains(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn succeeded(output: &Output) -> Json {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn pocketnas(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pocketnas")).args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn a_plan_is_told_without_a_device() {
    let bench = Bench::new("0");
    let plan = succeeded(&pocketnas(
        bench.0.path(),
        &["latency", "profile", "t.yaml", "--runner", "adb:none", "--dry-run", "--json"],
    ));
    // Four architectures; convolutions 3→8, 3→16, and 8→16 and 16→16 at two sizes; a mean and a linear layer.
    assert_eq!(plan["counts"]["whole network"], 4);
    assert_eq!(plan["counts"]["operator"], 8);
    assert_eq!(plan["runs_each"], 50);
    assert!(plan["seconds"].as_f64().unwrap() > 1.0);
    // A command has to be started each time, and a phone is asked over a cable: the same estimate that a run begins with.
    let seconds = |more: &[&str]| {
        let all = [&["latency", "profile", "t.yaml", "--dry-run", "--json", "--runner"], more].concat();
        succeeded(&pocketnas(bench.0.path(), &all))["seconds"].as_f64().unwrap()
    };
    let (engine, command) = (seconds(&["host"]), seconds(&["host", "--model-runner", "b {model}"]));
    assert!(engine < command && command < seconds(&["adb:none"]), "{engine} s, {command} s");
    let text = pocketnas(bench.0.path(), &["latency", "profile", "t.yaml", "--runner", "host", "--dry-run"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("t: 4 whole networks, ") && text.contains("unknown       CONV_2D"), "{text}");
}

#[test]
fn a_table_is_written_that_prices_the_space() {
    let bench = Bench::new("0");
    let made = succeeded(&bench.run(&["--out", "out.yaml", "--json", "--date", "2026-01-31", "--licence", "CC0"]));
    assert_eq!((made["networks"].as_u64(), made["missing"].as_u64()), (Some(4), Some(0)));
    let text = fs::read_to_string(bench.path("out.yaml")).unwrap();
    for part in [
        "source: measured",
        "source: fitted",
        "Measured 2026-01-31.",
        "licence: \"CC0\"",
        "pocketnas latency profile t.yaml --runner host",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    fs::create_dir(bench.path("tables")).unwrap();
    fs::copy(bench.path("out.yaml"), bench.path("tables/out.yaml")).unwrap();
    let listed = succeeded(&pocketnas(bench.0.path(), &["latency", "tables", "tables", "--json"]));
    assert_eq!((&listed[0]["name"], &listed[0]["rows"]["measured"]), (&"tables/out.yaml".into(), &8.into()));
    // The same command again has nothing left to measure, and writes the same table.
    let windows = bench.windows();
    succeeded(&bench.run(&["--out", "out.yaml", "--json", "--date", "2026-01-31", "--licence", "CC0"]));
    assert_eq!(bench.windows(), windows);
}

/// A profile of a command, in few benchmarks.
fn of_command(bench: &Bench, command: &str, more: &[&str]) -> Output {
    let mut all = vec!["latency", "profile", "t.yaml", "--runner", "host", "--out", "out.yaml", "--networks", "2"];
    all.extend(["--blocks", "0", "--operators", "2", "--cool-down", "0", "--model-runner", command]);
    all.extend(more);
    pocketnas(bench.0.path(), &all)
}

#[test]
fn what_was_measured_otherwise_is_never_taken_for_the_same() {
    let bench = Bench::new("0");
    fs::copy(bench.path("bench.sh"), bench.path("pushed.sh")).unwrap();
    let command = "sh pushed.sh {model} {runs}";
    let push = ["--push", "pushed.sh", "--runs", "10"];
    // What cannot be started measures nothing, and binds nobody.
    let missing = of_command(&bench, "nowhere/bench {model} {runs}", &["--runs", "50"]);
    assert!(words(&missing).contains("cannot be started"), "{}", told(&missing));
    let first = of_command(&bench, command, &push);
    assert_eq!(first.status.code(), Some(0), "{}", told(&first));
    let table = fs::read_to_string(bench.path("out.yaml")).unwrap();
    assert!(table.contains("--push pushed.sh"), "{table}");

    let refused = |output: Output, what: &str| {
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(words(&output).contains(&format!("measurements of another {what}")), "{}", told(&output));
    };
    refused(of_command(&bench, &format!("{command} -x"), &push), "command");
    refused(of_command(&bench, command, &[&push[..], &["--model-format", "tflite"]].concat()), "command");
    refused(of_command(&bench, command, &push[..2]), "number of runs in a go");
    fs::write(bench.path("pushed.sh"), fs::read_to_string(bench.path("bench.sh")).unwrap() + "# new\n").unwrap();
    refused(of_command(&bench, command, &push), "command");
    assert_eq!(fs::read_to_string(bench.path("out.yaml")).unwrap(), table);
}

#[test]
fn fewer_runs_than_the_protocol_asks_for_are_said() {
    let bench = Bench::new("0");
    let script = format!("sh '{}' {{model}} 1", bench.path("bench.sh").display());
    let output = of_command(&bench, &script, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(words(&output).contains("warning: the command has no {runs}"), "{}", told(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("some benchmarks ran 5 times only; the protocol asks for 50"), "{text}");
    assert!(text.contains("spread of the runs") && text.contains("no upper bounds: "), "{text}");
    let table = fs::read_to_string(bench.path("out.yaml")).unwrap();
    assert!(table.contains("Each benchmark ran 5 times or more, where the protocol asks for 50"), "{table}");

    let few = Bench::new("0");
    let output = few.run(&["--out", "out.yaml"]);
    assert!(
        words(&output).contains("warning: 10 runs of each benchmark, where the protocol asks for 50"),
        "{output:?}"
    );
}

#[test]
fn times_that_do_not_follow_the_model_are_not_to_be_measured_on() {
    let bench = Bench::new("0");
    let output = of_command(&bench, "echo {model} {runs}; for i in 1 2 3; do echo 1.0 ms; done", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(words(&output).contains("measuring on does not help"), "{}", told(&output));
}

/// `pocketnas … 2>&1 | head -1`.
#[test]
fn whoever_closes_stderr_breaks_nothing() {
    let bench = Bench::new("0.02");
    let mut child = bench.start(&["--out", "out.yaml", "--json"]);
    drop(child.stderr.take());
    succeeded(&child.wait_with_output().unwrap());
}

#[test]
fn it_goes_on_after_an_interrupt_and_after_a_kill() {
    let bench = Bench::new("0.05");
    let child = bench.start(&["--out", "out.yaml", "--json"]);
    bench.reach(3);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(words(&output).contains("the same command goes on"), "{}", told(&output));
    assert!(!bench.path("out.yaml").exists());
    let interrupted = bench.windows();

    let mut child = bench.start(&["--out", "out.yaml", "--json"]);
    bench.reach(interrupted + 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let before = bench.journal();

    let made = succeeded(&bench.run(&["--out", "out.yaml", "--json"]));
    assert_eq!(made["missing"], 0);
    let after = bench.journal();
    assert_eq!(after[..before.len()], before, "lines are only ever added");
    // Only what no reference stood behind when the kill came was measured again: less than a span of eight.
    let total = after.iter().filter(|event| event["event"] == "window").count();
    let keys: std::collections::BTreeSet<&str> = after.iter().filter_map(|event| event["key"].as_str()).collect();
    assert!((5 * keys.len()..=5 * keys.len() + 8).contains(&total), "{total} windows of {} benchmarks", keys.len());
}

#[test]
fn what_cannot_be_is_refused_before_anything_runs() {
    let bench = Bench::new("0");
    let refuse = |arguments: &[&str], message: &str| {
        let mut all = vec!["latency", "profile", "t.yaml"];
        all.extend(arguments);
        let output = pocketnas(bench.0.path(), &all);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(words(&output).contains(message), "{arguments:?}: {}", told(&output));
    };
    refuse(
        &["--runner", "phone", "--out", "o.yaml"],
        "there is no runner `phone`; there are: host, onnxruntime[:LIBRARY], adb:SERIAL",
    );
    refuse(&["--runner", "host", "--out", "no/such/folder.yaml"], "cannot be written");
    refuse(&["--runner", "host", "--out", "o.yaml", "--threads", "2"], "the engine runs single images on one thread");
    refuse(&["--runner", "host", "--out", "o.yaml", "--model-runner", "bench"], "does not say where the model goes");
    refuse(
        &["--runner", "host", "--out", "o.yaml", "--model-runner", "bench {model} {run}"],
        "what is filled in is: {model}, {runs}",
    );
    refuse(
        &["--runner", "host", "--out", "o.yaml", "--model-runner", "b {model}", "--model-format", "mnn"],
        "there are: onnx, tflite",
    );
    refuse(
        &["--runner", "host", "--out", "o.yaml", "--model-runner", "b {model}", "--push", "nothing"],
        "there is no file nothing",
    );
    refuse(&["--runner", "host"], "--out");
    for (flag, value) in
        [("--push", "t.yaml"), ("--model-format", "onnx"), ("--timeout", "5"), ("--patience", "5"), ("--adb", "adb")]
    {
        refuse(&["--runner", "host", "--out", "o.yaml", flag, value], &format!("has no use for {flag}"));
    }
    refuse(&["--runner", "host", "--out", "o.yaml", "--model-runner", "b {model}", "--timeout", "0"], "--timeout");
    refuse(
        &["--runner", "host", "--out", "o.yaml", "--model-runner", "b {model}", "--cores", "3-9999"],
        "names no cores",
    );
    refuse(&["--runner", "host", "--out", "o.yaml", "--prior", "galaxy-s10-exynos980/1large-float"], "did you mean");
    refuse(&["--runner", "host", "--out", "o.yaml", "--precision", "quant"], "a command that quantises each model");
    refuse(&["--runner", "host", "--out", "o.yaml", "--precision", "half"], "float, quant");
    refuse(&["--runner", "onnxruntime:", "--out", "o.yaml"], "there are: host, onnxruntime[:LIBRARY], adb:SERIAL");
    #[cfg(not(feature = "onnxruntime"))]
    refuse(&["--runner", "onnxruntime", "--out", "o.yaml"], "--features onnxruntime");
}

/// The command that the documents name, with ONNX Runtime itself: every benchmark runs, whatever its times.
#[test]
fn onnx_runtime_runs_every_benchmark() {
    let Some(python) = python::onnxruntime() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/onnxruntime/bench.py");
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        command: Some(format!("'{}' '{script}' {{model}} {{warmup}} {{runs}} {{threads}}", python.display())),
        formats: pocketnas::export::MODELS.to_vec(),
        folder: folder.path().to_owned(),
        ..Setup::default()
    };
    let space = Space::load("mobilenetv3-ofa", None).unwrap();
    let options = PlanOptions { networks: 1, blocks: 1, operators: Some(3), seed: 0, copied: true };
    let plan = Plan::new(&space, &options, &Prior::Rough).unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    // Once each, and no matter how steady the machine is.
    let protocol = Protocol { windows: 1, runs: 3, warm_up: 1, tolerance: 1e9, passes: 1, ..Protocol::default() };
    let mut runner = open("host", setup).unwrap();
    let watch = Watch { stop: &|| false, progress: &|_| {} };
    measure(&plan, "host", runner.as_mut(), &mut journal, &protocol, watch).unwrap();
    let results = Results::of(journal.events(), protocol.tolerance);
    for planned in &plan.planned {
        let name = planned.benchmark.name();
        assert_eq!(results.count(&planned.benchmark.key), 1, "{name}");
        assert!(results.statistics(&planned.benchmark.key).unwrap().median > 0.0, "{name}");
    }
}

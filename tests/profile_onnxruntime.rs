//! `pocketnas latency profile --runner onnxruntime` with the library that the package of PyPI brings.
#![cfg(feature = "onnxruntime")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/python.rs"]
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pocketnas::graph::{Builder, Conv2d, Op, Shape};
use pocketnas::latency::LatencyTable;
use pocketnas::latency::profile::{Benchmark, Runs, Setup, Subject, open};

const SPACE: &str = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 32 }\nnetwork:\n  - { op: conv, kernel: 3, stride: 2, \
                     channels: { choice: [8, 16] } }\n  - { op: conv, kernel: { choice: [1, 3] }, channels: 32 }\n  - op: global_avg_pool\n  - op: \
                     flatten\n  - { op: linear, features: 10 }\n";

/// The library, and the folder of its package, which has others beside it.
fn library() -> Option<(PathBuf, PathBuf)> {
    let environment = python::onnxruntime()?.parent().unwrap().parent().unwrap().to_owned();
    let packages = fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap().path().join("site-packages");
    let file = |entry: fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with("libonnxruntime.so").then(|| entry.path())
    };
    let found = fs::read_dir(packages.join("onnxruntime/capi")).unwrap().find_map(|entry| file(entry.unwrap()));
    Some((found.expect("the package brings the library"), packages))
}

fn profile(folder: &Path, runner: &str, variable: Option<&Path>) -> Output {
    fs::write(folder.join("t.yaml"), SPACE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketnas"));
    command.args(["latency", "profile", "t.yaml", "--runner", runner, "--out", "t.table.yaml", "--networks", "4"]);
    command.args(["--blocks", "0", "--runs", "10", "--cool-down", "0", "--json"]).current_dir(folder);
    match variable {
        Some(path) => command.env("ORT_DYLIB_PATH", path),
        None => command.env_remove("ORT_DYLIB_PATH"),
    };
    command.output().unwrap()
}

#[test]
fn a_space_is_profiled_whichever_way_the_library_is_named() {
    let Some((library, _)) = library() else { return };
    let named = format!("onnxruntime:{}", library.display());
    for (runner, variable) in [(named.as_str(), None), ("onnxruntime", Some(library.as_path()))] {
        let folder = tempfile::tempdir().unwrap();
        let output = profile(folder.path(), runner, variable);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // A machine that is busy throughout may leave nothing that counts; it says so, and the journal has it all.
        let journal = fs::read_to_string(folder.path().join("t.table.profile/profile.jsonl")).unwrap();
        assert!(journal.contains("\"runtime\":\"ONNX Runtime"), "{said}\n{journal}");
        assert!(
            journal.lines().filter(|line| line.contains("\"event\":\"window\"")).count() >= 50,
            "{said}\n{journal}"
        );
        assert!(!journal.contains("\"event\":\"failed\""), "{journal}");
        if output.status.success() {
            let table = LatencyTable::load(&folder.path().join("t.table.yaml")).unwrap();
            assert!(
                table.info().provenance.command.contains("--runner onnxruntime"),
                "{}",
                table.info().provenance.command
            );
            assert!(!table.info().provenance.command.contains('/'), "{}", table.info().provenance.command);
            assert!(table.info().runtime.starts_with("ONNX Runtime"), "{}", table.info().runtime);
        } else {
            assert!(said.contains("enough measurements that count"), "{said}");
        }
    }
}

/// Python's interface to the same library, on the same model, takes about as long.
#[test]
fn times_are_those_that_python_finds() {
    let Some((library, _)) = library() else { return };
    let Some(python) = python::onnxruntime() else { return };
    let mut builder = Builder::new();
    let input = builder.add("input", Op::Input { shape: Shape::map(64, 56) }, &[]).unwrap();
    let conv = builder.add("conv", Op::Conv2d(Conv2d::square(64, 3, 1)), &[input]).unwrap();
    builder.output(conv);
    let benchmark = Benchmark::new(Subject::Block("conv".to_owned()), builder.finish().unwrap());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/onnxruntime/bench.py");
    let folder = tempfile::tempdir().unwrap();
    let setup = |command| Setup {
        command,
        formats: pocketnas::export::MODELS.to_vec(),
        folder: folder.path().to_owned(),
        ..Setup::default()
    };
    let bench = format!("'{}' '{script}' {{model}} {{warmup}} {{runs}} {{threads}}", python.display());
    let shortest = |name: &str, command| {
        let mut runner = open(name, setup(command)).unwrap();
        runner.describe().unwrap();
        let measured = runner.run(&benchmark, Runs { warm_up: 5, counted: 30 }).unwrap();
        measured.times.into_iter().fold(f64::INFINITY, f64::min)
    };
    let ours = shortest(&format!("onnxruntime:{}", library.display()), None);
    let theirs = shortest("host", Some(bench));
    assert!((0.5..2.0).contains(&(ours / theirs)), "{ours} ms against Python's {theirs} ms");
}

#[test]
fn what_is_no_such_library_is_refused_with_a_remedy() {
    let Some((_, packages)) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libonnxruntime.so");
    fs::write(&text, "no library").unwrap();
    let numpy = fs::read_dir(packages.join("numpy.libs")).unwrap().map(|entry| entry.unwrap().path());
    let other = numpy.into_iter().find(|path| path.to_string_lossy().contains("gfortran")).unwrap();
    let missing = folder.path().join("missing.so");
    for (path, said) in [(&text, "failed to load"), (&other, "does not export"), (&missing, "there is no file")] {
        for (runner, variable) in
            [(format!("onnxruntime:{}", path.display()), None), ("onnxruntime".to_owned(), Some(path))]
        {
            let output = profile(folder.path(), &runner, variable.map(PathBuf::as_path));
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let plain = told.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(plain.contains(said), "{path:?}: {told}");
            assert!(plain.contains("ORT_DYLIB_PATH"), "{told}");
            assert!(!plain.contains("panicked"), "{told}");
        }
    }
}

//! A space that is searched in no time, configs over it, and the program run on them.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

const SPACE: &str = "\
space: tiny
version: 1
about: Small enough to be used up.
input: { channels: 3, size: 16 }
blocks:
  wide:
    params: { channels: {}, kernel: { choice: [3, 5, 7], ordered: true } }
    layers: [{ op: conv, kernel: =kernel, channels: =channels, act: relu }]
network:
  - { name: stem, op: conv, kernel: 3, channels: { choice: [4, 8, 12] } }
  - stage: s1
    repeat: { choice: [1, 2] }
    channels: { choice: [8, 16] }
    block: { use: wide }
  - op: global_avg_pool
  - op: flatten
  - { op: linear, features: 10 }
";

/// A folder with a space, configs, and results.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.yaml"), SPACE).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a config over `space`: parameters against score, with `rest` below.
    pub fn config(&self, space: &str, rest: &str) -> PathBuf {
        let text = format!(
            "search: s\nversion: 1\nspace: {space}\nobjectives:\n  params: {{ count: params }}\n  score: {{ proxy: s0 }}\n{rest}"
        );
        let path = self.path("search.yaml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Begins a search.
    pub fn start(&self, config: &Path, out: &str, more: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketnas"));
        command.arg("search").arg(config).arg("--out").arg(self.path(out)).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn run(&self, config: &Path, out: &str, more: &[&str]) -> Output {
        self.start(config, out, more).wait_with_output().unwrap()
    }

    /// Runs a search that has to succeed.
    pub fn search(&self, config: &Path, out: &str) {
        succeeded(&self.run(config, out, &[]));
    }

    pub fn front(&self, out: &str) -> String {
        fs::read_to_string(self.path(out).join("front.csv")).unwrap()
    }

    pub fn data(&self, out: &str) -> Json {
        serde_json::from_slice(&fs::read(self.path(out).join("front.json")).unwrap()).unwrap()
    }
}

pub fn pocketnas(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pocketnas")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

/// What stands on stderr, on one line: messages are wrapped to the width of the terminal.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn succeeded(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
}

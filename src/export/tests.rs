#![allow(clippy::unwrap_used)]
use std::path::PathBuf;
use std::process::Command;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::objective::{Count, CountKind, Objective};
use crate::search::Domain;
use crate::space::Space;

/// A random architecture of a shipped space as a file, in a folder that lives as long as the first value.
fn sample(space: &str, seed: u64) -> (ArchitectureFile, Network) {
    let space = Space::load(space, None).unwrap();
    // Drawn through the interpreter, since not every shipped space fits a choice graph.
    let genotype = Domain::sample(&space, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
    let (architecture, network) = space.realise(&genotype).unwrap();
    let text = space.format(&architecture);
    let mut file = ArchitectureFile::new(text, space.name().to_owned(), &network, Provenance::default());
    for kind in [CountKind::Params, CountKind::Macs] {
        let value = Count::new(kind.name(), None, kind).value(&network).unwrap();
        let metric = Metric {
            value,
            unit: kind.unit().to_owned(),
            from: "count".to_owned(),
            flags: Vec::new(),
            by_block: Default::default(),
        };
        file.metrics.insert(kind.name().to_owned(), metric);
    }
    (file, network)
}

fn text(format: &str, file: &ArchitectureFile, network: &Network) -> String {
    String::from_utf8(bytes(format, file, network)).unwrap()
}

/// The one file of a format.
fn bytes(format: &str, file: &ArchitectureFile, network: &Network) -> Vec<u8> {
    let mut files = exporter(format).unwrap().render(&Export::new("a", file, network)).unwrap();
    assert_eq!(files.len(), 1, "{format}");
    files.remove(0).bytes
}

fn written(folder: &tempfile::TempDir, format: &str, file: &ArchitectureFile, network: &Network) -> PathBuf {
    let path = folder.path().join(format!("a.{format}"));
    write(&path, &bytes(format, file, network)).unwrap();
    path
}

#[test]
fn files_read_back_as_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    for (space, _) in Space::shipped() {
        let (file, network) = sample(space, 3);
        for format in ["yaml", "json"] {
            let (again, rebuilt) =
                read(&written(&folder, format, &file, &network)).unwrap_or_else(|e| panic!("{space}: {e}"));
            assert_eq!(rebuilt.canonical_hash(), network.canonical_hash(), "{space} as {format}");
            assert_eq!(rebuilt.cost(), network.cost());
            assert_eq!(again.architecture, file.architecture);
            assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&file).unwrap());
        }
    }
}

#[test]
fn files_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, network) = sample("mobilenetv3-ofa", 1);
    let text = text("yaml", &file, &network);
    let path = folder.path().join("a.yaml");
    for (from, to, told) in [
        (format!("{}.0", network.cost().params.0), "12.0".to_owned(), "claims params 12, but its network has"),
        ("stride: 2, ".to_owned(), "stride: 1, ".to_owned(), "claims the shape"),
        ("op: batch_norm".to_owned(), "op: batch_nrom".to_owned(), "not an architecture file"),
        ("inputs: [input]".to_owned(), "inputs: [imput]".to_owned(), "`imput`, which does not exist"),
        (file.hash.clone(), "feed".to_owned(), "claims the hash feed"),
        ("version: 1".to_owned(), "version: 9".to_owned(), "version 9 is not understood"),
        ("space: ".to_owned(), "spaec: ".to_owned(), "not an architecture file"),
        (
            "network:".to_owned(),
            "weights: {file: ../a, blake3: b}\nnetwork:".to_owned(),
            "`../a`, which leads elsewhere",
        ),
        ("network:".to_owned(), "weights: {file: a}\nnetwork:".to_owned(), "not an architecture file"),
    ] {
        let changed = text.replacen(&from, &to, 1);
        assert_ne!(changed, text, "{from} is not in the file");
        std::fs::write(&path, changed).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("a.yaml"), "{from} → {to} gave {error}");
    }
}

#[test]
fn yaml_needs_quotes_only_where_a_reader_could_err() {
    let file = serde_json::json!({"a": "plain-text_1/x.y", "b": ["no", "1e3", "", " a", "a: b", "null"], "c": {"x": {"k": 1}}});
    let (mut sample, network) = sample("baselines/resnet-18", 0);
    sample.decisions = file.as_object().unwrap().clone();
    let text = text("yaml", &sample, &network);
    let wanted = "decisions:\n  a: plain-text_1/x.y\n  b: [\"no\", \"1e3\", \"\", \" a\", \"a: b\", \"null\"]\n  c:\n    x:\n      k: 1\n";
    assert!(text.contains(wanted), "{}", &text[..600]);
}

/// The promise that a file is readable in any language, kept by the standard library of another one.
#[test]
fn twenty_lines_of_python_read_the_json_form() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        assert!(std::env::var_os("CI").is_none(), "CI needs python3 for this test");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/read_architecture.py");
    assert!(std::fs::read_to_string(script).unwrap().lines().count() <= 20, "the reader has grown");
    for (space, _) in Space::shipped() {
        let (file, network) = sample(space, 5);
        let path = written(&folder, "json", &file, &network);
        let output = Command::new("python3").arg(script).arg(&path).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let cost = network.cost();
        assert_eq!(told.trim(), format!("{} {}", cost.params.0, cost.macs.0), "{space}: {output:?}");
    }
}

#[test]
fn dot_draws_every_node_and_every_edge() {
    let (file, network) = sample("mobilenetv3-ofa", 2);
    let text = text("dot", &file, &network);
    let nodes = text.lines().filter(|line| line.trim_start().starts_with('n') && line.contains(" [label=")).count();
    let arrows = text.lines().filter(|line| line.contains(" -> ")).count();
    let edges: usize = network.ids().map(|id| network.inputs(id).len()).sum();
    assert_eq!(arrows, edges + 1);
    assert_eq!(nodes, network.len() + arrows);
    assert_eq!(text.matches('{').count(), text.matches('}').count());
    assert!(text.contains("subgraph cluster_") && text.contains("112"), "no blocks, or no shapes");
    if let Ok(dot) = Command::new("dot").arg("-V").output()
        && dot.status.success()
    {
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder, "dot", &file, &network);
        let drawn = Command::new("dot").arg("-Tsvg").arg(&path).output().unwrap();
        assert!(drawn.status.success(), "{drawn:?}");
    }
}

/// What the drawing says, text by text, from a reader that is not ours.
fn texts(svg: &str) -> Vec<String> {
    let parsed = Command::new("python3")
        .args([
            "-c",
            "import sys, json, xml.etree.ElementTree as e; r = e.fromstring(sys.stdin.read()); \
                      print(json.dumps([t.text or '' for t in r.iter('{http://www.w3.org/2000/svg}text')]))",
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            use std::io::Write;
            child.stdin.take().unwrap().write_all(svg.as_bytes())?;
            child.wait_with_output()
        })
        .unwrap();
    serde_json::from_slice(&parsed.stdout).unwrap_or_else(|error| panic!("{error}: {parsed:?}"))
}

#[test]
fn svg_draws_every_block_with_its_operators_and_what_crosses_its_borders() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI needs python3 for this test");
        return;
    }
    for (space, _) in Space::shipped() {
        let (file, network) = sample(space, 4);
        let svg = text("svg", &file, &network);
        let texts = texts(&svg);
        for block in network.blocks().iter().filter(|block| !block.nodes.is_empty()) {
            assert!(texts.contains(&block.name), "{space}: no block {}", block.name);
        }
        let output = network.node(network.outputs()[0]).shape.to_string();
        assert!(texts.iter().any(|words| words.split(", ").any(|shape| shape == output)), "{space}: no {output}");
        let convolutions = network.ids().filter(|&id| network.node(id).op.name() == "conv2d").count();
        let drawn = texts.iter().filter(|words| words.starts_with("conv ") || words.starts_with("dw ")).count();
        assert_eq!(drawn, convolutions, "{space}");
        let joins = network.ids().filter(|&id| network.node(id).op.name() == "add").count();
        assert_eq!(texts.iter().filter(|words| *words == "+").count(), joins, "{space}");
    }
}

#[test]
fn svg_escapes_what_files_say() {
    let (mut file, network) = sample("baselines/resnet-18", 0);
    file.space = "</text><script>alert(1)</script>&\u{1}".to_owned();
    file.architecture = "a<b \"c\" & ]]>".to_owned();
    let svg = text("svg", &file, &network);
    assert!(!svg.contains("<script>") && !svg.contains('\u{1}'), "{}", &svg[..900]);
    assert!(texts(&svg).iter().any(|words| words == "a<b \"c\" & ]]>"));
}

//! Networks as PyTorch modules: PyTorch loads them with their weights, key by key, and computes from them what the engine
//! computes. Where there is no PyTorch, the texts of some are held as they were when it did, with what it then computed.
#![allow(clippy::unwrap_used)]

#[path = "support/bench.rs"]
mod bench;
#[path = "pytorch/networks.rs"]
mod networks;
#[path = "onnx/operators.rs"]
mod operators;
#[allow(dead_code)]
#[path = "support/python.rs"]
mod python;
#[allow(dead_code)]
#[path = "support/onnx.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use pocketnas::engine::Tensor;
use pocketnas::engine::native::Native;
use pocketnas::export::{ArchitectureFile, Export, Provenance, exporter, read, weights as stored};
use pocketnas::graph::Network;
use pocketnas::space::Space;
use serde_json::{Value as Json, json};

use bench::{Bench, File, computed};
use networks::samples;
use support::{differ, drawn, inputs, shrunk, weights};

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/run_pytorch.py");
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pytorch.json");

fn bench() -> Option<Bench> {
    Some(Bench::new(python::with_torch("torch", &["safetensors==0.8.0"])?, READER, files))
}

/// The module and its weights, and the shapes of its inputs.
fn files(name: &str, network: &Network) -> Vec<File> {
    let mut files: Vec<File> = rendered(name, network);
    let shapes: Vec<Vec<usize>> = network.input_shapes().into_iter().map(Vec::from).collect();
    files.push(("shapes".to_owned(), json!(shapes).to_string().into_bytes()));
    files
}

fn rendered(name: &str, network: &Network) -> Vec<File> {
    let file = ArchitectureFile::new(name.to_owned(), "tests".to_owned(), network, Provenance::default());
    let weights = weights(network, 1);
    let export = Export { weights: Some(&weights), ..Export::new(name, &file, network) };
    let files = exporter("pytorch").unwrap().render(&export).unwrap();
    files.into_iter().map(|file| (file.extension.to_owned(), file.bytes)).collect()
}

#[test]
fn every_operator_and_every_variant_of_it() {
    let Some(bench) = bench() else { return };
    bench.agrees(&operators::cases(), &[&Native::default()]);
}

#[test]
fn architectures_of_every_space() {
    let Some(bench) = bench() else { return };
    let mut networks = Vec::new();
    for (space, _) in Space::shipped() {
        let samples = if space.starts_with("baselines/") { 1 } else { 2 };
        for seed in 0..samples {
            // The sizes that ONNX models are run at: on smaller inputs one of these networks magnifies rounding a thousandfold.
            let network = shrunk(&drawn(space, seed), 1_000_000_000);
            networks.push((format!("{}-{seed}", space.replace('/', "-")), network));
        }
    }
    networks.extend(samples());
    bench.agrees(&networks, &[&Native::default()]);
}

#[test]
fn the_texts_of_some_modules_are_as_they_were() {
    for (name, network) in samples() {
        let files = rendered(&name, &network);
        let text = String::from_utf8(files[0].1.clone()).unwrap();
        insta::assert_snapshot!(name.as_str(), text);
        if name == "odd" {
            assert_eq!(files[1].0, "pytorch.safetensors");
        } else {
            // One file of weights serves the module, the architecture file and ONNX.
            assert_eq!(files[1].0, "safetensors");
            let again = stored::decode("weights", &files[1].1, &network).unwrap();
            assert_eq!(again, weights(&network, 1), "{name}");
        }
    }
}

/// What PyTorch computed from those texts, by `cargo test --test pytorch -- --ignored`.
#[test]
fn what_pytorch_computed_from_them_is_what_the_engine_computes() {
    let golden: BTreeMap<String, Vec<Vec<f32>>> = serde_json::from_str(&fs::read_to_string(GOLDEN).unwrap()).unwrap();
    for (name, network) in samples() {
        for (ours, theirs) in computed(&Native::default(), &network, 1).iter().zip(&golden[&name]) {
            let theirs = Tensor::new(ours.shape.clone(), theirs.clone());
            assert_eq!(differ(ours, &theirs, 1e-4), None, "{name}");
        }
        assert_eq!(golden[&name].len(), network.outputs().len());
    }
}

#[test]
#[ignore = "writes the fixture that the test before reads"]
fn write_what_pytorch_computes() {
    let bench = bench().expect("this needs PyTorch");
    let samples = samples();
    samples.iter().for_each(|(name, network)| bench.add(name, network, &[1]));
    bench.read();
    let outputs = |(name, network): &(String, Network)| -> (String, Json) {
        let tensors = bench.outputs(name, network, 1);
        (name.clone(), tensors.into_iter().map(|tensor| tensor.data).collect::<Vec<_>>().into())
    };
    let all: serde_json::Map<String, Json> = samples.iter().map(outputs).collect();
    fs::write(GOLDEN, Json::Object(all).to_string() + "\n").unwrap();
}

#[test]
fn the_command_hands_weights_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let network = drawn("nas-bench-201", 4);
    let weights = weights(&network, 1);
    let path = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketnas"));
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let model = pocketnas::export::onnx::model(&network, &weights, &Default::default()).unwrap();
    fs::write(path("cell.onnx"), pocketnas::export::onnx::encode(&model)).unwrap();
    let (code, _, told) = run(&["import", "cell.onnx", "--out", "in"]);
    assert_eq!(code, Some(0), "{told}");

    // From the architecture file with its weights to every other format, and on from there.
    let (code, list, told) = run(&["export", "in/cell.yaml", "--format", "json,onnx,pytorch", "--out", "out"]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    let wanted = ["out/cell.safetensors", "out/cell.json", "out/cell.onnx", "out/cell.py"];
    assert_eq!(list.lines().collect::<Vec<_>>(), wanted);
    let before = fs::read(path("in/cell.safetensors")).unwrap();
    assert!(before == fs::read(path("out/cell.safetensors")).unwrap());
    let (file, again) = read(&path("out/cell.json")).unwrap();
    let kept = file.read_weights(&again, &path("out")).unwrap().unwrap();
    let values = |weights: &pocketnas::engine::Weights, network: &Network| {
        let mut program = pocketnas::engine::Backend::<f32>::compile(
            &Native::default(),
            network,
            &pocketnas::engine::Plan::forward(1, pocketnas::engine::Mode::Eval),
        )
        .unwrap();
        program.load(weights).unwrap();
        program.forward(&[&inputs(network, 1)[0]]).unwrap();
        program.value(network.outputs()[0]).unwrap()
    };
    let there = values(&weights, &network);
    assert_eq!(differ(&values(&kept, &again), &there, 1e-5), None);
    let imported = pocketnas::import::read(&path("out/cell.onnx"), &Default::default()).unwrap();
    assert_eq!(differ(&values(&imported.weights, &imported.network), &there, 1e-5), None);
    // In its own folder the weights are left as they are, whoever wrote them.
    let (code, list, told) = run(&["export", "in/cell.yaml", "--format", "pytorch,json", "--out", "in"]);
    assert_eq!((code, list.as_str()), (Some(0), "in/cell.py\nin/cell.json\n"), "{told}");

    // Two files do not go through one pipe; weights that are missing, or were changed, are missed.
    let (code, _, told) = run(&["export", "in/cell.yaml", "--format", "pytorch"]);
    assert!(code == Some(2) && told.contains("2 files") && told.contains("--out"), "{told}");
    fs::write(path("in/cell.safetensors"), &before[..before.len() - 1]).unwrap();
    let (code, _, told) = run(&["export", "in/cell.yaml", "--format", "onnx", "--out", "out"]);
    assert!(code == Some(2) && told.contains("cell.safetensors"), "{told}");
    let (code, _, told) = run(&["export", "out/cell.json", "--format", "dot", "--external-data"]);
    assert!(code == Some(2) && told.contains("ONNX"), "{told}");
}

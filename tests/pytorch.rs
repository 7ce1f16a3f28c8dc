//! Networks as PyTorch modules: PyTorch loads them with their weights, key by key, and computes from them what the engine
//! computes. Where there is no PyTorch, the texts of some are held as they were when it did, with what it then computed.
#![allow(clippy::unwrap_used)]

#[path = "support/bench.rs"]
mod bench;
#[path = "onnx/operators.rs"]
mod operators;
#[path = "support/python.rs"]
mod python;
#[path = "support/onnx.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use pocketnas::engine::Tensor;
use pocketnas::engine::native::Native;
use pocketnas::export::{ArchitectureFile, Export, Provenance, exporter, read, weights as stored};
use pocketnas::graph::{Activation, Attention, Builder, Conv2d, Network, Op, Shape};
use pocketnas::space::Space;
use serde_json::{Value as Json, json};

use bench::{Bench, File, computed};
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
            let network = shrunk(&drawn(space, seed), 300_000_000);
            networks.push((format!("{}-{seed}", space.replace('/', "-")), network));
        }
    }
    networks.extend(samples());
    bench.agrees(&networks, &[&Native::default()]);
}

/// A decoder of two layers as language models have them: grouped heads, rotary positions, a gated perceptron.
fn decoder() -> Network {
    let mut net = Builder::new();
    let add = |net: &mut Builder, name: &str, op: Op, inputs: &[_]| net.add(name, op, inputs).unwrap();
    let linear = |features| Op::Linear { features, bias: false };
    net.block("ids", "");
    let ids = add(&mut net, "ids", Op::Input { shape: Shape::Vector { features: 7 } }, &[]);
    net.block("embed", "");
    let mut x = add(&mut net, "embed", Op::Embedding { vocabulary: 23, features: 16 }, &[ids]);
    for layer in 0..2 {
        let name = format!("layers.{layer}");
        net.block(name.as_str(), "a layer of a decoder");
        let named = |part: &str| format!("{name}.{part}");
        let norm = add(&mut net, &named("input_norm"), Op::RMS_NORM, &[x]);
        let q = add(&mut net, &named("attention.q"), linear(16), &[norm]);
        let k = add(&mut net, &named("attention.k"), linear(8), &[norm]);
        let v = add(&mut net, &named("attention.v"), linear(8), &[norm]);
        let heads = Attention { heads: 4, kv_heads: 2, causal: true, rotary: Some(10_000) };
        let mixed = add(&mut net, &named("attention"), Op::Attention(heads), &[q, k, v]);
        let o = add(&mut net, &named("attention.o"), linear(16), &[mixed]);
        x = add(&mut net, &named("attended"), Op::Add, &[x, o]);
        let norm = add(&mut net, &named("norm"), Op::RMS_NORM, &[x]);
        let gate = add(&mut net, &named("mlp.gate"), linear(24), &[norm]);
        let function = Activation::Swish;
        let gate = add(&mut net, &named("mlp.gate.act"), Op::Activation { function }, &[gate]);
        let up = add(&mut net, &named("mlp.up"), linear(24), &[norm]);
        let product = add(&mut net, &named("mlp.product"), Op::Multiply, &[gate, up]);
        let down = add(&mut net, &named("mlp.down"), linear(16), &[product]);
        x = add(&mut net, &named("out"), Op::Add, &[x, down]);
    }
    net.block("head", "");
    let norm = add(&mut net, "head.norm", Op::RMS_NORM, &[x]);
    let logits = add(&mut net, "head.logits", linear(23), &[norm]);
    net.output(logits);
    net.finish().unwrap()
}

/// Two inputs, two outputs, a block that gives two tensors, one that only passes on, and names that Python has no room for.
fn odd() -> Network {
    let mut net = Builder::new();
    let conv = |channels| Op::Conv2d(Conv2d::square(channels, 1, 1));
    net.block("", "an end \"\"\" of text\nand a line");
    let image = net.add("in", Op::Input { shape: Shape::map(3, 5) }, &[]).unwrap();
    let other = net.add("other", Op::Input { shape: Shape::map(3, 5) }, &[]).unwrap();
    let mut last = net.add("", conv(4), &[image]).unwrap();
    for name in [
        "a",
        "a.weight",
        "a.norm.x",
        "class",
        "x.class",
        "half",
        "forward",
        "_modules",
        "__init__",
        "3x3",
        "k.0",
        "k.2",
        "l.0",
        "l.1",
        "l.1.norm",
        "é",
        "\"; import os",
        "\n",
        "a..b",
        "a..b.",
        ".",
        "..",
        "self",
        "F",
        "torch",
        "nn.Module",
        "b\\",
        "long.name.with.many.parts",
        "None",
        "k.0.0",
        "m.01",
        "m.1",
        "node",
        "node.",
    ] {
        last = net.add(name, conv(4), &[last]).unwrap();
    }
    last = net.add(format!("{}end", "deep.".repeat(40)), conv(4), &[last]).unwrap();
    net.block("two.0", "");
    let left = net.add("two.0.left", conv(3), &[last]).unwrap();
    let right = net.add("two.0.right", Op::Add, &[left, other]).unwrap();
    net.block("two.1", "passes on");
    let passed = net.add("two.1.pass", Op::Identity, &[right]).unwrap();
    net.block("two.2", "");
    let sum = net.add("two.2.sum", Op::Multiply, &[left, passed, other]).unwrap();
    let unread = net.add("two.2.unread", conv(2), &[sum]).unwrap();
    net.block("two.3", "read by nothing");
    net.add("two.3.unread", conv(2), &[unread]).unwrap();
    for output in [sum, passed, image, sum] {
        net.output(output);
    }
    net.finish().unwrap()
}

/// Networks whose texts and outputs are kept.
fn samples() -> Vec<(String, Network)> {
    let small = |space: &str, seed| shrunk(&drawn(space, seed), 20_000_000);
    vec![
        ("nas_bench_201".to_owned(), small("nas-bench-201", 4)),
        ("mobilenetv3".to_owned(), small("mobilenetv3-ofa", 1)),
        ("autoformer".to_owned(), small("autoformer-tiny", 0)),
        ("decoder".to_owned(), decoder()),
        ("odd".to_owned(), odd()),
    ]
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

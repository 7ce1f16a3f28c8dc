//! ONNX files that are read: our own come back as the network they were written from, those of others compute what ONNX
//! Runtime makes of them, and broken ones are refused with a remedy.
#![allow(clippy::unwrap_used)]

#[path = "import/broken.rs"]
mod broken;
#[path = "onnx/operators.rs"]
mod operators;
#[path = "support/python.rs"]
mod python;
#[path = "support/onnx.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use pocketnas::engine::native::Native;
use pocketnas::engine::{Backend, Mode, Plan, Tensor, Weights};
use pocketnas::export::onnx::{About, encode, model};
use pocketnas::graph::{Network, Op};
use pocketnas::import::{Imported, Options, derive, from_bytes, read};
use pocketnas::space::Space;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use support::{ONNX, differ, drawn, inputs, largest, shrunk, weights};

const FOREIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/foreign_onnx.py");

fn outputs(network: &Network, weights: &Weights, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut program =
        Backend::<f32>::compile(&Native::default(), network, &Plan::forward(inputs[0].shape[0], Mode::Eval)).unwrap();
    program.load(weights).unwrap();
    program.forward(&inputs.iter().collect::<Vec<_>>()).unwrap();
    network.outputs().iter().map(|&id| program.value(id).unwrap()).collect()
}

/// Writes a network with weights, reads it again, and says what differs.
fn there_and_back(name: &str, network: &Network, run: &Network) -> Result<Imported, String> {
    let weights = weights(network, 1);
    let file = |network: &Network| encode(&model(network, &weights, &About::default()).unwrap());
    let read =
        |network: &Network| from_bytes(name, &file(network), &Options::default()).map_err(|error| error.to_string());
    let imported = read(network)?;
    let again = &imported.network;
    let counts = |network: &Network| (network.cost().params, network.cost().macs);
    if counts(again) != counts(network) {
        return Err(format!("{:?} in place of {:?}", counts(again), counts(network)));
    }
    let small = read(run)?;
    let inputs = inputs(run, 2);
    let (ours, theirs) = (outputs(run, &weights, &inputs), outputs(&small.network, &small.weights, &inputs));
    if ours.len() != theirs.len() {
        return Err(format!("{} outputs in place of {}", theirs.len(), ours.len()));
    }
    ours.iter().zip(&theirs).find_map(|(ours, theirs)| differ(theirs, ours, 1e-5)).map_or(Ok(imported), Err)
}

#[test]
fn every_operator_comes_back() {
    let mut faults = Vec::new();
    for (name, network) in operators::cases() {
        match there_and_back(&name, &network, &network) {
            Ok(imported) => {
                // What means the same and is written the same comes back in its simplest form.
                let node = |network: &Network| network.node(network.outputs()[0]).op.clone();
                let simpler = match (node(&network), node(&imported.network)) {
                    (Op::Multiply, Op::Identity) => true,
                    (Op::Pool(asked), Op::Pool(pool)) => asked.ceil && !pool.ceil,
                    (Op::Reshape { .. } | Op::Flatten, Op::Flatten | Op::Input { .. }) => true,
                    // A file has products of two.
                    (Op::Multiply, Op::Multiply) => network.inputs(network.outputs()[0]).len() > 2,
                    _ => false,
                };
                if imported.network.canonical_hash() != network.canonical_hash() && !simpler {
                    faults.push(format!("{name}: {:?} came back as {:?}", node(&network), node(&imported.network)));
                }
            }
            Err(fault) => faults.push(format!("{name}: {fault}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn architectures_of_every_space_come_back() {
    let mut faults = Vec::new();
    for (space, _) in Space::shipped() {
        let samples = if space.starts_with("baselines/") { 1 } else { 2 };
        for seed in 0..samples {
            let network = drawn(space, seed);
            match there_and_back(space, &network, &shrunk(&network, 100_000_000)) {
                Ok(imported) if imported.network.canonical_hash() == network.canonical_hash() => {}
                Ok(_) => faults.push(format!("{space} {seed}: another hash")),
                Err(fault) => faults.push(format!("{space} {seed}: {fault}")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The numbers of a file.
fn numbers(path: &Path) -> Vec<f32> {
    fs::read(path).unwrap().as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
}

#[test]
fn models_of_others_compute_what_onnx_runtime_makes_of_them() {
    let Some(python) = python::environment("onnx", &ONNX) else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(&python).arg(FOREIGN).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut faults = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        count += 1;
        for fold_norms in [false, true] {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let imported = match read(&path, &Options { fold_norms, ..Options::default() }) {
                Ok(imported) => imported,
                Err(error) => {
                    faults.push(error.to_string());
                    continue;
                }
            };
            let shape: Vec<usize> = imported.network.input_shapes()[0].into();
            let input = Tensor::new([vec![1], shape].concat(), numbers(&path.with_extension("in")));
            let ours = &outputs(&imported.network, &imported.weights, &[input])[0];
            let theirs = Tensor::new(ours.shape.clone(), numbers(&path.with_extension("out")));
            // Half precision has eleven bits.
            let share = if name == "half" { 2e-3 } else { 1e-4 };
            faults.extend(differ(ours, &theirs, share).map(|fault| format!("{name}: {fault}")));
            assert!(largest(&theirs) > 0.0, "{name} says nothing");
            let found: Vec<&str> = imported.network.ids().map(|id| imported.network.node(id).op.name()).collect();
            for (start, op) in [
                ("act_swish", "swish"),
                ("act_hswish", "hswish"),
                ("act_hsigmoid", "hsigmoid"),
                ("act_gelu", "gelu"),
                ("act_relu_", "relu"),
                ("act_relu6", "relu6"),
                ("layer_norm", "layer_norm"),
                ("rms_norm", "rms_norm"),
                ("excite", "squeeze_excite"),
                ("attention", "attention"),
                ("embedding", "embedding"),
                ("pixel_shuffle", "pixel_shuffle"),
            ] {
                if name.starts_with(start) && !found.contains(&op) {
                    faults.push(format!("{name}: no {op} among {found:?}"));
                }
            }
        }
    }
    assert!(count > 30, "{count} models");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A space around a network holds the network itself, as its default, and others with the same borders.
#[test]
fn spaces_around_a_network_begin_with_the_network() {
    let mut faults = Vec::new();
    for name in ["baselines/mobilenet-v2", "baselines/mobilenet-v3-large", "baselines/resnet-18", "autoformer-tiny"] {
        let network = drawn(name, 0);
        let file = encode(&model(&network, &weights(&network, 1), &About::default()).unwrap());
        for fold_norms in [false, true] {
            let imported = from_bytes(name, &file, &Options { fold_norms, ..Options::default() }).unwrap();
            let text = derive::space(name, &imported.network).unwrap();
            let space =
                Space::from_text("around.yaml", &text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
            let default = space.build(&space.default_architecture()).unwrap();
            if default.canonical_hash() != imported.network.canonical_hash() {
                faults.push(format!("{name}: the default is another network"));
            }
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let other = (0..20).filter_map(|_| space.draw(&mut random)).any(|architecture| {
                let other = space.build(&architecture).unwrap();
                let border = |network: &Network| network.node(network.outputs()[0]).shape;
                assert_eq!(border(&other), border(&network), "{name}");
                other.canonical_hash() != default.canonical_hash()
            });
            if !other {
                faults.push(format!("{name}: nothing varies"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_command_shows_prices_runs_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    let network = drawn("nas-bench-201", 4);
    let path = folder.path().join("cell.onnx");
    fs::write(&path, encode(&model(&network, &weights(&network, 1), &About::default()).unwrap())).unwrap();
    let sample = &inputs(&network, 1)[0];
    let bytes: Vec<u8> = sample.data.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(folder.path().join("sample.f32"), bytes).unwrap();
    let run = |more: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_pocketnas")).current_dir(folder.path()).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let table = "galaxy-s10-exynos9820/1large-float";
    let given = ["import", "cell.onnx", "--table", table, "--run", "sample.f32", "--out", "out", "--json"];
    let (code, told, errors) = run(&given);
    assert_eq!(code, Some(0), "{errors}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["params"], network.cost().params.0);
    assert_eq!(told["macs"], network.cost().macs.0);
    assert_eq!(told["hash"], network.canonical_hash().to_string());
    assert!(told["latency"][0]["mean_ms"].as_f64().unwrap() > 0.0 && !told["blocks"].as_array().unwrap().is_empty());
    let files = told["files"].as_array().unwrap();
    assert_eq!(files.len(), 3, "{files:?}");
    let ours = outputs(&network, &weights(&network, 1), std::slice::from_ref(sample));
    let theirs = Tensor::new(ours[0].shape.clone(), numbers(&folder.path().join(files[2].as_str().unwrap())));
    assert_eq!(differ(&theirs, &ours[0], 1e-5), None);
    // What is written is read by the commands that read architectures.
    let (code, priced, errors) = run(&["latency", "predict", "--table", table, "out/cell.yaml", "--json"]);
    assert_eq!(code, Some(0), "{errors}");
    let priced: serde_json::Value = serde_json::from_str(&priced).unwrap();
    assert_eq!(priced["mean_ms"], told["latency"][0]["mean_ms"]);
    let (code, told, _) = run(&["import", "cell.onnx"]);
    assert!(code == Some(0) && told.contains("multiply-adds") && told.contains("blocks:"), "{told}");
    let (code, _, told) = run(&["import", "sample.f32"]);
    assert!(code == Some(2) && told.contains("not an ONNX model"), "{told}");
    let (code, _, told) = run(&["import", "cell.onnx", "--input", "3x0"]);
    assert!(code == Some(2) && told.contains("--input 3x224x224"), "{told}");
}

//! ONNX files: the official checker finds nothing wrong with them, its shape inference finds the shapes they record, and
//! ONNX Runtime computes from them what the engine computes.
#![allow(clippy::unwrap_used)]

#[path = "support/bench.rs"]
mod bench;
#[path = "onnx/operators.rs"]
mod operators;
#[path = "support/python.rs"]
mod python;
#[path = "support/onnx.rs"]
mod support;

use std::fs;
use std::process::Command;

use pocketnas::engine::native::Native;
use pocketnas::engine::{Dfdx, Weights};
use pocketnas::export::onnx::{About, OnnxError, encode, model, model_beside};
use pocketnas::export::{ArchitectureFile, Export, Provenance, exporter};
use pocketnas::graph::{Attention, Builder, Conv2d, Network, Op, Shape};
use pocketnas::import;
use pocketnas::onnx::schema::{ModelProto, TensorProto};
use pocketnas::space::Space;
use prost::Message;
use serde_json::Value as Json;

use bench::{Bench, File};
use support::{ONNX, drawn, shrunk, weights};

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/read_onnx.py");

/// A folder for models, which the official tools read.
fn bench() -> Option<Bench> {
    Some(Bench::new(python::environment("onnx", &ONNX)?, READER, files))
}

/// The file of a network with weights in which nothing hides.
fn files(name: &str, network: &Network) -> Vec<File> {
    let about = About { name: name.to_owned(), ..About::default() };
    vec![("onnx".to_owned(), encode(&model(network, &weights(network, 1), &about).unwrap()))]
}

#[test]
fn every_operator_and_every_variant_of_it() {
    let Some(bench) = bench() else { return };
    bench.agrees(&operators::cases(), &[&Native::default(), &Dfdx]);
}

#[test]
fn architectures_of_every_space() {
    let Some(bench) = bench() else { return };
    let mut models = Vec::new();
    for (space, _) in Space::shipped() {
        let samples = if space.starts_with("baselines/") { 1 } else { 2 };
        for seed in 0..samples {
            let name = format!("{}-{seed}", space.replace('/', "-"));
            let network = drawn(space, seed);
            let small = shrunk(&network, 1_000_000_000);
            if small.input_shapes() != network.input_shapes() {
                eprintln!("{name} runs at {} in place of {}", small.input_shapes()[0], network.input_shapes()[0]);
                bench.add(&format!("{name}-whole"), &network, &[]);
            }
            models.push((name, small));
        }
    }
    bench.agrees(&models, &[&Native::default()]);
}

#[test]
fn the_command_writes_models_that_say_what_they_are() {
    let Some(bench) = bench() else { return };
    let network = drawn("nas-bench-201", 4);
    let file = ArchitectureFile::new("cell 1".to_owned(), "nas-bench-201".to_owned(), &network, Provenance::default());
    let architecture = bench.path("cell.json");
    let written = exporter("json").unwrap().render(&Export::new("cell", &file, &network)).unwrap();
    fs::write(&architecture, &written[0].bytes).unwrap();

    let export = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketnas"));
        command.arg("export").arg(&architecture).args(["--format", "onnx"]).args(more).output().unwrap()
    };
    let out = bench.path("");
    let out = out.to_str().unwrap();
    let output = export(&["--out", out]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), bench.path("cell.onnx").to_str().unwrap());
    // The same bytes again, this time through a pipe.
    let piped = export(&[]);
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert!(piped.stdout == fs::read(bench.path("cell.onnx")).unwrap(), "two files of one architecture differ");

    let told = &bench.read()["cell"];
    assert_eq!(told["opset"], serde_json::json!({"": 21}));
    assert!(told["doc"].as_str().unwrap().contains("untrained"), "{told}");
    let metadata = &told["metadata"];
    for (key, value) in [("architecture", "cell 1"), ("space", "nas-bench-201"), ("canonical_hash", &*file.hash)] {
        assert_eq!(metadata[key], value);
    }
    assert_eq!(metadata["program"], format!("pocketnas {}", env!("CARGO_PKG_VERSION")));
    let live = network.live();
    assert!(live.count() < network.len(), "this cell has no zeros");
    for id in network.ids().filter(|&id| !matches!(network.node(id).op, Op::Input { .. })) {
        let name = &network.node(id).name;
        // What only adds zeros is not written.
        let there = told["nodes"].as_array().unwrap().contains(&Json::from(name.as_str()));
        assert_eq!(there, live.contains(id), "{name}");
        if !there {
            continue;
        }
        assert_eq!(told["blocks"][name], network.block_name(network.node(id).block), "{name}");
        for parameter in network.parameters(id) {
            let shape = &told["initializers"][format!("{name}.{}", parameter.name)];
            assert_eq!(*shape, Json::from(parameter.shape), "{name}.{}", parameter.name);
        }
    }
}

/// The same with its values in a file of their own.
fn files_beside(name: &str, network: &Network) -> Vec<File> {
    let about = About { name: name.to_owned(), ..About::default() };
    let location = format!("{name}.onnx.data");
    let (model, data) = model_beside(network, &weights(network, 1), &about, &location).unwrap();
    vec![("onnx".to_owned(), encode(&model)), ("onnx.data".to_owned(), data)]
}

#[test]
fn values_lie_beside_a_model_where_that_is_asked_for() {
    let Some(python) = python::environment("onnx", &ONNX) else { return };
    let bench = Bench::new(python, READER, files_beside);
    let networks: Vec<(String, Network)> = ["nas-bench-201", "mobilenetv3-ofa", "autoformer-tiny", "super-resolution"]
        .map(|space| (space.to_owned(), shrunk(&drawn(space, 3), 100_000_000)))
        .into();
    bench.agrees(&networks, &[&Native::default()]);
    for (name, network) in &networks {
        let (model, data) = (&files_beside(name, network)[0].1, fs::metadata(bench.path(&format!("{name}.onnx.data"))));
        let model = ModelProto::decode(&model[..]).unwrap();
        let tensors = model.graph.unwrap().initializer;
        let beside: Vec<_> = tensors.iter().filter(|tensor| !tensor.external_data.is_empty()).collect();
        assert!(beside.len() > 10 && beside.iter().all(|tensor| tensor.raw_data.is_empty()), "{name}");
        let of = |tensor: &TensorProto, key: &str| -> u64 {
            tensor.external_data.iter().find(|entry| entry.key == key).unwrap().value.parse().unwrap()
        };
        assert!(beside.iter().all(|tensor| of(tensor, "offset") % 64 == 0));
        let end = beside.iter().map(|tensor| of(tensor, "offset") + of(tensor, "length")).max();
        assert_eq!(end, Some(data.unwrap().len()), "{name}");
        // They come back as weights, too.
        let imported = import::read(&bench.path(&format!("{name}.onnx")), &import::Options::default()).unwrap();
        assert_eq!(imported.network.cost().params, network.cost().params, "{name}");
    }
}

/// Names that ONNX would take for something else, and outputs that it does not know how to list.
#[test]
fn names_that_clash_are_told_apart() {
    let Some(bench) = bench() else { return };
    let mut builder = Builder::new();
    let input = builder.add("", Op::Input { shape: Shape::map(3, 4) }, &[]).unwrap();
    let conv = builder.add("a", Op::Conv2d(Conv2d::square(3, 3, 1)), &[input]).unwrap();
    let same = builder.add("a.weight", Op::Conv2d(Conv2d::square(3, 1, 1)), &[conv]).unwrap();
    let zero = builder.add("constant/zero", Op::Zero { stride: 1 }, &[same]).unwrap();
    let sum = builder.add("node", Op::Add, &[zero, conv, same]).unwrap();
    for output in [sum, input, sum, conv] {
        builder.output(output);
    }
    bench.agrees(&[("clash".to_owned(), builder.finish().unwrap())], &[&Native::default()]);
}

#[test]
fn files_decode_to_what_was_encoded() {
    for (name, network) in operators::cases() {
        let about = About { name, doc: "é".to_owned(), metadata: vec![("k".to_owned(), "v".to_owned())] };
        let model = model(&network, &weights(&network, 1), &about).unwrap();
        assert_eq!(ModelProto::decode(&encode(&model)[..]).unwrap(), model, "{}", about.name);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let network = operators::alone(Op::Linear { features: 4, bias: true }, &[Shape::Vector { features: 3 }]);
    let mut incomplete = weights(&network, 1);
    incomplete.0.remove("op.bias");
    let error = model(&network, &incomplete, &About::default()).unwrap_err();
    assert!(error.to_string().contains("`op.bias`"), "{error}");

    // Nothing of that size may be made before it is refused.
    let wide = operators::alone(Op::Linear { features: 1 << 20, bias: false }, &[Shape::Vector { features: 1 << 20 }]);
    let file = ArchitectureFile::new("wide".to_owned(), "s".to_owned(), &wide, Provenance::default());
    let error = exporter("onnx").unwrap().render(&Export::new("wide", &file, &wide)).unwrap_err().to_string();
    assert!(error.contains("`wide`") && error.contains("4194304 MiB") && error.contains("smaller"), "{error}");
    let attention = Op::Attention(Attention { heads: 1, kv_heads: 1, causal: true, rotary: None });
    let long = operators::alone(attention, &[Shape::Tokens { tokens: 1 << 20, features: 1 }; 3]);
    let error = model(&long, &Weights::default(), &About::default()).unwrap_err();
    assert!(matches!(error, OnnxError::TooLarge { bytes } if bytes >> 20 == 4 << 20), "{error}");
}

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
use pocketnas::graph::{
    Activation, Attention, Axis, Builder, Conv2d, Epsilon, Network, NodeId, Op, Pool, PoolKind, Shape,
};
use pocketnas::import::{Imported, Options, derive, from_bytes, read};
use pocketnas::space::{Budget, ChoiceGraph, Space};
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
                    (Op::Pool(asked), Op::Pool(pool)) => {
                        let unpadded = asked.kind == PoolKind::PaddedAvg && asked.padding == 0;
                        asked.ceil && !pool.ceil || unpadded && pool.kind == PoolKind::Avg
                    }
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
                ("class_token", "prepend_tokens"),
                ("class_token", "position_embedding"),
                ("channel_shuffle", "channel_shuffle"),
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

/// The space around a network, which is its teacher, and the graph of its choices.
fn space_around(name: &str, network: &Network) -> (Space, ChoiceGraph) {
    let folder = tempfile::tempdir().unwrap();
    let teacher = serde_json::json!({ "network": network.to_raw() }).to_string();
    fs::write(folder.path().join(format!("{name}.yaml")), teacher).unwrap();
    let text = derive::space(name, network).unwrap();
    let path = folder.path().join(format!("{name}.space.yaml"));
    fs::write(&path, &text).unwrap();
    let space = Space::load(path.to_str().unwrap(), None).unwrap_or_else(|error| panic!("{name}: {error:?}\n{text}"));
    let graph = space.compile(Budget::default()).unwrap_or_else(|error| panic!("{name}: {error:?}\n{text}"));
    (space, graph)
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
            let (space, graph) = space_around(&name.replace('/', "-"), &imported.network);
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
            if !other || graph.count().bits() < 10 {
                faults.push(format!("{name}: {} architectures", graph.count()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// One block of each kind that branches: fire module, dense layer, inception, channels that are split and mixed, and the
/// two of a transformer behind a class token and learned positions.
fn of_every_kind() -> Network {
    let mut net = Builder::new();
    let mut count = 0;
    let mut add = |op: Op, from: &[NodeId]| {
        count += 1;
        net.add(format!("n{count}"), op, from).unwrap()
    };
    let relu = || Op::Activation { function: Activation::Relu };
    let conv = |channels, kernel| Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(channels, kernel, 1) });
    let image = add(Op::Input { shape: Shape::map(3, 8) }, &[]);
    let x = add(conv(64, 3), &[image]);
    let x = add(relu(), &[x]);
    // A fire module.
    let squeezed = add(conv(16, 1), &[x]);
    let squeezed = add(relu(), &[squeezed]);
    let branches = [1, 3].map(|kernel| {
        let wide = add(conv(32, kernel), &[squeezed]);
        add(relu(), &[wide])
    });
    let x = add(Op::Concat, &branches);
    // A dense layer.
    let y = add(Op::BatchNorm, &[x]);
    let y = add(relu(), &[y]);
    let y = add(conv(32, 1), &[y]);
    let y = add(relu(), &[y]);
    let y = add(conv(16, 3), &[y]);
    let x = add(Op::Concat, &[x, y]);
    // An inception.
    let direct = add(conv(16, 1), &[x]);
    let narrow = add(conv(16, 1), &[x]);
    let narrow = add(relu(), &[narrow]);
    let wide = add(conv(16, 3), &[narrow]);
    let padded = Pool { kind: PoolKind::PaddedAvg, kernel: 3, stride: 1, padding: 1, ceil: false };
    let pooled = add(Op::Pool(padded), &[x]);
    let pooled = add(conv(16, 1), &[pooled]);
    let x = add(Op::Concat, &[direct, wide, pooled]);
    // Half of the channels passes, half works, and both are mixed.
    let slice = |start| Op::Slice { axis: Axis::Channels, start, count: 24 };
    let (left, right) = (add(slice(0), &[x]), add(slice(24), &[x]));
    let right = add(conv(24, 1), &[right]);
    let right = add(relu(), &[right]);
    let depthwise = Conv2d { groups: 24, bias: true, ..Conv2d::square(24, 3, 1) };
    let right = add(Op::Conv2d(depthwise), &[right]);
    let right = add(conv(24, 1), &[right]);
    let x = add(Op::Concat, &[left, right]);
    let x = add(Op::ChannelShuffle { groups: 2 }, &[x]);
    // A transformer.
    let x = add(Op::ToTokens, &[x]);
    let x = add(Op::PrependTokens { count: 1 }, &[x]);
    let x = add(Op::PositionEmbedding, &[x]);
    let norm = || Op::LayerNorm { epsilon: Epsilon::try_from(1e-6).unwrap() };
    let linear = |features| Op::Linear { features, bias: true };
    let y = add(norm(), &[x]);
    let [q, k, v] = [0; 3].map(|_| add(linear(48), &[y]));
    let y = add(Op::Attention(Attention { heads: 3, kv_heads: 3, causal: false, rotary: None }), &[q, k, v]);
    let y = add(linear(48), &[y]);
    let x = add(Op::Add, &[x, y]);
    let y = add(norm(), &[x]);
    let y = add(linear(96), &[y]);
    let y = add(Op::Activation { function: Activation::Gelu }, &[y]);
    let y = add(linear(48), &[y]);
    let x = add(Op::Add, &[x, y]);
    let x = add(norm(), &[x]);
    let x = add(Op::Slice { axis: Axis::Tokens, start: 0, count: 1 }, &[x]);
    let x = add(Op::Flatten, &[x]);
    let x = add(linear(10), &[x]);
    net.output(x);
    net.finish().unwrap()
}

#[test]
fn blocks_of_every_kind_vary() {
    let network = of_every_kind();
    let file = encode(&model(&network, &weights(&network, 1), &About::default()).unwrap());
    let imported = from_bytes("every.onnx", &file, &Options::default()).unwrap();
    assert_eq!(imported.network.canonical_hash(), network.canonical_hash());
    let (space, graph) = space_around("every", &imported.network);
    let default = space.build(&space.default_architecture()).unwrap();
    assert_eq!(default.canonical_hash(), network.canonical_hash());
    let varied: Vec<&str> = graph.decisions().iter().map(|decision| decision.path.as_str()).collect();
    // Squeezed width and window of the fire module; width and window of the dense layer and of a branch of the inception; the
    // half that works; heads and width of the transformer.
    for wanted in [
        "s1_0.keep.hidden",
        "s1_0.keep.kernel2",
        "s2_0.hidden2",
        "s3_0.kernel2",
        "s3_1.keep.hidden2",
        "s5_2.keep.heads",
        "s5_3.keep.hidden",
    ] {
        assert!(varied.contains(&wanted), "{wanted} is not among {varied:?}");
    }
    assert!(graph.count().bits() > 16, "{} architectures", graph.count());
}

/// A DenseNet joins all earlier layers anew for each; read, each layer joins what it takes to what it makes, and can be cut.
#[test]
fn dense_layers_are_blocks_of_their_own() {
    let mut net = Builder::new();
    let image = net.add("image", Op::Input { shape: Shape::map(16, 8) }, &[]).unwrap();
    let mut parts = vec![image];
    for layer in 0..4 {
        let x = match parts[..] {
            [only] => only,
            _ => net.add(format!("join{layer}"), Op::Concat, &parts).unwrap(),
        };
        let conv = Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(16, 3, 1) });
        parts.push(net.add(format!("layer{layer}"), conv, &[x]).unwrap());
    }
    let end = net.add("end", Op::Concat, &parts).unwrap();
    net.output(end);
    let network = net.finish().unwrap();
    let mut file = model(&network, &weights(&network, 1), &About::default()).unwrap();
    file.producer_name = "another".to_owned();
    let imported = from_bytes("dense.onnx", &encode(&file), &Options::default()).unwrap();
    assert_eq!(network.cut_points().len(), 2);
    assert!(imported.network.cut_points().len() >= 5, "{:?}", imported.network.cut_points());
    let inputs = inputs(&network, 2);
    let ours = outputs(&imported.network, &imported.weights, &inputs);
    assert_eq!(differ(&ours[0], &outputs(&network, &weights(&network, 1), &inputs)[0], 1e-6), None);
    assert_eq!(imported.network.cost().params, network.cost().params);
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
    // A space around a network, and a search over it, with a table or without, that runs as it is.
    let every = of_every_kind();
    fs::write(
        folder.path().join("every.onnx"),
        encode(&model(&every, &weights(&every, 1), &About::default()).unwrap()),
    )
    .unwrap();
    for (priced, objective) in [(&["--table", table][..], "latency"), (&[], "macs")] {
        let asked = [&["import", "every.onnx", "--out", objective, "--space", "--json"], priced].concat();
        let (code, told, errors) = run(&asked);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{code:?}: {errors}"));
        assert!(told["files"].as_array().unwrap().len() >= 3, "{told}");
        let config = format!("{objective}/every.search.yaml");
        let (code, planned, errors) = run(&["plan", &config, "--json"]);
        assert!(code == Some(0) && planned.contains(objective), "{planned}{errors}");
        let (code, _, errors) = run(&["search", &config, "--out", &format!("{objective}/study")]);
        assert_eq!(code, Some(0), "{errors}");
    }
    // Every table that was named is looked at, and what was edited stays.
    let edited = folder.path().join("latency/every.space.yaml");
    let mine = fs::read_to_string(&edited).unwrap().replace("about: >", "about: >\n  Mine.");
    fs::write(&edited, &mine).unwrap();
    fs::remove_file(folder.path().join("latency/every.search.yaml")).unwrap();
    let another = "galaxy-s10-exynos9820/1large-quant";
    let again = ["import", "every.onnx", "--out", "latency", "--space", "--table", table, "--table", another];
    let (code, _, errors) = run(&again);
    assert!(code == Some(0) && errors.contains("kept: ") && errors.contains("every.space.yaml"), "{errors}");
    assert_eq!(fs::read_to_string(&edited).unwrap(), mine);
    let (code, planned, errors) = run(&["plan", "latency/every.search.yaml", "--json"]);
    assert!(code == Some(0) && planned.contains("\"latency_2\""), "{planned}{errors}");
    // What is written is read by the commands that read architectures.
    let (code, priced, errors) = run(&["latency", "predict", "--table", table, "out/cell.yaml", "--json"]);
    assert_eq!(code, Some(0), "{errors}");
    let priced: serde_json::Value = serde_json::from_str(&priced).unwrap();
    assert_eq!(priced["mean_ms"], told["latency"][0]["mean_ms"]);
    let (code, told, _) = run(&["import", "cell.onnx"]);
    assert!(code == Some(0) && told.contains("multiply-adds") && told.contains("blocks:"), "{told}");
    // What is to be copied into Python stands in one line, however long.
    let mut unknown = model(&network, &weights(&network, 1), &About::default()).unwrap();
    let nodes = &mut unknown.graph.as_mut().unwrap().node;
    nodes.iter_mut().rfind(|node| node.op_type == "Relu").unwrap().op_type = "Tanh".to_owned();
    let long = format!("{}/model.onnx", "a/folder/in/a/folder/".repeat(5));
    fs::create_dir_all(folder.path().join(&long).parent().unwrap()).unwrap();
    fs::write(folder.path().join(&long), encode(&unknown)).unwrap();
    let (code, _, told) = run(&["import", &long]);
    let copied = |line: &str| line.starts_with("onnx.utils.extract_model(") && line.ends_with("])");
    assert!(code == Some(2) && told.lines().any(copied), "{told}");
    let (code, _, told) = run(&["import", "sample.f32"]);
    assert!(code == Some(2) && told.contains("not an ONNX model"), "{told}");
    let (code, _, told) = run(&["import", "cell.onnx", "--input", "3x0"]);
    assert!(code == Some(2) && told.contains("--input 3x224x224"), "{told}");
}

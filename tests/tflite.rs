//! TFLite models: the runtime's own interpreter loads and runs them, and what it runs is what `latency::lower` says.
#![allow(clippy::unwrap_used)]

#[path = "support/python.rs"]
mod python;

use std::path::Path;
use std::process::Command;

use pocketnas::export::tflite::speed_model;
use pocketnas::graph::{Activation, Builder, Conv2d, Network, Op, Shape};
use pocketnas::latency::profile::{self, Benchmark, Runs, Setup, Subject};
use pocketnas::latency::{Kernel, KernelKind, lower};
use pocketnas::space::Space;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;

/// The runtime and what it needs; all of them, so that tests do not change with the day.
const LITERT: [&str; 8] = [
    "ai-edge-litert==2.3.0",
    "backports.strenum==1.2.8",
    "flatbuffers==25.12.19",
    "ml_dtypes==0.6.0",
    "numpy==2.4.6",
    "protobuf==7.36.2",
    "tqdm==4.70.1",
    "typing_extensions==4.16.0",
];

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/read_tflite.py");

/// What the runtime makes of models.
fn read(python: &Path, models: &[Vec<u8>]) -> Vec<Json> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command.arg(READER);
    for (index, model) in models.iter().enumerate() {
        let path = folder.path().join(format!("{index}.tflite"));
        std::fs::write(&path, model).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The weighted operators and windows of a model as the runtime lists them: name, input, output, filter.
fn listed(read: &Json) -> Vec<(String, [u64; 3], [u64; 3])> {
    let three = |sizes: &Json| {
        let sizes: Vec<u64> = sizes.as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect();
        match sizes[..] {
            [1, height, width, channels] => [height, width, channels],
            [1, tokens, features] => [tokens, 1, features],
            _ => [1, 1, sizes[sizes.len() - 1]],
        }
    };
    (read["operators"].as_array().unwrap().iter())
        .filter(|operator| {
            let name = operator["name"].as_str().unwrap();
            ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN", "MAX_POOL_2D", "AVERAGE_POOL_2D"]
                .contains(&name)
        })
        .map(|operator| {
            let name = operator["name"].as_str().unwrap().to_owned();
            (name, three(&operator["inputs"][0]), three(&operator["output"]))
        })
        .collect()
}

fn expected(network: &Network) -> Vec<(String, [u64; 3], [u64; 3])> {
    use KernelKind as K;
    let kept = [K::Conv, K::Grouped, K::Depthwise, K::FullyConnected, K::Mean, K::MaxPool, K::AveragePool];
    (lower(network).into_iter().map(|lowered| lowered.kernel))
        .filter(|kernel| kept.contains(&kernel.kind))
        .map(|kernel: Kernel| {
            // TFLite has no operator of its own for groups.
            let name = if kernel.kind == K::Grouped { K::Conv.name() } else { kernel.kind.name() };
            let three = |[height, width]: [u32; 2], channels: u32| [height, width, channels].map(u64::from);
            (name.to_owned(), three(kernel.input, kernel.input_channels), three(kernel.output, kernel.output_channels))
        })
        .collect()
}

#[test]
fn the_runtime_runs_what_the_tables_price() {
    let Some(python) = python::environment("litert", &LITERT) else { return };
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut networks = Vec::new();
    for name in [
        "nas-bench-201",
        "mobilenetv3-ofa",
        "donna",
        "resnet-small",
        "super-resolution",
        "efficientnet-zico-bc",
        "fbnet",
    ] {
        let space = Space::load(name, None).unwrap();
        for architecture in [Some(space.default_architecture()), space.draw(&mut rng)].into_iter().flatten() {
            let network = space.build(&architecture).unwrap();
            if network.outputs().iter().all(|&id| network.live().contains(id)) {
                networks.push((format!("{name} {}", space.format(&architecture)), network));
            }
        }
    }
    assert!(networks.len() >= 12);
    let models: Vec<Vec<u8>> =
        networks.iter().map(|(name, network)| speed_model(network).unwrap_or_else(|e| panic!("{name}: {e}"))).collect();
    for ((name, network), read) in networks.iter().zip(read(&python, &models)) {
        assert_eq!(listed(&read), expected(network), "{name}");
        assert_eq!(read["sound"], true, "{name}");
    }
}

/// Every activation, alone and behind a sum of two, which is fused where TFLite does so.
#[test]
fn activations_run_and_are_fused_where_tflite_fuses() {
    let Some(python) = python::environment("litert", &LITERT) else { return };
    let network = |function: Activation, sum: bool| {
        let mut builder = Builder::new();
        let input = builder.add("input", Op::Input { shape: Shape::map(4, 5) }, &[]).unwrap();
        let pool = builder.add("mean", Op::GlobalAvgPool, &[input]).unwrap();
        let scaled = builder.add("scaled", Op::Multiply, &[input, pool]).unwrap();
        let before = if sum { builder.add("sum", Op::Add, &[input, scaled]).unwrap() } else { input };
        let end = builder.add("act", Op::Activation { function }, &[before]).unwrap();
        builder.output(end);
        builder.finish().unwrap()
    };
    let cases: Vec<(Activation, bool)> = Activation::ALL.into_iter().flat_map(|f| [(f, false), (f, true)]).collect();
    let models: Vec<Vec<u8>> = cases.iter().map(|&(f, sum)| speed_model(&network(f, sum)).unwrap()).collect();
    for ((function, sum), read) in cases.iter().zip(read(&python, &models)) {
        assert_eq!(read["sound"], true, "{function:?}");
        assert_eq!(read["output"], serde_json::json!([1, 5, 5, 4]), "{function:?}");
        let count = read["operators"].as_array().unwrap().len();
        let alone = match function {
            Activation::Swish | Activation::Hsigmoid => 2,
            _ => 1,
        };
        let fused = matches!(function, Activation::Relu | Activation::Relu6);
        // Without the sum the mean and the product reach nothing.
        let wanted = if *sum { 3 + if fused { 0 } else { alone } } else { alone };
        assert_eq!(count, wanted, "{function:?}, {sum}: {read}");
    }
}

/// The benchmark program that the runtime's own package brings runs our models, and what it prints is understood.
#[test]
fn the_runtimes_own_benchmark_times_our_models() {
    let Some(python) = python::environment("litert", &LITERT) else { return };
    let folder = tempfile::tempdir().unwrap();
    let command = format!(
        "'{}' -m ai_edge_litert.tools.benchmark_litert_model --model={{model}} --num_runs={{runs}} --warmup_runs={{warmup}} \
         --num_threads={{threads}}",
        python.display()
    );
    let setup = Setup {
        command: Some(command),
        formats: pocketnas::export::MODELS.to_vec(),
        format: Some("tflite".to_owned()),
        folder: folder.path().to_owned(),
        ..Setup::default()
    };
    let mut runner = profile::open("host", setup).unwrap();
    runner.describe().unwrap();
    let mut builder = Builder::new();
    let input = builder.add("input", Op::Input { shape: Shape::map(64, 56) }, &[]).unwrap();
    let conv = builder.add("conv", Op::Conv2d(Conv2d::square(64, 3, 1)), &[input]).unwrap();
    builder.output(conv);
    let benchmark = Benchmark::new(Subject::Block("conv".to_owned()), builder.finish().unwrap());
    let measured = runner.run(&benchmark, Runs { warm_up: 2, counted: 12 }).unwrap();
    let statistics = measured.statistics().unwrap();
    assert_eq!(statistics.count, 12);
    // 116 million multiply-adds: no processor does them in 0.1 ms on one core, none takes a second.
    assert!((0.1..1000.0).contains(&statistics.median), "{statistics:?}");
}

#[test]
fn what_has_no_fixed_form_is_refused() {
    let space = Space::load("autoformer-tiny", None).unwrap();
    let network = space.build(&space.default_architecture()).unwrap();
    let error = speed_model(&network).unwrap_err();
    assert!(error.contains("has no fixed form in TFLite; write models as onnx"), "{error}");
}

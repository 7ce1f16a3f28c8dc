//! `pocketnas verify`: what was exported agrees with itself, and any claim that is altered is the one that is named.
#![allow(clippy::unwrap_used)]

#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::path::{Path, PathBuf};

use pocketnas::onnx::schema::{ModelProto, tensor_shape_proto, type_proto};
use prost::Message;
use serde_json::{Value as Json, json};

use tiny::{Bench, pocketnas, succeeded, told};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const BOUNDED: &str = "\
search: bounded
version: 1
space: mobilenetv3-ofa
objectives:
  latency: { table: galaxy-s10-exynos9820/1large-float, confidence: 0.9 }
  score: { proxy: s0_bc }
quantities:
  quantized: { table: galaxy-s10-exynos9820/1large-quant }
limits: [latency <= 18 ms, params <= 4 M]
architectures: 6
sample: 10
baselines: false
";

/// What `verify` prints, after it has ended with that code.
fn verify(code: i32, files: &[&Path], more: &[&str]) -> String {
    let files = files.iter().map(|file| file.to_str().unwrap());
    let arguments: Vec<&str> = ["verify"].into_iter().chain(files).chain(more.iter().copied()).collect();
    let output = pocketnas(&arguments);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{printed}{}", told(&output));
    printed
}

/// A bounded search of MobileNetV3, with its architectures in other formats under `export`.
fn bounded(bench: &Bench) -> PathBuf {
    let config = bench.path("bounded.yaml");
    fs::write(&config, BOUNDED).unwrap();
    bench.search(&config, "bounded");
    let out = bench.path("bounded");
    let exported = pocketnas(&["export", out.to_str().unwrap(), "--format", "json,onnx,dot,svg,pytorch"]);
    succeeded(&exported);
    out
}

#[test]
fn everything_in_the_gallery_agrees() {
    let gallery = Path::new(ROOT).join("reports/gallery");
    let (mut files, mut folders) = (Vec::new(), vec![gallery]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            // Words for people, scripts, and what these read.
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let spoken = ["README.md", "reproduce", "front.yaml", "transformer.yaml"].contains(&name.as_str());
            match entry.extension().and_then(|extension| extension.to_str()) {
                _ if entry.is_dir() => folders.push(entry),
                Some("py") => {}
                _ if spoken => {}
                _ => files.push(entry),
            }
        }
    }
    assert!(files.len() > 100, "{files:?}");
    let printed = verify(0, &files.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &[]);
    assert!(!printed.contains("has changed"), "{printed}");
    assert!(printed.contains("agrees     latency: 12.63812137474816"), "{printed}");
    assert!(printed.contains("unchecked  score: the file of the proxy `zico_bc-b8` is not at hand: `pocketnas score"));
    assert!(printed.contains("585 members, built again"), "{printed}");
}

#[test]
fn fresh_results_agree_whatever_made_them() {
    let bench = Bench::new();
    let out = bounded(&bench);
    let exported = |name: &str| out.join("export").join(name);
    let names = ["f001.json", "f001.onnx", "f001.dot", "f001.svg", "f001.py", "f001.safetensors"].map(exported);
    let table = out.join("front.csv");
    let files: Vec<&Path> = [&out, &table].into_iter().chain(&names).map(PathBuf::as_path).collect();
    let printed = verify(0, &files, &[]);
    for part in [
        "agrees     dominance: none of",
        "agrees     latency ≤ 18 ms",
        "agrees     report.html: every byte",
        "agrees     hash of what the space makes of the architecture",
        "agrees     latency_mean",
        "agrees     quantized by block",
        "agrees     origin of the weights: untrained, seed 0",
    ] {
        assert!(printed.contains(part), "{part} is missing:\n{printed}");
    }
    // The two drawings, the module and its weights.
    assert_eq!(printed.matches("agrees     what is written from the architecture file").count(), 4, "{printed}");
    assert!(!printed.contains("unchecked  latency") && !printed.contains("unchecked  score"), "{printed}");
    // Members without a file are built again from the study, with what the report knows of them.
    let ids: Vec<String> =
        bench.front("bounded").lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect();
    succeeded(&pocketnas(&[
        "export",
        out.to_str().unwrap(),
        "--format",
        "yaml,svg",
        "--id",
        &ids[1],
        "--out",
        bench.path("one").to_str().unwrap(),
    ]));
    let [file, drawing] = ["yaml", "svg"].map(|extension| bench.path("one").join(format!("{}.{extension}", ids[1])));
    let printed = verify(0, &[&file, &drawing], &[]);
    assert!(printed.contains("agrees     latency:") && printed.contains("agrees     quantized:"), "{printed}");
    assert!(printed.contains("agrees     what is written from the architecture file"), "{printed}");

    // A space and a search of the user's own, evolved.
    let space = bench.path("tiny.yaml");
    let config =
        bench.config(space.to_str().unwrap(), "strategy: { kind: nsga2 }\nevaluations: 20\nlimits: [params <= 4 k]\n");
    bench.search(&config, "own");
    let printed = verify(0, &[&bench.path("own")], &[]);
    assert!(
        printed.contains("unchecked  architecture") && printed.contains("give its file with --space FILE"),
        "{printed}"
    );
    let printed = verify(0, &[&bench.path("own")], &["--space", space.to_str().unwrap()]);
    assert!(!printed.contains("unchecked  architecture") && printed.contains("members, built again: "), "{printed}");
    let other = fs::read_to_string(&space).unwrap().replace("features: 10", "features: 11");
    fs::write(bench.path("other.yaml"), other).unwrap();
    let printed = verify(1, &[&bench.path("own")], &["--space", bench.path("other.yaml").to_str().unwrap()]);
    assert!(printed.contains("DISAGREES  architectures/f001.yaml: hash of what the space makes"), "{printed}");
    let printed = verify(0, &[&space, &config], &[]);
    assert!(
        printed.contains("agrees     every architecture: ")
            && printed.contains("agrees     what it names: the space tiny"),
        "{printed}"
    );
    // Nothing is within the limits: what comes closest is there in place of a front.
    let config = bench.config(space.to_str().unwrap(), "limits: [params <= 1]\n");
    assert_eq!(bench.run(&config, "none", &[]).status.code(), Some(3));
    verify(0, &[&bench.path("none")], &[]);
}

/// Sets one value of a JSON file.
fn alter(from: &Path, to: &Path, pointer: &str, value: Json) {
    let mut document: Json = serde_json::from_slice(&fs::read(from).unwrap()).unwrap();
    match document.pointer_mut(pointer) {
        Some(place) => {
            assert_ne!(*place, value, "{pointer}");
            *place = value;
        }
        None => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        }
    }
    fs::write(to, serde_json::to_string_pretty(&document).unwrap()).unwrap();
}

#[test]
fn every_claim_that_is_altered_is_named() {
    let bench = Bench::new();
    let out = bounded(&bench);
    let mut faults = Vec::new();
    let mut expect = |what: &str, files: &[&Path], more: &[&str], claims: &[&str]| {
        let arguments: Vec<&str> =
            ["verify"].into_iter().chain(files.iter().map(|file| file.to_str().unwrap())).collect();
        let output = pocketnas(&[&arguments, more].concat());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let missing = claims.iter().filter(|claim| !printed.contains(&format!("  {claim}")));
        faults.extend(missing.map(|claim| format!("{what}: no `{claim}` in\n{printed}")));
        let code = if claims.iter().any(|claim| claim.starts_with("DISAGREES")) { 1 } else { 0 };
        if output.status.code() != Some(code) {
            faults.push(format!("{what}: {:?} in place of {code}\n{printed}", output.status.code()));
        }
    };

    let file = out.join("export/f001.json");
    let there: Json = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let other: Json = serde_json::from_slice(&fs::read(out.join("front.json")).unwrap()).unwrap();
    let other = other["front"][1]["architecture"].clone();
    let number = |pointer: &str| json!(there.pointer(pointer).unwrap().as_f64().unwrap() * 1.001 + 1.0);
    let altered = bench.path("altered.json");
    for (pointer, value, claims) in [
        ("/hash", json!("feed"), &["DISAGREES  hash: claims feed"][..]),
        (
            "/architecture",
            other,
            &["DISAGREES  hash of what the space makes of the architecture", "DISAGREES  decision"],
        ),
        ("/architecture", json!("s1=r9"), &["DISAGREES  architecture: claims s1=r9"]),
        ("/decisions/s1.0.kernel", json!(5), &["DISAGREES  decision s1.0.kernel: claims 5"]),
        ("/decisions/s9.0.kernel", json!(5), &["DISAGREES  decision s9.0.kernel"]),
        (
            "/metrics/params/value",
            number("/metrics/params/value"),
            &["DISAGREES  params:", "DISAGREES  params as the sum of its blocks"],
        ),
        ("/metrics/params/unit", json!("B"), &["DISAGREES  unit of params: claims B, found 1"]),
        (
            "/metrics/macs/by_block/stem",
            json!(1),
            &["DISAGREES  macs of block stem: claims 1, found 5419008", "DISAGREES  macs as the sum"],
        ),
        ("/metrics/macs/by_block/stam", json!(1), &["DISAGREES  macs of block stam"]),
        ("/metrics/latency/value", number("/metrics/latency/value"), &["DISAGREES  latency:"]),
        ("/metrics/latency/by_block/stem", json!("fast"), &["DISAGREES  latency of block stem: claims \"fast\""]),
        ("/metrics/latency/flags", json!(["slow"]), &["DISAGREES  flags of latency: claims slow"]),
        ("/metrics/latency_mean/value", json!(1.5), &["DISAGREES  latency_mean: claims 1.5"]),
        ("/metrics/quantized/value", json!(1.5), &["DISAGREES  quantized: claims 1.5"]),
        ("/metrics/score/value", json!(1.5), &["DISAGREES  score: claims 1.5"]),
        ("/metrics/score/by_block/s1.0", json!(1.5), &["DISAGREES  score of block s1.0: claims 1.5"]),
        (
            "/metrics/latency/from",
            json!("table mine"),
            &["DISAGREES  origin of latency: claims table mine", "unchecked  latency: the table `mine` is not at hand"],
        ),
        (
            "/metrics/score/from",
            json!("proxy s0 version 9"),
            &["DISAGREES  origin of score", "unchecked  score: `s0` is of version 9 there"],
        ),
        ("/provenance/sources/score/about", json!("The best."), &["DISAGREES  description of score: claims The best."]),
        ("/provenance/sources/nothing", json!({}), &["DISAGREES  source of nothing"]),
        (
            "/provenance/sources/latency/blake3",
            json!("0123456789abcdef0"),
            &[
                "unchecked  latency: the table `galaxy-s10-exynos9820/1large-float` has changed: the file names BLAKE3 0123456789abcdef0",
            ],
        ),
        (
            "/network/nodes/1/shape",
            json!([16, 112, 111]),
            &["DISAGREES  shape of stem: claims 16×112×111, found 16×112×112"],
        ),
        (
            "/network/nodes/1/stride",
            json!(1),
            &[
                "DISAGREES  shape of stem: claims 16×112×112, found 16×224×224",
                "DISAGREES  macs:",
                "DISAGREES  latency:",
            ],
        ),
        (
            "/network/nodes/1/bias",
            json!(true),
            &["DISAGREES  hash:", "DISAGREES  params:", "DISAGREES  params of block stem"],
        ),
        ("/network/nodes/1/groups", json!(5), &["DISAGREES  network: claims operators that fit together"]),
        ("/network/outputs", json!(["head"]), &["DISAGREES  hash:"]),
    ] {
        alter(&file, &altered, pointer, value);
        expect(pointer, &[&altered], &[], claims);
    }

    // Results: the tables against each other, against the files, and against what a front is.
    let copy = |name: &str| {
        let folder = bench.path(name);
        fs::create_dir_all(folder.join("architectures")).unwrap();
        for name in ["front.json", "front.csv", "front.svg", "front.png", "report.html"] {
            fs::copy(out.join(name), folder.join(name)).unwrap();
        }
        for entry in fs::read_dir(out.join("architectures")).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&entry, folder.join("architectures").join(entry.file_name().unwrap())).unwrap();
        }
        folder
    };
    let results = copy("results");
    for (pointer, value, claims) in [
        (
            "/front/0/values/0",
            json!(17.5),
            &["DISAGREES  latency of f001", "DISAGREES  dominance of f001", "DISAGREES  front.csv, line"][..],
        ),
        ("/front/1/values/1", json!(1e6), &["DISAGREES  score of f002: claims 1000000", "DISAGREES  dominance of"]),
        ("/front/1/hash", json!("feed"), &["DISAGREES  hash of f002: claims feed"]),
        ("/front/1/id", json!("f001"), &["DISAGREES  id f001"]),
        ("/front/1/architecture", json!("s1=r2"), &["DISAGREES  architecture of f002"]),
        ("/front/0/file", json!("architectures/f999.yaml"), &["DISAGREES  file of f001"]),
        ("/front/0/file", json!("../secret.yaml"), &["DISAGREES  file of f001: claims ../secret.yaml"]),
        ("/limits/0/bound", json!(15.0), &["DISAGREES  latency ≤ 15 ms of f"]),
        ("/knee", json!(0), &["DISAGREES  knee: claims f001"]),
        ("/best_under_limit", json!(0), &["DISAGREES  best under the limits: claims f001"]),
        ("/title", json!("Another"), &["unchecked  front.svg", "unchecked  report.html"]),
    ] {
        alter(&out.join("front.json"), &results.join("front.json"), pointer, value);
        expect(pointer, &[&results], &[], claims);
    }
    let table = bench.front("bounded");
    let first = table.lines().nth(1).unwrap();
    let cells: Vec<&str> = first.split(',').collect();
    fs::copy(out.join("front.json"), results.join("front.json")).unwrap();
    fs::write(results.join("front.csv"), table.replacen(cells[3], "9.5", 1)).unwrap();
    expect("front.csv beside front.json", &[&results], &[], &["DISAGREES  front.csv, line 2, latency_ms: claims 9.5"]);
    fs::write(results.join("front.csv"), table.lines().next().unwrap()).unwrap();
    expect("an empty front.csv", &[&results], &[], &["DISAGREES  front.csv: claims 1 lines"]);
    fs::remove_file(results.join("front.json")).unwrap();
    fs::write(results.join("front.csv"), table.replacen(cells[3], "9.5", 1)).unwrap();
    let claims = [
        "DISAGREES  latency of f001: claims 9.5",
        "DISAGREES  architectures/f001.yaml: latency in the table: claims 9.5",
    ];
    expect("front.csv alone", &[&results], &[], &claims);
    let swapped = copy("swapped");
    let files: Vec<PathBuf> =
        fs::read_dir(swapped.join("architectures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    fs::copy(&files[0], &files[1]).unwrap();
    let claim =
        format!("DISAGREES  architectures/{}: hash in the table", files[1].file_name().unwrap().to_string_lossy());
    expect("files swapped", &[&swapped], &[], &[&claim]);

    let stray = swapped.join("architectures/best.yaml");
    fs::copy(&files[0], &stray).unwrap();
    fs::copy(out.join("architectures").join(files[1].file_name().unwrap()), &files[1]).unwrap();
    expect("a stray file", &[&swapped], &[], &["unchecked  architectures/best.yaml: no member of the front names it"]);

    // A model for runtimes.
    let model = || ModelProto::decode(&*fs::read(out.join("export/f001.onnx")).unwrap()).unwrap();
    let path = bench.path("altered.onnx");
    let mut try_model = |what: &str, model: ModelProto, claims: &[&str]| {
        fs::write(&path, model.encode_to_vec()).unwrap();
        expect(what, &[&path], &[], claims);
    };
    for (key, value, claim) in [
        ("canonical_hash", "feed", "DISAGREES  hash: claims feed"),
        ("architecture", "s1=r2", "DISAGREES  architecture: claims s1=r2"),
        ("weights", "untrained, seed 1", "DISAGREES  weights "),
        ("weights", "trained elsewhere", "unchecked  origin of the weights"),
    ] {
        let mut model = model();
        model.metadata_props.iter_mut().find(|entry| entry.key == key).unwrap().value = value.to_owned();
        try_model(key, model, &[claim]);
    }
    let mut changed = model();
    let output = &mut changed.graph.as_mut().unwrap().output[0];
    let type_proto::Value::TensorType(tensor) = output.r#type.as_mut().unwrap().value.as_mut().unwrap();
    tensor.shape.as_mut().unwrap().dim[1].value = Some(tensor_shape_proto::Value::DimValue(999));
    try_model("shape of an output", changed, &["DISAGREES  shape of classifier: claims [999], found [1000]"]);
    let sound = model();
    let name = sound.graph.as_ref().unwrap().initializer[0].name.clone();
    for (value, claims) in [
        (0.125f32, format!("DISAGREES  weights {name}: claims untrained")),
        (f32::NAN, "DISAGREES  network".to_owned()),
    ] {
        let mut changed = sound.clone();
        changed.graph.as_mut().unwrap().initializer[0].raw_data[..4].copy_from_slice(&value.to_le_bytes());
        try_model("a weight", changed, &[&claims]);
    }
    let mut changed = model();
    changed.graph.as_mut().unwrap().initializer.remove(0);
    try_model("a weight that is missing", changed, &["DISAGREES  network: claims one that can be read back"]);

    // A PyTorch module and its weights.
    let beside = bench.path("beside");
    fs::create_dir(&beside).unwrap();
    for name in ["f001.json", "f001.py", "f001.safetensors"] {
        fs::copy(out.join("export").join(name), beside.join(name)).unwrap();
    }
    let module = fs::read_to_string(beside.join("f001.py")).unwrap();
    fs::write(
        beside.join("f001.py"),
        module.replacen("kernel_size", "kernel_sighs", 1).replacen("Conv2d(3", "Conv2d(4", 1),
    )
    .unwrap();
    expect("a module", &[&beside.join("f001.py")], &[], &["DISAGREES  line "]);
    let mut weights = fs::read(beside.join("f001.safetensors")).unwrap();
    let last = weights.len() - 1;
    weights[last] ^= 1;
    fs::write(beside.join("f001.safetensors"), &weights).unwrap();
    expect("a weight", &[&beside.join("f001.safetensors")], &[], &["DISAGREES  weights "]);
    fs::write(beside.join("f001.safetensors"), &weights[..last]).unwrap();
    // A drawing.
    let drawing = fs::read_to_string(out.join("export/f001.svg")).unwrap();
    let line = drawing.lines().find(|line| line.contains(" parameters · ")).unwrap();
    fs::write(beside.join("f001.svg"), drawing.replace(line, &line.replace(" parameters", " k parameters"))).unwrap();
    expect("a drawing", &[&beside.join("f001.svg")], &[], &["DISAGREES  line "]);
    fs::remove_file(beside.join("f001.json")).unwrap();
    expect("a module alone", &[&beside.join("f001.py")], &[], &["unchecked  everything: `f001.yaml`"]);
    expect("a drawing alone", &[&beside.join("f001.svg")], &[], &["unchecked  everything: a drawing"]);
    // Weights that an architecture file names.
    let model = out.join("export/f001.onnx");
    let imported = bench.path("imported");
    succeeded(&pocketnas(&["import", model.to_str().unwrap(), "--out", imported.to_str().unwrap()]));
    let (file, weights) = (imported.join("f001.yaml"), imported.join("f001.safetensors"));
    expect(
        "imported",
        &[&file, &weights],
        &[],
        &["agrees     weights: ", "unchecked  architecture: an imported network"],
    );
    let mut bytes = fs::read(&weights).unwrap();
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    expect("other weights", &[&file], &[], &["DISAGREES  weights: claims f001.safetensors with"]);
    fs::remove_file(&weights).unwrap();
    expect("no weights", &[&file], &[], &["unchecked  weights: "]);

    // A latency table.
    let shipped =
        fs::read_to_string(Path::new(ROOT).join("latency_tables/galaxy-s10-exynos9820/1large-float.yaml")).unwrap();
    let path = bench.path("table.yaml");
    fs::write(&path, &shipped).unwrap();
    expect(
        "a shipped table",
        &[&path],
        &[],
        &["agrees     the shipped table of its name", "unchecked  source networks.csv"],
    );
    let line = shipped.lines().find(|line| line.contains("cost: ")).unwrap();
    let cost = line.split("cost: ").nth(1).unwrap().split([',', '}']).next().unwrap();
    fs::write(&path, shipped.replacen(&format!("cost: {cost}"), "cost: 1.25e-3", 1)).unwrap();
    let given = bench.path("networks.csv");
    fs::write(&given, "nothing\n").unwrap();
    let claims = ["DISAGREES  the shipped table of its name", "DISAGREES  source networks.csv"];
    expect("a table", &[&path], &["--given", given.to_str().unwrap()], &claims);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Files around a model that was imported, under a name with a dot.
#[test]
fn what_is_made_of_an_imported_model_is_held_against_it() {
    let bench = Bench::new();
    let config = bench.config(bench.path("tiny.yaml").to_str().unwrap(), "architectures: 1\n");
    bench.search(&config, "out");
    let path = |name: &str| bench.path(name);
    let run = |arguments: &[&str]| succeeded(&pocketnas(arguments));
    let exported = pocketnas(&["export", path("out").to_str().unwrap(), "--format", "onnx"]);
    fs::rename(String::from_utf8_lossy(&exported.stdout).trim(), path("net.v1.onnx")).unwrap();
    let into = path("in");
    run(&["import", path("net.v1.onnx").to_str().unwrap(), "--space", "--out", into.to_str().unwrap()]);
    let file = into.join("net.v1.yaml");
    run(&["export", file.to_str().unwrap(), "--format", "onnx,pytorch,svg", "--out", into.to_str().unwrap()]);
    let names =
        ["yaml", "safetensors", "space.yaml", "search.yaml", "onnx", "svg"].map(|ending| format!("in/net.v1.{ending}"));
    let files: Vec<PathBuf> = names.iter().map(|name| path(name)).chain([path("in/net_v1.py")]).collect();
    let printed = verify(0, &files.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &[]);
    for part in [
        "agrees     weights: 17 tensors in net.v1.safetensors, with the BLAKE3 named",
        "agrees     every architecture: ",
        "agrees     default architecture: ",
        "agrees     what it names: the space net-v1, macs, score",
        "agrees     origin of the weights: every tensor of net.v1.safetensors",
    ] {
        assert!(printed.contains(part), "{part} is missing:\n{printed}");
    }
    assert_eq!(printed.matches("agrees     what is written from the architecture file").count(), 2, "{printed}");
    assert!(fs::read_to_string(path("in/net.v1.svg")).unwrap().contains(">net.v1</text>"));

    // One weight of the model is another one than in the file that it names.
    let mut model = ModelProto::decode(&*fs::read(path("in/net.v1.onnx")).unwrap()).unwrap();
    model.graph.as_mut().unwrap().initializer[0].raw_data[0] ^= 1;
    fs::write(path("in/net.v1.onnx"), model.encode_to_vec()).unwrap();
    let printed = verify(1, &[&path("in/net.v1.onnx")], &[]);
    assert!(printed.contains("DISAGREES  weights ") && !printed.contains("origin of the weights"), "{printed}");
    // The space no longer has the model as its default.
    let space = fs::read_to_string(path("in/net.v1.space.yaml")).unwrap();
    fs::write(path("in/net.v1.space.yaml"), space.replacen("act: relu", "act: hswish", 1)).unwrap();
    let printed = verify(1, &[&path("in/net.v1.space.yaml")], &[]);
    assert!(printed.contains("DISAGREES  default architecture: claims "), "{printed}");
    // Nothing that could be held against the rest.
    fs::remove_file(path("in/net.v1.safetensors")).unwrap();
    let printed = verify(0, &[&path("in/net.v1.onnx")], &[]);
    assert!(printed.contains("unchecked  origin of the weights: "), "{printed}");
}

#[test]
fn a_table_of_ones_own_is_given() {
    let bench = Bench::new();
    let shipped = Path::new(ROOT).join("latency_tables/galaxy-s10-exynos9820/1med-float.yaml");
    let mine = bench.path("mine.yaml");
    let text = fs::read_to_string(shipped).unwrap();
    fs::write(&mine, text.replacen("table: \"samsung", "table: \"my", 1)).unwrap();
    let config = bench.path("search.yaml");
    fs::write(&config, BOUNDED.replace("galaxy-s10-exynos9820/1large-float", "mine.yaml").replace("18 ms", "90 ms"))
        .unwrap();
    bench.search(&config, "out");
    let out = bench.path("out");
    let printed = verify(0, &[&out], &[]);
    assert!(printed.contains("the table `mine.yaml` is not at hand; give the table"), "{printed}");
    let printed = verify(0, &[&out], &["--table", mine.to_str().unwrap()]);
    assert!(!printed.contains("unchecked  latency"), "{printed}");
    let printed = verify(0, &[&out], &["--table", "galaxy-s10-exynos9820/1med-float"]);
    assert!(printed.contains("the table `mine.yaml` has changed"), "{printed}");
}

#[test]
fn what_cannot_be_read_says_why() {
    let bench = Bench::new();
    fs::write(bench.path("garbage.yaml"), "a: [").unwrap();
    fs::write(bench.path("other.yaml"), "a: 1").unwrap();
    fs::write(bench.path("half.json"), "{\"network\": {}, \"architecture\": \"x\"}").unwrap();
    fs::write(bench.path("bytes.onnx"), [1, 2, 3]).unwrap();
    fs::create_dir(bench.path("empty")).unwrap();
    // A header of 2^63 bytes, with and without an architecture file of its name.
    fs::write(bench.path("huge.safetensors"), [0, 0, 0, 0, 0, 0, 0, 0x80]).unwrap();
    let pipe = bench.path("pipe.py");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (name, part) in [
        ("missing", "check the path"),
        ("garbage.yaml", "not valid YAML"),
        ("other.yaml", "is nothing that pocketnas exports"),
        ("half.json", "not an architecture file"),
        ("bytes.onnx", "is no ONNX model"),
        ("huge.safetensors", "not a safetensors file"),
        ("pipe.py", "is neither a file nor a folder"),
        ("empty", "give a folder that `pocketnas search` has filled"),
    ] {
        let output = pocketnas(&["verify", bench.path(name).to_str().unwrap(), "--json"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(told(&output).contains(part), "{name}: {}", told(&output));
        let document: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert!(document[0]["error"].is_string(), "{document}");
    }
    // One that cannot be read keeps nothing from being said of the others.
    let gallery = Path::new(ROOT).join("reports/gallery/mobilenetv3-galaxy-s10/architectures/f001.yaml");
    let missing = bench.path("missing");
    let output = pocketnas(&["verify", missing.to_str().unwrap(), gallery.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    let findings = document[1]["findings"].as_array().unwrap();
    let hash = findings.iter().find(|finding| finding["claim"] == "hash").unwrap();
    assert_eq!(*hash, json!({"claim": "hash", "verdict": "agrees", "found": "891884f7d64687afe81056e8616cca07"}));
    assert_eq!((&document[1]["disagree"], &document[1]["kind"]), (&json!(0), &json!("architecture file")));
}

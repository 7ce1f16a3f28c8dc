//! Files that are damaged, hostile, or hold what cannot be imported: each is refused, and told what is wrong and what can
//! be done. None makes the reader panic.

use std::fs;

use pocketnas::export::onnx::{About, encode, model};
use pocketnas::graph::{Activation, Attention, Builder, Conv2d, Network, Op, Shape};
use pocketnas::import::{ImportError, Options, from_bytes, read};
use pocketnas::onnx::schema::{
    AttributeProto, AttributeType, DataLocation, DataType, FunctionProto, ModelProto, NodeProto, SparseTensorProto,
    StringStringEntryProto, TensorProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::weights;

/// A convolution, a norm, an activation, a mean and a classifier.
fn network() -> Network {
    let mut builder = Builder::new();
    let x = builder.add("image", Op::Input { shape: Shape::map(3, 8) }, &[]).unwrap();
    let x = builder.add("conv", Op::Conv2d(Conv2d::square(4, 3, 2)), &[x]).unwrap();
    let x = builder.add("norm", Op::BatchNorm, &[x]).unwrap();
    let x = builder.add("act", Op::Activation { function: Activation::Swish }, &[x]).unwrap();
    let x = builder.add("mean", Op::GlobalAvgPool, &[x]).unwrap();
    let x = builder.add("flat", Op::Flatten, &[x]).unwrap();
    let x = builder.add("scores", Op::Linear { features: 5, bias: true }, &[x]).unwrap();
    builder.output(x);
    builder.finish().unwrap()
}

/// A layer of a transformer.
fn tokens() -> Network {
    let mut builder = Builder::new();
    let x = builder.add("tokens", Op::Input { shape: Shape::Tokens { tokens: 4, features: 6 } }, &[]).unwrap();
    let n = builder.add("norm", Op::LAYER_NORM, &[x]).unwrap();
    let linear = Op::Linear { features: 6, bias: true };
    let [q, k, v] = ["q", "k", "v"].map(|name| builder.add(name, linear.clone(), &[n]).unwrap());
    let attention = Op::Attention(Attention { heads: 3, kv_heads: 3, causal: true, rotary: Some(10_000) });
    let y = builder.add("attention", attention, &[q, k, v]).unwrap();
    let y = builder.add("o", linear, &[y]).unwrap();
    let x = builder.add("sum", Op::Add, &[x, y]).unwrap();
    builder.output(x);
    builder.finish().unwrap()
}

fn sound(network: &Network) -> ModelProto {
    model(network, &weights(network, 1), &About::default()).unwrap()
}

/// What a file of this content is told.
fn told(model: &ModelProto) -> String {
    match from_bytes("broken.onnx", &encode(model), &Options::default()) {
        Ok(imported) => format!("nothing, but {} operators", imported.network.len()),
        Err(error) => error.to_string(),
    }
}

fn node<'m>(model: &'m mut ModelProto, op: &str) -> &'m mut NodeProto {
    model.graph.as_mut().unwrap().node.iter_mut().find(|node| node.op_type == op).unwrap()
}

fn tensor<'m>(model: &'m mut ModelProto, name: &str) -> &'m mut TensorProto {
    model.graph.as_mut().unwrap().initializer.iter_mut().find(|tensor| tensor.name == name).unwrap()
}

/// An operator put between the activation and the mean; `to` is for casts.
fn cast(model: &mut ModelProto, op: &str, inputs: &[&str], to: i64) {
    let input = inputs.iter().map(|&name| name.into()).collect();
    let r#type = AttributeType::Int.into();
    let attribute = vec![AttributeProto { name: "to".into(), i: Some(to), r#type, ..Default::default() }];
    let (op_type, output) = (op.into(), vec!["between".into()]);
    node(model, "GlobalAveragePool").input[0] = "between".into();
    model.graph.as_mut().unwrap().node.push(NodeProto { op_type, input, output, attribute, ..Default::default() });
}

fn text(node: &mut NodeProto, name: &str, value: &str) {
    node.attribute.retain(|attribute| attribute.name != name);
    let (name, s) = (name.to_owned(), Some(value.as_bytes().to_vec()));
    node.attribute.push(AttributeProto { name, s, r#type: AttributeType::String.into(), ..Default::default() });
}

fn ints(node: &mut NodeProto, name: &str, values: &[i64]) {
    node.attribute.retain(|attribute| attribute.name != name);
    let (name, ints) = (name.to_owned(), values.to_vec());
    node.attribute.push(AttributeProto { name, ints, r#type: AttributeType::Ints.into(), ..Default::default() });
}

/// The sizes of the input, with the batch.
fn sizes(model: &mut ModelProto) -> &mut Vec<tensor_shape_proto::Dimension> {
    let input = &mut model.graph.as_mut().unwrap().input[0];
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().unwrap().value.as_mut() else { panic!() };
    &mut tensor.shape.as_mut().unwrap().dim
}

fn open(name: &str) -> tensor_shape_proto::Dimension {
    let value = Some(tensor_shape_proto::Value::DimParam(name.to_owned()));
    tensor_shape_proto::Dimension { value, ..Default::default() }
}

type Break = fn(&mut ModelProto);

#[test]
fn broken_files_are_told_what_is_wrong_and_what_can_be_done() {
    assert_eq!(told(&sound(&network())), "nothing, but 7 operators");
    let cases: Vec<(&str, Break, &[&str])> = vec![
        ("old operators", |m| m.opset_import[0].version = 3, &["version 3", "7 to 28", "version_converter"]),
        ("operators to come", |m| m.opset_import[0].version = 99, &["version 99", "7 to 28"]),
        ("another set", |m| m.opset_import[0].domain = "ai.onnx.ml".into(), &["ai.onnx.ml", "none of the standard"]),
        ("no set", |m| m.opset_import.clear(), &["not an ONNX model"]),
        ("no graph", |m| m.graph = None, &["not an ONNX model"]),
        ("no input", |m| m.graph.as_mut().unwrap().input.clear(), &["names no input"]),
        ("no output", |m| m.graph.as_mut().unwrap().output.clear(), &["names no output"]),
        (
            "an unknown output",
            |m| m.graph.as_mut().unwrap().output[0].name = "o".into(),
            &["output `o`", "no operator"],
        ),
        ("open sizes", |m| sizes(m)[2] = open("height"), &["`image` is batch×3×height×8", "--input 3x224x8"]),
        (
            "a size of zero",
            |m| sizes(m)[1].value = Some(tensor_shape_proto::Value::DimValue(0)),
            &["batch×0×8×8", "at least 1"],
        ),
        (
            "a huge size",
            |m| sizes(m)[2].value = Some(tensor_shape_proto::Value::DimValue(1 << 41)),
            &["more than 2^40 elements"],
        ),
        (
            "an input twice",
            |m| {
                let graph = m.graph.as_mut().unwrap();
                graph.input.push(graph.input[0].clone());
            },
            &["two inputs are named `image`"],
        ),
        (
            "a tensor twice",
            |m| {
                let graph = m.graph.as_mut().unwrap();
                graph.initializer.push(graph.initializer[0].clone());
            },
            &["two tensors are named `conv.weight`"],
        ),
        (
            "a name twice",
            |m| node(m, "BatchNormalization").output[0] = "conv".into(),
            &["`conv` is made twice", "`norm`"],
        ),
        (
            "no weight",
            |m| m.graph.as_mut().unwrap().initializer.retain(|t| t.name != "conv.weight"),
            &["`conv` (Conv)", "`conv.weight`", "export_params"],
        ),
        ("a cycle", |m| node(m, "Conv").input[0] = "act".into(), &["cycle: ", "conv → norm"]),
        (
            "sizes that overflow",
            |m| tensor(m, "conv.weight").dims = vec![1 << 62, 1 << 62],
            &["`conv.weight`", "4611686018427387904"],
        ),
        (
            "a claim",
            |m| tensor(m, "conv.weight").dims = vec![1 << 40],
            &["takes 4398046511104 bytes, but 432 are there"],
        ),
        ("a negative size", |m| tensor(m, "conv.weight").dims[0] = -4, &["`conv.weight`", "-4"]),
        ("another type", |m| tensor(m, "conv.weight").data_type = 17, &["type 17", "quantized"]),
        (
            "a flat weight",
            |m| tensor(m, "conv.weight").dims = vec![108],
            &["`conv` (Conv)", "only convolutions over images"],
        ),
        (
            "another weight",
            |m| tensor(m, "conv.weight").dims = vec![4, 9, 3, 1],
            &["`conv` (Conv)", "kernel_shape is [3, 3]"],
        ),
        (
            "a short norm",
            |m| {
                let scale = tensor(m, "norm.weight");
                (scale.dims[0], scale.raw_data) = (2, vec![0; 8]);
            },
            &["`norm` (BatchNormalization)", "weight has 2 elements, but [4]"],
        ),
        ("no stride", |m| ints(node(m, "Conv"), "strides", &[0, 0]), &["strides are zero"]),
        ("two strides", |m| ints(node(m, "Conv"), "strides", &[1, 2]), &["strides are [1, 2]", "use equal strides"]),
        ("a negative stride", |m| ints(node(m, "Conv"), "strides", &[-1, -1]), &["strides are [-1, -1], out of range"]),
        ("a vast pad", |m| ints(node(m, "Conv"), "pads", &[0, 0, 1 << 62, 0]), &["pads are", "out of range"]),
        ("three strides", |m| ints(node(m, "Conv"), "strides", &[1, 1, 1]), &["but 2 counts are needed"]),
        (
            "another rule for padding",
            |m| text(node(m, "Conv"), "auto_pad", "WAT"),
            &["`conv` (Conv)", "auto_pad is WAT"],
        ),
        ("a wide dilation", |m| ints(node(m, "Conv"), "dilations", &[1 << 39, 1 << 39]), &["`conv` (Conv)"]),
        (
            "one-sided padding beyond its kernel",
            |m| ints(node(m, "Conv"), "pads", &[0, 0, 5, 5]),
            &["pads [0, 0, 5, 5] (above, left, below, right), beyond its kernel", "less than the kernel"],
        ),
        (
            "one-sided padding of a spread kernel",
            |m| {
                ints(node(m, "Conv"), "pads", &[0, 0, 1, 1]);
                ints(node(m, "Conv"), "dilations", &[2, 2]);
            },
            &["pads 0 before and 1 after, and its kernel is spread by 2", "multiples of the dilation"],
        ),
        (
            "no groups",
            |m| {
                let conv = node(m, "Conv");
                conv.attribute.iter_mut().find(|a| a.name == "group").unwrap().i = Some(0);
            },
            &["`conv` (Conv)", "groups"],
        ),
        (
            "an unknown operator",
            |m| node(m, "Sigmoid").op_type = "Tanh".into(),
            &["1 of 7 operators", "`act/sigmoid` (Tanh)", "train on", "extract_model", "[\"norm\"]"],
        ),
        (
            "an input that nothing reads before an unknown operator",
            |m| {
                let graph = m.graph.as_mut().unwrap();
                let idle = ValueInfoProto { name: "idle".into(), ..graph.input[0].clone() };
                graph.input.push(idle);
                node(m, "Sigmoid").op_type = "Tanh".into();
            },
            &["`act/sigmoid` (Tanh)", "extract_model", "[\"image\"]", "[\"norm\"]"],
        ),
        (
            "an unknown operator after channels that stand last, with which no part of the model can end",
            |m| {
                let op = |op: &str, input: &str, output: &str| NodeProto {
                    op_type: op.into(),
                    input: vec![input.into()],
                    output: vec![output.into()],
                    ..Default::default()
                };
                let mut turn = op("Transpose", "norm", "turned");
                turn.attribute.push(AttributeProto {
                    name: "perm".into(),
                    ints: vec![0, 2, 3, 1],
                    r#type: AttributeType::Ints.into(),
                    ..Default::default()
                });
                let sigmoid = node(m, "Sigmoid");
                (sigmoid.op_type, sigmoid.input) = ("Tanh".into(), vec!["normed".into()]);
                m.graph.as_mut().unwrap().node.extend([turn, op("LayerNormalization", "turned", "normed")]);
            },
            &["1 of 9 operators", "(Tanh)", "extract_model", "[\"norm\"]"],
        ),
        (
            "a custom operator",
            |m| node(m, "Sigmoid").domain = "com.acme".into(),
            &["Sigmoid of com.acme", "standard operators alone"],
        ),
        (
            "a mean over channels",
            |m| {
                *node(m, "GlobalAveragePool") = NodeProto {
                    input: vec!["act".into()],
                    output: vec!["mean".into()],
                    op_type: "ReduceMean".into(),
                    attribute: vec![AttributeProto {
                        name: "axes".into(),
                        ints: vec![1],
                        r#type: AttributeType::Ints.into(),
                        ..Default::default()
                    }],
                    ..Default::default()
                };
            },
            &["`mean` (ReduceMean)", "mean along [1] of 1×4×4×4"],
        ),
        (
            "all memory",
            |m| {
                let graph = m.graph.as_mut().unwrap();
                let dims = [1i64 << 31, 1 << 31];
                let raw_data = dims.iter().flat_map(|size| size.to_le_bytes()).collect();
                graph.initializer.push(TensorProto {
                    name: "huge".into(),
                    dims: vec![2],
                    data_type: DataType::Int64.into(),
                    raw_data,
                    ..Default::default()
                });
                let op = |op: &str, input: &[&str], output: &str| NodeProto {
                    op_type: op.into(),
                    input: input.iter().map(|&name| name.into()).collect(),
                    output: vec![output.into()],
                    ..Default::default()
                };
                graph.node.insert(0, op("ConstantOfShape", &["huge"], "zeros"));
                node(m, "Conv").input[0] = "moved".into();
                m.graph.as_mut().unwrap().node.push(op("Add", &["image", "zeros"], "moved"));
            },
            &["(ConstantOfShape)", "[2147483648, 2147483648]", "elements that are still computed"],
        ),
        (
            "an operator to come",
            |m| node(m, "Sigmoid").op_type = "Swish".into(),
            &["`act/sigmoid` (Swish)", "version 21", "version 24 or later"],
        ),
        ("an operator of our own", |m| node(m, "Sigmoid").op_type = "Rotate".into(), &["(Rotate)", "no such operator"]),
        (
            "a set of our own",
            |m| node(m, "Sigmoid").domain = "found".into(),
            &["Sigmoid of found", "standard operators"],
        ),
        (
            "a function",
            |m| {
                node(m, "Sigmoid").domain = "own".into();
                m.functions.push(FunctionProto { name: "Sigmoid".into(), domain: "own".into() });
            },
            &["Sigmoid of own", "onnx.inliner.inline_local_functions"],
        ),
        (
            "a sparse weight",
            |m| {
                let graph = m.graph.as_mut().unwrap();
                let at = graph.initializer.iter().position(|tensor| tensor.name == "conv.weight").unwrap();
                let values = Some(graph.initializer.remove(at));
                graph.sparse_initializer.push(SparseTensorProto { values });
            },
            &["`conv.weight` is sparse", "all of its elements"],
        ),
        (
            "a weight without end",
            |m| tensor(m, "norm.weight").raw_data[..4].copy_from_slice(&f32::INFINITY.to_le_bytes()),
            &["broken.onnx: `norm.weight` holds inf"],
        ),
        (
            "a variance below zero",
            |m| tensor(m, "norm.running_var").raw_data[..4].copy_from_slice(&(-1f32).to_le_bytes()),
            &["`norm` (BatchNormalization)", "variance holds -1"],
        ),
        (
            "a dropout in training",
            |m| {
                cast(m, "Dropout", &["act", "half", "yes"], 0);
                let graph = m.graph.as_mut().unwrap();
                for (name, kind, raw_data) in
                    [("half", DataType::Float, 0.5f32.to_le_bytes().to_vec()), ("yes", DataType::Bool, vec![1])]
                {
                    let (name, data_type) = (name.to_owned(), kind.into());
                    graph.initializer.push(TensorProto { name, data_type, raw_data, ..Default::default() });
                }
            },
            &["`between` (Dropout)", "at random", "model.eval()"],
        ),
        ("whole numbers", |m| cast(m, "Cast", &["act"], 7), &["`between` (Cast)", "to Int64"]),
        ("truth", |m| cast(m, "Cast", &["act"], 9), &["`between` (Cast)", "to Bool"]),
        ("halves are no change", |m| cast(m, "Cast", &["act"], 10), &["nothing, but 7"]),
        (
            "one operator many times",
            |m| {
                let graph = m.graph.as_mut().unwrap();
                for at in 0..30 {
                    let input = if at == 0 { "norm".to_owned() } else { format!("i{}", at - 1) };
                    let (input, output) = (vec![input], vec![format!("i{at}")]);
                    graph.node.push(NodeProto {
                        op_type: "QuantizeLinear".into(),
                        input,
                        output,
                        ..Default::default()
                    });
                    graph.output.push(graph.output[0].clone());
                    graph.output.last_mut().unwrap().name = format!("i{at}");
                }
            },
            &["  QuantizeLinear, 30 of them, first `i0`: ", "before quantization"],
        ),
        (
            "what a terminal obeys",
            |m| {
                let node = node(m, "Sigmoid");
                (node.name, node.op_type) = ("\u{1b}]0;owned\u{7}".into(), "\u{1b}[2J\u{202e}\n".into());
            },
            &[r"`\u{1b}]0;owned\u{7}` (\u{1b}[2J\u{202e}\n)"],
        ),
        ("bad text", |m| m.producer_name = "\u{fffd}".into(), &["nothing, but 7"]),
    ];
    let mut faults = Vec::new();
    for (name, damage, expected) in cases {
        let mut model = sound(&network());
        damage(&mut model);
        let told = told(&model);
        let said = told.contains("broken.onnx") || told.starts_with("nothing");
        if !said || expected.iter().any(|part| !told.contains(part)) {
            faults.push(format!("{name} is told: {told}\n  which lacks some of {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_left_open_can_be_said() {
    let mut model = sound(&network());
    sizes(&mut model)[2] = open("height");
    sizes(&mut model)[3] = open("width");
    let bytes = encode(&model);
    let given = |name: Option<&str>, sizes: &[usize]| {
        let inputs = vec![(name.map(str::to_owned), sizes.to_vec())];
        from_bytes("open.onnx", &bytes, &Options { inputs, ..Options::default() })
    };
    for name in [None, Some("image")] {
        assert_eq!(
            given(name, &[3, 10, 6]).unwrap().network.input_shapes(),
            [Shape::Map { channels: 3, height: 10, width: 6 }]
        );
    }
    let told = given(Some("photo"), &[3, 8, 8]).unwrap_err().to_string();
    assert!(told.contains("no input `photo`") && told.contains("`image`"), "{told}");
    for sizes in [&[2, 8, 8][..], &[8], &[3, 8, 8, 1]] {
        let told = given(None, sizes).unwrap_err().to_string();
        assert!(told.contains("`image` is batch×3×height×width") && told.contains("cannot be"), "{told}");
    }
    let inputs = vec![(None, vec![3, 8, 8]), (Some("image".to_owned()), vec![3, 9, 9])];
    let told = from_bytes("open.onnx", &bytes, &Options { inputs, ..Options::default() }).unwrap_err().to_string();
    assert!(told.contains("`image` are given twice"), "{told}");
}

#[test]
fn a_file_that_is_cut_off_is_refused_wherever_it_ends() {
    let bytes = encode(&sound(&network()));
    for end in 0..bytes.len() {
        let error = from_bytes("cut.onnx", &bytes[..end], &Options::default()).expect_err("a cut file was read");
        let told = error.to_string();
        assert!(told.contains("cut.onnx") && told.contains("copied whole"), "{end}: {told}");
    }
    #[cfg(unix)]
    {
        let endless = read(std::path::Path::new("/dev/zero"), &Options::default()).unwrap_err().to_string();
        assert!(endless.contains("/dev/zero: is no file of bytes"), "{endless}");
    }
    let missing = read(std::path::Path::new("no/such.onnx"), &Options::default()).unwrap_err().to_string();
    assert!(missing.contains("no/such.onnx"), "{missing}");
}

#[test]
fn weights_in_other_files_are_those_of_the_models_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("model");
    fs::create_dir(&inside).unwrap();
    let mut sound = sound(&network());
    let values = std::mem::take(&mut tensor(&mut sound, "conv.weight").raw_data);
    fs::write(inside.join("weights.bin"), [&[0; 16][..], &values].concat()).unwrap();
    fs::write(inside.join("short.bin"), &values[..100]).unwrap();
    fs::write(folder.path().join("outside.bin"), &values).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("outside.bin"), inside.join("link.bin")).unwrap();
    #[cfg(unix)]
    assert!(std::process::Command::new("mkfifo").arg(inside.join("pipe.bin")).status().unwrap().success());
    let told = |entries: &[(&str, &str)]| {
        let mut model = sound.clone();
        let weight = tensor(&mut model, "conv.weight");
        weight.data_location = DataLocation::External.into();
        let entry = |&(key, value): &(&str, &str)| StringStringEntryProto { key: key.into(), value: value.into() };
        weight.external_data = entries.iter().map(entry).collect();
        fs::write(inside.join("model.onnx"), encode(&model)).unwrap();
        read(&inside.join("model.onnx"), &Options::default())
            .map_or_else(|error| error.to_string(), |_| "nothing".to_owned())
    };
    let absolute = folder.path().join("outside.bin").display().to_string();
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![("location", "weights.bin"), ("offset", "16"), ("length", "432")], "nothing"),
        (vec![("location", "./weights.bin"), ("offset", "16")], "nothing"),
        (vec![("location", "../outside.bin")], "outside the model's own folder"),
        (vec![("location", &absolute)], "outside the model's own folder"),
        (vec![("location", "a/../../outside.bin")], "outside the model's own folder"),
        (vec![("location", "..\\outside.bin")], "outside the model's own folder"),
        #[cfg(unix)]
        (vec![("location", "link.bin")], "outside the model's own folder"),
        (vec![("location", "none.bin")], "cannot be read"),
        (vec![("location", "short.bin")], "take 432 bytes from byte 0"),
        (vec![("location", "weights.bin"), ("offset", "17")], "take 432 bytes from byte 17"),
        (vec![("location", "weights.bin"), ("offset", "18446744073709551615")], "from byte 18446744073709551615"),
        (vec![("location", "weights.bin"), ("offset", "-1")], "not a whole number of bytes"),
        (vec![("location", "weights.bin"), ("length", "99999999999")], "99999999999 are said"),
        (vec![("location", ".")], "no file of bytes"),
        #[cfg(unix)]
        (vec![("location", "pipe.bin")], "no file of bytes"),
        (vec![], "no `location`"),
    ];
    for (entries, expected) in cases {
        let told = told(&entries);
        assert!(told.contains(expected), "{entries:?} is told: {told}");
    }
    let mut alone = sound.clone();
    tensor(&mut alone, "conv.weight").data_location = DataLocation::External.into();
    let told = from_bytes("alone.onnx", &encode(&alone), &Options::default()).unwrap_err().to_string();
    assert!(told.contains("came without a folder"), "{told}");
}

/// Bytes at random places changed, cut out, or put in twice: whatever becomes of the file, reading it ends.
#[test]
fn no_change_of_bytes_makes_the_reader_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut refused, mut read) = (0, 0);
    for network in [network(), tokens()] {
        let sound = encode(&sound(&network));
        for _ in 0..1000 {
            let mut bytes = sound.clone();
            for _ in 0..random.gen_range(1..4) {
                let at = random.gen_range(0..bytes.len());
                match random.gen_range(0..6) {
                    0 => drop(bytes.drain(at..(at + random.gen_range(1..9)).min(bytes.len()))),
                    1 => {
                        let piece = bytes[at..(at + random.gen_range(1..40)).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                    2 => bytes[at] = bytes[at].wrapping_add(1),
                    3 => bytes[at] ^= 1 << random.gen_range(0..8),
                    _ => bytes[at] = random.r#gen(),
                }
            }
            match from_bytes("changed.onnx", &bytes, &Options::default()) {
                Ok(_) => read += 1,
                Err(error) => {
                    refused += 1;
                    assert!(
                        matches!(error, ImportError::Read { .. }) || error.to_string().contains("changed.onnx"),
                        "{error}"
                    );
                }
            }
        }
    }
    assert!(refused > 200 && read > 200, "{refused} refused, {read} read");
}

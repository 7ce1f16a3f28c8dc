//! Networks whose modules are kept as texts.

use pocketnas::graph::{Activation, Attention, Builder, Conv2d, Network, Op, Shape};

use crate::support::{drawn, shrunk};

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

/// Blocks whose layers bear names of their own, as in networks that were imported: a stem of loose layers, blocks with a scope
/// each, two that share one, one without layers, and a head in a scope that Python has no attribute for.
fn elsewhere() -> Network {
    let mut net = Builder::new();
    let conv = |channels| Op::Conv2d(Conv2d::square(channels, 3, 1));
    let relu = || Op::Activation { function: Activation::Relu };
    net.block("stem", "");
    let image = net.add("image", Op::Input { shape: Shape::map(3, 6) }, &[]).unwrap();
    let mut last = net.add("conv1", conv(4), &[image]).unwrap();
    net.block("stem.1", "");
    last = net.add("relu", relu(), &[last]).unwrap();
    for (block, scope) in [("s1.0", "layer1.0"), ("s1.1", "layer1.1")] {
        net.block(block, "");
        let first = net.add(format!("{scope}.conv1"), conv(4), &[last]).unwrap();
        let second = net.add(format!("{scope}.conv2"), conv(4), &[first]).unwrap();
        last = net.add(format!("{scope}.sum"), Op::Add, &[second, last]).unwrap();
    }
    for (block, layer) in [
        ("s2.0", "blocks.0.attn.proj"),
        ("s2.1", "blocks.0.mlp"),
        ("s2.2", "blocks.1.attn.proj"),
        ("s2.3", "blocks.1.mlp"),
    ] {
        net.block(block, "");
        last = net.add(layer, conv(4), &[last]).unwrap();
    }
    net.block("head", "");
    last = net.add("features.3", conv(4), &[last]).unwrap();
    last = net.add("features.5", conv(2), &[last]).unwrap();
    net.output(last);
    net.finish().unwrap()
}

/// Networks whose texts and outputs are kept.
pub fn samples() -> Vec<(String, Network)> {
    let small = |space: &str, seed| shrunk(&drawn(space, seed), 20_000_000);
    vec![
        ("nas_bench_201".to_owned(), small("nas-bench-201", 4)),
        ("mobilenetv3".to_owned(), small("mobilenetv3-ofa", 1)),
        ("autoformer".to_owned(), small("autoformer-tiny", 0)),
        ("decoder".to_owned(), decoder()),
        ("odd".to_owned(), odd()),
        ("elsewhere".to_owned(), elsewhere()),
    ]
}

//! The networks that are timed. `benches/peers/engine.py` has the same.

use pocketnas::graph::{Activation, Attention, Builder, Conv2d, Network, NodeId, Op, Shape};

#[path = "../../tests/support/nas_bench_201.rs"]
mod nas_bench_201;

/// Cells of NAS-Bench-201 with no dead edge.
const CELLS: [(&str, &str); 5] = [
    ("nb201 3x3", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"),
    ("nb201 best", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"),
    ("nb201 mixed", "|nor_conv_1x1~0|+|skip_connect~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|"),
    ("nb201 pool", "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"),
    ("nb201 1x1", "|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|"),
];

/// Name, batch and network.
pub fn all() -> Vec<(&'static str, usize, Network)> {
    let cell = |&(name, text)| (name, 64, nas_bench_201::network(text).expect("the text is a cell"));
    CELLS.iter().map(cell).chain([("mobilenet", 32, mobilenet()), ("transformer", 16, transformer())]).collect()
}

struct Net(Builder);

impl Net {
    fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> NodeId {
        self.0.add(name, op, inputs).expect("shapes agree by construction")
    }

    fn conv_bn(&mut self, name: &str, conv: Conv2d, act: bool, input: NodeId) -> NodeId {
        let conv = self.add(format!("{name}.conv"), Op::Conv2d(conv), &[input]);
        let bn = self.add(format!("{name}.bn"), Op::BatchNorm, &[conv]);
        if !act {
            return bn;
        }
        self.add(format!("{name}.act"), Op::Activation { function: Activation::Relu6 }, &[bn])
    }
}

/// MobileNetV2's stages (Sandler et al., CVPR 2018, table 2) at 96×96, with kernels of 3 and 5 by turns.
fn mobilenet() -> Network {
    let mut net = Net(Builder::new());
    net.0.block("all", "");
    let mut channels = 32;
    let mut x = net.add("input", Op::Input { shape: Shape::map(3, 96) }, &[]);
    x = net.conv_bn("stem", Conv2d::square(channels, 3, 2), true, x);
    let stages =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    let mut count = 0;
    for (expand, width, repeats, stride) in stages {
        for repeat in 0..repeats {
            let name = format!("block{count}");
            let (hidden, stride) = (expand * channels, if repeat == 0 { stride } else { 1 });
            let kernel = if count % 2 == 0 { 3 } else { 5 };
            let mut y = x;
            if expand > 1 {
                y = net.conv_bn(&format!("{name}.expand"), Conv2d::square(hidden, 1, 1), true, y);
            }
            let depthwise = Conv2d { groups: hidden, ..Conv2d::square(hidden, kernel, stride) };
            y = net.conv_bn(&format!("{name}.depthwise"), depthwise, true, y);
            y = net.conv_bn(&format!("{name}.project"), Conv2d::square(width, 1, 1), false, y);
            x = if stride == 1 && channels == width { net.add(format!("{name}.add"), Op::Add, &[x, y]) } else { y };
            channels = width;
            count += 1;
        }
    }
    x = net.conv_bn("last", Conv2d::square(1280, 1, 1), true, x);
    x = net.add("pool", Op::GlobalAvgPool, &[x]);
    x = net.add("flatten", Op::Flatten, &[x]);
    x = net.add("linear", Op::Linear { features: 1000, bias: true }, &[x]);
    net.0.output(x);
    net.0.finish().expect("names are unique")
}

/// Four layers, norms before attention and perceptron, 128 tokens of 256 features, four heads.
fn transformer() -> Network {
    let mut net = Net(Builder::new());
    net.0.block("all", "");
    let linear = |features| Op::Linear { features, bias: true };
    // A map of one column: its rows become the tokens.
    let input = net.add("input", Op::Input { shape: Shape::Tokens { tokens: 128, features: 256 } }, &[]);
    let mut x = net.add("embed", linear(256), &[input]);
    for layer in 0..4 {
        let norm = net.add(format!("{layer}.norm1"), Op::LAYER_NORM, &[x]);
        let [q, k, v] = ["q", "k", "v"].map(|name| net.add(format!("{layer}.{name}"), linear(256), &[norm]));
        let attention = Attention { heads: 4, kv_heads: 4, causal: false, rotary: None };
        let y = net.add(format!("{layer}.attention"), Op::Attention(attention), &[q, k, v]);
        let y = net.add(format!("{layer}.out"), linear(256), &[y]);
        x = net.add(format!("{layer}.add1"), Op::Add, &[x, y]);
        let y = net.add(format!("{layer}.norm2"), Op::LAYER_NORM, &[x]);
        let y = net.add(format!("{layer}.up"), linear(1024), &[y]);
        let y = net.add(format!("{layer}.gelu"), Op::Activation { function: Activation::Gelu }, &[y]);
        let y = net.add(format!("{layer}.down"), linear(256), &[y]);
        x = net.add(format!("{layer}.add2"), Op::Add, &[x, y]);
    }
    x = net.add("norm", Op::LAYER_NORM, &[x]);
    x = net.add("pool", Op::GlobalAvgPool, &[x]);
    x = net.add("linear", linear(10), &[x]);
    net.0.output(x);
    net.0.finish().expect("names are unique")
}

//! The networks of NAS-Bench-201 (Dong and Yang, ICLR 2020), written operator by operator as the
//! benchmark's own code builds them for CIFAR-10, so that checks do not depend on the space language.

use pocketnas::graph::{Activation, Builder, Conv2d, Network, NodeId, Op, Pool, PoolKind, Shape};

const CELLS_PER_STAGE: usize = 5;
const STAGES: [usize; 3] = [16, 32, 64];

/// The six edges of a cell in the order of the text form: to node 1, to node 2, to node 3.
const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// Reads `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
fn operations(text: &str) -> Option<[&str; 6]> {
    let mut found = [""; 6];
    let mut edges = EDGES.iter().zip(&mut found);
    for (target, group) in text.split('+').enumerate() {
        for part in group.strip_prefix('|')?.strip_suffix('|')?.split('|') {
            let (op, source) = part.split_once('~')?;
            let (edge, slot) = edges.next()?;
            if (source.parse(), target + 1) != (Ok(edge.0), edge.1) {
                return None;
            }
            *slot = op;
        }
    }
    edges.next().is_none().then_some(found)
}

/// The network of an architecture string; `None` if the string is not one.
pub fn network(text: &str) -> Option<Network> {
    let ops = operations(text)?;
    let mut net = Net(Builder::new());
    net.0.block("stem", "");
    let input = net.add("input", Op::Input { shape: Shape::map(3, 32) }, &[]);
    let conv = net.add("stem.conv", Op::Conv2d(Conv2d::square(STAGES[0], 3, 1)), &[input]);
    let mut last = net.add("stem.bn", Op::BatchNorm, &[conv]);
    for (stage, &channels) in STAGES.iter().enumerate() {
        if stage > 0 {
            last = net.reduction(&format!("reduction{stage}"), last, channels);
        }
        for index in 0..CELLS_PER_STAGE {
            last = net.cell(&format!("cell{stage}.{index}"), last, channels, &ops)?;
        }
    }
    net.0.block("head", "");
    let bn = net.add("head.bn", Op::BatchNorm, &[last]);
    let relu = net.add("head.relu", Op::Activation { function: Activation::Relu }, &[bn]);
    let mean = net.add("head.pool", Op::GlobalAvgPool, &[relu]);
    let flat = net.add("head.flatten", Op::Flatten, &[mean]);
    let logits = net.add("head.linear", Op::Linear { features: 10, bias: true }, &[flat]);
    net.0.output(logits);
    Some(net.0.finish().expect("names are unique"))
}

struct Net(Builder);

impl Net {
    fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> NodeId {
        self.0.add(name, op, inputs).expect("shapes agree by construction")
    }

    fn relu_conv_bn(&mut self, name: &str, input: NodeId, conv: Conv2d) -> NodeId {
        let relu = self.add(format!("{name}.relu"), Op::Activation { function: Activation::Relu }, &[input]);
        let conv = self.add(format!("{name}.conv"), Op::Conv2d(conv), &[relu]);
        self.add(format!("{name}.bn"), Op::BatchNorm, &[conv])
    }

    fn cell(&mut self, name: &str, input: NodeId, channels: usize, ops: &[&str; 6]) -> Option<NodeId> {
        self.0.block(name, "");
        let mut nodes = [input; 4];
        let mut edges = EDGES.iter().zip(ops);
        for target in 1..4 {
            let mut incoming = [input; 3];
            for slot in incoming.iter_mut().take(target) {
                let ((from, to), op) = edges.next()?;
                let edge = format!("{name}.{from}{to}");
                let from = nodes[*from];
                *slot = match *op {
                    "none" => self.add(edge, Op::Zero { stride: 1 }, &[from]),
                    "skip_connect" => self.add(edge, Op::Identity, &[from]),
                    "nor_conv_1x1" => self.relu_conv_bn(&edge, from, Conv2d::square(channels, 1, 1)),
                    "nor_conv_3x3" => self.relu_conv_bn(&edge, from, Conv2d::square(channels, 3, 1)),
                    "avg_pool_3x3" => self.add(edge, Op::Pool(average(3, 1, 1)), &[from]),
                    _ => return None,
                };
            }
            nodes[target] = self.add(format!("{name}.{target}"), Op::Add, &incoming[..target]);
        }
        Some(nodes[3])
    }

    fn reduction(&mut self, name: &str, input: NodeId, channels: usize) -> NodeId {
        self.0.block(name, "");
        let a = self.relu_conv_bn(&format!("{name}.a"), input, Conv2d::square(channels, 3, 2));
        let b = self.relu_conv_bn(&format!("{name}.b"), a, Conv2d::square(channels, 3, 1));
        let pool = self.add(format!("{name}.pool"), Op::Pool(average(2, 2, 0)), &[input]);
        let shortcut = self.add(format!("{name}.shortcut"), Op::Conv2d(Conv2d::square(channels, 1, 1)), &[pool]);
        self.add(format!("{name}.add"), Op::Add, &[b, shortcut])
    }
}

fn average(kernel: usize, stride: usize, padding: usize) -> Pool {
    Pool { kind: PoolKind::Avg, kernel, stride, padding, ceil: false }
}

//! The operator model against the measured networks beside the project.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::PathBuf;

use pocketnas::latency::*;

/// The folder of measurements, or `None`, said plainly, where they are not; on CI they have to be there.
fn data() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/data/latency/galaxy-s10-pixel4");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing, and CI needs it", folder.display());
    eprintln!("SKIPPED: {} is missing, so nothing was compared with measurements", folder.display());
    None
}

fn samples(folder: &std::path::Path, device: &str, cores: &str, precision: &str) -> Vec<Sample> {
    let selector = Selector { device: device.into(), cores: cores.into(), precision: precision.into() };
    let measured = read_measurements(&folder.join("networks.csv"), &selector).unwrap();
    let lists: HashMap<String, Vec<Kernel>> =
        read_operators(&folder.join("operators_gpu.csv")).unwrap().into_iter().map(|l| (l.model, l.kernels)).collect();
    measured.into_iter().map(|m| Sample { kernels: lists[&m.network].clone(), network: m.network, ms: m.ms }).collect()
}

#[test]
fn families_left_out_beat_the_baseline() {
    let Some(folder) = data() else { return };
    let families = read_families(&folder.join("families.csv")).unwrap();
    // Device, cores, precision; the baseline's published error; the error we claim.
    let cases = [
        ("s10", "1large", "float", 4.3, 3.2),
        ("s10", "1large", "quant", 8.7, 5.5),
        ("pixel4", "1large", "float", 7.3, 4.0),
    ];
    for (device, cores, precision, published, claimed) in cases {
        let samples = samples(&folder, device, cores, precision);
        let terms = terms::for_precision(precision).unwrap();
        let result = cross_validate(&samples, terms, Split::Families(&families)).unwrap();
        eprintln!("{device} {cores} {precision}: {:.2} (baseline {:.2})", result.scores.mape, result.baseline.mape);
        assert_eq!(result.scores.networks, 84);
        assert!((result.baseline.mape - published).abs() < 0.1, "baseline {:?}", result.baseline);
        assert!(result.scores.mape < claimed, "{device} {cores} {precision}: {:?}", result.scores);
    }
}

/// The three reference networks, in the form in which they were exported and measured.
mod networks {
    use pocketnas::graph::*;

    pub struct Net {
        builder: Builder,
        last: NodeId,
        count: usize,
    }

    impl Net {
        fn new() -> Self {
            let mut builder = Builder::new();
            let last = builder.add("image", Op::Input { shape: Shape::map(3, 224) }, &[]).unwrap();
            Self { builder, last, count: 0 }
        }

        fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
            self.count += 1;
            self.last = self.builder.add(format!("n{}", self.count), op, inputs).unwrap();
            self.last
        }

        fn then(&mut self, op: Op) -> NodeId {
            self.add(op, &[self.last])
        }

        fn act(&mut self, function: Activation) -> NodeId {
            self.then(Op::Activation { function })
        }

        /// Convolution and batch norm.
        fn conv(&mut self, channels: usize, kernel: usize, stride: usize) -> NodeId {
            self.then(Op::Conv2d(Conv2d::square(channels, kernel, stride)));
            self.then(Op::BatchNorm)
        }

        fn depthwise(&mut self, kernel: usize, stride: usize) -> NodeId {
            let channels = self.builder.shape(self.last).channels();
            self.then(Op::Conv2d(Conv2d { groups: channels, ..Conv2d::square(channels, kernel, stride) }));
            self.then(Op::BatchNorm)
        }

        /// The head of the mobile networks: a pooling window as large as the map, then convolutions.
        fn pooled(&mut self) {
            self.then(Op::Pool(Pool { kind: PoolKind::Avg, kernel: 7, stride: 1, padding: 0, ceil: false }));
        }

        fn classifier(&mut self) {
            self.then(Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(1000, 1, 1) }));
        }

        fn done(mut self) -> Network {
            self.builder.output(self.last);
            self.builder.finish().unwrap()
        }
    }

    pub fn mobilenetv2() -> Network {
        let mut net = Net::new();
        net.conv(32, 3, 2);
        net.act(Activation::Relu6);
        let mut channels = 32;
        for (expand, out, repeat, stride) in
            [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        {
            for i in 0..repeat {
                net.builder.block(format!("s{out}.{i}"), "");
                let entry = net.last;
                let stride = if i == 0 { stride } else { 1 };
                net.conv(channels * expand, 1, 1);
                net.act(Activation::Relu6);
                net.depthwise(3, stride);
                net.act(Activation::Relu6);
                let projected = net.conv(out, 1, 1);
                if stride == 1 && channels == out {
                    net.add(Op::Add, &[entry, projected]);
                }
                channels = out;
            }
        }
        net.conv(1280, 1, 1);
        net.act(Activation::Relu6);
        net.pooled();
        net.classifier();
        net.done()
    }

    pub fn mobilenetv3_large() -> Network {
        let mut net = Net::new();
        net.conv(16, 3, 2);
        net.act(Activation::Hswish);
        let mut channels = 16;
        // kernel, expansion, output, squeeze-excite, stride
        for (kernel, expansion, out, hidden, stride) in [
            (3, 16, 16, 0, 1),
            (3, 64, 24, 0, 2),
            (3, 72, 24, 0, 1),
            (5, 72, 40, 24, 2),
            (5, 120, 40, 32, 1),
            (5, 120, 40, 32, 1),
            (3, 240, 80, 0, 2),
            (3, 200, 80, 0, 1),
            (3, 184, 80, 0, 1),
            (3, 184, 80, 0, 1),
            (3, 480, 112, 120, 1),
            (3, 672, 112, 168, 1),
            (5, 672, 160, 168, 2),
            (5, 960, 160, 240, 1),
            (5, 960, 160, 240, 1),
        ] {
            let entry = net.last;
            if expansion != channels {
                net.conv(expansion, 1, 1);
                net.act(Activation::Hswish);
            }
            net.depthwise(kernel, stride);
            net.act(Activation::Hswish);
            if hidden > 0 {
                net.then(Op::SqueezeExcite(SqueezeExcite {
                    hidden,
                    activation: Activation::Relu,
                    gate: Activation::Hsigmoid,
                }));
            }
            let projected = net.conv(out, 1, 1);
            if stride == 1 && channels == out {
                net.add(Op::Add, &[entry, projected]);
            }
            channels = out;
        }
        net.conv(960, 1, 1);
        net.act(Activation::Hswish);
        net.pooled();
        net.then(Op::Conv2d(Conv2d::square(1280, 1, 1)));
        net.act(Activation::Hswish);
        net.classifier();
        net.done()
    }

    pub fn resnet18() -> Network {
        let mut net = Net::new();
        net.conv(64, 7, 2);
        net.act(Activation::Relu);
        net.then(Op::Pool(Pool { kind: PoolKind::Max, kernel: 3, stride: 2, padding: 1, ceil: false }));
        let mut channels = 64;
        for (out, stride) in [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)] {
            let entry = net.last;
            net.conv(out, 3, stride);
            let middle = net.act(Activation::Relu);
            let shortcut = if channels == out {
                entry
            } else {
                // The exporter wrote the shortcut's convolution after the second of the body.
                net.last = middle;
                let body = net.conv(out, 3, 1);
                net.last = entry;
                let shortcut = net.conv(out, 1, stride);
                net.add(Op::Add, &[shortcut, body]);
                net.act(Activation::Relu);
                channels = out;
                continue;
            };
            let body = net.conv(out, 3, 1);
            net.add(Op::Add, &[shortcut, body]);
            net.act(Activation::Relu);
        }
        net.then(Op::GlobalAvgPool);
        net.then(Op::Flatten);
        net.then(Op::Linear { features: 1000, bias: true });
        net.done()
    }
}

#[test]
fn lowered_networks_are_the_operators_that_were_measured() {
    let Some(folder) = data() else { return };
    let lists = read_operators(&folder.join("operators_gpu.csv")).unwrap();
    let samples = samples(&folder, "s10", "1large", "float");
    let model = fit(&samples.iter().collect::<Vec<_>>(), &terms::FLOAT).unwrap();
    for (name, network, rows) in [
        ("mobilenetv2_w1", networks::mobilenetv2(), 55),
        ("mobilenetv3_large_w1", networks::mobilenetv3_large(), 73),
        ("resnet18", networks::resnet18(), 23),
    ] {
        let list = &lists.iter().find(|l| l.model == name).unwrap().kernels;
        let lowered: Vec<Kernel> = lower(&network).into_iter().map(|l| l.kernel).collect();
        assert_eq!(lowered.iter().filter(|k| !k.kind.is_hidden()).count(), rows, "{name}");
        for (at, (ours, measured)) in lowered.iter().zip(list).enumerate() {
            assert_eq!(ours, measured, "{name}, operator {at}: ours is {ours}, measured was {measured}");
        }
        assert_eq!(lowered.len(), list.len(), "{name}");
        assert_eq!(model.total(&lowered), model.total(list), "{name}");
    }
}

//! Programs of the native engine allocate nothing once they have run: every buffer is made when a network is compiled,
//! or grows during the first passes and stays.
// An allocator that counts is the only way to see an allocation, and the trait of allocators is unsafe.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[path = "support/nas_bench_201.rs"]
mod nas_bench_201;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use pocketnas::engine::native::Native;
use pocketnas::engine::{Backend, Init, Plan, Program, Tensor, initialise};
use pocketnas::graph::{
    Activation, Attention, Builder, Conv2d, Network, NodeId, Op, Pool, PoolKind, Resample, Shape, SqueezeExcite,
};

/// Samples, a chunk for each.
const BATCH: usize = 3;
/// Heads and layers of the transformer.
const HEADS: usize = 4;
const LAYERS: usize = 2;

/// The allocator of the system, with every call to it counted: this file holds a single test, so that nothing else
/// allocates in the meantime.
struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);

// Everything is left to the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        unsafe { System.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Net {
    builder: Builder,
    last: NodeId,
    count: usize,
}

impl Net {
    fn new(shape: Shape) -> Self {
        let mut builder = Builder::new();
        builder.block("all", "");
        let last = builder.add("input", Op::Input { shape }, &[]).unwrap();
        Self { builder, last, count: 0 }
    }

    fn of(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.count += 1;
        self.last = self.builder.add(format!("n{}", self.count), op, inputs).unwrap();
        self.last
    }

    fn then(&mut self, op: Op) -> NodeId {
        self.of(op, &[self.last])
    }

    fn conv_bn(&mut self, conv: Conv2d, activation: Option<Activation>) -> NodeId {
        self.then(Op::Conv2d(conv));
        let bn = self.then(Op::BatchNorm);
        activation.map_or(bn, |function| self.then(Op::Activation { function }))
    }

    fn finish(mut self) -> Network {
        self.builder.output(self.last);
        self.builder.finish().unwrap()
    }
}

/// Blocks of MobileNetV3 (Howard et al., ICCV 2019, table 1), with the poolings and the enlargement it lacks.
fn mobilenet() -> Network {
    let mut net = Net::new(Shape::map(3, 32));
    net.conv_bn(Conv2d::square(16, 3, 2), Some(Activation::Hswish));
    let mut channels = 16;
    for (kernel, hidden, width, gated, activation, stride) in [
        (3, 16, 16, true, Activation::Relu, 2),
        (3, 72, 24, false, Activation::Relu, 2),
        (5, 96, 40, true, Activation::Hswish, 1),
        (5, 240, 40, true, Activation::Hswish, 1),
    ] {
        let from = net.last;
        net.conv_bn(Conv2d::square(hidden, 1, 1), Some(activation));
        net.conv_bn(Conv2d { groups: hidden, ..Conv2d::square(hidden, kernel, stride) }, Some(activation));
        if gated {
            let gate = SqueezeExcite { hidden: 8, activation: Activation::Relu, gate: Activation::Hsigmoid };
            net.then(Op::SqueezeExcite(gate));
        }
        let to = net.conv_bn(Conv2d::square(width, 1, 1), None);
        if stride == 1 && channels == width {
            net.of(Op::Add, &[from, to]);
        }
        channels = width;
    }
    let pool = |kind| Op::Pool(Pool { kind, kernel: 3, stride: 1, padding: 1, ceil: false });
    let from = net.last;
    let max = net.of(pool(PoolKind::Max), &[from]);
    let avg = net.of(pool(PoolKind::Avg), &[from]);
    net.of(Op::Concat, &[max, avg]);
    net.then(Op::Upsample { scale: 2, mode: Resample::Bilinear });
    net.then(Op::GlobalAvgPool);
    net.then(Op::Flatten);
    net.then(Op::Linear { features: 10, bias: true });
    net.finish()
}

/// Two layers of a transformer, with attention or without; in the second one queries and keys are the same map.
fn transformer(attends: bool) -> Network {
    let mut net = Net::new(Shape::Tokens { tokens: 48, features: 40 });
    for layer in 0..LAYERS {
        let from = net.last;
        let norm = net.then(Op::LAYER_NORM);
        let [q, k, v] = [0, 1, 2].map(|_| net.of(Op::Linear { features: 40, bias: true }, &[norm]));
        if attends {
            let attention = Attention { heads: HEADS, kv_heads: HEADS, causal: layer == 1, rotary: Some(10_000) };
            net.of(Op::Attention(attention), &[q, if layer == 0 { k } else { q }, v]);
        } else {
            net.of(Op::Add, &[q, k, v]);
        }
        let to = net.then(Op::Linear { features: 40, bias: true });
        let from = net.of(Op::Add, &[from, to]);
        net.then(Op::RMS_NORM);
        net.then(Op::Linear { features: 80, bias: true });
        net.then(Op::Activation { function: Activation::Gelu });
        let to = net.then(Op::Linear { features: 40, bias: true });
        net.of(Op::Add, &[from, to]);
    }
    net.then(Op::GlobalAvgPool);
    net.then(Op::Linear { features: 10, bias: true });
    net.finish()
}

#[test]
fn a_program_that_has_run_twice_allocates_nothing() {
    const PASSES: usize = 2;
    // The crate that multiplies the matrices of attention makes a buffer or two for every product: two forward and five
    // backward for each head of each sample.
    let products = 2 * 7 * HEADS * BATCH * LAYERS * PASSES;
    let cell = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|nor_conv_3x3~1|none~2|";
    let networks = [
        ("cell", nas_bench_201::network(cell).unwrap(), 0),
        ("mobilenet", mobilenet(), 0),
        ("perceptrons", transformer(false), 0),
        ("transformer", transformer(true), products),
    ];
    for threads in [1, 2] {
        let engine = Native::default().with_threads(threads).unwrap();
        for (name, network, allowed) in &networks {
            let plan = Plan { input_gradients: true, ..Plan::train(BATCH) };
            let mut program: Box<dyn Program> = engine.compile(network, &plan).unwrap();
            program.load(&initialise(network, &Init::default(), 0)).unwrap();
            let filled = |shape: Shape| {
                let sizes = std::iter::once(BATCH).chain(Vec::from(shape));
                Tensor::filled(sizes.collect(), 0.5)
            };
            let output = network.outputs()[0];
            let (input, seed) = (filled(network.input_shapes()[0]), filled(network.node(output).shape));
            let mut pass = || {
                program.forward(&[&input]).unwrap();
                program.backward(&[(output, &seed)]).unwrap();
            };
            (0..2).for_each(|_| pass());
            let mut made = || {
                let before = CALLS.load(Ordering::SeqCst);
                (0..PASSES).for_each(|_| pass());
                CALLS.load(Ordering::SeqCst) - before
            };
            // What a kernel makes it makes in every pass. Others allocate now and then: each thread when it first steals
            // a job, rayon's queue of jobs once in 63 passes, and the harness when it says that a test takes long.
            assert!((0..10).any(|_| made() <= *allowed), "{name} allocates in every pass on {threads} thread(s)");
        }
    }
}

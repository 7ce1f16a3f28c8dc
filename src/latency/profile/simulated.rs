//! A device for tests: its times follow from a formula, and it can be told to throttle, vanish or refuse.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Benchmark, Conditions, Device, DeviceRunner, Measured, RunnerError, Runs, Subject};
use crate::latency::{Kernel, KernelKind};

/// What it does at its n-th go, counted over all benchmarks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Runs, so many times as slow as it should be.
    Run(f64),
    /// Is gone.
    Vanish,
    /// Says something that is no time.
    Refuse,
    /// Is of no use from here on.
    Break,
}

/// What it does at its n-th go, with which benchmark.
pub type Acting = Box<dyn Fn(u64, &Benchmark) -> Act>;

/// The device.
pub struct Simulated {
    /// What it does.
    pub act: Acting,
    /// Goes so far.
    pub goes: Rc<Cell<u64>>,
    /// How often it came back.
    pub recovered: u64,
    /// Whether it comes back.
    pub returns: bool,
    /// Its cores.
    pub cores: String,
    /// Keys of the benchmarks that it holds.
    pub ready: BTreeSet<String>,
}

impl std::fmt::Debug for Simulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Simulated")
    }
}

/// What an operator costs alone, ms.
pub fn cost(kernel: &Kernel) -> f64 {
    let per_mac = if kernel.kind == KernelKind::Depthwise { 4e-7 } else { 1e-7 };
    0.01 + kernel.macs() as f64 * per_mac + (kernel.input_elements() + kernel.output_elements()) as f64 * 1e-6
}

/// What a run costs besides its operators, outside of whole networks.
pub const OVERHEAD: f64 = 0.2;

/// What a benchmark takes: whole networks are slower than the sum of what they are made of.
pub fn time(benchmark: &Benchmark) -> f64 {
    let sum: f64 = benchmark.kernels.iter().map(cost).sum();
    match benchmark.subject {
        Subject::Network(_) => 1.3 * sum + 0.002 * benchmark.kernels.len() as f64 + 0.5,
        _ => sum + OVERHEAD,
    }
}

impl Simulated {
    /// A device that always runs.
    pub fn steady() -> Self {
        Self::acting(|_, _| Act::Run(1.0))
    }

    /// A device that does what it is told.
    pub fn acting(act: impl Fn(u64, &Benchmark) -> Act + 'static) -> Self {
        Self {
            act: Box::new(act),
            goes: Rc::default(),
            recovered: 0,
            returns: true,
            cores: "cpu7".to_owned(),
            ready: BTreeSet::new(),
        }
    }
}

impl DeviceRunner for Simulated {
    fn describe(&mut self) -> Result<Device, RunnerError> {
        let [device, soc, system, runtime, precision] =
            ["Phone", "Chip", "OS 1", "simulation", "float"].map(str::to_owned);
        Ok(Device { device, soc, system, runtime, cores: self.cores.clone(), precision, command: String::new() })
    }

    fn prepare(&mut self, benchmark: &Benchmark) -> Result<(), RunnerError> {
        self.ready.insert(benchmark.key.clone());
        Ok(())
    }

    fn release(&mut self, benchmark: &Benchmark) {
        self.ready.remove(&benchmark.key);
    }

    fn run(&mut self, benchmark: &Benchmark, runs: Runs) -> Result<Measured, RunnerError> {
        let go = self.goes.get();
        self.goes.set(go + 1);
        match (self.act)(go, benchmark) {
            Act::Run(factor) => {
                let ms = factor * time(benchmark);
                // A small spread, the same for every go.
                let times = (0..runs.counted).map(|run| ms * (1.0 + 1e-3 * f64::from(run % 3))).collect();
                Ok(Measured { times, ..Measured::default() })
            }
            Act::Vanish => Err(RunnerError::Lost("it vanished".to_owned())),
            Act::Refuse => Err(RunnerError::Refused("it said 42 potatoes".to_owned())),
            Act::Break => Err(RunnerError::Unusable("its storage is full".to_owned())),
        }
    }

    fn conditions(&mut self) -> Result<Conditions, RunnerError> {
        Ok(Conditions { clocks_mhz: [("cpu7".to_owned(), 2730.0)].into(), celsius: [("skin".to_owned(), 31.5)].into() })
    }

    fn recover(&mut self, _: &dyn Fn() -> bool) -> Result<(), RunnerError> {
        self.recovered += 1;
        if self.returns { Ok(()) } else { Err(RunnerError::Lost("it did not come back".to_owned())) }
    }
}

/// A small space of two kinds of blocks, and its plan.
pub fn space() -> crate::space::Space {
    let text = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 32 }\nblocks:\n  b:\n    params: { channels: {}, stride: 1, \
                kernel: { choice: [3, 5] } }\n    layers:\n      - { op: conv, kernel: 1, channels: \"=in.channels * 3\", act: relu }\n\
                \x20     - { op: depthwise_conv, kernel: =kernel, stride: =stride, act: relu }\n      - { op: conv, kernel: 1, channels: =channels }\n\
                network:\n  - { name: stem, op: conv, kernel: 3, stride: 2, channels: { choice: [8, 16] }, act: relu }\n\
                \x20 - { stage: s, repeat: { choice: [1, 2, 3] }, channels: { choice: [16, 24] }, block: { use: b } }\n\
                \x20 - op: global_avg_pool\n  - op: flatten\n  - { op: linear, features: 10 }\n";
    crate::space::Space::from_text("t.yaml", text).expect("a sound space")
}

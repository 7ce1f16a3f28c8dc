//! Networks that run in this process, on cores of their own, whatever computes them.
//!
//! A run on one thread is timed by the processor time of its thread, which does not count while another program has the
//! core; runs of several threads are timed by the clock on the wall. Runs in which the system took a core away are dropped:
//! what they had in the caches is gone.

use std::collections::HashMap;
use std::fmt;

use super::thread::{self, Clock};
use super::{Benchmark, Conditions, Device, DeviceRunner, Measured, RunnerError, Runs, Setup, cores, local, sensors};
use crate::engine::Tensor;
use crate::graph::{Network, Op, Shape};

/// A run shorter than this is repeated within one timing, so that reading the clock does not count, ms.
const SHORTEST: f64 = 0.5;

/// Dropped runs are made up for until so many times the wanted number have run.
const ATTEMPTS: u32 = 3;

/// One pass of a network.
pub(super) type Pass = Box<dyn FnMut() -> Result<(), String>>;

/// What computes networks.
pub(super) trait Executor: fmt::Debug {
    /// What it is called, with its version.
    fn runtime(&self) -> String;

    /// Gets a network ready, with inputs to run on.
    ///
    /// # Errors
    /// What it cannot run.
    fn load(&mut self, network: &Network) -> Result<Pass, String>;
}

/// Runs what an executor computes.
pub(super) struct InProcess<E> {
    executor: E,
    /// None where threads are not tied to cores.
    cores: Vec<u32>,
    threads: u32,
    ready: HashMap<String, Timed>,
}

impl<E: Executor> InProcess<E> {
    /// On the cores that were asked for.
    pub fn new(executor: E, setup: &Setup) -> Result<Self, RunnerError> {
        let cores = thread::cores(setup.cores.as_deref(), setup.threads)?;
        Ok(Self { executor, cores, threads: setup.threads, ready: HashMap::new() })
    }

    fn timed(&mut self, benchmark: &Benchmark) -> Result<&mut Timed, RunnerError> {
        if !self.ready.contains_key(&benchmark.key) {
            let pass = self.executor.load(&benchmark.network).map_err(RunnerError::Refused)?;
            let timed = Timed::new(pass, Clock::of(self.threads)).map_err(RunnerError::Refused)?;
            self.ready.insert(benchmark.key.clone(), timed);
        }
        let missing = || RunnerError::Unusable("a benchmark that was got ready is gone".to_owned());
        self.ready.get_mut(&benchmark.key).ok_or_else(missing)
    }
}

impl<E: Executor> fmt::Debug for InProcess<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executor, cores, threads, .. } = self;
        f.debug_struct("InProcess")
            .field("executor", executor)
            .field("cores", cores)
            .field("threads", threads)
            .finish_non_exhaustive()
    }
}

impl<E: Executor> DeviceRunner for InProcess<E> {
    fn describe(&mut self) -> Result<Device, RunnerError> {
        if !self.cores.is_empty() {
            thread::pin(&self.cores)?;
        }
        let (device, soc, system) = local::machine();
        Ok(Device {
            device,
            soc,
            system,
            runtime: self.executor.runtime(),
            cores: cores::label(&self.cores, self.threads),
            precision: "float".to_owned(),
            command: String::new(),
        })
    }

    fn prepare(&mut self, benchmark: &Benchmark) -> Result<(), RunnerError> {
        self.timed(benchmark).map(|_| ())
    }

    fn run(&mut self, benchmark: &Benchmark, runs: Runs) -> Result<Measured, RunnerError> {
        self.timed(benchmark)?.run(runs).map_err(RunnerError::Refused)
    }

    fn release(&mut self, benchmark: &Benchmark) {
        self.ready.remove(&benchmark.key);
    }

    fn conditions(&mut self) -> Result<Conditions, RunnerError> {
        Ok(sensors::read(&local::sensors()))
    }
}

/// A network that is ready, and how it is timed.
struct Timed {
    pass: Pass,
    clock: Clock,
    /// Passes in one timing.
    repeats: u32,
}

impl Timed {
    fn new(pass: Pass, clock: Clock) -> Result<Self, String> {
        let mut timed = Self { pass, clock, repeats: 1 };
        // The first pass makes what all later ones use.
        timed.time()?;
        timed.repeats = (SHORTEST / timed.time()?.max(1e-6)).ceil().clamp(1.0, 1e5) as u32;
        Ok(timed)
    }

    /// What a pass takes in one timing, ms.
    fn time(&mut self) -> Result<f64, String> {
        let began = self.clock.now();
        for _ in 0..self.repeats {
            (self.pass)()?;
        }
        Ok((self.clock.now() - began) * 1e3 / f64::from(self.repeats))
    }

    fn run(&mut self, runs: Runs) -> Result<Measured, String> {
        for _ in 0..runs.warm_up {
            self.time()?;
        }
        let (mut quiet, mut disturbed) = (Vec::new(), Vec::new());
        for _ in 0..runs.counted.saturating_mul(ATTEMPTS) {
            let before = self.clock.interruptions();
            let time = self.time()?;
            if self.clock.interruptions() == before { &mut quiet } else { &mut disturbed }.push(time);
            if quiet.len() >= runs.counted as usize {
                break;
            }
        }
        // Long runs on a busy machine are never left alone; processor time still tells most of the truth, and the
        // reference operator shows the rest.
        let missing = (runs.counted as usize).saturating_sub(quiet.len());
        disturbed.sort_by(f64::total_cmp);
        disturbed.truncate(missing);
        let count = disturbed.len() as u32;
        quiet.extend(disturbed);
        Ok(Measured { times: quiet, disturbed: count, ..Measured::default() })
    }
}

/// Inputs of small numbers of both signs; ids stay within the smallest table.
pub(super) fn inputs(network: &Network) -> Vec<Tensor> {
    let smallest = network.ids().filter_map(|id| match network.node(id).op {
        Op::Embedding { vocabulary, .. } => Some(vocabulary),
        _ => None,
    });
    let ids = smallest.min();
    let value = |index: usize| match ids {
        Some(rows) => (index % rows.max(1)) as f32,
        None => (index % 7) as f32 / 3.0 - 1.0,
    };
    let shaped = |shape: Shape| {
        let mut sizes = vec![1];
        sizes.extend(Vec::<usize>::from(shape));
        let count = sizes.iter().product();
        Tensor::new(sizes, (0..count).map(value).collect())
    };
    network.input_shapes().into_iter().map(shaped).collect()
}

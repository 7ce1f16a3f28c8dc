//! This machine as a device: the engine of this program on one pinned core.
//!
//! A run is timed by the processor time of its thread, which does not count while another program has the core, and runs
//! in which the system took the core away are dropped: what they had in the caches is gone.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::local;
use super::{Benchmark, Conditions, Device, DeviceRunner, Measured, Opened, RunnerError, Runs, Setup, sensors};
use crate::engine::native::{Isa, Native};
use crate::engine::{Backend, Init, Mode, Plan, Program, Tensor, initialise};
use crate::graph::{Network, Op, Shape};

/// A run shorter than this is repeated within one timing, so that reading the clock does not count.
const SHORTEST: f64 = 0.5;

/// Dropped runs are made up for until so many times the wanted number have run.
const ATTEMPTS: u32 = 3;

/// Makes the runner: the engine, or a command of the user's.
pub(super) fn open(_: &str, setup: Setup) -> Opened {
    if setup.command.is_some() {
        return local::open(setup);
    }
    if setup.threads != 1 {
        let message = "the engine runs single images on one thread; leave out --threads, or give --model-runner";
        return Err(RunnerError::Unusable(message.to_owned()));
    }
    let core = thread::core(setup.cores.as_deref())?;
    Ok(Box::new(Host { core, engine: Native::default(), ready: HashMap::new() }))
}

/// The engine on a core of this machine.
struct Host {
    core: Option<usize>,
    engine: Native,
    ready: HashMap<String, Ready>,
}

/// A program with what it runs on.
#[derive(Debug)]
struct Ready {
    program: Box<dyn Program>,
    inputs: Vec<Tensor>,
    /// Passes in one timing.
    repeats: u32,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("core", &self.core).finish_non_exhaustive()
    }
}

impl DeviceRunner for Host {
    fn describe(&mut self) -> Result<Device, RunnerError> {
        if let Some(core) = self.core {
            thread::pin(core)?;
        }
        let isa: Isa = self.engine.isa();
        let (device, soc, system) = local::machine();
        Ok(Device {
            device,
            soc,
            system,
            runtime: format!("pocketnas {} engine ({isa:?})", env!("CARGO_PKG_VERSION")),
            cores: self.core.map_or("any".to_owned(), |core| format!("cpu{core}")),
            precision: "float".to_owned(),
        })
    }

    fn prepare(&mut self, benchmark: &Benchmark) -> Result<(), RunnerError> {
        if self.ready.contains_key(&benchmark.key) {
            return Ok(());
        }
        let refused = |error: &dyn fmt::Display| RunnerError::Refused(error.to_string());
        let network = &benchmark.network;
        let mut program: Box<dyn Program> =
            self.engine.compile(network, &Plan::forward(1, Mode::Eval)).map_err(|error| refused(&error))?;
        program.load(&initialise(network, &Init::default(), 0)).map_err(|error| refused(&error))?;
        let mut ready = Ready { program, inputs: inputs(network), repeats: 1 };
        ready.pass(1).map_err(|error| refused(&error))?;
        let once = ready.pass(1).map_err(|error| refused(&error))?;
        ready.repeats = (SHORTEST / once.max(1e-6)).ceil().clamp(1.0, 1e5) as u32;
        self.ready.insert(benchmark.key.clone(), ready);
        Ok(())
    }

    fn run(&mut self, benchmark: &Benchmark, runs: Runs) -> Result<Measured, RunnerError> {
        let refused = |error: crate::engine::EngineError| RunnerError::Refused(error.to_string());
        self.prepare(benchmark)?;
        let Some(ready) = self.ready.get_mut(&benchmark.key) else { return Ok(Measured::default()) };
        for _ in 0..runs.warm_up {
            ready.pass(ready.repeats).map_err(refused)?;
        }
        let (mut quiet, mut disturbed) = (Vec::new(), Vec::new());
        for _ in 0..runs.counted.saturating_mul(ATTEMPTS) {
            let before = thread::interruptions();
            let time = ready.pass(ready.repeats).map_err(refused)? / f64::from(ready.repeats);
            if thread::interruptions() == before { &mut quiet } else { &mut disturbed }.push(time);
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

    fn release(&mut self, benchmark: &Benchmark) {
        self.ready.remove(&benchmark.key);
    }

    fn conditions(&mut self) -> Result<Conditions, RunnerError> {
        Ok(sensors::read(&local::sensors()))
    }

    fn start_up(&self) -> Duration {
        Duration::from_millis(20)
    }
}

impl Ready {
    /// Runs so often and gives the time of all, ms.
    fn pass(&mut self, repeats: u32) -> Result<f64, crate::engine::EngineError> {
        let inputs: Vec<&Tensor> = self.inputs.iter().collect();
        let began = thread::time();
        for _ in 0..repeats {
            self.program.forward(&inputs)?;
        }
        Ok((thread::time() - began) * 1e3)
    }
}

/// Inputs of small numbers of both signs; ids stay within the smallest table.
fn inputs(network: &Network) -> Vec<Tensor> {
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

/// The calling thread: its processor time, how often it lost its core, and the core it is tied to.
#[cfg(target_os = "linux")]
mod thread {
    use std::ffi::c_long;

    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::time::{ClockId, clock_gettime};
    use nix::unistd::Pid;

    use super::super::{RunnerError, cores};

    /// Processor time, seconds.
    pub fn time() -> f64 {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
            .map_or(0.0, |time| time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9)
    }

    /// How often the system gave the core to somebody else.
    pub fn interruptions() -> c_long {
        getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.involuntary_context_switches())
    }

    /// The core to run on: the one asked for, or the last of those that are allowed, where systems put least.
    pub fn core(asked: Option<&str>) -> Result<Option<usize>, RunnerError> {
        let unusable =
            |error: nix::Error| RunnerError::Unusable(format!("cannot ask which cores may be used: {error}"));
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(unusable)?;
        let allowed: Vec<u32> = (0..CpuSet::count())
            .filter(|&core| allowed.is_set(core).unwrap_or(false))
            .filter_map(|core| u32::try_from(core).ok())
            .collect();
        let chosen = match asked {
            None => allowed.last().copied(),
            Some(asked) => cores::numbers(asked)?.first().copied(),
        };
        match chosen {
            Some(core) if !allowed.contains(&core) => Err(RunnerError::Unusable(format!(
                "core {core} may not be used here; there are: {}",
                cores::list(&allowed)
            ))),
            chosen => Ok(chosen.map(|core| core as usize)),
        }
    }

    /// Ties the thread to a core.
    pub fn pin(core: usize) -> Result<(), RunnerError> {
        let mut set = CpuSet::new();
        set.set(core)
            .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
            .map_err(|error| RunnerError::Unusable(format!("cannot run on core {core} alone: {error}")))
    }
}

/// Elsewhere there is only the clock on the wall.
#[cfg(not(target_os = "linux"))]
mod thread {
    use std::sync::OnceLock;
    use std::time::Instant;

    use super::super::RunnerError;

    pub fn time() -> f64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_secs_f64()
    }

    pub fn interruptions() -> i64 {
        0
    }

    pub fn core(asked: Option<&str>) -> Result<Option<usize>, RunnerError> {
        match asked {
            None => Ok(None),
            Some(_) => Err(RunnerError::Unusable(
                "threads cannot be tied to cores on this system; leave out --cores".to_owned(),
            )),
        }
    }

    pub fn pin(_: usize) -> Result<(), RunnerError> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::latency::profile::benchmark;
    use crate::latency::{Kernel, KernelKind};

    #[test]
    fn more_work_takes_more_time() {
        let mut host = Host { core: None, engine: Native::default(), ready: HashMap::new() };
        let mut median = |channels| {
            let kernel = Kernel {
                window: [3, 3],
                output_channels: channels,
                ..Kernel::pointwise(KernelKind::Conv, [14, 14], 16)
            };
            let benchmark = benchmark::operator(&kernel).unwrap();
            host.prepare(&benchmark).unwrap();
            let measured = host.run(&benchmark, Runs { warm_up: 2, counted: 7 }).unwrap();
            assert_eq!(measured.times.len(), 7);
            host.release(&benchmark);
            measured.statistics().unwrap().median
        };
        let (small, large) = (median(16), median(256));
        assert!(small > 0.0 && large > 3.0 * small, "{small} ms for 16 channels, {large} ms for 256");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn cores_are_checked() {
        assert!(thread::core(None).unwrap().is_some());
        let error = thread::core(Some("1000000")).unwrap_err().to_string();
        assert!(error.contains("core 1000000 may not be used here; there are: "), "{error}");
        assert!(thread::core(Some("first")).is_err());
    }
}

//! This machine as a device: the engine of this program on one pinned core.

use super::in_process::{Executor, InProcess, Pass, inputs};
use super::{Opened, RunnerError, Setup, local};
use crate::engine::native::Native;
use crate::engine::{Backend, Init, Mode, Plan, Program, Tensor, initialise};
use crate::graph::Network;

/// Makes the runner: the engine, or a command of the user's.
pub(super) fn open(_: &str, setup: Setup) -> Opened {
    if setup.command.is_some() {
        return local::open(setup);
    }
    if setup.threads != 1 {
        let message = "the engine runs single images on one thread; leave out --threads, or give --model-runner";
        return Err(RunnerError::Unusable(message.to_owned()));
    }
    Ok(Box::new(InProcess::new(Engine(Native::default()), &setup)?))
}

/// The engine of this program.
#[derive(Debug)]
struct Engine(Native);

impl Executor for Engine {
    fn runtime(&self) -> String {
        format!("pocketnas {} engine ({:?})", env!("CARGO_PKG_VERSION"), self.0.isa())
    }

    fn load(&mut self, network: &Network) -> Result<Pass, String> {
        let plan = Plan::forward(1, Mode::Eval);
        let mut program: Box<dyn Program> = self.0.compile(network, &plan).map_err(|error| error.to_string())?;
        program.load(&initialise(network, &Init::default(), 0)).map_err(|error| error.to_string())?;
        let inputs = inputs(network);
        Ok(Box::new(move || {
            let inputs: Vec<&Tensor> = inputs.iter().collect();
            program.forward(&inputs).map_err(|error| error.to_string())
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::latency::profile::{DeviceRunner, Runs, benchmark};
    use crate::latency::{Kernel, KernelKind};

    #[test]
    fn more_work_takes_more_time() {
        let mut host = InProcess::new(Engine(Native::default()), &Setup::default()).unwrap();
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
}

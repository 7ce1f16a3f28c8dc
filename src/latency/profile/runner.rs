//! What runs benchmarks: a device behind one trait, and the table of those there are. Adding one takes a file and a line
//! in [`RUNNERS`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Benchmark, Statistics, Summary, adb, host, onnxruntime};
use crate::graph::Network;

/// What is known of a device and of what runs on it. Results are only ever mixed where all of it agrees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The device, as its maker calls it.
    pub device: String,
    /// Its system on chip, or its processor.
    pub soc: String,
    /// Its operating system.
    pub system: String,
    /// What runs the networks, with its version where that is known.
    pub runtime: String,
    /// The core set: `cpu7`, `cpu4-cpu7`.
    pub cores: String,
    /// `float` or `quant`.
    pub precision: String,
    /// What is run for each model, where a command is: its text, the format it reads, and a hash of each file that it was
    /// brought. Empty where this program runs the models.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
}

/// Clocks and temperatures at one moment, as far as the device tells them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Clock of each core that tells it, MHz, by its name: `cpu7`.
    pub clocks_mhz: BTreeMap<String, f64>,
    /// Temperatures, °C, by the name of the sensor.
    pub celsius: BTreeMap<String, f64>,
}

/// How often a benchmark runs in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Runs that are not counted.
    pub warm_up: u32,
    /// Runs that are.
    pub counted: u32,
}

/// What came out of one go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Time of each run, ms; empty where the runner tells a summary only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<f64>,
    /// The runner's own summary, where it does not tell the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Time of each operator in the runtime's own profile, ms, where it makes one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<(String, f64)>,
    /// Runs among the counted ones that the system interrupted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disturbed: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Measured {
    /// Its statistics.
    pub fn statistics(&self) -> Option<Statistics> {
        Statistics::of(&self.times).or(self.summary.map(Statistics::from))
    }
}

/// Why a benchmark gave no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunnerError {
    /// The device cannot be reached now; it may come back.
    #[error("{0}")]
    Lost(String),
    /// This benchmark does not run, or says nothing that can be read; others may.
    #[error("{0}")]
    Refused(String),
    /// Nothing will run before somebody does something about it.
    #[error("{0}")]
    Unusable(String),
}

/// Runs benchmarks on a device.
pub trait DeviceRunner: Debug {
    /// Checks that everything is there, and says what the device is.
    ///
    /// # Errors
    /// A device that cannot be reached or lacks something.
    fn describe(&mut self) -> Result<Device, RunnerError>;

    /// Gets a benchmark ready; a runner may keep it until it is released.
    ///
    /// # Errors
    /// A benchmark that it cannot take, or a device that is full or gone.
    fn prepare(&mut self, benchmark: &Benchmark) -> Result<(), RunnerError>;

    /// Runs a benchmark that was prepared.
    ///
    /// # Errors
    /// A benchmark that fails, output that is none, a device that is gone.
    fn run(&mut self, benchmark: &Benchmark, runs: Runs) -> Result<Measured, RunnerError>;

    /// Lets go of what a benchmark occupies.
    fn release(&mut self, _benchmark: &Benchmark) {}

    /// Clocks and temperatures now; nothing of what the device does not tell.
    ///
    /// # Errors
    /// A device that is gone.
    fn conditions(&mut self) -> Result<Conditions, RunnerError>;

    /// Waits for a device that was lost.
    ///
    /// # Errors
    /// When it does not come back in time.
    fn recover(&mut self, _stop: &dyn Fn() -> bool) -> Result<(), RunnerError> {
        Ok(())
    }
}

/// Writes a network in the format of a runtime, with weights that do not matter.
pub type WriteModel = fn(&Network) -> Result<Vec<u8>, String>;

/// What the user says about a runner.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The command that runs a model, with `{model}`, `{runs}`, `{warmup}`, `{threads}` and `{profile}` to be filled in;
    /// the runner's own if absent.
    pub command: Option<String>,
    /// The formats of models: name and writer.
    pub formats: Vec<(&'static str, WriteModel)>,
    /// Which of them the command reads; the first, or what the runner's own command reads, if absent.
    pub format: Option<String>,
    /// Files that the command needs on the device.
    pub push: Vec<PathBuf>,
    /// Cores to run on: numbers and ranges as `4,6-7`, or `big`, `little`; the runner's choice if absent.
    pub cores: Option<String>,
    /// Threads of a run, each on a core of its own.
    pub threads: u32,
    /// What the runtime is called, with its version.
    pub runtime: Option<String>,
    /// `float` or `quant`.
    pub precision: String,
    /// The `adb` program.
    pub adb: PathBuf,
    /// How long to wait for a lost device.
    pub patience: Duration,
    /// How long one go of a benchmark may take.
    pub timeout: Duration,
    /// A folder of this machine for models on their way.
    pub folder: PathBuf,
}

impl Default for Setup {
    /// One thread, no command, no formats of models.
    fn default() -> Self {
        Self {
            command: None,
            formats: Vec::new(),
            format: None,
            push: Vec::new(),
            cores: None,
            threads: 1,
            runtime: None,
            precision: "float".to_owned(),
            adb: "adb".into(),
            patience: Duration::from_secs(60),
            timeout: Duration::from_secs(300),
            folder: PathBuf::new(),
        }
    }
}

/// A runner, or why there is none.
pub type Opened = Result<Box<dyn DeviceRunner>, RunnerError>;

/// What follows the name of a runner, behind a `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// This, always.
    Needed(&'static str),
    /// This, or nothing and no `:`.
    Optional(&'static str),
}

/// One kind of runner.
#[derive(Debug)]
pub struct RunnerKind {
    /// Its name on the command line.
    pub name: &'static str,
    /// What follows.
    pub argument: Argument,
    /// What it is, in a line.
    pub about: &'static str,
    /// How long its device rests before what was disturbed is repeated, where nobody says: phones have to cool down.
    pub cool_down: Duration,
    /// About how long starting a benchmark takes besides its runs, where the runner does it itself; for estimates.
    start_up: Duration,
    /// The same where a command does.
    start_command: Duration,
    /// Makes one.
    open: fn(&str, Setup) -> Opened,
}

/// Every runner there is.
pub static RUNNERS: [RunnerKind; 3] = [
    RunnerKind {
        name: "host",
        argument: Argument::None,
        about: "this machine: the engine of this program, or the command that --model-runner gives",
        cool_down: Duration::from_secs(1),
        start_up: Duration::from_millis(20),
        start_command: Duration::from_millis(300),
        open: host::open,
    },
    RunnerKind {
        name: "onnxruntime",
        argument: Argument::Optional("LIBRARY"),
        about: "this machine: ONNX Runtime, in programs that are built with it",
        cool_down: Duration::from_secs(1),
        start_up: Duration::from_millis(50),
        start_command: Duration::from_millis(300),
        open: onnxruntime::open,
    },
    RunnerKind {
        name: "adb",
        argument: Argument::Needed("SERIAL"),
        about: "an Android device: TFLite's benchmark_model, or the command that --model-runner gives",
        cool_down: Duration::from_secs(20),
        start_up: Duration::from_millis(700),
        start_command: Duration::from_millis(700),
        open: adb::open,
    },
];

impl RunnerKind {
    /// The runner of that name, `host` or `adb:SERIAL`, with what follows its name.
    ///
    /// # Errors
    /// A name that no runner has; one whose argument is missing, and one that takes none.
    pub fn named(name: &str) -> Result<(&'static Self, &str), RunnerError> {
        let (kind, argument) = name.split_once(':').unwrap_or((name, ""));
        let fits = |runner: &&Self| match runner.argument {
            Argument::None => argument.is_empty(),
            Argument::Needed(_) => !argument.is_empty(),
            Argument::Optional(_) => argument.is_empty() != name.contains(':'),
        };
        let known = RUNNERS.iter().find(|runner| runner.name == kind).filter(fits);
        known.map(|runner| (runner, argument)).ok_or_else(|| {
            let usages: Vec<String> = RUNNERS.iter().map(Self::usage).collect();
            RunnerError::Unusable(format!("there is no runner `{name}`; there are: {}", usages.join(", ")))
        })
    }

    /// About how long starting a benchmark takes besides its runs.
    pub fn start_up(&self, by_command: bool) -> Duration {
        if by_command { self.start_command } else { self.start_up }
    }

    fn usage(&self) -> String {
        match self.argument {
            Argument::None => self.name.to_owned(),
            Argument::Needed(word) => format!("{}:{word}", self.name),
            Argument::Optional(word) => format!("{}[:{word}]", self.name),
        }
    }
}

/// The runner of that name: `host`, `adb:SERIAL`.
///
/// # Errors
/// A name that no runner has, and whatever opening it finds.
pub fn open(name: &str, setup: Setup) -> Opened {
    let (kind, argument) = RunnerKind::named(name)?;
    if setup.precision != "float" && setup.command.is_none() {
        return Err(RunnerError::Unusable(format!(
            "models are written in float and `{name}` runs them as they are: for --precision {}, give --model-runner a \
             command that quantises each model before it times it, or fit a table to int8 networks of your own with \
             `pocketnas latency fit`",
            setup.precision
        )));
    }
    (kind.open)(argument, setup)
}

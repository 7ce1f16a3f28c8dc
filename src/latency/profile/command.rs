//! Runs models by a command of the user's, here or on a phone: the model is written in the format that the command
//! reads, brought to where it runs, and the times are read from what the command prints.

use std::collections::HashSet;
use std::fmt::{Debug, Write as _};
use std::path::Path;
use std::time::Duration;

use super::{
    Benchmark, Conditions, Device, DeviceRunner, Measured, RunnerError, Runs, Setup, WriteModel, output, sensors,
};

/// Where commands run.
pub(super) trait Transport: Debug {
    /// Runs a shell script in the folder of the models. Its output, stderr included, and its exit status.
    ///
    /// # Errors
    /// [`RunnerError::Lost`] where the script may not have run to its end.
    fn shell(&self, script: &str, timeout: Duration) -> Result<(String, i32), RunnerError>;

    /// Brings a file there under another name; it is either there as a whole, or not at all.
    ///
    /// # Errors
    /// A device that is full or gone.
    fn push(&self, file: &Path, name: &str, executable: bool) -> Result<(), RunnerError>;

    /// Brings a file of that name back.
    ///
    /// # Errors
    /// A file that is not there, a device that is gone.
    fn pull(&self, name: &str, to: &Path) -> Result<(), RunnerError>;

    /// Device, system on chip and system.
    ///
    /// # Errors
    /// A device that is gone.
    fn machine(&self) -> Result<(String, String, String), RunnerError>;

    /// The cores with the highest clock of each, kHz; empty where it does not tell.
    ///
    /// # Errors
    /// A device that is gone.
    fn cores(&self) -> Result<Vec<(u32, u64)>, RunnerError>;

    /// Waits for it to come back.
    ///
    /// # Errors
    /// When it does not.
    fn recover(&self, stop: &dyn Fn() -> bool) -> Result<(), RunnerError>;
}

/// Runs a command over a transport.
#[derive(Debug)]
pub(super) struct CommandRunner<T> {
    transport: T,
    command: String,
    format: (&'static str, WriteModel),
    setup: Setup,
    /// Known once the device is described.
    mask: Option<String>,
    there: HashSet<String>,
}

/// What a command may hold in braces.
const HOLES: [&str; 5] = ["model", "runs", "warmup", "threads", "profile"];

impl<T: Transport> CommandRunner<T> {
    /// A runner of a command; what is wrong with the command is told before anything runs.
    pub fn new(transport: T, command: String, setup: Setup) -> Result<Self, RunnerError> {
        let unusable = |text: String| Err(RunnerError::Unusable(text));
        if !command.contains("{model}") {
            return unusable(format!(
                "the command `{command}` does not say where the model goes; write {{model}} there"
            ));
        }
        for hole in command.split('{').skip(1) {
            let name = hole.split('}').next().unwrap_or_default();
            // Braces that hold anything but a word are the shell's.
            if name.chars().all(|c| c.is_ascii_alphabetic()) && !name.is_empty() && !HOLES.contains(&name) {
                return unusable(format!(
                    "the command has {{{name}}}; what is filled in is: {{{}}}",
                    HOLES.join("}, {")
                ));
            }
        }
        let names: Vec<&str> = setup.formats.iter().map(|(name, _)| *name).collect();
        let format = match &setup.format {
            Some(wanted) => setup.formats.iter().find(|(name, _)| name == wanted),
            None => setup.formats.first(),
        };
        let Some(&format) = format else {
            let wanted = setup.format.as_deref().unwrap_or("any");
            return unusable(format!("models cannot be written as `{wanted}`; there are: {}", names.join(", ")));
        };
        for file in &setup.push {
            if !file.is_file() {
                return unusable(format!("there is no file {} to push", file.display()));
            }
        }
        Ok(Self { transport, command, format, setup, mask: None, there: HashSet::new() })
    }

    fn model(&self, benchmark: &Benchmark) -> String {
        format!("{}.{}", benchmark.key, self.format.0)
    }

    fn filled(&self, benchmark: &Benchmark, runs: Runs) -> String {
        let fill = [
            ("{model}", self.model(benchmark)),
            ("{runs}", runs.counted.to_string()),
            ("{warmup}", runs.warm_up.to_string()),
            ("{threads}", self.setup.threads.to_string()),
            ("{profile}", format!("{}.csv", benchmark.key)),
        ];
        let command = fill.iter().fold(self.command.clone(), |text, (hole, value)| text.replace(hole, value));
        match &self.mask {
            Some(mask) => format!("taskset {mask} sh -c '{}'", command.replace('\'', r"'\''")),
            None => command,
        }
    }
}

impl<T: Transport> DeviceRunner for CommandRunner<T> {
    fn describe(&mut self) -> Result<Device, RunnerError> {
        let (device, soc, system) = self.transport.machine()?;
        let clocks = self.transport.cores()?;
        let asked = self.setup.cores.as_deref();
        let cores = if clocks.is_empty() && asked.is_none() {
            Vec::new()
        } else {
            super::cores::choose(asked, &clocks, self.setup.threads)?
        };
        self.mask = if cores.is_empty() { None } else { Some(super::cores::mask(&cores)?) };
        if self.mask.is_some() && self.transport.shell("taskset 2>&1", self.setup.timeout)?.1 == 127 {
            return Err(RunnerError::Unusable("there is no `taskset` there, which ties a run to its cores".to_owned()));
        }
        let mut command = format!("{}; {} models", self.command, self.format.0);
        for file in &self.setup.push {
            let bytes = std::fs::read(file)
                .map_err(|error| RunnerError::Unusable(format!("cannot read {}: {error}", file.display())))?;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let _ = write!(command, "; {name} {}", &blake3::hash(&bytes).to_hex()[..16]);
            // A device that was lost is described again, and still has them.
            if !self.there.contains(&name) {
                self.transport.push(file, &name, true)?;
                self.there.insert(name);
            }
        }
        let program = self.command.split_whitespace().next().unwrap_or_default();
        Ok(Device {
            device,
            soc,
            system,
            runtime: self
                .setup
                .runtime
                .clone()
                .unwrap_or_else(|| program.rsplit('/').next().unwrap_or(program).to_owned()),
            cores: super::cores::label(&cores, self.setup.threads),
            precision: self.setup.precision.clone(),
            command,
        })
    }

    fn prepare(&mut self, benchmark: &Benchmark) -> Result<(), RunnerError> {
        let name = self.model(benchmark);
        if self.there.contains(&name) {
            return Ok(());
        }
        let bytes = (self.format.1)(&benchmark.network).map_err(RunnerError::Refused)?;
        let local = self.setup.folder.join(&name);
        let here = |error: std::io::Error| RunnerError::Unusable(format!("cannot write {}: {error}", local.display()));
        std::fs::write(&local, bytes).map_err(here)?;
        let pushed = self.transport.push(&local, &name, false);
        let _ = std::fs::remove_file(&local);
        pushed?;
        self.there.insert(name);
        Ok(())
    }

    fn run(&mut self, benchmark: &Benchmark, runs: Runs) -> Result<Measured, RunnerError> {
        self.prepare(benchmark)?;
        let command = self.filled(benchmark, runs);
        let (text, status) = self.transport.shell(&command, self.setup.timeout)?;
        match status {
            0 => {}
            126 | 127 => {
                return Err(RunnerError::Unusable(format!(
                    "the command cannot be started (status {status}): {}; bring what it needs with --push",
                    end(&text)
                )));
            }
            status => {
                return Err(RunnerError::Refused(format!("`{command}` ended with status {status}: {}", end(&text))));
            }
        }
        let mut measured = output::times(&text)?;
        if let Some(summary) = measured.summary.as_mut().filter(|_| self.command.contains("{runs}")) {
            // Not every program says how often it ran; it was told to.
            summary.count.get_or_insert(u64::from(runs.counted));
        }
        if self.command.contains("{profile}") {
            let name = format!("{}.csv", benchmark.key);
            let local = self.setup.folder.join(&name);
            self.transport.pull(&name, &local)?;
            let text = std::fs::read_to_string(&local)
                .map_err(|error| RunnerError::Refused(format!("its profile cannot be read: {error}")))?;
            let _ = std::fs::remove_file(&local);
            measured.operators = output::profile(&text)?;
        }
        Ok(measured)
    }

    fn release(&mut self, benchmark: &Benchmark) {
        let name = self.model(benchmark);
        if self.there.remove(&name) {
            // What cannot be removed now is written over the next time.
            let _ = self.transport.shell(&format!("rm -f {name} {}.csv", benchmark.key), self.setup.timeout);
        }
    }

    fn conditions(&mut self) -> Result<Conditions, RunnerError> {
        Ok(sensors::read(&self.transport.shell(sensors::SCRIPT, self.setup.timeout)?.0))
    }

    fn recover(&mut self, stop: &dyn Fn() -> bool) -> Result<(), RunnerError> {
        self.transport.recover(stop)
    }
}

/// The last words of a command.
pub(super) fn end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join(" | ");
    if last.is_empty() { "it said nothing".to_owned() } else { last.chars().take(300).collect() }
}

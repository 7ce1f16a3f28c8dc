//! Commands on this machine, and what it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::command::{CommandRunner, Transport};
use super::spawn::{self, Finished};
use super::{Opened, RunnerError, Setup, sensors};

/// A runner of the user's command on this machine.
pub(super) fn open(setup: Setup) -> Opened {
    let command = setup.command.clone().unwrap_or_default();
    let folder = setup.folder.join("run");
    std::fs::create_dir_all(&folder)
        .map_err(|error| RunnerError::Unusable(format!("cannot make the folder {}: {error}", folder.display())))?;
    let transport = Local { folder };
    Ok(Box::new(CommandRunner::new(transport, command, setup)?))
}

/// The folder that commands run in.
#[derive(Debug)]
struct Local {
    folder: PathBuf,
}

impl Transport for Local {
    fn shell(&self, script: &str, timeout: Duration) -> Result<(String, i32), RunnerError> {
        let script = format!("PATH=\"$PWD:$PATH\"; ( {script}\n) 2>&1");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(&self.folder);
        match spawn::run(&mut command, timeout) {
            Ok(Finished { late: true, .. }) => {
                Err(RunnerError::Refused(format!("it was not done within {} s", timeout.as_secs_f64())))
            }
            Ok(done) => Ok((String::from_utf8_lossy(&done.stdout).into_owned(), done.status.unwrap_or(128))),
            Err(error) => Err(RunnerError::Unusable(format!("cannot run `sh`: {error}"))),
        }
    }

    fn push(&self, file: &Path, name: &str, executable: bool) -> Result<(), RunnerError> {
        let to = self.folder.join(name);
        let done = std::fs::copy(file, &to).and_then(|_| {
            let mut permissions = std::fs::metadata(&to)?.permissions();
            if executable {
                std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
            }
            std::fs::set_permissions(&to, permissions)
        });
        done.map_err(|error| RunnerError::Unusable(format!("cannot write {}: {error}", to.display())))
    }

    fn pull(&self, name: &str, to: &Path) -> Result<(), RunnerError> {
        let from = self.folder.join(name);
        let copied = std::fs::copy(&from, to);
        copied.map(|_| ()).map_err(|error| RunnerError::Refused(format!("the command left no file {name}: {error}")))
    }

    fn machine(&self) -> Result<(String, String, String), RunnerError> {
        Ok(machine())
    }

    fn cores(&self) -> Result<Vec<(u32, u64)>, RunnerError> {
        if !cfg!(target_os = "linux") {
            return Ok(Vec::new());
        }
        // Many machines do not tell their clocks, and then all cores are alike.
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        Ok((0..u32::try_from(count).unwrap_or(1)).map(|core| (core, 0)).collect())
    }

    fn recover(&self, _: &dyn Fn() -> bool) -> Result<(), RunnerError> {
        Ok(())
    }
}

/// What this machine prints of its sensors.
pub(super) fn sensors() -> String {
    let done = spawn::run(Command::new("sh").args(["-c", sensors::SCRIPT]), Duration::from_secs(10));
    done.map_or_else(|_| String::new(), |done| String::from_utf8_lossy(&done.stdout).into_owned())
}

/// This machine, its processor and its system, as far as it tells them.
pub(super) fn machine() -> (String, String, String) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let line = |text: &str, key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix([':', '=']));
        found.map(|value| value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    };
    let processor = line(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let product = read("/sys/class/dmi/id/product_name").trim().to_owned();
    let system = line(&read("/etc/os-release"), "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.to_owned());
    let device = if product.is_empty() { format!("a machine with {processor}") } else { product };
    (device, processor, system)
}

//! An Android device behind the real `adb`.
//!
//! A cable that is lost in the midst of a command makes `adb shell` return 0 as if all were well. So every script ends
//! by printing a word that was made up for it, with the exit status; output without that word is a lost device, never a
//! result. Files arrive under another name and are moved to their own once they have their size.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::command::{CommandRunner, Transport, end};
use super::spawn::{self, Finished};
use super::{Opened, RunnerError, Setup, sensors};

/// Where models and programs go on the device: the one place that shells may write to and run from.
const FOLDER: &str = "/data/local/tmp/pocketnas";

/// How long the small commands may take.
const SHORT: Duration = Duration::from_secs(30);

/// How long a device that was there a moment ago may count as offline.
const SETTLES: Duration = Duration::from_secs(10);

/// TFLite's own benchmark. Its warm-up and its runs are counted, not timed; its profile tells operators apart.
const BENCHMARK_MODEL: &str = "benchmark_model --graph={model} --num_threads={threads} --warmup_runs={warmup} \
                               --warmup_min_secs=0 --num_runs={runs} --min_secs=0 --enable_op_profiling=true \
                               --profiling_output_csv_file={profile}";

/// The format that it reads.
const BENCHMARK_FORMAT: &str = "tflite";

/// Makes the runner.
pub(super) fn open(serial: &str, mut setup: Setup) -> Opened {
    let command = setup.command.clone().unwrap_or_else(|| {
        setup.format.get_or_insert_with(|| BENCHMARK_FORMAT.to_owned());
        BENCHMARK_MODEL.to_owned()
    });
    let _lock = lock(serial)?;
    let adb = Adb { program: setup.adb.clone(), serial: serial.to_owned(), patience: setup.patience, _lock };
    adb.find()?;
    Ok(Box::new(CommandRunner::new(adb, command, setup)?))
}

/// A device, by its serial.
#[derive(Debug)]
struct Adb {
    program: PathBuf,
    serial: String,
    patience: Duration,
    _lock: File,
}

/// Keeps other profiles of this machine off the device: they would share its cores and its folder, and a reference operator
/// that is slow throughout shows no drift. The system lets go of it when the process ends, however it does.
fn lock(serial: &str) -> Result<File, RunnerError> {
    let name = serial.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let path = std::env::temp_dir().join(format!("pocketnas-adb-{name}.lock"));
    let unusable =
        |error: io::Error| RunnerError::Unusable(format!("cannot lock the device by {}: {error}", path.display()));
    // That of another user can be read, and so locked, but not written.
    let file = File::open(&path).or_else(|_| File::create(&path)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunnerError::Unusable(format!(
            "another profile of this machine runs on the device {serial}, and the two would disturb each other; wait for it, \
             or stop it"
        ))),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

impl Adb {
    fn command(&self, arguments: &[&str], timeout: Duration) -> Result<Finished, RunnerError> {
        let mut command = Command::new(&self.program);
        command.args(["-s", &self.serial]).args(arguments);
        spawn::run(&mut command, timeout).map_err(|error| {
            let program = self.program.display();
            let help = "install it (Debian: `apt-get install adb`; others: Android's platform tools), or say where it is with --adb";
            RunnerError::Unusable(format!("cannot run `{program}`: {error}; {help}"))
        })
    }

    fn lost(&self, why: impl std::fmt::Display) -> RunnerError {
        RunnerError::Lost(format!("the device {} is not there: {why}", self.serial))
    }

    /// Sees to it that the device is there, or says what there is.
    fn find(&self) -> Result<(), RunnerError> {
        let until = Instant::now() + SETTLES.min(self.patience);
        let why = loop {
            let said = self.connect()?;
            let Some(why) = said else { return Ok(()) };
            if !why.contains("offline") || Instant::now() >= until {
                break why;
            }
            thread::sleep(Duration::from_millis(200));
        };
        let list = self.command(&["devices"], SHORT)?;
        let text = String::from_utf8_lossy(&list.stdout).into_owned();
        let lines = text.lines().skip(1).filter(|line| !line.trim().is_empty());
        let devices: Vec<String> = lines.map(|line| line.replace('\t', " ")).collect();
        let there = if devices.is_empty() { "no device at all".to_owned() } else { devices.join(", ") };
        let serial = &self.serial;
        Err(RunnerError::Unusable(format!("the device {serial} cannot be used ({why}); `adb devices` lists {there}")))
    }

    /// Connects to a device in the network; others appear by themselves. What adb says where it is not there.
    fn connect(&self) -> Result<Option<String>, RunnerError> {
        let state = || -> Result<Option<String>, RunnerError> {
            let done = self.command(&["get-state"], SHORT)?;
            let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
            let there = done.status == Some(0) && said == "device";
            Ok((!there).then(|| end(&format!("{said}\n{}", String::from_utf8_lossy(&done.stderr)))))
        };
        if !self.serial.contains(':') {
            return state();
        }
        if state()?.is_none() {
            return Ok(None);
        }
        // A connection that broke is held as "already connected" for a while, unless it is given up first.
        let _ = self.command(&["disconnect", &self.serial], SHORT)?;
        let _ = self.command(&["connect", &self.serial], SHORT)?;
        state()
    }

    fn property(&self, names: &[&str]) -> Result<String, RunnerError> {
        for name in names {
            let (value, _) = self.shell(&format!("getprop {name}"), SHORT)?;
            let value = value.trim();
            if !value.is_empty() {
                return Ok(value.to_owned());
            }
        }
        Ok("unknown".to_owned())
    }
}

impl Transport for Adb {
    fn shell(&self, script: &str, timeout: Duration) -> Result<(String, i32), RunnerError> {
        let nonce = nonce();
        // Two words that are only joined when they are printed: an echo of the script is no end of it.
        let whole = format!(
            "( cd {FOLDER} && PATH=\"$PWD:$PATH\" && {{ {script}\n}} ) 2>&1; printf '\\n%s-%s %d\\n' END {nonce} $?"
        );
        let done = self.command(&["shell", &whole], timeout)?;
        let text = String::from_utf8_lossy(&done.stdout).replace("\r\n", "\n");
        let mark = format!("\nEND-{nonce} ");
        let found =
            text.rsplit_once(&mark).and_then(|(output, rest)| Some((output.to_owned(), rest.trim().parse().ok()?)));
        match found {
            Some(found) => Ok(found),
            None if done.late => Err(self.lost(format!("no answer within {} s", timeout.as_secs_f64()))),
            None => {
                let stderr = String::from_utf8_lossy(&done.stderr);
                let said = if stderr.trim().is_empty() { &*text } else { &*stderr };
                Err(self.lost(format!("a command broke off; {}", end(said))))
            }
        }
    }

    fn push(&self, file: &Path, name: &str, executable: bool) -> Result<(), RunnerError> {
        let unreadable =
            |error: std::io::Error| RunnerError::Unusable(format!("cannot read {}: {error}", file.display()));
        let size = std::fs::metadata(file).map_err(unreadable)?.len();
        let mode = if executable { "755" } else { "644" };
        let local = file.to_string_lossy();
        // A slow cable brings a megabyte a second.
        let timeout = SHORT + Duration::from_millis(size / 1000);
        let done = self.command(&["push", &local, &format!("{FOLDER}/{name}.part")], timeout)?;
        if done.status != Some(0) {
            let said = format!("{} {}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            if said.contains("No space left") {
                let _ = self.shell(&format!("rm -f {name}.part"), SHORT);
                return Err(RunnerError::Unusable(format!(
                    "the storage of the device is full: {size} bytes do not fit into {FOLDER}; make room, and the same command goes on"
                )));
            }
            return Err(self.lost(format!("a file could not be brought there; {}", end(&said))));
        }
        let arrived = format!(
            "s=$(wc -c < {name}.part) && [ \"$s\" -eq {size} ] && chmod {mode} {name}.part && mv {name}.part {name} || {{ echo \"$s bytes of {size} arrived\"; false; }}"
        );
        match self.shell(&arrived, SHORT)? {
            (_, 0) => Ok(()),
            (said, _) => Err(self.lost(format!("a file arrived in part; {}", end(&said)))),
        }
    }

    fn pull(&self, name: &str, to: &Path) -> Result<(), RunnerError> {
        let (size, status) = self.shell(&format!("wc -c < {name}"), SHORT)?;
        if status != 0 {
            return Err(RunnerError::Refused(format!("the command left no file {name}")));
        }
        let done = self.command(&["pull", &format!("{FOLDER}/{name}"), &to.to_string_lossy()], SHORT)?;
        let arrived = std::fs::metadata(to).map(|file| file.len().to_string()).unwrap_or_default();
        if done.status != Some(0) || arrived != size.trim() {
            return Err(
                self.lost(format!("a file could not be fetched; {}", end(&String::from_utf8_lossy(&done.stderr))))
            );
        }
        Ok(())
    }

    fn machine(&self) -> Result<(String, String, String), RunnerError> {
        // The folder is made by a command that does not run in it.
        let made = self.command(&["shell", &format!("mkdir -p {FOLDER}")], SHORT)?;
        let (_, status) = self.shell("true", SHORT)?;
        if status != 0 {
            let why = end(&String::from_utf8_lossy(&[made.stdout, made.stderr].concat()));
            return Err(RunnerError::Unusable(format!("cannot make the folder {FOLDER} on the device: {why}")));
        }
        let maker = self.property(&["ro.product.manufacturer"])?;
        let model = self.property(&["ro.product.model"])?;
        let soc = self.property(&["ro.soc.model", "ro.hardware.chipname", "ro.board.platform"])?;
        let release = self.property(&["ro.build.version.release"])?;
        let build = self.property(&["ro.build.id"])?;
        Ok((format!("{maker} {model}"), soc, format!("Android {release} ({build})")))
    }

    fn cores(&self) -> Result<Vec<(u32, u64)>, RunnerError> {
        let script = "for f in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq; do [ -r \"$f\" ] && echo \"$f $(cat \"$f\")\"; done; true";
        Ok(sensors::highest_clocks(&self.shell(script, SHORT)?.0))
    }

    fn recover(&self, stop: &dyn Fn() -> bool) -> Result<(), RunnerError> {
        let began = Instant::now();
        loop {
            let absent = self.connect()?;
            if absent.is_none() && self.shell("true", SHORT).is_ok_and(|(_, status)| status == 0) {
                return Ok(());
            }
            if stop() || began.elapsed() >= self.patience {
                return Err(self.lost(format!("it did not come back within {} s", self.patience.as_secs())));
            }
            thread::sleep(Duration::from_millis(500));
        }
    }
}

/// A word that no output holds by chance, nor that of an earlier command.
fn nonce() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let seed = format!("{} {time} {count}", std::process::id());
    blake3::hash(seed.as_bytes()).to_hex()[..16].to_owned()
}

//! Who drives a study: one process at a time, which holds a lock that the system takes back when the process ends, however
//! it ends. The file says who it is; one that is left over is no obstacle.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::StudyError;

/// The name of the file in the output folder.
pub const LOCK: &str = "study.lock";

/// How often a lock that is held is asked for again.
const PATIENCE: u32 = 5;

/// Who holds a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// Since when, in unix seconds.
    pub since: f64,
    /// The command.
    pub command: String,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// [`StudyError::Folder`] where another process holds it, or the folder cannot be written.
    pub fn take(folder: &Path, command: &str) -> Result<Self, StudyError> {
        let path = folder.join(LOCK);
        let unusable = |error: std::io::Error| StudyError::Folder {
            message: format!("cannot lock `{}`: {error}", path.display()),
            help: "choose a folder that can be written, on a disk that knows locks, with --out".to_owned(),
        };
        let mut file =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path).map_err(unusable)?;
        let mut patience = PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Who only asks for the holder is in the way for a moment.
                Err(TryLockError::WouldBlock) if patience > 0 => patience -= 1,
                Err(TryLockError::WouldBlock) => return Err(held(folder, read(&path))),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            thread::sleep(Duration::from_millis(20));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let holder = Holder { pid: std::process::id(), host: host(), since, command: command.to_owned() };
        let text = serde_json::to_string(&holder).map_err(|error| unusable(error.into()))?;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{text}")).map_err(unusable)?;
        Ok(Self { _file: file })
    }

    /// Whether a process holds the folder now: `Some` if so, with who it is where the file says.
    pub fn holder(folder: &Path) -> Option<Option<Holder>> {
        let path = folder.join(LOCK);
        // A shared lock is enough to ask, and needs no right to write.
        match File::open(&path).ok()?.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read(&path)),
            _ => None,
        }
    }
}

fn read(path: &Path) -> Option<Holder> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn held(folder: &Path, holder: Option<Holder>) -> StudyError {
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |Holder { pid, host, since, command }| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(since, |time| time.as_secs_f64());
            format!("process {pid} on {host}, for {:.0} s, with `{command}`", (now - since).max(0.0))
        },
    );
    StudyError::Folder {
        message: format!("the study in `{}` is in use by {who}", folder.display()),
        help: "wait for it, stop it, or choose another folder with --out".to_owned(),
    }
}

/// The name of this machine, as far as it tells.
pub fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown host".to_owned())
}

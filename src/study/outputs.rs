//! The output folder: checked before the work, filled all at once after it.
//!
//! Files are written into a hidden folder inside and then moved to their places, so that a run that is
//! interrupted, or meets a full disk, leaves the results of the last complete run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::StudyError;
use crate::report::{self, OUTPUTS, ReportError};

/// The folder of the architecture files.
pub(super) const ARCHITECTURES: &str = "architectures";

/// The key of the run card that says which config made a folder's results.
pub(super) const CONFIG_HASH: &str = "config hash";

const STAGING: &str = ".pocketnas-staging-";

/// What an interrupt has to remove; held while files move to their places, so that it waits for that.
static IN_FLIGHT: Mutex<Option<InFlight>> = Mutex::new(None);

#[derive(Debug)]
struct InFlight {
    staging: PathBuf,
    /// The folder, if this run made it.
    created: Option<PathBuf>,
}

impl InFlight {
    fn remove(&self) {
        // Another thread may still be writing into it: without the folder it cannot go on.
        for _ in 0..5 {
            match fs::remove_dir_all(&self.staging) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {}
                _ => break,
            }
        }
        if let Some(folder) = &self.created {
            // Only if it is empty, which is when nothing was ever finished in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Removes whatever an unfinished run has written. For interrupt handlers, which end the process next.
pub fn abandon() {
    if let Some(in_flight) = IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner).take() {
        in_flight.remove();
    }
}

/// An output folder that can be written to and holds nothing that would be lost.
#[derive(Debug)]
pub struct Outputs {
    folder: PathBuf,
    staging: PathBuf,
}

impl Outputs {
    /// Checks the folder, and creates it where it is missing.
    ///
    /// # Errors
    /// [`StudyError::Folder`] where it cannot be written to.
    pub fn prepare(folder: &Path) -> Result<Self, StudyError> {
        let unusable = |error: ReportError| StudyError::Folder {
            message: error.to_string(),
            help: "choose another folder with --out".to_owned(),
        };
        let created = (!folder.exists()).then(|| folder.to_path_buf());
        report::prepare(folder).map_err(unusable)?;
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // Left by a run that was killed.
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let architectures = folder.join(ARCHITECTURES);
        if architectures.exists() && !architectures.is_dir() {
            let source =
                io::Error::new(io::ErrorKind::AlreadyExists, format!("a file named `{ARCHITECTURES}` is in the way"));
            return Err(unusable(ReportError::Directory { path: folder.to_owned(), source }));
        }
        let staging = folder.join(format!("{STAGING}{}", std::process::id()));
        let in_flight = InFlight { staging: staging.clone(), created };
        *IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner) = Some(in_flight);
        Ok(Self { folder: folder.to_owned(), staging })
    }

    /// Where the results go.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fills the folder: `write` gets an empty folder to write into, and what it leaves there moves to its place.
    ///
    /// # Errors
    /// Those of `write`, and files that cannot be moved.
    pub(super) fn fill(&self, write: impl FnOnce(&Path) -> Result<(), StudyError>) -> Result<(), StudyError> {
        let architectures = self.staging.join(ARCHITECTURES);
        fs::create_dir_all(&architectures).map_err(|source| write_error(&architectures, source))?;
        write(&self.staging).map_err(|error| self.in_place(error))?;
        let in_flight = IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.folder.join(ARCHITECTURES);
        // Files of an earlier front have no place in this one; files of others stay.
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            if is_ours(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(|source| write_error(&entry.path(), source))?;
            }
        }
        fs::create_dir_all(&place).map_err(|source| write_error(&place, source))?;
        for entry in fs::read_dir(&architectures).map_err(|source| write_error(&architectures, source))?.flatten() {
            rename(&entry.path(), &place.join(entry.file_name()))?;
        }
        for name in OUTPUTS {
            rename(&self.staging.join(name), &self.folder.join(name))?;
        }
        drop(in_flight);
        Ok(())
    }
}

impl Outputs {
    /// An error about a file on its way, told as one about the place it was meant for.
    fn in_place(&self, error: StudyError) -> StudyError {
        match error {
            StudyError::Write(ReportError::Write { path, source }) => {
                let path = path.strip_prefix(&self.staging).map_or(path.clone(), |rest| self.folder.join(rest));
                StudyError::Write(ReportError::Write { path, source })
            }
            other => other,
        }
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        abandon();
    }
}

/// The name of the file of a front member.
pub(super) fn architecture_file(id: &str) -> String {
    format!("{id}.yaml")
}

fn is_ours(name: &str) -> bool {
    let id = name.strip_suffix(".yaml").and_then(|stem| stem.strip_prefix('f'));
    id.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn rename(from: &Path, to: &Path) -> Result<(), StudyError> {
    fs::rename(from, to).map_err(|source| write_error(to, source))
}

pub(super) fn write_error(path: &Path, source: io::Error) -> StudyError {
    StudyError::Write(ReportError::Write { path: path.to_owned(), source })
}

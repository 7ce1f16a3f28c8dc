//! Getting files onto the disk whole or not at all: each is written beside its
//! place under a temporary name, flushed to the device, and renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{OUTPUTS, ReportError};

/// Checks, before a long run, that the report can be drawn and written to
/// `directory` afterwards. Creates it where it is missing.
///
/// # Errors
///
/// [`ReportError::Directory`] where it cannot be created or written to, or a
/// folder stands where one of the files has to go; [`ReportError::Font`] where
/// the embedded typeface does not load.
pub fn prepare(directory: &Path) -> Result<(), ReportError> {
    prepare_for(directory, &OUTPUTS)
}

/// As [`prepare`], for other files.
pub(super) fn prepare_for(directory: &Path, outputs: &[&str]) -> Result<(), ReportError> {
    super::font::Typeface::load()?;
    let refuse = |source| ReportError::Directory { path: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(refuse)?;
    for name in outputs {
        if directory.join(name).is_dir() {
            return Err(refuse(io::Error::new(
                io::ErrorKind::IsADirectory,
                format!("a folder named `{name}` is in the way"),
            )));
        }
    }
    // Permission bits say too little (root, read-only mounts, quotas): write something.
    let probe = temporary_name(&directory.join("probe"));
    let written = fs::write(&probe, b"pocketnas").map_err(refuse);
    let removed = fs::remove_file(&probe);
    written?;
    removed.map_err(refuse)
}

/// Writes `path` through `fill`, atomically.
///
/// # Errors
///
/// [`ReportError::Write`] with the path; nothing is left behind and an earlier
/// file of that name is untouched.
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), ReportError> {
    let temporary = temporary_name(path);
    let attempt = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
        let mut writer = BufWriter::new(file);
        fill(&mut writer)?;
        let file: File = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        // A full disk may only show here.
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    attempt().map_err(|source| {
        // The first error is the one to report; a leftover is hidden and overwritten next time.
        let _ = fs::remove_file(&temporary);
        ReportError::Write { path: path.to_owned(), source }
    })
}

/// A hidden sibling, so that the rename stays within one file system.
fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_failed_write_names_the_path_and_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("front.csv");
        write_atomically(&path, |w| w.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |w| {
            w.write_all(b"half")?;
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"))
        })
        .unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file stayed");
    }

    #[test]
    fn prepare_creates_the_folder_and_leaves_nothing_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("a/b");
        prepare(&nested).unwrap();
        assert_eq!(fs::read_dir(&nested).unwrap().count(), 0);
    }

    #[test]
    fn prepare_refuses_what_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let blocked = folder.path().join("blocked");
        fs::create_dir_all(blocked.join("front.csv")).unwrap();
        for (path, reason) in [(file.join("below-a-file"), "below-a-file"), (blocked, "in the way")] {
            let error = prepare(&path).unwrap_err();
            let text = format!("{error}");
            assert!(text.contains(&path.display().to_string()) && text.contains(reason), "{text}");
        }
    }
}

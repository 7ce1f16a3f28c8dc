//! ONNX Runtime on this machine, from a library that is loaded while the program runs.
//!
//! The program is built against no library of it, and without the feature `onnxruntime` holds nothing of it either.

use super::{Opened, RunnerError, Setup};

#[cfg(feature = "onnxruntime")]
mod session;

/// The variable that names the library where the runner does not.
#[cfg(feature = "onnxruntime")]
const LIBRARY: &str = "ORT_DYLIB_PATH";

/// How to get a program with it.
#[cfg(not(feature = "onnxruntime"))]
const BUILD: &str = "this pocketnas was built without ONNX Runtime; build it with `cargo build --release --features \
                     onnxruntime`, or give --runner host a command that runs it (examples/onnxruntime/bench.py)";

/// Makes the runner: of the library in `path`, or the one that the environment or the system knows.
#[cfg(not(feature = "onnxruntime"))]
pub(super) fn open(_: &str, _: Setup) -> Opened {
    Err(RunnerError::Unusable(BUILD.to_owned()))
}

/// Makes the runner: of the library in `path`, or the one that the environment or the system knows.
#[cfg(feature = "onnxruntime")]
pub(super) fn open(path: &str, setup: Setup) -> Opened {
    if setup.command.is_some() {
        let message =
            "--model-runner runs models by a command, and this runner runs them itself; leave one of them out";
        return Err(RunnerError::Unusable(message.to_owned()));
    }
    let library = library(path)?;
    let write = setup.formats.iter().find(|(name, _)| *name == "onnx").map(|(_, write)| *write);
    let write = write.ok_or_else(|| RunnerError::Unusable("no model can be written as ONNX".to_owned()))?;
    let executor = session::OnnxRuntime::new(&library, write, &setup)?;
    Ok(Box::new(super::in_process::InProcess::new(executor, &setup)?))
}

/// The library: a file as a path that does not depend on the folder, or a name that the system looks for.
#[cfg(feature = "onnxruntime")]
fn library(path: &str) -> Result<std::path::PathBuf, RunnerError> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    use std::path::{Path, PathBuf};

    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| RunnerError::Unusable(format!("cannot tell where {} is: {error}", path.display())))
    };
    let named = if path.is_empty() { std::env::var_os(LIBRARY).unwrap_or_default() } else { path.into() };
    let named = PathBuf::from(named);
    match () {
        () if named.as_os_str().is_empty() => Ok(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}").into()),
        () if named.is_file() => absolute(&named),
        () => Err(RunnerError::Unusable(format!("there is no file {}; {WHERE}", named.display()))),
    }
}

/// Where users get the library.
#[cfg(feature = "onnxruntime")]
const WHERE: &str = "name the library as `--runner onnxruntime:/path/to/libonnxruntime.so` or in ORT_DYLIB_PATH: it is \
                     `lib/libonnxruntime.so` in a release archive of ONNX Runtime, and \
                     `onnxruntime/capi/libonnxruntime.so.VERSION` in the package `onnxruntime` of PyPI";

//! Environments of Python with packages in them, made by the tests that need them, once for all runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The interpreter of an environment with these packages, `name==version` each, made in `target/python/NAME` where it is not
/// there yet; nothing, said plainly, where it cannot be made. On CI that is a failure.
pub fn environment(name: &str, requirements: &[&str]) -> Option<PathBuf> {
    made("python3", &[], name, requirements)
}

/// The same over a Python that has PyTorch, 1.13 or later: the first one on the path, or Debian's with its package
/// `python3-torch`, which is a twentieth of what PyPI gives.
#[allow(dead_code)]
pub fn with_torch(name: &str, requirements: &[&str]) -> Option<PathBuf> {
    let imports = |python: &&&str| succeed(Command::new(python).args(["-c", "import torch"])).is_ok();
    match ["python3", "/usr/bin/python3"].iter().find(imports) {
        Some(python) => made(python, &["--system-site-packages"], name, requirements),
        None => {
            skipped(
                "no Python with PyTorch, so what needs it was not checked; apt-get install python3-torch brings one",
            );
            None
        }
    }
}

fn made(base: &str, options: &[&str], name: &str, requirements: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python");
    fs::create_dir_all(&root).unwrap();
    // Tests run side by side, in several processes: one makes it, the others wait.
    let lock = File::create(root.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let folder = root.join(name);
    let python = folder.join("bin/python");
    let (ready, wanted) = (folder.join("requirements.txt"), requirements.join("\n"));
    if fs::read_to_string(&ready).is_ok_and(|text| text == wanted) {
        return Some(python);
    }
    let made = succeed(Command::new(base).args(["-m", "venv", "--clear"]).args(options).arg(&folder)).and_then(|()| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(requirements);
        succeed(&mut pip)
    });
    match made {
        Ok(()) => {
            fs::write(&ready, wanted).unwrap();
            Some(python)
        }
        Err(why) => {
            skipped(&format!(
                "no Python with {}, so what needs it was not checked; python3 with venv, and a package index, make one: \
                 {why}",
                requirements[0]
            ));
            None
        }
    }
}

/// Says that something is not checked, which on CI is a failure.
fn skipped(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    eprintln!("SKIPPED: {why}");
}

fn succeed(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

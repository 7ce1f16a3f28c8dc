//! A stand-in for an Android device (`tests/fixtures/adb/device.py`) behind the real `adb`, with a server of its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const DEVICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/adb/device.py");

/// A device with the cores of an Exynos 9820, and a folder on it as the profiler uses one.
pub struct StandIn {
    folder: TempDir,
    device: Child,
    port: u16,
}

impl StandIn {
    /// A device, connected to by nobody yet; nothing, said plainly, where `adb` is missing. On CI that is a failure.
    pub fn start() -> Option<Self> {
        if Command::new("adb").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            let advice = "SKIPPED: no adb, so nothing about phones was checked; `./check` installs it on Debian";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{advice}");
            eprintln!("{advice}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for core in 0..8 {
            let place = root.join(format!("sys/devices/system/cpu/cpu{core}/cpufreq"));
            fs::create_dir_all(&place).unwrap();
            let kilohertz =
                [1_950_000, 1_950_000, 1_950_000, 1_950_000, 2_314_000, 2_314_000, 2_730_000, 2_730_000][core];
            fs::write(place.join("cpuinfo_max_freq"), format!("{kilohertz}\n")).unwrap();
            fs::write(place.join("scaling_cur_freq"), format!("{kilohertz}\n")).unwrap();
        }
        let zone = root.join("sys/class/thermal/thermal_zone0");
        fs::create_dir_all(&zone).unwrap();
        fs::write(zone.join("type"), "BIG\n").unwrap();
        fs::write(zone.join("temp"), "41500\n").unwrap();
        fs::create_dir(root.join("bin")).unwrap();
        // A free port for the server, a key of its own, and nothing of the user's.
        let server = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let home = root.join("home");
        fs::create_dir(&home).unwrap();
        program(
            &root.join("adb"),
            &format!("HOME={} ANDROID_ADB_SERVER_PORT={server} exec adb \"$@\"", home.display()),
        );
        let device = Command::new("python3").arg(DEVICE).arg(root).stdin(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        let port = loop {
            if let Ok(text) = fs::read_to_string(root.join("port")) {
                break text.parse().unwrap();
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the stand-in did not start");
            std::thread::sleep(Duration::from_millis(20));
        };
        let stand_in = Self { folder, device, port };
        stand_in.program(
            "getprop",
            "case $1 in ro.product.manufacturer) echo samsung ;; ro.product.model) echo SM-G973F ;; ro.hardware.chipname) echo \
             exynos9820 ;; ro.build.version.release) echo 12 ;; ro.build.id) echo SP1A ;; esac",
        );
        // This machine may have fewer cores; what is asked for is written down.
        stand_in.program("taskset", "[ $# -gt 0 ] || exit 1; echo \"$1\" >> \"$STANDIN/masks\"; shift; exec \"$@\"");
        Some(stand_in)
    }

    /// The folder that stands for the device's root.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The serial, as `adb connect` takes it.
    pub fn serial(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The program to run as `adb`.
    pub fn adb(&self) -> PathBuf {
        self.path("adb")
    }

    /// Puts a shell script on the device, found by its name.
    pub fn program(&self, name: &str, script: &str) {
        program(&self.path("bin").join(name), script);
    }

    /// Sets a fault (device.py says which there are).
    pub fn fault(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Ends a fault.
    pub fn mend(&self, name: &str) {
        let _ = fs::remove_file(self.path(name));
    }
}

fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = Command::new(self.adb()).arg("kill-server").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.device.kill();
        let _ = self.device.wait();
    }
}

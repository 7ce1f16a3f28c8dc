//! Runs a program to its end, or until its time is up, and hands over all that it printed.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Output beyond this is not kept.
const MOST: u64 = 16 << 20;

/// How long to wait for the last of the output of a program that has ended: what it left running may hold the pipe.
const REST: Duration = Duration::from_secs(2);

/// What a program did.
#[derive(Debug)]
pub(super) struct Finished {
    /// Its exit status; nothing where its time was up or a signal ended it.
    pub status: Option<i32>,
    /// Whether its time was up.
    pub late: bool,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
}

/// Runs a program. It leads a process group of its own, so that Ctrl-C in the terminal reaches this program alone.
///
/// # Errors
/// A program that cannot be started.
pub(super) fn run(command: &mut Command, timeout: Duration) -> std::io::Result<Finished> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let (stdout, stderr) = (child.stdout.take().map(collect), child.stderr.take().map(collect));
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    let (status, late) = loop {
        if let Some(status) = child.try_wait()? {
            break (status.code(), false);
        }
        if began.elapsed() > timeout {
            // Process ids are positive 32-bit numbers on every Unix.
            let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
            child.wait()?;
            break (None, true);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    let rest = |stream: Option<Receiver<Vec<u8>>>| {
        let mut all = Vec::new();
        let until = Instant::now() + REST;
        while let Some(Ok(piece)) =
            stream.as_ref().map(|stream| stream.recv_timeout(until.saturating_duration_since(Instant::now())))
        {
            all.extend(piece);
        }
        all
    };
    Ok(Finished { status, late, stdout: rest(stdout), stderr: rest(stderr) })
}

fn collect(stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = stream;
        let mut kept = 0;
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            kept += count as u64;
            // Read on, so that the program does not wait for a full pipe.
            if kept <= MOST && send.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receive
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout_ms: u64) -> Finished {
        run(Command::new("sh").args(["-c", script]), Duration::from_millis(timeout_ms)).unwrap()
    }

    #[test]
    fn output_and_status_come_back() {
        let done = shell("echo out; echo err >&2; exit 7", 20_000);
        assert_eq!((done.status, done.late), (Some(7), false));
        assert_eq!((&done.stdout[..], &done.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(shell("head -c 300000 /dev/zero", 20_000).stdout.len(), 300_000);
    }

    #[test]
    fn who_takes_too_long_is_ended_with_all_it_started() {
        let began = Instant::now();
        let done = shell("echo first; sleep 60 & sleep 60", 300);
        assert!(done.late && done.status.is_none());
        assert_eq!(done.stdout, b"first\n");
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn who_leaves_something_running_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(shell("echo first; sleep 60 &", 20_000).status, Some(0));
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

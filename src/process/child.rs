//! One child process: its start, its streams, its end.

use std::collections::HashSet;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::error::{Failure, Trouble};
use super::lines::{self, Line, Remarks};

/// How long a child that is done may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// How often a child that says nothing is looked at.
const GLANCE: Duration = Duration::from_millis(250);

/// Answers that may wait to be read; beyond that a child has to wait before it writes more.
const UNREAD: usize = 4;

/// A program and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name to be found in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder it runs in; empty for the current one.
    pub directory: PathBuf,
}

impl Command {
    /// The words, for messages.
    pub fn words(&self) -> String {
        let program = self.program.display().to_string();
        std::iter::once(program).chain(self.args.iter().cloned()).collect::<Vec<_>>().join(" ")
    }
}

/// The groups of all children that run, for [`end_all`].
static RUNNING: Mutex<Option<HashSet<i32>>> = Mutex::new(None);

/// Set once everything is to end.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Kills every child of every pool, with all that it has started, and lets none start again: for a program that is
/// about to end without dropping its pools. Calls that wait for an answer fail at once.
pub fn end_all() {
    let running = groups();
    STOPPING.store(true, Ordering::SeqCst);
    for &group in running.iter().flatten() {
        kill(group);
    }
}

/// Whether [`end_all`] was called.
pub(super) fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

fn groups() -> MutexGuard<'static, Option<HashSet<i32>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(group: i32) {
    // Fails only where the whole group is gone already.
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
}

/// What a child's stdout brings.
#[derive(Debug)]
enum Event {
    Line(Line),
    /// Nothing more will come.
    End,
}

/// A running child.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    group: i32,
    /// Requests to be written; `None` once stdin is closed.
    requests: Option<Sender<Vec<u8>>>,
    events: Receiver<Event>,
    stdout: Arc<Mutex<Remarks>>,
    stderr: Arc<Mutex<Remarks>>,
    /// Disconnected as soon as stderr has been read to its end.
    stderr_end: Receiver<()>,
    status: Option<ExitStatus>,
    /// How many requests it has answered.
    pub(super) answered: u64,
}

impl Child {
    /// Starts a program.
    ///
    /// # Errors
    /// A program that cannot be started.
    pub(super) fn start(command: &Command) -> Result<Self, Trouble> {
        let mut builder = process::Command::new(&command.program);
        builder.args(&command.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        builder.process_group(0);
        if !command.directory.as_os_str().is_empty() {
            builder.current_dir(&command.directory);
        }
        // Held until the group is listed, so that `end_all` misses nobody.
        let mut running = groups();
        if stopping() {
            return Err(Trouble::Stopping);
        }
        let mut process = builder.spawn().map_err(|error| Trouble::Start(error.to_string()))?;
        // Process ids are positive 32-bit numbers on every Unix.
        let group = process.id() as i32;
        running.get_or_insert_default().insert(group);
        drop(running);

        let (requests, to_write) = mpsc::channel::<Vec<u8>>();
        let (found, events) = mpsc::sync_channel(UNREAD);
        let (end, stderr_end) = mpsc::channel();
        let (stdout, stderr) = (Arc::<Mutex<Remarks>>::default(), Arc::<Mutex<Remarks>>::default());
        if let Some(stdin) = process.stdin.take() {
            std::thread::spawn(move || write(stdin, &to_write));
        }
        if let Some(stream) = process.stdout.take() {
            let remarks = Arc::clone(&stdout);
            std::thread::spawn(move || read_answers(stream, &found, &remarks));
        }
        if let Some(stream) = process.stderr.take() {
            let remarks = Arc::clone(&stderr);
            std::thread::spawn(move || read_remarks(stream, end, &remarks));
        }
        Ok(Self {
            process,
            group,
            requests: Some(requests),
            events,
            stdout,
            stderr,
            stderr_end,
            status: None,
            answered: 0,
        })
    }

    /// Sends one request and waits for its answer; counts the answers to anything else in `strays`.
    ///
    /// # Errors
    /// Whatever keeps the answer from coming. The child is of no use then.
    pub(super) fn ask(
        &mut self,
        request: Vec<u8>,
        attempt: u64,
        timeout: Duration,
        strays: &mut u64,
    ) -> Result<Value, Trouble> {
        if self.answered > 0 {
            // What was said about earlier requests would only mislead.
            locked(&self.stdout).clear();
            locked(&self.stderr).clear();
        }
        let began = Instant::now();
        // Where the writer is gone the child is too, and its output ends: that says more.
        let _ = self.requests.as_ref().map(|requests| requests.send(request));
        let mut gone = false;
        loop {
            if stopping() {
                return Err(Trouble::Stopping);
            }
            let left = timeout.saturating_sub(began.elapsed());
            match self.events.recv_timeout(left.min(GLANCE)) {
                Ok(Event::Line(Line::Answer { attempt: other, .. })) if other != attempt => *strays += 1,
                Ok(Event::Line(Line::Answer { answer, .. })) => {
                    self.answered += 1;
                    return Ok(answer);
                }
                Ok(Event::Line(Line::Unusable(what))) => return Err(Trouble::Unusable(what)),
                Ok(Event::Line(Line::Remark(_))) => {}
                Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(if stopping() { Trouble::Stopping } else { Trouble::Ended(self.wait(GRACE)) });
                }
                // Something that it started may hold its output open.
                Err(RecvTimeoutError::Timeout) if gone => return Err(Trouble::Ended(self.status)),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Trouble::Timeout(timeout)),
                Err(RecvTimeoutError::Timeout) => gone = self.exited(),
            }
            // Answers to something else must not keep it alive.
            if began.elapsed() >= timeout {
                return Err(Trouble::Timeout(timeout));
            }
        }
    }

    /// Ends the child for good, and tells what it said.
    pub(super) fn post_mortem(mut self, trouble: Trouble) -> Failure {
        self.finish();
        // With the whole group killed both streams end; the wait is for the thread that reads the last of them.
        let _ = self.stderr_end.recv_timeout(GRACE);
        Failure { trouble, stdout: locked(&self.stdout).lines(), stderr: locked(&self.stderr).lines() }
    }

    /// Closes the child's stdin, upon which it should end by itself.
    pub(super) fn dismiss(&mut self) {
        self.requests = None;
    }

    /// Whether the child has ended by itself.
    pub(super) fn exited(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// Waits so long for the child to end by itself.
    pub(super) fn wait(&mut self, grace: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        while !self.exited() && began.elapsed() < grace {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.status
    }

    /// Kills what is left of the group. It follows any wait for the leader closely: a group keeps its number while it
    /// has members, and the number of an empty one passes on only when the system has run through all others.
    fn finish(&mut self) {
        let mut running = groups();
        if running.as_mut().is_some_and(|running| running.remove(&self.group)) {
            kill(self.group);
        }
        drop(running);
        if self.status.is_none() {
            self.status = self.process.wait().ok();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.finish();
    }
}

fn locked(remarks: &Mutex<Remarks>) -> MutexGuard<'_, Remarks> {
    remarks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes requests until there are no more. A child that does not read blocks this thread alone.
fn write(mut stdin: impl Write, requests: &Receiver<Vec<u8>>) {
    while let Ok(request) = requests.recv() {
        if stdin.write_all(&request).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_answers(stream: impl Read, found: &SyncSender<Event>, remarks: &Mutex<Remarks>) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    loop {
        let event = match lines::next(&mut reader, &mut bytes) {
            Ok(Some(whole)) => match Line::of(&bytes, whole) {
                Line::Remark(text) => {
                    locked(remarks).push(text);
                    continue;
                }
                line => Event::Line(line),
            },
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Event::Line(Line::Unusable(format!(
                "it wrote a line of more than {} MiB: {}",
                lines::LONGEST >> 20,
                lines::shown(&bytes)
            ))),
            Ok(None) | Err(_) => Event::End,
        };
        let last = !matches!(event, Event::Line(Line::Answer { .. }));
        if found.send(event).is_err() || last {
            return;
        }
    }
}

/// Reads stderr to its end. `_end` goes away with it, which is how the end is told.
fn read_remarks(stream: impl Read, _end: Sender<()>, remarks: &Mutex<Remarks>) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    loop {
        match lines::next(&mut reader, &mut bytes) {
            Ok(Some(_)) => locked(remarks).push(lines::shown(&bytes)),
            // A progress bar without line ends: what came so far is dropped, and the rest goes on.
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {}
            Ok(None) | Err(_) => return,
        }
    }
}

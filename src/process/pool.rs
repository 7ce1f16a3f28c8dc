//! Several children of one program, each with one request at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::child::{Child, Command};
use super::error::{CallError, Failure, Trouble};

/// How long idle children may take to end, all together, when their pool goes away.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a pool has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Children that were started.
    pub starts: u64,
    /// Answers that nobody waited for: second ones, late ones, ones to requests that never were.
    pub strays: u64,
}

/// Children of one program that answer requests. They are started when they are needed, kept for the next request,
/// and replaced when they fail.
#[derive(Debug)]
pub struct Pool {
    command: Command,
    processes: usize,
    timeout: Duration,
    retries: u32,
    attempts: AtomicU64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Child>,
    /// Calls that have a child, or are about to start one.
    busy: usize,
    tally: Tally,
}

impl Pool {
    /// A pool of at most so many `processes` (at least one). Each try of a request may take `timeout`, the start of
    /// the program included; a request whose child fails is tried `retries` more times, each on a new child.
    pub fn new(command: Command, processes: usize, timeout: Duration, retries: u32) -> Self {
        let (state, freed) = (Mutex::default(), Condvar::new());
        Self { command, processes: processes.max(1), timeout, retries, attempts: AtomicU64::new(0), state, freed }
    }

    /// The same pool with another number of processes.
    pub fn with_processes(mut self, processes: usize) -> Self {
        self.processes = processes.max(1);
        self
    }

    /// What is started.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// What it has seen so far.
    pub fn tally(&self) -> Tally {
        self.state().tally
    }

    /// Asks a child and waits for its answer, a JSON object with the same `attempt`. `request` makes the request for
    /// an attempt, a number that no other try of any request has. May be called from many threads; where every child
    /// is busy, it waits for one.
    ///
    /// # Errors
    /// What happened at each start, where none led to an answer.
    pub fn call(&self, mut request: impl FnMut(u64) -> Value) -> Result<Value, CallError> {
        let turn = Turn::wait(self);
        let mut failures = Vec::new();
        let mut left = self.retries;
        loop {
            let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
            let mut line = request(attempt).to_string().into_bytes();
            line.push(b'\n');
            match self.ask(line, attempt) {
                Ok(answer) => return Ok(answer),
                // It did its work and left, as a program may that answers one request a start.
                Err((_, true)) => continue,
                Err((failure, false)) => failures.push(failure),
            }
            let stopping = failures.last().is_some_and(|failure| failure.trouble == Trouble::Stopping);
            if left == 0 || stopping {
                drop(turn);
                return Err(CallError { program: self.command.words(), failures });
            }
            left -= 1;
        }
    }

    /// One try. A failure comes with whether the child had only left after its earlier work.
    fn ask(&self, line: Vec<u8>, attempt: u64) -> Result<Value, (Failure, bool)> {
        let mut child = match self.idle() {
            Some(child) => child,
            None => {
                self.state().tally.starts += 1;
                let silent = |trouble| Failure { trouble, stdout: Vec::new(), stderr: Vec::new() };
                Child::start(&self.command).map_err(|trouble| (silent(trouble), false))?
            }
        };
        let mut strays = 0;
        let outcome = child.ask(line, attempt, self.timeout, &mut strays);
        self.state().tally.strays += strays;
        match outcome {
            Ok(answer) => {
                self.state().idle.push(child);
                Ok(answer)
            }
            Err(trouble) => {
                let left = matches!(&trouble, Trouble::Ended(Some(status)) if status.success()) && child.answered > 0;
                Err((child.post_mortem(trouble), left))
            }
        }
    }

    /// A child that waits for work; those that ended meanwhile are let go.
    fn idle(&self) -> Option<Child> {
        loop {
            let mut child = self.state().idle.pop()?;
            if !child.exited() {
                return Some(child);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut idle = std::mem::take(&mut self.state().idle);
        idle.iter_mut().for_each(Child::dismiss);
        let began = Instant::now();
        for child in &mut idle {
            child.wait(FAREWELL.saturating_sub(began.elapsed()));
        }
    }
}

/// The right to use one of the children, given back when it goes out of scope.
struct Turn<'a>(&'a Pool);

impl<'a> Turn<'a> {
    fn wait(pool: &'a Pool) -> Self {
        let mut state = pool.state();
        while state.busy >= pool.processes {
            state = pool.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.busy += 1;
        drop(state);
        Self(pool)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.freed.notify_one();
    }
}

//! Runs objectives for candidates: jobs go in, results come out as they finish, and nothing that happens inside an
//! objective is lost or stops the rest.
//!
//! An [`Evaluator`] has threads of its own, since an objective may wait minutes for a program while others compute.
//! Objectives that this program computes itself can be handed to `pocketnas worker` processes instead
//! ([`in_processes`]); those that a user's program answers come with processes already
//! ([`crate::objective::Program`]). Either way the evaluator sees nothing but objectives.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::graph::Network;
use crate::space::Value;

mod judge;
mod remote;
pub mod worker;

pub use judge::{Bound, Task};
pub use remote::{WorkerOptions, in_processes};

#[cfg(test)]
mod tests;

/// One candidate to be judged.
#[derive(Clone, Debug)]
pub struct Job {
    /// The caller's number for it.
    pub id: u64,
    /// The network.
    pub network: Network,
    /// Its text form in the space.
    pub architecture: String,
    /// The decisions that make it: paths and values.
    pub decisions: Vec<(String, Value)>,
    /// Seed of whatever is random about judging it.
    pub seed: u64,
    /// How thoroughly it is judged, above 0 and at most 1, which is in full.
    pub fidelity: f64,
    /// Values known already, by objective; they are taken as they are. May be shorter than the objectives.
    pub known: Vec<Option<f64>>,
}

/// The value of one objective, and what it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The value, in the unit of the objective; finite.
    pub value: f64,
    /// Seconds that it took here; 0 for a value that was known.
    pub seconds: f64,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every objective has a value, and every limit is kept.
    Complete,
    /// Some limit is broken.
    Infeasible {
        /// By how much each limit is broken, in its own unit; 0 where it is kept, or where nobody looked.
        violations: Vec<f64>,
        /// Whether this was seen before everything was computed, so that some objective has no value.
        screened: bool,
    },
    /// An objective has no value for this candidate.
    Failed {
        /// The name of the objective.
        objective: String,
        /// Why.
        reason: String,
    },
}

/// A job with its results.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The number of the job.
    pub id: u64,
    /// One entry for each objective, in their order; `None` where it was not computed or has no value.
    pub readings: Vec<Option<Reading>>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Threads that judge jobs in the order in which they are submitted, and hand back results in the order in which they
/// finish.
///
/// Dropping it gives up the jobs that nobody has begun, and waits for those that run; [`crate::process::end_all`]
/// makes those end soon that wait for a process.
#[derive(Debug)]
pub struct Evaluator {
    shared: Arc<Shared>,
    results: Receiver<Finished>,
    threads: Vec<JoinHandle<()>>,
    pending: usize,
}

#[derive(Debug)]
struct Shared {
    task: Task,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Shared {
    /// Nothing panics while it holds the queue, but a poisoned lock would be no reason to stop either.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, as soon as there is one; nothing once the evaluator goes away.
    fn take(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Evaluator {
    /// An evaluator with so many threads, at least one.
    pub fn new(task: Task, threads: usize) -> Self {
        let shared = Arc::new(Shared { task, queue: Mutex::default(), changed: Condvar::new() });
        let (sender, results) = mpsc::channel();
        let threads = (0..threads.max(1))
            .map(|_| {
                let (shared, sender) = (Arc::clone(&shared), sender.clone());
                std::thread::spawn(move || work(&shared, &sender))
            })
            .collect();
        Self { shared, results, threads, pending: 0 }
    }

    /// What it judges by.
    pub fn task(&self) -> &Task {
        &self.shared.task
    }

    /// Adds a job to the end of the queue.
    pub fn submit(&mut self, job: Job) {
        self.pending += 1;
        self.shared.queue().jobs.push_back(job);
        self.shared.changed.notify_one();
    }

    /// How many jobs have been submitted and not been handed back.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// The next result. Waits for at most `timeout`; nothing if it passes, or if nothing is pending.
    pub fn next(&mut self, timeout: Duration) -> Option<Finished> {
        if self.pending == 0 {
            return None;
        }
        let finished = match self.results.recv_timeout(timeout) {
            Ok(finished) => finished,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        self.pending -= 1;
        Some(finished)
    }

    /// Takes back the jobs that nobody has begun, so that only those that run are still to come.
    pub fn withdraw(&mut self) -> Vec<Job> {
        let jobs: Vec<Job> = self.shared.queue().jobs.drain(..).collect();
        self.pending -= jobs.len();
        jobs
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that ended badly has told its job's failure as far as it could; there is nobody to tell more.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, results: &Sender<Finished>) {
    while let Some(job) = shared.take() {
        if results.send(shared.task.judge(&job)).is_err() {
            return;
        }
    }
}

/// Seconds since `began`.
fn seconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}

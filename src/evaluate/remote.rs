//! Objectives that this program computes, computed by `pocketnas worker` processes instead.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::graph::Network;
use crate::objective::request::{Wanted, ask};
use crate::objective::{Additive, Direction, Objective, ObjectiveError, Origin, Subject};
use crate::process::{Command, Pool};

/// How worker processes are run.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The command that serves requests: `pocketnas worker`.
    pub command: Command,
    /// How many run at once.
    pub processes: usize,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often a request is tried again on another process.
    pub retries: u32,
}

impl WorkerOptions {
    /// So many processes of `program`, the path of pocketnas itself, at the default timeout of 10 minutes and one retry.
    pub fn new(program: impl Into<PathBuf>, processes: usize) -> Self {
        let command = Command { program: program.into(), args: vec!["worker".to_owned()], directory: PathBuf::new() };
        Self { command, processes, timeout: Duration::from_secs(600), retries: 1 }
    }
}

/// The same objectives, their values computed by worker processes that all of them share. Values are the same to the
/// last bit. Those that have processes of their own stay as they are.
pub fn in_processes(objectives: &[Arc<dyn Objective>], options: WorkerOptions) -> Vec<Arc<dyn Objective>> {
    let pool = Arc::new(Pool::new(options.command, options.processes, options.timeout, options.retries));
    let remote = |inner: &Arc<dyn Objective>| -> Arc<dyn Objective> {
        let Some(definition) = inner.definition() else { return Arc::clone(inner) };
        let wanted = Wanted { name: inner.name().to_owned(), kind: inner.origin().kind.to_owned(), definition };
        Arc::new(Remote { inner: Arc::clone(inner), wanted, pool: Arc::clone(&pool) })
    };
    objectives.iter().map(remote).collect()
}

/// An objective whose candidates are judged by a worker; everything else about it is answered here.
#[derive(Debug)]
struct Remote {
    inner: Arc<dyn Objective>,
    wanted: Wanted,
    pool: Arc<Pool>,
}

impl Objective for Remote {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn label(&self) -> String {
        self.inner.label()
    }

    fn unit(&self) -> &str {
        self.inner.unit()
    }

    fn direction(&self) -> Direction {
        self.inner.direction()
    }

    fn origin(&self) -> &Origin {
        self.inner.origin()
    }

    fn compares_input_sizes(&self) -> bool {
        self.inner.compares_input_sizes()
    }

    fn value(&self, network: &Network) -> Result<f64, ObjectiveError> {
        self.inner.value(network)
    }

    fn evaluate(&self, subject: &Subject<'_>) -> Result<f64, ObjectiveError> {
        ask(&self.pool, &self.wanted, subject)
    }

    fn cheap(&self) -> bool {
        self.inner.cheap()
    }

    fn by_block(&self, network: &Network) -> Result<Vec<f64>, ObjectiveError> {
        self.inner.by_block(network)
    }

    fn additive(&self) -> Option<&dyn Additive> {
        self.inner.additive()
    }

    fn stand_in(&self) -> Option<&str> {
        self.inner.stand_in()
    }

    fn additive_stand_in(&self) -> Option<Arc<dyn Objective>> {
        self.inner.additive_stand_in()
    }

    fn with_beta(&self, beta: f64) -> Option<Arc<dyn Objective>> {
        self.inner.with_beta(beta)
    }

    fn definition(&self) -> Option<String> {
        self.inner.definition()
    }

    fn flags(&self, network: &Network) -> Vec<String> {
        self.inner.flags(network)
    }
}

//! A search from its checked config to the files it leaves: [`Plan`] compiles and prices the space,
//! [`Plan::run`] finds the front, proves it against whole networks and writes everything.
//!
//! Raw text, checked config, plan and run are separate types: a plan that exists can be run, and what a
//! run writes has been checked against the networks themselves.

use crate::yaml::Diagnostics;
use store::StoreError;

mod backbones;
mod baselines;
mod beta;
mod coordinator;
mod cost_graph;
mod decisions;
mod distinct;
mod evolve;
mod evolved;
pub mod export;
mod infeasible;
mod interrupt;
mod journal;
mod judged;
mod lock;
mod log;
mod members;
mod outputs;
mod plan;
mod present;
mod run;
mod search;
pub mod status;
pub mod store;
mod strategy;
mod summary;
mod ties;
mod trials;
mod yardstick;

pub use beta::BetaStep;
pub use cost_graph::{ColumnSource, priced_graph};
pub use distinct::distinct;
pub use evolve::EvolutionSummary;
pub use interrupt::{Interrupt, Interruptible, interrupt};
pub use journal::{Continuation, Journal};
pub use judged::Judged;
pub use lock::{Holder, Lock};
pub use log::LOG;
pub use outputs::{Outputs, abandon};
pub use plan::{Plan, Reachable};
pub use run::{Outcome, Solution};
pub use search::Search;
pub use strategy::strategy;
pub use summary::Forecast;
pub use yardstick::ExactFront;

/// Is told how far a study has come.
pub trait Progress: Sync {
    /// A stage begins; `total` steps, where that is known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// Some steps more are done.
    fn step(&self, by: u64);
    /// How a search that evaluates candidates stands; the function is called where it will be shown.
    fn snapshot(&self, _make: &dyn Fn() -> Snapshot) {}
    /// The stage is over; `outcome` says in a few words what came out.
    fn done(&self, outcome: &str);
}

/// How a search that evaluates candidates stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Evaluations so far, each counted by its fidelity.
    pub evaluated: f64,
    /// How many there will be at most.
    pub budget: u64,
    /// Of them, how many a former run of the study had recorded.
    pub recorded: f64,
    /// Candidates so far.
    pub candidates: u64,
    /// Candidates within every limit.
    pub feasible: u64,
    /// Candidates that could not be evaluated.
    pub failed: u64,
    /// Candidates whose network had been evaluated before.
    pub cached: u64,
    /// Members of the front.
    pub front: usize,
    /// The share that the front dominates of the box between the best and the worst value of each objective so far.
    pub hypervolume: f64,
    /// Evaluations when the front changed last.
    pub improved: f64,
}

/// Why a study has no result.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The config, or a file it names, asks for something that cannot be.
    #[error(transparent)]
    Input(Diagnostics),
    /// Nothing in the space satisfies the limits.
    #[error(transparent)]
    Infeasible(Diagnostics),
    /// The output folder cannot be used.
    #[error("{message}")]
    Folder {
        /// What is wrong.
        message: String,
        /// How to mend it.
        help: String,
    },
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] crate::report::ReportError),
    /// The record of the study cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An interrupt stopped the search; what was evaluated is recorded.
    #[error("stopped after {evaluated} evaluations; the same command continues")]
    Stopped {
        /// Evaluations that are recorded.
        evaluated: u64,
    },
    /// Not one candidate could be evaluated.
    #[error(
        "every evaluation so far failed ({evaluations}); the first one: {reason}. Mend that, then start over with --new, since \
         failures are on record"
    )]
    AllFailed {
        /// How many there were.
        evaluations: u64,
        /// What the first one said.
        reason: String,
    },
    /// A recorded study does not come back to where it was.
    #[error(
        "candidate {trial} of the study was `{recorded}`, but is another one now: it was recorded by another version of this \
         program, or the study is damaged. Start over with --new, or in another folder"
    )]
    Replay {
        /// The candidate.
        trial: u64,
        /// What it was.
        recorded: String,
    },
    /// The results do not hold against the whole networks: a fault of this program.
    #[error("{0}; this is a fault in pocketnas, please report it with the config")]
    Certificate(String),
}

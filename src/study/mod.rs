//! A search from its checked config to the files it leaves: [`Plan`] compiles and prices the space,
//! [`Plan::run`] finds the front, proves it against whole networks and writes everything.
//!
//! Raw text, checked config, plan and run are separate types: a plan that exists can be run, and what a
//! run writes has been checked against the networks themselves.

use crate::yaml::Diagnostics;

mod baselines;
mod cost_graph;
mod distinct;
mod infeasible;
mod judged;
pub mod lock;
mod members;
mod outputs;
mod plan;
mod present;
mod run;
pub mod store;
mod summary;
mod ties;

pub use cost_graph::{ColumnSource, priced_graph};
pub use distinct::distinct;
pub use judged::Judged;
pub use outputs::{Outputs, abandon};
pub use plan::{Plan, Reachable};
pub use run::{Outcome, Solution};
pub use summary::Forecast;

/// Is told how far a study has come.
pub trait Progress: Sync {
    /// A stage begins; `total` steps, where that is known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// Some steps more are done.
    fn step(&self, by: u64);
    /// The stage is over; `outcome` says in a few words what came out.
    fn done(&self, outcome: &str);
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
    /// The results do not hold against the whole networks: a fault of this program.
    #[error("{0}; this is a fault in pocketnas, please report it with the config")]
    Certificate(String),
}

//! Measures what operators cost on a device, and makes a table of it: micro-benchmarks for what a space can need, most
//! uncertain first, on this machine or on a phone behind `adb`.
//!
//! [`Plan`] says what, a [`DeviceRunner`] runs it, [`measure`] is the loop, [`Journal`] keeps what came out, and
//! [`table()`] makes the table. The protocol: pinned cores, warm-up, at least 50 runs in windows of random order, a
//! reference operator in between, and what lies where it drifted is measured again.

mod adb;
mod benchmark;
mod command;
mod cores;
mod demand;
mod drift;
mod host;
mod in_process;
mod journal;
mod local;
mod networks;
mod onnxruntime;
pub mod output;
mod plan;
mod runner;
mod sensors;
mod session;
#[cfg(test)]
mod simulated;
mod spawn;
mod statistics;
mod table;
mod thread;

pub use benchmark::{Benchmark, Subject};
pub use drift::Results;
pub use journal::{Event, JOURNAL, Journal, JournalError};
pub use networks::{NETWORKS, write_networks};
pub use plan::{Plan, PlanError, PlanOptions, Planned, Prior, Standing};
pub use runner::{
    Argument, Conditions, Device, DeviceRunner, Measured, Opened, RUNNERS, RunnerError, RunnerKind, Runs, Setup,
    WriteModel, open,
};
pub use session::{Ended, ProfileError, Progress, Protocol, RUNS, Watch, measure};
pub use statistics::{Statistics, Summary};
pub use table::{InNetworks, Profiled, Statement, table};

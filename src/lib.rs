//! pocketnas: neural architecture search for phones.
//!
//! One YAML config in; an exact Pareto front, plots, tables and architecture
//! files out. See `README.md` for a walk through, and `CONTRIBUTING.md` for how
//! the modules hang together.

pub mod audit;
pub mod cli;
pub mod config;
pub mod data;
pub mod engine;
pub mod evaluate;
pub mod export;
pub mod graph;
pub mod import;
pub mod latency;
pub mod objective;
pub mod onnx;
pub mod pareto;
pub mod process;
pub mod proxy;
pub mod report;
pub mod search;
pub mod space;
pub mod study;
pub mod units;
pub mod verify;
pub mod yaml;

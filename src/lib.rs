//! pocketnas: neural architecture search for phones.
//!
//! One YAML config in; an exact Pareto front, plots, tables and architecture
//! files out. See `README.md` for a walk through, and `CONTRIBUTING.md` for how
//! the modules hang together.

pub mod audit;
pub mod cli;
pub mod graph;
pub mod proxy;
pub mod space;
pub mod units;
pub mod yaml;

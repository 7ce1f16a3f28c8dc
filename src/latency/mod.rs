//! What networks cost on a phone: tables of operator costs, the model they hold,
//! its fit to measured networks, and predictions that say what they rest on.
//!
//! No latency is measured here. Tables are fitted to measurements that others
//! published, and every row says whether it was `measured` or `fitted`.

mod baseline;
mod error;
mod evaluate;
mod fit;
mod kernel;
mod model;
mod nnls;
mod rows;
pub mod terms;

pub use error::LatencyError;
pub use evaluate::{CrossValidation, Predicted, Scores, Split, cross_validate, predict_samples, score};
pub use fit::{Sample, fit};
pub use kernel::{Kernel, KernelKind};
pub use model::OperatorModel;
pub use rows::{Measurement, OperatorList, Selector, read_families, read_measurements, read_operators};
pub use terms::Term;

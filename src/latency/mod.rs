//! What networks cost on a phone: tables of operator costs, the model they hold,
//! its fit to measured networks, and predictions that say what they rest on.
//!
//! The shipped tables are fitted to measurements that others published; [`profile`]
//! measures a device of the user's. Every row says whether it was `measured` or `fitted`.

mod baseline;
mod coverage;
mod describe;
mod error;
mod evaluate;
mod fit;
mod kernel;
mod lower;
mod model;
mod network_file;
mod nnls;
mod predict;
pub mod profile;
mod rows;
mod samples;
mod shipped;
mod table;
mod table_file;
pub mod terms;

pub use coverage::{Coverage, Covered, Flag, Property};
pub use describe::{Stated, describe, file_name};
pub use error::LatencyError;
pub use evaluate::{CrossValidation, Predicted, Scores, Split, cross_validate, predict_samples, score};
pub use fit::{Sample, fit};
pub use kernel::{Kernel, KernelKind};
pub use lower::{Lowered, lower};
pub use model::OperatorModel;
pub use network_file::read_network;
pub use predict::{BlockCost, Prediction, predict, predict_operators};
pub use rows::{Measurement, OperatorList, Selector, read_families, read_measurements, read_operators};
pub use samples::read_samples;
pub use table::{FitError, LatencyTable, MeasuredRow, Priced, Provenance, Source, SourceFile, TableInfo};
pub use table_file::TABLE_SCHEMA;
pub use terms::Term;

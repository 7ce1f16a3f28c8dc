//! What networks cost on a phone: tables of operator costs, the model they hold,
//! its fit to measured networks, and predictions that say what they rest on.
//!
//! The shipped tables are fitted to measurements that others published; [`profile`]
//! measures a device of the user's. Every row says whether it was `measured` or `fitted`.

mod adapt;
mod baseline;
mod blocks;
mod bound;
mod classes;
mod coverage;
mod describe;
mod error;
mod evaluate;
mod fit;
mod kernel;
mod learning_curve;
mod left_out;
mod lower;
mod model;
mod network_file;
mod nnls;
mod normal;
mod predict;
pub mod profile;
mod robust;
mod rows;
mod samples;
mod sequences;
mod shipped;
mod siblings;
mod table;
mod table_file;
pub mod terms;

pub use adapt::{Adapted, adapt};
pub use blocks::{MeasuredBlock, read_blocks};
pub use bound::{Bound, BoundRatios, CONFIDENCE, LEAST_CONFIDENCE, NoBound};
pub use classes::{
    CELL, Calibration, Class, ClassCost, ClassModel, MOBILE_BLOCKS, OperatorFit, TimedNetwork, Work, fit_operators,
    fit_totals,
};
pub use coverage::{Coverage, Covered, Flag, Property};
pub use describe::{INFERRED, Stated, describe, file_name};
pub use error::LatencyError;
pub use evaluate::{CrossValidation, GroupError, Predicted, Scores, Split, cross_validate, predict_samples, score};
pub use fit::{Sample, fit, fit_beside};
pub use kernel::{Kernel, KernelKind};
pub use learning_curve::{CurvePoint, learning_curve};
pub use left_out::leave_out;
pub use lower::{Lowered, lower, lower_run, lower_whole};
pub use model::OperatorModel;
pub use network_file::{SpaceOrNetwork, read_network, read_space_or_network};
pub use predict::{BlockCost, Prediction, predict, predict_operators};
pub use rows::{
    Measurement, OperatorList, OperatorTimes, Selector, read_architectures, read_families, read_measurements,
    read_operator_times, read_operators,
};
pub use samples::{read_samples, read_samples_of_files, read_timed};
pub use sequences::{Sequences, fit_sequences};
pub use siblings::{Siblings, read_siblings};
pub use table::{FitError, LatencyTable, MeasuredRow, Priced, Provenance, Source, SourceFile, TableInfo};
pub use table_file::TABLE_SCHEMA;
pub use terms::Term;

//! Audits: how far a score can be trusted, measured against networks whose
//! accuracy is known.
//!
//! [`Ranks`] holds two columns and answers Spearman's ρ and Kendall's τ-b,
//! [`interval`] says how sure those are, [`Truth`] reads the known accuracies,
//! and [`measure`] and [`judge`] put them together.

mod bootstrap;
mod measure;
mod rank;
#[cfg(test)]
mod tests;
mod top;
mod truth;

pub use bootstrap::{Bootstrap, Interval, Intervals, interval};
pub use measure::{Column, Judgement, MeasureError, Measured, TopHalf, judge, measure};
pub use rank::Ranks;
pub use top::expected_best;
pub use truth::{Truth, TruthError, TruthRow};

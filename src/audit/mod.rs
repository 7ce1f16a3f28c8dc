//! Audits: how far a score can be trusted, measured against networks whose
//! accuracy is known.
//!
//! [`Ranks`] holds two columns and answers Spearman's ρ and Kendall's τ-b,
//! [`Bootstrap`] says how sure those are, [`Truth`] reads the known accuracies,
//! [`resolve()`] finds their architectures in a space, [`measure()`] scores them, with a
//! [`Journal`] where that takes long, and [`judge()`] compares. [`Table`] says how often options are taken and what decisions are worth.
//!
//! [`Contest`] holds search strategies against the exact front, where there is one.

mod bands;
mod bootstrap;
mod cost;
mod decisions;
mod gain;
mod journal;
mod judge;
mod lineup;
mod measure;
mod present;
mod rank;
mod resolve;
mod strategies;
#[cfg(test)]
mod tests;
mod top;
mod traits;
mod truth;

pub use bands::{BANDS, Band, Bands};
pub use bootstrap::{Bootstrap, Interval, Intervals, interval};
pub use cost::{Cost, Detail};
pub use decisions::{Share, Table, UnknownDecision};
pub use gain::{ndcg, ndcg_cut};
pub use journal::{JOURNAL, Journal, JournalError, Known, definition_key};
pub use judge::{Judgement, Rows, TopHalf, judge};
pub use lineup::Lineup;
pub use measure::{Column, MeasureError, Measured, Run, Survey, measure};
pub use present::present;
pub use rank::Ranks;
pub use resolve::{ResolveError, resolve};
pub use strategies::{Contender, Contest, Standing, contenders};
pub use top::expected_best;
pub use traits::Traits;
pub use truth::{Truth, TruthError, TruthRow};

//! How a space is searched, without knowing what is in it: networks, block libraries and textbook problems alike.
//!
//! What adds up along a path is searched exactly ([`exact`]); everything else by a [`Strategy`] that is asked for
//! candidates and told what became of them.

mod domain;
pub mod exact;
pub mod selection;
mod strategy;
mod variation;

pub use domain::{Decision, Domain, Gene, Genotype};
pub use exact::{
    Column, CostGraph, Edge, Front, FrontError, GraphError, Limit, MAX_OBJECTIVES, Options, Point, Reach, Role, front,
    library, reach,
};
pub use strategy::{Candidate, Outcome, Strategy};
pub use variation::{Conditional, Variation};

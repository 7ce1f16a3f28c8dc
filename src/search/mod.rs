//! How a space is searched, without knowing what is in it: networks, block libraries and textbook problems alike.
//!
//! What adds up along a path is searched exactly ([`exact`]); everything else by a [`Strategy`] that is asked for
//! candidates and told what became of them.

mod aging;
mod asked;
mod breeding;
#[cfg(test)]
mod conformance;
mod domain;
pub mod exact;
mod generation;
mod halving;
mod local;
mod nsga2;
mod nsga3;
#[cfg(test)]
mod numbers;
mod random;
pub mod selection;
mod strategy;
#[cfg(test)]
mod toy;
mod variation;

pub use aging::{Aging, AgingOptions};
pub use asked::Asked;
pub use domain::{Decision, Domain, Gene, Genotype};
pub use exact::{
    Column, CostGraph, Edge, Front, FrontError, GraphError, Limit, MAX_OBJECTIVES, Options, Point, Reach, Role, front,
    library, reach,
};
pub use halving::{Halving, HalvingOptions, HalvingOptionsError};
pub use local::{Local, LocalOptions};
pub use nsga2::{Nsga2, Nsga2Options};
pub use nsga3::{Nsga3, Nsga3Options, directions};
pub use random::Random;
pub use strategy::{Candidate, Outcome, Strategy};
pub use variation::{Conditional, Variation};

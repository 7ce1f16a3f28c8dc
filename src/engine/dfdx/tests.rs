//! The reference engine against the conformance suite, and what only it has to show.
#![allow(clippy::unwrap_used)]

use super::*;

crate::engine::conformance::suite!(Dfdx);

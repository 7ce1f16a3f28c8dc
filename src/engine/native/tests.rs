//! The native engine against the conformance suite.
#![allow(clippy::unwrap_used)]

use super::*;

crate::engine::conformance::suite!(Native::default());

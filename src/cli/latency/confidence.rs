//! The confidence of upper bounds: a flag that every command with bounds has, and what is said where there are none.

use clap::Args;
use miette::miette;

use super::super::Failure;
use super::say;
use crate::latency::{CONFIDENCE, LatencyTable, NoBound};

#[derive(Args)]
pub(super) struct Confidence {
    /// Share of networks that upper bounds are to hold for, from 0.5 to below 1; 0.95 where the table can give it
    #[arg(long, value_name = "SHARE")]
    pub confidence: Option<f64>,
}

impl Confidence {
    /// What a table multiplies a mean by for an upper bound, with the confidence; nothing where none was asked for
    /// and the table cannot give the usual one.
    pub fn factor(&self, name: &str, table: &LatencyTable) -> Result<Option<(f64, f64)>, Failure> {
        let confidence = self.confidence.unwrap_or(CONFIDENCE);
        match (table.bound_factor(confidence), self.confidence) {
            (Ok(factor), _) => Ok(Some((factor, confidence))),
            (Err(reason), None) => {
                say(format_args!("no upper bound: {name}: {reason}"));
                Ok(None)
            }
            (Err(reason), Some(_)) => Err(no_bound(name, &reason)),
        }
    }
}

/// Why a table has no bound, with the remedy.
pub(super) fn no_bound(name: &str, reason: &NoBound) -> Failure {
    Failure::Input(miette!(help = reason.remedy(), "{name}: {reason}"))
}

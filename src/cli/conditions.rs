//! Under which conditions networks are measured, as options of the commands that measure them.

use std::sync::Arc;

use super::Failure;
use crate::data::{Dataset, Normalisation};
use crate::engine::native::Native;
use crate::proxy::Conditions;

/// What is the same for every network that a proxy runs.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Data for proxies that run the network: `noise`, `ones`, or the path of IDX files, CIFAR binaries or a folder of images
    #[arg(long, value_name = "DATA", default_value = "noise")]
    data: String,
    /// Seed of the initial weights
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Seed of the batches
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    data_seed: u64,
}

impl Args {
    pub(super) fn conditions(&self) -> Result<Conditions, Failure> {
        let data = Dataset::open(&self.data, &Normalisation::default()).map_err(Failure::input)?;
        let engine = Native::default().with_threads(rayon::current_num_threads()).map_err(Failure::failed)?;
        Ok(Conditions::new(&self.data, Arc::new(data), self.seed, self.data_seed).on(engine))
    }
}

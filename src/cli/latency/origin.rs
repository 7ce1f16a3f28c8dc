//! What a table says about where it comes from: flags of every command that makes one of measurements.

use clap::Args;

use crate::latency::Stated;

/// What cannot be read from the measurements.
#[derive(Args)]
pub(super) struct Origin {
    /// Name of the table; made of device, cores and precision if left out
    #[arg(long)]
    name: Option<String>,
    /// The device as its maker calls it; known for s10 and pixel4, and a device that is profiled says it
    #[arg(long)]
    device_name: Option<String>,
    /// The device's system on chip; known for s10 and pixel4, and a device that is profiled says it
    #[arg(long)]
    soc: Option<String>,
    /// What ran the networks, with its version; known for s10 and pixel4, and of what profiles
    #[arg(long)]
    pub runtime: Option<String>,
    /// Who measured, and where it is published; known for s10 and pixel4
    #[arg(long)]
    source: Option<String>,
    /// Licence of the measurements; known for s10 and pixel4
    #[arg(long)]
    licence: Option<String>,
}

impl Origin {
    pub fn stated(&self) -> Stated {
        Stated {
            table: self.name.clone(),
            device: self.device_name.clone(),
            soc: self.soc.clone(),
            runtime: self.runtime.clone(),
            source: self.source.clone(),
            licence: self.licence.clone(),
        }
    }
}

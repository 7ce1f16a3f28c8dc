//! Which measurements a command reads: flags that `latency fit` and `latency eval` share.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Failure;
use super::{input, say};
use crate::latency::{Sample, Selector, Siblings, read_samples, read_samples_of_files, read_siblings};
use crate::units::counted;

/// Which measurements.
#[derive(Args)]
pub(super) struct Measurements {
    /// Measured networks: columns `model,device,cores,precision,mean_us`, or `network,ms` where a network is a
    /// model of the operators file or the path of an architecture file
    #[arg(long, value_name = "CSV")]
    pub networks: PathBuf,
    /// Operator lists of the networks; only the geometry columns are read
    #[arg(long, value_name = "CSV")]
    pub operators: Option<PathBuf>,
    /// Folder of files NAME.yaml for networks without operator lists: architectures, or search spaces whose default is
    /// meant. Networks that have none are left out
    #[arg(long, value_name = "DIR")]
    pub architectures: Option<PathBuf>,
    /// Device, as the networks file names it
    #[arg(long)]
    pub device: String,
    /// Core set, as the networks file names it
    #[arg(long)]
    pub cores: String,
    /// Number format: `float` or `quant`
    #[arg(long)]
    pub precision: String,
}

impl Measurements {
    pub fn selector(&self) -> Selector {
        Selector { device: self.device.clone(), cores: self.cores.clone(), precision: self.precision.clone() }
    }

    pub fn samples(&self) -> Result<Vec<Sample>, Failure> {
        let samples = match (&self.operators, &self.architectures) {
            (None, Some(folder)) => self.samples_of_files(&self.networks, folder)?,
            (operators, _) => read_samples(&self.networks, operators.as_deref(), &self.selector()).map_err(input)?,
        };
        let count = counted(samples.len(), "network");
        say(format_args!("{count} measured on {} {} {}", self.device, self.cores, self.precision));
        Ok(samples)
    }

    /// The networks of a file of measurements that have a file in the folder.
    pub fn samples_of_files(&self, networks: &Path, folder: &Path) -> Result<Vec<Sample>, Failure> {
        let (samples, missing) = read_samples_of_files(networks, folder, &self.selector()).map_err(input)?;
        if !missing.is_empty() {
            say(format_args!("left out: {} without a file in {}", counted(missing.len(), "network"), folder.display()));
        }
        Ok(samples)
    }

    pub fn siblings(&self) -> Result<Siblings, Failure> {
        let siblings = read_siblings(&self.networks, &self.selector()).map_err(input)?;
        if !siblings.sets.is_empty() {
            say(format_args!("costs lean on those of other core sets: {}", siblings.names().join(", ")));
        }
        Ok(siblings)
    }
}

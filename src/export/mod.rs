//! Architecture files: one architecture with its decisions, its operator graph and what is known about it,
//! readable without pocketnas, and the formats they are written in.
//!
//! A format is an [`Exporter`] in a file of its own and a line in [`EXPORTERS`].

use std::fmt::Debug;
use std::io;
use std::path::Path;

use crate::graph::Network;
use crate::latency::profile::WriteModel;

mod architecture;
mod claims;
mod dot;
mod json;
pub mod onnx;
mod read;
mod svg;
pub mod tflite;
mod yaml;

pub use architecture::{ArchitectureFile, Metric, Provenance};
pub use claims::{Claim, claims, metric_claims};
pub use read::{ReadError, parse, read};

#[cfg(test)]
mod tests;

/// A format in which an architecture can be written.
pub trait Exporter: Debug + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// The ending of its files.
    fn extension(&self) -> &'static str;

    /// What it is good for, in a few words.
    fn about(&self) -> &'static str;

    /// The bytes of the file; UTF-8 where the format is text.
    ///
    /// # Errors
    /// What the format has no room for.
    fn render(&self, file: &ArchitectureFile, network: &Network) -> Result<Vec<u8>, ExportError>;
}

/// Why an architecture cannot be written in a format.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExportError {
    /// It cannot be drawn.
    #[error("cannot draw the network: {0}")]
    Drawing(String),
    /// ONNX cannot hold it.
    #[error("`{architecture}` as ONNX: {source}")]
    Onnx {
        /// The architecture.
        architecture: String,
        /// Why not.
        source: onnx::OnnxError,
    },
}

/// Every format, in the order that help lists them.
pub static EXPORTERS: &[&dyn Exporter] = &[&yaml::Yaml, &json::Json, &dot::Dot, &svg::Svg, &onnx::Onnx];

/// The formats of models for runtimes that only the speed of networks is asked of.
pub static MODELS: &[(&str, WriteModel)] = &[("onnx", onnx::speed_model), ("tflite", tflite::speed_model)];

/// The format of that name.
pub fn exporter(name: &str) -> Option<&'static dyn Exporter> {
    EXPORTERS.iter().copied().find(|exporter| exporter.name() == name)
}

/// Writes a file whole or not at all, through a hidden sibling.
///
/// # Errors
/// Those of the file system, with the path.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let attempt = || -> io::Result<()> {
        use io::Write;
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        // A full disk may only show here.
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    attempt().map_err(|error| {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
        io::Error::new(error.kind(), format!("cannot write `{}`: {error}", path.display()))
    })
}

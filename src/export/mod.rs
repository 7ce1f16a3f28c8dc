//! Architecture files: one architecture with its decisions, its operator graph and what is known about it,
//! readable without pocketnas, and the formats they are written in.
//!
//! A format is an [`Exporter`] in a file of its own and a line in [`EXPORTERS`].

use std::borrow::Cow;
use std::fmt::Debug;
use std::io;
use std::path::Path;

use crate::engine::native::available_memory;
use crate::engine::{Init, Weights, initialise};
use crate::graph::Network;
use crate::latency::profile::WriteModel;

mod architecture;
mod claims;
mod dot;
mod json;
pub mod onnx;
mod pytorch;
mod read;
mod silent;
mod svg;
pub mod tflite;
pub mod weights;
mod yaml;

pub use architecture::{ArchitectureFile, IMPORTED, Metric, Provenance};
pub use claims::{Claim, claims, metric_claims};
pub use read::{ReadError, parse, read};
pub use weights::{WeightsFile, WeightsFileError};

#[cfg(test)]
mod tests;

/// What fresh weights are drawn from.
const SEED: u64 = 0;

/// A format in which an architecture can be written.
pub trait Exporter: Debug + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it is good for, in a few words.
    fn about(&self) -> &'static str;

    /// What becomes of the weights of an architecture.
    fn carries(&self) -> Carries {
        Carries::Nothing
    }

    /// Its files, the one that is opened first; UTF-8 where the format is text.
    ///
    /// # Errors
    /// What the format has no room for.
    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError>;
}

/// What a format does with the weights of an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// It leaves them out.
    Nothing,
    /// It names their file, which has to lie beside it.
    Reference,
    /// It holds them; untrained ones where the architecture has none.
    Values,
}

/// An architecture on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// What its files are called, before what the format puts behind it.
    pub name: &'a str,
    /// What is known about it.
    pub file: &'a ArchitectureFile,
    /// Its network.
    pub network: &'a Network,
    /// The weights that its file names, where it names any.
    pub weights: Option<&'a Weights>,
    /// Whether values go to a file of their own where the format can have it so, whatever their size.
    pub external_data: bool,
}

/// One file of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What stands behind the name of the architecture: `onnx.data`.
    pub extension: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl<'a> Export<'a> {
    /// An architecture without weights.
    pub fn new(name: &'a str, file: &'a ArchitectureFile, network: &'a Network) -> Self {
        Self { name, file, network, weights: None, external_data: false }
    }

    /// The weights of the architecture, or untrained ones drawn from seed 0.
    ///
    /// # Errors
    /// [`ExportError::Memory`] where they, and the files that are made of them, do not fit into the memory.
    pub fn weights_or_untrained(&self) -> Result<Cow<'a, Weights>, ExportError> {
        // Asked before they are drawn: a file may name more of them than any memory holds. Writing takes them twice more.
        let bytes = self.network.cost().params.0.saturating_mul(4);
        let copies = if self.weights.is_some() { 2 } else { 3 };
        let available = available_memory().unwrap_or(u64::MAX);
        if bytes.saturating_mul(copies) > available {
            return Err(ExportError::Memory { architecture: self.file.architecture.clone(), bytes, available });
        }
        Ok(match self.weights {
            Some(weights) => Cow::Borrowed(weights),
            None => Cow::Owned(initialise(self.network, &Init::default(), SEED)),
        })
    }

    /// What the weights are, in a few words.
    fn origin(&self) -> String {
        match (&self.file.weights, self.weights) {
            (Some(stored), Some(_)) => stored.to_string(),
            (None, Some(_)) => "given".to_owned(),
            (_, None) => format!("untrained, seed {SEED}"),
        }
    }
}

/// What a file of an architecture is called: its name, and what the format puts behind it.
pub fn file_name(name: &str, extension: &str) -> String {
    if extension == pytorch::EXTENSION {
        return format!("{}.{extension}", pytorch::module_name(name));
    }
    format!("{name}.{extension}")
}

impl Rendered {
    /// What it is called, among the files of the architecture of that name.
    pub fn file_name(&self, name: &str) -> String {
        file_name(name, self.extension)
    }

    /// The one file of a format that has no others.
    fn only(extension: &'static str, bytes: Vec<u8>) -> Vec<Self> {
        vec![Self { extension, bytes }]
    }
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
    /// Its weights cannot be written.
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
    /// More weights than fit into the memory.
    #[error(
        "the weights of `{architecture}` take {} MiB, and writing them takes that again, but {} MiB of memory are free; \
         choose a smaller architecture, or a format without weights",
        bytes.div_ceil(1 << 20), available >> 20
    )]
    Memory {
        /// The architecture.
        architecture: String,
        /// Bytes of its weights.
        bytes: u64,
        /// Bytes there are.
        available: u64,
    },
}

/// Every format, in the order that help lists them.
pub static EXPORTERS: &[&dyn Exporter] =
    &[&yaml::Yaml, &json::Json, &dot::Dot, &svg::Svg, &onnx::Onnx, &pytorch::PyTorch];

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

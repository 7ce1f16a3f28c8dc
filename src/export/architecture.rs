//! The content of an architecture file, whatever the format.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{WeightsFile, WeightsFileError};
use crate::engine::Weights;
use crate::graph::{Network, RawNetwork};

/// The version of the file format.
const VERSION: u32 = 1;

/// What stands in place of a space where there is none: the network was imported.
pub const IMPORTED: &str = "imported";

/// One architecture, self-contained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchitectureFile {
    /// The version of this file format, 1.
    pub version: u32,
    /// The text form of the architecture, which the space parses back.
    pub architecture: String,
    /// Canonical hash of the live network.
    pub hash: String,
    /// The space it comes from.
    pub space: String,
    /// What was decided, by the path of the decision.
    pub decisions: Map<String, Json>,
    /// What is known about it, by name.
    pub metrics: std::collections::BTreeMap<String, Metric>,
    /// How it was found.
    pub provenance: Provenance,
    /// Where its weights are, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsFile>,
    /// The operators, with shapes and blocks.
    pub network: RawNetwork,
}

/// A quantity of the architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its value in `unit`.
    pub value: f64,
    /// Its unit; `1` for a plain number.
    pub unit: String,
    /// The table, proxy or count it comes from.
    pub from: String,
    /// What a reader of the value must know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// What each block adds, where it splits by block.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub by_block: Map<String, Json>,
}

/// How an architecture was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program and its version.
    pub program: String,
    /// The search that found it.
    pub search: String,
    /// Hash of the search config and of everything it names.
    pub config_hash: String,
    /// Seed of the search.
    pub seed: u64,
    /// What certifies that it is on the front.
    pub certificate: String,
    /// Where the numbers come from, and their BLAKE3, by objective.
    pub sources: Map<String, Json>,
}

impl ArchitectureFile {
    /// A file about `network`. The hash is taken from it; metrics come from the caller.
    pub fn new(architecture: String, space: String, network: &Network, provenance: Provenance) -> Self {
        Self {
            version: VERSION,
            architecture,
            hash: network.canonical_hash().to_string(),
            space,
            decisions: Map::new(),
            metrics: std::collections::BTreeMap::new(),
            provenance,
            weights: None,
            network: network.to_raw(),
        }
    }

    /// Whether it is an imported network, which comes from no space.
    pub fn is_imported(&self) -> bool {
        self.space == IMPORTED
    }

    /// Its weights, where it names any; `folder` is the one that it lies in.
    ///
    /// # Errors
    /// Those of [`WeightsFile::read`].
    pub fn read_weights(&self, network: &Network, folder: &Path) -> Result<Option<Weights>, WeightsFileError> {
        self.weights.as_ref().map(|stored| stored.read(folder, network)).transpose()
    }

    /// Whether this program reads files of that version.
    pub(super) fn readable(&self) -> bool {
        self.version == VERSION
    }
}

//! JSON: the form that any language reads with its standard library.

use super::{ArchitectureFile, ExportError, Exporter};
use crate::graph::Network;

/// The JSON format.
#[derive(Debug)]
pub(super) struct Json;

impl Exporter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extension(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "the whole architecture file, for programs"
    }

    fn render(&self, file: &ArchitectureFile, _network: &Network) -> Result<Vec<u8>, ExportError> {
        let mut text = serde_json::to_string_pretty(file).expect("an architecture file is plain data with text keys");
        text.push('\n');
        Ok(text.into_bytes())
    }
}

//! JSON: the form that any language reads with its standard library.

use super::{Carries, Export, ExportError, Exporter, Rendered};

/// The JSON format.
#[derive(Debug)]
pub(super) struct Json;

impl Exporter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "the whole architecture file, for programs"
    }

    fn carries(&self) -> Carries {
        Carries::Reference
    }

    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError> {
        let mut text =
            serde_json::to_string_pretty(export.file).expect("an architecture file is plain data with text keys");
        text.push('\n');
        Ok(Rendered::only("json", text.into_bytes()))
    }
}

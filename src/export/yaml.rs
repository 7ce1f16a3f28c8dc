//! YAML: the form for people. Mappings stand one key a line, operators one node a line.

use std::fmt::Write;

use serde_json::Value as Json;

use super::{Carries, Export, ExportError, Exporter, Rendered};

/// The YAML format.
#[derive(Debug)]
pub(super) struct Yaml;

impl Exporter for Yaml {
    fn name(&self) -> &'static str {
        "yaml"
    }

    fn about(&self) -> &'static str {
        "the whole architecture file, for people"
    }

    fn carries(&self) -> Carries {
        Carries::Reference
    }

    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError> {
        let tree = serde_json::to_value(export.file).expect("an architecture file is plain data with text keys");
        let mut text = String::new();
        block(&tree, 0, &mut text);
        Ok(Rendered::only("yaml", text.into_bytes()))
    }
}

/// A mapping as one line for each key, indented; anything below a list stays on the line of its element.
fn block(value: &Json, depth: usize, out: &mut String) {
    let Json::Object(entries) = value else { return };
    for (key, value) in entries {
        let _ = write!(out, "{:indent$}{}:", "", scalar(key), indent = 2 * depth);
        match value {
            Json::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                block(value, depth + 1, out);
            }
            Json::Array(items) if items.iter().any(Json::is_object) => {
                out.push('\n');
                for item in items {
                    let _ = writeln!(out, "{:indent$}- {}", "", flow(item), indent = 2 * depth + 2);
                }
            }
            _ => {
                let _ = writeln!(out, " {}", flow(value));
            }
        }
    }
}

fn flow(value: &Json) -> String {
    match value {
        Json::Object(entries) => {
            let inner: Vec<String> = entries.iter().map(|(k, v)| format!("{}: {}", scalar(k), flow(v))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Text without quotes only where no reader, of YAML 1.1 or 1.2, could take it for anything else.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    // The escapes of JSON are among those of a double-quoted YAML scalar.
    if plain { text.to_owned() } else { Json::from(text).to_string() }
}

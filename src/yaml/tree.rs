//! The tree of a YAML document with the position of every key and value.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use super::{Diagnostics, Problems};

/// Larger files are refused: 16 MiB.
const LARGEST: usize = 16 << 20;

/// Where something stands in the text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub offset: usize,
    /// Number of bytes.
    pub len: usize,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place.
    pub span: Span,
}

/// A key of a mapping and its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// What YAML values can be.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// The key itself, for messages that point at it.
    pub fn key(&self, key: &str) -> Option<&Key> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(k, _)| k)
    }

    /// The entries of a mapping; empty for anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self.value {
            Value::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Int(int) => Some(int as f64),
            Value::Float(float) => Some(float),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true/false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("nothing"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(int) => write!(f, "{int}"),
            Value::Float(float) => write!(f, "{float}"),
            Value::Text(text) if text.chars().count() > 60 => {
                write!(f, "{}…", text.chars().take(60).collect::<String>())
            }
            Value::Text(text) => f.write_str(text),
            Value::List(items) => write!(f, "a list of {}", items.len()),
            Value::Map(entries) => write!(f, "a mapping of {} keys", entries.len()),
        }
    }
}

/// A parsed file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The name shown in messages, usually the path as the user gave it.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
    /// The tree.
    pub root: Node,
}

impl Document {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// A file that cannot be read, is not UTF-8, or is not YAML.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            let help = match error.kind() {
                std::io::ErrorKind::NotFound => "check the path; relative paths start at the current folder",
                std::io::ErrorKind::PermissionDenied => "make the file readable",
                std::io::ErrorKind::IsADirectory => "give a file, not a folder",
                _ => "",
            };
            Diagnostics::file(&name, format!("cannot be read: {error}"), help)
        })?;
        if bytes.len() > LARGEST {
            let message = format!("is {} MiB large; no file of this kind comes near", bytes.len() >> 20);
            return Err(Diagnostics::file(&name, message, "check that this is the file you mean"));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..valid].iter().filter(|&&b| b == b'\n').count() + 1;
                let message = format!("line {line} is not UTF-8 text (byte {valid} of the file)");
                Err(Diagnostics::file(&name, message, "save the file as UTF-8"))
            }
        }
    }

    /// Parses a text. `name` is what messages call it.
    ///
    /// # Errors
    /// Text that is not YAML, repeats a key, nests too deep, or grows out of all proportion by aliases.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        let text: Arc<str> = Arc::from(text);
        let options = serde_yaml::options! { strict_booleans: true, with_snippet: false };
        match serde_yaml::from_str_with_options::<Node>(&text, options) {
            Ok(root) => Ok(Self { name: name.to_owned(), root, text }),
            Err(error) => {
                let (line, column) = error.location().map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
                let mut problems = Problems::new(name, Arc::clone(&text));
                let (message, help) = explain(&error.without_snippet().to_string());
                problems.add(Span { offset: offset(&text, line, column), len: 1 }, "", message, help);
                Err(problems.into_diagnostics())
            }
        }
    }

    /// A collector for problems of this file.
    pub fn problems(&self) -> Problems {
        Problems::new(&self.name, Arc::clone(&self.text))
    }
}

/// The parser's message in the words of this program, with a remedy where one is known.
fn explain(raw: &str) -> (String, &'static str) {
    let first = raw.lines().next().unwrap_or_default();
    let message = first.trim_start_matches("error: ");
    // The place is in our own headline already.
    let message = message.split_once(": ").filter(|(head, _)| head.starts_with("line ")).map_or(message, |(_, m)| m);
    let message = message.split(", set DuplicateKeyPolicy").next().unwrap_or(message);
    let message = message.split(" at line ").next().unwrap_or(message);
    if message.contains("multiple YAML documents") {
        return ("the file holds more than one YAML document".to_owned(), "keep one, and remove the line `---`");
    }
    let help = if message.contains("duplicate mapping key") {
        "keep one of the two"
    } else if message.contains("recursion limit") {
        "nothing here needs more than a few levels of nesting"
    } else if message.contains("budget breached") {
        "the document, its aliases expanded, is far larger than any real file"
    } else if message.contains("tabs disallowed") {
        "indent with spaces"
    } else if message.contains("non-finite") {
        "write a finite number"
    } else {
        ""
    };
    (format!("not valid YAML: {message}"), help)
}

/// Byte offset of a line and column, both counted from 1, columns in characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let within: usize = text[start..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    start + within
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { span: span(&spanned.referenced), value: spanned.value })
    }
}

fn span(at: &serde_yaml::Location) -> Span {
    let bytes = at.span();
    let offset = bytes.byte_offset().unwrap_or(0) as usize;
    Span { offset, len: bytes.byte_len().map_or(1, |len| len as usize).max(1) }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(i64::try_from(int).map_or(Value::Float(int as f64), Value::Int))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Value, E> {
        Ok(Value::Float(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Node>()? {
            entries.push((Key { span: span(&key.referenced), text: key.value }, value));
        }
        Ok(Value::Map(entries))
    }
}

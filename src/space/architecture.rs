//! One point of a space, and its text form: short, readable, and parsed back.
//!
//! `s1=r2 s1.0=k3,e4 s1.1=k5,e6`: decisions grouped by scope, each written as
//! the shortest unambiguous beginning of its name and its value. Values that are
//! words follow a colon: `s1.0=a:hswish`. Spaces that declare
//! `format: nas-bench` use that benchmark's strings instead.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Value;
use super::file::{Cell, File, ItemKind};
use super::interpret::Question;

/// One decision of an architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Its path: `s2.0.kernel`.
    pub path: String,
    /// Index of the chosen option.
    pub option: usize,
    /// The option, for people.
    pub value: Value,
}

/// One point of a space: its decisions, in the order in which they are taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// The decisions.
    pub decisions: Vec<Decision>,
}

/// An architecture that does not belong to the space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArchitectureError {
    /// What, where, and the remedy.
    pub message: String,
}

impl ArchitectureError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// What an architecture without any decision is called.
const FIXED: &str = "fixed";

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// How an option is written: its value, or its number where the value is not a plain word or number.
fn option_text(option: usize, value: &Value) -> String {
    let text = value.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("#{option}") }
}

/// A decision's key within its scope, and how its option is written.
type Keyed<'a> = (&'a str, &'a Decision);

/// Groups decisions by scope, scopes in order of first appearance.
fn scopes(decisions: &[Decision]) -> Vec<(&str, Vec<Keyed<'_>>)> {
    let mut groups: Vec<(&str, Vec<Keyed>)> = Vec::new();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for decision in decisions {
        let (scope, key) = split(&decision.path);
        let group = *index.entry(scope).or_insert_with(|| {
            groups.push((scope, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push((key, decision));
    }
    groups
}

/// The shortest beginning of `key` that begins no other key of its scope.
fn abbreviation<'a>(key: &'a str, keys: &[Keyed]) -> &'a str {
    let unique = |len: &usize| !keys.iter().any(|(other, _)| *other != key && other.starts_with(&key[..*len]));
    let end = key.char_indices().map(|(at, c)| at + c.len_utf8()).find(unique).unwrap_or(key.len());
    &key[..end]
}

/// One decision in the short form.
fn entry(text: &mut String, key: &str, decision: &Decision, keys: &[Keyed]) {
    let short = abbreviation(key, keys);
    let value = option_text(decision.option, &decision.value);
    let bare = value.starts_with(|c: char| c.is_ascii_digit()) && !short.contains(|c: char| c.is_ascii_digit());
    // Writing to a String cannot fail.
    let _ = write!(text, "{short}{}{value}", if bare { "" } else { ":" });
}

/// A few decisions as short text, without their scopes: `k3,e4`.
pub(super) fn label(decisions: &[Decision]) -> String {
    let mut text = String::new();
    for (_, keys) in scopes(decisions) {
        for (key, decision) in &keys {
            if !text.is_empty() {
                text.push(',');
            }
            entry(&mut text, key, decision, &keys);
        }
    }
    text
}

/// The text form of a whole architecture.
pub(super) fn path_text(architecture: &Architecture) -> String {
    let mut text = String::new();
    for (scope, keys) in scopes(&architecture.decisions) {
        if scope.is_empty() {
            for (key, decision) in &keys {
                let value = option_text(decision.option, &decision.value);
                let _ = write!(text, "{}{key}={value}", if text.is_empty() { "" } else { " " });
            }
            continue;
        }
        let _ = write!(text, "{}{scope}=", if text.is_empty() { "" } else { " " });
        for (index, (key, decision)) in keys.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            entry(&mut text, key, decision, &keys);
        }
    }
    if text.is_empty() { FIXED.to_owned() } else { text }
}

/// Answers read from the text form, each marked once it is used.
#[derive(Debug)]
pub(super) struct Answers {
    entries: BTreeMap<String, Vec<(String, bool)>>,
}

impl Answers {
    /// Takes the path form apart.
    pub fn parse(text: &str) -> Result<Self, ArchitectureError> {
        let mut entries: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
        for token in text.split_whitespace().filter(|token| *token != FIXED) {
            let Some((scope, values)) = token.split_once('=') else {
                let message = format!("`{token}` is not of the form scope=decisions, such as `s1.0=k5,e4`");
                return Err(ArchitectureError::new(message));
            };
            let values: Vec<(String, bool)> = values.split(',').map(|value| (value.to_owned(), false)).collect();
            if entries.insert(scope.to_owned(), values).is_some() {
                return Err(ArchitectureError::new(format!("`{scope}` is decided twice")));
            }
        }
        Ok(Self { entries })
    }

    /// The option that the text gives for a decision.
    pub fn answer(&mut self, question: &Question) -> Result<usize, String> {
        let path = question.path;
        let (scope, key) = split(path);
        let options: Vec<String> = (0..question.options)
            .filter_map(|index| (question.label)(index).map(|value| option_text(index, &value)))
            .collect();
        let given = self.entries.get_mut(if scope.is_empty() { key } else { scope });
        let Some(given) = given else {
            return Err(format!("the architecture does not decide `{path}` (one of {})", options.join(", ")));
        };
        // Where one key begins another, the longest name that fits is meant.
        let named = given.iter_mut().filter_map(|(text, used)| {
            let (name, value) = if scope.is_empty() { (key, text.as_str()) } else { name_and_value(text)? };
            key.starts_with(name).then_some((name.len(), value, used))
        });
        match named.max_by_key(|(len, ..)| *len) {
            Some((_, value, used)) => match options.iter().position(|option| option == value) {
                Some(option) => {
                    *used = true;
                    Ok(option)
                }
                None => Err(format!("`{value}` is no option of `{path}`; it is one of {}", options.join(", "))),
            },
            None => Err(format!("the architecture does not decide `{path}` (one of {})", options.join(", "))),
        }
    }

    /// Refuses decisions that the space does not have.
    pub fn finish(self) -> Result<(), ArchitectureError> {
        for (scope, values) in &self.entries {
            if let Some((value, _)) = values.iter().find(|(_, used)| !used) {
                let message =
                    format!("`{scope}={value}` is no decision of this space, or is decided elsewhere already");
                return Err(ArchitectureError::new(message));
            }
        }
        Ok(())
    }
}

/// Takes `k5` apart into `k` and `5`, `act:relu` into `act` and `relu`.
fn name_and_value(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').or_else(|| {
        let at = text.find(|c: char| c.is_ascii_digit())?;
        Some(text.split_at(at))
    })
}

/// The one shared cell of a space in the NAS-Bench form.
fn cell(file: &File) -> Option<(&str, &Cell)> {
    let name = file.network.iter().find_map(|item| match &item.kind {
        ItemKind::Cell(name, _) => Some(name),
        _ => None,
    })?;
    file.cells.get_key_value(name).map(|(name, cell)| (name.as_str(), cell))
}

/// The NAS-Bench form: `|op~0|+|op~0|op~1|`.
pub(super) fn nas_bench_text(file: &File, architecture: &Architecture) -> String {
    let Some((name, cell)) = cell(file) else { return path_text(architecture) };
    let mut text = String::new();
    for to in 1..cell.nodes.len() {
        text.push_str(if to == 1 { "|" } else { "+|" });
        for (from, _, edge) in cell.edges.iter().filter(|(_, end, _)| *end == to) {
            let path = format!("{name}.{}", edge.name);
            let decision = architecture.decisions.iter().find(|decision| decision.path == path);
            let value = decision.map_or_else(|| "?".to_owned(), |decision| decision.value.to_string());
            let _ = write!(text, "{value}~{from}|");
        }
    }
    text
}

/// The form of the sizes of NATS-Bench: `8:16:24`, the values alone, in the order in which they are decided.
pub(super) fn sizes_text(architecture: &Architecture) -> String {
    let values = architecture.decisions.iter().map(|decision| option_text(decision.option, &decision.value));
    values.collect::<Vec<_>>().join(":")
}

/// Answers read from the form of the sizes of NATS-Bench, in order.
#[derive(Debug)]
pub(super) struct Sizes<'a> {
    text: &'a str,
    left: std::str::Split<'a, char>,
}

impl<'a> Sizes<'a> {
    pub fn parse(text: &'a str) -> Self {
        Self { text, left: text.trim().split(':') }
    }

    /// The option that the next value names.
    pub fn answer(&mut self, question: &Question) -> Result<usize, String> {
        let path = question.path;
        let options: Vec<String> = (0..question.options)
            .filter_map(|index| (question.label)(index).map(|value| option_text(index, &value)))
            .collect();
        let listed = options.join(", ");
        let Some(value) = self.left.next() else {
            return Err(format!("`{}` ends before `{path}` is decided (one of {listed})", self.text));
        };
        let found = options.iter().position(|option| option == value);
        found.ok_or_else(|| format!("`{value}` is no option of `{path}`; it is one of {listed}"))
    }

    /// Refuses values that are left over.
    pub fn finish(mut self) -> Result<(), ArchitectureError> {
        match self.left.next() {
            Some(value) => {
                Err(ArchitectureError::new(format!("`{}` goes on after its end, with `{value}`", self.text)))
            }
            None => Ok(()),
        }
    }
}

/// Takes the NAS-Bench form apart.
pub(super) fn nas_bench_answers(file: &File, text: &str) -> Result<Answers, ArchitectureError> {
    let example = "|nor_conv_3x3~0|+|none~0|skip_connect~1|";
    let wrong = |part: &str| {
        ArchitectureError::new(format!("`{part}` is not of the form of a NAS-Bench cell, such as `{example}`"))
    };
    let Some((name, cell)) = cell(file) else { return Err(wrong(text)) };
    let nodes: Vec<&str> = text.trim().split('+').collect();
    if nodes.len() + 1 != cell.nodes.len() {
        let message = format!("`{text}` has {} nodes; the cell has {}", nodes.len(), cell.nodes.len() - 1);
        return Err(ArchitectureError::new(message));
    }
    let mut values = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let inner = node.strip_prefix('|').and_then(|n| n.strip_suffix('|')).ok_or_else(|| wrong(node))?;
        for part in inner.split('|') {
            let (op, from) = part.split_once('~').ok_or_else(|| wrong(part))?;
            let from: usize = from.parse().map_err(|_| wrong(part))?;
            let edge = cell.edges.iter().find(|(f, t, _)| (*f, *t) == (from, index + 1));
            let Some((_, _, edge)) = edge else { return Err(wrong(part)) };
            values.push((format!("{}:{op}", edge.name), false));
        }
    }
    Ok(Answers { entries: BTreeMap::from([(name.to_owned(), values)]) })
}

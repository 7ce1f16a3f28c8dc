//! A JSON value together with where it stands, so that every complaint can say so.
//! Paths read like `positions[3].variants[2].costs`.

use std::fmt::Display;

use serde_json::Value;

use super::LibraryError;
use crate::search::Column;

/// A value and its place. Places are linked to their parents and only spelled out for an error.
pub(super) struct At<'a> {
    /// The value.
    pub(super) value: &'a Value,
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The document.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, parent: None, step: Step::Root }
    }

    /// The member `key`, which must be there.
    pub(super) fn get(&'a self, key: &'a str) -> Result<At<'a>, LibraryError> {
        match self.value.get(key) {
            Some(value) => Ok(At { value, parent: Some(self), step: Step::Key(key) }),
            None => Err(self.error(format!("`{key}` is missing: add it"))),
        }
    }

    /// The items of an array.
    pub(super) fn items(&'a self) -> Result<impl ExactSizeIterator<Item = At<'a>>, LibraryError> {
        let array = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let item = |(i, value)| At { value, parent: Some(self), step: Step::Index(i) };
        Ok(array.iter().enumerate().map(item))
    }

    /// The items of an array that must have `length` of them; `what` they are, for the message.
    pub(super) fn exactly(
        &'a self,
        length: usize,
        what: &str,
    ) -> Result<impl ExactSizeIterator<Item = At<'a>>, LibraryError> {
        let items = self.items()?;
        if items.len() != length {
            let found = items.len();
            return Err(self.error(format!("{found} entries where there are {length} {what}: give one for each")));
        }
        Ok(items)
    }

    /// A string.
    pub(super) fn text(&self) -> Result<&'a str, LibraryError> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    /// The string under `key`, empty if there is none.
    pub(super) fn optional_text(&'a self, key: &'a str) -> Result<String, LibraryError> {
        match self.value.get(key) {
            None => Ok(String::new()),
            Some(_) => self.get(key)?.text().map(str::to_owned),
        }
    }

    /// One finite number for each column, into `row`.
    pub(super) fn numbers(&'a self, columns: &[Column], row: &mut Vec<f64>) -> Result<(), LibraryError> {
        row.clear();
        for (item, column) in self.exactly(columns.len(), "objectives and resources")?.zip(columns) {
            let number = item.value.as_f64().filter(|number| number.is_finite());
            let expected = || item.expected(&format!("a finite number (the cost in `{}`)", column.name));
            row.push(number.ok_or_else(expected)?);
        }
        Ok(())
    }

    /// A complaint about this value.
    pub(super) fn error(&self, message: impl Display) -> LibraryError {
        LibraryError::Value { path: self.path(), message: message.to_string() }
    }

    /// A complaint that this value is of the wrong kind.
    pub(super) fn expected(&self, what: &str) -> LibraryError {
        let mut found = self.value.to_string();
        if found.chars().count() > 40 {
            found = found.chars().take(40).collect::<String>() + "...";
        }
        self.error(format!("expected {what}, found {found}"))
    }

    fn path(&self) -> String {
        let before = self.parent.map(At::path).unwrap_or_default();
        match self.step {
            Step::Root => before,
            Step::Key(key) if before.is_empty() => key.to_owned(),
            Step::Key(key) => format!("{before}.{key}"),
            Step::Index(index) => format!("{before}[{index}]"),
        }
    }
}

/// A whole number that is not negative.
pub(super) fn unsigned(at: &At) -> Result<usize, LibraryError> {
    let number = at.value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| at.expected("a whole number, 0 or more"))
}

/// Checks that `at` is an object. Keys beyond the `known` ones are left alone, unless one looks like
/// a misspelling: silently ignored transitions would give a wrong answer.
pub(super) fn object(at: &At, known: &[&str]) -> Result<(), LibraryError> {
    let members = at.value.as_object().ok_or_else(|| at.expected("an object"))?;
    if members.len() <= known.len() && members.keys().all(|key| known.contains(&key.as_str())) {
        return Ok(());
    }
    for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
        if let Some(meant) = known.iter().find(|name| !members.contains_key(**name) && close(key, name)) {
            return Err(at.error(format!("`{key}` is unknown: did you mean `{meant}`?")));
        }
    }
    Ok(())
}

/// Whether two keys differ by case, or by at most two single-letter edits in words of five letters or more.
fn close(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let allowed = if b.len() >= 5 { 2 } else { 1 };
    if a.len().abs_diff(b.len()) > allowed {
        return false;
    }
    // Edit distance, row by row.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()] <= allowed
}

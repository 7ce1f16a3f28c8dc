//! YAML documents whose every value knows where it stands, and the messages
//! that point there.
//!
//! All files that people write (spaces, searches, proxies, tables) are read in
//! three steps: [`Document::parse`] makes a tree with positions, a [`Schema`]
//! checks its structure and collects every mistake, and the owner of the file
//! kind lowers the tree to its own checked type. The same [`Schema`] prints the
//! JSON Schema for editors.

mod diagnostic;
mod schema;
mod tree;

pub use diagnostic::{Diagnostics, Problems, nearest};
pub use schema::{Field, Kind, Schema, json_schema};
pub use tree::{Document, Key, Node, Span, Value};

#[cfg(test)]
mod tests;

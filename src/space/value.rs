//! Values of settings and decisions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::yaml::{Node, Value as Yaml};

/// A value that a setting or a decision takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Real(f64),
    /// A name: an activation, an option of a choice between blocks.
    Word(String),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Int(int) => Some(int as f64),
            Self::Real(real) => Some(real),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true/false",
            Self::Int(_) | Self::Real(_) => "a number",
            Self::Word(_) => "a word",
        }
    }

    /// The value of a scalar node; `None` for lists, mappings and nothing.
    pub(super) fn of(node: &Node) -> Option<Self> {
        match &node.value {
            Yaml::Bool(truth) => Some(Self::Bool(*truth)),
            Yaml::Int(int) => Some(Self::Int(*int)),
            Yaml::Float(real) => Some(Self::Real(*real)),
            Yaml::Text(text) => Some(Self::Word(text.clone())),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Real(real) => write!(f, "{real}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

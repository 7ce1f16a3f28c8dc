//! Why a model is not imported. Every message names the file, what in it is wrong, and a remedy.

use std::fmt;
use std::path::PathBuf;

use crate::graph::NetworkError;

/// Why a model is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read at all.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{file}: {message}; {remedy}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
        /// What can be done.
        remedy: String,
    },
    /// Operators that no network here can hold.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// What was understood is no network.
    #[error("{file}: the operators do not make a network: {source}")]
    Network {
        /// The file.
        file: String,
        /// Why not.
        source: NetworkError,
    },
}

/// The operators that stand in the way, and what can still be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsupported {
    /// The file.
    pub file: String,
    /// The operators, in the order of the file.
    pub nodes: Vec<Refused>,
    /// Operators of the file.
    pub operators: usize,
    /// The last tensor before the first of them that the whole model passes, if there is one: the model up to here can
    /// be had.
    pub until: Option<String>,
    /// The inputs of the model.
    pub inputs: Vec<String>,
}

/// An operator that is not understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Its name, or that of what it computes.
    pub node: String,
    /// Its kind.
    pub op: String,
    /// What stands in the way.
    pub message: String,
    /// What can be done.
    pub remedy: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (refused, all) = (self.nodes.len(), self.operators);
        writeln!(f, "{}: {refused} of {all} operators cannot be imported:", self.file)?;
        for node in self.nodes.iter().take(SHOWN) {
            writeln!(f, "  `{}` ({}): {}; {}", node.node, node.op, node.message, node.remedy)?;
        }
        if refused > SHOWN {
            writeln!(f, "  and {} more", refused - SHOWN)?;
        }
        match &self.until {
            Some(tensor) => write!(
                f,
                "what comes before them can be had: in Python, onnx.utils.extract_model({:?}, \"part.onnx\", {:?}, \
                 [{tensor:?}]), and import part.onnx",
                self.file, self.inputs
            ),
            None => f.write_str("nothing before them can be cut off, since they stand at the beginning"),
        }
    }
}

/// How many operators a message lists.
const SHOWN: usize = 12;

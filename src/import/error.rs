//! Why a model is not imported. Every message names the file, what in it is wrong, and a remedy.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use crate::graph::NetworkError;

/// Why a model is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read at all.
    #[error("cannot read `{}`: {source}", visible(&path.display().to_string()))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {}; {}", visible(file), visible(message), visible(remedy))]
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
    #[error("{}: the operators do not make a network: {}", visible(file), visible(&source.to_string()))]
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
        writeln!(f, "{}: {refused} of {all} operators cannot be imported:", visible(&self.file))?;
        let groups = self.groups();
        for nodes in groups.iter().take(SHOWN) {
            let first = nodes[0];
            let [node, op, message, remedy] =
                [&first.node, &first.op, &first.message, &first.remedy].map(|t| visible(t));
            match nodes.len() {
                1 => writeln!(f, "  `{node}` ({op}): {message}; {remedy}")?,
                count => writeln!(f, "  {op}, {count} of them, first `{node}`: {message}; {remedy}")?,
            }
        }
        if groups.len() > SHOWN {
            writeln!(f, "  and {} more", groups[SHOWN..].iter().map(Vec::len).sum::<usize>())?;
        }
        match &self.until {
            // `Debug` escapes what a terminal would obey. A line of its own can be copied.
            Some(tensor) => write!(
                f,
                "what comes before them can be had: import part.onnx, which this makes in Python:\n\
                 onnx.utils.extract_model({:?}, \"part.onnx\", {:?}, [{tensor:?}])",
                self.file, self.inputs
            ),
            None => f.write_str("nothing before them can be cut off, since they stand at the beginning"),
        }
    }
}

impl Unsupported {
    /// The operators of a kind that the same stands in the way of, together.
    fn groups(&self) -> Vec<Vec<&Refused>> {
        let mut places: HashMap<[&str; 3], usize> = HashMap::new();
        let mut groups: Vec<Vec<&Refused>> = Vec::new();
        for node in &self.nodes {
            let place = *places.entry([&node.op, &node.message, &node.remedy]).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(node);
        }
        groups
    }
}

/// How many lines of operators a message has.
const SHOWN: usize = 12;

/// Text of a file as a terminal may have it: what a terminal obeys, or what turns the order of letters, is spelt out.
pub(crate) fn visible(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

//! Spaces whose borders carry a teacher's tensors: every position begins and ends as the block of its name in a network
//! does, whatever is chosen. So each variant of a position can be trained alone, against what the teacher makes there
//! (Moons et al., ICCV 2021, section 3.1).

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::file::{File, TeacherFile};
use super::interpret::{Fault, Place, position_name};
use crate::graph::{Network, RawNetwork, Shape};
use crate::yaml::{Document, Span};

/// The tensors at the borders of a network.
#[derive(Debug)]
pub(super) struct Teacher<'a> {
    file: &'a TeacherFile,
    input: Shape,
    /// What leaves each block, by the name of the block as a position has it.
    leaving: HashMap<String, Shape>,
    /// Names of blocks as the network has them, in order.
    names: Vec<String>,
}

/// What counts of an architecture file.
#[derive(Deserialize)]
struct Architecture {
    network: RawNetwork,
}

type Outcome<T> = Result<T, Box<Fault>>;

impl<'a> Teacher<'a> {
    /// Reads the teacher of a space. `folder` is where the space lies.
    ///
    /// # Errors
    /// A file that cannot be read or holds no architecture of one input, and blocks that more than one tensor leaves.
    pub fn read(file: &'a TeacherFile, folder: &Path) -> Outcome<Self> {
        let refuse = |message: String, help: &str| Err(fault(file.span, "teacher", message, help));
        let again = "give an architecture file, as `pocketnas import --out` and `pocketnas export` write it";
        let path = folder.join(&file.path);
        let document = match Document::read(&path) {
            Ok(document) => document,
            Err(told) => return refuse(format!("the teacher cannot be read: {}", first_line(&told)), again),
        };
        let network = match serde_yaml::from_str::<Architecture>(&document.text) {
            Ok(parsed) => parsed.network.build().map_err(|error| error.to_string()),
            Err(error) => Err(first_line(&error)),
        };
        let network = match network {
            Ok(network) => network,
            Err(reason) => return refuse(format!("`{}` is no architecture file: {reason}", path.display()), again),
        };
        let [input] = network.input_shapes()[..] else {
            return refuse(format!("`{}` has several inputs", path.display()), "a space has one input");
        };
        let (mut leaving, mut names) = (HashMap::new(), Vec::new());
        for (name, shape) in exits(&network) {
            let Some(shape) = shape else {
                let message = format!("several tensors leave the teacher's block `{name}`");
                return refuse(message, "cut the teacher into blocks that one tensor leaves");
            };
            leaving.insert(plain(&name), shape);
            names.push(name);
        }
        Ok(Self { file, input, leaving, names })
    }

    /// Holds what leaves a position against what leaves the block of that name.
    ///
    /// # Errors
    /// Another shape, and a position that is no block of the teacher.
    pub fn check(&self, space: &File, place: Place, shape: Shape) -> Outcome<()> {
        let name = position_name(space, place);
        let Some(item) = (place.item as usize).checked_sub(1).and_then(|at| space.network.get(at)) else {
            if shape == self.input {
                return Ok(());
            }
            let message =
                format!("the input is {shape}, but that of the teacher `{}` is {}", self.file.path, self.input);
            return Err(fault(self.file.span, "input", message, "give the space the teacher's input"));
        };
        match self.leaving.get(&plain(&name)) {
            Some(&wanted) if wanted == shape => Ok(()),
            Some(wanted) => {
                let message = format!(
                    "a variant of position `{name}` makes {shape}, but the block of that name makes {wanted} in the teacher `{}`",
                    self.file.path
                );
                let help = "with `boundary: teacher` every variant keeps the teacher's tensor: fix the channels and the stride \
                            of its last layer, or leave `boundary` out";
                Err(fault(item.span, &item.path, message, help))
            }
            None => {
                let message = format!("position `{name}` is no block of the teacher `{}`", self.file.path);
                let help = format!(
                    "with `boundary: teacher` positions are named after the teacher's blocks: {}",
                    self.names.join(", ")
                );
                Err(fault(item.span, &item.path, message, &help))
            }
        }
    }
}

/// What leaves each block; nothing where that is more than one tensor.
fn exits(network: &Network) -> Vec<(String, Option<Shape>)> {
    let ids: Vec<_> = network.ids().collect();
    let blocks = network.blocks().into_iter().filter(|block| !block.nodes.is_empty());
    let exit = |block: crate::graph::Block| {
        let leaves = |at: &usize| {
            let outside = network.consumers(ids[*at]).any(|(_, to)| !block.nodes.contains(&to.index()));
            outside || network.outputs().contains(&ids[*at])
        };
        let mut leaving = block.nodes.clone().filter(leaves);
        let only = leaving.next().filter(|_| leaving.next().is_none());
        (block.name.clone(), only.map(|at| network.node(ids[at]).shape))
    };
    blocks.map(exit).collect()
}

/// A name as both sides have it: a position that is not of a stage has no dots.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn first_line(error: &impl ToString) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn fault(span: Span, path: &str, message: String, help: &str) -> Box<Fault> {
    Box::new(Fault { message, help: help.to_owned(), span, path: path.to_owned() })
}

//! Models that were written elsewhere: an ONNX file becomes a [`Network`] with its [`Weights`].
//!
//! A file is read in steps, each in a file of its own: the messages become a *model* whose parts fit together;
//! what passes its input on is dropped, constants are folded, and what exporters took apart (GELU, h-swish, layer norm,
//! rotary positions) is put together again; then every operator is *lowered* to one of [`crate::graph`], with chains of
//! reshapes and transposes followed by a view that computes nothing; at last the network is cut into blocks. The size of
//! the batch is taken as 1 throughout: a network here is what happens to one sample.

mod attributes;
mod blocks;
mod constant;
pub mod derive;
mod draft;
mod error;
mod excite;
mod external;
mod file;
mod fold;
mod fuse;
mod inputs;
mod lower;
mod model;
mod names;
mod order;
mod passes;
mod tensor;
mod view;

use std::collections::HashSet;
use std::path::Path;

pub(crate) use error::visible;
pub use error::{ImportError, Refused, Unsupported};

use crate::engine::Weights;
use crate::graph::{Network, Op};
use crate::onnx::schema::ModelProto;
use fold::Budget;
use model::Model;

/// How a model is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Sizes of inputs without the batch, by name; without a name where there is only one input.
    pub inputs: Vec<(Option<String>, Vec<usize>)>,
    /// Whether batch norms are put into the convolutions and linear layers before them.
    pub fold_norms: bool,
}

/// A model that was read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network, in blocks.
    pub network: Network,
    /// Its weights.
    pub weights: Weights,
    /// The program that wrote the file, as it calls itself.
    pub producer: String,
    /// The version of the standard operators that the file uses.
    pub opset: i64,
    /// What a person should know: where the network is not quite built as the file is.
    pub notes: Vec<String>,
}

/// Reads an ONNX file.
///
/// # Errors
/// [`ImportError`] says what is wrong, where, and what can be done. No file makes this panic, or take more memory than in
/// proportion to its size.
pub fn read(path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    from_model(&path.display().to_string(), file::read(path)?, Some(folder), options)
}

/// Reads the bytes of an ONNX file that is called `name`. Weights in other files are not found.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(name: &str, bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    from_model(name, file::decode(name, bytes)?, None, options)
}

fn from_model(
    name: &str,
    proto: ModelProto,
    folder: Option<&Path>,
    options: &Options,
) -> Result<Imported, ImportError> {
    let mut model = Model::check(name, proto, folder, options)?;
    let held = model.constants.values().map(|constant| constant.len()).sum();
    let mut budget = Budget::new(held);
    passes::drop_passing(&mut model);
    fold::constants(&mut model, &mut budget);
    fuse::drop_unread(&mut model);
    fuse::fuse(&mut model);
    let mut lowered = lower::lower(&model, budget);
    if !lowered.refused.is_empty() {
        return Err(ImportError::Unsupported(unsupported(&model, lowered)));
    }
    let draft = &mut lowered.draft;
    if passes::is_own(&model) {
        names::plain(draft.nodes.iter_mut().map(|node| &mut node.name));
    }
    draft.sweep();
    if !passes::is_own(&model) {
        draft.nest();
    }
    excite::fuse(draft);
    if options.fold_norms {
        draft.fold_norms();
    }
    if let Some((weight, value)) = draft.not_finite() {
        return Err(ImportError::File {
            file: name.to_owned(),
            message: format!("`{weight}` holds {value}, or comes to it"),
            remedy: "a network computes nothing with that; write the model with finite weights".to_owned(),
        });
    }
    let refuse = |source| ImportError::Network { file: name.to_owned(), source };
    let (whole, _) = draft.build(&[]).map_err(refuse)?;
    let (network, weights) = draft.build(&blocks::find(&whole)).map_err(refuse)?;
    let mut notes = lowered.notes;
    notes.extend(without_norms(&network).filter(|_| !options.fold_norms));
    Ok(Imported { network, weights, producer: model.producer, opset: model.opset, notes })
}

/// What a person should know of convolutions that no norm follows: spaces around the network will have none either.
fn without_norms(network: &Network) -> Option<String> {
    let count = |is: fn(&Op) -> bool| network.ids().filter(|&id| is(&network.node(id).op)).count();
    let norms = count(|op| matches!(op, Op::BatchNorm | Op::LayerNorm { .. } | Op::RmsNorm { .. }));
    let convolutions = count(|op| matches!(op, Op::Conv2d(_)));
    (norms == 0 && convolutions > 1).then(|| {
        format!(
            "none of its {convolutions} convolutions has a norm: the exporter may have put batch norms into them, and a space \
             around it has none"
        )
    })
}

/// What stands in the way, and the last place before it where the model can be cut.
fn unsupported(model: &Model, lowered: lower::Lowered) -> Unsupported {
    let lower::Lowered { mut draft, refused, tensors, leaves, .. } = lowered;
    let read: HashSet<&str> = model.nodes.iter().flat_map(|node| &node.inputs).map(String::as_str).collect();
    // Everything that was lowered but is read by nothing that was: the model seen from there has one way in, so a node that
    // all of them pass is a cut. An input that the model never reads is no part of it, and hides none.
    draft.outputs.clear();
    let readers = draft.readers();
    let idle = |at: usize| draft.nodes[at].inputs.is_empty() && !read.contains(tensors[at].as_str());
    let open: Vec<usize> = (0..draft.nodes.len()).filter(|&at| readers[at] == 0 && !idle(at)).collect();
    draft.outputs = open;
    let cut = draft.build(&[]).ok().and_then(|(network, _)| {
        network
            .cut_points()
            .into_iter()
            .map(crate::graph::NodeId::index)
            .rfind(|&at| !draft.nodes[at].inputs.is_empty() && leaves[at])
    });
    Unsupported {
        file: model.file.clone(),
        nodes: refused,
        operators: model.nodes.len(),
        until: cut.map(|at| tensors[at].clone()),
        inputs: model
            .inputs
            .iter()
            .map(|input| &input.name)
            .filter(|&name| read.contains(name.as_str()))
            .cloned()
            .collect(),
    }
}

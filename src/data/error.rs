//! Why data cannot be used.

use std::io;
use std::path::PathBuf;

use crate::graph::Shape;

/// Why data cannot be used. Displays the file, the place or the value, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No file, folder or word of that name.
    #[error(
        "there is no data `{spec}`: give `noise`, `ones`, a file or the prefix of files in IDX format, a binary file of \
         CIFAR, or a folder (of such files, or with a folder of images for each class)"
    )]
    Missing {
        /// What was given.
        spec: String,
    },
    /// A file or folder of another kind.
    #[error("{path}: {what}; {remedy}")]
    Kind {
        /// The file or folder.
        path: PathBuf,
        /// What it is, or is not.
        what: String,
        /// What can be done.
        remedy: String,
    },
    /// A file that is not what its kind says it is.
    #[error("{path}, byte {offset}{}: {what}; fetch or write the file again", if *unpacked { " when unpacked" } else { "" })]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, from the start of the file.
        offset: u64,
        /// Whether the place is counted in what the gzip file unpacks to.
        unpacked: bool,
        /// What is wrong there.
        what: String,
    },
    /// An image that does not decode.
    #[error("{path}: this image cannot be decoded: {source}; mend it, or take it out of the folder")]
    Image {
        /// The image.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// Nothing is asked for.
    #[error("{count} batches of {size} images are asked for; take at least one batch of one")]
    Nothing {
        /// Batches.
        count: usize,
        /// Images in each.
        size: usize,
    },
    /// Fewer images than the batches take.
    #[error("{path} has {there} images, but {count} batches of {size} take {}; take fewer or smaller batches", count.saturating_mul(*size))]
    TooFew {
        /// The data.
        path: PathBuf,
        /// Images there are.
        there: usize,
        /// Batches.
        count: usize,
        /// Images in each.
        size: usize,
    },
    /// The batches do not fit the memory.
    #[error("{count} batches of {size} tensors {shape} take {} MiB, more than there are; take fewer or smaller batches", needed >> 20)]
    Memory {
        /// Batches.
        count: usize,
        /// Samples in each.
        size: usize,
        /// The shape of a sample.
        shape: Shape,
        /// Bytes needed.
        needed: u64,
    },
    /// Images and the input of the network do not go together.
    #[error("{path} holds {data}, but the network's input is {input}; {remedy}")]
    Input {
        /// The data.
        path: PathBuf,
        /// What it holds.
        data: &'static str,
        /// The network's input.
        input: Shape,
        /// What can be done.
        remedy: &'static str,
    },
    /// Labels and the output of the network do not go together.
    #[error("{data} has {labels}, but the network's output is {output}; {remedy}")]
    Output {
        /// The data.
        data: String,
        /// Its labels.
        labels: String,
        /// The network's output.
        output: Shape,
        /// What can be done.
        remedy: &'static str,
    },
    /// A mean or a deviation that cannot be used.
    #[error("{path}: {what}; {remedy}")]
    Normalisation {
        /// The data.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What can be done.
        remedy: &'static str,
    },
}

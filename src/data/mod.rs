//! Batches for networks that are run: drawn from files, or made of noise. The seed of the data is apart from that of the
//! weights, and every candidate sees the same batches.
//!
//! ```
//! use pocketnas::data::{Dataset, Normalisation};
//! use pocketnas::graph::Shape;
//!
//! // `noise`, `ones`, `…/fashion-mnist`, `…/fashion-mnist/t10k`, `…/cifar-10-batches-bin`, `…/imagenet/train`, …
//! let data = Dataset::open("noise", &Normalisation::default())?;
//! let (input, output) = (Shape::map(3, 32), Shape::Vector { features: 10 });
//! let batches = data.batches(2, 64, input, output, 0)?;
//! assert_eq!(batches[0].inputs.shape, [64, 3, 32, 32]);
//! data.notes(input, output).iter().for_each(|note| println!("{note}"));
//! # Ok::<(), pocketnas::data::DataError>(())
//! ```
//!
//! Batches of a data set are drawn without replacement, across all batches of a call. More batches under one seed begin
//! with those of fewer. Images are made to fit the network: the largest centred part of its proportions is cut out and
//! scaled (bilinear where it is enlarged, each pixel the weighted mean of those it covers where it is reduced), and grey
//! is repeated where the network takes three channels. [`Dataset::notes`] says what was done.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::engine::{Target, Tensor};
use crate::graph::Shape;
use crate::units::counted;

mod cifar;
mod error;
mod folder;
mod idx;
mod picture;
mod reader;
#[cfg(test)]
mod tests;

use cifar::Cifar;
use folder::Folder;
use idx::Idx;
use picture::Scale;
use reader::Reader;

pub use error::DataError;
pub use picture::Normalisation;

/// What one forward pass takes, and what ought to come out.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[samples, channels, height, width]`, or ids `[samples, tokens]` for networks that begin with an embedding.
    pub inputs: Tensor<f32>,
    /// A label for each sample, or for each position of the output; or values of its shape.
    pub target: Target,
}

impl Batch {
    /// The first samples, or all if there are fewer.
    pub fn first(&self, samples: usize) -> Self {
        self.range(0..samples.min(self.samples()))
    }

    /// Samples in it.
    pub fn samples(&self) -> usize {
        self.inputs.shape.first().copied().unwrap_or(0)
    }

    /// Some of the samples, which must be there.
    pub fn range(&self, range: std::ops::Range<usize>) -> Self {
        let part = |tensor: &Tensor<f32>| {
            let each = tensor.data.len() / self.samples().max(1);
            let mut shape = tensor.shape.clone();
            shape[0] = range.len();
            Tensor::new(shape, tensor.data[range.start * each..range.end * each].to_vec())
        };
        let target = match &self.target {
            Target::Labels(labels) => {
                let each = labels.len() / self.samples().max(1);
                Target::Labels(labels[range.start * each..range.end * each].to_vec())
            }
            Target::Values(values) => Target::Values(part(values)),
        };
        Self { inputs: part(&self.inputs), target }
    }
}

/// Where batches come from.
#[derive(Debug)]
pub struct Dataset(Source);

#[derive(Debug)]
enum Source {
    /// Unit normal values.
    Noise,
    /// 1 everywhere.
    Ones,
    Images(Box<dyn Reader>, Scale),
}

/// What a stream of random numbers is for; each has its own.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Inputs,
    Labels,
    Order,
    Values,
}

fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut hash = blake3::Hasher::new_derive_key("pocketnas: batches");
    hash.update(&seed.to_le_bytes());
    hash.update(&[purpose as u8]);
    ChaCha8Rng::from_seed(*hash.finalize().as_bytes())
}

impl Dataset {
    /// Opens data by what it holds:
    /// - `noise`: unit normal inputs and uniform labels; `ones`: inputs of 1 and uniform labels;
    /// - IDX files (MNIST and its like), plain or gzipped: the file of images, a prefix of its name (`data/t10k`), or the
    ///   folder, of which the training files are taken;
    /// - binary files of CIFAR-10 and CIFAR-100: a file, or the folder, of which the training files are taken;
    /// - a folder with a folder of PNG or JPEG files for each class, as ImageNet has it.
    ///
    /// Only headers, labels and names are read, and the images that the normalisation is measured on. Noise and ones are
    /// never normalised.
    ///
    /// # Errors
    /// Data that is not there, damaged, or of no kind known here; see [`DataError`].
    pub fn open(spec: &str, normalisation: &Normalisation) -> Result<Self, DataError> {
        let reader = match spec {
            "noise" => return Ok(Self::noise()),
            "ones" => return Ok(Self(Source::Ones)),
            path => open_files(Path::new(path), spec)?,
        };
        let scale = Scale::of(&*reader, normalisation)?;
        Ok(Self(Source::Images(reader, scale)))
    }

    /// Unit normal inputs and uniform labels, `noise`.
    pub fn noise() -> Self {
        Self(Source::Noise)
    }

    /// Draws `count` batches of `size` samples for a network with that input and that output.
    ///
    /// # Shapes
    /// The classes are the channels of the output. Noise and ones take any input, and give a label to every position of
    /// the output; images take a map of 3 channels (or 1, if they are grey), and an output with one position.
    ///
    /// # Errors
    /// Too few images, images or labels that the network does not take, damaged files, too little memory.
    pub fn batches(
        &self,
        count: usize,
        size: usize,
        input: Shape,
        output: Shape,
        seed: u64,
    ) -> Result<Vec<Batch>, DataError> {
        let labels = labels_of(output)
            .ok_or_else(|| self.classes_only(output, "give the network an output with a channel for each class"))?;
        check_size(count, size, input, labels)?;
        match &self.0 {
            Source::Noise | Source::Ones => Ok(self.made(count, size, input, output, seed)),
            Source::Images(reader, scale) => {
                let [height, width] = check_images(&**reader, input)?;
                self.check_classes(&**reader, output)?;
                if count.checked_mul(size).is_none_or(|total| total > reader.len()) {
                    let (path, there) = (reader.path().to_path_buf(), reader.len());
                    return Err(DataError::TooFew { path, there, count, size });
                }
                let mut batches = vec![Batch { inputs: empty(size, input), target: Target::Labels(Vec::new()) }; count];
                let mut labels = vec![0; count * size];
                let each = input.elements() as usize;
                reader.read(&draw(reader.len(), count * size, seed), &mut |place, image, label| {
                    let sample = &mut batches[place / size].inputs.data[place % size * each..][..each];
                    picture::fill(image, [height, width], scale, sample);
                    labels[place] = label;
                    Ok(())
                })?;
                for (batch, labels) in batches.iter_mut().zip(labels.chunks(size)) {
                    batch.target = Target::Labels(labels.to_vec());
                }
                Ok(batches)
            }
        }
    }

    /// The same for a loss over values: targets of noise and of ones are unit normal values of the shape of the output.
    ///
    /// # Errors
    /// As [`batches`](Self::batches), and images, which have classes only.
    pub fn value_batches(
        &self,
        count: usize,
        size: usize,
        input: Shape,
        output: Shape,
        seed: u64,
    ) -> Result<Vec<Batch>, DataError> {
        if let Source::Images(..) = self.0 {
            return Err(self.classes_only(output, "choose a loss over classes, or give `noise` for one over values"));
        }
        check_size(count, size, input, output.elements())?;
        let (mut inputs, mut values) = (stream(seed, Purpose::Inputs), stream(seed, Purpose::Values));
        let mut batch = || {
            let mut target = empty(size, output);
            fill_normal(&mut target.data, &mut values);
            Batch { inputs: self.inputs(size, input, &mut inputs), target: Target::Values(target) }
        };
        Ok((0..count).map(|_| batch()).collect())
    }

    /// What a person should know about batches for such a network, a sentence each.
    pub fn notes(&self, input: Shape, output: Shape) -> Vec<String> {
        let (reader, scale) = match &self.0 {
            Source::Noise => return vec!["inputs are unit normal noise, labels are uniform".to_owned()],
            Source::Ones => return vec!["inputs are 1 everywhere, labels are uniform".to_owned()],
            Source::Images(reader, scale) => (reader, scale),
        };
        let (there, classes) = (counted(reader.len(), "image"), reader.classes());
        let classes_there = if classes == 1 { "1 class".to_owned() } else { format!("{classes} classes") };
        let mut notes =
            vec![format!("{there} in {classes_there} from {} ({})", reader.path().display(), reader.kind())];
        let list = |values: &[f64]| values.iter().map(|x| format!("{x:.4}")).collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "images are cut and scaled to {input}, and normalised by mean {} and deviation {}{}",
            list(&scale.mean),
            list(&scale.deviation),
            scale.measured.map_or_else(String::new, |images| format!(", measured on {}", counted(images, "image")))
        ));
        if reader.grey() && input.channels() == 3 {
            notes.push("grey is repeated to 3 channels".to_owned());
        }
        if classes < output.channels() {
            notes.push(format!("the network has {} classes, the data {classes}", output.channels()));
        }
        notes.extend(reader.notes());
        notes
    }

    fn made(&self, count: usize, size: usize, input: Shape, output: Shape, seed: u64) -> Vec<Batch> {
        let (mut inputs, mut labels) = (stream(seed, Purpose::Inputs), stream(seed, Purpose::Labels));
        let (height, width) = output.size();
        let classes = output.channels() as u32;
        let batch = |_| {
            let target = (0..size * height * width).map(|_| labels.gen_range(0..classes)).collect();
            Batch { inputs: self.inputs(size, input, &mut inputs), target: Target::Labels(target) }
        };
        (0..count).map(batch).collect()
    }

    /// Ones, or noise from a stream.
    fn inputs(&self, size: usize, input: Shape, stream: &mut ChaCha8Rng) -> Tensor<f32> {
        let mut inputs = empty(size, input);
        match self.0 {
            Source::Ones => inputs.data.fill(1.0),
            _ => fill_normal(&mut inputs.data, stream),
        }
        inputs
    }

    fn classes_only(&self, output: Shape, remedy: &'static str) -> DataError {
        DataError::Output { data: self.name(), labels: "labels that are classes".to_owned(), output, remedy }
    }

    fn check_classes(&self, reader: &dyn Reader, output: Shape) -> Result<(), DataError> {
        let error = |labels, remedy| Err(DataError::Output { data: self.name(), labels, output, remedy });
        if output.size() != (1, 1) {
            return error(
                "one label for an image".to_owned(),
                "give a network that classifies whole images, or `noise`",
            );
        }
        if reader.classes() > output.channels() {
            let labels = format!("labels up to {}", reader.classes() - 1);
            return error(labels, "give the network a channel for each class");
        }
        Ok(())
    }

    fn name(&self) -> String {
        match &self.0 {
            Source::Noise => "`noise`".to_owned(),
            Source::Ones => "`ones`".to_owned(),
            Source::Images(reader, _) => reader.path().display().to_string(),
        }
    }
}

/// Finds out what a path holds.
fn open_files(path: &Path, spec: &str) -> Result<Box<dyn Reader>, DataError> {
    if path.is_dir() {
        let cifar = cifar::training_files(path)?;
        if !cifar.is_empty() {
            return Ok(Box::new(Cifar::open(path, &cifar)?));
        }
        let idx = idx::images_in(path, "")?;
        if !idx.is_empty() {
            return Ok(Box::new(Idx::choose(&idx, path)?));
        }
        return Ok(Box::new(Folder::open(path)?));
    }
    if !path.exists() {
        let missing = || DataError::Missing { spec: spec.to_owned() };
        let prefix = path.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let idx = if folder.is_dir() { idx::images_in(folder, prefix)? } else { Vec::new() };
        return if idx.is_empty() { Err(missing()) } else { Ok(Box::new(Idx::choose(&idx, path)?)) };
    }
    let start = idx::start(path)?;
    if idx::looks_like(&start) {
        return Ok(Box::new(Idx::open(path)?));
    }
    if image::guess_format(&start).is_ok() {
        return Err(DataError::Kind {
            path: path.to_path_buf(),
            what: "this is one image".to_owned(),
            remedy: "give the folder that holds a folder of images for each class".to_owned(),
        });
    }
    // CIFAR has no mark of its own: the length of the file has to tell.
    let length = fs::metadata(path).map_err(|source| DataError::Read { path: path.to_path_buf(), source })?.len();
    if length > 0 && path.extension().is_none_or(|extension| extension != "bin") && !cifar::whole(length) {
        return Err(DataError::Kind {
            path: path.to_path_buf(),
            what: "this file is neither in IDX format nor one of CIFAR's".to_owned(),
            remedy: "give data in one of these formats, a folder with a folder of images for each class, or `noise`"
                .to_owned(),
        });
    }
    Ok(Box::new(Cifar::open(path, &[path.to_path_buf()])?))
}

/// Labels of one sample, where the output can have any.
fn labels_of(output: Shape) -> Option<u64> {
    let (height, width) = output.size();
    let classes = output.channels();
    (classes > 0 && u32::try_from(classes).is_ok()).then(|| (height as u64).saturating_mul(width as u64))
}

fn check_images(reader: &dyn Reader, input: Shape) -> Result<[u32; 2], DataError> {
    let data = if reader.grey() { "grey images" } else { "images of 3 channels" };
    let error = |remedy| Err(DataError::Input { path: reader.path().to_path_buf(), data, input, remedy });
    let Shape::Map { channels, height, width } = input else {
        return error("give a network whose input is a map of channels, height and width");
    };
    match channels {
        3 => {}
        1 if reader.grey() => {}
        _ if reader.grey() => return error("give it 1 or 3 channels"),
        _ => return error("give it 3 channels"),
    }
    match (u32::try_from(height), u32::try_from(width)) {
        (Ok(height), Ok(width)) if height > 0 && width > 0 => Ok([height, width]),
        _ => error("give it a size that images can have"),
    }
}

/// Asks the system for the whole of it once, so that what cannot be had is refused before anything is read.
fn check_size(count: usize, size: usize, shape: Shape, labels: u64) -> Result<(), DataError> {
    if count == 0 || size == 0 {
        return Err(DataError::Nothing { count, size });
    }
    let samples = (count as u64).saturating_mul(size as u64);
    let words = samples.saturating_mul(shape.elements().saturating_add(labels));
    let fits = usize::try_from(words).is_ok_and(|words| Vec::<f32>::new().try_reserve_exact(words).is_ok());
    let needed = words.saturating_mul(4);
    if fits { Ok(()) } else { Err(DataError::Memory { count, size, shape, needed }) }
}

fn fill_normal(data: &mut [f32], stream: &mut ChaCha8Rng) {
    data.iter_mut().for_each(|x| *x = stream.sample::<f64, _>(StandardNormal) as f32);
}

fn empty(size: usize, input: Shape) -> Tensor<f32> {
    let sample: Vec<usize> = input.into();
    Tensor::zeros(std::iter::once(size).chain(sample).collect())
}

/// The first `count` of a random order of `total` positions (Fisher and Yates), remembering only what was moved: the
/// order does not depend on how many are taken.
fn draw(total: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut stream = stream(seed, Purpose::Order);
    let mut moved: HashMap<usize, usize> = HashMap::new();
    let mut next = |place: usize| {
        let from = stream.gen_range(place as u64..total as u64) as usize;
        let here = moved.get(&place).copied().unwrap_or(place);
        moved.insert(from, here).unwrap_or(from)
    };
    (0..count).map(&mut next).collect()
}

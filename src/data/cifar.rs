//! The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009): records of one label, or a coarse and a fine one, and
//! 32×32 pixels, all red ones first, then green, then blue.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use image::{DynamicImage, RgbImage};

use super::DataError;
use super::reader::{Reader, Take, in_order};

const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;

/// Files of records, strung together.
#[derive(Debug)]
pub(super) struct Cifar {
    path: PathBuf,
    files: Vec<(PathBuf, usize)>,
    /// Labels at the front of a record: 1 with 10 classes, or 2 of which the last is one of 100.
    labels: usize,
}

/// The training files in a folder: `data_batch_1.bin` and so on, or `train.bin`.
///
/// # Errors
/// A folder that cannot be read.
pub(super) fn training_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = |source| DataError::Read { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".bin")) else { continue };
        if (stem == "train" || stem.starts_with("data_batch_")) && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn record(labels: usize) -> u64 {
    (labels + 3 * PIXELS) as u64
}

/// Whether a file of that length may hold records.
pub(super) fn whole(length: u64) -> bool {
    length > 0 && [1, 2].into_iter().any(|labels| length.is_multiple_of(record(labels)))
}

impl Cifar {
    /// Files that hold whole records of one of the two kinds.
    ///
    /// # Errors
    /// Files that cannot be read, that hold no whole number of records, or records of both kinds.
    pub fn open(path: &Path, files: &[PathBuf]) -> Result<Self, DataError> {
        let mut sized = Vec::new();
        for file in files {
            let size = fs::metadata(file).map_err(|source| DataError::Read { path: file.clone(), source })?.len();
            sized.push((file.clone(), size));
        }
        let mut fitting = Vec::new();
        for labels in [1, 2] {
            let whole = sized.iter().all(|(_, size)| *size > 0 && size.is_multiple_of(record(labels)));
            if whole && labels_fit(&sized, labels)? {
                fitting.push(labels);
            }
        }
        let Some(&labels) = fitting.first() else { return Err(refuse(path, &sized)) };
        let files = sized.into_iter().map(|(file, size)| (file, (size / record(labels)) as usize)).collect();
        Ok(Self { path: path.to_path_buf(), files, labels })
    }
}

/// Where the length of a file is a multiple of both records, its first labels tell them apart.
fn labels_fit(files: &[(PathBuf, u64)], labels: usize) -> Result<bool, DataError> {
    for (path, size) in files.iter().filter(|(_, size)| size.is_multiple_of(record(1) * record(2))) {
        let read = |source| DataError::Read { path: path.clone(), source };
        let mut file = File::open(path).map_err(read)?;
        for index in 0..(size / record(labels)).min(64) {
            let mut label = [0; 2];
            file.seek(SeekFrom::Start(index * record(labels))).map_err(read)?;
            file.read_exact(&mut label[..labels]).map_err(read)?;
            let fits = if labels == 1 { label[0] < 10 } else { label[0] < 20 && label[1] < 100 };
            if !fits {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn refuse(path: &Path, files: &[(PathBuf, u64)]) -> DataError {
    match files.iter().find(|(_, size)| !whole(*size)) {
        Some((file, size)) => {
            let offset = size / record(1) * record(1);
            let what = format!(
                "the file has {size} bytes, no whole number of records of CIFAR-10 ({} bytes) or CIFAR-100 ({}): empty, \
                 cut off, or another format",
                record(1),
                record(2)
            );
            DataError::Damaged { path: file.clone(), offset, unpacked: false, what }
        }
        None => DataError::Kind {
            path: path.to_path_buf(),
            what: "holds records of CIFAR-10 and of CIFAR-100, or labels of neither".to_owned(),
            remedy: "give one file, or a folder of files of one kind".to_owned(),
        },
    }
}

impl Reader for Cifar {
    fn path(&self) -> &Path {
        &self.path
    }

    fn kind(&self) -> &'static str {
        if self.labels == 1 { "CIFAR-10 files" } else { "CIFAR-100 files" }
    }

    fn len(&self) -> usize {
        self.files.iter().map(|(_, records)| records).sum()
    }

    fn classes(&self) -> usize {
        if self.labels == 1 { 10 } else { 100 }
    }

    fn grey(&self) -> bool {
        false
    }

    fn notes(&self) -> Vec<String> {
        match self.labels {
            1 => Vec::new(),
            _ => vec!["of the two labels of CIFAR-100 the fine one is taken".to_owned()],
        }
    }

    fn read(&self, wanted: &[usize], take: &mut Take) -> Result<(), DataError> {
        let mut places = in_order(wanted).into_iter().peekable();
        let mut first = 0;
        for (path, records) in &self.files {
            let read = |source| DataError::Read { path: path.clone(), source };
            let mut file = None;
            while let Some(place) = places.next_if(|&place| wanted[place] < first + records) {
                let file = match &mut file {
                    Some(file) => file,
                    slot => slot.insert(File::open(path).map_err(read)?),
                };
                let offset = (wanted[place] - first) as u64 * record(self.labels);
                let damaged = |what| DataError::Damaged { path: path.clone(), offset, unpacked: false, what };
                let mut bytes = vec![0; record(self.labels) as usize];
                file.seek(SeekFrom::Start(offset)).map_err(read)?;
                file.read_exact(&mut bytes).map_err(|error| damaged(format!("cannot read this record: {error}")))?;
                let label = bytes[self.labels - 1];
                if usize::from(label) >= self.classes() {
                    return Err(damaged(format!("label {label} is beyond the {} classes", self.classes())));
                }
                let planes = &bytes[self.labels..];
                let pixels = (0..PIXELS).flat_map(|at| [0, 1, 2].map(|plane| planes[plane * PIXELS + at])).collect();
                let image = RgbImage::from_raw(SIDE as u32, SIDE as u32, pixels).expect("a record holds 32×32 pixels");
                take(place, DynamicImage::ImageRgb8(image), label.into())?;
            }
            first += records;
        }
        Ok(())
    }
}

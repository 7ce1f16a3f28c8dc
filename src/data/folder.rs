//! Folders of images in the layout of ImageNet: a folder for each class, with PNG or JPEG files in it. Classes are
//! numbered in the order of their names.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader};

use super::DataError;
use super::reader::{Reader, Take};
use crate::units::counted;

/// Class folders, with the names of their images; nothing of an image is held.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    classes: Vec<Class>,
    grey: bool,
    /// Files that are no images by their names.
    others: usize,
}

#[derive(Debug)]
struct Class {
    path: PathBuf,
    images: Vec<PathBuf>,
}

/// Everything in a folder that is not hidden, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read = |source| DataError::Read { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn decode(path: &Path) -> Result<DynamicImage, DataError> {
    let read = |source| DataError::Read { path: path.to_path_buf(), source };
    // The content says what an image is; many a file of ImageNet is named wrongly.
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(read)?;
    reader.decode().map_err(|source| DataError::Image { path: path.to_path_buf(), source })
}

impl Folder {
    /// Lists the classes and their images, and decodes the first image.
    ///
    /// # Errors
    /// Folders that cannot be read, no class folders, classes without images, a first image that does not decode.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let refuse = |path: &Path, what: &str, remedy: String| {
            Err(DataError::Kind { path: path.to_path_buf(), what: what.to_owned(), remedy })
        };
        let (mut classes, mut others) = (Vec::new(), 0);
        for class in entries(path)?.into_iter().filter(|entry| entry.is_dir()) {
            let (images, rest): (Vec<PathBuf>, Vec<PathBuf>) =
                entries(&class)?.into_iter().partition(|entry| is_image(entry) && !entry.is_dir());
            others += rest.len();
            if images.is_empty() {
                let remedy = if rest.iter().any(|entry| entry.is_dir()) {
                    format!("if its folders are the classes, give `{}` itself", class.display())
                } else {
                    "put its images there, or take the folder away".to_owned()
                };
                return refuse(&class, "this folder of a class holds no PNG or JPEG files", remedy);
            }
            classes.push(Class { path: class, images });
        }
        let Some(first) = classes.first().and_then(|class| class.images.first()) else {
            let remedy = "give a folder with a folder of PNG or JPEG files for each class, files in IDX format \
                          (`…images-idx3-ubyte`, `…labels-idx1-ubyte`) or binary files of CIFAR (`data_batch_1.bin`, \
                          `train.bin`)";
            return refuse(path, "this folder holds no data", remedy.to_owned());
        };
        let grey = !decode(first)?.color().has_color();
        Ok(Self { path: path.to_path_buf(), classes, grey, others })
    }
}

impl Reader for Folder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn kind(&self) -> &'static str {
        "image files"
    }

    fn len(&self) -> usize {
        self.classes.iter().map(|class| class.images.len()).sum()
    }

    fn classes(&self) -> usize {
        self.classes.len()
    }

    fn grey(&self) -> bool {
        self.grey
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.others > 0 {
            notes.push(format!("left out, being no PNG or JPEG by name: {}", counted(self.others, "file")));
        }
        if self.grey {
            notes.push("the first image is grey, so all are taken as grey".to_owned());
        }
        if let [only] = &self.classes[..] {
            notes.push(format!("there is one class, `{}`, so all labels are 0", only.path.display()));
        }
        notes
    }

    fn read(&self, wanted: &[usize], take: &mut Take) -> Result<(), DataError> {
        let starts: Vec<usize> = self
            .classes
            .iter()
            .scan(0, |next, class| {
                let start = *next;
                *next += class.images.len();
                Some(start)
            })
            .collect();
        for (place, &index) in wanted.iter().enumerate() {
            let label = starts.partition_point(|&start| start <= index) - 1;
            let image = decode(&self.classes[label].images[index - starts[label]])?;
            let image = if self.grey { image.into_luma8().into() } else { image.into_rgb8().into() };
            take(place, image, label as u32)?;
        }
        Ok(())
    }
}

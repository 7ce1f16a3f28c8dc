//! IDX files, plain or gzipped: the format of MNIST (LeCun et al., 1998) and of the data sets that took its place. A file
//! of images (`…-images-idx3-ubyte`) stands beside one of labels (`…-labels-idx1-ubyte`).

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use image::{DynamicImage, GrayImage};

use super::DataError;
use super::reader::{Reader, Take, in_order};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The code of unsigned bytes in the third byte of a file.
const UNSIGNED: u8 = 8;
/// Pixels of an image: far beyond any data set in this format, and little enough to hold.
const PIXELS: u64 = 1 << 26;

/// A pair of files.
#[derive(Debug)]
pub(super) struct Idx {
    images: PathBuf,
    labels: Vec<u8>,
    height: u32,
    width: u32,
}

/// Whether a file begins as one in this format may.
pub(super) fn looks_like(start: &[u8]) -> bool {
    start.starts_with(&GZIP) || start.starts_with(&[0, 0, UNSIGNED])
}

/// The files of images in a folder whose names begin with `prefix`.
///
/// # Errors
/// A folder that cannot be read.
pub(super) fn images_in(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, DataError> {
    let read = |source| DataError::Read { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name();
        let named = name.to_str().is_some_and(|name| name.starts_with(prefix) && name.contains("images"));
        if named && entry.path().is_file() && start(&entry.path()).is_ok_and(|start| looks_like(&start)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The first bytes of a file.
pub(super) fn start(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut start = Vec::new();
    let read = |source| DataError::Read { path: path.to_path_buf(), source };
    File::open(path).and_then(|file| file.take(8).read_to_end(&mut start)).map_err(read)?;
    Ok(start)
}

impl Idx {
    /// Opens the one of these files of images that is meant: the only one, or the one whose name begins with `train`.
    ///
    /// # Errors
    /// Several to choose from, or what [`open`](Self::open) refuses.
    pub fn choose(found: &[PathBuf], place: &Path) -> Result<Self, DataError> {
        let training = |path: &&PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("train"))
        };
        let trained: Vec<&PathBuf> = found.iter().filter(training).collect();
        match (found, &trained[..]) {
            ([only], _) => Self::open(only),
            (_, [only]) => Self::open(only),
            _ => {
                let names: Vec<String> = found.iter().map(|path| format!("`{}`", path.display())).collect();
                Err(DataError::Kind {
                    path: place.to_path_buf(),
                    what: format!("there are {} files of images here", found.len()),
                    remedy: format!("give one of them: {}", names.join(", ")),
                })
            }
        }
    }

    /// Opens a file of images and the file of labels beside it, and checks what can be checked without reading images.
    ///
    /// # Errors
    /// Files that cannot be read, are damaged or not in this format, and labels that are missing or too few.
    pub fn open(images: &Path) -> Result<Self, DataError> {
        let beside = labels_beside(images)?;
        let [count, height, width] = Bytes::open(images)?.header::<3>("images")?;
        let mut bytes = Bytes::open(&beside)?;
        let [labelled] = bytes.header::<1>("labels")?;
        if count != labelled {
            return Err(DataError::Kind {
                path: images.to_path_buf(),
                what: format!("holds {count} images, but {} holds {labelled} labels", beside.display()),
                remedy: "give files that belong together".to_owned(),
            });
        }
        let mut labels = vec![0; labelled as usize];
        bytes.fill(&mut labels, "the labels")?;
        bytes.finish()?;
        Ok(Self { images: images.to_path_buf(), labels, height, width })
    }
}

impl Reader for Idx {
    fn path(&self) -> &Path {
        &self.images
    }

    fn kind(&self) -> &'static str {
        "IDX files"
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |&label| usize::from(label) + 1)
    }

    fn grey(&self) -> bool {
        true
    }

    fn read(&self, wanted: &[usize], take: &mut Take) -> Result<(), DataError> {
        let mut bytes = Bytes::open(&self.images)?;
        bytes.header::<3>("images")?;
        let size = u64::from(self.height) * u64::from(self.width);
        let mut next = 0;
        for place in in_order(wanted) {
            let index = wanted[place];
            let what = format!("image {index}");
            bytes.skip((index - next) as u64 * size, &what)?;
            let mut pixels = vec![0; size as usize];
            bytes.fill(&mut pixels, &what)?;
            next = index + 1;
            let image = GrayImage::from_raw(self.width, self.height, pixels).expect("as many pixels as the sizes say");
            take(place, DynamicImage::ImageLuma8(image), u32::from(self.labels[index]))?;
        }
        bytes.finish()
    }
}

/// The file of labels that belongs to one of images, whether gzipped or not.
fn labels_beside(images: &Path) -> Result<PathBuf, DataError> {
    let name = images.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let refuse = |what: String, remedy: String| Err(DataError::Kind { path: images.to_path_buf(), what, remedy });
    if !name.contains("images") {
        let what = "looks like an IDX file, but the file of its labels is not known".to_owned();
        return refuse(what, "name the two as MNIST does, `…images-idx3-ubyte` and `…labels-idx1-ubyte`".to_owned());
    }
    let plain = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = plain.strip_suffix(".gz").unwrap_or(&plain);
    let candidates = [plain.to_owned(), format!("{plain}.gz")].map(|name| images.with_file_name(name));
    match candidates.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => refuse("the labels are missing".to_owned(), format!("put `{plain}` or `{plain}.gz` beside it")),
    }
}

/// The bytes of a file as they are when unpacked.
struct Bytes {
    path: PathBuf,
    /// Where the next byte stands.
    offset: u64,
    content: Content,
}

enum Content {
    Plain(BufReader<File>),
    Gzip(Box<GzDecoder<BufReader<File>>>),
}

impl Bytes {
    fn open(path: &Path) -> Result<Self, DataError> {
        let gzip = start(path)?.starts_with(&GZIP);
        let file = File::open(path).map_err(|source| DataError::Read { path: path.to_path_buf(), source })?;
        let file = BufReader::with_capacity(1 << 16, file);
        let content = if gzip { Content::Gzip(Box::new(GzDecoder::new(file))) } else { Content::Plain(file) };
        Ok(Self { path: path.to_path_buf(), offset: 0, content })
    }

    fn damaged(&self, what: String) -> DataError {
        let (path, unpacked) = (self.path.clone(), matches!(self.content, Content::Gzip(_)));
        DataError::Damaged { path, offset: self.offset, unpacked, what }
    }

    /// Reads the magic number and the sizes, and holds them against the length of the file.
    fn header<const N: usize>(&mut self, holds: &str) -> Result<[u32; N], DataError> {
        let mut magic = [0; 4];
        self.fill(&mut magic, "the magic number")?;
        if magic != [0, 0, UNSIGNED, N as u8] {
            self.offset = 0;
            return Err(self.damaged(format!(
                "a file of {holds} begins with the bytes [0, 0, {UNSIGNED}, {N}] (unsigned bytes, {N} sizes), \
                 this one with {magic:?}; are images and labels mixed up?"
            )));
        }
        let mut sizes = [0; N];
        for size in &mut sizes {
            let mut bytes = [0; 4];
            self.fill(&mut bytes, "the sizes")?;
            *size = u32::from_be_bytes(bytes);
            if *size == 0 {
                self.offset -= 4;
                return Err(self.damaged("a size is 0, so the file holds nothing".to_owned()));
            }
        }
        let product = |sizes: &[u32]| sizes.iter().try_fold(1_u64, |all, &size| all.checked_mul(size.into()));
        let fits = product(&sizes[1..]).is_some_and(|pixels| pixels <= PIXELS);
        let Some(length) = product(&sizes).filter(|_| fits) else {
            return Err(self.damaged(format!("the sizes {sizes:?} are beyond those of any images")));
        };
        self.check_length(self.offset + length, &sizes)?;
        Ok(sizes)
    }

    /// A file that was cut off is refused even where nothing behind the cut is needed. A gzip file ends with the length of
    /// what it unpacks to, modulo 2³².
    fn check_length(&self, wanted: u64, sizes: &[u32]) -> Result<(), DataError> {
        let read = |source| DataError::Read { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        let (there, agrees) = match self.content {
            Content::Plain(_) => (length, length == wanted),
            Content::Gzip(_) => {
                let mut last = [0; 4];
                file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut last)).map_err(read)?;
                let there = u32::from_le_bytes(last);
                (there.into(), there == wanted as u32)
            }
        };
        if agrees {
            return Ok(());
        }
        let what = format!("the sizes {sizes:?} make {wanted} bytes, but the file holds {there}: cut off, or damaged");
        Err(self.damaged(what))
    }

    fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<(), DataError> {
        let read = match &mut self.content {
            Content::Plain(file) => file.read_exact(buffer),
            Content::Gzip(file) => file.read_exact(buffer),
        };
        read.map_err(|error| self.damaged(format!("cannot read {what}: {error}")))?;
        self.offset += buffer.len() as u64;
        Ok(())
    }

    fn skip(&mut self, count: u64, what: &str) -> Result<(), DataError> {
        let skipped = match &mut self.content {
            Content::Plain(file) => file.seek_relative(count as i64).map(|()| count),
            Content::Gzip(file) => io::copy(&mut file.take(count), &mut io::sink()),
        };
        match skipped {
            Ok(skipped) if skipped == count => self.offset += count,
            Ok(skipped) => return Err(self.damaged(format!("ends {} bytes before {what}", count - skipped))),
            Err(error) => return Err(self.damaged(format!("cannot read on to {what}: {error}"))),
        }
        Ok(())
    }

    /// Unpacks a gzip file to its end, where its checksum is.
    fn finish(&mut self) -> Result<(), DataError> {
        match &mut self.content {
            Content::Plain(_) => Ok(()),
            Content::Gzip(file) => match io::copy(file, &mut io::sink()) {
                Ok(0..) => Ok(()),
                Err(error) => Err(self.damaged(format!("cannot unpack what follows: {error}"))),
            },
        }
    }
}

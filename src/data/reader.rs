//! The seam between kinds of data and what batches need of them.

use std::fmt::Debug;
use std::path::Path;

use image::DynamicImage;

use super::DataError;

/// Takes an image: its place among those wanted, the image, its label.
pub(super) type Take<'a> = dyn FnMut(usize, DynamicImage, u32) -> Result<(), DataError> + 'a;

/// Labelled images behind positions. Only those that are asked for are read.
pub(super) trait Reader: Debug + Send + Sync {
    /// The file or folder, for messages.
    fn path(&self) -> &Path;

    /// What it is: `IDX files`, …
    fn kind(&self) -> &'static str;

    /// Images there are; at least one.
    fn len(&self) -> usize;

    /// Labels are below this.
    fn classes(&self) -> usize;

    /// Whether images are grey; else they are red, green and blue.
    fn grey(&self) -> bool;

    /// What a person should know of it.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Hands out the images at these positions, all different, in whatever order they are stored.
    ///
    /// # Errors
    /// Files that cannot be read, are damaged, or hold labels that are no class; and what `take` returns.
    fn read(&self, wanted: &[usize], take: &mut Take) -> Result<(), DataError>;
}

/// The places of `wanted`, in the order of the positions they hold.
pub(super) fn in_order(wanted: &[usize]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..wanted.len()).collect();
    places.sort_unstable_by_key(|&place| wanted[place]);
    places
}

//! From an image to what a network takes: cut and scaled to the size, normalised, one plane for each channel.

use std::path::Path;

use image::DynamicImage;
use image::imageops::FilterType;

use super::DataError;
use super::reader::Reader;

/// What is taken off each channel, and what the rest is divided by. Pixels run from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Normalisation {
    /// These, one for each channel or one for all.
    Given {
        /// Means.
        mean: Vec<f64>,
        /// Standard deviations.
        deviation: Vec<f64>,
    },
    /// The mean and deviation of every channel over this many images, spread evenly over the data, in their own size.
    Measured {
        /// At most this many images.
        images: usize,
    },
}

impl Default for Normalisation {
    /// Measured on 512 images: near enough, and soon done with large photographs.
    fn default() -> Self {
        Self::Measured { images: 512 }
    }
}

/// A normalisation as numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub mean: Vec<f64>,
    pub deviation: Vec<f64>,
    /// Images it was measured on, where it was.
    pub measured: Option<usize>,
}

impl Scale {
    pub fn of(reader: &dyn Reader, normalisation: &Normalisation) -> Result<Self, DataError> {
        let channels = if reader.grey() { 1 } else { 3 };
        match normalisation {
            Normalisation::Given { mean, deviation } => {
                let scale = Self { mean: mean.clone(), deviation: deviation.clone(), measured: None };
                scale.check(channels, reader.path())?;
                Ok(scale)
            }
            Normalisation::Measured { images } => Self::measure(reader, channels, (*images).clamp(1, reader.len())),
        }
    }

    fn check(&self, channels: usize, path: &Path) -> Result<(), DataError> {
        let refuse = |what: String, remedy| Err(DataError::Normalisation { path: path.to_path_buf(), what, remedy });
        for (name, values) in [("mean", &self.mean), ("deviation", &self.deviation)] {
            if values.len() != 1 && values.len() != channels {
                let what = format!("images have {channels} channel(s), but the {name} has {} values", values.len());
                return refuse(what, "give one for each channel, or one for all");
            }
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return refuse(format!("the {name} {value} is no number"), "give numbers, for pixels from 0 to 1");
            }
        }
        match self.deviation.iter().find(|deviation| **deviation <= 0.0) {
            Some(value) => {
                refuse(format!("the deviation {value} is not above 0"), "give the deviation of each channel")
            }
            None => Ok(()),
        }
    }

    fn measure(reader: &dyn Reader, channels: usize, images: usize) -> Result<Self, DataError> {
        let total = reader.len() as u128;
        let spread: Vec<usize> = (0..images as u128).map(|i| (i * total / images as u128) as usize).collect();
        let (mut count, mut sums, mut squares) = (0.0, vec![0.0; channels], vec![0.0; channels]);
        reader.read(&spread, &mut |_, image, _| {
            // Whole numbers up to 2⁵³: the sums are exact, so the order in which images come does not matter.
            for (at, &byte) in image.as_bytes().iter().enumerate() {
                let value = f64::from(byte);
                sums[at % channels] += value;
                squares[at % channels] += value * value;
            }
            count += (image.as_bytes().len() / channels) as f64;
            Ok(())
        })?;
        let mean: Vec<f64> = sums.iter().map(|sum| sum / count / 255.0).collect();
        let variance = |(square, mean): (&f64, &f64)| (square / count / (255.0 * 255.0) - mean * mean).max(0.0);
        let deviation: Vec<f64> = squares.iter().zip(&mean).map(variance).map(f64::sqrt).collect();
        match deviation.iter().position(|&deviation| deviation < 1e-6) {
            Some(channel) => Err(DataError::Normalisation {
                path: reader.path().to_path_buf(),
                what: format!("channel {channel} is {:.4} everywhere in {images} images", mean[channel]),
                remedy: "data that never varies cannot be normalised: give a mean and a deviation, or other data",
            }),
            None => Ok(Self { mean, deviation, measured: Some(images) }),
        }
    }
}

/// Writes an image into the planes of one sample, `[channels, height, width]`. Grey is repeated to every channel.
pub(super) fn fill(image: DynamicImage, [height, width]: [u32; 2], scale: &Scale, sample: &mut [f32]) {
    let image = fit(image, height, width);
    let pixels = height as usize * width as usize;
    let step = image.as_bytes().len() / pixels;
    for (channel, plane) in sample.chunks_exact_mut(pixels).enumerate() {
        let of = |values: &[f64]| if values.len() == 1 { values[0] } else { values[channel] };
        let (mean, deviation) = (of(&scale.mean), of(&scale.deviation));
        let bytes = image.as_bytes().iter().skip(if step == 1 { 0 } else { channel }).step_by(step);
        plane.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = ((f64::from(byte) / 255.0 - mean) / deviation) as f32);
    }
}

/// Cuts the largest centred part of the wanted proportions out of an image and scales it, each pixel the weighted mean of
/// those it covers (bilinear where it is enlarged).
fn fit(image: DynamicImage, height: u32, width: u32) -> DynamicImage {
    let (w, h) = (u64::from(image.width()), u64::from(image.height()));
    let (across, down) = (u64::from(width), u64::from(height));
    let part = |whole: u64, along: u64, other: u64| ((whole * along + other / 2) / other).max(1);
    let (cut_w, cut_h) =
        if w * down > h * across { (part(h, across, down).min(w), h) } else { (w, part(w, down, across).min(h)) };
    let cut = match (cut_w, cut_h) == (w, h) {
        true => image,
        false => image.crop_imm(((w - cut_w) / 2) as u32, ((h - cut_h) / 2) as u32, cut_w as u32, cut_h as u32),
    };
    match (cut.width(), cut.height()) == (width, height) {
        true => cut,
        false => cut.resize_exact(width, height, FilterType::Triangle),
    }
}

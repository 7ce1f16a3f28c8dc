//! The proxies of AZ-NAS (Lee and Ham, CVPR 2024) that look at the output of every block of an untrained
//! network; its fourth, complexity, is `live_macs`. They are made to be put together by rank (`aggregate`).
//!
//! With the batch's positions as points in the space of channels, the *expressivity* of a block is the entropy of the
//! normalised spectrum of their covariance, and that of the network the sum; *progressivity* is the smallest increase of it
//! from one block to the next. *Trainability* probes the Jacobian of a block with signs v of even chance at its output:
//! with σ the largest singular value of the mean of `(Jᵀv) vᵀ` over positions, it is the mean over blocks of
//! `2 - σ - 1/σ`, at most 0, where neither gradients vanish nor explode. Where a block reduces the map by s, the s·s
//! positions before it count as channels.
//!
//! Blocks are those of the network with one live way in and one out, from the first, the stem. A block that passes on
//! what it gets trains nothing: its trainability is the lowest there is.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value as Json};

use super::bisection::{eigenvalues, largest};
use super::chain::{Link, channel_rows, walk};
use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, statistics};
use crate::engine::{Init, Scheme, Tensor};

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AzNas {
    Expressivity,
    Progressivity,
    Trainability,
}

/// What the authors draw weights by.
pub(super) fn kaiming() -> Init {
    Init { convolutions: Scheme::KaimingNormal, linear: Scheme::KaimingNormal, ..Init::default() }
}

fn setup() -> Setup {
    Setup { batch_size: 32, init: kaiming(), ..Setup::default() }
}

pub(super) static EXPRESSIVITY: Kind =
    Kind { word: "expressivity", fields: &[], setup, read: |_| Ok(Box::new(AzNas::Expressivity)) };

pub(super) static PROGRESSIVITY: Kind =
    Kind { word: "progressivity", fields: &[], setup, read: |_| Ok(Box::new(AzNas::Progressivity)) };

pub(super) static TRAINABILITY: Kind =
    Kind { word: "trainability", fields: &[], setup, read: |_| Ok(Box::new(AzNas::Trainability)) };

impl Measure for AzNas {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        if *self == Self::Trainability {
            return trainability(lab);
        }
        let mut entropies: Vec<f64> = Vec::new();
        walk(lab, false, &mut |link| {
            entropies.push(entropy(link.output));
            Ok(())
        })?;
        let value = if *self == Self::Expressivity {
            entropies.iter().sum()
        } else {
            let increases = entropies.windows(2).map(|pair| pair[1] - pair[0]);
            increases.min_by(f64::total_cmp).ok_or_else(|| lab.unfit("needs a network of at least two blocks"))?
        };
        Ok(Reading { value, details: vec![("blocks", entropies.len() as f64)] })
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

/// Entropy of the spectrum of a block's output.
fn entropy(output: &Tensor) -> f64 {
    let (rows, channels) = channel_rows(output);
    let mut covariances = statistics::covariances(&rows, channels);
    let spectrum = eigenvalues(&mut covariances, channels);
    shannon(spectrum.iter().map(|&x| x.max(0.0)))
}

/// `-Σ p ln p` of what is first scaled to a sum of one.
pub(super) fn shannon(weights: impl Iterator<Item = f64> + Clone) -> f64 {
    let total: f64 = weights.clone().sum();
    weights.map(|x| x / total).filter(|&p| p > 0.0).fold(0.0, |sum, p| sum - p * p.ln())
}

fn trainability(lab: &Lab<'_>) -> Result<Reading, ScoreError> {
    let mut scores: Vec<f64> = Vec::new();
    walk(lab, true, &mut |link| {
        // The stem is fed by the images, through which nothing is trained.
        if link.position > 0 {
            scores.extend(block_score(lab, link)?);
        }
        Ok(())
    })?;
    if scores.is_empty() {
        return Err(lab.unfit("needs a network of at least two blocks"));
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    Ok(Reading { value: mean.max(f64::MIN), details: vec![("blocks", scores.len() as f64)] })
}

/// `2 - σ - 1/σ` of a block; nothing where positions before and after do not fit together.
fn block_score(lab: &Lab<'_>, link: &mut Link<'_>) -> Result<Option<f64>, ScoreError> {
    let mut stream = ChaCha8Rng::seed_from_u64(lab.seed().wrapping_mul(1 << 16).wrapping_add(link.position as u64));
    let signs = link.output.data.iter().map(|_| if stream.r#gen() { 1.0 } else { -1.0 }).collect();
    let above = Tensor::new(link.output.shape.clone(), signs);
    link.program.backward(&[(link.exit, &above)])?;
    let Some(below) = link.program.value_gradient(link.entry) else { return Ok(None) };
    if below == above {
        return Ok(Some(f64::MIN));
    }
    let Some(below) = gather(&below, &above) else { return Ok(None) };
    let ((below, inputs), (above, outputs)) = (channel_rows(&below), channel_rows(&above));
    let mut gram = statistics::cross_gram(&below, inputs, &above, outputs);
    let singular = largest(&mut gram, inputs.min(outputs)).max(0.0).sqrt();
    Ok(Some(2.0 - singular - 1.0 / (singular + 1e-6)))
}

/// The gradient before a block with as many positions as behind it: where there are s·s as many, those that lie together
/// become channels.
fn gather(below: &Tensor, above: &Tensor) -> Option<Tensor> {
    match (&below.shape[..], &above.shape[..]) {
        (&[batch, channels, height, width], &[_, _, rows, columns]) => {
            let scale = height / rows;
            if scale == 0 || rows * scale != height || columns * scale != width {
                return None;
            }
            let mut data = Vec::with_capacity(below.data.len());
            for image in below.data.chunks_exact(height * width) {
                for offset in 0..scale * scale {
                    let (y, x) = (offset / scale, offset % scale);
                    for row in 0..rows {
                        data.extend((0..columns).map(|column| image[(row * scale + y) * width + column * scale + x]));
                    }
                }
            }
            Some(Tensor::new(vec![batch, channels * scale * scale, rows, columns], data))
        }
        (&[_, tokens, _], &[_, others, _]) => (tokens == others).then(|| below.clone()),
        _ => None,
    }
}

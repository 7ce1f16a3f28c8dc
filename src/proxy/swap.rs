//! SWAP (Peng, Song, Fayek, Ciesielski and Chang, ICLR 2024): how many different things the units of an
//! untrained network do.
//!
//! Every unit has a pattern: for which samples it is above zero. The score is the number of distinct patterns over all
//! activations, at most the number of units and at most 2 to the number of samples. The regularised form of the paper
//! multiplies by a bell over the number of parameters, whose centre and width are chosen for a space; here it is left out.
//! On smaller images (`size`) there are fewer units, and so fewer patterns.

use serde_json::{Map, Value as Json, json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, codes};

/// SWAP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Swap {
    /// Side of the images in place of the network's own.
    size: Option<usize>,
}

pub(super) static SWAP: Kind = Kind {
    word: "swap",
    fields: &["size"],
    setup: || Setup { batch_size: 32, ..Setup::default() },
    read: |fields| Ok(Box::new(Swap { size: fields.count("size") })),
};

impl Measure for Swap {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let samples = lab.setup.batch_size;
        let resized = self.size.map(|size| lab.resized(size)).transpose()?;
        let words = samples.div_ceil(64);
        let mut patterns: Vec<u64> = Vec::new();
        codes::visit(lab, resized.as_ref().unwrap_or(lab.network), &mut |value| {
            let units = value.data.len() / samples;
            let first = patterns.len();
            patterns.resize(first + units * words, 0);
            for (sample, values) in value.data.chunks_exact(units).enumerate() {
                let (word, bit) = (sample / 64, sample % 64);
                for (pattern, &x) in patterns[first..].chunks_exact_mut(words).zip(values) {
                    pattern[word] |= u64::from(x > 0.0) << bit;
                }
            }
        })?;
        let mut seen: Vec<&[u64]> = patterns.chunks_exact(words).collect();
        let units = seen.len();
        seen.sort_unstable();
        seen.dedup();
        Ok(Reading { value: seen.len() as f64, details: vec![("units", units as f64)] })
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        self.size.map(|size| ("size".to_owned(), json!(size))).into_iter().collect()
    }
}

//! NASWOT (Mellor, Turner, Storkey and Crowley, ICML 2021, summed over layers as their code has it): how well the
//! activations of an untrained network tell samples apart.
//!
//! Every sample has a binary code: which units are above zero. `ln det K`, where `K_ij` is the number of units in which
//! the codes of samples i and j agree. Batch norms use the statistics of the batch. It says nothing of labels.

use serde_json::{Map, Value as Json};

use super::kinds::Kind;
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::{ScoreError, codes};

/// NASWOT; it has no fields of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Naswot;

pub(super) static NASWOT: Kind =
    Kind { word: "naswot", fields: &[], setup: Setup::default, read: |_| Ok(Box::new(Naswot)) };

impl Measure for Naswot {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let samples = lab.setup.batch_size;
        let mut units = 0;
        let mut differing = vec![0u64; samples * samples];
        codes::visit(lab, lab.network, &mut |value| {
            let each = value.data.len() / samples;
            units += each;
            let packed: Vec<Vec<u64>> = value.data.chunks_exact(each).map(pack).collect();
            for (i, first) in packed.iter().enumerate() {
                for (j, second) in packed.iter().enumerate().skip(i + 1) {
                    let bits: u32 = first.iter().zip(second).map(|(a, b)| (a ^ b).count_ones()).sum();
                    differing[i * samples + j] += u64::from(bits);
                }
            }
        })?;
        let mut kernel = vec![units as f64; samples * samples];
        for i in 0..samples {
            for j in i + 1..samples {
                let agree = units as f64 - differing[i * samples + j] as f64;
                (kernel[i * samples + j], kernel[j * samples + i]) = (agree, agree);
            }
        }
        let value = ln_determinant(&mut kernel, samples);
        Ok(Reading { value, details: vec![("units", units as f64)] })
    }

    fn fields(&self) -> Map<String, Json> {
        Map::new()
    }
}

/// Signs as bits: 1 above zero.
fn pack(values: &[f32]) -> Vec<u64> {
    let word = |chunk: &[f32]| chunk.iter().enumerate().fold(0, |word, (bit, &x)| word | (u64::from(x > 0.0) << bit));
    values.chunks(64).map(word).collect()
}

/// `ln det` of a symmetric positive semidefinite matrix of `n` rows by Cholesky's factorisation, which uses it up. Where the
/// determinant is zero, as with two samples of one code, it is the lowest number there is in place of minus infinity.
fn ln_determinant(matrix: &mut [f64], n: usize) -> f64 {
    let mut sum = 0.0;
    for k in 0..n {
        let pivot = matrix[k * n + k];
        // Elements are whole numbers below 2^53, so that a pivot of nothing but rounding is far below one.
        if pivot <= 1e-6 {
            return f64::MIN;
        }
        sum += pivot.ln();
        for i in k + 1..n {
            let factor = matrix[i * n + k] / pivot;
            for j in k + 1..n {
                matrix[i * n + j] -= factor * matrix[k * n + j];
            }
        }
    }
    sum
}

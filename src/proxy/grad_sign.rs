//! GradSign (Zhang and Jia, ICLR 2022, algorithm 1): whether samples agree about the direction of each weight,
//! `Σ_ω |Σ_n sign(g_ωn)|` over the kernels and matrices, g_ωn the gradient of the loss of one sample.
//!
//! The authors' code runs each sample as a batch of its own in training (`statistics: sample`) and takes the mean over
//! the weights (`reduction: mean`) where the paper has the sum.

use serde_json::{Map, Value as Json};

use super::ScoreError;
use super::kinds::{Fields, Kind};
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::samples::Statistics;

/// Agreement of the signs of gradients.
#[derive(Clone, Debug)]
struct GradSign {
    statistics: Statistics,
    /// Whether the sum is divided by the number of weights.
    mean: bool,
}

pub(super) static GRAD_SIGN: Kind = Kind {
    word: "grad_sign",
    fields: &["statistics", "reduction"],
    setup: Setup::default,
    read: |fields: &Fields<'_>| {
        let statistics = Statistics::read(fields, Statistics::Sample);
        Ok(Box::new(GradSign { statistics, mean: fields.word("reduction") == Some("mean") }))
    },
};

impl Measure for GradSign {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let kernels = lab.kernels();
        let batches = lab.batches()?;
        let (mut total, mut weights) = (0.0, 0);
        for batch in batches.iter() {
            let mut signs: Vec<Vec<i32>> = vec![Vec::new(); kernels.len()];
            let mut finite = true;
            let loss = &lab.setup.loss;
            self.statistics.each_sample(
                lab,
                batch,
                |output, target| Ok(loss.values_and_gradients(output, target)?.1),
                |program| {
                    for (signs, &(id, parameter)) in signs.iter_mut().zip(&kernels) {
                        let mut at = 0;
                        program.visit_gradient(id, parameter, &mut |piece| {
                            let range = at..at + piece.len();
                            at = range.end;
                            signs.resize(signs.len().max(range.end), 0);
                            for (sign, &g) in signs[range].iter_mut().zip(piece) {
                                finite &= g.is_finite();
                                *sign += i32::from(g > 0.0) - i32::from(g < 0.0);
                            }
                        });
                    }
                },
            )?;
            if !finite {
                return Err(lab.unfit("met a gradient that is not finite"));
            }
            // Whole numbers: exact in any order.
            total += signs.iter().flatten().map(|sign| i64::from(sign.abs())).sum::<i64>() as f64;
            weights = signs.iter().map(Vec::len).sum();
        }
        let share = if self.mean { weights.max(1) as f64 } else { 1.0 };
        let value = total / batches.len() as f64 / share;
        Ok(Reading { value, details: vec![("weights", weights as f64)] })
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn fields(&self) -> Map<String, Json> {
        Map::from_iter([
            ("statistics".to_owned(), self.statistics.name().into()),
            ("reduction".to_owned(), if self.mean { "mean" } else { "sum" }.into()),
        ])
    }
}

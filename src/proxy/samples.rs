//! Gradients of one sample at a time, for the scores that compare samples. What batch norms normalise by is then a choice
//! of its own, and publications differ in it.

use super::ScoreError;
use super::kinds::Fields;
use super::lab::Lab;
use crate::data::Batch;
use crate::engine::{Mode, Plan, Program, Target, Tensor};

/// What batch norms normalise a sample by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statistics {
    /// Its own mean and variance: each sample is a batch in training.
    Sample,
    /// Those of the batch it is in, as in training.
    Batch,
    /// The running ones, which are 0 and 1 before training: nothing is normalised.
    Running,
}

impl Statistics {
    /// All, in the order messages list them.
    pub const ALL: [Self; 3] = [Self::Sample, Self::Batch, Self::Running];

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Batch => "batch",
            Self::Running => "running",
        }
    }

    pub fn read(fields: &Fields<'_>, default: Self) -> Self {
        let word = fields.word("statistics");
        Self::ALL.into_iter().find(|statistics| Some(statistics.name()) == word).unwrap_or(default)
    }

    /// Runs a batch, and backward once for each of its samples. `above` is given the output of samples and their targets
    /// and says what gradient comes to each from above; `visit` finds the gradients of one sample in the program.
    pub fn each_sample(
        self,
        lab: &Lab<'_>,
        batch: &Batch,
        above: impl Fn(&Tensor, &Target) -> Result<Tensor, ScoreError>,
        mut visit: impl FnMut(&dyn Program),
    ) -> Result<(), ScoreError> {
        let output = lab.output();
        if self == Self::Batch {
            let mut program = lab.program(&lab.training(batch.samples()))?;
            program.forward(&[&batch.inputs])?;
            let Some(value) = program.value(output) else { return Ok(()) };
            let gradient = above(&value, &batch.target)?;
            let each = gradient.data.len() / batch.samples();
            for sample in 0..batch.samples() {
                let mut alone = Tensor::zeros(gradient.shape.clone());
                let range = sample * each..(sample + 1) * each;
                alone.data[range.clone()].copy_from_slice(&gradient.data[range]);
                program.backward(&[(output, &alone)])?;
                visit(program.as_ref());
            }
            return Ok(());
        }
        let mode = if self == Self::Sample { Mode::Train } else { Mode::Eval };
        let mut program = lab.program(&Plan { mode, ..lab.training(1) })?;
        for sample in 0..batch.samples() {
            let alone = batch.range(sample..sample + 1);
            program.forward(&[&alone.inputs])?;
            let Some(value) = program.value(output) else { return Ok(()) };
            program.backward(&[(output, &above(&value, &alone.target)?)])?;
            visit(program.as_ref());
        }
        Ok(())
    }
}

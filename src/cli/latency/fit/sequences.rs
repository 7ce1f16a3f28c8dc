//! `latency fit --sequences`: costs of networks of tokens beside those of convolutions.

use std::path::PathBuf;

use super::super::super::Failure;
use super::super::scores::sentence;
use super::{FitArguments, input, say};
use crate::latency::{Coverage, OperatorModel, Scores, SourceFile, TableInfo, file_name, fit_sequences, score};

/// What networks of tokens add to a table.
pub(super) struct SequenceFit {
    pub model: OperatorModel,
    pub coverage: Coverage,
    file: PathBuf,
    scores: Scores,
}

/// Fits what networks of tokens take beyond `model`, where such networks were given.
pub(super) fn fit(arguments: &FitArguments, model: &OperatorModel) -> Result<Option<SequenceFit>, Failure> {
    let (Some(file), Some(folder)) = (&arguments.sequences, &arguments.measurements.architectures) else {
        return Ok(None);
    };
    let samples = arguments.measurements.samples_of_files(file, folder)?;
    let fitted = fit_sequences(model, &samples).map_err(input)?;
    let scores = score(&fitted.left_out);
    say(format_args!("networks of tokens, by convolutional networks alone: {}", sentence(score(&fitted.before))));
    say(format_args!("networks of tokens, left out of the fit in turn:     {}", sentence(scores)));
    let coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels));
    Ok(Some(SequenceFit { model: fitted.model, coverage, file: file.clone(), scores }))
}

impl SequenceFit {
    /// Says in a table where its costs of sequences come from, and what they are worth.
    pub fn describe(&self, info: &mut TableInfo) -> Result<(), Failure> {
        let path = self.file.display();
        let bytes =
            std::fs::read(&self.file).map_err(|error| Failure::input(format!("cannot read {path}: {error}")))?;
        let blake3 = blake3::hash(&bytes).to_hex().to_string();
        info.provenance.files.push(SourceFile { name: file_name(&self.file), blake3 });
        info.provenance.note += &format!(
            " What sequences add is fitted to {} transformers whose geometry follows from their published definitions; left \
             out in turn, mean error {:.1} %. The error and the upper bounds of this table are those of convolutional networks.",
            self.scores.networks, self.scores.mape
        );
        Ok(())
    }
}

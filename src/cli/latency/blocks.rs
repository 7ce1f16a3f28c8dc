//! `latency blocks`: a table from blocks that were measured as a whole.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::{Failure, emit, emit_json};
use super::scores::sentence;
use super::{check_out, input, say, write};
use crate::latency::{
    CONFIDENCE, Coverage, CrossValidation, FitError, LatencyTable, MOBILE_BLOCKS, Provenance, Sample, SourceFile,
    Split, TableInfo, file_name, fit_totals, leave_out, predict_samples, read_blocks, score,
};
use crate::units::counted;

/// What the costs rest on.
const NOTE: &str = "Fitted to latencies of blocks that others measured; pocketnas measured none itself. Costs of single \
                    operators are inferred from blocks; the latency of a network is their sum, with no overhead.";

#[derive(Args)]
pub(super) struct BlocksArguments {
    /// Block tables in the layout of Once-for-All (YAML), one for each input resolution
    #[arg(required = true, value_name = "YAML")]
    files: Vec<PathBuf>,
    /// Where the table goes; the errors alone are told if left out
    #[arg(long, value_name = "TABLE")]
    out: Option<PathBuf>,
    /// Also write the measured blocks into the table: a block of exactly those operators then costs what was measured
    #[arg(long)]
    measured_rows: bool,
    /// Name of the table
    #[arg(long)]
    name: String,
    /// The device as its maker calls it
    #[arg(long)]
    device_name: String,
    /// The device's system on chip
    #[arg(long)]
    soc: String,
    /// What ran the blocks, with its version
    #[arg(long)]
    runtime: String,
    /// Core set
    #[arg(long)]
    cores: String,
    /// Number format: `float` or `quant`
    #[arg(long)]
    precision: String,
    /// Who measured, and where it is published
    #[arg(long)]
    source: String,
    /// Licence of the measurements
    #[arg(long)]
    licence: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &BlocksArguments) -> Result<(), Failure> {
    check_out(arguments.out.as_deref())?;
    let mut samples = Vec::new();
    let mut rows = Vec::new();
    // What is left out together: a file is a resolution, the output channels of a block are its stage.
    let (mut resolutions, mut stages) = (HashMap::new(), HashMap::new());
    for path in &arguments.files {
        let file = file_name(path);
        for block in read_blocks(path).map_err(input)? {
            let network = format!("{file} {}", block.name);
            resolutions.insert(network.clone(), file.clone());
            stages.insert(network.clone(), stage(&block.name));
            samples.push(Sample { network, kernels: block.kernels.clone(), ms: block.row.ms.0 });
            rows.push((block.kernels, block.row));
        }
    }
    say(format_args!("{} blocks in {}", samples.len(), counted(arguments.files.len(), "file")));
    let model = fit_totals(&samples.iter().collect::<Vec<_>>(), &MOBILE_BLOCKS, false).map_err(input)?;
    let left_out = |groups: &HashMap<String, String>| {
        let predicted = leave_out(&samples, Split::Families(groups), CONFIDENCE, |seen, unseen| {
            let seen: Vec<_> = seen.iter().map(|&at| &samples[at]).collect();
            let model = fit_totals(&seen, &MOBILE_BLOCKS, false)?;
            Ok(unseen.iter().map(|kernels| model.total(kernels)).collect())
        });
        predicted.map_err(input)
    };
    let by_resolution = if arguments.files.len() > 1 { Some(left_out(&resolutions)?) } else { None };
    // Stem and head are of a kind of their own each: without them nothing is known of them.
    let by_stage = left_out(&stages)?.predicted;
    let by_stage: Vec<_> = by_stage.into_iter().filter(|p| p.network.contains(REPEATED)).collect();
    let seen = predict_samples(&samples, |kernels| model.total(kernels));
    if let Some(path) = &arguments.out {
        let info = info(arguments, samples.len(), by_resolution.as_ref())?;
        let coverage = Coverage::of(samples.iter().flat_map(|sample| &sample.kernels));
        let table = LatencyTable::by_class(info, model, coverage, HashMap::new());
        let table = if arguments.measured_rows { table.with_blocks(rows) } else { table };
        write(path, &table.to_yaml())?;
        say(format_args!("table written to {}", path.display()));
    }
    let resolution = by_resolution.map(|result| result.scores);
    let stage = score(&by_stage);
    if arguments.json {
        return emit_json(
            &json!({"in_sample": score(&seen), "resolution_left_out": resolution, "stage_left_out": stage}),
        );
    }
    let mut text = format!("in sample            {}\n", sentence(score(&seen)));
    if let Some(resolution) = resolution {
        text += &format!("resolution left out  {}\n", sentence(resolution));
    }
    emit(&format!("{text}stage left out       {}\n", sentence(stage)))
}

/// What keys of blocks that stages repeat begin with.
const REPEATED: &str = "expanded_conv";

/// The stage of a block: its output channels, or its own name if nothing repeats it.
fn stage(key: &str) -> String {
    let output = key.split('-').find_map(|field| field.strip_prefix("output:")).unwrap_or_default();
    match key.split_once('-') {
        Some((kind, _)) if kind != REPEATED => kind.to_owned(),
        _ => output.rsplit('x').next().unwrap_or_default().to_owned(),
    }
}

fn info(
    arguments: &BlocksArguments,
    blocks: usize,
    validation: Option<&CrossValidation>,
) -> Result<TableInfo, Failure> {
    let mut files = Vec::new();
    let mut command = "pocketnas latency blocks".to_owned();
    for path in &arguments.files {
        let bytes = std::fs::read(path).map_err(|e| Failure::input(format!("cannot read {}: {e}", path.display())))?;
        files.push(SourceFile { name: file_name(path), blake3: blake3::hash(&bytes).to_hex().to_string() });
        command += &format!(" {}", file_name(path));
    }
    if arguments.measured_rows {
        command += " --measured-rows";
    }
    Ok(TableInfo {
        table: arguments.name.clone(),
        device: arguments.device_name.clone(),
        soc: arguments.soc.clone(),
        runtime: arguments.runtime.clone(),
        precision: arguments.precision.clone(),
        cores: arguments.cores.clone(),
        provenance: Provenance {
            source: arguments.source.clone(),
            licence: arguments.licence.clone(),
            note: NOTE.to_owned(),
            command,
            files,
            networks: Some(blocks as u64),
            // Bounds are of networks, and these are blocks.
            error: validation.map(|result| FitError {
                left_out: "resolutions".to_owned(),
                coverage: None,
                bound_over_mean: None,
                ..result.summary()
            }),
        },
    })
}

//! `latency predict`: the price of a network, by block, and where it goes beyond what was measured.

use std::path::PathBuf;

use clap::Args;
use miette::miette;
use serde_json::{Value, json};

use super::super::{Failure, emit, emit_json};
use super::confidence::Confidence;
use super::{input, load, network, say};
use crate::graph::Network;
use crate::latency::{Bound, LatencyTable, Prediction, Source, lower_run, predict, predict_operators, read_operators};
use crate::units::Millis;

#[derive(Args)]
pub(super) struct PredictArguments {
    /// The table: a file, or the name of a shipped one
    #[arg(long)]
    table: String,
    /// An architecture file (YAML or JSON), a space, the path of a file or the name of a shipped one, of which the default is
    /// meant, or operator lists (CSV)
    #[arg(value_name = "ARCH_OR_NETWORK_FILE")]
    network: PathBuf,
    /// Which model of an operators file that holds several
    #[arg(long)]
    model: Option<String>,
    #[command(flatten)]
    confidence: Confidence,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let table = load(&arguments.table)?;
    let path = &arguments.network;
    let mut note = None;
    let prediction = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        let lists = read_operators(path).map_err(input)?;
        let names: Vec<&str> = lists.iter().map(|list| list.model.as_str()).collect();
        let list = match &arguments.model {
            Some(model) => lists.iter().find(|list| list.model == *model).ok_or_else(|| {
                let help = crate::yaml::nearest(model, names.iter().copied());
                Failure::Input(miette!(help = help, "{} has no model `{model}`", path.display()))
            })?,
            None if lists.len() == 1 => &lists[0],
            None => {
                let help = format!("give --model with one of: {}", names.join(", "));
                return Err(Failure::Input(miette!(help = help, "{} holds {} models", path.display(), lists.len())));
            }
        };
        predict_operators(&table, &list.kernels)
    } else {
        let network = network(path)?;
        note = remark(&table, &network);
        predict(&table, &network)
    };
    let mut bound = arguments.confidence.factor(&arguments.table, &table)?;
    if let Some(note) = note {
        say(format_args!("note: {note}; there is no upper bound on that"));
        bound = None;
    }
    let bound = bound.map(|(factor, confidence)| Bound { ms: Millis(factor * prediction.mean.0), confidence });
    if arguments.json {
        emit_json(&prediction_json(&prediction, bound))
    } else {
        emit(&prediction_text(&table, &prediction, bound))
    }
}

/// What no flag of an operator says: that nothing runs, or nearly nothing that the table knows of.
fn remark(table: &LatencyTable, network: &Network) -> Option<String> {
    if network.live().count() == 0 {
        return Some("the output of this network does not depend on its input: nothing has to run".to_owned());
    }
    let (run, priced) = (lower_run(network).len(), table.lower(network).len());
    (run > 2 * priced).then(|| {
        format!(
            "of {run} operators that run, the table has prices for {priced}; sums and activations count in what \
             convolutions cost, as far as measured networks have them, and this one has more"
        )
    })
}

/// Blocks as they are shown: what no operator causes comes last, so that shares add up to one.
fn shown_blocks(prediction: &Prediction) -> Vec<(&str, f64, f64, Option<Source>)> {
    let mut blocks: Vec<(&str, f64, f64, Option<Source>)> =
        prediction.blocks.iter().map(|b| (b.name.as_str(), b.ms.0, b.share, b.source)).collect();
    if prediction.overhead.0 > 0.0 {
        let share = prediction.overhead.0 / prediction.mean.0;
        blocks.push(("(overhead)", prediction.overhead.0, share, Some(Source::Fitted)));
    }
    blocks
}

pub(in crate::cli) fn prediction_json(prediction: &Prediction, bound: Option<Bound>) -> Value {
    let blocks: Vec<Value> = shown_blocks(prediction)
        .into_iter()
        .map(|(name, ms, share, source)| json!({"name": name, "ms": ms, "share": share, "source": source}))
        .collect();
    let flags: Vec<Value> = prediction
        .flags
        .iter()
        .map(|flag| {
            let mut value = serde_json::to_value(flag).unwrap_or(Value::Null);
            value["message"] = Value::from(flag.to_string());
            value
        })
        .collect();
    json!({
        "mean_ms": prediction.mean.0,
        "bound_ms": bound.map(|bound| bound.ms.0),
        "confidence": bound.map(|bound| bound.confidence),
        "bound_is_calibrated": bound.map(|_| prediction.flags.is_empty()),
        "blocks": blocks,
        "flags": flags,
    })
}

pub(in crate::cli) fn prediction_text(table: &LatencyTable, prediction: &Prediction, bound: Option<Bound>) -> String {
    let mut text = format!("{:.3} ms: {}\n", prediction.mean.0, table.about());
    if let Some(Bound { ms, confidence }) = bound {
        let (ms, percent) = (ms.0, 100.0 * confidence);
        text += &match prediction.flags.len() {
            0 => format!("at most {ms:.3} ms with a confidence of {percent:.1} %\n"),
            flags => format!(
                "at most {ms:.3} ms with a confidence of {percent:.1} %, were it like the networks measured; it is not, as {} \
                 below {}\n",
                if flags == 1 { "the flag".to_owned() } else { format!("the {flags} flags") },
                if flags == 1 { "says" } else { "say" },
            ),
        };
    }
    for (name, ms, share, _) in shown_blocks(prediction) {
        text += &format!("{ms:10.4} ms {:5.1} %  {name}\n", 100.0 * share);
    }
    for flag in &prediction.flags {
        text += &format!("flag: {flag}\n");
    }
    text
}

//! `pocketnas import`: a model that was written elsewhere, as a network with its weights.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, emit, emit_json, say};
use crate::engine::native::Native;
use crate::engine::{Backend, Mode, Plan, Tensor};
use crate::export::{self, ArchitectureFile, Export, Provenance, WeightsFile, exporter};
use crate::graph::Network;
use crate::import::{self, ImportError, Imported, Options, visible};
use crate::latency::{Bound, CONFIDENCE, LatencyTable, Prediction, predict};

/// Read an ONNX model with its weights: what it holds, what it costs, where it can be taken apart
///
/// Operators that a network here cannot hold are listed by name, each with a remedy.
#[derive(Args)]
pub(super) struct Arguments {
    /// The model; weights in a file beside it are found
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// Sizes of an input without the batch, where the file leaves them open: `3x224x224`, or `image=3x224x224`
    #[arg(long = "input", value_name = "[NAME=]CxHxW")]
    inputs: Vec<String>,
    /// Put batch norms into the convolutions and linear layers before them
    #[arg(long)]
    fold_batch_norm: bool,
    /// Price it by a latency table: a file, or the name of a shipped one; can be repeated
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Run it on one sample for each input: little-endian f32 in the order of the input; outputs go to --out
    #[arg(long = "run", value_name = "FILE.f32", requires = "out")]
    samples: Vec<PathBuf>,
    /// Write `NAME.yaml`, the architecture as other commands read it, its weights as `NAME.safetensors`, and what was asked
    /// for besides
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write `NAME.space.yaml` too, a search space around it whose blocks vary between borders that stay, and
    /// `NAME.search.yaml`, a search over it
    #[arg(long, requires = "out")]
    space: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let inputs = arguments.inputs.iter().map(|text| parse_input(text)).collect::<Result<_, _>>()?;
    let tables: Vec<LatencyTable> =
        arguments.tables.iter().map(|name| super::latency::load(name)).collect::<Result<_, _>>()?;
    let options = Options { inputs, fold_norms: arguments.fold_batch_norm };
    let imported = import::read(&arguments.model, &options).map_err(refused)?;
    let priced = |table: &LatencyTable| {
        let prediction = predict(table, &imported.network);
        // Not every table bounds.
        let bound = table.bound(prediction.mean, CONFIDENCE).ok();
        (prediction, bound)
    };
    let priced: Vec<(Prediction, Option<Bound>)> = tables.iter().map(priced).collect();
    let written = match &arguments.out {
        Some(folder) => {
            let means: Vec<f64> = priced.iter().map(|(prediction, _)| prediction.mean.0).collect();
            write(arguments, folder, &imported, &means)?
        }
        None => Vec::new(),
    };
    if arguments.json {
        return emit_json(&as_json(arguments, &imported, &priced, &written));
    }
    let mut text = summary(&imported);
    for (table, (prediction, bound)) in tables.iter().zip(&priced) {
        text += "\n";
        for line in super::latency::prediction_text(table, prediction, *bound).lines() {
            text += &format!("{}\n", visible(line));
        }
    }
    for path in &written {
        text += &format!("written: {}\n", path.display());
    }
    emit(&text)
}

/// Why a model is not imported. What is to be copied keeps its lines: reports break them.
fn refused(error: ImportError) -> Failure {
    let ImportError::Unsupported(unsupported) = &error else { return Failure::input(error) };
    // Nothing is left to be done where even stderr is closed.
    let _ = writeln!(io::stderr(), "{error}");
    let (refused, all) = (unsupported.nodes.len(), unsupported.operators);
    Failure::refuse(
        format!("{}: {refused} of {all} operators cannot be imported", visible(&unsupported.file)),
        "what can be done about each is listed above",
    )
}

/// The sizes of an input as the command line has them.
fn parse_input(text: &str) -> Result<(Option<String>, Vec<usize>), Failure> {
    let (name, sizes) = match text.rsplit_once('=') {
        Some((name, sizes)) => (Some(name.to_owned()), sizes),
        None => (None, text),
    };
    let parsed: Option<Vec<usize>> =
        sizes.split(['x', '×']).map(|size| size.parse().ok().filter(|&size| size > 0)).collect();
    match parsed {
        Some(sizes) if sizes.len() <= 3 => Ok((name, sizes)),
        _ => Err(Failure::refuse(
            format!("`{text}` are no sizes of an input"),
            "write one to three counts without the batch, such as --input 3x224x224",
        )),
    }
}

/// Writes the architecture, and the outputs for the samples that are given. `means` are what the tables say, ms.
fn write(arguments: &Arguments, folder: &Path, imported: &Imported, means: &[f64]) -> Result<Vec<PathBuf>, Failure> {
    let stem = arguments.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    fs::create_dir_all(folder).map_err(|error| {
        Failure::refuse(format!("cannot create `{}`: {error}", folder.display()), "choose another folder with --out")
    })?;
    let mut written = Vec::new();
    let mut put = |name: String, bytes: &[u8]| -> Result<(), Failure> {
        let path = folder.join(name);
        export::write(&path, bytes).map_err(Failure::failed)?;
        written.push(path);
        Ok(())
    };
    let mut file = architecture(&stem, arguments, &imported.network);
    let weights = export::weights::encode(&imported.network, &imported.weights).map_err(Failure::input)?;
    let stored = WeightsFile::new(format!("{stem}.{}", export::weights::EXTENSION), &weights);
    // First what the other file names.
    put(stored.file.clone(), &weights)?;
    file.weights = Some(stored);
    let yaml = exporter("yaml").ok_or_else(|| Failure::failed("there is no YAML exporter"))?;
    for rendered in yaml.render(&Export::new(&stem, &file, &imported.network)).map_err(Failure::input)? {
        put(format!("{stem}.{}", rendered.extension), &rendered.bytes)?;
    }
    if arguments.space {
        // These are for the user to edit: what is not as it would be written stays.
        let mut unless_edited = |name: String, text: &str| match fs::read(folder.join(&name)) {
            Ok(there) if there != text.as_bytes() => {
                let path = folder.join(&name);
                say(format_args!(
                    "kept: {} is not as it would be written; remove it to have it made anew",
                    path.display()
                ));
                Ok(())
            }
            _ => put(name, text.as_bytes()),
        };
        let text = import::derive::space(&stem, &imported.network).map_err(Failure::input)?;
        unless_edited(format!("{stem}.space.yaml"), &text)?;
        // A config looks for files beside itself.
        let table = |name: &String| match fs::canonicalize(name) {
            Ok(path) if path.is_file() => path.display().to_string(),
            _ => name.clone(),
        };
        let tables: Vec<(String, f64)> =
            arguments.tables.iter().zip(means).map(|(name, &mean)| (table(name), mean)).collect();
        let text = import::derive::search(&stem, &imported.network, &tables);
        unless_edited(format!("{stem}.search.yaml"), &text)?;
    }
    if !arguments.samples.is_empty() {
        for (name, tensor) in outputs(&arguments.samples, imported)? {
            let bytes: Vec<u8> = tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect();
            // Names of tensors may hold what names of files may not.
            let name = name.replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "_");
            put(format!("{stem}.{name}.f32"), &bytes)?;
        }
    }
    Ok(written)
}

fn architecture(stem: &str, arguments: &Arguments, network: &Network) -> ArchitectureFile {
    let program = format!("pocketnas {}", env!("CARGO_PKG_VERSION"));
    let search = format!("imported from {}", arguments.model.file_name().unwrap_or_default().to_string_lossy());
    let provenance = Provenance { program, search, ..Provenance::default() };
    ArchitectureFile::new(stem.to_owned(), export::IMPORTED.to_owned(), network, provenance)
}

/// What the network computes for one sample: each output with its name.
fn outputs(samples: &[PathBuf], imported: &Imported) -> Result<Vec<(String, Tensor)>, Failure> {
    let network = &imported.network;
    let shapes = network.input_shapes();
    if samples.len() != shapes.len() {
        let message = format!("the model has {} input(s), but {} samples are given", shapes.len(), samples.len());
        return Err(Failure::refuse(message, "give --run once for each input, in order"));
    }
    let mut inputs = Vec::with_capacity(samples.len());
    for (path, shape) in samples.iter().zip(&shapes) {
        let bytes = fs::read(path)
            .map_err(|error| Failure::refuse(format!("cannot read `{}`: {error}", path.display()), "check the path"))?;
        let needed = shape.elements().saturating_mul(4);
        if bytes.len() as u64 != needed {
            let message =
                format!("`{}` has {} bytes, but an input of {shape} takes {needed}", path.display(), bytes.len());
            return Err(Failure::refuse(
                message,
                "write it as little-endian f32: in NumPy, x.astype('<f4').tofile(path)",
            ));
        }
        let data = bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
        inputs.push(Tensor::new([vec![1], Vec::from(*shape)].concat(), data));
    }
    let engine = Native::default();
    let mut program =
        Backend::<f32>::compile(&engine, network, &Plan::forward(1, Mode::Eval)).map_err(Failure::input)?;
    program.load(&imported.weights).map_err(Failure::failed)?;
    program.forward(&inputs.iter().collect::<Vec<_>>()).map_err(Failure::input)?;
    let value = |&id| program.value(id).map(|tensor| (network.node(id).name.clone(), tensor));
    network
        .outputs()
        .iter()
        .map(value)
        .collect::<Option<_>>()
        .ok_or_else(|| Failure::failed("an output was not computed"))
}

/// How often each operator occurs, in the order in which they first do.
fn operators(network: &Network) -> Vec<(&'static str, usize)> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for id in network.ids() {
        let name = network.node(id).op.name();
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts
}

fn summary(imported: &Imported) -> String {
    let network = &imported.network;
    let cost = network.cost();
    let shapes = |shapes: Vec<String>| shapes.join(", ");
    let inputs = shapes(network.input_shapes().iter().map(ToString::to_string).collect());
    let outputs = shapes(network.outputs().iter().map(|&id| network.node(id).shape.to_string()).collect());
    let mut text = format!(
        "{inputs} → {outputs}: {} operators, {} parameters, {} multiply-adds\n",
        network.len(),
        cost.params.0,
        cost.macs.0
    );
    text +=
        &format!("written by {} with operators of version {}\n", visible(known(&imported.producer)), imported.opset);
    let counts: Vec<String> = operators(network).iter().map(|(name, count)| format!("{count} {name}")).collect();
    text += &format!("operators: {}\n", counts.join(", "));
    for note in &imported.notes {
        text += &format!("note: {}\n", visible(note));
    }
    let cuts = network.cut_points().len();
    text += &format!("it can be cut at {cuts} places; blocks:\n");
    let rows: Vec<[String; 5]> = blocks(network)
        .into_iter()
        .map(|block| [block.name, block.border, block.params.to_string(), block.macs.to_string(), block.description])
        .map(|row| row.map(|cell| visible(&cell)))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2).max(10), width(3).max(13)];
    text += &format!(
        "  {:w0$}  {:w1$}  {:>w2$}  {:>w3$}\n",
        "",
        "",
        "parameters",
        "multiply-adds",
        w0 = widths[0],
        w1 = widths[1],
        w2 = widths[2],
        w3 = widths[3]
    );
    for [name, border, params, macs, description] in &rows {
        text += &format!(
            "  {name:w0$}  {border:w1$}  {params:>w2$}  {macs:>w3$}  {description}\n",
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3]
        );
    }
    text
}

fn known(producer: &str) -> &str {
    if producer.is_empty() { "an unnamed program" } else { producer }
}

/// A block as it is shown.
struct Shown {
    name: String,
    description: String,
    border: String,
    params: u64,
    macs: u64,
}

fn blocks(network: &Network) -> Vec<Shown> {
    let ids: Vec<_> = network.ids().collect();
    let shown = |block: crate::graph::Block| {
        let (mut params, mut macs) = (0u64, 0u64);
        for &id in &ids[block.nodes.clone()] {
            let cost = network.node_cost(id);
            (params, macs) = (params.saturating_add(cost.params.0), macs.saturating_add(cost.macs.0));
        }
        let border = network.border(&block).map_or_else(|| "several".to_owned(), |(from, to)| format!("{from} → {to}"));
        Shown { name: block.name, description: block.description, border, params, macs }
    };
    network.blocks().into_iter().filter(|block| !block.nodes.is_empty()).map(shown).collect()
}

fn as_json(
    arguments: &Arguments,
    imported: &Imported,
    priced: &[(Prediction, Option<Bound>)],
    written: &[PathBuf],
) -> Value {
    let network = &imported.network;
    let cost = network.cost();
    let counts: serde_json::Map<String, Value> =
        operators(network).into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    let blocks: Vec<Value> = blocks(network)
        .into_iter()
        .map(|block| {
            json!({
                "name": block.name, "description": block.description, "border": block.border,
                "params": block.params, "macs": block.macs,
            })
        })
        .collect();
    let cuts: Vec<&str> = network.cut_points().into_iter().map(|id| network.node(id).name.as_str()).collect();
    let latency: Vec<Value> = arguments
        .tables
        .iter()
        .zip(priced)
        .map(|(name, (prediction, bound))| {
            let mut value = super::latency::prediction_json(prediction, *bound);
            value["table"] = Value::from(name.as_str());
            value
        })
        .collect();
    json!({
        "model": arguments.model.display().to_string(),
        "producer": imported.producer,
        "opset": imported.opset,
        "inputs": network.input_shapes(),
        "outputs": network.outputs().iter().map(|&id| network.node(id).shape).collect::<Vec<_>>(),
        "hash": network.canonical_hash(),
        "params": cost.params.0,
        "macs": cost.macs.0,
        "operators": counts,
        "blocks": blocks,
        "cuts": cuts,
        "notes": imported.notes,
        "latency": latency,
        "files": written.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
    })
}

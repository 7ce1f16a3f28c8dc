//! `pocketnas export`: architectures and trials in other formats.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::{Failure, emit, emit_bytes};
use crate::export::{self, EXPORTERS, Exporter};
use crate::study::export::{
    Choice, Exported, MembersError, STUDY_EXPORTERS, Study, StudyExporter, members, study_exporter,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A folder that a search fills or has filled, or an architecture file.
    #[arg(value_name = "DIR|ARCH")]
    source: PathBuf,
    /// The formats, separated by commas: yaml, json, dot, svg, onnx of architectures; jsonl, csv, optuna-journal of all trials.
    #[arg(long, value_name = "F[,F]", value_delimiter = ',', required = true)]
    format: Vec<String>,
    /// Only so many of the front's architectures, with or without a file: the extremes, and what leaves the smallest gap.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// These of the folder's architectures, by the ids of front.csv, separated by commas; a file is not needed.
    #[arg(long, value_name = "ID[,ID]", value_delimiter = ',', conflicts_with = "top")]
    id: Vec<String>,
    /// Where the files go; one format of trials may name its file [default: DIR/export; one format of one architecture goes
    /// to standard output].
    #[arg(long, value_name = "DIR|FILE")]
    out: Option<PathBuf>,
}

/// A format of architectures, or one of trials.
enum Format {
    Architectures(&'static dyn Exporter),
    Trials(&'static dyn StudyExporter),
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let formats = arguments.format.iter().map(|name| format(name)).collect::<Result<Vec<_>, _>>()?;
    let (mut of_architectures, mut of_trials) = (Vec::new(), Vec::new());
    for format in formats {
        match format {
            Format::Architectures(format) => of_architectures.push(format),
            Format::Trials(format) => of_trials.push(format),
        }
    }
    if of_architectures.is_empty() && (arguments.top.is_some() || !arguments.id.is_empty()) {
        return Err(Failure::refuse(
            "--top and --id choose architectures, but trials go out in whole",
            "leave them out, or add a format of architectures",
        ));
    }
    // Everything is read and checked before the first file is written.
    let mut trials: Vec<(PathBuf, String)> = Vec::new();
    if !of_trials.is_empty() {
        let study = study(&arguments.source)?;
        let file = arguments.out.as_ref().filter(|out| out.extension().is_some() && !out.is_dir());
        for format in &of_trials {
            let path = match file {
                Some(file) if arguments.format.len() == 1 => file.clone(),
                _ => folder(&arguments).join(format.file()),
            };
            trials.push((path, format.render(&study)));
        }
    }
    let read = if of_architectures.is_empty() { Vec::new() } else { architectures(&arguments)? };
    if !read.is_empty() && arguments.out.is_none() && !arguments.source.is_dir() {
        let [format] = of_architectures[..] else {
            return Err(Failure::refuse(
                "several formats do not fit on standard output",
                "say where they go with --out",
            ));
        };
        return print(&render(format, &read[0])?);
    }
    let mut list = String::new();
    for (path, text) in &trials {
        list.push_str(&write(path, text.as_bytes())?);
    }
    // Files with weights are large, so there is one at a time.
    for exported in &read {
        for &format in &of_architectures {
            let path = folder(&arguments).join(format!("{}.{}", exported.0, format.extension()));
            list.push_str(&write(&path, &render(format, exported)?)?);
        }
    }
    emit(&list)
}

/// Writes a file, and its folder where that is missing; says its path on a line.
fn write(path: &Path, bytes: &[u8]) -> Result<String, Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            let message = format!("cannot create `{}`: {error}", folder.display());
            Failure::refuse(message, "choose another folder with --out")
        })?;
    }
    export::write(path, bytes).map_err(Failure::failed)?;
    Ok(format!("{}\n", path.display()))
}

fn render(format: &dyn Exporter, (_, file, network): &Exported) -> Result<Vec<u8>, Failure> {
    format.render(file, network).map_err(Failure::input)
}

/// One file on standard output, unless its bytes would end on a terminal.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    if io::stdout().is_terminal() && std::str::from_utf8(bytes).is_err() {
        return Err(Failure::refuse("this format is not text for a terminal", "say where it goes with --out"));
    }
    emit_bytes(bytes)
}

/// Where files go that no one named.
fn folder(arguments: &Arguments) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| arguments.source.join("export"))
}

fn refuse(error: export::ReadError) -> Failure {
    match error {
        export::ReadError::Text(problems) => problems.into(),
        other => Failure::input(other),
    }
}

fn format(name: &str) -> Result<Format, Failure> {
    let architectures = export::exporter(name).map(Format::Architectures);
    architectures.or_else(|| study_exporter(name).map(Format::Trials)).ok_or_else(|| {
        let names = EXPORTERS.iter().map(|exporter| exporter.name());
        let names = names.chain(STUDY_EXPORTERS.iter().map(|exporter| exporter.name()));
        Failure::refuse(format!("there is no format `{name}`"), crate::yaml::nearest(name, names))
    })
}

fn study(source: &Path) -> Result<Study, Failure> {
    if source.is_file() {
        return Err(Failure::refuse(
            format!("`{}` is a file, but trials are those of a search", source.display()),
            "give the folder that `pocketnas search` fills",
        ));
    }
    Ok(Study::read(source)?)
}

/// The architecture file that is named, or those of the folder that are chosen.
fn architectures(arguments: &Arguments) -> Result<Vec<Exported>, Failure> {
    let source = &arguments.source;
    if !source.is_dir() {
        let (file, network) = export::read(source).map_err(refuse)?;
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(name, file, network)]);
    }
    let choice = match arguments.top {
        Some(most) => Choice::Top(most as usize),
        None if arguments.id.is_empty() => Choice::Written,
        None => Choice::Ids(arguments.id.clone()),
    };
    members(source, &choice).map_err(|error| match error {
        MembersError::File(error) => refuse(error),
        MembersError::Study(error) => error.into(),
        MembersError::Space(problems) => problems.into(),
        other => Failure::input(other),
    })
}

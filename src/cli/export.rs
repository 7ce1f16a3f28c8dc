//! `pocketnas export`: architectures and trials in other formats.

use std::collections::HashSet;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::{Failure, emit, emit_bytes, say};
use crate::engine::Weights;
use crate::export::{self, Carries, EXPORTERS, Export, Exporter, Rendered, WeightsFile};
use crate::study::export::{
    Choice, Exported, MembersError, STUDY_EXPORTERS, Study, StudyExporter, members, study_exporter,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A folder that a search fills or has filled, or an architecture file.
    #[arg(value_name = "DIR|ARCH")]
    source: PathBuf,
    /// The formats, separated by commas: yaml, json, dot, svg, onnx, pytorch of architectures; jsonl, csv, optuna-journal of all
    /// trials.
    #[arg(long, value_name = "F[,F]", value_delimiter = ',', required = true)]
    format: Vec<String>,
    /// Only so many of the front's architectures, with or without a file: the extremes, and what leaves the smallest gap.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// These of the folder's architectures, by the ids of front.csv, separated by commas; a file is not needed.
    #[arg(long, value_name = "ID[,ID]", value_delimiter = ',', conflicts_with = "top")]
    id: Vec<String>,
    /// Write the values of ONNX models to a file beside them, `NAME.onnx.data`, as is done anyway where a model would be
    /// larger than 2 GiB.
    #[arg(long)]
    external_data: bool,
    /// Where the files go; one format of trials may name its file [default: DIR/export; one architecture in a format of one
    /// file goes to standard output].
    #[arg(long, value_name = "DIR|FILE")]
    out: Option<PathBuf>,
}

/// A format of architectures, or one of trials.
enum Format {
    Architectures(&'static dyn Exporter),
    Trials(&'static dyn StudyExporter),
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    let names = arguments.format.iter().filter(|name| seen.insert(*name));
    let formats = names.map(|name| format(name)).collect::<Result<Vec<_>, _>>()?;
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
    if arguments.source.is_file() && (arguments.top.is_some() || !arguments.id.is_empty()) {
        return Err(Failure::refuse(
            format!("--top and --id choose from a front, but `{}` is one architecture", arguments.source.display()),
            "leave them out, or give the folder of a search",
        ));
    }
    if !of_architectures.is_empty() {
        names_a_folder(&arguments)?;
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
    if arguments.external_data && !of_architectures.iter().any(|format| format.name() == "onnx") {
        return Err(Failure::refuse(
            "--external-data is about ONNX models, but none is asked for",
            "leave it out, or add `onnx` to --format",
        ));
    }
    let read = if of_architectures.is_empty() { Vec::new() } else { architectures(&arguments)? };
    if !read.is_empty() && arguments.out.is_none() && !arguments.source.is_dir() {
        let [format] = of_architectures[..] else {
            return Err(Failure::refuse(
                "several formats do not fit on standard output",
                "say where they go with --out",
            ));
        };
        return print(format, &Loaded::new(&read[0])?.render(format, &arguments)?);
    }
    let mut list = String::new();
    for (path, text) in &trials {
        list.push_str(&write(path, text.as_bytes())?);
    }
    // Files with weights are large, so there is one architecture at a time.
    let folder = folder(&arguments);
    for exported in &read {
        let loaded = Loaded::new(exported)?;
        let kept = loaded.keep(&folder, &of_architectures, &mut list)?;
        for &format in &of_architectures {
            for rendered in loaded.render(format, &arguments)? {
                let path = folder.join(rendered.file_name(&exported.name));
                // What was read from there is the same under the same names, and an architecture file has its hash.
                if kept.as_ref().is_none_or(|kept| !same(kept, &path)) {
                    list.push_str(&write(&path, &rendered.bytes)?);
                }
            }
        }
    }
    emit(&list)
}

/// An architecture with the weights that it names.
struct Loaded<'e> {
    exported: &'e Exported,
    weights: Option<Weights>,
}

impl<'e> Loaded<'e> {
    fn new(exported: &'e Exported) -> Result<Self, Failure> {
        let weights = exported.file.read_weights(&exported.network, &exported.folder).map_err(Failure::input)?;
        Ok(Self { exported, weights })
    }

    fn render(&self, format: &dyn Exporter, arguments: &Arguments) -> Result<Vec<Rendered>, Failure> {
        let Exported { name, file, network, .. } = self.exported;
        if self.weights.is_none() && format.carries() == Carries::Values {
            say(format_args!(
                "{name} as {}: the architecture has no weights; those written are untrained, seed 0",
                format.name()
            ));
        }
        let (weights, external_data) = (self.weights.as_ref(), arguments.external_data);
        let export = Export { weights, external_data, ..Export::new(name, file, network) };
        format.render(&export).map_err(Failure::input)
    }

    /// The file of the weights that is in `folder` already, or is copied there for a format that only names it.
    fn keep(
        &self,
        folder: &Path,
        formats: &[&'static dyn Exporter],
        list: &mut String,
    ) -> Result<Option<PathBuf>, Failure> {
        let Some(stored) = &self.exported.file.weights else { return Ok(None) };
        let (from, to) = (self.exported.folder.join(&stored.file), folder.join(&stored.file));
        if !same(&from, &to) {
            if formats.iter().all(|format| format.carries() != Carries::Reference) {
                return Ok(None);
            }
            let bytes = fs::read(&from).map_err(Failure::failed)?;
            if WeightsFile::new(stored.file.clone(), &bytes) != *stored {
                return Err(Failure::failed(format!("`{}` was changed while it was read", from.display())));
            }
            list.push_str(&write(&to, &bytes)?);
        }
        Ok(Some(to))
    }
}

/// Whether two paths lead to one file; a file that is not there yet is only itself.
fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
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

/// One file on standard output, unless its bytes would end on a terminal.
fn print(format: &dyn Exporter, files: &[Rendered]) -> Result<(), Failure> {
    let [file] = files else {
        let message = format!("{} writes {} files, and standard output is one", format.name(), files.len());
        return Err(Failure::refuse(message, "say where they go with --out"));
    };
    if io::stdout().is_terminal() && std::str::from_utf8(&file.bytes).is_err() {
        return Err(Failure::refuse("this format is not text for a terminal", "say where it goes with --out"));
    }
    emit_bytes(&file.bytes)
}

/// Refuses `--out x.svg`, which would become a folder of that name.
fn names_a_folder(arguments: &Arguments) -> Result<(), Failure> {
    let Some(out) = arguments.out.as_ref().filter(|out| !out.is_dir()) else { return Ok(()) };
    let ending = out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let of_files = ["yaml", "json", "dot", "svg", "onnx", "py", export::weights::EXTENSION];
    if !of_files.contains(&ending) {
        return Ok(());
    }
    Err(Failure::refuse(
        format!(
            "`{}` is called like a file, but architectures go into a folder, under names of their own",
            out.display()
        ),
        "give a folder with --out, or leave it out: one architecture in one format of one file goes to standard output",
    ))
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
    if source.extension().is_some_and(|extension| extension == "onnx") {
        return Err(Failure::refuse(
            format!("`{}` is an ONNX model, but what is exported is an architecture", source.display()),
            format!("`pocketnas import {} --out DIR` makes an architecture file of it", source.display()),
        ));
    }
    if !source.is_dir() {
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![Exported::read(name, source).map_err(refuse)?]);
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

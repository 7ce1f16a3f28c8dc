//! `pocketnas export`: architectures in other formats.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, emit};
use crate::export::{self, EXPORTERS, Exporter};
use crate::{pareto, report};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A folder that a search has filled, or an architecture file.
    #[arg(value_name = "DIR|ARCH")]
    source: PathBuf,
    /// The formats, separated by commas: yaml, json, dot.
    #[arg(long, value_name = "F[,F]", value_delimiter = ',', required = true)]
    format: Vec<String>,
    /// Only so many of the folder's architectures: the extremes, and what leaves the smallest gap.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// Where the files go [default: DIR/export; one format of one architecture goes to standard output].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let formats = arguments.format.iter().map(|name| format(name)).collect::<Result<Vec<_>, _>>()?;
    let files = if arguments.source.is_dir() { members(&arguments)? } else { vec![arguments.source.clone()] };
    // Everything is read and checked before the first file is written.
    let read = files.iter().map(|file| export::read(file).map_err(refuse)).collect::<Result<Vec<_>, _>>()?;

    let out = match (&arguments.out, arguments.source.is_dir()) {
        (Some(out), _) => out.clone(),
        (None, true) => arguments.source.join("export"),
        (None, false) => {
            let [format] = formats[..] else {
                return Err(Failure::refuse(
                    "several formats do not fit on standard output",
                    "say where they go with --out",
                ));
            };
            return emit(&format.render(&read[0].0, &read[0].1));
        }
    };
    fs::create_dir_all(&out).map_err(|error| {
        Failure::refuse(format!("cannot create `{}`: {error}", out.display()), "choose another folder with --out")
    })?;
    let mut written = String::new();
    for (file, (architecture, network)) in files.iter().zip(&read) {
        for format in &formats {
            let path = out.join(file.file_name().unwrap_or_default()).with_extension(format.extension());
            let text = format.render(architecture, network);
            export::write(&path, &text).map_err(Failure::failed)?;
            written.push_str(&format!("{}\n", path.display()));
        }
    }
    emit(&written)
}

fn refuse(error: export::ReadError) -> Failure {
    match error {
        export::ReadError::Text(problems) => problems.into(),
        other => Failure::input(other),
    }
}

fn format(name: &str) -> Result<&'static dyn Exporter, Failure> {
    export::exporter(name).ok_or_else(|| {
        let names = EXPORTERS.iter().map(|exporter| exporter.name());
        Failure::refuse(format!("there is no format `{name}`"), crate::yaml::nearest(name, names))
    })
}

/// The architecture files of a search's folder, or the `--top` of them.
fn members(arguments: &Arguments) -> Result<Vec<PathBuf>, Failure> {
    let folder: &Path = &arguments.source;
    let data = report::read(&folder.join("front.json")).map_err(|error| {
        Failure::refuse(error, "give a folder that `pocketnas search` has filled, or an architecture file")
    })?;
    let with_file: Vec<usize> = data.order().into_iter().filter(|&index| data.front[index].file.is_some()).collect();
    let points: Vec<Vec<f64>> = (with_file.iter())
        .map(|&index| {
            data.front[index].values.iter().zip(&data.objectives).map(|(v, o)| o.direction.cost(*v)).collect()
        })
        .collect();
    let most = arguments.top.map_or(points.len(), |top| top as usize);
    let chosen = pareto::top_k(&points, most).indices;
    Ok(chosen
        .into_iter()
        .filter_map(|i| data.front[with_file[i]].file.as_ref())
        .map(|file| folder.join(file))
        .collect())
}

//! Front members as architecture files: those that the search wrote, and the others, which are built again from the space
//! in the record of the study.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::export::{self, ArchitectureFile, Metric, Provenance, ReadError};
use crate::graph::Network;
use crate::pareto;
use crate::report::{self, Member, ReportData, ReportError};
use crate::space::{ArchitectureError, Space};
use crate::study::outputs::CONFIG_HASH;
use crate::study::store::{STORE, Store, StoreError};
use crate::yaml::{Diagnostics, nearest};

/// Which members of a front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Those that the search wrote a file of.
    Written,
    /// So many: the extremes, and what leaves the smallest gap.
    Top(usize),
    /// Those with these ids.
    Ids(Vec<String>),
}

/// Why a member cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// The folder holds no front.
    #[error("{0}; give a folder that `pocketnas search` has filled, or an architecture file")]
    Report(#[from] ReportError),
    /// The front has no such member.
    #[error("the front has no member `{id}`; {help}")]
    Unknown {
        /// Its id.
        id: String,
        /// What ids there are.
        help: String,
    },
    /// An architecture file cannot be read.
    #[error(transparent)]
    File(#[from] ReadError),
    /// A member has no file, and the study cannot be read.
    #[error(transparent)]
    Study(#[from] StoreError),
    /// The space of the study is not understood.
    #[error(transparent)]
    Space(#[from] Diagnostics),
    /// The space does not give the member.
    #[error("`{id}` cannot be built again from the space of its study: {source}; run its search again")]
    Architecture {
        /// Its id.
        id: String,
        /// What the space says.
        source: ArchitectureError,
    },
    /// The space gives another network.
    #[error("`{0}` built again is another network: study and front do not belong together; run the search again")]
    Another(String),
}

/// A member of a front, or any other architecture that was read.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its id, or the name of its file.
    pub name: String,
    /// What is known about it.
    pub file: ArchitectureFile,
    /// Its network.
    pub network: Network,
    /// The folder in which the files lie that it names.
    pub folder: PathBuf,
}

impl Exported {
    /// Reads an architecture file under a name of its own.
    ///
    /// # Errors
    /// Those of [`export::read`].
    pub fn read(name: String, path: &Path) -> Result<Self, ReadError> {
        let (file, network) = export::read(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        Ok(Self { name, file, network, folder })
    }
}

/// Members of the front in a search's folder.
///
/// # Errors
/// [`MembersError`].
pub fn members(folder: &Path, choice: &Choice) -> Result<Vec<Exported>, MembersError> {
    let data = report::read(&folder.join("front.json"))?;
    let mut rebuild: Option<Rebuild> = None;
    let recorded = folder.join(STORE).is_file();
    let export = |index: usize| {
        let member = &data.front[index];
        if let Some(file) = &member.file {
            return Ok(Exported::read(member.id.clone(), &folder.join(file))?);
        }
        if rebuild.is_none() {
            let (store, _) = Store::read(&folder.join(STORE))?;
            let identity = store.identity();
            let space = Space::from_text(&format!("the space of {}", identity.name), &identity.space)?;
            rebuild = Some(Rebuild { space, program: format!("pocketnas {}", identity.version) });
        }
        let rebuild = rebuild.as_ref().expect("read just now");
        rebuild.member(&data, member)
    };
    choose(&data, choice, recorded)?.into_iter().map(export).collect()
}

/// Indices of the members chosen. Those without a file are only among them where the study can give them.
fn choose(data: &ReportData, choice: &Choice, recorded: bool) -> Result<Vec<usize>, MembersError> {
    let written = |&index: &usize| data.front[index].file.is_some();
    match choice {
        Choice::Written => Ok(data.order().into_iter().filter(written).collect()),
        Choice::Top(most) => {
            let order: Vec<usize> = data.order().into_iter().filter(|index| recorded || written(index)).collect();
            let costs = data.costs();
            let points: Vec<&[f64]> = order.iter().map(|&index| costs[index].as_slice()).collect();
            Ok(pareto::top_k(&points, *most).indices.into_iter().map(|index| order[index]).collect())
        }
        Choice::Ids(ids) => {
            let find = |id: &String| {
                let at = data.front.iter().position(|member| member.id == *id);
                let names = || data.front.iter().map(|member| member.id.as_str());
                at.ok_or_else(|| MembersError::Unknown { id: id.clone(), help: nearest(id, names()) })
            };
            ids.iter().map(find).collect()
        }
    }
}

/// What it takes to build members again.
struct Rebuild {
    space: Space,
    program: String,
}

impl Rebuild {
    /// A member as its file would have been, but for the shares of its blocks.
    fn member(&self, data: &ReportData, member: &Member) -> Result<Exported, MembersError> {
        let fault = |source| MembersError::Architecture { id: member.id.clone(), source };
        let architecture = self.space.parse(&member.architecture).map_err(fault)?;
        let network = self.space.build(&architecture).map_err(fault)?;
        if network.canonical_hash().to_string() != member.hash {
            return Err(MembersError::Another(member.id.clone()));
        }
        let fact = |list: &[report::Entry], key: &str| {
            list.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone())
        };
        let source = |name: &str| fact(&data.run.versions, name);
        let sources: Map<String, Json> = (data.objectives.iter())
            .filter_map(|objective| Some((objective.name.clone(), source(&objective.name)?.into())))
            .collect();
        let provenance = Provenance {
            program: self.program.clone(),
            search: data.title.clone(),
            config_hash: fact(&data.run.entries, CONFIG_HASH).unwrap_or_default(),
            seed: data.run.seed,
            certificate: data.certificate.statement.clone(),
            sources,
        };
        let space = self.space.name().to_owned();
        let mut file = ArchitectureFile::new(member.architecture.clone(), space, &network, provenance);
        file.decisions = (architecture.decisions.iter())
            .map(|decision| (decision.path.clone(), serde_json::to_value(&decision.value).unwrap_or_default()))
            .collect();
        // Whatever the config does not name is a count.
        let from = |name: &str| match source(name) {
            Some(source) => source.split(" (blake3").next().unwrap_or_default().to_owned(),
            None => format!("count {name}"),
        };
        let objectives = data.objectives.iter().zip(&member.values);
        let objectives = objectives.map(|(objective, value)| (&objective.name, *value, &objective.unit));
        let others = member.metrics.iter().map(|metric| (&metric.name, metric.value, &metric.unit));
        for (name, value, unit) in objectives.chain(others) {
            let from = from(name);
            // The report does not say which quantity a warning is about, but only tables warn.
            let flags = if from.starts_with("table ") { member.flags.clone() } else { Vec::new() };
            let metric = Metric { value, unit: unit.clone(), from, flags, by_block: Map::new() };
            file.metrics.insert(name.clone(), metric);
        }
        // As whoever reads the file has it, who does not know what the space says of its blocks: what is exported of a member is
        // the same with a file and without, and can be held against the file.
        let network = file.network.build().map_err(|source| ReadError::Network { file: member.id.clone(), source })?;
        Ok(Exported { name: member.id.clone(), file, network, folder: PathBuf::new() })
    }
}

//! Front members with all that is told about them: in the report, and in their architecture files.

use std::collections::HashSet;

use serde_json::Map;

use super::StudyError;
use super::outputs::{ARCHITECTURES, architecture_file};
use crate::config::SearchConfig;
use crate::export::{ArchitectureFile, Metric, Provenance};
use crate::graph::Network;
use crate::objective::{Count, CountKind, Objective};
use crate::report::{self, Block, Member};
use crate::space::Architecture;

/// A member of the front with all that is known about it.
#[derive(Debug)]
pub struct Judged {
    /// Its entry in the report.
    pub member: Member,
    /// Its decisions.
    pub architecture: Architecture,
    /// The value of everything that the config names: the objectives, then the quantities.
    pub values: Vec<f64>,
}

impl Judged {
    /// A member with all that is told about it. `values` are those of everything that the config names.
    pub(super) fn new(
        config: &SearchConfig,
        id: &str,
        architecture: Architecture,
        network: &Network,
        values: Vec<f64>,
    ) -> Result<Self, StudyError> {
        let text = config.space.format(&architecture);
        let (objectives, quantities) = values.split_at(config.objectives.len());
        let timed = config.named().find(|objective| objective.unit() == "ms" && objective.cheap());
        let times = timed.and_then(|objective| objective.by_block(network).ok());
        let blocks = network.blocks().into_iter().enumerate().map(|(index, block)| Block {
            name: block.name,
            description: block.description,
            latency_ms: times.as_ref().and_then(|times| times.get(index).copied()),
        });
        let mut flags: Vec<String> = config.named().flat_map(|o| o.flags(network)).collect();
        // A bound and its mean, or two tables, say the same of an operator.
        let mut told = HashSet::new();
        flags.retain(|flag| told.insert(flag.clone()));
        let shown = |quantity: &dyn Objective, value: f64| report::Metric {
            name: quantity.name().to_owned(),
            value,
            unit: quantity.unit().to_owned(),
        };
        let mut metrics: Vec<report::Metric> = config
            .quantities
            .iter()
            .zip(quantities)
            .map(|(quantity, value)| shown(quantity.as_ref(), *value))
            .collect();
        for count in counts().filter(|count| !config.named().any(|named| named.name() == count.name())) {
            let value = count.value(network).map_err(|e| StudyError::Certificate(e.to_string()))?;
            metrics.push(shown(&count, value));
        }
        let member = Member {
            id: id.to_owned(),
            architecture: text,
            hash: network.canonical_hash().to_string(),
            values: objectives.to_vec(),
            decisions: decisions(&architecture)
                .map(|(path, value)| report::Decision { path, value: plain(&value) })
                .collect(),
            blocks: blocks.collect(),
            metrics,
            file: None,
            flags,
        };
        Ok(Self { member, architecture, values })
    }

    /// The architecture file of the member, and its network.
    pub(super) fn file(
        &self,
        config: &SearchConfig,
        certificate: &str,
    ) -> Result<(ArchitectureFile, Network), StudyError> {
        let space = &config.space;
        let fault = |error: String| StudyError::Certificate(error);
        let network = space.build(&self.architecture).map_err(|error| fault(error.to_string()))?;
        let mut sources = Map::new();
        for objective in config.named() {
            let origin = objective.origin();
            let source = serde_json::json!({"kind": origin.kind, "name": origin.name, "about": origin.about, "blake3": origin.hash});
            sources.insert(objective.name().to_owned(), source);
        }
        let provenance = Provenance {
            program: format!("pocketnas {}", env!("CARGO_PKG_VERSION")),
            search: config.name.clone(),
            config_hash: config.hash(),
            seed: config.seed,
            certificate: certificate.to_owned(),
            sources,
        };
        let text = self.member.architecture.clone();
        let mut file = ArchitectureFile::new(text, space.name().to_owned(), &network, provenance);
        file.decisions = decisions(&self.architecture).collect();
        for (quantity, value) in config.named().zip(&self.values) {
            file.metrics.insert(quantity.name().to_owned(), metric(quantity, &network, *value));
        }
        for count in counts() {
            let value = count.value(&network).map_err(|error| fault(error.to_string()))?;
            file.metrics.entry(count.name().to_owned()).or_insert_with(|| metric(&count, &network, value));
        }
        Ok((file, network))
    }
}

/// Parameters and multiply-adds, which every file and report shows.
fn counts() -> impl Iterator<Item = Count> {
    [CountKind::Params, CountKind::Macs].into_iter().map(|kind| Count::new(kind.name(), None, kind))
}

/// What a file says of a quantity. Where no block has a share of its own, none is listed.
fn metric(quantity: &dyn Objective, network: &Network, value: f64) -> Metric {
    let shares = quantity.by_block(network).unwrap_or_default();
    let origin = quantity.origin();
    Metric {
        value,
        unit: quantity.unit().to_owned(),
        from: format!("{} {}", origin.kind, origin.name),
        flags: quantity.flags(network),
        by_block: network.block_names().zip(shares).map(|(name, share)| (name.to_owned(), number(share))).collect(),
    }
}

/// Whole numbers stay whole in files.
fn number(value: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT { (value as i64).into() } else { value.into() }
}

fn decisions(architecture: &Architecture) -> impl Iterator<Item = (String, serde_json::Value)> {
    architecture.decisions.iter().map(|decision| {
        let value = serde_json::to_value(&decision.value).unwrap_or_default();
        (decision.path.clone(), value)
    })
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Where a member's architecture file lies, relative to the report.
pub(super) fn relative_file(id: &str) -> String {
    format!("{ARCHITECTURES}/{}", architecture_file(id))
}

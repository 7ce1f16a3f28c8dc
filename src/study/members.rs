//! Front members: decoded from paths, rebuilt as whole networks, and judged again, so that what is reported
//! is the value of a network and not a sum over edges.

use rayon::prelude::*;
use serde_json::Map;

use super::outputs::{ARCHITECTURES, architecture_file};
use super::ties::without_ties;
use super::{Plan, Progress, StudyError};
use crate::config::Relation;
use crate::export::{ArchitectureFile, Metric, Provenance};
use crate::graph::Network;
use crate::objective::{Count, CountKind, Objective};
use crate::report::{self, Block, Member};
use crate::search::Front;
use crate::space::Architecture;
use crate::units::counted;

/// How far a whole network's value may be from the sum over its path, relative to the larger of the two.
/// Adding in another order moves a sum of a few hundred terms by far less.
const AGREEMENT: f64 = 1e-9;

/// A member of the front with all that is known about it.
#[derive(Debug)]
pub struct Judged {
    /// Its entry in the report.
    pub member: Member,
    /// Its decisions.
    pub architecture: Architecture,
}

impl Plan {
    /// Rebuilds every point of the front as a whole network and judges it there.
    ///
    /// # Errors
    /// [`StudyError::Certificate`] where a network's values are not those of its path, or break a limit.
    pub(super) fn judge(&self, front: &Front, progress: &dyn Progress) -> Result<Vec<Judged>, StudyError> {
        let objectives = self.config.objectives.len();
        // The columns of the objectives come first, in their order.
        let points: Vec<Vec<f64>> = front.points().map(|point| point.costs[..objectives].to_vec()).collect();
        let kept = without_ties(&points);
        progress.stage("Checking whole networks", Some(kept.len() as u64));
        let digits = kept.len().to_string().len().max(3);
        let judged: Vec<Result<Judged, StudyError>> = kept
            .par_iter()
            .enumerate()
            .map(|(rank, &index)| {
                let path = self.path(front.point(index).edges.iter().map(|&edge| edge as usize));
                let judged = self.judge_path(&path, &format!("f{:0digits$}", rank + 1));
                progress.step(1);
                judged
            })
            .collect();
        let judged = judged.into_iter().collect::<Result<Vec<_>, _>>()?;
        let verb = if judged.len() == 1 {
            "agrees with the sum over its path"
        } else {
            "agree with the sums over their paths"
        };
        let tied = points.len() - judged.len();
        let ties = if tied == 0 { String::new() } else { format!("; {tied} more are equal to them but for rounding") };
        progress.done(&format!("{} {verb}{ties}", counted(judged.len(), "network")));
        Ok(judged)
    }

    fn judge_path(&self, path: &[usize], id: &str) -> Result<Judged, StudyError> {
        let fault = |what: String| StudyError::Certificate(what);
        let space = &self.config.space;
        let architecture = self.graph.architecture(path);
        let text = space.format(&architecture);
        let network = space.build(&architecture).map_err(|e| fault(format!("`{text}` is on the front but {e}")))?;
        let sums = self.prices.along(path).ok_or_else(|| fault(format!("`{text}` uses an edge without a price")))?;
        let quantities = self.quantities();
        let mut values = Vec::with_capacity(quantities.len());
        for (quantity, sum) in quantities.iter().zip(sums) {
            let value =
                quantity.value(&network).map_err(|e| fault(format!("`{text}` has no {}: {e}", quantity.name())))?;
            let agree = (value - sum).abs() <= AGREEMENT * value.abs().max(sum.abs());
            // A value that is not a number does not agree with anything.
            if !agree {
                return Err(fault(format!(
                    "{} of `{text}` is {value} as a whole network, but {sum} as a sum over its path",
                    quantity.name()
                )));
            }
            values.push(value);
        }
        for limit in &self.config.limits {
            let at = quantities.iter().position(|q| q.name() == limit.quantity).expect("limits name quantities");
            let over =
                if limit.relation == Relation::AtMost { values[at] - limit.bound } else { limit.bound - values[at] };
            if over > AGREEMENT * limit.bound.abs().max(values[at].abs()) {
                return Err(fault(format!("`{text}` breaks `{limit}`: it has {}", values[at])));
            }
        }
        values.truncate(self.config.objectives.len());
        let member = self.member(id, text, &architecture, &network, values)?;
        Ok(Judged { member, architecture })
    }

    fn member(
        &self,
        id: &str,
        text: String,
        architecture: &Architecture,
        network: &Network,
        values: Vec<f64>,
    ) -> Result<Member, StudyError> {
        let timed = self.config.objectives.iter().find(|objective| objective.unit() == "ms");
        let times = timed.and_then(|objective| objective.by_block(network).ok());
        let blocks = network.blocks().into_iter().enumerate().map(|(index, block)| Block {
            name: block.name,
            description: block.description,
            latency_ms: times.as_ref().and_then(|times| times.get(index).copied()),
        });
        let mut flags: Vec<String> = self.config.named().flat_map(|o| o.flags(network)).collect();
        flags.dedup();
        let counts: Vec<Count> = counts().filter(|c| !self.config.named().any(|o| o.name() == c.name())).collect();
        let shown = self.config.quantities.iter().map(AsRef::as_ref).chain(counts.iter().map(|c| c as &dyn Objective));
        let metrics = shown.map(|quantity| {
            let value = quantity.value(network).map_err(|e| StudyError::Certificate(e.to_string()))?;
            Ok(report::Metric { name: quantity.name().to_owned(), value, unit: quantity.unit().to_owned() })
        });
        Ok(Member {
            id: id.to_owned(),
            architecture: text,
            hash: network.canonical_hash().to_string(),
            values,
            decisions: decisions(architecture)
                .map(|(path, value)| report::Decision { path, value: plain(&value) })
                .collect(),
            blocks: blocks.collect(),
            metrics: metrics.collect::<Result<_, StudyError>>()?,
            file: None,
            flags,
        })
    }

    /// The architecture file of a member.
    pub(super) fn architecture_file(
        &self,
        judged: &Judged,
        certificate: &str,
    ) -> Result<(ArchitectureFile, Network), StudyError> {
        let space = &self.config.space;
        let network = space.build(&judged.architecture).map_err(|error| StudyError::Certificate(error.to_string()))?;
        let mut sources = Map::new();
        for objective in self.config.named() {
            let origin = objective.origin();
            let source = serde_json::json!({"kind": origin.kind, "name": origin.name, "about": origin.about, "blake3": origin.hash});
            sources.insert(objective.name().to_owned(), source);
        }
        let provenance = Provenance {
            program: format!("pocketnas {}", env!("CARGO_PKG_VERSION")),
            search: self.config.name.clone(),
            config_hash: self.config.hash(),
            seed: self.config.seed,
            certificate: certificate.to_owned(),
            sources,
        };
        let text = judged.member.architecture.clone();
        let mut file = ArchitectureFile::new(text, space.name().to_owned(), &network, provenance);
        file.decisions = decisions(&judged.architecture).collect();
        let counts: Vec<Count> = counts().collect();
        for quantity in self.config.named().chain(counts.iter().map(|count| count as &dyn Objective)) {
            let metric = metric(quantity, &network).map_err(|error| StudyError::Certificate(error.to_string()))?;
            file.metrics.entry(quantity.name().to_owned()).or_insert(metric);
        }
        Ok((file, network))
    }
}

/// Parameters and multiply-adds, which every file and report shows.
fn counts() -> impl Iterator<Item = Count> {
    [CountKind::Params, CountKind::Macs].into_iter().map(|kind| Count::new(kind.name(), None, kind))
}

fn metric(quantity: &dyn Objective, network: &Network) -> Result<Metric, crate::objective::ObjectiveError> {
    let shares = quantity.by_block(network)?;
    let names = network.blocks().into_iter().map(|block| block.name);
    let origin = quantity.origin();
    Ok(Metric {
        value: quantity.value(network)?,
        unit: quantity.unit().to_owned(),
        from: format!("{} {}", origin.kind, origin.name),
        flags: quantity.flags(network),
        by_block: names.zip(shares).map(|(name, share)| (name, number(share))).collect(),
    })
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

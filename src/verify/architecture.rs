//! Architecture files, YAML or JSON: the network, its hash and shapes, its place in the space, and every metric.

use std::path::Path;

use super::origin::Origin;
use super::{Finding, Given, Kind, Opened, Unreadable, text_form, written};
use crate::export::{self, ArchitectureFile, Claim, Metric, ReadError, metric_claims};
use crate::graph::{Network, NetworkError};

/// The kind of architecture files.
#[derive(Debug)]
pub(super) struct Architecture;

impl Kind for Architecture {
    fn name(&self) -> &'static str {
        "architecture file"
    }

    fn recognises(&self, file: &Opened) -> bool {
        file.has_key("network") && file.has_key("architecture")
    }

    fn verify(&self, file: &Opened, given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let folder = file.path().parent().unwrap_or_else(|| Path::new(""));
        Ok(findings(&parsed(file)?, given, folder))
    }
}

/// What an architecture file says.
pub(super) fn parsed(file: &Opened) -> Result<ArchitectureFile, Unreadable> {
    export::parse(file.document()?).map_err(|error| match error {
        ReadError::Text(problems) => Unreadable::Text(problems),
        other => Unreadable::Other(other.to_string()),
    })
}

/// Everything that an architecture file says, held against what is so.
pub(super) fn findings(file: &ArchitectureFile, given: &Given, folder: &Path) -> Vec<Finding> {
    let (network, misshapen) = file.network.rebuild();
    let mut findings = shapes(file, misshapen);
    let (form, rebuilt) = text_form::claims(&file.space, &file.architecture, &file.hash, given);
    let network = match network {
        Ok(network) => network,
        Err(error) => {
            findings.push(Finding::disagrees("network", "operators that fit together", error.to_string()));
            findings.extend(form);
            return findings;
        }
    };
    findings.push(Claim::text("hash", file.hash.clone(), network.canonical_hash().to_string()).into());
    findings.extend(form);
    if let Some(rebuilt) = &rebuilt {
        findings.extend(text_form::decisions(&file.decisions, &rebuilt.architecture));
    }
    for (name, metric) in &file.metrics {
        findings.extend(metric_findings(file, name, metric, &network, given, folder));
    }
    findings.extend(written::stored(file, &network, folder));
    findings.extend(provenance(file));
    findings
}

/// The shape of every node, and with them those at the borders of blocks.
fn shapes(file: &ArchitectureFile, misshapen: Vec<NetworkError>) -> Vec<Finding> {
    if misshapen.is_empty() {
        return vec![Finding::agrees("shapes", format!("those of {} nodes", file.network.nodes.len()))];
    }
    let finding = |error: NetworkError| match error {
        NetworkError::Claim { node, claimed, inferred } => {
            Finding::disagrees(format!("shape of {node}"), claimed.to_string(), inferred.to_string())
        }
        other => Finding::disagrees("network", "operators that fit together", other.to_string()),
    };
    misshapen.into_iter().map(finding).collect()
}

fn metric_findings(
    file: &ArchitectureFile,
    name: &str,
    metric: &Metric,
    network: &Network,
    given: &Given,
    folder: &Path,
) -> Vec<Finding> {
    let source = file.provenance.sources.get(name);
    let origin = Origin::new(&metric.from, source);
    let mut findings = Vec::new();
    if let Some(source) = source.and_then(serde_json::Value::as_object) {
        let said = |key: &str| source.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let listed = format!("{} {}", said("kind"), said("name"));
        if listed != metric.from {
            findings.push(Finding::disagrees(format!("origin of {name}"), metric.from.clone(), listed));
        }
    }
    match origin.objective(name, given, folder) {
        Ok(objective) => {
            let about = &objective.origin().about;
            if let Some(stated) = origin.about.as_ref().filter(|stated| *stated != about) {
                findings.push(Finding::disagrees(format!("description of {name}"), stated.clone(), about.clone()));
            }
            match metric_claims(name, metric, objective.as_ref(), network) {
                Ok(claims) => findings.extend(claims.into_iter().map(Finding::from)),
                Err(error) => {
                    findings.push(Finding::disagrees(name, metric.value.to_string(), error.to_string()));
                }
            }
        }
        Err(why) => {
            let command = origin.command(&file.space, &file.architecture, file.provenance.seed, given);
            let why = command.map_or_else(|| why.clone(), |command| format!("{why}: {command}"));
            findings.push(Finding::unchecked(name, why));
        }
    }
    findings
}

/// What a single file cannot show.
fn provenance(file: &ArchitectureFile) -> Vec<Finding> {
    let provenance = &file.provenance;
    let without = provenance.sources.keys().filter(|name| !file.metrics.contains_key(*name));
    let mut findings: Vec<Finding> = without
        .map(|name| Finding::disagrees(format!("source of {name}"), "a metric", "no metric of that name"))
        .collect();
    if !provenance.certificate.is_empty() {
        let why = format!("only the search `{}` can show it: \"{}\"", provenance.search, provenance.certificate);
        findings.push(Finding::unchecked("certificate", why));
    }
    findings
}

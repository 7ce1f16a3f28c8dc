//! The text form of an architecture and its decisions, held against the space that they come from.

use serde_json::{Map, Value as Json};

use super::{Finding, Given};
use crate::export::Claim;
use crate::graph::Network;
use crate::space::{Architecture, Space};

/// An architecture as its space gives it again.
pub(super) struct Rebuilt {
    pub(super) architecture: Architecture,
    pub(super) network: Network,
}

/// What the space says to a text form.
///
/// # Errors
/// A text that is none of the space's, or of a network that does not fit together.
pub(super) fn rebuild(space: &Space, text: &str) -> Result<Rebuilt, String> {
    let architecture = space.parse(text).map_err(|error| error.to_string())?;
    let network = space.build(&architecture).map_err(|error| error.to_string())?;
    Ok(Rebuilt { architecture, network })
}

/// A text form and a hash, which have to belong together.
pub(super) fn claims(space: &str, text: &str, hash: &str, given: &Given) -> (Vec<Finding>, Option<Rebuilt>) {
    let space = match given.space(space) {
        Ok((space, _)) => space,
        Err(why) => return (vec![Finding::unchecked("architecture", why)], None),
    };
    match rebuild(&space, text) {
        Ok(rebuilt) => {
            let form = Claim::text("architecture", text, space.format(&rebuilt.architecture));
            let found = rebuilt.network.canonical_hash().to_string();
            let network = Claim::text("hash of what the space makes of the architecture", hash, found);
            (vec![form.into(), network.into()], Some(rebuilt))
        }
        Err(error) => {
            let found = format!("the space {} says: {error}", space.name());
            (vec![Finding::disagrees("architecture", text, found)], None)
        }
    }
}

/// Decisions by path, which have to be those of the architecture.
pub(super) fn decisions(stated: &Map<String, Json>, architecture: &Architecture) -> Vec<Finding> {
    let mut findings = Vec::new();
    for decision in &architecture.decisions {
        let found = serde_json::to_value(&decision.value).unwrap_or_default();
        let claimed = stated.get(&decision.path);
        if claimed != Some(&found) {
            let claimed = claimed.map_or_else(|| "nothing".to_owned(), Json::to_string);
            findings.push(Finding::disagrees(format!("decision {}", decision.path), claimed, found.to_string()));
        }
    }
    let known = |path: &String| architecture.decisions.iter().any(|decision| decision.path == *path);
    for (path, value) in stated.iter().filter(|(path, _)| !known(path)) {
        findings.push(Finding::disagrees(format!("decision {path}"), value.to_string(), "no such decision"));
    }
    if findings.is_empty() {
        findings.push(Finding::agrees("decisions", format!("all {}", architecture.decisions.len())));
    }
    findings
}

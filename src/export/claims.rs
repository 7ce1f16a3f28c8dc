//! What an architecture file says of its network, held against what follows from the network itself.

use std::collections::HashSet;

use super::{ArchitectureFile, Metric};
use crate::graph::Network;
use crate::objective::{Count, CountKind, Objective, ObjectiveError};

/// How far a number may be from the one that is computed again, relative to the larger of the two: sums may have been
/// added in another order. Counts have to be equal.
const AGREEMENT: f64 = 1e-9;

/// Something that a file says, and what is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it is about: `the hash`, `params`, `latency of block s1.0`.
    pub what: String,
    /// What the file says.
    pub claimed: String,
    /// What is so.
    pub found: String,
    /// Whether the two agree.
    pub holds: bool,
}

impl Claim {
    /// A text that has to be the same.
    pub fn text(what: impl Into<String>, claimed: impl Into<String>, found: impl Into<String>) -> Self {
        let (claimed, found) = (claimed.into(), found.into());
        Self { what: what.into(), holds: claimed == found, claimed, found }
    }

    /// A number that has to be the same but for the order in which it was added up.
    pub fn number(what: impl Into<String>, claimed: f64, found: f64) -> Self {
        let holds = claimed == found || (claimed - found).abs() <= AGREEMENT * claimed.abs().max(found.abs());
        Self { what: what.into(), claimed: digits(claimed), found: digits(found), holds }
    }
}

/// A number, without the hundreds of digits that some have.
fn digits(value: f64) -> String {
    if value != 0.0 && !(1e-9..1e17).contains(&value.abs()) { format!("{value:e}") } else { value.to_string() }
}

/// The hash of a network and its counts, where a file has them.
///
/// # Errors
/// A network that cannot be counted.
pub fn claims(file: &ArchitectureFile, network: &Network) -> Result<Vec<Claim>, ObjectiveError> {
    let mut claims = vec![Claim::text("the hash", file.hash.clone(), network.canonical_hash().to_string())];
    for (name, metric) in &file.metrics {
        if let Some(kind) = counted(name, metric) {
            claims.extend(metric_claims(name, metric, &Count::new(name, None, kind), network)?);
        }
    }
    Ok(claims)
}

/// The count that a metric is: the one it says it comes from, or that of its name.
fn counted(name: &str, metric: &Metric) -> Option<CountKind> {
    let count = metric.from.strip_prefix("count ").and_then(CountKind::from_name);
    count.or_else(|| CountKind::from_name(name))
}

/// What a metric says, held against the objective that it is a value of: unit, value, what each block adds, and flags.
///
/// # Errors
/// A network that the objective cannot judge.
pub fn metric_claims(
    name: &str,
    metric: &Metric,
    objective: &dyn Objective,
    network: &Network,
) -> Result<Vec<Claim>, ObjectiveError> {
    let number = |what: String, claimed: f64, found: f64| match objective.origin().kind {
        "count" => Claim::text(what, digits(claimed), digits(found)),
        _ => Claim::number(what, claimed, found),
    };
    let mut claims = vec![number(name.to_owned(), metric.value, objective.value(network)?)];
    if metric.unit != objective.unit() {
        claims.push(Claim::text(format!("unit of {name}"), metric.unit.clone(), objective.unit()));
    }
    let flags = objective.flags(network);
    if !(metric.flags.is_empty() && flags.is_empty()) {
        let mut claim = Claim::text(format!("flags of {name}"), metric.flags.join("; "), flags.join("; "));
        // A file that was made from a report, and so has no shares of blocks, carries the flags of every table.
        claim.holds |= metric.by_block.is_empty() && flags.iter().all(|flag| metric.flags.contains(flag));
        claims.push(claim);
    }
    if metric.by_block.is_empty() {
        return Ok(claims);
    }
    let names = network.block_names().map(str::to_owned);
    let shares: Vec<(String, f64)> = names.zip(objective.by_block(network)?).collect();
    let (mut sum, mut wrong) = (objective.additive().map_or(0.0, |additive| additive.constant()), Vec::new());
    for (block, share) in &shares {
        let what = format!("{name} of block {block}");
        let claim = match metric.by_block.get(block).map(|stated| (stated, stated.as_f64())) {
            Some((_, Some(stated))) => {
                sum += stated;
                number(what, stated, *share)
            }
            Some((other, None)) => Claim::text(what, other.to_string(), share.to_string()),
            None => Claim::text(what, "nothing", share.to_string()),
        };
        wrong.extend(Some(claim).filter(|claim| !claim.holds));
    }
    // A block without nodes, which adds nothing, is not in the network of a file.
    let known: HashSet<&String> = shares.iter().map(|(block, _)| block).collect();
    let unknown = metric.by_block.iter().filter(|(block, _)| !known.contains(block));
    wrong.extend(
        unknown.filter(|(_, stated)| stated.as_f64() != Some(0.0)).map(|(block, stated)| {
            Claim::text(format!("{name} of block {block}"), stated.to_string(), "no such block")
        }),
    );
    if wrong.is_empty() {
        let blocks = format!("{} shares", shares.len());
        wrong.push(Claim::text(format!("{name} by block"), blocks.clone(), blocks));
    }
    claims.append(&mut wrong);
    if objective.additive().is_some() {
        claims.push(Claim::number(format!("{name} as the sum of its blocks"), metric.value, sum));
    }
    Ok(claims)
}

//! The folder of a search: its tables against each other, its architecture files, the space, dominance and limits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::front::{Meaning, Row};
use super::{Finding, Given, Kind, Opened, Unreadable, Verdict, architecture, gathered, text_form};
use crate::export::{ArchitectureFile, Claim};
use crate::objective::Objective;
use crate::pareto;
use crate::report::{self, Relation, ReportData};

const JSON: &str = "front.json";
const CSV: &str = "front.csv";

/// The kind of what a search leaves.
#[derive(Debug)]
pub(super) struct Results;

impl Kind for Results {
    fn name(&self) -> &'static str {
        "results of a search"
    }

    fn recognises(&self, file: &Opened) -> bool {
        file.path().is_dir() || matches!(file.name(), JSON | CSV)
    }

    fn verify(&self, file: &Opened, given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let path = file.path();
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or_else(|| Path::new("")) };
        let data = match folder.join(JSON) {
            json if json.is_file() => Some(report::read(&json).map_err(|error| Unreadable::Other(error.to_string()))?),
            _ => None,
        };
        let table = match folder.join(CSV) {
            csv if csv.is_file() => Some(read(&csv)?),
            _ => None,
        };
        let mut findings = Vec::new();
        let rows = match (&data, &table) {
            (Some(data), table) => {
                findings.extend(tables(data, table.as_deref(), folder)?);
                findings.extend(front(data));
                let members = data.front.iter().chain(data.closest.iter().map(|closest| &closest.member));
                members.map(|member| Row::of(member, data)).collect()
            }
            (None, Some(table)) => {
                let why = format!("{JSON} is not here, which says what was optimised, and within which limits");
                findings.push(Finding::unchecked("dominance and limits", why));
                Row::table(&folder.join(CSV).display().to_string(), table)?
            }
            (None, None) => {
                let message = format!(
                    "`{}` holds neither {JSON} nor {CSV}; give a folder that `pocketnas search` has filled",
                    folder.display()
                );
                return Err(Unreadable::Other(message));
            }
        };
        let (told, first) = files(&rows, given, folder);
        findings.extend(told);
        let meaning = match (&first, &data) {
            (Some(file), _) => Some(Meaning::of_file(file)),
            (None, data) => data.as_ref().map(Meaning::of_report),
        };
        findings.extend(members(&rows, meaning.as_ref(), given, folder));
        Ok(findings)
    }
}

fn read(path: &Path) -> Result<String, Unreadable> {
    fs::read_to_string(path).map_err(|error| Unreadable::Other(format!("cannot read `{}`: {error}", path.display())))
}

/// `front.csv` and the drawings, which follow from `front.json` alone.
fn tables(data: &ReportData, table: Option<&str>, folder: &Path) -> Result<Vec<Finding>, Unreadable> {
    let drawn = |error: report::ReportError| Unreadable::Other(error.to_string());
    let mut findings = match table {
        Some(table) => cells(table, &report::csv_text(data).map_err(drawn)?),
        None => vec![Finding::unchecked(CSV, "it is not here")],
    };
    let drawings = [
        ("front.svg", report::svg_document(data).map_err(drawn)?.into_bytes()),
        ("front.png", report::png_image(data).map_err(drawn)?),
        ("report.html", report::html_page(data).map_err(drawn)?.into_bytes()),
    ];
    for (name, bytes) in drawings {
        findings.push(match fs::read(folder.join(name)) {
            Ok(there) if there == bytes => Finding::agrees(name, "every byte"),
            Ok(_) => Finding::unchecked(
                name,
                format!("it is not what this version draws from {JSON}; `pocketnas report DIR` draws it anew"),
            ),
            Err(error) => Finding::unchecked(name, format!("it cannot be read: {error}")),
        });
    }
    Ok(findings)
}

/// A table against the one that should be there, cell by cell.
fn cells(there: &str, wanted: &str) -> Vec<Finding> {
    if there == wanted {
        return vec![Finding::agrees(CSV, format!("every cell of {} lines", wanted.lines().count()))];
    }
    let records = |text: &str| -> Vec<csv::StringRecord> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        // What cannot be read has no record, and so differs.
        reader.records().filter_map(Result::ok).collect()
    };
    let (there, wanted) = (records(there), records(wanted));
    let mut findings = Vec::new();
    let header = wanted.first().cloned().unwrap_or_default();
    for (line, (there, wanted)) in there.iter().zip(&wanted).enumerate() {
        let width = there.len().max(wanted.len());
        for at in (0..width).filter(|&at| there.get(at) != wanted.get(at)) {
            let claim = format!("{CSV}, line {}, {}", line + 1, header.get(at).unwrap_or("beyond the header"));
            let shown = |cell: Option<&str>| cell.unwrap_or("nothing").to_owned();
            findings.push(Finding::disagrees(claim, shown(there.get(at)), shown(wanted.get(at))));
        }
    }
    if there.len() != wanted.len() {
        let lines = |records: &[csv::StringRecord]| format!("{} lines", records.len());
        findings.push(Finding::disagrees(CSV, lines(&there), lines(&wanted)));
    }
    if findings.is_empty() {
        findings.push(Finding::agrees(CSV, "every cell, though not every byte"));
    }
    findings
}

/// What makes a front one: no member dominates another, and all are within the limits.
fn front(data: &ReportData) -> Vec<Finding> {
    if data.front.is_empty() {
        return vec![Finding::unchecked("front", "it is empty: nothing was found within the limits")];
    }
    let costs = data.costs();
    let kept = pareto::non_dominated(&costs);
    let dominated = (0..costs.len()).filter(|at| kept.binary_search(at).is_err()).map(|at| {
        let id = |at: usize| &data.front[at].id;
        let by = (0..costs.len()).find(|&by| by != at && pareto::weakly_dominates(&costs[by], &costs[at]));
        let by = by.map_or_else(
            || "has a value that is no number".to_owned(),
            |by| format!("no better than {} anywhere", id(by)),
        );
        Finding::disagrees(format!("dominance of {}", id(at)), "on the front", by)
    });
    let mut findings: Vec<Finding> = dominated.collect();
    if findings.is_empty() {
        findings.push(Finding::agrees("dominance", format!("none of {} members dominates another", costs.len())));
    }
    for limit in &data.limits {
        let value = |member: &report::Member| {
            let objective = data.objectives.iter().position(|objective| objective.name == limit.quantity);
            let metric =
                || member.metrics.iter().find(|metric| metric.name == limit.quantity).map(|metric| metric.value);
            objective.map(|at| member.values[at]).or_else(metric)
        };
        let claim = |member: &report::Member| {
            let what = format!("{} of {}", limit.sentence(), member.id);
            let Some(value) = value(member) else { return Finding::unchecked(what, "the member has no such quantity") };
            let within = match limit.relation {
                Relation::AtMost => value <= limit.bound,
                Relation::AtLeast => value >= limit.bound,
            };
            // A bound that is just met may be missed by the rounding of sums.
            let holds = within || Claim::number("", limit.bound, value).holds;
            Claim { what, claimed: limit.bound.to_string(), found: value.to_string(), holds }.into()
        };
        findings.extend(summary(&limit.sentence(), data.front.iter().map(claim).collect()));
    }
    let shown = |at: Option<usize>| at.and_then(|at| data.front.get(at)).map_or("none", |member| member.id.as_str());
    for (what, claimed, found) in [
        ("knee", data.knee, data.find_knee()),
        ("best under the limits", data.best_under_limit, data.find_best_under_limit()),
    ] {
        findings.push(Claim::text(what, shown(claimed), shown(found)).into());
    }
    if !data.certificate.statement.is_empty() {
        let why = format!("only the search can show it: \"{}\"", data.certificate.statement);
        findings.push(Finding::unchecked("certificate", why));
    }
    findings
}

/// Every architecture file by itself, and against the row that names it. Gives the first of them besides.
fn files(rows: &[Row], given: &Given, folder: &Path) -> (Vec<Finding>, Option<ArchitectureFile>) {
    let (mut findings, mut first) = (Vec::new(), None);
    let mut read = 0;
    for row in rows {
        let Some(name) = &row.file else { continue };
        let path = Path::new(name);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            findings.push(Finding::disagrees(format!("file of {}", row.id), name, "a path that leaves the folder"));
            continue;
        }
        let opened = Opened::new(&folder.join(path));
        let file = match architecture::parsed(&opened) {
            Ok(file) => file,
            Err(error) => {
                findings.push(Finding::disagrees(format!("file of {}", row.id), name, error.to_string()));
                continue;
            }
        };
        read += 1;
        let own = architecture::findings(&file, given, folder);
        findings.extend(own.into_iter().chain(against(row, &file)).map(|finding| Finding {
            // Reasons are alike in all files, and told once.
            claim: match finding.verdict {
                Verdict::Disagrees { .. } => format!("{name}: {}", finding.claim),
                _ => finding.claim,
            },
            ..finding
        }));
        first.get_or_insert(file);
    }
    findings.extend(strays(rows, folder));
    (summary(&format!("{read} architecture files"), findings), first)
}

/// Architecture files that lie among those of the front, though no row names them.
fn strays(rows: &[Row], folder: &Path) -> Vec<Finding> {
    let named: BTreeSet<PathBuf> =
        rows.iter().filter_map(|row| row.file.as_ref()).map(|file| folder.join(file)).collect();
    let folders: BTreeSet<&Path> = named.iter().filter_map(|file| file.parent()).collect();
    let there = folders.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let mut strays: Vec<PathBuf> = there.map(|entry| entry.path()).filter(|path| !named.contains(path)).collect();
    strays.retain(|path| architecture::Architecture.recognises(&Opened::new(path)));
    strays.sort();
    let shown = |path: PathBuf| path.strip_prefix(folder).unwrap_or(&path).display().to_string();
    let finding = |path| Finding::unchecked(shown(path), "no member of the front names it; give it by itself");
    strays.into_iter().map(finding).collect()
}

/// A row against the file that it names.
fn against(row: &Row, file: &ArchitectureFile) -> Vec<Finding> {
    let claim =
        |what: &str, row: &str, file: &str| Finding::from(Claim::text(format!("{what} in the table"), row, file));
    let mut findings =
        vec![claim("hash", &row.hash, &file.hash), claim("architecture", &row.architecture, &file.architecture)];
    for (name, column, _) in Meaning::of_file(file).quantities {
        if let (Some(stated), Some(metric)) = (row.value(&column), file.metrics.get(&name)) {
            findings.push(claim(&name, &stated.to_string(), &metric.value.to_string()));
        }
    }
    let mut flags: Vec<&str> = file.metrics.values().flat_map(|metric| &metric.flags).map(String::as_str).collect();
    flags.sort_unstable();
    flags.dedup();
    let mut stated: Vec<&str> = row.flags.split("; ").filter(|flag| !flag.is_empty()).collect();
    stated.sort_unstable();
    findings.push(claim("flags", &stated.join("; "), &flags.join("; ")));
    findings
}

/// Every member as the space gives it again, with each quantity that can be computed.
fn members(rows: &[Row], meaning: Option<&Meaning>, given: &Given, folder: &Path) -> Vec<Finding> {
    let mut findings = ids(rows);
    let all = format!("{} members", rows.len());
    let Some(meaning) = meaning else {
        findings.push(Finding::unchecked(
            all,
            "neither a report nor an architecture file says where their values come from",
        ));
        return findings;
    };
    let space = match given.space(&meaning.space) {
        Ok((space, _)) => space,
        Err(why) => {
            findings.push(Finding::unchecked(format!("{all}, built again"), why));
            return findings;
        }
    };
    let mut objectives: Vec<(&str, &str, Arc<dyn Objective>)> = Vec::new();
    for (name, column, origin) in &meaning.quantities {
        match origin.objective(name, given, folder) {
            Ok(objective) => objectives.push((name, column, objective)),
            Err(why) => {
                let command =
                    rows.first().and_then(|row| origin.command(&meaning.space, &row.architecture, meaning.seed, given));
                let why = command.map_or_else(|| why.clone(), |command| format!("{why}: {command}"));
                findings.push(Finding::unchecked(format!("{name} of {all}"), why));
            }
        }
    }
    let mut told: Vec<Finding> = Vec::new();
    for row in rows {
        let of = |what: &str| format!("{what} of {}", row.id);
        let rebuilt = match text_form::rebuild(&space, &row.architecture) {
            Ok(rebuilt) => rebuilt,
            Err(error) => {
                told.push(Finding::disagrees(of("architecture"), row.architecture.clone(), error));
                continue;
            }
        };
        told.push(Claim::text(of("hash"), row.hash.clone(), rebuilt.network.canonical_hash().to_string()).into());
        for (name, column, objective) in &objectives {
            let Some(stated) = row.value(column) else { continue };
            told.push(match objective.value(&rebuilt.network) {
                Ok(found) => Claim::number(of(name), stated, found).into(),
                Err(error) => Finding::disagrees(of(name), stated.to_string(), error.to_string()),
            });
        }
    }
    findings.extend(gathered(&format!("{all}, built again"), told));
    findings
}

/// No id, and no network, is there twice.
fn ids(rows: &[Row]) -> Vec<Finding> {
    let (mut ids, mut networks): (BTreeMap<&str, usize>, BTreeMap<&str, &str>) = (BTreeMap::new(), BTreeMap::new());
    let mut findings = Vec::new();
    for row in rows {
        *ids.entry(&row.id).or_default() += 1;
        if let Some(other) = networks.insert(&row.hash, &row.id) {
            findings.push(Finding::disagrees(
                format!("hash of {}", row.id),
                "one of its own",
                format!("that of {other}"),
            ));
        }
    }
    let repeated = ids.into_iter().filter(|(_, count)| *count > 1);
    findings.extend(
        repeated.map(|(id, count)| Finding::disagrees(format!("id {id}"), "one member", format!("{count} members"))),
    );
    findings
}

/// As [`gathered`], with one line for each claim that could not be checked, however often it is made.
fn summary(claim: &str, findings: Vec<Finding>) -> Vec<Finding> {
    let mut unchecked: Vec<(Finding, usize)> = Vec::new();
    for finding in findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Unchecked { .. })) {
        match unchecked.iter_mut().find(|(known, _)| known.claim == finding.claim) {
            Some((_, count)) => *count += 1,
            None => unchecked.push((finding.clone(), 1)),
        }
    }
    let mut told = gathered(claim, findings);
    told.extend(unchecked.into_iter().map(|(finding, count)| match count {
        1 => finding,
        _ => Finding { claim: format!("{} ({count} times)", finding.claim), ..finding },
    }));
    told
}

//! `pocketnas verify`: exported files, held against what they say of themselves.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Failure, emit, emit_json, say};
use crate::space::Space;
use crate::verify::{Finding, Given, Unreadable, Verdict, verify};

/// Compute again what an exported file claims: what agrees, what does not, and what nobody can tell from here
///
/// Architecture files and what is written from them, ONNX models, spaces, search configs, latency tables and the folders of
/// searches. Exit codes: 0 where everything that can be
/// checked agrees, 1 where something does not, 2 where a file cannot be read.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Files, or folders that `pocketnas search` has filled
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A latency table that values come from, where it is not shipped: a file, or the name of a shipped one; can be repeated
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// The search space that architectures come from, where it is not shipped; can be repeated
    #[arg(long = "space", value_name = "FILE")]
    spaces: Vec<String>,
    /// A file that a latency table was made from; can be repeated
    #[arg(long = "given", value_name = "FILE")]
    sources: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let table = |name: &String| -> Result<_, Failure> { Ok((name.clone(), super::latency::load(name)?)) };
    let tables = arguments.tables.iter().map(table).collect::<Result<_, _>>()?;
    let space = |name: &String| -> Result<_, Failure> { Ok((name.clone(), Space::load(name, None)?)) };
    let spaces = arguments.spaces.iter().map(space).collect::<Result<_, _>>()?;
    let given = Given { tables, spaces, sources: arguments.sources.clone() };
    let (mut documents, mut unreadable) = (Vec::new(), Vec::new());
    let mut counts = Counts::default();
    for file in &arguments.files {
        let shown = file.display().to_string();
        match verify(file, &given) {
            Ok((kind, findings)) => {
                let own = Counts::of(&findings);
                if arguments.json {
                    documents.push(json!({
                        "file": shown, "kind": kind, "agree": own.agree, "disagree": own.disagree,
                        "unchecked": own.unchecked, "findings": findings,
                    }));
                } else {
                    emit(&text(&shown, kind, &findings, own))?;
                }
                counts.add(own);
            }
            Err(error) => {
                documents.push(json!({ "file": shown, "error": error.to_string() }));
                unreadable.push(error);
            }
        }
    }
    if arguments.json {
        emit_json(&Value::from(documents))?;
    }
    let failures = unreadable.into_iter().map(|error| match error {
        Unreadable::Text(problems) => Failure::from(problems),
        Unreadable::Other(message) => Failure::input(message),
    });
    let mut failures: Vec<Failure> = failures.collect();
    match failures.pop() {
        Some(last) => {
            failures.iter().for_each(|failure| say(format_args!("{:?}", failure.report())));
            Err(last)
        }
        None if counts.disagree > 0 => Err(Failure::failed(format!("{} not so", counts.disagree_phrase()))),
        None => Ok(()),
    }
}

/// How many claims ended how.
#[derive(Clone, Copy, Default)]
struct Counts {
    agree: usize,
    disagree: usize,
    unchecked: usize,
}

impl Counts {
    fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.verdict {
                Verdict::Agrees { .. } => counts.agree += 1,
                Verdict::Disagrees { .. } => counts.disagree += 1,
                Verdict::Unchecked { .. } => counts.unchecked += 1,
            }
        }
        counts
    }

    fn add(&mut self, other: Self) {
        self.agree += other.agree;
        self.disagree += other.disagree;
        self.unchecked += other.unchecked;
    }

    fn disagree_phrase(self) -> String {
        if self.disagree == 1 { "one claim is".to_owned() } else { format!("{} claims are", self.disagree) }
    }
}

/// A file with a line for each finding.
fn text(file: &str, kind: &str, findings: &[Finding], counts: Counts) -> String {
    let mut text = format!("{file}: {kind}\n");
    for Finding { claim, verdict } in findings {
        text += &match verdict {
            Verdict::Agrees { found } => format!("  agrees     {claim}: {found}\n"),
            Verdict::Disagrees { claimed, found } => format!("  DISAGREES  {claim}: claims {claimed}, found {found}\n"),
            Verdict::Unchecked { why } => format!("  unchecked  {claim}: {why}\n"),
        };
    }
    let Counts { agree, disagree, unchecked } = counts;
    text + &format!("  {agree} agree, {disagree} disagree, {unchecked} could not be checked\n")
}

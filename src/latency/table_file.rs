//! The file form of latency tables: YAML that a person can read and a person
//! may write, with unit and provenance required. Every fault of a file is told
//! at once, with its place.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use super::classes::ClassPrices;
use super::coverage::{Covered, Property};
use super::table::{FitError, MeasuredRow, Provenance, SourceFile};
use super::{Coverage, Kernel, KernelKind, LatencyError, LatencyTable, OperatorModel, TableInfo, Term};
use crate::yaml::{Diagnostics, Document, Field, Kind, Node, Problems, Schema, nearest};

use operators::{kernel, measurement, measurement_entries, operator_entries};

const VERSION: i64 = 1;
const COUNT: Kind = Kind::Int { min: 1, max: 1 << 40 };
const SIZE: Kind = Kind::Int { min: 1, max: 1 << 20 };
const PAIR: Kind = Kind::List(&SIZE, 2);
const AMOUNTS: Kind = Kind::List(&Kind::Int { min: 0, max: i64::MAX }, 2);
const POSITIVE: Kind = Kind::Number { min: 0.0, max: 1e9 };
const PERCENT: Kind = Kind::Number { min: 0.0, max: 1e9 };
const KINDS: Kind = Kind::Word(&KernelKind::NAMES);

const fn field(name: &'static str, kind: &'static Kind, required: bool, doc: &'static str) -> Field {
    Field { name, kind, required, doc }
}

/// The structure of a latency table file.
pub static TABLE_SCHEMA: Schema = Schema {
    name: "table",
    doc: "What operators cost on one device: rows measured or fitted, with unit and provenance.",
    fields: &[
        field("table", &Kind::Text, true, "name of the table"),
        field("version", &Kind::Int { min: VERSION, max: VERSION }, true, "version of the format, 1"),
        field("device", &Kind::Text, true, "the phone, as its maker calls it"),
        field("soc", &Kind::Text, true, "its system on chip; phones of one name differ in it"),
        field("runtime", &Kind::Text, true, "what ran the networks, with its version"),
        field("precision", &Kind::Text, true, "`float`, `quant` or another name of the number format"),
        field("cores", &Kind::Text, true, "the processor cores that ran"),
        field("unit", &Kind::Word(&["ms", "us"]), true, "unit of every time in the file: ms, or us for microseconds"),
        field(
            "provenance",
            &Kind::Map(&[
                field("source", &Kind::Text, true, "who measured what, and where it is published"),
                field("licence", &Kind::Text, true, "licence of the measurements"),
                field("note", &Kind::Text, false, "what a reader has to know before trusting a number"),
                field("command", &Kind::Text, false, "the command that made the table"),
                field(
                    "files",
                    &Kind::List(
                        &Kind::Map(&[
                            field("name", &Kind::Text, true, "file name"),
                            field("blake3", &Kind::Text, true, "BLAKE3 hash of the file"),
                        ]),
                        0,
                    ),
                    false,
                    "the files the table was made from",
                ),
                field("networks", &COUNT, false, "number of measured networks behind the fitted rows"),
                field(
                    "error",
                    &Kind::Map(&[
                        field(
                            "left_out",
                            &Kind::Word(&["families", "folds", "operators", "resolutions"]),
                            true,
                            "what was left out together",
                        ),
                        field("mape", &PERCENT, true, "mean absolute relative error, percent"),
                        field("within_10", &PERCENT, true, "networks within 10 %, percent"),
                        field("spearman", &Kind::Number { min: -1.0, max: 1.0 }, true, "rank correlation"),
                        field("baseline_mape", &PERCENT, true, "the same error of the 17-term baseline, percent"),
                        field("coverage", &PERCENT, false, "networks under their bound at 95 %, percent"),
                        field("bound_over_mean", &POSITIVE, false, "median of that bound over the mean"),
                    ]),
                    false,
                    "error of the fit on networks left out",
                ),
            ]),
            true,
            "where the numbers come from",
        ),
        field(
            "covered",
            &Kind::List(
                &Kind::Map(&[
                    field("operator", &KINDS, true, "kind of operator"),
                    field(
                        "over_sequence",
                        &Kind::Bool,
                        false,
                        "whether these are fully connected layers over the rows of a sequence; the others if absent",
                    ),
                    field("operators", &COUNT, true, "how many the measured networks hold"),
                    field("input_size", &PAIR, true, "lowest and highest"),
                    field("input_channels", &PAIR, true, "lowest and highest"),
                    field("output_channels", &PAIR, true, "lowest and highest"),
                    field("window", &PAIR, true, "lowest and highest"),
                    field("stride", &PAIR, true, "lowest and highest"),
                    field("dilation", &PAIR, true, "lowest and highest"),
                    field("group_width", &PAIR, true, "lowest and highest"),
                    field(
                        "elements",
                        &AMOUNTS,
                        false,
                        "from 0 to the most, of the larger of input and output; any if absent",
                    ),
                    field("weights", &AMOUNTS, false, "from 0 to the most; any if absent"),
                    field("macs", &AMOUNTS, false, "from 0 to the most multiply-adds; any if absent"),
                ]),
                0,
            ),
            false,
            "ranges of geometry behind the fitted rows; prices beyond them are flagged",
        ),
        field(
            "bounds",
            &bounds::BOUNDS,
            false,
            "what upper bounds are made from; no `confidence` can be asked for if absent",
        ),
        field(
            "calibration",
            &classes::CALIBRATION,
            false,
            "of class rows to whole networks; sums as they are if absent",
        ),
        field("rows", &Kind::List(&ROW, 1), true, "the costs"),
    ],
};

const ROW: Kind = Kind::Tagged(&[
    (
        "term",
        &[
            field("source", &Kind::Word(&["fitted"]), true, "fitted: a coefficient of the operator model"),
            field("term", &Kind::Text, true, "the count that it multiplies"),
            field("cost", &POSITIVE, true, "time per unit of the count"),
            field("per", &Kind::Text, false, "what one unit of the count is"),
        ],
    ),
    ("class", &classes::CLASS_ROW),
    ("block", &blocks::BLOCK_ROW),
    ("operator", &operators::OPERATOR_ROW),
]);

impl LatencyTable {
    /// Reads and checks a table file.
    ///
    /// # Errors
    /// A file that cannot be read, and everything that [`LatencyTable::parse`] refuses.
    pub fn load(path: &Path) -> Result<Self, LatencyError> {
        Ok(Self::from_document(&Document::read(path)?)?)
    }

    /// Checks the text of a table; `name` is what messages call it.
    ///
    /// # Errors
    /// Unknown or missing keys (unit and provenance among them), unknown terms and operators, costs
    /// that are negative or not finite, duplicate rows: all at once, each with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        Self::from_document(&Document::parse(name, text)?)
    }

    /// Checks a table that has been read.
    ///
    /// # Errors
    /// As [`LatencyTable::parse`].
    pub fn from_document(document: &Document) -> Result<Self, Diagnostics> {
        lower(document)
    }

    /// The table as a file.
    pub fn to_yaml(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let info = &self.info;
        let mut out = String::new();
        // Writing to a string cannot fail.
        let mut line = |text: std::fmt::Arguments| {
            let _ = out.write_fmt(text);
            out.push('\n');
        };
        line(format_args!("table: {}\nversion: {VERSION}", quoted(&info.table)));
        for (key, value) in [
            ("device", &info.device),
            ("soc", &info.soc),
            ("runtime", &info.runtime),
            ("precision", &info.precision),
            ("cores", &info.cores),
        ] {
            line(format_args!("{key}: {}", quoted(value)));
        }
        line(format_args!("unit: ms\nprovenance:"));
        let provenance = &info.provenance;
        for (key, value) in [
            ("source", &provenance.source),
            ("licence", &provenance.licence),
            ("note", &provenance.note),
            ("command", &provenance.command),
        ] {
            if !value.is_empty() {
                line(format_args!("  {key}: {}", quoted(value)));
            }
        }
        if !provenance.files.is_empty() {
            line(format_args!("  files:"));
        }
        for file in &provenance.files {
            line(format_args!("    - {{name: {}, blake3: {}}}", quoted(&file.name), quoted(&file.blake3)));
        }
        if let Some(networks) = provenance.networks {
            line(format_args!("  networks: {networks}"));
        }
        if let Some(error) = &provenance.error {
            line(format_args!("  # On networks of {} that the fit had not seen; percent.", error.left_out));
            line(format_args!("  error:"));
            line(format_args!("    left_out: {}", error.left_out));
            line(format_args!("    mape: {:.2}\n    within_10: {:.1}", error.mape, error.within_10));
            line(format_args!("    spearman: {:.4}\n    baseline_mape: {:.2}", error.spearman, error.baseline_mape));
            if let (Some(coverage), Some(width)) = (error.coverage, error.bound_over_mean) {
                line(format_args!("    # Of the bound at 95 %, made without the networks that it is judged on."));
                line(format_args!("    coverage: {coverage:.1}\n    bound_over_mean: {width:.3}"));
            }
        }
        line(format_args!("# Lowest and highest value of each property in the measured networks."));
        let nothing = self.coverage.kinds().next().is_none();
        line(format_args!("covered:{}", if nothing { " []" } else { "" }));
        for (kind, over_sequence, seen) in self.coverage.kinds() {
            line(format_args!("  - operator: {}", kind.name()));
            if over_sequence {
                line(format_args!("    over_sequence: true"));
            }
            line(format_args!("    operators: {}", seen.operators));
            for (property, (low, high)) in seen.ranges() {
                line(format_args!("    {}: [{low}, {high}]", property.name()));
            }
        }
        if let Some(ratios) = &self.ratios {
            line(format_args!("{}", bounds::lines(ratios)));
        }
        let (calibration, class_rows) = self.classes().map(classes::lines).unwrap_or_default();
        if !calibration.is_empty() {
            line(format_args!("{calibration}"));
        }
        line(format_args!("# An operator costs the sum of its counts times these; a measured row comes before them."));
        line(format_args!("rows:"));
        if !class_rows.is_empty() {
            line(format_args!("{}", class_rows.trim_end()));
        }
        for (term, cost) in self.model.coefficients() {
            let per = quoted(term.unit());
            line(format_args!("  - {{source: fitted, term: {}, cost: {cost:e}, per: {per}}}", term.name()));
        }
        let mut measured: Vec<(&Kernel, &MeasuredRow)> = self.measured.iter().collect();
        measured.sort_by_key(|(kernel, _)| **kernel);
        for (kernel, row) in measured {
            let entries = [&operator_entries(kernel)[..], &measurement_entries(row)].concat();
            line(format_args!("  - source: measured\n    {}", entries.join("\n    ")));
        }
        let _ = out.write_str(&blocks::lines(&self.blocks));
        out
    }
}

/// A document that passed the schema, as a table.
fn lower(document: &Document) -> Result<LatencyTable, Diagnostics> {
    let mut problems = document.problems();
    TABLE_SCHEMA.check(document, &mut problems);
    if problems.any() {
        return Err(problems.into_diagnostics());
    }
    let root = &document.root;
    let stated = root.get("provenance").expect("the schema requires it");
    let to_ms = if text(root, "unit") == "us" { 1e-3 } else { 1.0 };
    let info = TableInfo {
        table: text(root, "table"),
        device: text(root, "device"),
        soc: text(root, "soc"),
        runtime: text(root, "runtime"),
        precision: text(root, "precision"),
        cores: text(root, "cores"),
        provenance: provenance(stated),
    };
    for key in ["source", "licence"] {
        if let Some(value) = stated.get(key).filter(|v| v.text().is_some_and(|t| t.trim().is_empty())) {
            problems.at(
                value,
                &format!("provenance.{key}"),
                format!("`{key}` is empty"),
                "say where the numbers come from",
            );
        }
    }
    let coverage = coverage(root, &mut problems);
    let mut coefficients = Vec::new();
    let mut measured = HashMap::new();
    let mut blocks = HashMap::new();
    let mut terms = HashSet::new();
    for (index, row) in root.get("rows").map(Node::items).unwrap_or_default().iter().enumerate() {
        let path = format!("rows[{index}]");
        if row.get("term").is_some() {
            if let Some((term, cost)) = fitted_row(row, &path, &mut problems) {
                if !terms.insert(term) {
                    let message = format!("term `{}` has two rows", term.name());
                    problems.at(row, &path, message, "keep one");
                }
                coefficients.push((term, cost * to_ms));
            }
        } else if row.get("block").is_some() {
            let (kernels, measurement) = blocks::block_row(row, &path, to_ms, &mut problems);
            if blocks.insert(kernels, measurement).is_some() {
                problems.at(row, &path, "this block has two rows".to_owned(), "keep one");
            }
        } else if row.get("class").is_none()
            && let Some((kernel, measurement)) = measured_row(row, &path, to_ms, &mut problems)
            && measured.insert(kernel, measurement).is_some()
        {
            problems.at(row, &path, format!("{kernel} has two rows"), "keep one");
        }
    }
    let classes = classes::class_model(root, to_ms, &mut problems).map(|model| ClassPrices::new(model, &measured));
    problems.or(LatencyTable {
        info,
        model: OperatorModel::new(coefficients),
        coverage,
        measured,
        classes,
        blocks,
        ratios: bounds::ratios(root),
    })
}

fn text(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::text).unwrap_or_default().to_owned()
}

fn number(node: &Node, key: &str) -> f64 {
    node.get(key).and_then(Node::number).unwrap_or_default()
}

/// A whole number that the schema has bounded; `absent` where the key is not there.
fn size(node: &Node, key: &str, absent: u32) -> u32 {
    node.get(key).and_then(Node::int).and_then(|value| u32::try_from(value).ok()).unwrap_or(absent)
}

fn pair<T: TryFrom<i64> + From<u8> + Copy>(node: &Node, key: &str, path: &str, problems: &mut Problems) -> [T; 2] {
    let none = [T::from(1); 2];
    let Some(list) = node.get(key) else { return none };
    let values: Vec<T> = list.items().iter().filter_map(|v| T::try_from(v.int()?).ok()).collect();
    match values[..] {
        [a, b] => [a, b],
        _ => {
            problems.at(list, &format!("{path}.{key}"), format!("`{key}` needs exactly two numbers"), "");
            none
        }
    }
}

fn provenance(node: &Node) -> Provenance {
    let files = node.get("files").map(Node::items).unwrap_or_default();
    Provenance {
        source: text(node, "source"),
        licence: text(node, "licence"),
        note: text(node, "note"),
        command: text(node, "command"),
        files: files.iter().map(|f| SourceFile { name: text(f, "name"), blake3: text(f, "blake3") }).collect(),
        networks: node.get("networks").and_then(Node::int).and_then(|n| u64::try_from(n).ok()),
        error: node.get("error").map(|error| FitError {
            left_out: text(error, "left_out"),
            mape: number(error, "mape"),
            within_10: number(error, "within_10"),
            spearman: number(error, "spearman"),
            baseline_mape: number(error, "baseline_mape"),
            coverage: error.get("coverage").and_then(Node::number),
            bound_over_mean: error.get("bound_over_mean").and_then(Node::number),
        }),
    }
}

fn coverage(root: &Node, problems: &mut Problems) -> Coverage {
    let mut coverage = Coverage::default();
    for (index, item) in root.get("covered").map(Node::items).unwrap_or_default().iter().enumerate() {
        let path = format!("covered[{index}]");
        let Some(kind) = KernelKind::from_name(&text(item, "operator")) else { continue };
        let over_sequence = item.get("over_sequence").and_then(Node::bool).unwrap_or(false);
        if coverage.kind(kind, over_sequence).is_some() {
            problems.at(item, &path, format!("{} is covered twice", kind.name()), "keep one");
        }
        let ranges = Property::ALL.map(|property| {
            if property.is_joint() && item.get(property.name()).is_none() {
                return Covered::ANYTHING;
            }
            let [low, high] = pair::<u64>(item, property.name(), &path, problems);
            if low > high {
                let message = format!("the range of `{}` runs from {low} down to {high}", property.name());
                problems.at(item, &path, message, "the lowest value comes first");
            }
            (low, high)
        });
        let operators = item.get("operators").and_then(Node::int).and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
        coverage.set(kind, over_sequence, Covered { operators, ranges });
    }
    coverage
}

fn fitted_row(row: &Node, path: &str, problems: &mut Problems) -> Option<(Term, f64)> {
    let name = row.get("term")?;
    let written = name.text().unwrap_or_default();
    let Some(term) = Term::from_name(written) else {
        let help = nearest(written, Term::ALL.map(Term::name));
        problems.at(name, &format!("{path}.term"), format!("unknown term `{written}`"), help);
        return None;
    };
    Some((term, number(row, "cost")))
}

fn measured_row(row: &Node, path: &str, to_ms: f64, problems: &mut Problems) -> Option<(Kernel, MeasuredRow)> {
    Some((kernel(row, path, problems)?, measurement(row, to_ms)))
}

mod blocks;
mod bounds;
mod classes;
mod operators;
#[cfg(test)]
mod tests;

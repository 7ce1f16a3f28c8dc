//! `pocketnas frontier`: the exact Pareto front of a block library.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use miette::{Report, miette};
use serde_json::{Value, json};

use super::Failure;
use crate::pareto::{Representatives, top_k};
use crate::search::library::Library;
use crate::search::{Column, Front, FrontError, Limit, Options, Role, front, reach};

/// Find the exact Pareto front of a block library
///
/// The library is a JSON file: positions with variants and costs that add up, or
/// the edges of an acyclic graph. All objectives are minimised.
#[derive(Args)]
pub(super) struct Arguments {
    /// The library; `-` reads standard input
    #[arg(value_name = "LIBRARY.json")]
    library: PathBuf,
    /// Largest sum allowed of an objective or resource; can be repeated
    #[arg(long = "limit", value_name = "NAME<=VALUE")]
    limits: Vec<String>,
    /// Allow a front with gaps up to this share of each objective's range, certified
    #[arg(long, value_name = "E", default_value_t = 0.0)]
    epsilon: f64,
    /// Keep only K points: the extremes and what leaves the smallest gap
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Give up when this many labels (partial choices kept) were made
    #[arg(long, value_name = "N", default_value_t = Options::default().max_labels)]
    max_labels: u64,
    /// Give up when labels take this much memory
    #[arg(long, value_name = "MIB", default_value_t = Options::default().max_bytes >> 20)]
    max_memory: u64,
}

/// Rows of the table for people when `--top` does not say otherwise.
const ROWS: usize = 24;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let library = read(arguments)?;
    let columns = library.graph().columns();
    let options = Options {
        limits: arguments.limits.iter().map(|text| parse_limit(text, columns)).collect::<Result<_, _>>()?,
        epsilon: arguments.epsilon,
        max_labels: arguments.max_labels,
        max_bytes: arguments.max_memory.saturating_mul(1 << 20),
    };
    let start = Instant::now();
    let front = front(library.graph(), &options).map_err(|error| explain(error, &library, arguments))?;
    let seconds = start.elapsed().as_secs_f64();

    let objectives: Vec<usize> = (0..columns.len()).filter(|&j| columns[j].role == Role::Objective).collect();
    let points: Vec<Vec<f64>> =
        front.points().map(|point| objectives.iter().map(|&j| point.costs[j]).collect()).collect();
    let shown = match (arguments.top, arguments.json) {
        (Some(k), _) => usize::try_from(k).unwrap_or(usize::MAX),
        (None, true) => points.len(),
        (None, false) => ROWS,
    };
    let kept = top_k(&points, shown);
    let answer = Answer { library: &library, front: &front, points: &points, kept: &kept, seconds };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = if arguments.json { answer.json(&mut out) } else { answer.table(&mut out) };
    match printed.and_then(|()| out.flush()) {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(miette!("cannot write the answer: {error}")))
        }
        _ => Ok(()),
    }
}

fn read(arguments: &Arguments) -> Result<Library, Failure> {
    let mut text = Vec::new();
    let name = arguments.library.display();
    let result = match arguments.library.to_str() {
        Some("-") => io::stdin().lock().read_to_end(&mut text).map(|_| ()),
        _ => fs::read(&arguments.library).map(|bytes| text = bytes),
    };
    result.map_err(|error| Failure::Input(miette!("cannot read {name}: {error}")))?;
    Library::parse(&text).map_err(|error| Failure::Input(miette!("{name}: {error}")))
}

fn parse_limit(text: &str, columns: &[Column]) -> Result<Limit, Failure> {
    let names = || columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let bad = |message: String| Failure::Input(miette!("--limit {text}: {message}"));
    let (name, value) = text
        .split_once("<=")
        .ok_or_else(|| bad("expected NAME<=VALUE (quoted, or the shell takes the `<`)".to_owned()))?;
    let (name, value) = (name.trim(), value.trim());
    let column = columns
        .iter()
        .position(|column| column.name == name)
        .ok_or_else(|| bad(format!("the library has no `{name}`, it has {}", names())))?;
    let at_most: f64 = value.parse().map_err(|_| bad(format!("`{value}` is not a number")))?;
    if !at_most.is_finite() {
        return Err(bad(format!("`{value}` is not a finite number: leave the limit out for none")));
    }
    Ok(Limit { column, at_most })
}

/// Turns a failed search into a message with the names of the library, and the exit code.
fn explain(error: FrontError, library: &Library, arguments: &Arguments) -> Failure {
    let text = error.to_string();
    let report: fn(Report) -> Failure = match error {
        FrontError::LimitUnreachable { .. } | FrontError::LimitsConflict(_) => Failure::Infeasible,
        FrontError::Budget { .. } => Failure::Failed,
        _ => Failure::Input,
    };
    if let FrontError::LimitUnreachable { column, .. } = &error
        && let Some(binding) = binding_block(library, column)
    {
        return report(miette!(help = binding, "{text}"));
    }
    match error {
        FrontError::Budget { .. } => report(miette!(
            help = "allow a gap (--epsilon 0.01, or more than now), tighten or add a --limit, or raise --max-labels or --max-memory",
            "{text}"
        )),
        FrontError::LimitsConflict(_) => report(miette!("{text}")),
        _ => report(miette!("{}: {text}", arguments.library.display())),
    }
}

/// The dearest choice on the path that keeps the column smallest.
fn binding_block(library: &Library, name: &str) -> Option<String> {
    let graph = library.graph();
    let column = graph.columns().iter().position(|column| column.name == name)?;
    let path = reach(graph).ok()?.cheapest.swap_remove(column);
    let cost = |edge: usize| graph.edge(edge).costs[column];
    let dearest = path.into_iter().max_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
    let unit = &graph.columns()[column].unit;
    Some(format!(
        "raise the limit, or give a cheaper choice; on the cheapest path the dearest is {} with {} {unit}",
        library.describe(dearest),
        cost(dearest)
    ))
}

/// What is printed.
struct Answer<'a> {
    library: &'a Library,
    front: &'a Front,
    points: &'a [Vec<f64>],
    kept: &'a Representatives,
    seconds: f64,
}

impl Answer<'_> {
    fn all_shown(&self) -> bool {
        self.kept.indices.len() == self.points.len()
    }

    /// The gap of what is shown: that of the search, and that left by showing only some points.
    ///
    /// The second is a share of the width of the returned front, which can exceed that of the exact one.
    fn epsilon(&self) -> f64 {
        let Some((low, high)) = crate::pareto::bounds(self.points) else {
            return 0.0;
        };
        let share = |j: usize| {
            let gap = self.kept.gap * (high[j] - low[j]);
            if gap > 0.0 { gap / self.front.widths[j] } else { 0.0 }
        };
        self.front.epsilon + (0..low.len()).map(share).fold(0.0, f64::max)
    }

    /// The contract's document, one point a line.
    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = self.library.graph().columns();
        write!(out, "{{\"front\": [")?;
        for (n, &i) in self.kept.indices.iter().enumerate() {
            let point = self.front.point(i);
            let choices: Vec<u32> = self.library.choices(point.edges).collect();
            let separator = if n == 0 { "\n" } else { ",\n" };
            write!(out, "{separator}  {{\"costs\": {}, ", Value::from(self.points[i].clone()))?;
            let resources: serde_json::Map<String, Value> = columns
                .iter()
                .zip(point.costs)
                .filter(|(column, _)| column.role == Role::Resource)
                .map(|(column, &sum)| (column.name.clone(), sum.into()))
                .collect();
            if !resources.is_empty() {
                write!(out, "\"resources\": {}, ", Value::from(resources))?;
            }
            write!(out, "\"choices\": {}}}", Value::from(choices))?;
        }
        writeln!(
            out,
            "\n ],\n \"complete\": {}, \"epsilon\": {}, \"seconds\": {},\n \"points\": {}, \"labels\": {}, \"peak_bytes\": {}}}",
            self.front.complete && self.all_shown(),
            json!(self.epsilon()),
            json!(self.seconds),
            self.points.len(),
            self.front.labels,
            self.front.peak_bytes
        )
    }

    fn table(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = self.library.graph().columns();
        let mut rows: Vec<Vec<String>> = Vec::new();
        rows.push(columns.iter().map(heading).chain(["choices".to_owned()]).collect());
        for &i in &self.kept.indices {
            let point = self.front.point(i);
            let names: Vec<String> =
                point.edges.iter().zip(self.library.choices(point.edges)).map(|(&e, c)| self.label(e, c)).collect();
            rows.push(point.costs.iter().map(|cost| significant(*cost)).chain([names.join(" ")]).collect());
        }
        let widths: Vec<usize> =
            (0..columns.len()).map(|j| rows.iter().map(|row| row[j].chars().count()).max().unwrap_or(0)).collect();
        for row in &rows {
            for (cell, width) in row.iter().zip(&widths) {
                write!(out, "{cell:>width$}  ")?;
            }
            writeln!(out, "{}", row[columns.len()])?;
        }
        let points = self.points.len();
        let noun = if points == 1 { "point" } else { "points" };
        match self.front.complete {
            true => write!(out, "\nexact front: {points} {noun}")?,
            false => {
                write!(out, "\nfront with a certified gap of {:.3} %: {points} {noun}", 100.0 * self.front.epsilon)?
            }
        }
        write!(out, ", {} labels, {:.1} ms", self.front.labels, 1e3 * self.seconds)?;
        if !self.all_shown() {
            let gap = 100.0 * self.epsilon();
            write!(
                out,
                "\n{} of them shown, gap {gap:.2} % (--top K for more, --json for all)",
                self.kept.indices.len()
            )?;
        }
        writeln!(out)
    }

    fn label(&self, edge: u32, choice: u32) -> String {
        match self.library.name(edge as usize) {
            "" => choice.to_string(),
            name => name.to_owned(),
        }
    }
}

fn heading(column: &Column) -> String {
    match column.unit.as_str() {
        "" | "1" => column.name.clone(),
        unit => format!("{} [{unit}]", column.name),
    }
}

/// Seven significant digits, without trailing zeros.
fn significant(value: f64) -> String {
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    rounded.to_string()
}

//! `pocketnas audit strategies`: what evolution and its kin find of a front that is known exactly.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::progress::Stages;
use super::{Failure, emit, emit_json, read_config, use_jobs};
use crate::audit::{Contender, Contest, Standing, contenders};
use crate::report::{self, ReportError};
use crate::study::Plan;

/// Hold search strategies against the exact front of a config whose objectives all add up.
///
/// Each strategy runs with several seeds; what it has found is measured by its hypervolume, as a share of that of the
/// exact front. Networks are judged by the prices along their path, so that thousands take a second.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The search config
    #[arg(value_name = "CONFIG.yaml")]
    config: PathBuf,
    /// A strategy to run, all of them by default; can be repeated
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// Evaluations of each run
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    evaluations: u64,
    /// Runs of each strategy, each from a seed of its own
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Write strategies.csv, strategies.md and strategies.svg to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads [default: one for each core]. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    search: &'a str,
    architectures: String,
    exact_points: usize,
    exact_complete: bool,
    seeds: u64,
    standings: &'a [Standing],
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    use_jobs(args.jobs)?;
    let config = read_config(&args.config, None)?;
    let contenders = chosen(&args.strategies, contenders(config.strategy.as_ref()))?;
    if let Some(folder) = &args.out {
        report::prepare(folder).map_err(Failure::input)?;
    }
    let stages = Stages::new(false);
    let plan = Plan::new(config, &stages)?;
    let contest = Contest::new(&plan, &stages)?;
    let standings = contest.hold(&contenders, args.evaluations, args.seeds, &stages).map_err(Failure::input)?;
    if let Some(folder) = &args.out {
        let svg = report::comparison_svg(&contest.comparison(&standings, args.seeds)).map_err(Failure::failed)?;
        write(folder, &standings, &svg).map_err(Failure::failed)?;
    }
    if args.json {
        return emit_json(&Answer {
            search: &plan.config().name,
            architectures: plan.graph().count().to_string(),
            exact_points: contest.front().points.len(),
            exact_complete: contest.front().complete,
            seeds: args.seeds,
            standings: &standings,
        });
    }
    let kind = if contest.front().complete { "the exact front" } else { "an approximate front" };
    let (points, count) = (contest.front().points.len(), plan.graph().count());
    let mut text = format!("{}: {points} of {count} architectures are on {kind}\n\n", plan.config().name);
    text += &table(&standings);
    emit(&text)
}

fn chosen(names: &[String], all: Vec<Contender>) -> Result<Vec<Contender>, Failure> {
    if names.is_empty() {
        return Ok(all);
    }
    let known: Vec<&str> = all.iter().map(|contender| contender.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let message = format!("there is no strategy `{name}` that evaluates candidates");
        return Err(Failure::refuse(message, format!("choose among {}", known.join(", "))));
    }
    Ok(all.into_iter().filter(|contender| names.iter().any(|name| name == contender.name)).collect())
}

/// The standings at an eighth, a quarter, half and all of the evaluations, as Markdown that also reads as plain text.
fn table(standings: &[Standing]) -> String {
    let mut text = String::new();
    let Some(stations) = standings.first().map(|standing| &standing.stations) else {
        return text;
    };
    let at: Vec<usize> = [8, 4, 2, 1].iter().map(|part| (stations.len() / part).saturating_sub(1)).collect();
    let _ = write!(text, "| {:<13} |", "% of exact HV");
    for &i in &at {
        let _ = write!(text, " {:>22} |", format!("at {}", stations[i].evaluations));
    }
    let _ = writeln!(text, " {:>9} | {:>9} |", "to 90 %", "to 99 %");
    let _ = writeln!(text, "|{}|{} ---: | ---: |", "-".repeat(15), " ---: |".repeat(at.len()));
    for Standing { strategy, stations, evaluations_to_90, evaluations_to_99 } in standings {
        let _ = write!(text, "| {strategy:<13} |");
        for &i in &at {
            let [low, median, high] = [stations[i].low, stations[i].median, stations[i].high].map(|x| 100.0 * x);
            let _ = write!(text, " {:>22} |", format!("{median:.2} [{low:.2}, {high:.2}]"));
        }
        let when = |found: &Option<u64>| found.map_or("-".to_owned(), |evaluations| evaluations.to_string());
        let _ = writeln!(text, " {:>9} | {:>9} |", when(evaluations_to_90), when(evaluations_to_99));
    }
    text
}

fn write(folder: &Path, standings: &[Standing], svg: &str) -> Result<(), ReportError> {
    report::write_atomically(&folder.join("strategies.csv"), |out| csv(standings, out))?;
    report::write_atomically(&folder.join("strategies.md"), |out| out.write_all(table(standings).as_bytes()))?;
    report::write_atomically(&folder.join("strategies.svg"), |out| out.write_all(svg.as_bytes()))
}

fn csv(standings: &[Standing], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "strategy,evaluations,lowest_share,median_share,highest_share")?;
    for Standing { strategy, stations, .. } in standings {
        for s in stations {
            writeln!(out, "{strategy},{},{:.6},{:.6},{:.6}", s.evaluations, s.low, s.median, s.high)?;
        }
    }
    Ok(())
}

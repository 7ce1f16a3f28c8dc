//! `pocketnas plan`: what a search would do, without doing it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value as Json, json};

use super::progress::Stages;
use super::{Failure, emit, emit_json, read_config, use_jobs};
use crate::study::{EvolutionSummary, Forecast, Plan, Search};
use crate::units::counted;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The search config.
    #[arg(value_name = "CONFIG.yaml")]
    config: PathBuf,
    /// Threads [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    use_jobs(arguments.jobs)?;
    let began = Instant::now();
    let stages = Stages::new(false);
    let search = Search::new(read_config(&arguments.config, None)?, &stages)?;
    let evolved = search.evolved();
    let Some(plan) = search.plan() else {
        // No choice graph: what can be reached is not known, and nothing says how long a candidate takes.
        let name = search.config().space.name();
        if arguments.json {
            return emit_json(&json!({"search": search.config().name, "space": name, "strategy": evolved}));
        }
        return emit(&format!(
            "{:<14} {name}: too large for a choice graph\n{}",
            "space",
            evolved.map_or_else(String::new, described)
        ));
    };
    let forecast = plan.forecast(began.elapsed().as_secs_f64(), &stages)?;
    if arguments.json {
        let mut document = document(plan, &forecast);
        document["search"] = json!(search.config().name);
        document["strategy"] = json!(evolved);
        if evolved.is_some() {
            // What a candidate takes is not known before one was evaluated.
            document["seconds"] = Json::Null;
        }
        emit_json(&document)?;
    } else {
        let mut text = text(plan, &forecast, evolved.is_none());
        text.push_str(&evolved.map_or_else(String::new, described));
        emit(&text)?;
    }
    match forecast.obstacle {
        Some(obstacle) => Err(obstacle.into()),
        None => Ok(()),
    }
}

/// How a search by candidates would go.
fn described(evolution: &EvolutionSummary) -> String {
    let EvolutionSummary { strategy, evaluations, not_additive, starts_from, beta } = evolution;
    let mut text = format!("{:<14} {strategy}, {evaluations} evaluations, starting from {starts_from}\n", "strategy");
    for step in beta {
        let _ = writeln!(text, "{:<14} {step}", "beta");
    }
    if !not_additive.is_empty() {
        let _ = writeln!(text, "{:<14} {}: not known before candidates are evaluated", "", not_additive.join(", "));
    }
    text
}

fn document(plan: &Plan, forecast: &Forecast) -> Json {
    let (graph, prices) = (plan.graph(), plan.prices());
    let ranges = plan.quantities().into_iter().zip(&forecast.reachable).map(|(quantity, reach)| {
        json!({"name": quantity.name(), "unit": quantity.unit(), "min": reach.min, "max": reach.max})
    });
    let flags = prices.flags.iter().map(|(flag, count)| json!({"flag": flag, "fragments": count}));
    json!({
        "search": plan.config().name,
        "space": plan.config().space.name(),
        "architectures": graph.count().to_string(),
        "states": graph.states(),
        "edges": graph.edges().len(),
        "dead_edges": prices.dead(),
        "fragments": graph.variants(),
        "quantities": ranges.collect::<Vec<_>>(),
        "limits": plan.config().limits.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "coverage": flags.collect::<Vec<_>>(),
        "feasible": forecast.obstacle.is_none(),
        "obstacle": forecast.obstacle.as_ref().map(ToString::to_string),
        "front": forecast.members,
        "seconds": forecast.seconds,
    })
}

fn text(plan: &Plan, forecast: &Forecast, exact: bool) -> String {
    let (graph, prices) = (plan.graph(), plan.prices());
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<14} {value}");
    };
    line("space", format!("{}: {} architectures", plan.config().space.name(), graph.count()));
    line(
        "choice graph",
        format!("{} states, {} edges, {} different fragments", graph.states(), graph.edges().len(), graph.variants()),
    );
    if prices.dead() > 0 {
        line("left out", format!("{} edges that cut the network in two", prices.dead()));
    }
    for (quantity, reach) in plan.quantities().into_iter().zip(&forecast.reachable) {
        let unit = if quantity.unit() == "1" { String::new() } else { format!(" {}", quantity.unit()) };
        line(quantity.name(), format!("reaches {} to {}{unit}", short(reach.min), short(reach.max)));
    }
    for limit in &plan.config().limits {
        line("limit", limit.to_string());
    }
    if prices.flags.is_empty() {
        line("coverage", "every operator of every fragment is covered".to_owned());
    }
    for (flag, count) in &prices.flags {
        line("coverage", format!("{flag} (in {count} of {} fragments)", graph.variants()));
    }
    match (forecast.members, &forecast.obstacle) {
        (_, Some(_)) => line("front", "nothing is feasible".to_owned()),
        (Some(members), None) => line("front", counted(members, "member")),
        (None, None) => line("front", "large: more than a second of search; consider `epsilon: 0.01`".to_owned()),
    }
    if let Some(seconds) = forecast.seconds.filter(|_| exact) {
        line("time", format!("about {:.1} s, and the report", seconds));
    }
    text
}

/// Five digits, whole numbers in full.
pub(super) fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value}");
    }
    let digits = (4 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.digits$}")
}

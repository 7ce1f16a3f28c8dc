//! `pocketnas status`: how a search stands, told from its folder.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::HumanDuration;

use super::plan::short;
use super::progress::per_time;
use super::{Failure, emit, emit_json};
use crate::study::status::{self, State, Status};
use crate::units::counted;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folder that a search fills, or has filled.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print one JSON document in place of the table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let status = status::read(&arguments.folder)?;
    if arguments.json {
        return emit_json(&status);
    }
    emit(&text(&status))
}

fn text(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<12} {value}");
    };
    line("search", format!("{}, begun with pocketnas {}", status.search, status.version));
    line("state", state(&status.state));
    let exact = matches!(status.state, State::Finished { exact: true, .. });
    if exact {
        line("candidates", "none: the front is exact, found over the choice graph".to_owned());
        line("front", format!("{} on record", counted(status.front, "member")));
    } else {
        line("evaluations", evaluations(status));
        line("candidates", candidates(status));
        line(
            "front",
            format!("{}, changed last at {} evaluations", counted(status.front, "member"), number(status.improved)),
        );
    }
    let what = "of the box between the best and the worst value of each objective so far";
    line("hypervolume", format!("{:.4} {what}", status.hypervolume));
    for best in &status.best {
        let extreme = if best.goal.higher { "highest" } else { "lowest" };
        let value = best.value.map_or("none within the limits yet".to_owned(), |value| {
            let unit = if best.goal.unit == "1" { String::new() } else { format!(" {}", best.goal.unit) };
            format!("{}{unit}", short(value))
        });
        line(extreme, format!("{} {value}", best.goal.name));
    }
    line("log", status.log.display().to_string());
    text
}

fn state(state: &State) -> String {
    match state {
        State::Running { since, by: Some(by) } => {
            format!("running for {}: process {} on {}, `{}`", ago(*since), by.pid, by.host, by.command)
        }
        State::Running { since, by: None } => format!("running for {}", ago(*since)),
        State::Stopped { at, reason } => {
            format!("stopped {} ago: {reason}; the same command continues", ago(*at))
        }
        State::Finished { at, members, seconds, .. } => {
            let took = human(*seconds);
            format!("finished {} ago with {}, after {took}", ago(*at), counted(*members, "member"))
        }
        State::Killed { last, pid, host } => format!(
            "killed: process {pid} on {host} recorded last {} ago and is gone; the same command continues",
            ago(*last)
        ),
    }
}

fn evaluations(status: &Status) -> String {
    if status.candidates == 0 {
        return "none yet".to_owned();
    }
    let mut text = number(status.evaluated);
    if let Some(budget) = status.budget {
        let _ = write!(text, " of {budget}");
    }
    if let Some(rate) = status.per_second {
        let _ = write!(text, ", {}", per_time(rate));
    }
    if let Some(left) = status.seconds_left {
        let _ = write!(text, ", {} left", human(left));
    }
    text
}

fn candidates(status: &Status) -> String {
    let mut text = status.candidates.to_string();
    if status.candidates > 0 {
        let share = 100.0 * status.feasible as f64 / status.candidates as f64;
        let _ = write!(text, ", {share:.0} % within the limits");
    }
    for (count, what) in [
        (status.screened, "screened: a limit on something cheap ruled them out"),
        (status.failed, "failed"),
        (status.dead, "compute nothing"),
        (status.cached, "with a network evaluated before"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

/// Evaluations: whole ones without decimals.
fn number(evaluations: f64) -> String {
    if evaluations.fract() == 0.0 { format!("{evaluations:.0}") } else { format!("{evaluations:.2}") }
}

fn ago(time: f64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(time, |now| now.as_secs_f64());
    human(now - time)
}

fn human(seconds: f64) -> String {
    HumanDuration(Duration::from_secs_f64(seconds.clamp(0.0, 1e9))).to_string()
}

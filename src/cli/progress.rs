//! Progress on stderr: a bar where a person watches, one plain line per stage elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;
use crate::study::{Progress, Snapshot};

/// How often the state of a search is shown on a terminal, and elsewhere.
const BAR_EVERY: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the stages of a study.
#[derive(Debug)]
pub(super) struct Stages {
    state: Mutex<State>,
    bars: bool,
    silent: bool,
}

#[derive(Debug)]
struct State {
    bar: ProgressBar,
    name: String,
    began: Instant,
    /// When the state of a search was shown last.
    shown: Option<Instant>,
    /// When evaluations of this run, not of a former one, began.
    evaluating: Option<(Instant, f64)>,
}

impl Stages {
    /// Bars on a terminal, lines otherwise, nothing at all if `silent`.
    pub(super) fn new(silent: bool) -> Self {
        let state = State {
            bar: ProgressBar::hidden(),
            name: String::new(),
            began: Instant::now(),
            shown: None,
            evaluating: None,
        };
        Self { state: Mutex::new(state), bars: io::stderr().is_terminal() && !silent, silent }
    }

    /// So many are there besides those that were known, of a total: shown now and then with rate and time left.
    pub(super) fn counted(&self, fresh: u64, known: u64, total: u64) {
        if self.silent {
            return;
        }
        let every = if self.bars { BAR_EVERY } else { LINE_EVERY };
        self.with(|state| {
            if state.shown.unwrap_or(state.began).elapsed() < every {
                return;
            }
            if self.bars && state.shown.is_none() {
                state.bar.set_style(style("{prefix} {bar:12} {wide_msg}"));
            }
            state.shown = Some(Instant::now());
            let done = known + fresh;
            let mut text = format!("{done} of {total}");
            text += &pace(fresh as f64 / state.began.elapsed().as_secs_f64(), total.saturating_sub(done) as f64);
            if self.bars {
                state.bar.set_position(done);
                state.bar.set_message(text);
            } else {
                say(format_args!("{:<32} {text}", state.name));
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // Progress is only shown: a stage left half updated by a panic elsewhere harms nothing.
        act(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Progress for Stages {
    fn stage(&self, name: &str, total: Option<u64>) {
        self.with(|state| {
            state.name = name.to_owned();
            state.began = Instant::now();
            state.shown = None;
            if self.bars {
                let template = match total {
                    Some(_) => "{prefix:<32} {bar:30} {human_pos}/{human_len} {elapsed}",
                    None => "{prefix:<32} {spinner} {elapsed}",
                };
                state.bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
                state.bar.set_draw_target(ProgressDrawTarget::stderr());
                state.bar.set_style(style(template));
                state.bar.set_prefix(name.to_owned());
                state.bar.enable_steady_tick(Duration::from_millis(100));
            }
        });
    }

    fn step(&self, by: u64) {
        if self.bars {
            self.with(|state| state.bar.inc(by));
        }
    }

    fn snapshot(&self, make: &dyn Fn() -> Snapshot) {
        if self.silent {
            return;
        }
        let every = if self.bars { BAR_EVERY } else { LINE_EVERY };
        self.with(|state| {
            if state.shown.unwrap_or(state.began).elapsed() < every {
                return;
            }
            if self.bars && state.shown.is_none() {
                // The words matter more than the bar, and end where the terminal does.
                state.bar.set_style(style("{prefix} {bar:12} {wide_msg}"));
            }
            state.shown = Some(Instant::now());
            let snapshot = make();
            let (since, before) = *state.evaluating.get_or_insert((state.began, snapshot.recorded));
            let text = describe(&snapshot, since.elapsed().as_secs_f64(), before);
            if self.bars {
                state.bar.set_position(snapshot.evaluated.round() as u64);
                state.bar.set_message(text);
            } else {
                say(format_args!("{:<32} {text}", state.name));
            }
        });
    }

    fn done(&self, outcome: &str) {
        if self.silent {
            return;
        }
        self.with(|state| {
            state.bar.finish_and_clear();
            let seconds = state.began.elapsed().as_secs_f64();
            say(format_args!("{:<32} {outcome} ({seconds:.2} s)", state.name));
        });
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─")
}

/// The state of a search in a line, what matters most first. `seconds` is how long this run has evaluated; `before` is what a former run had recorded.
fn describe(snapshot: &Snapshot, seconds: f64, before: f64) -> String {
    let Snapshot { evaluated, budget, candidates, feasible, failed, front, hypervolume, improved, .. } = *snapshot;
    let mut text = format!("{evaluated:.0} of {budget}");
    text += &pace((evaluated - before) / seconds, (budget as f64 - evaluated).max(0.0));
    let _ = write!(text, "; front of {front}, hypervolume {hypervolume:.4} (grew last at {improved:.0})");
    if candidates > 0 {
        let _ = write!(text, "; {:.0} % within the limits", 100.0 * feasible as f64 / candidates as f64);
    }
    if failed > 0 {
        let _ = write!(text, "; {failed} failed");
    }
    text
}

/// The rate, and the time that what is left takes at it; nothing where there is no rate yet.
fn pace(rate: f64, left: f64) -> String {
    if !(rate > 0.0 && rate.is_finite()) {
        return String::new();
    }
    format!(", {}, {} left", per_time(rate), HumanDuration(Duration::from_secs_f64((left / rate).min(1e9))))
}

/// A rate in the unit that gives a number above one.
pub(super) fn per_time(rate: f64) -> String {
    match rate {
        1.0.. => format!("{rate:.1}/s"),
        0.016.. => format!("{:.1}/min", 60.0 * rate),
        _ => format!("{:.1}/h", 3600.0 * rate),
    }
}

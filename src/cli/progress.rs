//! Progress on stderr: a bar where a person watches, one plain line per stage elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::study::Progress;

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
}

impl Stages {
    /// Bars on a terminal, lines otherwise, nothing at all if `silent`.
    pub(super) fn new(silent: bool) -> Self {
        let state = State { bar: ProgressBar::hidden(), name: String::new(), began: Instant::now() };
        Self { state: Mutex::new(state), bars: io::stderr().is_terminal() && !silent, silent }
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
            if self.bars {
                let template = match total {
                    Some(_) => "{msg:<32} {bar:30} {human_pos}/{human_len} {elapsed}",
                    None => "{msg:<32} {spinner} {elapsed}",
                };
                let style = ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("━━─");
                state.bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
                state.bar.set_draw_target(ProgressDrawTarget::stderr());
                state.bar.set_style(style);
                state.bar.set_message(name.to_owned());
                state.bar.enable_steady_tick(Duration::from_millis(100));
            }
        });
    }

    fn step(&self, by: u64) {
        if self.bars {
            self.with(|state| state.bar.inc(by));
        }
    }

    fn done(&self, outcome: &str) {
        if self.silent {
            return;
        }
        self.with(|state| {
            state.bar.finish_and_clear();
            let seconds = state.began.elapsed().as_secs_f64();
            // Whoever closed stderr does not want to know.
            let _ = writeln!(io::stderr(), "{:<32} {outcome} ({seconds:.2} s)", state.name);
        });
    }
}

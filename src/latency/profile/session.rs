//! The loop: rounds of benchmarks, most uncertain first; within a round every window in random order, with the
//! reference operator in between, and again whatever drift rejected.
//!
//! Everything it knows it reads from the journal, so it goes on after any end: what counts is not measured again.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{
    Benchmark, DeviceRunner, Event, Journal, JournalError, Measured, Plan, Planned, Results, RunnerError, Runs,
};

/// How measurements are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Protocol {
    /// Goes of each benchmark, spread over its round.
    pub windows: u32,
    /// Counted runs in each.
    pub runs: u32,
    /// Runs before them.
    pub warm_up: u32,
    /// Windows between two measurements of the reference.
    pub reference_every: usize,
    /// How far the reference may lie from its median, relative to it.
    pub tolerance: f64,
    /// How often a round is gone through at most.
    pub passes: u32,
    /// Benchmarks in a round.
    pub round: usize,
    /// How long the device rests before what was rejected is repeated.
    pub cool_down: Duration,
    /// When to stop; the benchmarks that matter most are done by then.
    pub limit: Option<Duration>,
    /// Seed of the order.
    pub seed: u64,
}

/// Runs of a benchmark that the protocol asks for, over all its goes.
pub const RUNS: u32 = 50;

impl Default for Protocol {
    /// 50 runs in five windows, the reference every eight of them, 3 % of drift.
    fn default() -> Self {
        Self {
            windows: 5,
            runs: RUNS / 5,
            warm_up: 5,
            reference_every: 8,
            tolerance: 0.03,
            passes: 4,
            round: 16,
            cool_down: Duration::from_secs(20),
            limit: None,
            seed: 0,
        }
    }
}

impl Protocol {
    /// About how long the benchmarks take, by their prior and by how long one takes to start.
    pub fn estimate(&self, plan: &Plan, start_up: Duration) -> Duration {
        let runs = f64::from(self.runs + self.warm_up);
        let goes: f64 = (plan.planned.iter())
            .map(|planned| f64::from(self.windows) * (runs * planned.prior_ms / 1e3 + start_up.as_secs_f64()))
            .sum();
        let references = 1.0 + 1.0 / self.reference_every.max(1) as f64;
        Duration::try_from_secs_f64(goes * references).unwrap_or(Duration::MAX)
    }
}

/// What a person who waits wants to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress<'a> {
    /// So many windows count, of so many.
    Counted {
        /// That count.
        done: usize,
        /// Of the whole plan.
        total: usize,
        /// What was measured last.
        name: &'a str,
    },
    /// The reference is off by so much, and windows are to be repeated.
    Drifted {
        /// Distance from its median, relative to it.
        by: f64,
    },
    /// A benchmark does not run.
    Failed {
        /// Its name.
        name: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The device is gone; it is waited for.
    Lost(&'a str),
    /// It is back.
    Back,
}

/// Who watches, and may stop it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Whether to stop.
    pub stop: &'a dyn Fn() -> bool,
    /// Told of what happens.
    pub progress: &'a dyn Fn(Progress),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that is planned was measured, or found not to run.
    Done,
    /// Somebody asked to stop.
    Stopped,
    /// The time was up.
    TimeUp,
}

/// Why measuring stopped. What was measured is kept.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The device, before anything was measured.
    #[error(transparent)]
    Unready(RunnerError),
    /// The device.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The measurements do not make a table.
    #[error(transparent)]
    Fit(#[from] crate::latency::LatencyError),
}

/// How often a benchmark is tried that loses the device each time.
const LOSSES: u32 = 3;

/// How often one is tried that is refused.
const REFUSALS: u32 = 2;

/// So many benchmarks that do not run, with none that does, are no accident.
const HOPELESS: usize = 5;

/// Measures a plan.
///
/// # Errors
/// A device that does not come back or that nothing runs on, and a journal that cannot be written.
pub fn measure(
    plan: &Plan,
    name: &str,
    runner: &mut dyn DeviceRunner,
    journal: &mut Journal,
    protocol: &Protocol,
    watch: Watch,
) -> Result<Ended, ProfileError> {
    let device = runner.describe().map_err(ProfileError::Unready)?;
    journal.begin(name, &device, protocol.runs)?;
    let total = plan.planned.len() * protocol.windows as usize;
    let mut session = Session {
        plan,
        name,
        runner,
        journal,
        protocol,
        watch,
        began: Instant::now(),
        total,
        failed: HashSet::new(),
        succeeded: false,
    };
    let ended = session.rounds();
    // Nothing is left on the device, unless it is gone.
    if !matches!(ended, Err(ProfileError::Runner(RunnerError::Lost(_)))) {
        session.release(&plan.planned);
        session.runner.release(&plan.reference);
    }
    ended
}

struct Session<'a> {
    plan: &'a Plan,
    name: &'a str,
    runner: &'a mut dyn DeviceRunner,
    journal: &'a mut Journal,
    protocol: &'a Protocol,
    watch: Watch<'a>,
    began: Instant,
    total: usize,
    /// Benchmarks that did not run in this session; the next one tries again.
    failed: HashSet<String>,
    succeeded: bool,
}

impl Session<'_> {
    fn results(&self) -> Results<'_> {
        Results::of(self.journal.events(), self.protocol.tolerance)
    }

    fn release(&mut self, planned: &[Planned]) {
        planned.iter().for_each(|planned| self.runner.release(&planned.benchmark));
    }

    fn rounds(&mut self) -> Result<Ended, ProfileError> {
        for (index, round) in self.plan.planned.chunks(self.protocol.round.max(1)).enumerate() {
            if let Some(ended) = self.round(index as u64, round)? {
                return Ok(ended);
            }
            self.release(round);
        }
        Ok(Ended::Done)
    }

    /// What of a round is still to be measured: each benchmark as often as it lacks windows.
    fn pending<'p>(&self, round: &'p [Planned]) -> Vec<&'p Benchmark> {
        let results = self.results();
        let mut pending = Vec::new();
        for Planned { benchmark, .. } in round.iter().filter(|planned| !self.failed.contains(&planned.benchmark.key)) {
            let missing = (self.protocol.windows as usize).saturating_sub(results.count(&benchmark.key));
            pending.extend(std::iter::repeat_n(benchmark, missing));
        }
        pending
    }

    fn ended(&self) -> Option<Ended> {
        if (self.watch.stop)() {
            return Some(Ended::Stopped);
        }
        self.protocol.limit.is_some_and(|limit| self.began.elapsed() >= limit).then_some(Ended::TimeUp)
    }

    fn round(&mut self, index: u64, round: &[Planned]) -> Result<Option<Ended>, ProfileError> {
        for pass in 0..self.protocol.passes.max(1) {
            let mut pending = self.pending(round);
            if pending.is_empty() {
                break;
            }
            if pass > 0 {
                self.cool_down();
            }
            let stream = index.wrapping_mul(1000).wrapping_add(u64::from(pass));
            let mut rng = ChaCha8Rng::seed_from_u64(self.protocol.seed);
            rng.set_stream(stream);
            pending.shuffle(&mut rng);
            for (count, benchmark) in pending.into_iter().enumerate() {
                if let Some(ended) = self.ended() {
                    // What was measured since the last reference would not count without one behind it.
                    if !self.at_reference() {
                        self.reference()?;
                    }
                    return Ok(Some(ended));
                }
                if count % self.protocol.reference_every.max(1) == 0 && !self.at_reference() {
                    self.reference()?;
                }
                self.window(benchmark)?;
            }
            if !self.at_reference() {
                self.reference()?;
            }
        }
        Ok(None)
    }

    /// Whether nothing was measured since the reference was.
    fn at_reference(&self) -> bool {
        let last = self
            .journal
            .events()
            .iter()
            .rev()
            .find(|event| matches!(event, Event::Reference { .. } | Event::Window { .. } | Event::Session { .. }));
        matches!(last, Some(Event::Reference { .. }))
    }

    fn reference(&mut self) -> Result<(), ProfileError> {
        let plan = self.plan;
        // Three times as many runs: everything is held against it.
        let runs = Runs { warm_up: self.protocol.warm_up, counted: 3 * self.protocol.runs };
        let mut refusals = 0;
        let mut losses = 0;
        let measured = loop {
            match self.go(&plan.reference, runs) {
                Ok(measured) => break measured,
                Err(RunnerError::Lost(why)) if losses + 1 < LOSSES => {
                    losses += 1;
                    self.recover(&why)?;
                }
                Err(RunnerError::Refused(_)) if refusals + 1 < REFUSALS => refusals += 1,
                Err(RunnerError::Refused(why)) => {
                    let why = format!("the reference operator ({}) does not run: {why}", plan.reference.name());
                    return Err(RunnerError::Unusable(why).into());
                }
                Err(error) => return Err(error.into()),
            }
        };
        if let Ok(conditions) = self.runner.conditions() {
            self.journal.add(Event::Conditions { conditions })?;
        }
        let median = measured.statistics().map(|statistics| statistics.median);
        self.journal.add(Event::Reference { measured })?;
        if let (Some(median), Some(level)) = (median, self.results().reference) {
            let by = median / level - 1.0;
            if by.abs() > self.protocol.tolerance {
                (self.watch.progress)(Progress::Drifted { by });
            }
        }
        Ok(())
    }

    /// One go of a benchmark; output without a positive time is none.
    fn go(&mut self, benchmark: &Benchmark, runs: Runs) -> Result<Measured, RunnerError> {
        self.runner.prepare(benchmark)?;
        let measured = self.runner.run(benchmark, runs)?;
        match measured.statistics() {
            Some(statistics) if statistics.median > 0.0 => Ok(measured),
            _ => Err(RunnerError::Refused("its times are no positive numbers".to_owned())),
        }
    }

    fn window(&mut self, benchmark: &Benchmark) -> Result<(), ProfileError> {
        if self.failed.contains(&benchmark.key) {
            return Ok(());
        }
        let runs = Runs { warm_up: self.protocol.warm_up, counted: self.protocol.runs };
        let name = benchmark.name();
        let (mut losses, mut refusals) = (0, 0);
        let reason = loop {
            match self.go(benchmark, runs) {
                Ok(measured) => {
                    let key = benchmark.key.clone();
                    self.journal.add(Event::Window { key, name: name.clone(), measured })?;
                    self.succeeded = true;
                    let results = self.results();
                    let done = (self.plan.planned.iter())
                        .map(|planned| results.count(&planned.benchmark.key).min(self.protocol.windows as usize))
                        .sum();
                    (self.watch.progress)(Progress::Counted { done, total: self.total, name: &name });
                    return Ok(());
                }
                Err(RunnerError::Lost(why)) => {
                    losses += 1;
                    self.recover(&why)?;
                    if losses >= LOSSES {
                        break format!("the device is lost whenever it runs: {why}");
                    }
                    self.reference()?;
                }
                Err(RunnerError::Refused(why)) => {
                    refusals += 1;
                    if refusals >= REFUSALS {
                        break why;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        (self.watch.progress)(Progress::Failed { name: &name, reason: &reason });
        self.failed.insert(benchmark.key.clone());
        self.journal.add(Event::Failed { key: benchmark.key.clone(), name, reason: reason.clone() })?;
        if !self.succeeded && self.failed.len() >= HOPELESS {
            let why = format!("the first {} benchmarks all failed; the last one: {reason}", self.failed.len());
            return Err(RunnerError::Unusable(why).into());
        }
        Ok(())
    }

    /// Waits for a lost device. It may have restarted meanwhile: what follows is a session of its own.
    fn recover(&mut self, why: &str) -> Result<(), ProfileError> {
        (self.watch.progress)(Progress::Lost(why));
        self.runner.recover(self.watch.stop)?;
        let device = self.runner.describe()?;
        self.journal.begin(self.name, &device, self.protocol.runs)?;
        (self.watch.progress)(Progress::Back);
        Ok(())
    }

    fn cool_down(&self) {
        let until = Instant::now() + self.protocol.cool_down;
        while Instant::now() < until && self.ended().is_none() {
            std::thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
        }
    }
}

#[cfg(test)]
mod tests;

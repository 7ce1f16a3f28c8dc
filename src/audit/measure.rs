//! The scores of an audit: networks are built one at a time and dropped, so that memory stays the same over any number
//! of rows.
//!
//! [`Survey`] looks at every row once: its canonical hash, its [`Traits`], and its score by proxies that only count,
//! which cost nothing. Proxies that run the network then score one network of each isomorphism class, and the rows of
//! the class share the score. A class is scored as the first of its rows is written: weights are drawn by layer name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::{Cost, Detail, Journal, JournalError, Known, Traits};
use crate::graph::{CanonicalHash, Network, Shape};
use crate::latency::LatencyTable;
use crate::proxy::{Backbone, Proxy, Score, ScoreError, backbone};

/// The scores of one proxy.
#[derive(Clone, Debug)]
pub struct Column {
    /// The proxy.
    pub proxy: String,
    /// Its score of each row, oriented so that higher is better.
    pub scores: Vec<f64>,
    /// What that took.
    pub cost: Cost,
    /// What else came up on the way.
    pub details: Vec<Detail>,
    /// Networks that the proxy says nothing about: how many, the row of the first, and why.
    pub unfit: Option<(usize, usize, String)>,
}

/// All rows, scored.
#[derive(Clone, Debug)]
pub struct Measured {
    /// One for each proxy, in the order given.
    pub columns: Vec<Column>,
    /// For each row, the number of its isomorphism class.
    pub classes: Vec<usize>,
    /// For each class, the first of its rows, whose network was scored.
    pub first: Vec<usize>,
    /// For each row, what the live part is like.
    pub traits: Vec<Traits>,
    /// Number of distinct live networks among the rows. Isomorphic networks have equal scores.
    pub distinct: usize,
    /// Rows whose output does not depend on the input.
    pub dead: usize,
}

/// Why a row has no scores.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError<E> {
    /// Its network cannot be built.
    #[error("row {row}: {source}")]
    Build {
        /// The row, from 0.
        row: usize,
        /// Why.
        source: E,
    },
    /// A proxy cannot score its network, or its scores do not compare with those of the first row.
    #[error("row {row}: {source}")]
    Score {
        /// The row, from 0.
        row: usize,
        /// Why.
        source: ScoreError,
    },
    /// The scores cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Somebody asked to stop.
    #[error("stopped with {scored} of {of} distinct networks scored")]
    Stopped {
        /// Networks that every proxy has scored.
        scored: usize,
        /// All that there are.
        of: usize,
    },
}

impl<E> MeasureError<E> {
    /// The row that the error is about, from 0, if it is about one.
    pub fn row(&self) -> Option<usize> {
        match self {
            Self::Build { row, .. } | Self::Score { row, .. } => Some(*row),
            Self::Journal(_) | Self::Stopped { .. } => None,
        }
    }
}

/// Builds and scores `rows` networks. `build` makes the network of a row; `scored` is called after each row.
///
/// # Errors
/// The first error by row: a network that cannot be built, that a proxy cannot score, or whose input is
/// not of the size of the first network's.
pub fn measure<E: std::error::Error + Send + 'static>(
    rows: usize,
    build: impl Fn(usize) -> Result<Network, E> + Sync,
    proxies: &[Box<dyn Proxy>],
    scored: impl Fn() + Sync,
) -> Result<Measured, MeasureError<E>> {
    let survey = Survey::take(rows, &build, proxies, None, scored)?;
    survey.run(&build, proxies, &Run::default())
}

/// Does `work` on every one of the items, so many at a time, and gives the results in their order.
fn in_order<T: Sync, R: Send>(items: &[T], at_once: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    let share = || {
        while let Some((at, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
        {
            let result = work(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| {
        (1..at_once).for_each(|_| drop(scope.spawn(share)));
        share();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// How networks are run.
pub struct Run<'a> {
    /// Where scores are kept and looked up, and the key of each proxy in it.
    pub journal: Option<(&'a Journal, &'a [String])>,
    /// What a row is called in the journal.
    pub name: &'a (dyn Fn(usize) -> String + Sync),
    /// Whether to stop after the networks that run now.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Called after each distinct network that was not known.
    pub scored: &'a (dyn Fn() + Sync),
    /// Networks that are measured at the same time. Each holds the memory of a whole network, so they are few, and the
    /// threads work on one network together ([`Native::with_threads`](crate::engine::native::Native::with_threads)).
    pub at_once: usize,
    /// Floating-point operations a second that a network can have at best, see [`Native::peak`](crate::engine::native::Native::peak);
    /// 0 where nobody asks for the share that was reached.
    pub peak: f64,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self { journal: None, name: &|row| row.to_string(), stop: &|| false, scored: &|| (), at_once: 1, peak: 0.0 }
    }
}

/// What is known of every row before any network runs.
pub struct Survey {
    rows: Vec<Row>,
    classes: Vec<usize>,
    /// The first row of each class.
    first: Vec<usize>,
}

struct Row {
    /// By proxy; nothing for those that run the network.
    scores: Vec<Option<(f64, Duration)>>,
    hash: CanonicalHash,
    inputs: Vec<Shape>,
    live: bool,
    traits: Traits,
    /// Of a live network, where some proxy does not compare networks of different ones.
    backbone: Option<Backbone>,
}

impl Survey {
    /// Builds every network once, counts it, and scores it by the proxies that do not run it.
    ///
    /// # Errors
    /// As [`measure`].
    pub fn take<E: std::error::Error + Send + 'static>(
        rows: usize,
        build: &(impl Fn(usize) -> Result<Network, E> + Sync),
        proxies: &[Box<dyn Proxy>],
        table: Option<&LatencyTable>,
        surveyed: impl Fn() + Sync,
    ) -> Result<Self, MeasureError<E>> {
        let compares = proxies.iter().all(|proxy| proxy.compares_backbones());
        let look = |row: usize| -> Result<Row, MeasureError<E>> {
            let start = Instant::now();
            let network = build(row).map_err(|source| MeasureError::Build { row, source })?;
            let building = start.elapsed();
            let mut scores = Vec::with_capacity(proxies.len());
            for proxy in proxies {
                let start = Instant::now();
                let score = proxy.structural().map(|proxy| proxy.score(&network)).transpose();
                let score = score.map_err(|source| MeasureError::Score { row, source })?;
                scores.push(score.map(|score| (score.value, building + start.elapsed())));
            }
            let live = network.live();
            let traits = Traits::of(&network, &live, table);
            surveyed();
            let (hash, inputs) = (network.canonical_hash(), network.input_shapes());
            let live = live.count() > 0;
            let backbone = (live && !compares).then(|| backbone(&network));
            Ok(Row { scores, hash, inputs, live, traits, backbone })
        };
        let looked: Vec<Result<Row, MeasureError<E>>> = (0..rows).into_par_iter().map(look).collect();
        let rows = looked.into_iter().collect::<Result<Vec<Row>, _>>()?;
        let list = |row: &Row| row.inputs.iter().map(Shape::to_string).collect::<Vec<_>>().join(", ");
        if let Some(row) = rows.iter().position(|row| row.inputs != rows[0].inputs) {
            let source = ScoreError::InputSizes { first: list(&rows[0]), second: list(&rows[row]) };
            return Err(MeasureError::Score { row, source });
        }
        let mut numbers: HashMap<CanonicalHash, usize> = HashMap::new();
        let (mut classes, mut first) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, looked) in rows.iter().enumerate() {
            classes.push(*numbers.entry(looked.hash).or_insert_with(|| {
                first.push(row);
                first.len() - 1
            }));
        }
        Ok(Self { rows, classes, first })
    }

    /// Number of distinct live networks; those that are dead count as one.
    pub fn distinct(&self) -> usize {
        self.first.len()
    }

    /// The first two rows whose backbones differ, and these; some proxies do not rank across backbones.
    pub fn mixed(&self) -> Option<[(usize, &Backbone); 2]> {
        let mut backbones =
            self.rows.iter().enumerate().filter_map(|(row, looked)| Some((row, looked.backbone.as_ref()?)));
        let first = backbones.next()?;
        backbones.find(|(_, other)| *other != first.1).map(|other| [first, other])
    }

    /// How many of them the journal knows all scores of.
    pub fn known(&self, proxies: &[Box<dyn Proxy>], journal: &Journal, keys: &[String]) -> usize {
        let running = running(proxies);
        self.first.iter().filter(|&&row| self.known_of(row, &running, Some((journal, keys))).is_some()).count()
    }

    fn known_of(&self, row: usize, running: &[usize], journal: Option<(&Journal, &[String])>) -> Option<Vec<Known>> {
        let (journal, keys) = journal?;
        let Row { hash, inputs, .. } = &self.rows[row];
        running.iter().map(|&proxy| journal.get(&keys[proxy], *hash, inputs)).collect()
    }

    /// Scores one network of each class by the proxies that run it, and gives all scores. One network runs on each
    /// thread, by all its proxies, then it is dropped.
    ///
    /// # Errors
    /// A network that cannot be scored, a journal that cannot be written, or [`MeasureError::Stopped`].
    pub fn run<E: std::error::Error + Send + 'static>(
        self,
        build: &(impl Fn(usize) -> Result<Network, E> + Sync),
        proxies: &[Box<dyn Proxy>],
        run: &Run<'_>,
    ) -> Result<Measured, MeasureError<E>> {
        let running = running(proxies);
        let (done, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let score = |&row: &usize| -> Option<Result<Vec<Known>, MeasureError<E>>> {
            // A network costs seconds: after a failure nobody waits for the rest.
            if failed.load(Ordering::Relaxed) || (run.stop)() {
                return None;
            }
            if let Some(known) = self.known_of(row, &running, run.journal) {
                done.fetch_add(1, Ordering::Relaxed);
                return Some(Ok(known));
            }
            let scores = self.score(row, build, proxies, &running, run);
            failed.fetch_or(scores.is_err(), Ordering::Relaxed);
            done.fetch_add(1, Ordering::Relaxed);
            (run.scored)();
            Some(scores)
        };
        let mut scored = Vec::with_capacity(self.first.len());
        if !running.is_empty() {
            let outcomes = in_order(&self.first, run.at_once, score);
            let whole = outcomes.iter().all(Option::is_some);
            for outcome in outcomes.into_iter().flatten() {
                scored.push(outcome?);
            }
            if !whole {
                return Err(MeasureError::Stopped { scored: done.into_inner(), of: self.first.len() });
            }
        }
        let columns = (proxies.iter().enumerate()).map(|(index, proxy)| {
            let of_class = running.iter().position(|&other| other == index);
            self.column(
                proxy.as_ref(),
                index,
                of_class.map(|at| scored.iter().map(|known| known[at].clone()).collect()),
            )
        });
        Ok(Measured {
            columns: columns.collect(),
            traits: self.rows.iter().map(|row| row.traits).collect(),
            distinct: self.first.len(),
            dead: self.rows.iter().filter(|row| !row.live).count(),
            classes: self.classes,
            first: self.first,
        })
    }

    /// The scores of a row by the proxies that run, from the journal where it has them.
    fn score<E: std::error::Error + Send + 'static>(
        &self,
        row: usize,
        build: &(impl Fn(usize) -> Result<Network, E> + Sync),
        proxies: &[Box<dyn Proxy>],
        running: &[usize],
        run: &Run<'_>,
    ) -> Result<Vec<Known>, MeasureError<E>> {
        let Row { hash, inputs, .. } = &self.rows[row];
        let mut built: Option<(Network, Duration)> = None;
        let mut scores = Vec::with_capacity(running.len());
        for &proxy in running {
            let known = run.journal.and_then(|(journal, keys)| journal.get(&keys[proxy], *hash, inputs));
            if let Some(known) = known {
                scores.push(known);
                continue;
            }
            let start = Instant::now();
            let (network, building) = match built.take() {
                Some(built) => built,
                None => {
                    let network = build(row).map_err(|source| MeasureError::Build { row, source })?;
                    (network, start.elapsed())
                }
            };
            let start = Instant::now();
            let score = proxies[proxy].score(&network);
            let seconds = (building + start.elapsed()).as_secs_f64();
            let known = match score {
                Ok(Score { value, details, bytes, operations, .. }) => {
                    let details = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                    Known { value, reason: None, details, seconds, bytes, operations, peak: run.peak }
                }
                // One network that a proxy says nothing about must not end an audit of thousands.
                Err(error @ ScoreError::Unfit { .. }) => {
                    Known { reason: Some(error.to_string()), ..Known::counted(f64::NAN, seconds) }
                }
                Err(source) => return Err(MeasureError::Score { row, source }),
            };
            if let Some((journal, keys)) = run.journal {
                journal.add(proxies[proxy].name(), &keys[proxy], *hash, inputs, &(run.name)(row), &known)?;
            }
            scores.push(known);
            built = Some((network, building));
        }
        Ok(scores)
    }

    /// The column of a proxy, from the scores of the classes where it ran them.
    fn column(&self, proxy: &dyn Proxy, index: usize, of_class: Option<Vec<Known>>) -> Column {
        let counted = || {
            let known = |&(value, time): &(f64, Duration)| Known::counted(value, time.as_secs_f64());
            self.rows.iter().filter_map(|row| row.scores[index].as_ref().map(known)).collect::<Vec<Known>>()
        };
        let ran = of_class.is_some();
        let scored = of_class.unwrap_or_else(counted);
        let value = |row: usize| if ran { scored[self.classes[row]].value } else { scored[row].value };
        let mut unfit = scored.iter().enumerate().filter_map(|(at, known)| Some((at, known.reason.clone()?)));
        let unfit = unfit.next().map(|(at, reason)| (1 + unfit.count(), if ran { self.first[at] } else { at }, reason));
        Column {
            proxy: proxy.name().to_owned(),
            scores: (0..self.rows.len()).map(|row| proxy.direction().orient(value(row))).collect(),
            cost: Cost::of(&scored),
            details: Detail::all(&scored),
            unfit,
        }
    }
}

/// The proxies that run the network.
fn running(proxies: &[Box<dyn Proxy>]) -> Vec<usize> {
    (0..proxies.len()).filter(|&index| proxies[index].structural().is_none()).collect()
}

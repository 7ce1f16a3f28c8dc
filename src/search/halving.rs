//! Successive halving: many candidates are evaluated a little, the best of them further, the best of those in full.
//! Jamieson & Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization*, 2016, here a schedule
//! of fidelities for the candidates of any strategy, and for any number of objectives.

use std::collections::{BTreeMap, HashMap, VecDeque};

use thiserror::Error;

use super::selection::{Member, Violations, survivors};
use super::strategy::{Candidate, Outcome, Strategy};

/// The schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct HalvingOptions {
    /// How thoroughly candidates are evaluated at each rung: ascending, above 0, the last one 1.
    pub fidelities: Vec<f64>,
    /// One in so many goes on to the next rung, at least one of each bracket; above 1. Li et al. (Hyperband, 2018) take 3.
    pub eta: f64,
    /// How many candidates start together; at least 1. Fewer where the strategy has fewer at the time.
    pub bracket: usize,
}

impl Default for HalvingOptions {
    /// Three rungs of a third each, so that of 27 candidates 9 and then 3 go on.
    fn default() -> Self {
        Self { fidelities: vec![1.0 / 9.0, 1.0 / 3.0, 1.0], eta: 3.0, bracket: 27 }
    }
}

/// What is wrong with a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HalvingOptionsError {
    /// They do not rise to 1.
    #[error("the fidelities of successive halving must rise from above 0 and end in 1, for example [0.1, 0.3, 1]")]
    Fidelities,
    /// Nobody would be left out.
    #[error("`eta` of successive halving is the number of candidates of which one goes on: above 1, for example 3")]
    Eta,
    /// Nobody would start.
    #[error("a bracket of successive halving needs at least one candidate, for example 27")]
    Bracket,
}

/// A strategy whose candidates climb from rung to rung.
///
/// Of each bracket the best go on: by constraint domination, rank and room. A candidate that goes on is asked for again
/// under a new id. The strategy inside is told the outcome at fidelity 1 of those that arrive there,
/// [`Pruned`](Outcome::Pruned) of those left behind within the limits, and whatever else stopped the others. It hears
/// of them in the order in which it asked. Where outcomes are awaited, further brackets are started.
#[derive(Debug)]
pub struct Halving<G, S> {
    inner: S,
    options: HalvingOptions,
    brackets: Vec<Bracket<G>>,
    /// The bracket and the rival behind each id in flight.
    in_flight: HashMap<u64, (u64, Rival<G>)>,
    next_id: u64,
    next_bracket: u64,
    /// Final outcomes by the id inside, until all before them are known too.
    settled: BTreeMap<u64, Outcome>,
    told: u64,
    seen: Violations,
}

/// A candidate of the strategy inside.
#[derive(Debug)]
struct Rival<G> {
    id: u64,
    genotype: G,
}

/// Candidates that climb together.
#[derive(Debug)]
struct Bracket<G> {
    number: u64,
    rung: usize,
    /// How many there are on this rung.
    size: usize,
    /// Not yet asked for at this rung.
    waiting: VecDeque<Rival<G>>,
    /// Told at this rung, by the ids inside.
    judged: Vec<Member<G>>,
    /// How many of this rung have been told.
    told: usize,
}

impl<G: Clone, S: Strategy<G>> Halving<G, S> {
    /// A schedule around `inner`.
    ///
    /// # Errors
    /// [`HalvingOptionsError`] says what is wrong with the options.
    pub fn new(inner: S, options: HalvingOptions) -> Result<Self, HalvingOptionsError> {
        let HalvingOptions { fidelities, eta, bracket } = &options;
        let rises = fidelities.windows(2).all(|pair| pair[0] < pair[1]);
        if !rises || fidelities.first().is_none_or(|&first| first <= 0.0) || fidelities.last() != Some(&1.0) {
            return Err(HalvingOptionsError::Fidelities);
        }
        if !(eta.is_finite() && *eta > 1.0) {
            return Err(HalvingOptionsError::Eta);
        }
        if *bracket == 0 {
            return Err(HalvingOptionsError::Bracket);
        }
        Ok(Self {
            inner,
            options,
            brackets: Vec::new(),
            in_flight: HashMap::new(),
            next_id: 0,
            next_bracket: 0,
            settled: BTreeMap::new(),
            told: 0,
            seen: Violations::default(),
        })
    }

    /// The strategy inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The next candidate of the oldest bracket that has one.
    fn next(&mut self) -> Option<Candidate<G>> {
        let bracket = self.brackets.iter_mut().find(|bracket| !bracket.waiting.is_empty())?;
        let rival = bracket.waiting.pop_front()?;
        let id = self.next_id;
        self.next_id += 1;
        let candidate =
            Candidate { id, genotype: rival.genotype.clone(), fidelity: self.options.fidelities[bracket.rung] };
        self.in_flight.insert(id, (bracket.number, rival));
        Some(candidate)
    }

    /// Whether the strategy inside had anything for another bracket.
    fn open(&mut self) -> bool {
        let waiting: VecDeque<Rival<G>> = (self.inner.ask(self.options.bracket).into_iter())
            .map(|Candidate { id, genotype, .. }| Rival { id, genotype })
            .collect();
        if waiting.is_empty() {
            return false;
        }
        let (number, size) = (self.next_bracket, waiting.len());
        self.next_bracket += 1;
        self.brackets.push(Bracket { number, rung: 0, size, waiting, judged: Vec::new(), told: 0 });
        true
    }

    /// Sends the best of a bracket whose rung is done to the next one.
    fn promote(&mut self, at: usize) {
        let bracket = &mut self.brackets[at];
        let judged = std::mem::take(&mut bracket.judged);
        let share = (bracket.size as f64 / self.options.eta).floor() as usize;
        let mut goes_on = vec![false; judged.len()];
        survivors(&judged, &self.seen, share.max(1)).into_iter().for_each(|best| goes_on[best] = true);
        let fidelity = self.options.fidelities[bracket.rung];
        for (Member { id, genotype, outcome }, goes_on) in judged.into_iter().zip(goes_on) {
            match outcome {
                _ if goes_on => bracket.waiting.push_back(Rival { id, genotype }),
                Outcome::Complete { .. } => {
                    self.settled.insert(id, Outcome::Pruned { fidelity });
                }
                stopped => {
                    self.settled.insert(id, stopped);
                }
            }
        }
        bracket.rung += 1;
        bracket.size = bracket.waiting.len();
        bracket.told = 0;
        if bracket.size == 0 {
            self.brackets.remove(at);
        }
    }
}

impl<G: Clone + std::fmt::Debug, S: Strategy<G>> Strategy<G> for Halving<G, S> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<G>> {
        let mut candidates = Vec::new();
        while candidates.len() < n {
            match self.next() {
                Some(candidate) => candidates.push(candidate),
                None if self.open() => {}
                None => break,
            }
        }
        candidates
    }

    fn tell(&mut self, id: u64, outcome: Outcome) {
        let Some((number, Rival { id, genotype })) = self.in_flight.remove(&id) else {
            return;
        };
        self.seen.see(&outcome);
        let Some(at) = self.brackets.iter().position(|bracket| bracket.number == number) else {
            return;
        };
        let bracket = &mut self.brackets[at];
        bracket.told += 1;
        let last = bracket.rung + 1 == self.options.fidelities.len();
        // At the last rung everything is final; what failed, or was given up by whoever evaluates, is so at any.
        if last || matches!(outcome, Outcome::Failed { .. } | Outcome::Pruned { .. }) {
            self.settled.insert(id, outcome);
        } else {
            bracket.judged.push(Member { id, genotype, outcome });
        }
        if bracket.told == bracket.size {
            if last {
                self.brackets.remove(at);
            } else {
                self.promote(at);
            }
        }
        while let Some(outcome) = self.settled.remove(&self.told) {
            self.inner.tell(self.told, outcome);
            self.told += 1;
        }
    }

    fn exhausted(&self) -> bool {
        let last = self.options.fidelities.len() - 1;
        let done = |bracket: &Bracket<G>| bracket.rung == last && bracket.waiting.is_empty();
        self.inner.exhausted() && self.brackets.iter().all(done)
    }
}

#[cfg(test)]
mod tests;

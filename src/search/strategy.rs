//! Ask and tell: what every strategy is, whoever evaluates its candidates and wherever.

use std::fmt::Debug;

/// Something a strategy wants to know the worth of.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<G> {
    /// Counted from 0 in the order in which a strategy asks.
    pub id: u64,
    /// The thing itself.
    pub genotype: G,
    /// How thoroughly it is to be evaluated, above 0 and at most 1, which is in full.
    pub fidelity: f64,
}

/// What became of a candidate. Numbers in it are finite: whoever has another reports a failure.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Evaluated, and within every limit.
    Complete {
        /// One value for each objective, all to be minimised.
        objectives: Vec<f64>,
    },
    /// Outside of some limit.
    Infeasible {
        /// By how much each limit is broken, in its own unit; 0 where it is kept. At least one is above 0.
        violations: Vec<f64>,
    },
    /// It could not be evaluated, and would not be if it were tried again.
    Failed {
        /// Why.
        reason: String,
    },
    /// Given up before it was evaluated in full; told by schedules of fidelities to the strategy they wrap.
    Pruned {
        /// How far it came.
        fidelity: f64,
    },
}

/// A search algorithm.
///
/// The same seed and the same order of calls give the same candidates, so that telling the outcomes of an interrupted
/// run again brings a strategy back to where it was. Outcomes are told in the order in which candidates were asked for.
pub trait Strategy<G>: Debug {
    /// Up to `n` candidates more. Fewer, or none, where the strategy waits for outcomes, or has nothing left to ask.
    fn ask(&mut self, n: usize) -> Vec<Candidate<G>>;

    /// What became of a candidate.
    fn tell(&mut self, id: u64, outcome: Outcome);

    /// Whether nothing more will come even when every outcome has been told: the space is used up.
    fn exhausted(&self) -> bool;
}

impl<G, S: Strategy<G> + ?Sized> Strategy<G> for Box<S> {
    fn ask(&mut self, n: usize) -> Vec<Candidate<G>> {
        (**self).ask(n)
    }

    fn tell(&mut self, id: u64, outcome: Outcome) {
        (**self).tell(id, outcome);
    }

    fn exhausted(&self) -> bool {
        (**self).exhausted()
    }
}

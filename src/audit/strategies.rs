//! How much of the exact front a strategy finds, by evaluations: hypervolume relative to that of the exact front, several
//! seeds each. Only where every objective adds up is there an exact front to hold against.

use rayon::prelude::*;
use serde::Serialize;

use crate::config::{StrategyConfig, StrategyKind};
use crate::pareto;
use crate::report::{Comparison, Line, Station, readable_count};
use crate::search::{HalvingOptionsError, Outcome};
use crate::study::{ExactFront, Plan, Progress, StudyError, strategy};

/// How many times on the way the hypervolume is taken.
const STATIONS: u64 = 80;

/// How far beyond the nadir of the exact front hypervolumes begin, as a share of its range; so its ends count too.
const MARGIN: f64 = 0.1;

/// A strategy with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Contender {
    /// As it is called on the command line.
    pub name: &'static str,
    /// Its settings.
    pub config: StrategyConfig,
}

/// Every strategy that asks, with the settings of `base` where they mean something to it.
pub fn contenders(base: Option<&StrategyConfig>) -> Vec<Contender> {
    let mut all = Vec::new();
    for kind in StrategyKind::ALL.into_iter().filter(|&kind| kind != StrategyKind::Exact) {
        let base = base.cloned().unwrap_or_else(|| StrategyConfig::new(kind));
        // Every evaluation is in full here, so a schedule of fidelities would change nothing but the order.
        let config = StrategyConfig { kind, steady_state: false, fidelities: vec![1.0], ..base };
        all.push(Contender { name: kind.name(), config: config.clone() });
        if kind == StrategyKind::Nsga2 {
            let config = StrategyConfig { steady_state: true, ..config };
            all.push(Contender { name: "nsga2-steady", config });
        }
    }
    all
}

/// Strategies against the exact front of one plan.
#[derive(Debug)]
pub struct Contest<'a> {
    plan: &'a Plan,
    front: ExactFront,
    low: Vec<f64>,
    range: Vec<f64>,
    /// Hypervolume of the exact front, scaled to its range.
    whole: f64,
}

/// How one strategy fared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The strategy.
    pub strategy: String,
    /// At each station its evaluations, and the share of the exact hypervolume.
    pub stations: Vec<Station>,
    /// Evaluations until the median reaches 90 % of the exact hypervolume, as far as stations tell; `None` if never.
    pub evaluations_to_90: Option<u64>,
    /// The same for 99 %.
    pub evaluations_to_99: Option<u64>,
}

impl<'a> Contest<'a> {
    /// Finds the exact front of `plan`.
    ///
    /// # Errors
    /// [`StudyError`]: nothing feasible, or a front too large.
    pub fn new(plan: &'a Plan, progress: &dyn Progress) -> Result<Self, StudyError> {
        let front = plan.exact(progress)?;
        let (low, high) = pareto::bounds(&front.points).unwrap_or_default();
        let range = low.iter().zip(&high).map(|(low, high)| if high > low { high - low } else { 1.0 }).collect();
        let mut contest = Self { plan, front, low, range, whole: 1.0 };
        contest.whole = contest.hypervolume(&contest.front.points);
        Ok(contest)
    }

    /// The exact front.
    pub fn front(&self) -> &ExactFront {
        &self.front
    }

    /// Lets each strategy run `runs` times, from the seed of the config and those after it.
    ///
    /// # Errors
    /// Settings that make no strategy.
    pub fn hold(
        &self,
        contenders: &[Contender],
        evaluations: u64,
        runs: u64,
        progress: &dyn Progress,
    ) -> Result<Vec<Standing>, HalvingOptionsError> {
        progress.stage("Running strategies", Some(contenders.len() as u64 * runs));
        let pairs: Vec<(usize, u64)> = (0..contenders.len()).flat_map(|i| (0..runs).map(move |run| (i, run))).collect();
        let shares: Vec<Vec<f64>> = pairs
            .par_iter()
            .map(|&(i, run)| {
                let seed = self.plan.config().seed.wrapping_add(run);
                let shares = self.run(&contenders[i].config, evaluations, seed);
                progress.step(1);
                shares
            })
            .collect::<Result<_, _>>()?;
        progress.done(&format!("{} strategies, {runs} seeds each, {evaluations} evaluations", contenders.len()));
        let stations = stations(evaluations);
        Ok(contenders
            .iter()
            .zip(shares.chunks(runs.max(1) as usize))
            .map(|(contender, runs)| standing(contender.name, &stations, runs))
            .collect())
    }

    /// The share of the exact hypervolume at each station of one run.
    fn run(&self, config: &StrategyConfig, evaluations: u64, seed: u64) -> Result<Vec<f64>, HalvingOptionsError> {
        let Some(mut search) = strategy(self.plan.graph(), config, Vec::new(), seed)? else {
            return Ok(Vec::new());
        };
        let mut shares = Vec::new();
        let mut front: Vec<Vec<f64>> = Vec::new();
        let mut flight = std::collections::VecDeque::new();
        let mut told = 0;
        for station in stations(evaluations) {
            while told < station {
                // As in a study: so many in flight, told in the order asked, and none beyond the last evaluation.
                let open = (evaluations - told).min(config.window.max(1) as u64) as usize;
                flight.extend(search.ask(open.saturating_sub(flight.len())));
                let Some(candidate) = flight.pop_front() else { break };
                let outcome = self.plan.outcome(&candidate.genotype);
                if let Outcome::Complete { objectives } = &outcome {
                    front.push(objectives.clone());
                }
                search.tell(candidate.id, outcome);
                told += 1;
            }
            front = pareto::non_dominated(&front).into_iter().map(|i| std::mem::take(&mut front[i])).collect();
            shares.push(self.hypervolume(&front) / self.whole);
        }
        Ok(shares)
    }

    fn hypervolume(&self, points: &[Vec<f64>]) -> f64 {
        let scaled = |point: &Vec<f64>| -> Vec<f64> {
            point.iter().zip(&self.low).zip(&self.range).map(|((x, low), range)| (x - low) / range).collect()
        };
        let scaled: Vec<Vec<f64>> = points.iter().map(scaled).collect();
        pareto::hypervolume(&scaled, &vec![1.0 + MARGIN; self.low.len()])
    }

    /// The standings as a picture.
    pub fn comparison(&self, standings: &[Standing], runs: u64) -> Comparison {
        let config = self.plan.config();
        let objectives: Vec<&str> = config.objectives.iter().map(|objective| objective.name()).collect();
        Comparison {
            title: format!("{}: what strategies find of the exact front", config.name),
            subtitle: format!(
                "{} of {} architectures are on the front between {}. Hypervolume as a share of the exact one; line: \
                 median of {runs} seeds, band: lowest to highest.",
                self.front.points.len(),
                readable_count(&self.plan.graph().count().to_string()),
                objectives.join(" and "),
            ),
            lines: standings
                .iter()
                .map(|standing| Line { name: standing.strategy.clone(), stations: standing.stations.clone() })
                .collect(),
        }
    }
}

/// Evaluations at which the hypervolume is taken: evenly, the last at the end.
fn stations(evaluations: u64) -> Vec<u64> {
    let count = evaluations.min(STATIONS);
    (1..=count).map(|i| i * evaluations / count).collect()
}

fn standing(name: &str, evaluations: &[u64], runs: &[Vec<f64>]) -> Standing {
    let stations: Vec<Station> = evaluations
        .iter()
        .enumerate()
        .map(|(at, &evaluations)| {
            let mut shares: Vec<f64> = runs.iter().map(|run| run[at]).collect();
            shares.sort_by(f64::total_cmp);
            let middle = shares.len() / 2;
            let median =
                if shares.len() % 2 == 1 { shares[middle] } else { (shares[middle - 1] + shares[middle]) / 2.0 };
            Station { evaluations, low: shares[0], median, high: shares[shares.len() - 1] }
        })
        .collect();
    let reaches = |share: f64| stations.iter().find(|s| s.median >= share).map(|s| s.evaluations);
    Standing { strategy: name.to_owned(), evaluations_to_90: reaches(0.9), evaluations_to_99: reaches(0.99), stations }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stations_end_at_the_last_evaluation() {
        assert_eq!(stations(3), [1, 2, 3]);
        assert_eq!(stations(2000)[..2], [25, 50]);
        for evaluations in [1, 79, 80, 81, 12_345] {
            let found = stations(evaluations);
            assert_eq!(found.last(), Some(&evaluations));
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{evaluations}: {found:?}");
        }
    }

    #[test]
    fn a_standing_is_the_middle_of_its_runs_and_their_ends() {
        let runs = [vec![0.5, 0.95], vec![0.1, 0.99], vec![0.3, 1.0]];
        let found = standing("x", &[10, 20], &runs);
        assert_eq!(found.stations[0], Station { evaluations: 10, low: 0.1, median: 0.3, high: 0.5 });
        assert_eq!((found.evaluations_to_90, found.evaluations_to_99), (Some(20), Some(20)));
        let even = standing("x", &[10, 20], &runs[..2]);
        assert_eq!(even.stations[1].median, 0.97);
        assert_eq!((even.evaluations_to_90, even.evaluations_to_99), (Some(20), None));
    }

    #[test]
    fn every_strategy_that_asks_is_a_contender_once() {
        let names: Vec<&str> = contenders(None).iter().map(|contender| contender.name).collect();
        assert_eq!(names, ["nsga2", "nsga2-steady", "nsga3", "aging", "local", "random"]);
    }
}

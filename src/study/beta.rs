//! `beta: auto`: how strongly ZiCo-BC corrects for depth, found as Bhardwaj et al. (ICCV Workshops 2023, section 3)
//! describe it, made mechanical: raised step by step until the best networks are no longer the deepest ones.
//!
//! At each step the front between the other objectives and what stands in for the score is found exactly, within the
//! limits; where no choice graph holds the space, it is that of a random sample. The steps end once fewer than half of
//! its members have the greatest depth, in live convolutions, that the space has.

use std::fmt;
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::ties::without_ties;
use super::{Plan, Progress, StudyError, present};
use crate::config::{Relation, SearchConfig};
use crate::graph::Network;
use crate::objective::{Count, CountKind, Objective, Zeroshot};
use crate::proxy::{Conditions, Definition};
use crate::search::Domain;
use crate::space::{ChoiceGraph, CompileError};

/// How much beta is raised at a time.
const STEP: f64 = 0.5;
/// Beyond it beta is not raised.
const MOST: f64 = 5.0;
/// Beta is large enough once a smaller share of the front than this has the greatest depth.
const DEEPEST: f64 = 0.5;
/// Architectures drawn where no choice graph holds the space.
const SAMPLE: usize = 1000;
/// What the depth is called among the quantities; no config can use that name.
const DEPTH: &str = "live convolutions";

/// What one value of beta makes of the front.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BetaStep {
    /// The value.
    pub beta: f64,
    /// Members of the front.
    pub front: usize,
    /// Those of them that are as deep as any architecture.
    pub deepest: usize,
    /// That depth, in live convolutions.
    pub depth: u64,
    /// How many random architectures the front is of; nothing where it is exact.
    pub sample: Option<usize>,
}

impl BetaStep {
    fn is_enough(&self) -> bool {
        (self.deepest as f64) < DEEPEST * self.front as f64
    }
}

impl fmt::Display for BetaStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { beta, front, deepest, depth, sample } = self;
        write!(f, "at {beta}, {deepest} of {front} members of the ")?;
        match sample {
            None => write!(f, "exact front")?,
            Some(sample) => write!(f, "front of {sample} random architectures")?,
        }
        write!(f, " have the greatest depth, {depth} convolutions")
    }
}

/// A config without `beta: auto`.
pub(super) struct Calibrated {
    pub config: SearchConfig,
    pub compiled: Result<ChoiceGraph, CompileError>,
    /// The values that were tried; none where none had to be found.
    pub steps: Vec<BetaStep>,
}

/// Finds the value of every `beta: auto`, all the same one.
///
/// # Errors
/// [`StudyError::Input`] where the space cannot be priced, [`StudyError::Infeasible`] where nothing is within the limits.
pub(super) fn calibrate(
    config: SearchConfig,
    compiled: Result<ChoiceGraph, CompileError>,
    progress: &dyn Progress,
) -> Result<Calibrated, StudyError> {
    let open = |objective: &Arc<dyn Objective>| objective.with_beta(0.0).is_some();
    let (mut compiled, mut steps) = (compiled, Vec::<BetaStep>::new());
    if !config.objectives.iter().any(open) {
        return Ok(Calibrated { config, compiled, steps });
    }
    let sample = if compiled.is_err() { Some(Sample::draw(&config, progress)?) } else { None };
    loop {
        let beta = STEP * steps.len() as f64;
        let here = config.with_beta(beta);
        let mut stand_in = here.stand_in();
        stand_in.quantities.push(depth());
        let step = match (&sample, compiled) {
            (None, Ok(graph)) => {
                let plan = Plan::priced(stand_in, graph, progress)?;
                let step = exact(&plan, beta, progress)?;
                compiled = Ok(plan.graph);
                step
            }
            (Some(sample), other) => {
                compiled = other;
                sample.step(&stand_in, beta)?
            }
            (None, Err(_)) => unreachable!("a sample is drawn where there is no choice graph"),
        };
        progress.stage("Finding beta", None);
        progress.done(&step.to_string());
        let found = step.is_enough() || beta + STEP > MOST;
        steps.push(step);
        if found {
            return Ok(Calibrated { config: here, compiled, steps });
        }
    }
}

/// What a report tells of it.
pub(super) fn told(steps: &[BetaStep]) -> Option<String> {
    let last = steps.last()?;
    let tried: Vec<String> = steps.iter().map(ToString::to_string).collect();
    let end = if last.is_enough() {
        "the first value with which fewer than half of the front are as deep as any architecture"
    } else {
        "the largest that is tried, though half of the front or more are still as deep as any architecture"
    };
    Some(format!("Beta is {} (`beta: auto`), {end}: {}.", last.beta, tried.join("; ")))
}

/// The number of live convolutions, as a quantity.
fn depth() -> Arc<dyn Objective> {
    let definition = Definition::load("live_convs").expect("it is shipped");
    Arc::new(Zeroshot::new(DEPTH, None, &definition, &Conditions::default()))
}

fn exact(plan: &Plan, beta: f64, progress: &dyn Progress) -> Result<BetaStep, StudyError> {
    let quantities = plan.quantities();
    let quantity = quantities.iter().position(|quantity| quantity.name() == DEPTH).expect("it was added");
    let column = plan.columns.iter().position(|c| c.quantity == quantity).expect("each quantity has a column");
    let greatest = plan.reachable()?[quantity].max.round();
    let front = plan.front_or_nearly(progress).map_err(|error| plan.explain_front(error))?;
    let depth = |costs: &[f64]| (plan.columns[column].sign * costs[column]).round();
    let width = plan.config.objectives.len();
    let points: Vec<Vec<f64>> = front.points().map(|point| point.costs[..width].to_vec()).collect();
    let members = without_ties(&points);
    let deepest = members.iter().filter(|&&index| depth(front.point(index).costs) == greatest).count();
    Ok(BetaStep { beta, front: members.len(), deepest, depth: greatest as u64, sample: None })
}

/// Networks of architectures drawn at random, where the space has no choice graph.
struct Sample(Vec<Network>);

impl Sample {
    fn draw(config: &SearchConfig, progress: &dyn Progress) -> Result<Self, StudyError> {
        progress.stage("Drawing random architectures for beta", None);
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut networks = Vec::new();
        for genotype in (0..SAMPLE).filter_map(|_| config.space.sample(&mut rng)) {
            let realised = config.space.realise(&genotype);
            let (_, network) = realised.map_err(|error| StudyError::Certificate(error.to_string()))?;
            if network.live().count() > 0 {
                networks.push(network);
            }
        }
        progress.done(&format!("{} that compute something", networks.len()));
        Ok(Self(networks))
    }

    /// The front of those within the limits.
    fn step(&self, config: &SearchConfig, beta: f64) -> Result<BetaStep, StudyError> {
        let value = |objective: &dyn Objective, network: &Network| {
            let told = |error: crate::objective::ObjectiveError| config.problem("objectives", error.to_string(), "");
            objective.value(network).map_err(|error| StudyError::Input(told(error)))
        };
        let depth = depth();
        let (mut points, mut depths, mut greatest) = (Vec::new(), Vec::new(), 0.0f64);
        for network in &self.0 {
            let convolutions = value(depth.as_ref(), network)?;
            greatest = greatest.max(convolutions);
            if !within_limits(config, network, &value)? {
                continue;
            }
            let values: Result<Vec<f64>, StudyError> =
                config.objectives.iter().map(|objective| value(objective.as_ref(), network)).collect();
            points.push(present::oriented(config, &values?));
            depths.push(convolutions);
        }
        let front = without_ties(&points);
        if front.is_empty() {
            let message = format!(
                "none of {} random architectures is within the limits, so `beta: auto` finds no front",
                self.0.len()
            );
            return Err(StudyError::Input(config.problem(
                "limits",
                message,
                "give `beta` a number in the proxy file, or relax the limits",
            )));
        }
        let deepest = front.iter().filter(|&&index| depths[index] == greatest).count();
        Ok(BetaStep { beta, front: front.len(), deepest, depth: greatest as u64, sample: Some(self.0.len()) })
    }
}

fn within_limits(
    config: &SearchConfig,
    network: &Network,
    value: &dyn Fn(&dyn Objective, &Network) -> Result<f64, StudyError>,
) -> Result<bool, StudyError> {
    for limit in &config.limits {
        let named = config.named().find(|objective| objective.name() == limit.quantity);
        let here = match (named, CountKind::from_name(&limit.quantity)) {
            (Some(objective), _) => value(objective, network)?,
            (None, Some(kind)) => value(&Count::new(kind.name(), None, kind), network)?,
            (None, None) => continue,
        };
        let kept = match limit.relation {
            Relation::AtMost => here <= limit.bound,
            Relation::AtLeast => here >= limit.bound,
        };
        if !kept {
            return Ok(false);
        }
    }
    Ok(true)
}

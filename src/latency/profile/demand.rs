//! What the networks of a space are made of: every operator, how many of it a uniformly drawn network has on average,
//! the blocks, and a few whole networks.
//!
//! Where the space compiles, all of it is exact, by the choice graph; where it does not, by drawing.

use std::collections::{BTreeMap, HashSet};

use rand_chacha::ChaCha8Rng;

use super::{PlanError, Prior, Statistics};
use crate::graph::{Network, Op};
use crate::latency::{Kernel, KernelKind, lower_run};
use crate::space::{Budget, ChoiceGraph, CompileError, Space};

/// Networks drawn from a space that does not compile.
const DRAWS: usize = 300;

/// A block as a space cuts it.
#[derive(Clone, Debug)]
pub(super) struct DemandedBlock {
    /// Its position: `s2.0`.
    pub position: String,
    /// What was decided there.
    pub label: String,
    /// The probability that a network has it.
    pub probability: f64,
    /// Its network.
    pub network: Network,
    /// Its operators.
    pub kernels: Vec<Kernel>,
}

/// What a space can need.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand {
    /// Every operator with its expected number in a network, in their order.
    pub operators: Vec<(Kernel, f64)>,
    /// Every attention: its products and the softmax between them, with their expected number in a network.
    pub attentions: Vec<([Kernel; 3], f64)>,
    /// Blocks of several operators.
    pub blocks: Vec<DemandedBlock>,
    /// Whole networks, no two alike, with their text forms.
    pub networks: Vec<(String, Network)>,
}

/// Expected numbers, as they gather.
#[derive(Default)]
struct Counts {
    operators: BTreeMap<Kernel, f64>,
    attentions: BTreeMap<[Kernel; 3], f64>,
}

impl Counts {
    /// Takes in the operators of a part that a network has with this probability.
    fn add(&mut self, kernels: &[Kernel], probability: f64) {
        for kernel in kernels {
            *self.operators.entry(*kernel).or_default() += probability;
        }
        for three in kernels.windows(3) {
            if let [scores, weights, values] = *three
                && [scores.kind, weights.kind, values.kind]
                    == [KernelKind::MatMul, KernelKind::Softmax, KernelKind::MatMul]
            {
                *self.attentions.entry([scores, weights, values]).or_default() += probability;
            }
        }
    }

    fn demand(self, blocks: Vec<DemandedBlock>, networks: Vec<(String, Network)>) -> Demand {
        let (operators, attentions) = (self.operators.into_iter().collect(), self.attentions.into_iter().collect());
        Demand { operators, attentions, blocks, networks }
    }
}

/// How far the first and the last network are tilted, in standard deviations of what uniform ones cost.
const TILT: f64 = 6.0;

/// What the networks of `space` need, with up to `networks` whole ones: from cheap to dear by the prior, since those that a
/// search finds lie at the ends, and uniform ones all in the middle.
pub(super) fn demand(space: &Space, networks: usize, prior: &Prior, rng: &mut ChaCha8Rng) -> Result<Demand, PlanError> {
    match space.compile(Budget::default()) {
        Ok(graph) => Ok(compiled(space, &graph, networks, prior, rng)),
        Err(error) => drawn(space, networks, rng, error),
    }
}

fn compiled(space: &Space, graph: &ChoiceGraph, networks: usize, prior: &Prior, rng: &mut ChaCha8Rng) -> Demand {
    let mut probabilities = vec![0.0; graph.variants()];
    let mut places = vec![0; graph.variants()];
    for (index, (edge, probability)) in graph.edges().iter().zip(graph.marginals()).enumerate() {
        probabilities[edge.variant as usize] += probability;
        places[edge.variant as usize] = index;
    }
    let mut counts = Counts::default();
    let mut blocks = Vec::new();
    let mut costs = Vec::with_capacity(graph.variants());
    for variant in 0..graph.variants() {
        let network = graph.fragment(variant);
        let kernels: Vec<Kernel> = lower_run(&network).into_iter().map(|lowered| lowered.kernel).collect();
        let probability = probabilities[variant];
        counts.add(&kernels, probability);
        costs.push(kernels.iter().map(|kernel| prior.cost(kernel)).sum::<f64>());
        if kernels.len() > 1 && is_whole(&network) {
            let (position, label) = (graph.position(places[variant]), graph.label(places[variant]));
            blocks.push(DemandedBlock { position, label, probability, network, kernels });
        }
    }
    let costs: Vec<f64> = graph.edges().iter().map(|edge| costs[edge.variant as usize]).collect();
    let uniform: Vec<f64> =
        (0..DRAWS).map(|_| graph.sample(rng).into_iter().map(|edge| costs[edge]).sum::<f64>()).collect();
    let deviation = Statistics::of(&uniform).and_then(|statistics| statistics.std).unwrap_or(0.0);
    let ends = networks.saturating_sub(1).max(1) as f64;
    // The ends of a small space hold a network or two: what was drawn there already makes way for what lies nearer.
    let draw = |at: usize, tries: i32, rng: &mut ChaCha8Rng| {
        let place = if networks > 1 && deviation > 0.0 { (2.0 * at as f64 / ends - 1.0) / deviation } else { 0.0 };
        let tilt = TILT * place * 0.8f64.powi(tries);
        let tilted = graph.tilted(costs.iter().map(|cost| tilt * cost).collect());
        Some(graph.architecture(&tilted.sample(rng)))
    };
    counts.demand(blocks, distinct(space, networks, draw, rng))
}

/// Whether a fragment takes all its inputs and none of them is cut off: such a one can run by itself.
fn is_whole(fragment: &Network) -> bool {
    let live = fragment.live();
    fragment.ids().filter(|&id| matches!(fragment.node(id).op, Op::Input { .. })).all(|id| live.contains(id))
}

/// By drawing, for spaces whose choice graph is too large.
fn drawn(space: &Space, networks: usize, rng: &mut ChaCha8Rng, error: CompileError) -> Result<Demand, PlanError> {
    let mut counts = Counts::default();
    for _ in 0..DRAWS {
        let built = space.draw(rng).and_then(|architecture| space.build(&architecture).ok());
        let Some(network) = built else { return Err(error.into()) };
        let kernels: Vec<Kernel> = lower_run(&network).into_iter().map(|lowered| lowered.kernel).collect();
        counts.add(&kernels, 1.0 / DRAWS as f64);
    }
    let networks = distinct(space, networks, |_, _, rng| space.draw(rng), rng);
    Ok(counts.demand(Vec::new(), networks))
}

/// Networks that compute something, no two alike. `draw` is told the place of the one that is wanted, and how often it was
/// asked for that in vain.
fn distinct(
    space: &Space,
    wanted: usize,
    mut draw: impl FnMut(usize, i32, &mut ChaCha8Rng) -> Option<crate::space::Architecture>,
    rng: &mut ChaCha8Rng,
) -> Vec<(String, Network)> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut tries = 0;
    // Small spaces have fewer networks than are wanted.
    for _ in 0..wanted.saturating_mul(20) {
        if found.len() == wanted {
            break;
        }
        let Some(architecture) = draw(found.len(), tries, rng) else { break };
        tries += 1;
        let Ok(network) = space.build(&architecture) else { continue };
        if !lower_run(&network).is_empty() && is_whole(&network) && seen.insert(network.canonical_hash()) {
            found.push((space.format(&architecture), network));
            tries = 0;
        }
    }
    found
}

//! What a space can need, and in which order it is measured: whole networks to calibrate by, then the operators and
//! blocks, most uncertain first.
//!
//! How much an operator matters is its expected share of the time of a network that is drawn uniformly from the space,
//! by a prior: a table of another device, or a rough count. How little is known of it is told by what will have been
//! measured before it. The product of the two is the order.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::demand::{Demand, demand};
use super::{Benchmark, Subject, benchmark};
use crate::graph::{Network, NetworkError, Shape};
use crate::latency::{Coverage, Flag, Kernel, KernelKind, LatencyTable};
use crate::space::{CompileError, Space};

/// What is to be planned.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// Whole networks, to calibrate by.
    pub networks: usize,
    /// Blocks, one for each position at most.
    pub blocks: usize,
    /// Most operators; all of them if absent.
    pub operators: Option<usize>,
    /// Seed of the networks that are drawn.
    pub seed: u64,
    /// Whether a run copies its inputs first, as the engine does: what a run costs besides its operators then depends on
    /// their shapes.
    pub copied: bool,
}

/// A benchmark in its place.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What is measured.
    pub benchmark: Benchmark,
    /// Its expected share of a network's time by the prior, 0 to 1.
    pub share: f64,
    /// How little will be known of it by then.
    pub standing: Standing,
    /// Its time by the prior, ms.
    pub prior_ms: f64,
}

/// How little is known of a benchmark before it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It ties the sum of operators to whole networks.
    Calibration,
    /// It tells a run's own cost from that of its operators.
    Overhead,
    /// Nothing of its kind has been measured.
    Unknown,
    /// Its kind has been measured, but not at its size.
    Extrapolated,
    /// Larger and smaller ones of its kind have been measured.
    Interpolated,
}

impl Standing {
    /// How much a price may be off, relative to a kind of which nothing is known. A rough judgement that only sets an
    /// order: what is extrapolated was off by tens of percent on the phones of the public measurements, what lies within
    /// by some percent.
    fn uncertainty(self) -> f64 {
        match self {
            Self::Calibration | Self::Overhead | Self::Unknown => 1.0,
            Self::Extrapolated => 0.5,
            Self::Interpolated => 0.1,
        }
    }

    fn of(kernel: &Kernel, measured: &Coverage) -> Self {
        let flags = measured.flags(kernel);
        if flags.is_empty() {
            Self::Interpolated
        } else if flags.iter().any(|flag| matches!(flag, Flag::NotCovered { .. })) {
            Self::Unknown
        } else {
            Self::Extrapolated
        }
    }
}

/// What will be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The benchmarks, in order.
    pub planned: Vec<Planned>,
    /// Operators that no benchmark measures alone, with their expected share.
    pub left_out: Vec<(Kernel, f64)>,
    /// What drift is told by.
    pub reference: Benchmark,
    /// Whether a run copies its inputs first.
    copied: bool,
}

/// What operators are expected to cost before any is measured.
#[derive(Clone, Debug)]
pub enum Prior {
    /// What another table says.
    Table(Box<LatencyTable>),
    /// Ten multiply-adds or one element moved in a nanosecond, depthwise ones five times as dear.
    Rough,
}

impl Prior {
    /// The cost of an operator, ms.
    pub fn cost(&self, kernel: &Kernel) -> f64 {
        match self {
            Self::Table(table) => table.cost(kernel).0,
            Self::Rough => {
                let dearer = if kernel.kind == KernelKind::Depthwise { 5.0 } else { 1.0 };
                let moved = kernel.input_elements().saturating_add(kernel.output_elements());
                kernel.macs() as f64 * dearer * 1e-7 + moved as f64 * 1e-6
            }
        }
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The space cannot be compiled nor drawn from.
    #[error(transparent)]
    Space(#[from] CompileError),
    /// A network that cannot be built.
    #[error("a benchmark cannot be built: {0}")]
    Network(#[from] NetworkError),
    /// Nothing in the space costs anything.
    #[error("no network of this space has an operator that a table prices; there is nothing to measure")]
    Nothing,
}

/// The operator that drift is told by: a common convolution, some milliseconds on a phone.
fn reference() -> Kernel {
    Kernel { window: [3, 3], ..Kernel::pointwise(KernelKind::Conv, [28, 28], 64) }
}

impl Plan {
    /// Plans the measurements of a space.
    ///
    /// # Errors
    /// A space that cannot be compiled nor drawn from.
    pub fn new(space: &Space, options: &PlanOptions, prior: &Prior) -> Result<Self, PlanError> {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let demand = demand(space, options.networks, prior, &mut rng)?;
        let total: f64 = demand.operators.iter().map(|(kernel, count)| count * prior.cost(kernel)).sum();
        if total.is_nan() || total <= 0.0 {
            return Err(PlanError::Nothing);
        }
        let mut plan = Self {
            planned: Vec::new(),
            left_out: Vec::new(),
            reference: benchmark::operator(&reference()).ok_or(PlanError::Nothing)?,
            copied: options.copied,
        };
        plan.planned.extend(whole(demand.networks.iter().cloned(), prior));
        let mut waiting = plan.operators(&demand, prior, total, options.operators);
        waiting.extend(blocks(&demand, prior, total, options.blocks));
        plan.order(waiting)?;
        Ok(plan)
    }

    /// Puts whole networks before all else, each with what a person calls it; of two alike the first.
    pub fn begin_with(&mut self, networks: Vec<(String, Network)>, prior: &Prior) {
        let mut keys = HashSet::new();
        let mut planned = whole(networks, prior);
        planned.retain(|planned| keys.insert(planned.benchmark.key.clone()));
        self.planned.splice(0..0, planned);
    }

    /// What a run of a benchmark costs besides its operators. Passing on a single element stands for it, but where runs
    /// copy their inputs: passing those on is then the same copy.
    pub(super) fn overhead(&self, benchmark: &Benchmark) -> Result<Benchmark, NetworkError> {
        if self.copied {
            benchmark::empty(&benchmark.network.input_shapes())
        } else {
            benchmark::empty(&[Shape::Vector { features: 1 }])
        }
    }

    /// The operators, each with its benchmark, of which those without one are noted; the dearest first.
    fn operators(&mut self, demand: &Demand, prior: &Prior, total: f64, most: Option<usize>) -> Vec<Planned> {
        let mut found = Vec::new();
        let mut together: BTreeSet<Kernel> = BTreeSet::new();
        for (kernels, count) in &demand.attentions {
            let Some(benchmark) = benchmark::attention(kernels) else { continue };
            let [scores, _, values] = kernels;
            let share = count * (prior.cost(scores) + prior.cost(values)) / total;
            let prior_ms = kernels.iter().map(|kernel| prior.cost(kernel)).sum();
            found.push(Planned { benchmark, share, standing: Standing::Unknown, prior_ms });
            together.extend([scores, values]);
        }
        for (kernel, count) in demand.operators.iter().filter(|(kernel, _)| !together.contains(kernel)) {
            let prior_ms = prior.cost(kernel);
            let share = count * prior_ms / total;
            match benchmark::operator(kernel) {
                Some(benchmark) => {
                    found.push(Planned { benchmark, share, standing: Standing::Unknown, prior_ms });
                }
                None => self.left_out.push((*kernel, share)),
            }
        }
        self.left_out.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.benchmark.key.cmp(&b.benchmark.key)));
        found.truncate(most.unwrap_or(usize::MAX));
        found
    }

    /// Takes the most uncertain next, again and again. What is measured only ever makes others less uncertain, so one
    /// whose place was found with less knowledge need only be looked at again when its turn comes.
    fn order(&mut self, waiting: Vec<Planned>) -> Result<(), NetworkError> {
        let mut heap: BinaryHeap<Waiting> =
            waiting.into_iter().map(|planned| Waiting { urgency: planned.share, planned }).collect();
        let mut chosen: Vec<Kernel> = Vec::new();
        let mut measured = Coverage::default();
        let mut overheads: BTreeSet<String> = BTreeSet::new();
        while let Some(Waiting { mut planned, .. }) = heap.pop() {
            let kernels = &planned.benchmark.kernels;
            let by_uncertainty = |a: &Standing, b: &Standing| a.uncertainty().total_cmp(&b.uncertainty());
            let standing = kernels.iter().map(|kernel| Standing::of(kernel, &measured)).max_by(by_uncertainty);
            planned.standing = standing.unwrap_or(Standing::Interpolated);
            let urgency = planned.share * planned.standing.uncertainty();
            if heap.peek().is_some_and(|next| next.urgency > urgency) {
                heap.push(Waiting { urgency, planned });
                continue;
            }
            if matches!(planned.benchmark.subject, Subject::Operator(_) | Subject::Attention) {
                chosen.extend(&planned.benchmark.kernels);
                measured = Coverage::of(&chosen);
            }
            let empty = self.overhead(&planned.benchmark)?;
            if overheads.insert(empty.key.clone()) {
                let (share, standing) = (planned.share, Standing::Overhead);
                self.planned.push(Planned { benchmark: empty, share, standing, prior_ms: 0.0 });
            }
            self.planned.push(planned);
        }
        Ok(())
    }
}

/// Whole networks to calibrate by.
fn whole(networks: impl IntoIterator<Item = (String, Network)>, prior: &Prior) -> Vec<Planned> {
    let planned = |(name, network)| {
        let benchmark = Benchmark::new(Subject::Network(name), network);
        let prior_ms = benchmark.kernels.iter().map(|kernel| prior.cost(kernel)).sum();
        Planned { benchmark, share: 1.0, standing: Standing::Calibration, prior_ms }
    };
    networks.into_iter().map(planned).collect()
}

/// The blocks that matter most, one for each position.
fn blocks(demand: &Demand, prior: &Prior, total: f64, most: usize) -> Vec<Planned> {
    let mut by_position: HashMap<&str, (f64, usize)> = HashMap::new();
    let mut costs = Vec::with_capacity(demand.blocks.len());
    for (index, block) in demand.blocks.iter().enumerate() {
        let cost: f64 = block.kernels.iter().map(|kernel| prior.cost(kernel)).sum();
        costs.push(cost);
        let share = cost * block.probability / total;
        let best = by_position.entry(&block.position).or_insert((share, index));
        if share > best.0 {
            *best = (share, index);
        }
    }
    let mut chosen: Vec<(f64, usize)> = by_position.into_values().collect();
    chosen.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (share, index) in chosen {
        let block = &demand.blocks[index];
        if found.len() < most && seen.insert(block.kernels.clone()) {
            let label = if block.label.is_empty() {
                block.position.clone()
            } else {
                format!("{}({})", block.position, block.label)
            };
            let benchmark = Benchmark::new(Subject::Block(label), block.network.clone());
            found.push(Planned { benchmark, share, standing: Standing::Unknown, prior_ms: costs[index] });
        }
    }
    found
}

/// A benchmark with the urgency it had when it was last looked at.
struct Waiting {
    urgency: f64,
    planned: Planned,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = || other.planned.benchmark.key.cmp(&self.planned.benchmark.key);
        self.urgency.total_cmp(&other.urgency).then_with(by_key)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests;

//! The choice graph: the finite automaton of a space. Counting, drawing and the
//! search are folds over it.

mod marginals;
mod tilted;

pub use tilted::Tilted;

use std::collections::HashMap;
use std::sync::Arc;

use num_bigint::{BigUint, RandBigInt};
use rand::Rng;
use serde::Serialize;

use super::Value;
use super::architecture::{Architecture, Decision, label};
use super::file::File;
use super::interpret::{Interpreter, Oracle, Place, Question, position_name};
use crate::graph::{Network, Shape};
use crate::search::{self, Gene, Genotype};
use crate::yaml::Span;

/// A decision path, by number.
pub(super) type PathId = u32;
/// A decision and the option taken.
pub(super) type Answer = (PathId, u16);

/// What may be decided at one path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionSpec {
    /// The decision's path: `s2.0.kernel`.
    pub path: String,
    /// The options.
    pub options: Vec<Value>,
    /// How often each is sampled, in proportion; equally often if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
    /// Whether neighbouring options are similar.
    pub ordered: bool,
    /// The option of the default architecture.
    pub default: usize,
}

/// Decision paths by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    specs: Vec<DecisionSpec>,
    /// Their names once more, to be shared with genotypes.
    names: Vec<Arc<str>>,
    /// Where the choice behind each stands in the file.
    origins: Vec<Span>,
    index: HashMap<String, PathId>,
}

impl Paths {
    /// The number of a path, new or known.
    pub fn intern(&mut self, question: &Question) -> Result<PathId, String> {
        let Question { path, options, label, .. } = *question;
        if let Some(&id) = self.index.get(path) {
            if self.origins[id as usize] == question.origin {
                return Ok(id);
            }
            return Err(format!("two different choices are both called `{path}`; rename an item or a parameter"));
        }
        let id = self.specs.len() as PathId;
        self.specs.push(DecisionSpec {
            path: path.to_owned(),
            options: (0..options).map(|i| label(i).unwrap_or(Value::Int(i as i64))).collect(),
            weights: question.weights.map(<[f64]>::to_vec),
            ordered: question.ordered,
            default: question.default,
        });
        self.origins.push(question.origin);
        self.names.push(path.into());
        self.index.insert(path.to_owned(), id);
        Ok(id)
    }

    pub fn into_specs(self) -> Vec<DecisionSpec> {
        self.specs
    }

    pub fn name(&self, id: PathId) -> &str {
        &self.specs[id as usize].path
    }

    /// Every word that is an option somewhere.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.specs.iter().flat_map(|spec| &spec.options).filter_map(|value| match value {
            Value::Word(word) => Some(word.clone()),
            _ => None,
        })
    }

    fn decision(&self, (id, option): Answer) -> Decision {
        Decision {
            path: self.name(id).to_owned(),
            option: usize::from(option),
            value: self.specs[id as usize].options[usize::from(option)].clone(),
        }
    }
}

/// What the rest of the network can see of the past.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub place: Place,
    pub shape: Option<Shape>,
}

/// One run of a position: the shape that enters, the answers known before and the new ones.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub place: Place,
    /// `None` for the position of the input itself.
    pub shape: Option<Shape>,
    /// The outputs of earlier items that the position names, in the order of the file.
    pub read: Arc<[Shape]>,
    pub context: Arc<[Answer]>,
    pub answers: Arc<[Answer]>,
}

/// An edge of the choice graph: a position with its decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The state it leaves.
    pub from: u32,
    /// The state it enters.
    pub to: u32,
    /// The variant of the position, an index below [`ChoiceGraph::variants`]. Edges of one variant have
    /// the same fragment.
    pub variant: u32,
}

/// Which states reach the sink.
pub(super) fn useful(states: usize, edges: &[Edge], sink: u32) -> Vec<bool> {
    let mut incoming: Vec<Vec<u32>> = vec![Vec::new(); states];
    for edge in edges {
        incoming[edge.to as usize].push(edge.from);
    }
    let mut useful = vec![false; states];
    let mut stack = vec![sink];
    useful[sink as usize] = true;
    while let Some(state) = stack.pop() {
        for &from in &incoming[state as usize] {
            if !std::mem::replace(&mut useful[from as usize], true) {
                stack.push(from);
            }
        }
    }
    useful
}

/// The finite automaton of a space. States are numbered in topological order; 0 is the source, the last
/// the sink. An architecture is a path from one to the other, and every path is another architecture.
#[derive(Debug)]
pub struct ChoiceGraph {
    file: Arc<File>,
    states: Vec<State>,
    /// Sorted by `from`.
    edges: Vec<Edge>,
    /// Where the edges of each state start, and the end.
    starts: Vec<usize>,
    variants: Vec<Variant>,
    paths: Paths,
    /// Architectures from each state to the sink.
    counts: Vec<BigUint>,
}

impl ChoiceGraph {
    /// Drops states that do not reach the sink and brings the rest in order; `None` if nothing is left.
    pub(super) fn assemble(
        file: Arc<File>,
        states: Vec<State>,
        edges: Vec<Edge>,
        sink: u32,
        variants: &[Variant],
        paths: Paths,
    ) -> Option<Self> {
        let mut order: Vec<u32> = (0..states.len() as u32).collect();
        order.sort_by_key(|&id| (id == sink, states[id as usize].place, id));
        let useful = useful(states.len(), &edges, sink);
        if !useful[0] {
            return None;
        }
        let mut number = vec![u32::MAX; states.len()];
        let mut kept = Vec::new();
        for id in order.into_iter().filter(|&id| useful[id as usize]) {
            number[id as usize] = kept.len() as u32;
            kept.push(states[id as usize].clone());
        }
        let mut edges: Vec<Edge> = edges
            .into_iter()
            .filter(|edge| useful[edge.from as usize] && useful[edge.to as usize])
            .map(|edge| Edge { from: number[edge.from as usize], to: number[edge.to as usize], ..edge })
            .collect();
        // By the options they take within a state, so that a walk narrows them down from decision to decision.
        let options = |edge: &Edge| variants[edge.variant as usize].answers.iter().map(|&(_, option)| option);
        edges.sort_by(|a, b| a.from.cmp(&b.from).then_with(|| options(a).cmp(options(b))));
        let variants = Self::in_use(&mut edges, variants);
        let mut starts = vec![0; kept.len() + 1];
        for edge in &edges {
            starts[edge.from as usize + 1] += 1;
        }
        for state in 0..kept.len() {
            starts[state + 1] += starts[state];
        }
        let mut graph = Self { file, states: kept, edges, starts, variants, paths, counts: Vec::new() };
        graph.counts = graph.count_from_each();
        Some(graph)
    }

    /// The variants that edges still have, which are renumbered to match.
    fn in_use(edges: &mut [Edge], variants: &[Variant]) -> Vec<Variant> {
        let mut number: Vec<Option<u32>> = vec![None; variants.len()];
        let mut kept = Vec::new();
        for edge in edges {
            let old = edge.variant as usize;
            edge.variant = *number[old].get_or_insert_with(|| {
                kept.push(variants[old].clone());
                kept.len() as u32 - 1
            });
        }
        kept
    }

    fn count_from_each(&self) -> Vec<BigUint> {
        let mut counts = vec![BigUint::default(); self.states.len()];
        if let Some(sink) = counts.last_mut() {
            *sink = BigUint::from(1u32);
        }
        for state in (0..self.states.len().saturating_sub(1)).rev() {
            counts[state] = self.leaving(state).iter().map(|edge| &counts[edge.to as usize]).sum();
        }
        counts
    }

    /// Number of states.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// All edges, sorted by the state they leave.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edges that leave a state.
    pub fn leaving(&self, state: usize) -> &[Edge] {
        &self.edges[self.starts[state]..self.starts[state + 1]]
    }

    /// Number of variants.
    pub fn variants(&self) -> usize {
        self.variants.len()
    }

    /// Everything that may be decided, in the order in which positions ask for it.
    pub fn decisions(&self) -> &[DecisionSpec] {
        &self.paths.specs
    }

    /// Exact number of architectures.
    pub fn count(&self) -> &BigUint {
        &self.counts[0]
    }

    /// The name of an edge's position, which is the name of its block in the network: `s2.0`.
    pub fn position(&self, edge: usize) -> String {
        let from = &self.states[self.edges[edge].from as usize];
        position_name(&self.file, from.place)
    }

    /// What an edge decides, as short text: `k5,e4`; empty where it decides nothing.
    pub fn label(&self, edge: usize) -> String {
        let answers = &self.variants[self.edges[edge].variant as usize].answers;
        label(&answers.iter().map(|&answer| self.paths.decision(answer)).collect::<Vec<_>>())
    }

    /// The sub-network of a variant: its inputs are the tensor that crosses the border and the outputs
    /// of earlier items that the position names; one output; one block.
    pub fn fragment(&self, variant: usize) -> Network {
        let variant = &self.variants[variant];
        let mut oracle = Replay { paths: &self.paths, variant };
        let mut interpreter = Interpreter::new(&self.file, &mut oracle);
        let end = match variant.shape {
            None => interpreter.input(),
            Some(shape) => interpreter.alone(variant.place, shape, &variant.read).map(|(end, _)| end),
        };
        let end = end.expect("the variant has been run before, with the same answers");
        interpreter.builder.output(end);
        interpreter.builder.finish().expect("a position has an output, and its names were checked with the space")
    }

    /// The architecture of a path, given as edge indices from source to sink.
    pub fn architecture(&self, path: &[usize]) -> Architecture {
        let variants = path.iter().map(|&edge| &self.variants[self.edges[edge].variant as usize]);
        let decisions = variants.flat_map(|v| v.answers.iter()).map(|&answer| self.paths.decision(answer)).collect();
        Architecture { decisions }
    }

    /// The path of an architecture; `None` if it does not belong to the space.
    pub fn path(&self, architecture: &Architecture) -> Option<Vec<usize>> {
        let given: HashMap<&str, usize> =
            architecture.decisions.iter().map(|decision| (decision.path.as_str(), decision.option)).collect();
        let fits = |edge: &Edge| {
            let answers = &self.variants[edge.variant as usize].answers;
            answers.iter().all(|(id, option)| given.get(self.paths.name(*id)) == Some(&usize::from(*option)))
        };
        let mut path = Vec::new();
        let mut state = 0;
        while state + 1 < self.states.len() {
            let leaving = self.leaving(state);
            let edge = leaving.iter().position(fits)?;
            path.push(self.starts[state] + edge);
            state = leaving[edge].to as usize;
        }
        Some(path)
    }

    /// The path that answers lead along: at each decision `answer` picks one of the options that some edge takes.
    /// `None` where it picks another.
    pub(super) fn follow(&self, answer: &mut dyn FnMut(search::Decision<'_>) -> usize) -> Option<Vec<usize>> {
        let mut path = Vec::new();
        let mut allowed = Vec::new();
        let mut state = 0;
        while state + 1 < self.states.len() {
            let (mut low, mut high) = (self.starts[state], self.starts[state + 1]);
            let answers = |edge: usize| &self.variants[self.edges[edge].variant as usize].answers;
            for depth in 0.. {
                // Equal answers ask for the same next decision, and sorted edges with equal answers stand together.
                let Some(&(id, _)) = answers(low).get(depth) else { break };
                let end = |from: usize, option: u16| {
                    from + self.edges[from..high]
                        .partition_point(|edge| self.variants[edge.variant as usize].answers[depth].1 <= option)
                };
                allowed.clear();
                let mut at = low;
                while at < high {
                    let option = answers(at)[depth].1;
                    allowed.push(usize::from(option));
                    at = end(at, option);
                }
                let spec = &self.paths.specs[id as usize];
                let option = answer(search::Decision {
                    path: &self.paths.names[id as usize],
                    allowed: &allowed,
                    options: spec.options.len(),
                    weights: spec.weights.as_deref(),
                    ordered: spec.ordered,
                    default: spec.default,
                });
                let taken = u16::try_from(option).ok().filter(|_| allowed.contains(&option))?;
                if taken > 0 {
                    low = end(low, taken - 1);
                }
                high = end(low, taken);
            }
            path.push(low);
            state = self.edges[low].to as usize;
        }
        Some(path)
    }

    /// The decisions along a path, as strategies know them.
    pub fn genotype(&self, path: &[usize]) -> Genotype {
        let variants = path.iter().map(|&edge| &self.variants[self.edges[edge].variant as usize]);
        variants
            .flat_map(|variant| variant.answers.iter())
            .map(|&(id, option)| Gene { path: Arc::clone(&self.paths.names[id as usize]), option: usize::from(option) })
            .collect()
    }

    /// A path drawn uniformly from all architectures.
    pub fn sample(&self, rng: &mut impl Rng) -> Vec<usize> {
        let mut path = Vec::new();
        let mut state = 0;
        while state + 1 < self.states.len() {
            let mut ticket = rng.gen_biguint_below(&self.counts[state]);
            let mut chosen = self.starts[state];
            for (index, edge) in self.leaving(state).iter().enumerate() {
                let count = &self.counts[edge.to as usize];
                if ticket < *count {
                    chosen = self.starts[state] + index;
                    break;
                }
                ticket -= count;
            }
            path.push(chosen);
            state = self.edges[chosen].to as usize;
        }
        path
    }

    /// Every path, in a fixed order.
    pub fn paths(&self) -> impl Iterator<Item = Vec<usize>> {
        // `open` holds the edge taken at each depth; the next path is found by advancing the deepest that can.
        let mut open: Option<Vec<usize>> = Some(self.descend(Vec::new(), 0));
        std::iter::from_fn(move || {
            let current = open.take()?;
            let mut shorter = current.clone();
            while let Some(edge) = shorter.pop() {
                let from = self.edges[edge].from as usize;
                if edge + 1 < self.starts[from + 1] {
                    shorter.push(edge + 1);
                    let state = self.edges[edge + 1].to as usize;
                    open = Some(self.descend(shorter, state));
                    break;
                }
            }
            Some(current)
        })
    }

    fn descend(&self, mut path: Vec<usize>, mut state: usize) -> Vec<usize> {
        while state + 1 < self.states.len() {
            path.push(self.starts[state]);
            state = self.edges[self.starts[state]].to as usize;
        }
        path
    }

    /// The shapes of the input among which the space chooses. Scores of networks with different inputs cannot be
    /// compared.
    pub fn input_shapes(&self) -> Vec<Shape> {
        let mut shapes: Vec<Shape> =
            self.leaving(0).iter().filter_map(|edge| self.states[edge.to as usize].shape).collect();
        shapes.sort_unstable();
        shapes.dedup();
        shapes
    }
}

/// Gives the answers of a variant again.
struct Replay<'a> {
    paths: &'a Paths,
    variant: &'a Variant,
}

impl Oracle for Replay<'_> {
    fn choose(&mut self, question: &Question) -> Result<usize, String> {
        let known = self.variant.context.iter().chain(self.variant.answers.iter());
        let id = self.paths.index.get(question.path);
        match known.into_iter().find(|(path, _)| Some(path) == id) {
            Some((_, option)) => Ok(usize::from(*option)),
            None => Err(format!("`{}` was not decided", question.path)),
        }
    }
}

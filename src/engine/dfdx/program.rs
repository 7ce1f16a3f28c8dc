//! A network, its plan and plain tensors; every pass over it is a [`Trace`](super::trace::Trace) of its own.

use std::collections::{BTreeMap, HashMap};

use ::dfdx::prelude::*;

use super::trace::{Pass, Trace};
use super::{Number, Plain, Samples, Tape, Taped};
use crate::engine::{EngineError, Plan, Program, Tensor, Weights, WeightsError};
use crate::graph::{Network, NodeId, Op};

/// A program of the reference engine.
#[derive(Debug)]
pub(super) struct Recorded<E> {
    network: Network,
    plan: Plan,
    runs: Vec<bool>,
    weights: HashMap<NodeId, Vec<Tensor<E>>>,
    inputs: Vec<Tensor<E>>,
    values: BTreeMap<NodeId, Tensor<E>>,
    value_gradients: BTreeMap<NodeId, Tensor<E>>,
    gradients: BTreeMap<(NodeId, usize), Tensor<E>>,
}

impl<E: Number> Recorded<E> {
    /// A program without parameters.
    ///
    /// # Errors
    /// A batch of no samples.
    pub fn new(network: &Network, plan: &Plan) -> Result<Self, EngineError> {
        let program = Self {
            runs: if plan.prune { needed(network) } else { vec![true; network.len()] },
            network: network.clone(),
            plan: plan.clone(),
            weights: HashMap::new(),
            inputs: Vec::new(),
            values: BTreeMap::new(),
            value_gradients: BTreeMap::new(),
            gradients: BTreeMap::new(),
        };
        match program.takers().first() {
            Some(&id) if plan.batch == 0 => {
                let (given, mut wanted) = (program.shape(id), program.shape(id));
                wanted[0] = 1;
                Err(EngineError::Shape { node: network.node(id).name.clone(), wanted, given })
            }
            _ => Ok(program),
        }
    }

    fn trace(&self, inputs: &[Tensor<E>]) -> Result<Trace<E>, EngineError> {
        let (network, batch, mode) = (&self.network, self.plan.batch, self.plan.mode);
        Pass { network, batch, mode, runs: &self.runs, weights: &self.weights }.run(inputs)
    }

    /// The inputs of the network, in order.
    fn takers(&self) -> Vec<NodeId> {
        self.network.ids().filter(|&id| matches!(self.network.node(id).op, Op::Input { .. })).collect()
    }

    /// Nodes whose values can be read, each once.
    fn visible(&self) -> Vec<NodeId> {
        let all = self.network.outputs().iter().chain(&self.plan.watch).copied();
        let mut visible: Vec<NodeId> = all.filter(|id| self.runs(*id)).collect();
        visible.sort_unstable();
        visible.dedup();
        visible
    }

    /// The shape of a node's value.
    fn shape(&self, id: NodeId) -> Vec<usize> {
        std::iter::once(self.plan.batch).chain(Vec::from(self.network.node(id).shape)).collect()
    }

    fn check(&self, id: NodeId, tensor: &Tensor<E>) -> Result<(), EngineError> {
        let wanted = self.shape(id);
        let given = tensor.shape.clone();
        if given == wanted && tensor.data.len() == wanted.iter().product::<usize>() {
            return Ok(());
        }
        Err(EngineError::Shape { node: self.network.node(id).name.clone(), wanted, given })
    }

    /// The parameters of every node that runs must be there before a pass.
    fn loaded(&self) -> Result<(), EngineError> {
        for id in self.network.ids().filter(|&id| self.runs(id) && !self.weights.contains_key(&id)) {
            if let Some(parameter) = self.network.parameters(id).first() {
                let name = format!("{}.{}", self.network.node(id).name, parameter.name);
                return Err(WeightsError::Missing { name }.into());
            }
        }
        Ok(())
    }
}

/// The live nodes and those that are constant without being zero where a live node takes them, with all that makes
/// them so.
fn needed(network: &Network) -> Vec<bool> {
    let (live, zeros) = (network.live(), network.zeros());
    let mut needed: Vec<bool> = network.ids().map(|id| live.contains(id)).collect();
    for id in network.ids().rev().filter(|id| !zeros[id.index()]) {
        needed[id.index()] |= network.consumers(id).any(|(_, to)| needed[to.index()]);
    }
    needed
}

impl<E: Number> Program<E> for Recorded<E> {
    fn load(&mut self, weights: &Weights<E>) -> Result<(), EngineError> {
        let mut loaded = HashMap::new();
        for id in self.network.ids().filter(|&id| self.runs[id.index()]) {
            loaded.insert(id, weights.of(&self.network, id)?.into_iter().cloned().collect());
        }
        self.weights = loaded;
        Ok(())
    }

    fn forward(&mut self, inputs: &[&Tensor<E>]) -> Result<(), EngineError> {
        let takers = self.takers();
        if takers.len() != inputs.len() {
            return Err(EngineError::Inputs { wanted: takers.len(), given: inputs.len() });
        }
        for (&id, tensor) in takers.iter().zip(inputs) {
            self.check(id, tensor)?;
        }
        self.loaded()?;
        let inputs: Vec<Tensor<E>> = inputs.iter().map(|&tensor| tensor.clone()).collect();
        let trace = self.trace(&inputs)?;
        self.inputs = inputs;
        self.values = self
            .visible()
            .into_iter()
            .map(|id| (id, Tensor::new(self.shape(id), trace.values[&id].as_vec())))
            .collect();
        Ok(())
    }

    fn value(&self, node: NodeId) -> Option<Tensor<E>> {
        self.values.get(&node).cloned()
    }

    fn backward(&mut self, seeds: &[(NodeId, &Tensor<E>)]) -> Result<(), EngineError> {
        for (id, seed) in seeds {
            if !self.visible().contains(id) {
                return Err(EngineError::Unwatched { node: self.network.node(*id).name.clone() });
            }
            self.check(*id, seed)?;
        }
        let wanted = self.takers().len();
        if self.inputs.len() != wanted {
            return Err(EngineError::Inputs { wanted, given: self.inputs.len() });
        }
        let Trace { values, parameters, tape } = self.trace(&self.inputs)?;
        let device = E::On::default();
        // The scalar whose gradient at each seeded node is the seed.
        let mut loss: Taped<Rank0, E> = device.zeros().put_tape(tape);
        for (id, seed) in seeds {
            let value = values[id].clone();
            let seed: Plain<Samples, E> = device.tensor_from_vec(seed.data.clone(), *value.shape());
            let term: Taped<Rank0, E> = (value.put_tape(Tape::<E>::default()) * seed).sum();
            loss = loss + term;
        }
        let mut gradients = loss.backward();
        let mut of = |tensor: &Plain<Samples, E>, shape| -> Result<Tensor<E>, <E::On as HasErr>::Err> {
            gradients.try_alloc_for(tensor)?;
            Ok(Tensor::new(shape, gradients.get(tensor).as_vec()))
        };
        let inputs = self.takers().into_iter().filter(|&id| self.plan.input_gradients && self.runs(id));
        let read: Vec<NodeId> = self.visible().into_iter().chain(inputs).collect();
        let mut value_gradients = BTreeMap::new();
        for id in read {
            value_gradients.insert(id, of(&values[&id], self.shape(id)).expect(ALLOCATED));
        }
        let mut parameter_gradients = BTreeMap::new();
        for (id, tensors) in &parameters {
            for (at, parameter) in self.network.parameters(*id).into_iter().enumerate() {
                if parameter.role.trained() {
                    let flat = tensors[at].clone().reshape_like(&(1, parameter.elements()));
                    parameter_gradients.insert((*id, at), of(&flat, parameter.shape).expect(ALLOCATED));
                }
            }
        }
        self.value_gradients = value_gradients;
        self.gradients = parameter_gradients;
        Ok(())
    }

    fn visit_gradient(&self, node: NodeId, parameter: usize, visit: &mut dyn FnMut(&[E])) {
        if let Some(gradient) = self.gradients.get(&(node, parameter)) {
            visit(&gradient.data);
        }
    }

    fn gradient(&self, node: NodeId, parameter: usize) -> Option<Tensor<E>> {
        self.gradients.get(&(node, parameter)).cloned()
    }

    fn value_gradient(&self, node: NodeId) -> Option<Tensor<E>> {
        self.value_gradients.get(&node).cloned()
    }

    fn runs(&self, node: NodeId) -> bool {
        self.runs[node.index()]
    }

    /// The plain tensors; what the tape holds during a pass comes and goes with it.
    fn bytes(&self) -> u64 {
        let kept = self.values.values().chain(self.value_gradients.values()).chain(self.gradients.values());
        let kept = kept.chain(&self.inputs).chain(self.weights.values().flatten());
        kept.map(|tensor| size_of_val(tensor.data.as_slice()) as u64).sum()
    }
}

/// dfdx fails only where memory cannot be had, and there its vectors abort first.
const ALLOCATED: &str = "dfdx has allocated or aborted";

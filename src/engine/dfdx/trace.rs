//! One pass over a network, recorded on one tape.
//!
//! Values are kept without a tape. The tape goes from operator to operator: in with the first input, out with the
//! result.

use std::collections::HashMap;

use ::dfdx::prelude::*;

use super::operator::{Operator, copy};
use super::{Flat, Number, Plain, Samples, Tape, Taped};
use crate::engine::{EngineError, Mode, Tensor};
use crate::graph::{Network, NodeId, Op, Shape};

/// The tensors of dfdx for every node that ran, and the record of how they came about.
pub(super) struct Trace<E: Number> {
    pub values: HashMap<NodeId, Plain<Samples, E>>,
    pub parameters: HashMap<NodeId, Vec<Plain<Flat, E>>>,
    pub tape: Tape<E>,
}

/// What a pass needs besides its inputs.
pub(super) struct Pass<'a, E: Number> {
    pub network: &'a Network,
    pub batch: usize,
    pub mode: Mode,
    /// Which nodes run.
    pub runs: &'a [bool],
    pub weights: &'a HashMap<NodeId, Vec<Tensor<E>>>,
}

impl<E: Number> Pass<'_, E> {
    /// Runs it.
    ///
    /// # Errors
    /// Ids outside an embedding.
    pub fn run(&self, inputs: &[Tensor<E>]) -> Result<Trace<E>, EngineError> {
        let device = E::On::default();
        let mut inputs = inputs.iter();
        let mut trace = Trace { values: HashMap::new(), parameters: HashMap::new(), tape: Tape::<E>::default() };
        for id in self.network.ids() {
            let node = self.network.node(id);
            let input = if let Op::Input { .. } = node.op { inputs.next() } else { None };
            if !self.runs[id.index()] {
                continue;
            }
            if let Some(input) = input {
                let shape = (self.batch, node.shape.elements() as usize);
                trace.values.insert(id, device.tensor_from_vec(input.data.clone(), shape));
                continue;
            }
            let weights = self.weights.get(&id).map_or(&[][..], Vec::as_slice);
            let flat = |tensor: &Tensor<E>| device.tensor_from_vec(tensor.data.clone(), (tensor.data.len(),));
            let parameters: Vec<Plain<Flat, E>> = weights.iter().map(flat).collect();
            let sources = self.network.inputs(id);
            let shapes: Vec<Shape> = sources.iter().map(|&from| self.network.node(from).shape).collect();
            let taken = self.take(&sources, &mut trace, &device);
            let operator = Operator { node, shapes: &shapes, parameters: &parameters, mode: self.mode };
            let (value, tape) = operator.apply(taken)?.contiguous().split_tape();
            trace.tape = tape;
            trace.values.insert(id, value);
            trace.parameters.insert(id, parameters);
        }
        Ok(trace)
    }

    /// The inputs of an operator, the first with the tape.
    fn take(&self, sources: &[NodeId], trace: &mut Trace<E>, device: &E::On) -> Vec<Taped<Samples, E>> {
        let mut taken: Vec<Taped<Samples, E>> = Vec::with_capacity(sources.len());
        for (at, from) in sources.iter().enumerate() {
            let value = match trace.values.get(from) {
                Some(value) => value.clone(),
                // One that was left out is zero.
                None => device.zeros_like(&(self.batch, self.network.node(*from).shape.elements() as usize)),
            };
            let tape = if at == 0 { std::mem::take(&mut trace.tape) } else { Tape::<E>::default() };
            let value = value.put_tape(tape);
            // dfdx refuses the same tensor twice in one operation.
            taken.push(if sources[..at].contains(from) { copy(value) } else { value });
        }
        taken
    }
}

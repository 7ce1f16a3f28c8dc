//! A compiled network: its items, the decisions about them, their parameters and all buffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attention::AttentionKernel;
use super::conv::{Convolutions, FilterGradient, Filters, Scratch};
use super::isa::Numeric;
use super::items::{Action, Items, Port};
use super::norm::BatchNorm;
use super::plan::Decisions;
use super::pool::Pooling;
use super::relayout;
use super::resample::Enlargement;
use super::shelf::Shelf;
use super::team::{Chunks, Team};
use super::view::{Layout, Sums};
use super::{Isa, Native};
use crate::engine::{EngineError, Mode, Plan, Program, Tensor, Weights};
use crate::graph::{Network, NodeId, Shape};

/// What an item keeps besides its value.
#[derive(Debug, Default)]
pub(super) enum State<T> {
    /// Nothing.
    #[default]
    None,
    /// A convolution: its filters, their gradient, and where its chunks add theirs.
    Conv { filters: Filters<T>, gradient: Option<FilterGradient<T>>, partials: usize },
    /// A batch norm and the parameters it takes: weight, bias, running mean, running variance.
    Norm { norm: BatchNorm<T>, parameters: [Vec<T>; 4] },
    /// A norm over features, an embedding, learned positions or tokens: its parameters and their gradients.
    Features { parameters: Vec<Vec<T>>, gradients: Vec<Vec<T>> },
    /// What an attention keeps for its way back, and gradients that cannot be written where they are gathered.
    Attention { kernel: AttentionKernel<T>, kept: Vec<T>, apart: [Vec<T>; 3] },
    /// The windows of a pooling.
    Pool(Pooling<T>),
    /// The taps of an enlargement.
    Upsample(Enlargement<T>),
}

impl<T> State<T> {
    /// Whether it holds parameters of the network.
    fn has_parameters(&self) -> bool {
        matches!(self, Self::Conv { .. } | Self::Norm { .. } | Self::Features { .. })
    }
}

/// A network compiled for the native engine.
#[derive(Debug)]
pub(super) struct Compiled<T: Numeric> {
    pub isa: Isa,
    convolutions: Convolutions,
    pub team: Team,
    pub chunks: Chunks,
    pub plan: Plan,
    pub network: Network,
    pub items: Arc<Items>,
    pub decisions: Decisions,
    pub states: Vec<State<T>>,
    /// Where stores come from and go to.
    shelf: Arc<Shelf>,
    /// Floating-point operations that were done.
    operations: Arc<AtomicU64>,
    /// All values and gradients.
    pub stores: Vec<Vec<T>>,
    /// What the kernels of each chunk work on.
    pub scratch: Vec<Scratch<T>>,
    /// Gradients of filters by chunk, shared by convolutions of one geometry.
    pub partials: Vec<Vec<FilterGradient<T>>>,
    /// Per-channel sums by chunk, and over all of them.
    pub sums: Vec<Sums>,
    pub total: Sums,
    /// Statistics of each base that is normalised: Σy and Σy² over the batch.
    pub statistics: Vec<Option<Sums>>,
    /// Whether a slot holds anything yet in this backward pass.
    pub written: Vec<bool>,
    /// Batch norms whose way back is known in this backward pass.
    pub turned: Vec<bool>,
    /// Batch norms that are turned together.
    pub turning: Vec<usize>,
    /// Items whose parameters got a gradient in the last backward pass.
    pub reached: Vec<bool>,
    /// Whether a backward pass has used up the values of the last forward pass: gradients take their stores.
    pub spent: bool,
}

impl<T: Numeric> Compiled<T> {
    pub fn new(engine: &Native, network: &Network, plan: &Plan) -> Result<Self, EngineError> {
        let items = Arc::new(Items::new(network, plan)?);
        let decisions = Decisions::new(network, &items, plan);
        let chunks = Chunks::new(plan.batch);
        let count = items.list.len();
        let mut compiled = Self {
            isa: engine.isa,
            convolutions: engine.convolutions,
            team: engine.team.clone(),
            shelf: Arc::clone(&engine.shelf),
            operations: Arc::clone(&engine.operations),
            chunks,
            plan: plan.clone(),
            network: network.clone(),
            states: Vec::with_capacity(count),
            stores: Vec::new(),
            scratch: (0..chunks.count()).map(|_| Scratch::default()).collect(),
            partials: Vec::new(),
            sums: vec![Sums::default(); chunks.count()],
            total: Sums::default(),
            statistics: vec![None; count],
            written: vec![false; decisions.shares.len()],
            turned: vec![false; count],
            turning: Vec::new(),
            reached: vec![false; count],
            spent: false,
            items,
            decisions,
        };
        let needed = compiled.estimate();
        if let Some(available) = available_memory().filter(|&available| needed > available) {
            return Err(EngineError::Memory { needed, available, batch: plan.batch });
        }
        compiled.allocate();
        Ok(compiled)
    }

    fn allocate(&mut self) {
        self.stores = self.shelf.take(&self.decisions.sizes);
        // Padding must be finite, and not every kernel writes it.
        for (store, padded) in self.stores.iter_mut().zip(self.decisions.padded(&self.items)) {
            if padded {
                store.fill(T::ZERO);
            }
        }
        let mut geometries = Vec::new();
        for (i, item) in self.items.list.iter().enumerate() {
            let backward = self.plan.backward && self.decisions.needed[i];
            self.states.push(match &item.action {
                Action::Conv { conv, bias } => {
                    let key = (conv.clone(), *bias);
                    let partials = geometries.iter().position(|known| *known == key).unwrap_or(geometries.len());
                    if partials == geometries.len() {
                        let parts = if backward { self.chunks.count() } else { 0 };
                        self.partials.push((0..parts).map(|_| FilterGradient::new(conv, *bias)).collect());
                        geometries.push(key);
                    }
                    let gradient = backward.then(|| FilterGradient::new(conv, *bias));
                    State::Conv { filters: Filters::new(conv, self.convolutions), gradient, partials }
                }
                Action::BatchNorm => State::Norm { norm: BatchNorm::new(item.layout), parameters: Default::default() },
                action if action.has_table() => {
                    let shapes = self.network.parameters(item.node);
                    let zeros = || shapes.iter().map(|parameter| vec![T::ZERO; parameter.elements()]).collect();
                    State::Features { parameters: zeros(), gradients: if backward { zeros() } else { Vec::new() } }
                }
                Action::Attention(attention) => {
                    let layouts = [0, 1, 2].map(|port| item.inputs[port].layout);
                    let kernel = AttentionKernel::new(attention, layouts);
                    let kept = vec![T::ZERO; kernel.scratch_elements() * self.plan.batch];
                    State::Attention { kernel, kept, apart: Default::default() }
                }
                Action::Pool(pool) => State::Pool(Pooling::new(pool, item.inputs[0].layout, item.layout)),
                Action::Upsample { scale, mode } => {
                    State::Upsample(Enlargement::new(*mode, *scale, item.inputs[0].layout))
                }
                _ => State::None,
            });
        }
    }

    /// Samples in a batch.
    pub fn batch(&self) -> usize {
        self.plan.batch
    }

    /// Whether batch norms take the statistics of the batch.
    pub fn trains(&self) -> bool {
        self.plan.mode == Mode::Train
    }

    /// Counts the operations of an item that has weights or is an attention, for so many passes of the size of the one
    /// forward.
    pub fn count(&self, i: usize, passes: u64) {
        let item = &self.items.list[i];
        let multiply_adds = match &item.action {
            Action::Conv { conv, .. } => conv.multiply_adds(),
            Action::Attention(_) => self.network.node_cost(item.node).macs.0,
            _ => return,
        };
        self.operations.fetch_add(2 * passes * multiply_adds * self.plan.batch as u64, Ordering::Relaxed);
    }

    /// Bytes that values, gradients and parameters will take.
    fn estimate(&self) -> u64 {
        let stores: usize = self.decisions.sizes.iter().sum();
        let parameters: usize = self.network.ids().map(|id| self.network.node_cost(id).params.0 as usize).sum();
        // Filters lie in two orders; their gradients once for the layer and once for each chunk of a geometry.
        let copies = if self.plan.backward { 5 } else { 2 };
        // Those of tiles lie in two orders too, and the largest gradient in every thread's buffers.
        let spectra = self.items.list.iter().filter_map(|item| match &item.action {
            Action::Conv { conv, .. } => Some(conv.spectrum_elements(self.convolutions)),
            _ => None,
        });
        let (spectra, largest) = spectra.fold((0, 0), |(sum, largest), size| (sum + size, size.max(largest)));
        let gradients = if self.plan.backward { self.chunks.count() * largest } else { 0 };
        ((stores + copies * parameters + 2 * spectra + gradients) * size_of::<T>()) as u64
    }

    /// The parameters of an item, from its own first one on.
    fn parameters<'a>(&self, weights: &'a Weights<T>, i: usize) -> Result<Vec<&'a Tensor<T>>, EngineError> {
        let item = &self.items.list[i];
        Ok(weights.of(&self.network, item.node)?.split_off(item.parameter))
    }

    /// The item that holds a parameter of a node, and the parameter's position there.
    fn holder(&self, node: NodeId, parameter: usize) -> Option<(usize, usize)> {
        let owns = |i: &usize| {
            let item = &self.items.list[*i];
            item.node == node && self.states[*i].has_parameters() && item.parameter <= parameter
        };
        let holder = (0..self.items.list.len()).filter(owns).max_by_key(|&i| self.items.list[i].parameter)?;
        Some((holder, parameter - self.items.list[holder].parameter))
    }

    fn shape_with_batch(&self, shape: Shape) -> Vec<usize> {
        std::iter::once(self.batch()).chain(Vec::<usize>::from(shape)).collect()
    }

    /// Whether a tensor is a batch of samples of that shape.
    fn has_shape(&self, tensor: &Tensor<T>, shape: Shape) -> bool {
        let Some((&batch, sample)) = tensor.shape.split_first() else { return false };
        let same = match shape {
            Shape::Map { channels, height, width } => sample == [channels, height, width],
            Shape::Tokens { tokens, features } => sample == [tokens, features],
            Shape::Vector { features } => sample == [features],
        };
        batch == self.batch() && same
    }

    /// Copies a tensor into a store.
    fn fill(&mut self, store: usize, node: NodeId, tensor: &Tensor<T>) -> Result<(), EngineError> {
        let (name, shape) = (&self.network.node(node).name, self.network.node(node).shape);
        let layout = Layout::new(shape);
        let elements = self.batch() * layout.channels * layout.positions();
        if !self.has_shape(tensor, shape) || tensor.data.len() != elements || elements == 0 {
            let wanted = self.shape_with_batch(shape);
            return Err(EngineError::Shape { node: name.clone(), wanted, given: tensor.shape.clone() });
        }
        relayout::pack(&tensor.data, shape, &mut self.stores[store]);
        Ok(())
    }

    fn unpacked(&self, data: &[T], shape: Shape) -> Tensor<T> {
        let mut tensor = Tensor::zeros(self.shape_with_batch(shape));
        relayout::unpack(data, shape, &mut tensor.data);
        tensor
    }

    /// The store of the gradient of a pinned node, and its slot.
    fn gradient_store(&self, node: NodeId) -> Option<(usize, usize)> {
        let port = self.items.of_node[node.index()]?;
        let base = self.decisions.readings[port.item].base;
        if !self.decisions.pinned[base] {
            return None;
        }
        let slot = self.decisions.shares[*self.decisions.slots.get(&(base, None))?];
        Some((self.decisions.gradients[slot]?, slot))
    }
}

impl<T: Numeric> Drop for Compiled<T> {
    fn drop(&mut self) {
        self.shelf.give(std::mem::take(&mut self.stores));
    }
}

impl<T: Numeric> Program<T> for Compiled<T> {
    fn load(&mut self, weights: &Weights<T>) -> Result<(), EngineError> {
        for i in 0..self.items.list.len() {
            if !self.states[i].has_parameters() {
                continue;
            }
            let given = self.parameters(weights, i)?;
            match &mut self.states[i] {
                State::Conv { filters, .. } => {
                    let Action::Conv { bias, .. } = self.items.list[i].action else { continue };
                    filters.load(&given[0].data, bias.then(|| given[1].data.as_slice()));
                }
                State::Norm { norm, parameters } => {
                    for (slot, tensor) in parameters.iter_mut().zip(&given) {
                        slot.clone_from(&tensor.data);
                    }
                    if self.plan.mode == Mode::Eval {
                        let [weight, bias, mean, variance] = &*parameters;
                        norm.eval(weight, bias, mean, variance);
                    }
                }
                State::Features { parameters, .. } => {
                    parameters.iter_mut().zip(&given).for_each(|(slot, tensor)| slot.clone_from(&tensor.data));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Result<(), EngineError> {
        if inputs.len() != self.items.inputs.len() {
            return Err(EngineError::Inputs { wanted: self.items.inputs.len(), given: inputs.len() });
        }
        for (position, tensor) in inputs.iter().enumerate() {
            if let Some(item) = self.items.inputs[position]
                && let Some(store) = self.decisions.values[item]
            {
                self.fill(store, self.items.list[item].node, tensor)?;
            }
        }
        self.spent = false;
        let team = self.team.clone();
        team.enter(|| self.run_forward())
    }

    fn value(&self, node: NodeId) -> Option<Tensor<T>> {
        let port = self.items.of_node[node.index()]?;
        let shape = self.network.node(node).shape;
        let reading = self.decisions.readings[port.item];
        if !self.decisions.pinned[reading.base] {
            return None;
        }
        let port = Port { layout: Layout::new(shape), ..port };
        let sample = port.layout.sample();
        let mut read = vec![T::ZERO; self.batch() * sample];
        for chunk in 0..self.chunks.count() {
            let range = self.chunks.range(chunk, sample);
            super::elementwise::sum(self.isa, &[self.source(&port, chunk)], &mut read[range], None);
        }
        Some(self.unpacked(&read, shape))
    }

    fn backward(&mut self, seeds: &[(NodeId, &Tensor<T>)]) -> Result<(), EngineError> {
        let team = self.team.clone();
        if self.spent {
            team.enter(|| self.run_forward())?;
        }
        self.written.fill(false);
        for (node, gradient) in seeds {
            let Some((store, slot)) = self.gradient_store(*node) else {
                return Err(EngineError::Unwatched { node: self.network.node(*node).name.clone() });
            };
            self.fill(store, *node, gradient)?;
            self.written[slot] = true;
        }
        team.enter(|| self.run_backward());
        self.spent = true;
        Ok(())
    }

    fn visit_gradient(&self, node: NodeId, parameter: usize, visit: &mut dyn FnMut(&[T])) {
        let Some((holder, own)) = self.holder(node, parameter) else { return };
        if !self.reached[holder] {
            // Nothing arrived: the gradient is zero.
            if let Some(gradient) = self.gradient(node, parameter) {
                visit(&gradient.data);
            }
            return;
        }
        match &self.states[holder] {
            State::Conv { gradient: Some(gradient), .. } if own == 0 => gradient.visit_weight(visit),
            State::Conv { gradient: Some(gradient), .. } => {
                if let Some(bias) = gradient.bias() {
                    visit(bias);
                }
            }
            State::Norm { norm, .. } if own < 2 => {
                let channels = self.items.list[holder].layout.channels;
                visit(if own == 0 { &norm.d_scale[..channels] } else { &norm.d_shift[..channels] });
            }
            State::Features { gradients, .. } => {
                if let Some(gradient) = gradients.get(own) {
                    visit(gradient);
                }
            }
            _ => {}
        }
    }

    fn gradient(&self, node: NodeId, parameter: usize) -> Option<Tensor<T>> {
        let described = self.network.parameters(node).into_iter().nth(parameter)?;
        let (holder, position) = self.holder(node, parameter)?;
        if !self.plan.backward || !described.role.trained() {
            return None;
        }
        if !self.reached[holder] {
            return Some(Tensor::zeros(described.shape));
        }
        let data = match &self.states[holder] {
            State::Conv { gradient: Some(gradient), .. } if position == 0 => gradient.weight(),
            _ => {
                let mut data = Vec::with_capacity(described.elements());
                self.visit_gradient(node, parameter, &mut |piece| data.extend_from_slice(piece));
                data
            }
        };
        Some(Tensor::new(described.shape, data))
    }

    fn value_gradient(&self, node: NodeId) -> Option<Tensor<T>> {
        let shape = self.network.node(node).shape;
        let (store, slot) = self.gradient_store(node)?;
        Some(if self.written[slot] {
            self.unpacked(&self.stores[store], shape)
        } else {
            Tensor::zeros(self.shape_with_batch(shape))
        })
    }

    fn runs(&self, node: NodeId) -> bool {
        self.items.of_node[node.index()].is_some()
    }

    fn bytes(&self) -> u64 {
        self.estimate()
    }
}

/// Bytes of memory that are free, where the system says so.
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

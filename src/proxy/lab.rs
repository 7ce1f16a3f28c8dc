//! Where networks are measured: the weights, the batches and the engine that every measured proxy works with.
//!
//! Weights come of one stream for each layer name and batches of a seed of their own, so that all candidates meet the
//! same numbers (common random numbers) and a difference of scores is one of architectures.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json, json};

use super::ScoreError;
use super::kinds::Fields;
use super::measured::Reading;
use super::room::{Place, Room};
use crate::data::{Batch, Dataset};
use crate::engine::native::{Convolutions, Native};
use crate::engine::{
    Backend, Biases, Drawn, Element, EngineError, Init, Loss, Mode, Plan, Program, Scheme, Tensor, Weights,
    WeightsError,
};
use crate::graph::{Network, NodeId, Op, Role, Shape};

/// What is the same for every network that is compared.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// What the data is called: `noise`, or a path.
    pub source: String,
    /// Where batches come from; unit Gaussian noise with uniform labels by default.
    pub data: Arc<Dataset>,
    /// Seed of the weights.
    pub seed: u64,
    /// Seed of the batches.
    pub data_seed: u64,
    /// What runs the networks.
    pub engine: Native,
    /// Batches that were drawn: most networks take the same.
    drawn: Arc<Mutex<HashMap<Draw, Arc<Vec<Batch>>>>>,
    /// Weights that were drawn: most networks have most of them in common.
    weights: Arc<Drawn>,
    /// Weights and batches to take in place of drawn ones, to stand beside values from elsewhere.
    given: Option<Arc<(Weights, Vec<Batch>)>>,
    /// The memory that networks which are measured at the same time share.
    room: Arc<Room>,
}

/// Elements of batches that are kept for the next network, at most one draw more: 128 MiB.
const KEPT: usize = 32 << 20;

/// What decides a draw of batches: how many, of what size, from which seed, and whether targets are values.
type Draw = (usize, usize, Shape, Shape, u64, bool);

impl Default for Conditions {
    fn default() -> Self {
        Self::noise(0)
    }
}

impl Conditions {
    /// The same on another engine.
    pub fn on(self, engine: Native) -> Self {
        Self { engine, ..self }
    }

    /// Gaussian noise, with one seed for weights and batches.
    pub fn noise(seed: u64) -> Self {
        Self::new("noise", Arc::new(Dataset::noise()), seed, seed)
    }

    /// Data, the seed of the weights and that of the batches, on the best the machine has.
    pub fn new(source: &str, data: Arc<Dataset>, seed: u64, data_seed: u64) -> Self {
        Self {
            source: source.to_owned(),
            data,
            seed,
            data_seed,
            engine: Native::default(),
            drawn: Arc::default(),
            weights: Arc::default(),
            given: None,
            room: Arc::default(),
        }
    }

    /// The given weights and batches in place of drawn ones.
    #[cfg(test)]
    pub(super) fn given(weights: Weights, batches: Vec<Batch>) -> Self {
        Self { given: Some(Arc::new((weights, batches))), ..Self::default() }
    }
}

/// What a proxy file says about the weights and batches that its score is measured with.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Batches; every one runs through the network as it was initialised.
    pub batches: usize,
    /// Samples in a batch.
    pub batch_size: usize,
    /// Draws of weights and batches whose scores are averaged.
    pub repeats: u32,
    /// How weights are drawn.
    pub init: Init,
    /// What gradients are of.
    pub loss: Loss,
    /// How convolutions are computed.
    pub convolutions: Convolutions,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            batches: 1,
            batch_size: 64,
            repeats: 1,
            init: Init::default(),
            loss: Loss::default(),
            convolutions: Convolutions::default(),
        }
    }
}

impl Setup {
    /// The fields of a proxy file that it is read from.
    pub(super) const FIELDS: [&str; 6] = ["batches", "batch_size", "repeats", "initialisation", "loss", "convolutions"];

    /// What the file says, over the defaults of the kind.
    pub(super) fn read(mut self, fields: &Fields<'_>) -> Self {
        self.batches = fields.count("batches").unwrap_or(self.batches);
        self.batch_size = fields.count("batch_size").unwrap_or(self.batch_size);
        self.repeats = fields.count("repeats").and_then(|n| n.try_into().ok()).unwrap_or(self.repeats);
        self.loss = fields.word("loss").and_then(Loss::from_name).unwrap_or(self.loss);
        self.convolutions = fields.word("convolutions").and_then(Convolutions::from_name).unwrap_or(self.convolutions);
        if let Some(map) = fields.0.get("initialisation").map(Fields) {
            let scheme = |key, default| match map.word(key).and_then(Scheme::from_name) {
                Some(Scheme::Gaussian { deviation }) => {
                    Scheme::Gaussian { deviation: map.number("deviation").unwrap_or(deviation) }
                }
                Some(scheme) => scheme,
                None => default,
            };
            self.init = Init {
                convolutions: scheme("convolutions", self.init.convolutions),
                linear: scheme("linear", self.init.linear),
                embeddings: scheme("embeddings", self.init.embeddings),
                biases: map.word("biases").and_then(Biases::from_name).unwrap_or(self.init.biases),
            };
        }
        self
    }

    /// The fields as a proxy file writes them.
    pub(super) fn fields(&self) -> Map<String, Json> {
        let Init { convolutions, linear, embeddings, biases } = self.init;
        let mut init = json!({
            "convolutions": convolutions.name(),
            "linear": linear.name(),
            "embeddings": embeddings.name(),
            "biases": biases.name(),
        });
        let gaussian = [convolutions, linear, embeddings].into_iter().find_map(|scheme| match scheme {
            Scheme::Gaussian { deviation } => Some(deviation),
            _ => None,
        });
        if let Some(deviation) = gaussian {
            init["deviation"] = json!(deviation);
        }
        let fields = json!({
            "batches": self.batches,
            "batch_size": self.batch_size,
            "repeats": self.repeats,
            "initialisation": init,
            "loss": self.loss.name(),
            "convolutions": self.convolutions.name(),
        });
        fields.as_object().cloned().unwrap_or_default()
    }
}

/// One network with one draw of weights and data.
#[derive(Debug)]
pub struct Lab<'a> {
    proxy: &'a str,
    /// The network.
    pub network: &'a Network,
    /// What the proxy file says.
    pub setup: &'a Setup,
    conditions: &'a Conditions,
    /// The engine of the conditions, with a count of operations of its own.
    engine: Native,
    repeat: u32,
    most: Cell<u64>,
    place: Place<'a>,
}

impl<'a> Lab<'a> {
    pub(super) fn new(
        proxy: &'a str,
        network: &'a Network,
        setup: &'a Setup,
        conditions: &'a Conditions,
        repeat: u32,
    ) -> Self {
        let engine = conditions.engine.clone().with_convolutions(setup.convolutions).counting();
        let place = Place::new(&conditions.room);
        Self { proxy, network, setup, conditions, engine, repeat, most: Cell::new(0), place }
    }

    /// The error of a network that the proxy says nothing about.
    pub fn unfit(&self, reason: impl Into<String>) -> ScoreError {
        ScoreError::Unfit { proxy: self.proxy.to_owned(), reason: reason.into() }
    }

    /// A seed of this draw, for whatever else is random in a proxy.
    pub fn seed(&self) -> u64 {
        self.conditions.seed.wrapping_add(u64::from(self.repeat))
    }

    /// The initial weights.
    pub fn weights(&self) -> Weights {
        if let Some(given) = &self.conditions.given {
            return given.0.clone();
        }
        self.conditions.weights.initialise(self.network, &self.setup.init, self.seed())
    }

    /// The batches of the proxy file, in the size of the network's input.
    ///
    /// # Errors
    /// A dataset that cannot give them.
    pub fn batches(&self) -> Result<Arc<Vec<Batch>>, ScoreError> {
        self.draw(self.setup.batches, self.setup.batch_size)
    }

    /// Some batches of another number and size.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn draw(&self, batches: usize, size: usize) -> Result<Arc<Vec<Batch>>, ScoreError> {
        self.drawn(batches, size, self.input_shape(), self.output_shape())
    }

    fn drawn(&self, batches: usize, size: usize, input: Shape, output: Shape) -> Result<Arc<Vec<Batch>>, ScoreError> {
        if let Some(given) = &self.conditions.given {
            return Ok(Arc::new(given.1.iter().take(batches).map(|batch| batch.first(size)).collect()));
        }
        let seed = self.conditions.data_seed.wrapping_add(u64::from(self.repeat));
        let values = self.setup.loss.is_over_values();
        let draw = (batches, size, input, output, seed, values);
        let mut drawn = self.conditions.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = drawn.get(&draw) {
            return Ok(Arc::clone(known));
        }
        let data = &self.conditions.data;
        let fresh = match values {
            true => data.value_batches(batches, size, input, output, seed)?,
            false => data.batches(batches, size, input, output, seed)?,
        };
        let fresh = Arc::new(fresh);
        // Many repeats, or large images, are drawn anew rather than kept.
        let held: usize = drawn.values().flat_map(|batches| batches.iter()).map(|batch| batch.inputs.data.len()).sum();
        if held > KEPT {
            drawn.clear();
        }
        drawn.insert(draw, Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Some batches of unit Gaussian noise, whatever the data.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn noise(&self, batches: usize, size: usize) -> Result<Arc<Vec<Batch>>, ScoreError> {
        if self.conditions.given.is_some() {
            return self.draw(batches, size);
        }
        let seed = self.conditions.data_seed.wrapping_add(u64::from(self.repeat));
        Ok(Arc::new(Dataset::noise().batches(batches, size, self.input_shape(), self.output_shape(), seed)?))
    }

    /// The same batches for another size of the network, as [`resized`](Self::resized) gives it.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn batches_for(&self, network: &Network) -> Result<Arc<Vec<Batch>>, ScoreError> {
        let output = network.node(network.outputs()[0]).shape;
        let input = network.input_shapes().first().copied().unwrap_or(output);
        self.drawn(self.setup.batches, self.setup.batch_size, input, output)
    }

    /// The network with square images of another size, its parameters unchanged.
    ///
    /// # Errors
    /// A network whose operators do not fit that size, or whose parameters depend on it.
    pub fn resized(&self, size: usize) -> Result<Network, ScoreError> {
        let mut raw = self.network.to_raw();
        for node in &mut raw.nodes {
            match (&mut node.op, node.shape) {
                (Op::Input { shape }, Some(Shape::Map { channels, .. })) => *shape = Shape::map(channels, size),
                (Op::Input { .. } | Op::Reshape { .. }, _) => {}
                _ => node.shape = None,
            }
            if let Op::Input { shape } = node.op {
                node.shape = Some(shape);
            }
        }
        let unfit =
            |why: String| self.unfit(format!("needs the network at {size}×{size}, but {why}; leave out its `size`"));
        let network = raw.build().map_err(|error| unfit(error.to_string()))?;
        let grown = network.ids().find(|&id| network.parameters(id) != self.network.parameters(id));
        match grown {
            Some(id) => Err(unfit(format!("the weights of `{}` depend on the size", network.node(id).name))),
            None => Ok(network),
        }
    }

    /// The shape of the network's (first) input.
    pub fn input_shape(&self) -> Shape {
        self.network.input_shapes().first().copied().unwrap_or(Shape::Vector { features: 1 })
    }

    /// The first output.
    pub fn output(&self) -> NodeId {
        self.network.outputs()[0]
    }

    /// The shape of the first output.
    pub fn output_shape(&self) -> Shape {
        self.network.node(self.output()).shape
    }

    /// Whether what is not live may be left out: only where biases are zero does it add nothing.
    pub fn prunes(&self) -> bool {
        self.setup.init.biases == Biases::Zero
    }

    /// A forward and a backward pass in training over so many samples, without what is not live where that is right.
    pub fn training(&self, samples: usize) -> Plan {
        Plan { prune: self.prunes(), ..Plan::train(samples) }
    }

    /// A program of the network, with its initial weights in place.
    ///
    /// # Errors
    /// A network that the engine cannot run, or that needs more memory than there is; batch norms of one value.
    pub fn program(&self, plan: &Plan) -> Result<Box<dyn Program>, ScoreError> {
        self.program_of(self.network, plan, &self.weights())
    }

    /// A program of another network, such as a part of this one, with other weights, in the precision of these.
    ///
    /// # Errors
    /// As [`program`](Self::program).
    pub fn program_of<T: Element>(
        &self,
        network: &Network,
        plan: &Plan,
        weights: &Weights<T>,
    ) -> Result<Box<dyn Program<T>>, ScoreError>
    where
        Native: Backend<T>,
    {
        let mut program = self.place.compile(|| self.engine.compile(network, plan), |program| program.bytes())?;
        self.most.set(self.most.get().max(program.bytes()));
        let single = |id: &NodeId| {
            let node = network.node(*id);
            node.op == Op::BatchNorm && node.shape.size() == (1, 1) && program.runs(*id)
        };
        if plan.mode == Mode::Train
            && plan.batch == 1
            && let Some(id) = network.ids().find(single)
        {
            return Err(self.unfit(format!(
                "normalises one sample by itself, but `{}` has one position, so nothing would be left; \
                 use a larger batch, or a larger input",
                network.node(id).name
            )));
        }
        program.load(weights)?;
        Ok(program)
    }

    /// Runs a batch forward and backward from the loss, and says what the loss was.
    ///
    /// # Errors
    /// Targets that do not fit the output, outputs that are not finite, and whatever the program refuses.
    pub fn step<T: Element>(&self, program: &mut dyn Program<T>, batch: &Batch) -> Result<f64, ScoreError> {
        program.forward(&[&batch.inputs.cast()])?;
        let Some(output) = program.value(self.output()) else { return Ok(0.0) };
        let (loss, gradient) = self.setup.loss.value_and_gradient(&output, &batch.target)?;
        program.backward(&[(self.output(), &gradient)])?;
        Ok(loss)
    }

    /// The mean over the batches of what `score` makes of the gradients after each: it is given the program and the weights.
    ///
    /// # Errors
    /// As [`program`](Self::program) and [`step`](Self::step).
    pub fn mean_over_batches(
        &self,
        mut score: impl FnMut(&dyn Program, &Weights) -> Result<f64, ScoreError>,
    ) -> Result<Reading, ScoreError> {
        let weights = self.weights();
        let mut program = self.program_of(self.network, &self.training(self.setup.batch_size), &weights)?;
        let batches = self.batches()?;
        let mut total = 0.0;
        for batch in batches.iter() {
            self.step(program.as_mut(), batch)?;
            total += score(program.as_ref(), &weights)?;
        }
        Ok((total / batches.len() as f64).into())
    }

    /// A parameter of a node.
    ///
    /// # Errors
    /// Weights without it.
    pub fn weight<'w, T: Element>(
        &self,
        weights: &'w Weights<T>,
        id: NodeId,
        parameter: usize,
    ) -> Result<&'w Tensor<T>, ScoreError> {
        let name = self.name_of(id, parameter);
        weights.0.get(&name).ok_or_else(|| EngineError::from(WeightsError::Missing { name }).into())
    }

    /// The name of a parameter among weights.
    pub fn name_of(&self, id: NodeId, parameter: usize) -> String {
        let parameter = self.network.parameters(id).get(parameter).map_or("", |parameter| parameter.name);
        format!("{}.{parameter}", self.network.node(id).name)
    }

    /// Bytes of the largest program so far.
    pub(super) fn most_bytes(&self) -> u64 {
        self.most.get()
    }

    /// Floating-point operations of the programs so far.
    pub(super) fn operations(&self) -> u64 {
        self.engine.operations()
    }

    /// The nodes of the network whose operators have weights and that are live: convolutions, linear layers and
    /// squeeze-excite gates, in topological order.
    pub fn weighted(&self) -> Vec<NodeId> {
        let live = self.network.live();
        let weighted =
            |id: &NodeId| matches!(self.network.node(*id).op, Op::Conv2d(_) | Op::Linear { .. } | Op::SqueezeExcite(_));
        self.network.ids().filter(|&id| live.contains(id)).filter(weighted).collect()
    }

    /// The kernels of convolutions and squeeze-excite gates and the matrices of linear layers that are live, in
    /// topological order: node, and position among its parameters. What the zero-cost proxies call layers.
    pub fn kernels(&self) -> Vec<(NodeId, usize)> {
        let of = |id: NodeId| {
            let parameters = self.network.parameters(id).into_iter().enumerate();
            parameters.filter(|(_, parameter)| parameter.role == Role::Weight).map(move |(at, _)| (id, at))
        };
        self.weighted().into_iter().flat_map(of).collect()
    }

    /// Whether a node's output reaches the output of the network without passing another node with weights.
    pub fn is_classifier(&self, id: NodeId) -> bool {
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for (_, next) in self.network.consumers(at) {
                if !self.network.node(next).op.parameters(self.network.input_shape(next)).is_empty() {
                    return false;
                }
                open.push(next);
            }
        }
        true
    }
}

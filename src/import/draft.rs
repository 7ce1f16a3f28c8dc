//! A network in the making: operators that can still be changed, with their parameters.

use crate::engine::{EPSILON, Tensor, Weights};
use crate::graph::{Builder, Network, NetworkError, NodeId, Op, Shape};

/// A network in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) nodes: Vec<DraftNode>,
    /// Positions of what comes out.
    pub(super) outputs: Vec<usize>,
}

/// An operator of a [`Draft`].
#[derive(Clone, Debug)]
pub(super) struct DraftNode {
    /// Its name, as far as possible the one that it had before it was exported.
    pub(super) name: String,
    pub(super) op: Op,
    /// Positions of what feeds it, all before its own.
    pub(super) inputs: Vec<usize>,
    pub(super) shape: Shape,
    /// Its parameters, in the order of [`Op::parameters`].
    pub(super) parameters: Vec<Vec<f32>>,
}

impl Draft {
    /// Adds an operator.
    ///
    /// # Errors
    /// What does not fit: an input, or a parameter of another size than the operator takes.
    pub(super) fn add(
        &mut self,
        name: String,
        op: Op,
        inputs: &[usize],
        parameters: Vec<Vec<f32>>,
    ) -> Result<usize, String> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.nodes[input].shape).collect();
        let shape = op.infer(&shapes).map_err(|error| error.to_string())?;
        let wanted = op.parameters(shapes.first().copied().unwrap_or(shape));
        for (at, parameter) in wanted.iter().enumerate() {
            let given = parameters.get(at).map_or(0, Vec::len);
            if given != parameter.elements() {
                let (name, shape) = (parameter.name, &parameter.shape);
                return Err(format!("its {name} has {given} elements, but {shape:?} are needed"));
            }
        }
        self.nodes.push(DraftNode { name, op, inputs: inputs.to_vec(), shape, parameters });
        Ok(self.nodes.len() - 1)
    }

    /// How often each node is read; an output counts as a reader.
    pub(super) fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.nodes.len()];
        let read = self.nodes.iter().flat_map(|node| &node.inputs).chain(&self.outputs);
        read.for_each(|&from| readers[from] += 1);
        readers
    }

    /// The only reader of each node, if it has one and is no output.
    pub(super) fn only_readers(&self) -> Vec<Option<usize>> {
        let readers = self.readers();
        let mut only = vec![None; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            node.inputs.iter().filter(|&&from| readers[from] == 1).for_each(|&from| only[from] = Some(index));
        }
        only
    }

    /// Drops what no output depends on, inputs aside.
    pub(super) fn sweep(&mut self) {
        let mut needed = vec![false; self.nodes.len()];
        self.outputs.iter().for_each(|&index| needed[index] = true);
        for index in (0..self.nodes.len()).rev() {
            needed[index] |= matches!(self.nodes[index].op, Op::Input { .. });
            if needed[index] {
                self.nodes[index].inputs.iter().for_each(|&from| needed[from] = true);
            }
        }
        self.keep(&needed);
    }

    /// Keeps some of the nodes; what they read is among them.
    fn keep(&mut self, needed: &[bool]) {
        let mut place = vec![0; self.nodes.len()];
        let mut kept = Vec::new();
        for (index, node) in std::mem::take(&mut self.nodes).into_iter().enumerate().filter(|(index, _)| needed[*index])
        {
            place[index] = kept.len();
            kept.push(node);
        }
        for node in &mut kept {
            node.inputs.iter_mut().for_each(|from| *from = place[*from]);
        }
        self.nodes = kept;
        self.outputs.iter_mut().for_each(|index| *index = place[*index]);
    }

    /// Puts batch norms into the convolutions and linear layers before them, where nothing else reads these
    /// (Jacob et al., CVPR 2018, eq. 14). Says how many.
    pub(super) fn fold_norms(&mut self) -> usize {
        let readers = self.readers();
        let mut folded = 0;
        for index in 0..self.nodes.len() {
            let [from] = self.nodes[index].inputs[..] else { continue };
            let foldable = matches!(self.nodes[from].op, Op::Conv2d(_) | Op::Linear { .. }) && readers[from] == 1;
            if !matches!(self.nodes[index].op, Op::BatchNorm) || !foldable {
                continue;
            }
            let norm = std::mem::take(&mut self.nodes[index].parameters);
            let [scale, shift, mean, variance] = &norm[..] else { continue };
            let factors: Vec<f32> =
                scale.iter().zip(variance).map(|(scale, variance)| factor(*scale, *variance)).collect();
            let offsets: Vec<f32> =
                shift.iter().zip(mean).zip(&factors).map(|((shift, mean), factor)| shift - mean * factor).collect();
            self.nodes[from].affine(&factors, Some(&offsets));
            self.nodes[index].op = Op::Identity;
            folded += 1;
        }
        self.drop_identities();
        folded
    }

    /// Lets a concatenation that begins as an earlier one does take that one in place of its parts, as layers of a DenseNet
    /// follow each other (Huang et al., CVPR 2017, eq. 2): what all later layers read is then one tensor.
    pub(super) fn nest(&mut self) {
        // What each concatenation joins, with those within it taken apart.
        let mut joined: Vec<(usize, Vec<usize>)> = Vec::new();
        for index in 0..self.nodes.len() {
            if self.nodes[index].op != Op::Concat {
                continue;
            }
            let parts = self.nodes[index].inputs.clone();
            if parts.len() == 1 {
                self.nodes[index].op = Op::Identity;
                continue;
            }
            let begins =
                |(_, earlier): &&(usize, Vec<usize>)| parts.len() > earlier.len() && parts.starts_with(earlier);
            if let Some((at, earlier)) = joined.iter().filter(begins).max_by_key(|(_, earlier)| earlier.len()) {
                self.nodes[index].inputs = std::iter::once(*at).chain(parts[earlier.len()..].iter().copied()).collect();
            }
            joined.push((index, parts));
        }
        self.drop_identities();
        self.sweep();
    }

    /// Joins what reads an identity to what feeds it.
    fn drop_identities(&mut self) {
        let mut through: Vec<usize> = (0..self.nodes.len()).collect();
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            if let (Op::Identity, [from]) = (&node.op, &node.inputs[..]) {
                through[index] = through[*from];
            }
        }
        self.nodes.iter_mut().flat_map(|node| &mut node.inputs).for_each(|from| *from = through[*from]);
        self.outputs.iter_mut().for_each(|index| *index = through[*index]);
        self.sweep();
    }

    /// The first parameter that is not finite, with its name.
    pub(super) fn not_finite(&self) -> Option<(String, f32)> {
        self.nodes.iter().find_map(|node| {
            let entering = node.inputs.first().map_or(node.shape, |&from| self.nodes[from].shape);
            node.op.parameters(entering).iter().zip(&node.parameters).find_map(|(parameter, values)| {
                let value = values.iter().find(|value| !value.is_finite())?;
                Some((format!("{}.{}", node.name, parameter.name), *value))
            })
        })
    }

    /// The network with its weights, in blocks: for each, its name, a description, and the position of its first node.
    ///
    /// # Errors
    /// What does not fit together.
    pub(super) fn build(&self, blocks: &[(String, String, usize)]) -> Result<(Network, Weights), NetworkError> {
        let mut builder = Builder::new();
        let mut weights = Weights::default();
        let mut ids: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        let mut blocks = blocks.iter().peekable();
        for (index, node) in self.nodes.iter().enumerate() {
            while let Some((name, description, _)) = blocks.next_if(|(.., first)| *first <= index) {
                builder.block(name, description);
            }
            let inputs: Vec<NodeId> = node.inputs.iter().map(|&from| ids[from]).collect();
            let entering = inputs.first().map_or(node.shape, |&from| builder.shape(from));
            for (parameter, values) in node.op.parameters(entering).into_iter().zip(&node.parameters) {
                let name = format!("{}.{}", node.name, parameter.name);
                weights.0.insert(name, Tensor { shape: parameter.shape, data: values.clone() });
            }
            ids.push(builder.add(node.name.clone(), node.op.clone(), &inputs)?);
        }
        self.outputs.iter().for_each(|&index| builder.output(ids[index]));
        Ok((builder.finish()?, weights))
    }
}

impl DraftNode {
    /// Multiplies every output channel of a convolution or linear layer by a factor, and adds an offset to it where there are
    /// any.
    pub(super) fn affine(&mut self, factors: &[f32], offsets: Option<&[f32]>) {
        let Some(weight) = self.parameters.first_mut() else { return };
        let row = weight.len() / factors.len().max(1);
        for (row, factor) in weight.chunks_mut(row.max(1)).zip(factors) {
            row.iter_mut().for_each(|x| *x *= factor);
        }
        let before = self.parameters.get(1).cloned().unwrap_or_else(|| vec![0.0; factors.len()]);
        let offset = |at: usize| offsets.map_or(0.0, |offsets| offsets[at]);
        let scaled = before.iter().zip(factors).enumerate();
        let bias: Vec<f32> = scaled.map(|(at, (before, factor))| before * factor + offset(at)).collect();
        match &mut self.op {
            Op::Conv2d(conv) if conv.bias => self.parameters[1] = bias,
            Op::Linear { bias: true, .. } => self.parameters[1] = bias,
            op if offsets.is_some() => {
                match op {
                    Op::Conv2d(conv) => conv.bias = true,
                    Op::Linear { bias, .. } => *bias = true,
                    _ => {}
                }
                self.parameters.push(bias);
            }
            _ => {}
        }
    }
}

/// What a batch norm with running statistics multiplies by.
fn factor(scale: f32, variance: f32) -> f32 {
    (f64::from(scale) / (f64::from(variance) + EPSILON).sqrt()) as f32
}

/// The parameters of a batch norm that multiplies by factors and adds offsets, whatever comes in.
pub(super) fn affine_norm(factors: Vec<f32>, offsets: Vec<f32>) -> Vec<Vec<f32>> {
    let channels = factors.len();
    vec![factors, offsets, vec![0.0; channels], vec![(1.0 - EPSILON) as f32; channels]]
}

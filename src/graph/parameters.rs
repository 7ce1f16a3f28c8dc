//! The parameters of each operator: their names, shapes and what they are for. Exports, engines and initialisers all
//! take them from here, in this order.

use super::{Network, NodeId, Op, Shape};

/// One tensor of parameters of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name within the node, as PyTorch has it: `weight`, `bias`, `running_mean`, …
    pub name: &'static str,
    /// Its sizes in PyTorch's order: `[out, in / groups, height, width]`, `[out, in]`, `[rows, features]` or `[features]`.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// What a tensor of parameters is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The kernel of a convolution, or the matrix of a linear layer.
    Weight,
    /// The rows of an embedding, learned positions and learned tokens.
    Table,
    /// What a convolution or a linear layer adds.
    Bias,
    /// What a norm multiplies by; 1 before training.
    Scale,
    /// What a norm adds; 0 before training.
    Shift,
    /// The running mean of a batch norm; not trained.
    Mean,
    /// The running variance of a batch norm; not trained.
    Variance,
}

impl Role {
    /// Whether gradients reach it. Those that are not trained do not count as parameters of a network.
    pub fn trained(self) -> bool {
        !matches!(self, Self::Mean | Self::Variance)
    }
}

impl Parameter {
    fn new(name: &'static str, shape: Vec<usize>, role: Role) -> Self {
        Self { name, shape, role }
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Inputs that each output is summed over; the features of an embedding.
    pub fn fan_in(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Outputs that each input is spread to, as PyTorch counts it: the first size times the window.
    pub fn fan_out(&self) -> usize {
        self.shape[0] * self.shape.iter().skip(2).product::<usize>()
    }
}

impl Op {
    /// The parameters of the operator behind an input of that shape.
    pub fn parameters(&self, input: Shape) -> Vec<Parameter> {
        let channels = input.channels();
        let biased = |weight: Parameter, bias: bool, outputs: usize, name: &'static str| {
            let bias = bias.then(|| Parameter::new(name, vec![outputs], Role::Bias));
            std::iter::once(weight).chain(bias).collect::<Vec<_>>()
        };
        match self {
            Self::Conv2d(conv) => {
                let shape = vec![conv.channels, channels / conv.groups, conv.kernel[0], conv.kernel[1]];
                biased(Parameter::new("weight", shape, Role::Weight), conv.bias, conv.channels, "bias")
            }
            Self::Linear { features, bias } => {
                let shape = vec![*features, channels];
                biased(Parameter::new("weight", shape, Role::Weight), *bias, *features, "bias")
            }
            Self::Embedding { vocabulary, features } => {
                vec![Parameter::new("weight", vec![*vocabulary, *features], Role::Table)]
            }
            Self::SqueezeExcite(se) => {
                let reduce = Parameter::new("reduce.weight", vec![se.hidden, channels, 1, 1], Role::Weight);
                let expand = Parameter::new("expand.weight", vec![channels, se.hidden, 1, 1], Role::Weight);
                let mut both = biased(reduce, true, se.hidden, "reduce.bias");
                both.extend(biased(expand, true, channels, "expand.bias"));
                both
            }
            Self::BatchNorm => vec![
                Parameter::new("weight", vec![channels], Role::Scale),
                Parameter::new("bias", vec![channels], Role::Shift),
                Parameter::new("running_mean", vec![channels], Role::Mean),
                Parameter::new("running_var", vec![channels], Role::Variance),
            ],
            Self::LayerNorm { .. } => vec![
                Parameter::new("weight", vec![channels], Role::Scale),
                Parameter::new("bias", vec![channels], Role::Shift),
            ],
            Self::RmsNorm { .. } => vec![Parameter::new("weight", vec![channels], Role::Scale)],
            Self::PositionEmbedding => vec![Parameter::new("weight", input.into(), Role::Table)],
            Self::PrependTokens { count } => vec![Parameter::new("weight", vec![*count, channels], Role::Table)],
            _ => Vec::new(),
        }
    }
}

impl Network {
    /// The parameters of a node.
    pub fn parameters(&self, id: NodeId) -> Vec<Parameter> {
        self.node(id).op.parameters(self.input_shape(id))
    }
}

//! Operators as a phone's runtime executes them: their kind and their geometry,
//! nothing else. Everything that prices an operator sees it in this form,
//! whether it came from a measured operator list or from one of our graphs.

use std::fmt;

/// The kind of an operator, by the name TFLite gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KernelKind {
    /// Convolution over all input channels.
    Conv,
    /// Convolution of each channel alone.
    Depthwise,
    /// Convolution in more than one group, not depthwise.
    Grouped,
    /// Weights times a vector, or times each of several rows.
    FullyConnected,
    /// Largest element of a window.
    MaxPool,
    /// Mean of a window.
    AveragePool,
    /// Mean over all positions.
    Mean,
    /// Tensors laid side by side along the channels.
    Concatenation,
    /// Element-wise product, such as the gate of a squeeze-excite.
    Multiply,
    /// Enlargement of a map by copying or interpolating.
    Resize,
    /// Product of two tensors over their features, one for each group: what attention is made of.
    MatMul,
    /// Softmax over the features of each position.
    Softmax,
    /// Layer or root-mean-square normalisation. TFLite runs it as a handful of steps; here it is one operator.
    Norm,
    /// Rows of a table picked by number.
    Gather,
    /// Channels moved to the positions of a larger map.
    DepthToSpace,
    /// The same elements in another order.
    Transpose,
    /// Element-wise sum of two tensors.
    Add,
    /// A tensor passed on where a choice might have put an operator.
    Identity,
    /// The activation `x · clamp(x + 3, 0, 6) / 6`, or the gate in it: what no fused clamp can do.
    HardSwish,
    /// A clamp that no operator before it takes in.
    Relu,
    /// Logistic function, or its product with `x`.
    Logistic,
    /// Gaussian error linear unit.
    Gelu,
}

impl KernelKind {
    /// Every kind, in the order in which messages and tables list them.
    pub const ALL: [Self; 22] = [
        Self::Conv,
        Self::Depthwise,
        Self::Grouped,
        Self::FullyConnected,
        Self::MaxPool,
        Self::AveragePool,
        Self::Mean,
        Self::Concatenation,
        Self::Multiply,
        Self::Resize,
        Self::MatMul,
        Self::Softmax,
        Self::Norm,
        Self::Gather,
        Self::DepthToSpace,
        Self::Transpose,
        Self::Add,
        Self::Identity,
        Self::HardSwish,
        Self::Relu,
        Self::Logistic,
        Self::Gelu,
    ];

    /// The names of all kinds, in that order.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// The name in operator lists and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv => "CONV_2D",
            Self::Depthwise => "DEPTHWISE_CONV_2D",
            Self::Grouped => "CONV_2D_GROUP",
            Self::FullyConnected => "FULLY_CONNECTED",
            Self::MaxPool => "MAX_POOL_2D",
            Self::AveragePool => "AVERAGE_POOL_2D",
            Self::Mean => "MEAN",
            Self::Concatenation => "CONCATENATION",
            Self::Multiply => "MUL",
            Self::Resize => "RESIZE",
            Self::MatMul => "BATCH_MATMUL",
            Self::Softmax => "SOFTMAX",
            Self::Norm => "NORMALIZATION",
            Self::Gather => "GATHER",
            Self::DepthToSpace => "DEPTH_TO_SPACE",
            Self::Transpose => "TRANSPOSE",
            Self::Add => "ADD",
            Self::Identity => "IDENTITY",
            Self::HardSwish => "HARD_SWISH",
            Self::Relu => "RELU",
            Self::Logistic => "LOGISTIC",
            Self::Gelu => "GELU",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it multiplies by weights, or by another tensor, over channels: the kinds that run as a matrix product.
    pub fn is_dense(self) -> bool {
        matches!(self, Self::Conv | Self::Grouped | Self::FullyConnected | Self::MatMul)
    }

    /// Whether measured operator lists have columns for its geometry.
    pub fn is_listed(self) -> bool {
        let unlisted = matches!(
            self,
            Self::MatMul | Self::Softmax | Self::Norm | Self::Gather | Self::DepthToSpace | Self::Transpose
        );
        !unlisted && !self.is_folded()
    }

    /// Whether measured operator lists leave it out, so that tables fitted to them have its cost in that of others.
    pub fn is_folded(self) -> bool {
        matches!(self, Self::Add | Self::Identity) || self.is_activation()
    }

    /// Whether no network behind the published measurements has one, so that its cost is in that of nothing else either.
    pub fn is_unmeasured(self) -> bool {
        matches!(self, Self::Logistic | Self::Gelu)
    }

    /// Whether it is an activation that runs by itself.
    pub fn is_activation(self) -> bool {
        matches!(self, Self::HardSwish | Self::Relu | Self::Logistic | Self::Gelu)
    }

    /// Whether measured operator lists have no row for it, so that it has to be inferred from its neighbours.
    pub fn is_hidden(self) -> bool {
        matches!(self, Self::Multiply)
    }
}

/// One operator with its geometry.
///
/// # Shapes
/// Heights come before widths. `input` counts the padding where the runtime
/// pads in a step of its own (`explicit_padding`), and does not where the
/// operator pads as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kernel {
    /// What it computes.
    pub kind: KernelKind,
    /// Height and width of the input.
    pub input: [u32; 2],
    /// Input channels; of the first input where there are several.
    pub input_channels: u32,
    /// Height and width of the output.
    pub output: [u32; 2],
    /// Output channels.
    pub output_channels: u32,
    /// Height and width of the window; 1 for operators without one.
    pub window: [u32; 2],
    /// Stride in both directions.
    pub stride: u32,
    /// Distance between the taps of the window.
    pub dilation: u32,
    /// Groups; equal to the input channels for a depthwise convolution.
    pub groups: u32,
    /// Number of input tensors.
    pub inputs: u32,
    /// Whether a padding step of its own copies the input first.
    pub explicit_padding: bool,
}

fn area([height, width]: [u32; 2]) -> u64 {
    u64::from(height) * u64::from(width)
}

impl Kernel {
    /// An operator that keeps channels and size; the base from which others are made by naming what differs.
    pub fn pointwise(kind: KernelKind, size: [u32; 2], channels: u32) -> Self {
        Self {
            kind,
            input: size,
            input_channels: channels,
            output: size,
            output_channels: channels,
            window: [1, 1],
            stride: 1,
            dilation: 1,
            groups: 1,
            inputs: 1,
            explicit_padding: false,
        }
    }

    /// Whether it is a matrix product over the rows of a sequence, with weights or with another tensor.
    pub fn is_over_sequence(&self) -> bool {
        match self.kind {
            KernelKind::FullyConnected => self.positions() > 1,
            kind => kind == KernelKind::MatMul,
        }
    }

    /// Output positions.
    pub fn positions(&self) -> u64 {
        area(self.output)
    }

    /// Taps of the window.
    pub fn taps(&self) -> u64 {
        area(self.window)
    }

    /// Input channels that one output channel sees.
    pub fn group_width(&self) -> u64 {
        u64::from(self.input_channels / self.groups.max(1))
    }

    /// Elements read. Saturates, as do all counts here.
    pub fn input_elements(&self) -> u64 {
        match self.kind {
            KernelKind::Concatenation => self.output_elements(),
            _ => area(self.input).saturating_mul(u64::from(self.input_channels)),
        }
    }

    /// Elements written.
    pub fn output_elements(&self) -> u64 {
        self.positions().saturating_mul(u64::from(self.output_channels))
    }

    /// Weights of convolutions and fully connected layers, biases not counted, and elements of the second factor of
    /// a product of tensors; 0 for other kinds.
    pub fn weights(&self) -> u64 {
        match self.kind {
            KernelKind::Conv
            | KernelKind::Grouped
            | KernelKind::FullyConnected
            | KernelKind::Depthwise
            | KernelKind::MatMul => {
                self.taps().saturating_mul(self.group_width()).saturating_mul(u64::from(self.output_channels))
            }
            _ => 0,
        }
    }

    /// Multiply-adds of convolutions, fully connected layers and products of tensors; 0 for other kinds.
    pub fn macs(&self) -> u64 {
        self.positions().saturating_mul(self.weights())
    }

    /// Elements that all windows read together, over all channels.
    pub fn window_elements(&self) -> u64 {
        self.positions().saturating_mul(self.taps()).saturating_mul(u64::from(self.input_channels))
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |[height, width]: [u32; 2]| {
            if height == width { height.to_string() } else { format!("{height}x{width}") }
        };
        write!(f, "{} {}@{}", self.kind.name(), self.input_channels, size(self.input))?;
        write!(f, " to {}@{}", self.output_channels, size(self.output))?;
        if self.taps() > 1 {
            write!(f, ", window {}", size(self.window))?;
        }
        if self.stride > 1 {
            write!(f, ", stride {}", self.stride)?;
        }
        if self.dilation > 1 {
            write!(f, ", dilation {}", self.dilation)?;
        }
        if matches!(self.kind, KernelKind::Grouped | KernelKind::MatMul) {
            write!(f, ", {} groups", self.groups)?;
        }
        if self.kind == KernelKind::Concatenation {
            write!(f, ", {} inputs", self.inputs)?;
        }
        Ok(())
    }
}

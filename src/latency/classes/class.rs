//! The classes: operators that a runtime runs by one kind of code, told apart by
//! kind and geometry.

use crate::latency::{Kernel, KernelKind};

/// A class of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Convolutions of one position over a map, stride 1.
    Conv1x1,
    /// The same with a stride.
    Conv1x1Strided,
    /// 3×3 convolutions of stride 1: what Winograd's algorithm serves.
    Conv3x3,
    /// Every other convolution over a window.
    ConvWindow,
    /// Fully connected layers and convolutions on a single position.
    Vector,
    /// Depthwise convolutions.
    Depthwise,
    /// Other grouped convolutions.
    Grouped,
    /// Pooling.
    Pool,
    /// Means over all positions.
    Mean,
    /// Concatenation, and whatever else moves elements without computing on them.
    Concatenation,
    /// Products by element.
    Gate,
    /// Sums by element.
    Addition,
    /// Skip connections that a choice puts where another operator might stand.
    Skip,
    /// Activations that no operator before them takes in.
    Activation,
}

use Class as C;

impl Class {
    /// Every class, in the order of tables.
    pub const ALL: [Self; 14] = [
        C::Conv1x1,
        C::Conv1x1Strided,
        C::Conv3x3,
        C::ConvWindow,
        C::Vector,
        C::Depthwise,
        C::Grouped,
        C::Pool,
        C::Mean,
        C::Concatenation,
        C::Gate,
        C::Addition,
        C::Skip,
        C::Activation,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            C::Conv1x1 => "conv_1x1",
            C::Conv1x1Strided => "conv_1x1_strided",
            C::Conv3x3 => "conv_3x3",
            C::ConvWindow => "conv_window",
            C::Vector => "vector",
            C::Depthwise => "depthwise",
            C::Grouped => "grouped",
            C::Pool => "pool",
            C::Mean => "mean",
            C::Concatenation => "concatenation",
            C::Gate => "gate",
            C::Addition => "addition",
            C::Skip => "skip",
            C::Activation => "activation",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The class of an operator.
    pub fn of(kernel: &Kernel) -> Self {
        use KernelKind as K;
        match kernel.kind {
            K::Conv if kernel.input == [1, 1] => C::Vector,
            K::Conv if kernel.taps() == 1 && kernel.stride == 1 => C::Conv1x1,
            K::Conv if kernel.taps() == 1 => C::Conv1x1Strided,
            K::Conv if kernel.window == [3, 3] && kernel.stride == 1 && kernel.dilation == 1 => C::Conv3x3,
            K::Conv => C::ConvWindow,
            K::FullyConnected => C::Vector,
            K::MatMul => C::Conv1x1,
            K::Depthwise => C::Depthwise,
            K::Grouped => C::Grouped,
            K::MaxPool | K::AveragePool => C::Pool,
            K::Mean => C::Mean,
            K::Concatenation | K::Resize | K::Softmax | K::Norm | K::Gather | K::DepthToSpace | K::Transpose => {
                C::Concatenation
            }
            K::Multiply => C::Gate,
            K::Add => C::Addition,
            K::Identity => C::Skip,
            K::HardSwish | K::Relu | K::Logistic | K::Gelu => C::Activation,
        }
    }

    /// The class whose costs serve where a table has none for this one, so that no convolution is free; what a table
    /// has never seen is flagged besides.
    fn stand_in(self) -> Option<Self> {
        match self {
            C::Conv3x3 | C::Conv1x1Strided | C::Vector => Some(C::Conv1x1),
            C::ConvWindow | C::Depthwise | C::Grouped => Some(C::Conv3x3),
            C::Concatenation => Some(C::Mean),
            C::Mean => Some(C::Pool),
            C::Gate => Some(C::Addition),
            C::Conv1x1 | C::Pool | C::Addition | C::Skip | C::Activation => None,
        }
    }

    /// The class itself or the first of its stand-ins that `has_costs`.
    pub(super) fn or_stand_in(self, has_costs: impl Fn(&Self) -> bool) -> Option<Self> {
        std::iter::successors(Some(self), |class| class.stand_in()).find(has_costs)
    }
}

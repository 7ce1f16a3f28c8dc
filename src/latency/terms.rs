//! The terms of the operator model: counts of work that follow from an
//! operator's geometry alone. A latency is a sum over operators of terms times
//! coefficients that are never negative, so it adds up along a path.
//!
//! Float and int8 networks run through different kernels and have term lists of
//! their own. In float, XNNPACK-like matrix products cost by multiply-adds,
//! weights streamed, outputs written and windows gathered. In int8, products
//! run in tiles of four positions by sixteen channels over groups of four
//! inputs, narrow convolutions cannot fill them, and operators without a fast
//! int8 path (padding, grouped, wide strided depthwise) fall back to slow code.

use super::{Kernel, KernelKind};

/// One count of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// Once per network: what a run costs before and after its operators.
    Network,
    /// Once per operator.
    Operators,
    /// Multiply-adds of convolutions (grouped ones included), fully connected layers and products of tensors.
    Macs,
    /// Multiply-adds after rounding up to whole int8 tiles; grouped convolutions do not run this way.
    TiledMacs,
    /// Weights that stream in.
    Weights,
    /// Outputs of convolutions and fully connected layers: clamped, requantised and written.
    Outputs,
    /// Elements gathered by convolution windows larger than one position.
    Gathered,
    /// The same for images of at most four channels, which fill no vector.
    ImageGathered,
    /// Multiply-adds that a spatial convolution lacks to 64 output channels.
    Narrow,
    /// Multiply-adds of grouped convolutions.
    GroupedMacs,
    /// Elements read and written by grouped convolutions.
    GroupedElements,
    /// Elements gathered by the windows of grouped convolutions.
    GroupedGathered,
    /// Elements copied by a padding step before a convolution.
    Padded,
    /// Padding steps before convolutions.
    Paddings,
    /// Work of depthwise convolutions: multiply-adds, and elements read at four multiply-adds each.
    /// One term, since whole networks hardly tell the two apart, and windows above 3×3 must not look free.
    Depthwise,
    /// Elements that strided depthwise convolutions of windows up to 3×3 read.
    DepthwiseStrided,
    /// Multiply-adds of strided depthwise convolutions of windows above 3×3.
    DepthwiseWideStrided,
    /// Elements read and written by every other kind: pooling, means, products by element, concatenation, resizing, and
    /// what no fit has seen yet (softmax, norms, look-ups, transposition).
    Moved,
}

use Term as T;

/// Terms for float networks.
pub const FLOAT: [Term; 12] = [
    T::Network,
    T::Operators,
    T::Macs,
    T::Weights,
    T::Outputs,
    T::Gathered,
    T::ImageGathered,
    T::GroupedMacs,
    T::GroupedElements,
    T::Padded,
    T::Depthwise,
    T::Moved,
];

/// Terms for int8 networks.
pub const QUANT: [Term; 12] = [
    T::Operators,
    T::TiledMacs,
    T::Weights,
    T::Outputs,
    T::Narrow,
    T::GroupedMacs,
    T::GroupedGathered,
    T::Paddings,
    T::Depthwise,
    T::DepthwiseStrided,
    T::DepthwiseWideStrided,
    T::Moved,
];

/// The terms for a precision, by the name that measurement files use.
pub fn for_precision(precision: &str) -> Option<&'static [Term]> {
    match precision {
        "float" => Some(&FLOAT),
        "quant" => Some(&QUANT),
        _ => None,
    }
}

impl Term {
    /// Every term.
    pub const ALL: [Self; 18] = [
        T::Network,
        T::Operators,
        T::Macs,
        T::TiledMacs,
        T::Weights,
        T::Outputs,
        T::Gathered,
        T::ImageGathered,
        T::Narrow,
        T::GroupedMacs,
        T::GroupedElements,
        T::GroupedGathered,
        T::Padded,
        T::Paddings,
        T::Depthwise,
        T::DepthwiseStrided,
        T::DepthwiseWideStrided,
        T::Moved,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        self.described().0
    }

    /// What one unit of it is, for people who read a table.
    pub fn unit(self) -> &'static str {
        self.described().1
    }

    /// The term of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|term| term.name() == name)
    }

    fn described(self) -> (&'static str, &'static str) {
        match self {
            T::Network => ("network", "network"),
            T::Operators => ("operators", "operator"),
            T::Macs => ("macs", "multiply-add of a convolution or fully connected layer"),
            T::TiledMacs => ("tiled_macs", "multiply-add, rounded up to tiles of 4 positions x 16 outputs x 4 inputs"),
            T::Weights => ("weights", "weight of a convolution or fully connected layer"),
            T::Outputs => ("outputs", "output element of a convolution or fully connected layer"),
            T::Gathered => ("gathered", "element gathered by a convolution window above 1x1"),
            T::ImageGathered => ("image_gathered", "the same, of an input with at most 4 channels"),
            T::Narrow => ("narrow", "multiply-add that a spatial convolution lacks to 64 output channels"),
            T::GroupedMacs => ("grouped_macs", "multiply-add of a grouped convolution"),
            T::GroupedElements => ("grouped_elements", "element read or written by a grouped convolution"),
            T::GroupedGathered => ("grouped_gathered", "element gathered by a window of a grouped convolution"),
            T::Padded => ("padded", "element of a padded copy before a convolution"),
            T::Paddings => ("paddings", "padding step before a convolution"),
            T::Depthwise => ("depthwise", "multiply-add of a depthwise convolution; an element read counts as four"),
            T::DepthwiseStrided => {
                ("depthwise_strided", "input element of a strided depthwise convolution, window up to 3x3")
            }
            T::DepthwiseWideStrided => {
                ("depthwise_wide_strided", "multiply-add of a strided depthwise convolution, window above 3x3")
            }
            T::Moved => ("moved", "element read or written by pooling, mean, product, concatenation or resizing"),
        }
    }

    /// How much of it an operator holds. [`Term::Network`] belongs to no operator and gives 0.
    pub fn count(self, kernel: &Kernel) -> f64 {
        use KernelKind as K;
        let kind = kernel.kind;
        let when = |holds: bool, value: u64| if holds { value as f64 } else { 0.0 };
        let spatial = kernel.taps() > 1;
        let padded_conv = kernel.explicit_padding && matches!(kind, K::Conv | K::Grouped);
        let depthwise = kind == K::Depthwise;
        let wide = kernel.taps() > 9;
        match self {
            T::Network => 0.0,
            T::Operators => when(!kind.is_hidden(), 1),
            T::Macs => when(kind.is_dense(), kernel.macs()),
            T::TiledMacs => when(matches!(kind, K::Conv | K::FullyConnected | K::MatMul), tiled_macs(kernel)),
            T::Weights => when(kind.is_dense(), kernel.weights()),
            T::Outputs => when(kind.is_dense(), kernel.output_elements()),
            T::Gathered => when(kind.is_dense() && spatial, kernel.window_elements()),
            T::ImageGathered => {
                when(kind == K::Conv && spatial && kernel.input_channels <= 4, kernel.window_elements())
            }
            T::Narrow => {
                let lacking = 64u64.saturating_sub(u64::from(kernel.output_channels));
                let on_a_map = kernel.positions() > 1;
                when(kind == K::Conv && spatial && on_a_map, kernel.window_elements().saturating_mul(lacking))
            }
            T::GroupedMacs => when(kind == K::Grouped, kernel.macs()),
            T::GroupedElements => {
                when(kind == K::Grouped, kernel.input_elements().saturating_add(kernel.output_elements()))
            }
            T::GroupedGathered => when(kind == K::Grouped, kernel.window_elements()),
            T::Padded => when(padded_conv, kernel.input_elements()),
            T::Paddings => when(padded_conv, 1),
            T::Depthwise => {
                when(depthwise, kernel.macs().saturating_add(kernel.input_elements().saturating_mul(READ_IN_MACS)))
            }
            T::DepthwiseStrided => when(depthwise && kernel.stride > 1 && !wide, kernel.input_elements()),
            T::DepthwiseWideStrided => when(depthwise && kernel.stride > 1 && wide, kernel.macs()),
            T::Moved => {
                let elementary = !kind.is_dense() && kind != K::Depthwise;
                when(elementary, kernel.input_elements().saturating_add(kernel.output_elements()))
            }
        }
    }
}

/// What reading an element costs a depthwise convolution, in multiply-adds.
const READ_IN_MACS: u64 = 4;

fn tiled_macs(kernel: &Kernel) -> u64 {
    let groups = u64::from(kernel.groups.max(1));
    let inputs = kernel.group_width().next_multiple_of(4);
    let outputs = (u64::from(kernel.output_channels) / groups).next_multiple_of(16).saturating_mul(groups);
    let positions = kernel.positions().next_multiple_of(4);
    positions.saturating_mul(kernel.taps()).saturating_mul(inputs).saturating_mul(outputs)
}

#[cfg(test)]
mod tests;

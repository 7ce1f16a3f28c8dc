//! The terms of the operator model: counts of work that follow from an
//! operator's geometry alone. A latency is a sum over operators of terms times
//! coefficients that are never negative, so it adds up along a path.
//!
//! Float and int8 networks run through different kernels and have term lists of
//! their own. In both, matrix products run in whole tiles: their edges cost as
//! much as if they were full. Weights that do not fit the cache stream in, and
//! operators without a fast int8 path (padding, grouped, wide strided depthwise)
//! fall back to slow code.
//!
//! What the measured networks cannot tell is settled by what is known of such
//! kernels, not left open: an int8 tile takes groups of four inputs, of which a
//! depthwise convolution has one, so its multiply-adds count four times; in
//! float a read element counts as two multiply-adds, since 3×3 windows are
//! nearly all there is to tell the two apart, and a 7×7 must not look free. The
//! gate of a squeeze-excite is dear where its map has left the first cache, and
//! in int8, where arithmetic is quick, it is two operators that lists do not show.
//!
//! Networks of tokens run their matrix products through other kernels; their
//! terms come on top ([`SEQUENCES`]) and are fitted to such networks alone.

use super::{Kernel, KernelKind};

/// One count of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// Once per network: what a run costs before and after its operators.
    Network,
    /// Once per operator.
    Operators,
    /// Once per operator that runs, whether lists have it or not: a product by element is the gate of a squeeze-excite,
    /// and stands for its sigmoid too.
    Dispatched,
    /// Multiply-adds of matrix products (convolutions, fully connected layers, products of tensors) after rounding up
    /// to whole tiles of float kernels.
    FloatTiles,
    /// The same in tiles of int8 kernels; depthwise convolutions run in them too, one input to a group of four.
    Int8Tiles,
    /// Outputs of convolutions and fully connected layers: clamped, requantised and written.
    Outputs,
    /// Elements gathered by convolution windows larger than one position.
    Gathered,
    /// Multiply-adds that a spatial convolution lacks to 64 output channels.
    Narrow,
    /// Weights of layers that hold more than 256 KiB of them in float: they stream in from beyond the cache.
    UncachedWeights,
    /// Multiply-adds of layers that hold more than 256 KiB of weights in float: tiles wait for them.
    UncachedMacs,
    /// Multiply-adds of layers that hold more than 32 KiB of weights in int8, where tiles are done sooner.
    UncachedInt8Macs,
    /// Weights of fully connected layers on a single position: each is read for one multiply-add.
    WeightsUsedOnce,
    /// Multiply-adds of grouped convolutions.
    GroupedMacs,
    /// Elements read and written by grouped convolutions.
    GroupedElements,
    /// Elements gathered by the windows of grouped convolutions.
    GroupedGathered,
    /// Padding steps before convolutions.
    Paddings,
    /// Work of float depthwise convolutions: multiply-adds, and elements read at two multiply-adds each.
    Depthwise,
    /// Elements that strided depthwise convolutions of windows up to 3×3 read.
    DepthwiseStrided,
    /// Multiply-adds of strided depthwise convolutions of windows above 3×3.
    DepthwiseWideStrided,
    /// Elements read and written by every other kind: pooling, means, products by element, concatenation, resizing, and
    /// what no fit has seen yet (softmax, norms, look-ups, transposition).
    Moved,
    /// Elements read and written by products by element, such as the gate of a squeeze-excite, on top of that.
    Gates,
    /// The same of the elements that a first-level data cache of 32 KiB of float does not hold any more from the operator
    /// before.
    UncachedGates,
    /// Multiply-adds of matrix products over the rows of a sequence, weights or another tensor, on top of their tiles.
    SequenceMacs,
    /// Weights of fully connected layers over the rows of a sequence: they are brought into the order of tiles each time.
    SequenceWeights,
    /// Outputs of fully connected layers over the rows of a sequence, with the norms, the sums and the smooth activations
    /// that run on them.
    SequenceOutputs,
    /// Elements of a softmax, on top of moving them.
    Softmaxes,
}

use Term as T;

/// Terms for float networks.
pub const FLOAT: [Term; 13] = [
    T::Network,
    T::FloatTiles,
    T::Outputs,
    T::Gathered,
    T::Narrow,
    T::UncachedWeights,
    T::UncachedMacs,
    T::WeightsUsedOnce,
    T::GroupedMacs,
    T::GroupedElements,
    T::Depthwise,
    T::Moved,
    T::UncachedGates,
];

/// Terms that only networks of tokens have, for any precision.
pub const SEQUENCES: [Term; 4] = [T::SequenceMacs, T::SequenceWeights, T::SequenceOutputs, T::Softmaxes];

/// Terms for int8 networks.
pub const QUANT: [Term; 12] = [
    T::Dispatched,
    T::Int8Tiles,
    T::Outputs,
    T::Narrow,
    T::UncachedInt8Macs,
    T::GroupedMacs,
    T::GroupedGathered,
    T::Paddings,
    T::DepthwiseStrided,
    T::DepthwiseWideStrided,
    T::Moved,
    T::Gates,
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
    pub const ALL: [Self; 26] = [
        T::Network,
        T::Operators,
        T::Dispatched,
        T::FloatTiles,
        T::Int8Tiles,
        T::Outputs,
        T::Gathered,
        T::Narrow,
        T::UncachedWeights,
        T::UncachedMacs,
        T::UncachedInt8Macs,
        T::WeightsUsedOnce,
        T::GroupedMacs,
        T::GroupedElements,
        T::GroupedGathered,
        T::Paddings,
        T::Depthwise,
        T::DepthwiseStrided,
        T::DepthwiseWideStrided,
        T::Moved,
        T::Gates,
        T::UncachedGates,
        T::SequenceMacs,
        T::SequenceWeights,
        T::SequenceOutputs,
        T::Softmaxes,
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
            T::Dispatched => ("dispatched", "operator; a product by element, such as a squeeze-excite's, is two"),
            T::FloatTiles => (
                "float_tiles",
                "multiply-add of a matrix product, in whole tiles of 4 positions x 8 outputs x 4 inputs",
            ),
            T::Int8Tiles => (
                "int8_tiles",
                "multiply-add of a matrix product, in whole tiles of 4 positions x 16 outputs x 4 inputs; a depthwise \
                 one fills a quarter",
            ),
            T::Outputs => ("outputs", "output element of a convolution or fully connected layer"),
            T::Gathered => ("gathered", "element gathered by a convolution window above 1x1"),
            T::Narrow => ("narrow", "multiply-add that a spatial convolution lacks to 64 output channels"),
            T::UncachedWeights => ("uncached_weights", "weight of a layer that holds more than 65536 of them"),
            T::UncachedMacs => ("uncached_macs", "multiply-add of a layer that holds more than 65536 weights"),
            T::UncachedInt8Macs => ("uncached_int8_macs", "multiply-add of a layer that holds more than 32768 weights"),
            T::WeightsUsedOnce => ("weights_used_once", "weight of a fully connected layer on a single position"),
            T::GroupedMacs => ("grouped_macs", "multiply-add of a grouped convolution"),
            T::GroupedElements => ("grouped_elements", "element read or written by a grouped convolution"),
            T::GroupedGathered => ("grouped_gathered", "element gathered by a window of a grouped convolution"),
            T::Paddings => ("paddings", "padding step before a convolution"),
            T::Depthwise => {
                ("depthwise_float", "multiply-add of a depthwise convolution; an element read counts as two")
            }
            T::DepthwiseStrided => {
                ("depthwise_strided", "input element of a strided depthwise convolution, window up to 3x3")
            }
            T::DepthwiseWideStrided => {
                ("depthwise_wide_strided", "multiply-add of a strided depthwise convolution, window above 3x3")
            }
            T::Moved => ("moved", "element read or written by pooling, mean, product, concatenation or resizing"),
            T::Gates => ("gates", "element read or written by a product by element, such as a squeeze-excite's"),
            T::UncachedGates => (
                "uncached_gates",
                "element read or written by a product by element, beyond the 8192 that a cache holds",
            ),
            T::SequenceMacs => ("sequence_macs", "multiply-add of a matrix product over the rows of a sequence"),
            T::SequenceWeights => ("sequence_weights", "weight of a fully connected layer over the rows of a sequence"),
            T::SequenceOutputs => {
                ("sequence_outputs", "output element of a fully connected layer over the rows of a sequence")
            }
            T::Softmaxes => ("softmaxes", "element of a softmax"),
        }
    }

    /// Whether an operator of that kind can hold any of it.
    pub(super) fn concerns(self, kind: KernelKind) -> bool {
        use KernelKind as K;
        match self {
            T::Network => false,
            T::Operators => !kind.is_hidden(),
            T::Dispatched => true,
            T::Int8Tiles => kind.is_dense() || kind == K::Depthwise,
            T::FloatTiles | T::Outputs | T::Gathered | T::UncachedWeights | T::UncachedMacs | T::UncachedInt8Macs => {
                kind.is_dense()
            }
            T::Narrow => kind == K::Conv,
            T::WeightsUsedOnce | T::SequenceWeights | T::SequenceOutputs => kind == K::FullyConnected,
            T::GroupedMacs | T::GroupedElements | T::GroupedGathered => kind == K::Grouped,
            T::Paddings => matches!(kind, K::Conv | K::Grouped),
            T::Depthwise | T::DepthwiseStrided | T::DepthwiseWideStrided => kind == K::Depthwise,
            T::Moved => !kind.is_dense() && kind != K::Depthwise,
            T::Gates | T::UncachedGates => kind == K::Multiply,
            T::SequenceMacs => matches!(kind, K::FullyConnected | K::MatMul),
            T::Softmaxes => kind == K::Softmax,
        }
    }

    /// How much of it an operator holds. [`Term::Network`] belongs to no operator and gives 0.
    pub fn count(self, kernel: &Kernel) -> f64 {
        use KernelKind as K;
        let kind = kernel.kind;
        // What an operator does not have is not worked out: searches price millions of them.
        fn when(holds: bool, value: impl FnOnce() -> u64) -> f64 {
            if holds { value() as f64 } else { 0.0 }
        }
        let spatial = kernel.taps() > 1;
        let depthwise = kind == K::Depthwise;
        let wide = kernel.taps() > 9;
        let dense = kind.is_dense();
        let moved = || kernel.input_elements().saturating_add(kernel.output_elements());
        match self {
            T::Network => 0.0,
            T::Operators => when(!kind.is_hidden(), || 1),
            T::Dispatched => {
                if kind == K::Multiply {
                    2.0
                } else {
                    1.0
                }
            }
            T::FloatTiles => when(dense, || FLOAT_TILE.macs(kernel)),
            T::Int8Tiles => when(dense || depthwise, || INT8_TILE.macs(kernel)),
            T::Outputs => when(dense, || kernel.output_elements()),
            T::Gathered => when(dense && spatial, || kernel.window_elements()),
            T::Narrow => {
                let lacking = 64u64.saturating_sub(u64::from(kernel.output_channels));
                let on_a_map = kernel.positions() > 1;
                when(kind == K::Conv && spatial && on_a_map, || kernel.window_elements().saturating_mul(lacking))
            }
            T::UncachedWeights => when(dense && kernel.weights() > CACHED_FLOAT, || kernel.weights()),
            T::UncachedMacs => when(dense && kernel.weights() > CACHED_FLOAT, || kernel.macs()),
            T::UncachedInt8Macs => when(dense && kernel.weights() > CACHED_INT8, || kernel.macs()),
            T::WeightsUsedOnce => when(kind == K::FullyConnected && kernel.positions() == 1, || kernel.weights()),
            T::GroupedMacs => when(kind == K::Grouped, || kernel.macs()),
            T::GroupedElements => when(kind == K::Grouped, moved),
            T::GroupedGathered => when(kind == K::Grouped, || kernel.window_elements()),
            T::Paddings => when(kernel.explicit_padding && matches!(kind, K::Conv | K::Grouped), || 1),
            T::Depthwise => {
                when(depthwise, || kernel.macs().saturating_add(kernel.input_elements().saturating_mul(READ_IN_MACS)))
            }
            T::DepthwiseStrided => when(depthwise && kernel.stride > 1 && !wide, || kernel.input_elements()),
            T::DepthwiseWideStrided => when(depthwise && kernel.stride > 1 && wide, || kernel.macs()),
            T::Moved => when(!dense && !depthwise, moved),
            T::Gates => when(kind == K::Multiply, moved),
            T::UncachedGates => when(kind == K::Multiply, || moved().saturating_sub(2 * CACHED_ELEMENTS)),
            T::SequenceMacs => when(kernel.is_over_sequence(), || kernel.macs()),
            T::SequenceWeights => when(kernel.is_over_sequence() && kind != K::MatMul, || kernel.weights()),
            T::SequenceOutputs => when(kernel.is_over_sequence() && kind != K::MatMul, || kernel.output_elements()),
            T::Softmaxes => when(kind == K::Softmax, || kernel.output_elements()),
        }
    }
}

/// What reading an element costs a float depthwise convolution, in multiply-adds.
const READ_IN_MACS: u64 = 2;
/// Weights that stay in the cache while a layer runs: 256 KiB of float.
const CACHED_FLOAT: u64 = 1 << 16;
/// The same in int8, where the arithmetic is so quick that already the first cache counts: 32 KiB.
const CACHED_INT8: u64 = 1 << 15;

/// Elements of a tensor that stay in the first data cache until the next operator: 32 KiB of float.
const CACHED_ELEMENTS: u64 = 1 << 13;

/// How much a matrix-product kernel works off at once; what is left over at an edge costs as much as a whole tile.
struct Tile {
    positions: u64,
    outputs: u64,
    inputs: u64,
}

const FLOAT_TILE: Tile = Tile { positions: 4, outputs: 8, inputs: 4 };
const INT8_TILE: Tile = Tile { positions: 4, outputs: 16, inputs: 4 };

impl Tile {
    /// Multiply-adds after rounding up to whole tiles. The channels of a depthwise convolution lie side by side.
    fn macs(&self, kernel: &Kernel) -> u64 {
        let groups = if kernel.kind == KernelKind::Depthwise { 1 } else { u64::from(kernel.groups.max(1)) };
        let inputs = kernel.group_width().next_multiple_of(self.inputs);
        let outputs =
            (u64::from(kernel.output_channels) / groups).next_multiple_of(self.outputs).saturating_mul(groups);
        let positions = kernel.positions().next_multiple_of(self.positions);
        positions.saturating_mul(kernel.taps()).saturating_mul(inputs).saturating_mul(outputs)
    }
}

#[cfg(test)]
mod tests;

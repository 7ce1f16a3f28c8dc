#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

#[test]
fn names_are_unique_and_found_again() {
    for term in Term::ALL {
        assert_eq!(Term::from_name(term.name()), Some(term));
    }
}

#[test]
fn counts_are_those_worked_out_by_hand() {
    let base = Kernel::pointwise(KernelKind::Conv, [28, 28], 20);
    let spatial = Kernel { window: [3, 3], output_channels: 40, ..base };
    let depthwise =
        Kernel { kind: KernelKind::Depthwise, groups: 20, window: [5, 5], stride: 2, output: [14, 14], ..base };
    let grouped = Kernel { kind: KernelKind::Grouped, groups: 5, ..spatial };
    let head = Kernel { output_channels: 10, ..Kernel::pointwise(KernelKind::FullyConnected, [1, 1], 30) };
    let cat = Kernel { kind: KernelKind::Concatenation, output_channels: 60, inputs: 3, ..base };
    let tokens = Kernel {
        kind: KernelKind::FullyConnected,
        output_channels: 60,
        ..Kernel::pointwise(KernelKind::Conv, [197, 1], 20)
    };
    let product = Kernel { kind: KernelKind::MatMul, groups: 2, output_channels: 394, ..tokens };
    let cases = [
        (Term::FloatTiles, spatial, 784.0 * 9.0 * 20.0 * 40.0),
        (Term::FloatTiles, Kernel { input: [9, 9], output: [9, 9], ..spatial }, 84.0 * 9.0 * 20.0 * 40.0),
        (Term::FloatTiles, Kernel { output_channels: 9, ..spatial }, 784.0 * 9.0 * 20.0 * 16.0),
        (Term::FloatTiles, Kernel { input_channels: 3, ..spatial }, 784.0 * 9.0 * 4.0 * 40.0),
        (Term::FloatTiles, depthwise, 0.0),
        (Term::Int8Tiles, spatial, 784.0 * 9.0 * 20.0 * 48.0),
        (Term::Int8Tiles, head, 4.0 * 32.0 * 16.0),
        (Term::Int8Tiles, grouped, 784.0 * 9.0 * 4.0 * 5.0 * 16.0),
        (Term::Int8Tiles, depthwise, 196.0 * 25.0 * 4.0 * 32.0),
        (Term::GroupedMacs, grouped, 784.0 * 9.0 * 4.0 * 40.0),
        (Term::GroupedGathered, grouped, 784.0 * 9.0 * 20.0),
        (Term::GroupedElements, grouped, 784.0 * 60.0),
        (Term::UncachedWeights, spatial, 0.0),
        (Term::UncachedWeights, Kernel { output_channels: 400, ..spatial }, 9.0 * 20.0 * 400.0),
        (Term::UncachedMacs, Kernel { output_channels: 400, ..spatial }, 784.0 * 9.0 * 20.0 * 400.0),
        (Term::UncachedInt8Macs, Kernel { output_channels: 182, ..spatial }, 0.0),
        (Term::UncachedInt8Macs, Kernel { output_channels: 183, ..spatial }, 784.0 * 9.0 * 20.0 * 183.0),
        (Term::WeightsUsedOnce, head, 300.0),
        (Term::WeightsUsedOnce, Kernel { input: [7, 1], output: [7, 1], ..head }, 0.0),
        (Term::Gathered, spatial, 784.0 * 9.0 * 20.0),
        (Term::Gathered, base, 0.0),
        (Term::Narrow, spatial, 784.0 * 9.0 * 20.0 * 24.0),
        (Term::Narrow, base, 0.0),
        (Term::Narrow, Kernel { output_channels: 70, ..spatial }, 0.0),
        (Term::Paddings, Kernel { explicit_padding: true, ..spatial }, 1.0),
        (Term::Paddings, Kernel { explicit_padding: true, ..depthwise }, 0.0),
        (Term::Depthwise, depthwise, 196.0 * 25.0 * 20.0 + 2.0 * 784.0 * 20.0),
        (Term::DepthwiseStrided, depthwise, 0.0),
        (Term::DepthwiseWideStrided, depthwise, 196.0 * 25.0 * 20.0),
        (Term::DepthwiseStrided, Kernel { window: [3, 3], ..depthwise }, 784.0 * 20.0),
        (Term::Moved, cat, 2.0 * 784.0 * 60.0),
        (Term::Moved, Kernel { kind: KernelKind::Mean, output: [1, 1], ..base }, 784.0 * 20.0 + 20.0),
        (Term::Gates, Kernel { kind: KernelKind::Multiply, ..base }, 2.0 * 784.0 * 20.0),
        (Term::Gates, cat, 0.0),
        (Term::UncachedGates, Kernel { kind: KernelKind::Multiply, ..base }, 2.0 * (784.0 * 20.0 - 8192.0)),
        (Term::UncachedGates, Kernel::pointwise(KernelKind::Multiply, [7, 7], 160), 0.0),
        (Term::Dispatched, base, 1.0),
        (Term::Dispatched, Kernel { kind: KernelKind::Multiply, ..base }, 2.0),
        (Term::SequenceMacs, tokens, 197.0 * 20.0 * 60.0),
        (Term::SequenceWeights, tokens, 20.0 * 60.0),
        (Term::SequenceOutputs, tokens, 197.0 * 60.0),
        (Term::SequenceMacs, product, 197.0 * 10.0 * 394.0),
        (Term::SequenceWeights, product, 0.0),
        (Term::SequenceOutputs, product, 0.0),
        (Term::SequenceMacs, Kernel { input: [1, 1], output: [1, 1], ..tokens }, 0.0),
        (Term::Softmaxes, Kernel { kind: KernelKind::Softmax, ..tokens }, 197.0 * 60.0),
        (Term::Softmaxes, base, 0.0),
        (Term::Operators, base, 1.0),
        (Term::Operators, Kernel { kind: KernelKind::Multiply, ..base }, 0.0),
    ];
    for (term, kernel, count) in cases {
        assert_eq!(term.count(&kernel), count, "{} of {kernel}", term.name());
    }
}

proptest! {
    /// Whatever the geometry, counts are finite and not negative, so that a price is.
    #[test]
    fn counts_are_finite_and_not_negative(
        kind in prop::sample::select(KernelKind::ALL.to_vec()),
        sizes in prop::array::uniform8(prop::sample::select(vec![1u32, 2, 3, 7, 224, 1 << 20, u32::MAX])),
        groups in prop::sample::select(vec![0u32, 1, 3, u32::MAX]),
        explicit_padding in any::<bool>(),
    ) {
        let [h, w, c, oh, ow, oc, window, stride] = sizes;
        let kernel = Kernel {
            kind, input: [h, w], input_channels: c, output: [oh, ow], output_channels: oc, window: [window, 3],
            stride, dilation: 1, groups, inputs: 1, explicit_padding,
        };
        for term in Term::ALL {
            let count = term.count(&kernel);
            prop_assert!(count.is_finite() && count >= 0.0, "{} of {kernel} is {count}", term.name());
            prop_assert!(count == 0.0 || term.concerns(kind), "{} of {kernel}", term.name());
        }
    }
}

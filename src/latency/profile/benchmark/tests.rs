#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::space::Space;

/// Every operator of networks from every shipped space comes back from its benchmark as it is; products of tensors are
/// those of attentions.
#[test]
fn every_operator_has_a_benchmark_of_its_own() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut kinds = BTreeSet::new();
    for (name, text) in Space::shipped() {
        let space = Space::from_text(name, text).unwrap();
        let drawn = (0..5).filter_map(|_| space.draw(&mut rng));
        let architectures: Vec<_> = std::iter::once(space.default_architecture()).chain(drawn).collect();
        for architecture in architectures {
            let network = space.build(&architecture).unwrap();
            let kernels: Vec<Kernel> = lower_run(&network).into_iter().map(|lowered| lowered.kernel).collect();
            let mut products = 0;
            for three in kernels.windows(3).filter_map(|three| <[Kernel; 3]>::try_from(three).ok()) {
                if three.map(|kernel| kernel.kind) == [KernelKind::MatMul, KernelKind::Softmax, KernelKind::MatMul] {
                    let benchmark = attention(&three).unwrap_or_else(|| panic!("{name}: {three:?}"));
                    assert_eq!(benchmark.kernels, three, "{name}");
                    products += 2;
                }
            }
            assert_eq!(products, kernels.iter().filter(|kernel| kernel.kind == KernelKind::MatMul).count(), "{name}");
            for kernel in kernels.into_iter().filter(|kernel| kernel.kind != KernelKind::MatMul) {
                let benchmark = operator(&kernel).unwrap_or_else(|| panic!("{name}: {kernel:?}"));
                assert_eq!(benchmark.kernels, [kernel], "{name}");
                kinds.insert(kernel.kind);
            }
        }
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
}

#[test]
fn keys_tell_networks_apart_and_nothing_else() {
    let conv = |channels| {
        let kernel = Kernel { output_channels: channels, ..Kernel::pointwise(KernelKind::Conv, [8, 8], 4) };
        operator(&kernel).unwrap()
    };
    assert_eq!(conv(8).key, conv(8).key);
    assert_ne!(conv(8).key, conv(9).key);
    let shapes = [Shape::map(3, 8)];
    assert_eq!(empty(&shapes).unwrap().key, empty(&shapes).unwrap().key);
    assert!(empty(&shapes).unwrap().kernels.is_empty());
}

#[test]
fn what_is_no_operator_by_itself_has_no_benchmark() {
    let product = Kernel { groups: 2, inputs: 2, ..Kernel::pointwise(KernelKind::MatMul, [16, 1], 8) };
    assert!(operator(&product).is_none());
    let odd = Kernel { inputs: 9, output_channels: 9, ..Kernel::pointwise(KernelKind::Concatenation, [4, 4], 8) };
    assert!(operator(&odd).is_none());
}

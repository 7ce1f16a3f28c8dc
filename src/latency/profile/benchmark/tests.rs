#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::space::Space;

/// Kinds that only occur within an attention or turn a map into tokens; the table has no rows for them either.
fn alone(kind: KernelKind) -> bool {
    !matches!(kind, KernelKind::MatMul | KernelKind::Transpose | KernelKind::Gather)
}

/// Every operator of networks from every shipped space comes back from its benchmark as it is.
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
            for lowered in lower_run(&network).into_iter().filter(|lowered| alone(lowered.kernel.kind)) {
                let kernel = lowered.kernel;
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

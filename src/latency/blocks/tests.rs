#![allow(clippy::unwrap_used)]
use super::*;
use crate::latency::lower_whole;
use crate::space::Space;

/// A block of our own space of MobileNetV3 and the key that Once-for-All would give it are the same operators.
#[test]
fn keys_are_the_blocks_that_our_spaces_build() {
    let space = Space::load("search_spaces/baselines/mobilenet-v3-large.yaml", None).unwrap();
    let network = space.build(&space.default_architecture()).unwrap();
    let mut blocks = vec![Vec::new(); network.blocks().len()];
    for lowered in lower_whole(&network) {
        blocks[lowered.block.index()].push(lowered.kernel);
    }
    // From table 1 of the paper (Howard et al., ICCV 2019): plain, strided and gated; clamped, then smooth.
    for key in [
        "Conv-input:224x224x3-output:112x112x16",
        "expanded_conv-input:112x112x16-output:112x112x16-expand:16-kernel:3-stride:1-idskip:1-se:0-hs:0",
        "expanded_conv-input:112x112x16-output:56x56x24-expand:64-kernel:3-stride:2-idskip:0-se:0-hs:0",
        "expanded_conv-input:56x56x24-output:28x28x40-expand:72-kernel:5-stride:2-idskip:0-se:1-hs:0",
        "expanded_conv-input:28x28x40-output:28x28x40-expand:120-kernel:5-stride:1-idskip:1-se:1-hs:0",
        "expanded_conv-input:14x14x80-output:14x14x80-expand:200-kernel:3-stride:1-idskip:1-se:0-hs:1",
    ] {
        let operators = operators(key).unwrap();
        assert!(blocks.contains(&operators), "{key}: {operators:?} is none of {blocks:?}");
    }
}

#[test]
fn keys_that_are_no_blocks_are_none() {
    for key in [
        "",
        "Conv",
        "Conv-input:0x0x3-output:112x112x24",
        "Conv-input:224x112x3-output:112x112x24",
        "conv-input:224x224x3-output:112x112x24",
        "expanded_conv-input:56x56x32-output:28x28x48-expand:96-kernel:5-stride:0-idskip:0-se:1-hs:0",
        "expanded_conv-input:56x56x32-output:28x28x48-expand:96-kernel:5-stride:2-idskip:2-se:1-hs:0",
        "expanded_conv-input:56x56x32-output:28x28x48-expand:99999999-kernel:5-stride:2-idskip:0-se:1-hs:0",
    ] {
        assert_eq!(operators(key), None, "{key}");
    }
}

#[test]
fn faults_of_a_file_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.yaml");
    std::fs::write(&path, "Conv-input:8x8x3-output:4x4x16:\n  mean: -1\nblock:\n  mean: 1\n").unwrap();
    let told = format!("{:?}", read_blocks(&path).unwrap_err());
    assert!(told.contains("`mean` is missing or no latency") && told.contains("`block` is no block"), "{told}");
    std::fs::write(&path, "Conv-input:8x8x3-output:4x4x16:\n  mean: 0.5\n  std: 0.1\n  count: 7\n").unwrap();
    let blocks = read_blocks(&path).unwrap();
    assert_eq!((blocks[0].row.ms, blocks[0].row.count), (Millis(0.5), 7));
}

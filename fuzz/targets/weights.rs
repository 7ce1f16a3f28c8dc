//! Any bytes as the weights of a small network.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pocketnas::export::weights::{decode, encode, listed};
use pocketnas::graph::{Builder, Conv2d, Network, Op, Shape};

static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let mut builder = Builder::new();
    let add = |builder: &mut Builder, name: &str, op: Op, from: &[_]| builder.add(name, op, from).expect("it fits");
    let input = add(&mut builder, "input", Op::Input { shape: Shape::map(2, 4) }, &[]);
    let conv = add(&mut builder, "stem", Op::Conv2d(Conv2d { bias: true, ..Conv2d::square(2, 1, 1) }), &[input]);
    let norm = add(&mut builder, "stem.norm", Op::BatchNorm, &[conv]);
    builder.output(norm);
    builder.finish().expect("it is a network")
});

fuzz_target!(|data: &[u8]| {
    let _ = listed(data);
    if let Ok(weights) = decode("fuzz.safetensors", data, &NETWORK) {
        let again = encode(&NETWORK, &weights).expect("weights that were read can be written");
        assert_eq!(decode("again.safetensors", &again, &NETWORK).as_ref(), Ok(&weights));
    }
});

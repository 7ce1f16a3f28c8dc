//! Any bytes as an ONNX model: read, with shapes, weights and blocks, and whatever was understood counted and priced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketnas::import::{Options, derive, from_bytes};

fuzz_target!(|data: &[u8]| {
    let fold_norms = data.len() % 2 == 1;
    if let Ok(imported) = from_bytes("fuzz.onnx", data, &Options { fold_norms, ..Options::default() }) {
        let network = imported.network;
        let _ = (network.cost(), network.canonical_hash(), network.cut_points());
        for id in network.ids() {
            imported.weights.of(&network, id).expect("an imported network has all of its weights");
        }
        let _ = derive::space("fuzz", &network);
        let again = network.to_raw().build().expect("a network that was read can be written and read");
        assert_eq!(again.canonical_hash(), network.canonical_hash());
    }
});

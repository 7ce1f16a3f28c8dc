//! Any bytes as a block library, and its front within a small budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketnas::search::library::Library;
use pocketnas::search::{Options, front, reach};

fuzz_target!(|data: &[u8]| {
    let Ok(library) = Library::parse(data) else { return };
    let _ = reach(library.graph());
    let options = Options { max_labels: 2000, epsilon: if data.len() % 3 == 0 { 0.05 } else { 0.0 }, ..Options::default() };
    if let Ok(front) = front(library.graph(), &options) {
        for point in front.points() {
            let _: Vec<u32> = library.choices(point.edges).collect();
            point.edges.iter().for_each(|&edge| drop(library.describe(edge as usize)));
        }
    }
});

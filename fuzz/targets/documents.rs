//! Any text as one of the files that people write: spaces, compiled within a small budget, search configs, proxies; and as
//! an architecture file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use pocketnas::config::SearchConfig;
use pocketnas::export;
use pocketnas::proxy::Definition;
use pocketnas::space::{Budget, Space};
use pocketnas::yaml::Document;
use pocketnas::export::claims;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(document) = Document::parse("fuzz.yaml", text) else { return };
    let has = |key: &str| document.root.get(key).is_some();
    if has("proxy") {
        if let Ok(definition) = Definition::from_document(&document) {
            Definition::from_document(&Document::parse("again.yaml", &definition.to_yaml()).expect("it was written here"))
                .expect("a definition that was read can be written and read");
        }
    } else if has("search") {
        // Nothing lies beside it: files that it names are shipped ones.
        let _ = SearchConfig::parse("fuzz.yaml", text, Path::new("/nonexistent"));
    } else if has("network") && has("architecture") {
        if let Ok(file) = export::parse(&document) {
            if let (Ok(network), _) = file.network.rebuild() {
                let _ = claims(&file, &network);
            }
        }
    } else if let Ok(space) = Space::from_text("fuzz.yaml", text) {
        let architecture = space.default_architecture();
        if let Ok(network) = space.build(&architecture) {
            let text = space.format(&architecture);
            if let Ok(again) = space.parse(&text) {
                assert_eq!(space.format(&again), text);
            }
            let _ = (network.cost(), network.canonical_hash());
        }
        let _ = space.count_by_arithmetic();
        let _ = space.compile(Budget { states: 500, edges: 2000 });
    }
});

//! Any text as a latency table, or as the CSV files that tables are fitted to.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pocketnas::latency::{
    LatencyTable, Selector, predict, read_blocks, read_families, read_measurements, read_operator_times, read_operators,
    read_siblings,
};
use pocketnas::graph::Network;
use pocketnas::space::Space;
use pocketnas::yaml::Document;

/// A network to price.
static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let space = Space::load("baselines/mobilenet-v3-small", None).expect("it is shipped");
    space.build(&space.default_architecture()).expect("a shipped space builds")
});

/// The file that CSV readers read, in memory where there is such a folder.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Some(PathBuf::from("/dev/shm")).filter(|folder| folder.is_dir()).unwrap_or_else(std::env::temp_dir);
    folder.join(format!("pocketnas-fuzz-{}.csv", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.starts_with("table:") || text.contains("\nrows:") {
        let Ok(document) = Document::parse("fuzz.yaml", text) else { return };
        if let Ok(table) = LatencyTable::from_document(&document) {
            let prediction = predict(&table, &NETWORK);
            let _ = table.bound(prediction.mean, 0.9);
            let again = LatencyTable::parse("again.yaml", &table.to_yaml()).expect("a table that was read can be written");
            assert_eq!(again.to_yaml(), table.to_yaml());
        }
        return;
    }
    std::fs::write(&*FILE, data).expect("there is room for a file");
    let selector =
        Selector { device: "galaxy-s10".to_owned(), cores: "1large".to_owned(), precision: "float".to_owned() };
    let _ = read_measurements(&FILE, &selector);
    let _ = read_families(&FILE);
    let _ = read_siblings(&FILE, &selector);
    let _ = read_blocks(&FILE);
    if let Ok(lists) = read_operators(&FILE) {
        let shipped = LatencyTable::named("galaxy-s10-exynos9820/1large-float").expect("it is shipped");
        let _: Vec<_> = lists.iter().map(|list| shipped.total(&list.kernels)).collect();
    }
    let _ = read_operator_times(&FILE, "latency");
});

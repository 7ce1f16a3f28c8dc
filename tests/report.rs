//! The report as a whole: files on disk, the page in a browser, hard data.
#![allow(clippy::unwrap_used)]

use pocketnas::report::*;

#[path = "report/samples.rs"]
mod samples;

/// Writes reports to look at: `REPORT_GALLERY=DIR cargo test --test report -- gallery`.
#[test]
fn gallery() {
    let Some(directory) = std::env::var_os("REPORT_GALLERY") else {
        return;
    };
    for (name, data) in samples::all() {
        write(&data, &std::path::Path::new(&directory).join(name)).unwrap();
        std::fs::write(
            std::path::Path::new(&directory)
                .join(name)
                .join("table.txt"),
            table(&data, 120),
        )
        .unwrap();
    }
}

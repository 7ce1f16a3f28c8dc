//! Any text as what benchmark programs print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketnas::latency::profile::output::{profile, times};

fuzz_target!(|data: &[u8]| {
    // Output of programs is read as text in which what is none was replaced.
    let text = String::from_utf8_lossy(data);
    if let Ok(measured) = times(&text) {
        let _ = measured.statistics();
    }
    let _ = profile(&text);
});

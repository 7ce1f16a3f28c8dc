//! Architectures of NAS-Bench-201 per second with ZiCo-BC, and the most memory that took: cell strings from a file, one a
//! line, so that a peer can be given the same ones. Every cell is scored, isomorphic ones too.
//! Run: `cargo bench --bench scoring -- FILE [--threads 2] [--at-once 1]`, with so many threads for each network and so
//! many networks at a time.

#[path = "../tests/support/nas_bench_201.rs"]
mod nas_bench_201;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use pocketnas::engine::native::Native;
use pocketnas::proxy::{Conditions, Definition};

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut file, mut threads, mut at_once) = (None, 2, 1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.parse().ok()).expect("a number follows");
        match word.as_str() {
            "--threads" => threads = number(),
            "--at-once" => at_once = number(),
            _ => file = Some(word),
        }
    }
    // Without a file there is nothing to do, as when every bench is run.
    let Some(file) = file else { return };
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let cells: Vec<&str> = text.lines().collect();
    let mut conditions = Conditions::noise(0);
    conditions.engine = Native::default().with_threads(threads).expect("threads start");
    let proxy = Definition::load("zico_bc").expect("it comes with the program").proxy(&conditions);
    let score = |cell: &str| proxy.score(&nas_bench_201::network(cell).expect("a line is a cell")).expect("it runs");
    score(cells[0]);

    let (start, next) = (Instant::now(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    score(cell);
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} architectures in {seconds:.1} s, {:.2} a second, {} threads each, {at_once} at once, peak {} MiB",
        cells.len(),
        cells.len() as f64 / seconds,
        threads,
        peak_memory().map_or("unknown".to_owned(), |kibibytes| (kibibytes / 1024).to_string())
    );
}

/// The most memory that the process held, in KiB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

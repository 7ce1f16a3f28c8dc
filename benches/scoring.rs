//! Architectures of NAS-Bench-201 per second with ZiCo-BC, and the most memory that took: cell strings from a file, one a
//! line, so that a peer can be given the same ones. Every cell is scored, isomorphic ones too.
//! Run: `cargo bench --bench scoring -- FILE [--threads 2] [--at-once 1] [--convolutions direct|winograd] [--compare]`,
//! with so many threads for each network and so many networks at a time.
//!
//! With `--compare` each cell is scored with both kinds of convolution, one after the other, and it is said how fast they
//! are and how alike their scores rank the cells; with `cell,accuracy` on each line also how well they rank the accuracies.

#[path = "../tests/support/nas_bench_201.rs"]
mod nas_bench_201;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use pocketnas::audit::Ranks;
use pocketnas::engine::native::{Convolutions, Native};
use pocketnas::proxy::{Conditions, Definition, Proxy};
use pocketnas::yaml::Document;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut file, mut threads, mut at_once) = (None, 2, 1);
    let (mut convolutions, mut both) = (Convolutions::Winograd, false);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.parse().ok()).expect("a number follows");
        match word.as_str() {
            "--threads" => threads = number(),
            "--at-once" => at_once = number(),
            "--convolutions" => {
                convolutions = match words.next().as_deref() {
                    Some("direct") => Convolutions::Direct,
                    Some("winograd") => Convolutions::Winograd,
                    _ => panic!("direct or winograd follows"),
                }
            }
            "--compare" => both = true,
            _ => file = Some(word),
        }
    }
    // Without a file there is nothing to do, as when every bench is run.
    let Some(file) = file else { return };
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let lines: Vec<(&str, Option<f64>)> = text.lines().map(cell_and_accuracy).collect();
    let conditions = Conditions::noise(0);
    let scorer = |convolutions| {
        let engine = Native::default().with_threads(threads).expect("threads start");
        let shipped = Definition::load("zico_bc").expect("it comes with the program").to_yaml();
        let text = shipped.replace("\"winograd\"", &format!("\"{}\"", Convolutions::name(convolutions)));
        let document = Document::parse("zico_bc.yaml", &text).expect("it is YAML");
        let definition = Definition::from_document(&document).expect("it is a proxy file");
        definition.proxy(&conditions.clone().on(engine))
    };
    if both {
        compare(&lines, [Convolutions::Direct, Convolutions::Winograd].map(scorer));
        return;
    }
    let proxy = scorer(convolutions);
    score(proxy.as_ref(), lines[0].0);

    let (start, next) = (Instant::now(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((cell, _)) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    score(proxy.as_ref(), cell);
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} architectures in {seconds:.1} s, {:.2} a second, {} threads each, {at_once} at once, peak {} MiB",
        lines.len(),
        lines.len() as f64 / seconds,
        threads,
        peak_memory().map_or("unknown".to_owned(), |kibibytes| (kibibytes / 1024).to_string())
    );
}

fn cell_and_accuracy(line: &str) -> (&str, Option<f64>) {
    match line.split_once(',') {
        Some((cell, accuracy)) => (cell, Some(accuracy.parse().expect("an accuracy follows the cell"))),
        None => (line, None),
    }
}

fn score(proxy: &dyn Proxy, cell: &str) -> f64 {
    proxy.score(&nas_bench_201::network(cell).expect("a line is a cell")).expect("it runs").value
}

/// Scores every cell with both proxies in turn, and says what the second changes.
fn compare(lines: &[(&str, Option<f64>)], proxies: [Box<dyn Proxy>; 2]) {
    let (mut seconds, mut scores) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    proxies.iter().for_each(|proxy| {
        score(proxy.as_ref(), lines[0].0);
    });
    for (i, (cell, _)) in lines.iter().enumerate() {
        // Each is the first one half of the time.
        for which in [i % 2, 1 - i % 2] {
            let start = Instant::now();
            scores[which].push(score(proxies[which].as_ref(), cell));
            seconds[which].push(start.elapsed().as_secs_f64());
        }
    }
    let [direct, winograd] = seconds.each_ref().map(|seconds| lines.len() as f64 / seconds.iter().sum::<f64>());
    let mut ratios: Vec<f64> = seconds[0].iter().zip(&seconds[1]).map(|(direct, winograd)| direct / winograd).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "{} architectures: direct {direct:.2} a second, Winograd {winograd:.2}, {:.2} times as many; median of the ratios \
         {:.2}, from {:.2} to {:.2}",
        lines.len(),
        winograd / direct,
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1],
    );
    let rho =
        |x: &[f64], y: &[f64]| Ranks::new(x, y).spearman().map_or("undefined".to_owned(), |rho| format!("{rho:.6}"));
    let apart = scores[0].iter().zip(&scores[1]).map(|(a, b)| (a - b).abs() / a.abs()).fold(0.0, f64::max);
    println!("ρ between their scores {}, largest relative difference {apart:.1e}", rho(&scores[0], &scores[1]));
    if let Some(accuracies) = lines.iter().map(|(_, accuracy)| *accuracy).collect::<Option<Vec<f64>>>() {
        let [direct, winograd] = scores.each_ref().map(|scores| rho(scores, &accuracies));
        println!("ρ with the accuracies: direct {direct}, Winograd {winograd}");
    }
}

/// The most memory that the process held, in KiB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

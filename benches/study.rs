//! What a search by candidates costs beside its evaluations: events recorded, one transaction each, and the importance of
//! decisions at its end. Run: `cargo bench --bench study`

use pocketnas::audit::{Bootstrap, Table};
use pocketnas::study::store::{Event, Identity, Store, Taken, ToldOutcome};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() {
    divan::main();
}

/// A thousand candidates of 45 decisions, each recorded by itself.
#[divan::bench]
fn a_thousand_candidates_recorded(bencher: divan::Bencher) {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let path = folder.path().join("study.sqlite");
    let taken = |index: usize| Taken { path: format!("s1.{index}.kernel"), option: 1, value: 5.into() };
    bencher
        .with_inputs(|| {
            // A store exists once; each round has its own.
            let _ = std::fs::remove_file(&path);
            Store::create(&path, &Identity::default()).expect("the folder is empty")
        })
        .bench_local_values(|mut store| {
            for trial in 0..1000 {
                let event = Event::Told {
                    trial,
                    architecture: "s1=r2 …".to_owned(),
                    hash: format!("{trial:032x}"),
                    decisions: (0..45).map(taken).collect(),
                    fidelity: 1.0,
                    cached: false,
                    values: vec![("latency".to_owned(), 12.5), ("score".to_owned(), trial as f64)],
                    outcome: ToldOutcome::Complete,
                };
                store.record(&[event]).expect("the disk has room");
            }
        });
}

/// 1,000 candidates, 60 decisions of four options, three objectives, 1,000 resamples.
#[divan::bench]
fn importance_of_sixty_decisions(bencher: divan::Bencher) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let paths: Vec<String> = (0..60).map(|index| format!("d{index}")).collect();
    let options = || ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let mut table = Table::new(paths.iter().map(|path| (path.clone(), options())).collect());
    let mut values = Vec::new();
    for _ in 0..1000 {
        let row: Vec<usize> = (0..60).map(|_| rng.gen_range(0..4)).collect();
        let decided = paths.iter().map(String::as_str).zip(row.iter().copied());
        table.push(decided).expect("every decision is in the table");
        values.push((0..3).map(|objective| row.iter().skip(objective).sum::<usize>() as f64).collect());
    }
    let values: Vec<Vec<f64>> = values;
    bencher.bench_local(|| table.importance(&values, &Bootstrap::default()));
}

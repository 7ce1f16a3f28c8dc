//! Measured scores through the public API: the same on any number of threads, close on any instruction set, and nothing
//! said about networks that cannot be run.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use pocketnas::engine::native::{Isa, Native};
use pocketnas::proxy::{Conditions, Definition, Score};
use pocketnas::space::Space;
use pocketnas::yaml::Document;

const CELL: &str = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|";

/// A proxy as shipped, but for smaller batches.
fn small(name: &str) -> Definition {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("proxies/{name}.yaml"));
    let shipped = std::fs::read_to_string(path).unwrap();
    let smaller = shipped.replace("batch_size: 64", "batch_size: 6");
    assert_ne!(smaller, shipped);
    Definition::from_document(&Document::parse(name, &smaller).unwrap()).unwrap()
}

fn score(engine: Native, cell: &str) -> Score {
    score_by("zico_bc", engine, cell)
}

fn score_by(name: &str, engine: Native, cell: &str) -> Score {
    let space = Space::load("nas-bench-201", None).unwrap();
    let network = space.build(&space.parse(cell).unwrap()).unwrap();
    small(name).proxy(&Conditions::default().on(engine)).score(&network).unwrap()
}

#[test]
fn threads_change_nothing() {
    let alone = score(Native::default(), CELL);
    assert!(alone.value > 100.0 && alone.live, "{alone:?}");
    for threads in [2, 3, 8] {
        assert_eq!(score(Native::default().with_threads(threads).unwrap(), CELL), alone, "{threads} threads");
    }
}

/// Sums in another order move a few relu over their kink, and with them a few gradients. Norms of gradients hardly notice.
/// ZiCo divides by deviations, so a single weight whose gradients nearly agree can decide a layer: 1.3 % here, with batches of
/// 6, and so three times that is allowed.
#[test]
fn instruction_sets_agree() {
    let best = score(Native::default(), CELL);
    for isa in Isa::available() {
        let other = score(Native::new(isa), CELL);
        assert!((other.value - best.value).abs() < 0.04 * best.value, "{isa}: {} and {}", other.value, best.value);
        let norms = [Native::default(), Native::new(isa)].map(|engine| score_by("grad_norm", engine, CELL).value);
        assert!((norms[0] - norms[1]).abs() < 1e-3 * norms[0], "{isa}: {norms:?}");
        assert_eq!(other.details[0], best.details[0], "{isa}");
    }
}

#[test]
fn dead_networks_score_nothing() {
    let dead = "|none~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|none~1|none~2|";
    let score = score(Native::default(), dead);
    assert_eq!((score.value, score.live, score.bytes), (0.0, false, 0));
}

/// The least favourite of all numbers: more memory than there is.
#[test]
fn a_network_that_does_not_fit_says_how_much_it_needs() {
    let space = Space::load("ffnet-cityscapes", None).unwrap();
    let shipped = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("proxies/zico_bc.yaml")).unwrap();
    let large = shipped.replace("batch_size: 64", "batch_size: 65536");
    let definition = Definition::from_document(&Document::parse("large.yaml", &large).unwrap()).unwrap();
    let network = space.build(&space.default_architecture()).unwrap();
    let error = definition.proxy(&Conditions::default()).score(&network).unwrap_err().to_string();
    assert!(error.contains("MiB"), "{error}");
}

#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::audit::{Cost, Detail, MeasureError, Measured, Run, Survey};
use crate::graph::{Builder, Conv2d, Network, NetworkError, Op};
use crate::proxy::{Proxy, Score, ScoreError};

/// Runs no network, but counts how often it would: its score is that count, or what cannot be written as JSON.
#[derive(Debug)]
struct Counting {
    runs: Arc<AtomicU64>,
    odd: bool,
}

impl Proxy for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn score(&self, network: &Network) -> Result<Score, ScoreError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        let value = if self.odd { [f64::NAN, f64::NEG_INFINITY, 1e-300][run as usize % 3] } else { run as f64 + 0.1 };
        let (inputs, details) = (network.input_shapes(), vec![("odd", f64::INFINITY)]);
        Ok(Score { value, inputs, live: true, details, bytes: 1000 + run, operations: 10 })
    }
}

/// Ten networks, of which the even ones are one another's and so are those of odd rows from 5 on.
fn network(row: usize) -> Result<Network, NetworkError> {
    let channels = if row.is_multiple_of(2) { 4 } else { 5 + row.min(5) };
    let mut net = Builder::new();
    let input = net.add("input", Op::Input { shape: Shape::map(3, 4) }, &[])?;
    let conv = net.add(format!("conv{row}"), Op::Conv2d(Conv2d::square(channels, 3, 1)), &[input])?;
    net.output(conv);
    net.finish()
}

const DISTINCT: u64 = 4;

struct Audit {
    folder: tempfile::TempDir,
    runs: Arc<AtomicU64>,
    odd: bool,
}

impl Audit {
    fn new(odd: bool) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), runs: Arc::default(), odd }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(JOURNAL)
    }

    fn run(&self, key: &str, stop_after: u64) -> Result<Measured, MeasureError<NetworkError>> {
        let proxies: Vec<Box<dyn Proxy>> = vec![Box::new(Counting { runs: Arc::clone(&self.runs), odd: self.odd })];
        let (journal, keys) = (Journal::open(self.folder.path())?, [key.to_owned()]);
        let start = self.runs.load(Ordering::SeqCst);
        let stop = || self.runs.load(Ordering::SeqCst) - start >= stop_after;
        let run = Run { journal: Some((&journal, &keys)), stop: &stop, peak: 1e9, ..Run::default() };
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        alone.install(|| Survey::take(10, &network, &proxies, None, || ())?.run(&network, &proxies, &run))
    }

    /// Runs since the last time somebody asked.
    fn ran(&self) -> u64 {
        self.runs.swap(0, Ordering::SeqCst)
    }
}

fn bits(measured: &Measured) -> Vec<u64> {
    measured.columns[0].scores.iter().map(|score| score.to_bits()).collect()
}

#[test]
fn isomorphic_networks_are_scored_once_and_share_the_score() {
    let audit = Audit::new(false);
    let measured = audit.run("k", u64::MAX).unwrap();
    assert_eq!((audit.ran(), measured.distinct), (DISTINCT, 4));
    assert_eq!(measured.classes, [0, 1, 0, 2, 0, 3, 0, 3, 0, 3]);
    assert_eq!(measured.first, [0, 1, 3, 5]);
    let scores = &measured.columns[0].scores;
    for (row, class) in measured.classes.iter().enumerate() {
        assert_eq!(scores[row], scores[measured.first[*class]], "row {row}");
    }
    assert_eq!(std::fs::read_to_string(audit.file()).unwrap().lines().count(), 4);
    let Cost { bytes_per_architecture, peak_bytes, .. } = measured.columns[0].cost;
    assert_eq!((bytes_per_architecture, peak_bytes), (1001.5, 1003));
    assert_eq!(
        measured.columns[0].details,
        [Detail { name: "odd".to_owned(), mean: f64::INFINITY, most: f64::INFINITY }]
    );
}

#[test]
fn what_is_known_is_not_measured_again() {
    for odd in [false, true] {
        let audit = Audit::new(odd);
        let first = audit.run("k", u64::MAX).unwrap();
        assert_eq!(audit.ran(), DISTINCT);
        let again = audit.run("k", u64::MAX).unwrap();
        assert_eq!((audit.ran(), bits(&again)), (0, bits(&first)));
        assert_eq!(again.columns[0].cost, first.columns[0].cost);
        assert!(first.columns[0].cost.share_of_peak.unwrap() > 0.0);
        assert_eq!(again.columns[0].details, first.columns[0].details);
        audit.run("another definition", u64::MAX).unwrap();
        assert_eq!(audit.ran(), DISTINCT, "scores of another definition do not answer");
    }
}

#[test]
fn an_audit_that_was_stopped_or_torn_goes_on() {
    let audit = Audit::new(false);
    let stopped = audit.run("k", 2).unwrap_err();
    assert_eq!(stopped.to_string(), "stopped with 2 of 4 distinct networks scored");
    assert_eq!(audit.ran(), 2);
    let mut text = std::fs::read(audit.file()).unwrap();
    let whole = text.len();
    text.extend_from_slice(b"{\"proxy\":\"counting\",\"key\":\"k\",\"cla");
    std::fs::write(audit.file(), &text).unwrap();
    let measured = audit.run("k", u64::MAX).unwrap();
    assert_eq!(audit.ran(), 2);
    let after = std::fs::read(audit.file()).unwrap();
    assert_eq!(&after[..whole], &text[..whole]);
    assert_eq!(String::from_utf8(after).unwrap().lines().count(), 4);
    assert_eq!(bits(&audit.run("k", u64::MAX).unwrap()), bits(&measured));
    assert_eq!(audit.ran(), 0);
    // A line that lost its end counts as never written.
    let text = std::fs::read(audit.file()).unwrap();
    std::fs::write(audit.file(), &text[..text.len() - 1]).unwrap();
    audit.run("k", u64::MAX).unwrap();
    assert_eq!(audit.ran(), 1);
}

#[test]
fn a_line_that_is_no_score_is_refused_with_its_place() {
    let audit = Audit::new(false);
    audit.run("k", u64::MAX).unwrap();
    let text = std::fs::read_to_string(audit.file()).unwrap();
    std::fs::write(audit.file(), text.replacen("\"value\"", "\"worth\"", 2)).unwrap();
    let message = audit.run("k", u64::MAX).unwrap_err().to_string();
    assert!(message.contains("scores.jsonl:1: this is no score of an audit"), "{message}");
}

#[test]
fn keys_tell_definitions_data_and_seeds_apart() {
    let key = |name: &str, seed| definition_key(&Definition::load(name).unwrap(), &Conditions::noise(seed));
    assert_eq!(key("zico", 1), key("zico", 1));
    let other = Conditions::new("ones", Conditions::noise(1).data, 1, 1);
    let batches = Conditions::new("noise", Conditions::noise(1).data, 1, 9);
    let zico = Definition::load("zico").unwrap();
    let keys = [
        key("zico", 1),
        key("zico", 2),
        key("zico_bc", 1),
        definition_key(&zico, &other),
        definition_key(&zico, &batches),
    ];
    let distinct: std::collections::HashSet<&String> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

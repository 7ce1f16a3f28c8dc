#![allow(clippy::unwrap_used)]

use super::*;
use crate::latency::profile::simulated::{Act, Simulated, space, time};
use crate::latency::profile::{Journal, Measured, PlanOptions, Prior, Protocol, Summary, Watch, measure};
use crate::latency::{Source, lower_run, predict};

fn plan(networks: usize) -> Plan {
    let options = PlanOptions { networks, blocks: 3, operators: None, seed: 1, copied: true };
    Plan::new(&space(), &options, &Prior::Rough).unwrap()
}

fn profiled(plan: &Plan) -> Profiled {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let protocol = Protocol { cool_down: std::time::Duration::ZERO, ..Protocol::default() };
    let watch = Watch { stop: &|| false, progress: &|_| {} };
    measure(plan, "simulated", &mut Simulated::steady(), &mut journal, &protocol, watch).unwrap();
    table(plan, journal.events(), protocol.windows, protocol.tolerance, &Statement::default()).unwrap()
}

/// The device's law is `1.3 × sum + 0.002 × operators + 0.5`, and its runs lie 0.1 % above it at the median.
#[test]
fn the_calibration_finds_what_networks_cost_beyond_their_operators() {
    let made = profiled(&plan(12));
    let InNetworks { common: Calibration { scale, operator, network }, by_class } = made.calibration;
    assert!(by_class.iter().all(|factor| (factor / scale - 1.0).abs() < 0.02), "{by_class:?}");
    assert!((scale - 1.3).abs() < 0.03, "{scale}");
    assert!((operator - 0.002).abs() < 0.002, "{operator}");
    assert!((network - 0.5).abs() < 0.03, "{network}");
    assert_eq!((made.networks, made.missing, made.too_short), (12, 0, 0));
    assert!(made.table.info().provenance.error.as_ref().unwrap().mape < 0.5);
}

/// Networks that were not measured are priced from rows of their operators alone, right to a percent.
#[test]
fn new_networks_are_priced_by_measured_rows() {
    let plan = plan(8);
    let made = profiled(&plan);
    let space = space();
    let mut count = 0;
    for architecture in space.enumerate(100_000).unwrap().iter().step_by(4) {
        let network = space.build(architecture).unwrap();
        let benchmark = Benchmark::new(Subject::Network(String::new()), network);
        for lowered in lower_run(&benchmark.network) {
            assert_eq!(made.table.price(&lowered.kernel).source, Source::Measured, "{}", lowered.kernel);
        }
        let error = predict(&made.table, &benchmark.network).mean.0 / time(&benchmark) - 1.0;
        assert!(error.abs() < 0.01, "{}: {error}", space.format(architecture));
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn the_table_reads_back_as_it_was_written_and_says_what_it_rests_on() {
    let made = profiled(&plan(5));
    let text = made.table.to_yaml();
    let read = LatencyTable::parse("t.yaml", &text).unwrap();
    // Errors are written with two digits, all else as it is.
    assert_eq!(read.to_yaml(), text);
    assert!(read.measured() == made.table.measured() && read.model() == made.table.model());
    assert_eq!((read.info().device.as_str(), read.info().cores.as_str()), ("Phone", "cpu7"));
    let note = &read.info().provenance.note;
    for part in ["OS 1", "calibration to 5 whole networks", "0 of ", "2730 to 2730 MHz", "32 to 32 °C"] {
        assert!(note.contains(part), "{part}: {note}");
    }
    // Nothing but the times could differ from one making to the next, and these are simulated.
    assert_eq!(profiled(&plan(5)).table.to_yaml(), text);
}

#[test]
fn without_networks_the_rows_stand_as_measured() {
    let made = profiled(&plan(0));
    assert_eq!(made.calibration, InNetworks::common(Calibration::NONE));
    assert_eq!(made.table.overhead().0, 0.0);
    assert!(made.table.info().provenance.error.is_none());
}

#[test]
fn a_journal_without_steady_measurements_makes_no_table() {
    let plan = plan(1);
    let mut journal_of = Simulated::steady();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let error = table(&plan, journal.events(), 5, 0.03, &Statement::default()).unwrap_err().to_string();
    assert!(error.contains("nothing has been measured yet"), "{error}");
    let device = crate::latency::profile::DeviceRunner::describe(&mut journal_of).unwrap();
    journal.begin("simulated", &device, 10).unwrap();
    journal.add(reference()).unwrap();
    let error = table(&plan, journal.events(), 5, 0.03, &Statement::default()).unwrap_err().to_string();
    assert!(error.contains("no operator has enough measurements that count; the same command goes on"), "{error}");
}

fn reference() -> Event {
    Event::Reference { measured: Measured { times: vec![1.0], ..Measured::default() } }
}

/// What `a_journal_without_steady_measurements` hears would be no help here.
#[test]
fn operators_that_take_no_time_of_their_own_are_told_from_those_not_measured() {
    let plan = plan(1);
    let mut all = Vec::new();
    let device = crate::latency::profile::DeviceRunner::describe(&mut Simulated::steady()).unwrap();
    all.push(Event::Session { runner: "simulated".to_owned(), device, runs: 10 });
    all.push(reference());
    for planned in plan.planned.iter().flat_map(|planned| std::iter::repeat_n(planned, 5)) {
        let (key, name) = (planned.benchmark.key.clone(), planned.benchmark.name());
        all.push(Event::Window { key, name, measured: Measured { times: vec![1.0; 10], ..Measured::default() } });
    }
    all.push(reference());
    let error = table(&plan, &all, 5, 0.03, &Statement::default()).unwrap_err().to_string();
    assert!(error.contains("too short to tell); measuring on does not help"), "{error}");
}

/// What programs do not tell is not made up: neither a spread in the note, nor a median.
#[test]
fn the_note_says_how_the_benchmarks_ran() {
    let plan = plan(4);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let protocol = Protocol { cool_down: std::time::Duration::ZERO, runs: 1, ..Protocol::default() };
    let watch = Watch { stop: &|| false, progress: &|_| {} };
    measure(&plan, "simulated", &mut Simulated::steady(), &mut journal, &protocol, watch).unwrap();
    let made = |events: &[Event]| table(&plan, events, 5, 0.03, &Statement::default()).unwrap();
    let few = made(journal.events());
    let note = &few.table.info().provenance.note;
    assert_eq!((few.runs.fewest, few.runs.iqr, few.runs.mad), (5, Some(0.0), Some(0.0)));
    assert!(note.contains("ran 5 times or more, where the protocol asks for 50; its quartiles lie 0.0 %"), "{note}");
    assert!(note.contains("is the median of its runs"), "{note}");

    let told: Vec<Event> = (journal.events().iter().cloned())
        .map(|event| match event {
            Event::Window { key, name, measured } => {
                let mean = measured.statistics().unwrap().mean;
                let summary = Some(Summary { count: Some(10), median: None, mean, std: None });
                Event::Window { key, name, measured: Measured { summary, ..Measured::default() } }
            }
            other => other,
        })
        .collect();
    let told = made(&told);
    let note = &told.table.info().provenance.note;
    assert_eq!((told.runs.fewest, told.runs.iqr, told.runs.mad), (50, None, None));
    assert!(note.contains("ran 50 times or more; what ran them does not tell the quartiles"), "{note}");
    assert!(note.contains("is the mean of its runs, as no median is told"), "{note}");
}

/// The reference drifts by 20 % and more is rejected: the note does not call that steady.
#[test]
fn the_note_tells_how_far_the_reference_was_off() {
    let plan = plan(4);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let protocol = Protocol { cool_down: std::time::Duration::ZERO, ..Protocol::default() };
    let watch = Watch { stop: &|| false, progress: &|_| {} };
    let mut device = Simulated::acting(|go, _| Act::Run(if (20..40).contains(&go) { 1.2 } else { 1.0 }));
    measure(&plan, "simulated", &mut device, &mut journal, &protocol, watch).unwrap();
    let made = table(&plan, journal.events(), 5, 0.03, &Statement::default()).unwrap();
    let note = &made.table.info().provenance.note;
    assert!(note.contains("lay within 3 % of its median before and after; its furthest was 20.0 %"), "{note}");
}

/// Softmax, norms and look-ups have rows of their own, and the products of an attention share what is left of it.
#[test]
fn transformers_are_priced_by_measured_rows_alone() {
    let text = "space: t\nversion: 1\nabout: t\ninput: { ids: 16 }\nblocks:\n  layer:\n    params: { heads: { choice: [2, 4] } }\n\
                \x20   residual: true\n    layers:\n      - op: rms_norm\n      - { op: attention, heads: =heads, rotary: true }\n\
                \x20     - { op: linear, features: 64, act: gelu }\n      - { op: linear, features: 32 }\nnetwork:\n\
                \x20 - { op: embedding, vocabulary: 100, features: 32 }\n  - { stage: s, repeat: { choice: [1, 2, 3] }, block: { use: layer } }\n\
                \x20 - op: layer_norm\n  - op: global_avg_pool\n  - { op: linear, features: 10 }\n  - op: softmax\n";
    let space = crate::space::Space::from_text("t.yaml", text).unwrap();
    let options = PlanOptions { networks: 6, blocks: 0, operators: None, seed: 1, copied: true };
    let plan = Plan::new(&space, &options, &Prior::Rough).unwrap();
    assert_eq!(plan.left_out, []);
    let made = profiled(&plan);
    let read = LatencyTable::parse("t.yaml", &made.table.to_yaml()).unwrap();
    for architecture in space.enumerate(1000).unwrap() {
        let benchmark = Benchmark::new(Subject::Network(String::new()), space.build(&architecture).unwrap());
        assert!(benchmark.kernels.iter().any(|kernel| kernel.kind == crate::latency::KernelKind::MatMul));
        for kernel in &benchmark.kernels {
            let priced = read.price(kernel);
            assert_eq!((priced.source, priced.flags.len()), (Source::Measured, 0), "{kernel}");
        }
        let error = predict(&read, &benchmark.network).mean.0 / time(&benchmark) - 1.0;
        assert!(error.abs() < 0.02, "{}: {error}", space.format(&architecture));
    }
}

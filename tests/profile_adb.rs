//! The profiler against the real `adb` with a stand-in for a phone behind it: what is brought there and fetched, exit
//! codes, and what happens when the cable, the storage or the program fails.
#![allow(clippy::unwrap_used)]

#[path = "support/adb.rs"]
mod adb;

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::Duration;

use adb::StandIn;
use pocketnas::graph::Network;
use pocketnas::latency::LatencyTable;
use pocketnas::latency::profile::{
    Ended, Event, Journal, Plan, PlanOptions, Planned, Prior, ProfileError, Progress, Protocol, Results, Setup,
    Statement, Watch, measure, open, table,
};
use pocketnas::space::Space;

const SPACE: &str = "space: t\nversion: 1\nabout: t\ninput: { channels: 3, size: 16 }\nnetwork:\n  - { op: conv, kernel: 3, channels: { \
                     choice: [8, 16] } }\n  - { op: conv, kernel: { choice: [1, 3] }, channels: 16 }\n  - op: global_avg_pool\n  - op: flatten\n  \
                     - { op: linear, features: 10 }\n";

/// A model whose length is what it costs, so that a script can tell its time.
fn model(network: &Network) -> Result<Vec<u8>, String> {
    Ok(vec![7; 1000 + network.cost().macs.0 as usize / 50])
}

/// Prints a time for each run, longer for longer models.
const BENCH: &str =
    "size=$(wc -c < \"$1\") && i=0 && while [ $i -lt \"$2\" ]; do echo \"$((100 + size / 10)) us\"; i=$((i + 1)); done";

fn plan() -> Plan {
    let options = PlanOptions { networks: 2, blocks: 0, operators: Some(3), seed: 0, copied: false };
    Plan::new(&Space::from_text("t.yaml", SPACE).unwrap(), &options, &Prior::Rough).unwrap()
}

fn setup(device: &StandIn, folder: &Path) -> Setup {
    Setup {
        command: Some("bench {model} {runs}".to_owned()),
        formats: vec![("onnx", model), ("tflite", model)],
        format: None,
        push: Vec::new(),
        cores: None,
        threads: 1,
        runtime: Some("bench 1.0".to_owned()),
        precision: "float".to_owned(),
        adb: device.adb(),
        patience: Duration::from_secs(20),
        timeout: Duration::from_secs(60),
        folder: folder.to_owned(),
    }
}

fn run(device: &StandIn, folder: &Path, setup: Setup, progress: &dyn Fn(Progress)) -> Result<Ended, ProfileError> {
    let mut runner = open(&format!("adb:{}", device.serial()), setup)?;
    let mut journal = Journal::open(folder)?;
    // Two windows of five runs: the phone is a script, and what is looked at is the way there.
    let protocol = Protocol { windows: 2, runs: 5, cool_down: Duration::ZERO, ..Protocol::default() };
    let watch = Watch { stop: &|| false, progress };
    measure(&plan(), "adb:SERIAL", runner.as_mut(), &mut journal, &protocol, watch)
}

fn quiet(_: Progress) {}

/// Every benchmark of the plan has its windows, and the times that the script prints.
fn complete(folder: &Path) {
    let journal = Journal::open(folder).unwrap();
    let results = Results::of(journal.events(), 0.03);
    for Planned { benchmark, .. } in plan().planned {
        assert!(results.count(&benchmark.key) >= 2, "{}", benchmark.name());
        let ms = (100 + model(&benchmark.network).unwrap().len() / 10) as f64 / 1e3;
        assert_eq!(results.statistics(&benchmark.key).unwrap().median, ms, "{}", benchmark.name());
    }
}

#[test]
fn a_device_is_measured_and_its_table_says_what_it_is() {
    let Some(device) = StandIn::start() else { return };
    device.program("unused", "true");
    let folder = tempfile::tempdir().unwrap();
    let bench = folder.path().join("bench");
    fs::write(&bench, format!("#!/bin/sh\n{BENCH}\n")).unwrap();
    let setup = Setup { push: vec![bench], ..setup(&device, folder.path()) };
    assert_eq!(run(&device, folder.path(), setup, &quiet).unwrap(), Ended::Done);
    complete(folder.path());
    // One thread on the last of the two fastest cores: 0x80. Models are gone, the program stays.
    let masks = fs::read_to_string(device.path("masks")).unwrap();
    assert!(masks.lines().count() > 10 && masks.lines().all(|mask| mask == "80"), "{masks}");
    let left: Vec<_> = fs::read_dir(device.path("data/local/tmp/pocketnas"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["bench"]);

    let journal = Journal::open(folder.path()).unwrap();
    let made = table(&plan(), journal.events(), 2, 0.03, &Statement::default()).unwrap();
    let text = made.table.to_yaml();
    let read = LatencyTable::parse("t.yaml", &text).unwrap();
    let info = read.info();
    let said = [&info.device, &info.soc, &info.runtime, &info.cores].map(String::as_str);
    assert_eq!(said, ["samsung SM-G973F", "exynos9820", "bench 1.0", "cpu7"]);
    for part in ["Android 12 (SP1A)", "1950 to 2730 MHz", "Temperatures of its sensors: 42 to 42 °C"] {
        assert!(info.provenance.note.contains(part), "{part}: {}", info.provenance.note);
    }
    assert_eq!(read.measured().len(), 3);
}

#[test]
fn a_cable_lost_in_the_midst_of_a_run_costs_one_span() {
    let Some(device) = StandIn::start() else { return };
    device.program("bench", BENCH);
    for fault in ["drop", "mangle"] {
        let folder = tempfile::tempdir().unwrap();
        let told = RefCell::new(Vec::new());
        let progress = |progress: Progress| match progress {
            Progress::Lost(why) => told.borrow_mut().push(why.to_owned()),
            Progress::Back => told.borrow_mut().push("back".to_owned()),
            _ => {}
        };
        // A model that is not the first to run.
        device.fault(fault, &format!("{}.onnx 5", plan().planned[2].benchmark.key));
        assert_eq!(run(&device, folder.path(), setup(&device, folder.path()), &progress).unwrap(), Ended::Done);
        assert!(!device.path(fault).exists(), "{fault} has struck");
        let told = told.borrow();
        assert!(told.len() == 2 && told[0].contains("a command broke off") && told[1] == "back", "{told:?}");
        complete(folder.path());
    }
}

#[test]
fn a_device_that_stays_away_ends_it_and_the_same_call_goes_on() {
    let Some(device) = StandIn::start() else { return };
    device.program("bench", BENCH);
    let folder = tempfile::tempdir().unwrap();
    let key = plan().planned[2].benchmark.key.clone();
    device.fault("drop", &format!("{key}.onnx 5"));
    let setup_of = |patience| Setup { patience: Duration::from_secs(patience), ..setup(&device, folder.path()) };
    let gone = |progress: Progress| {
        if matches!(progress, Progress::Lost(_)) {
            device.fault("gone", "");
        }
    };
    let error = run(&device, folder.path(), setup_of(2), &gone).unwrap_err().to_string();
    assert!(error.contains("did not come back within 2 s"), "{error}");
    let before = fs::read(folder.path().join("profile.jsonl")).unwrap();
    let error = run(&device, folder.path(), setup_of(2), &quiet).unwrap_err().to_string();
    assert!(error.contains("cannot be used") && error.contains("`adb devices` lists"), "{error}");
    device.mend("gone");
    run(&device, folder.path(), setup_of(20), &quiet).unwrap();
    complete(folder.path());
    assert!(fs::read(folder.path().join("profile.jsonl")).unwrap().starts_with(&before), "lines are only added");
}

#[test]
fn two_profiles_do_not_share_a_device() {
    let Some(device) = StandIn::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let serial = format!("adb:{}", device.serial());
    let first = open(&serial, setup(&device, folder.path())).unwrap();
    let error = open(&serial, setup(&device, folder.path())).unwrap_err().to_string();
    assert!(error.contains("another profile of this machine runs on the device"), "{error}");
    drop(first);
    open(&serial, setup(&device, folder.path())).unwrap();
}

/// One of the same length, so that it does not show in the size.
#[test]
fn a_program_that_was_changed_is_brought_again() {
    let Some(device) = StandIn::start() else { return };
    for text in [BENCH.to_owned(), BENCH.replace("size / 10", "size / 20")] {
        let folder = tempfile::tempdir().unwrap();
        let bench = folder.path().join("bench");
        fs::write(&bench, format!("#!/bin/sh\n{text}\n")).unwrap();
        let setup = Setup { push: vec![bench.clone()], ..setup(&device, folder.path()) };
        open(&format!("adb:{}", device.serial()), setup).unwrap().describe().unwrap();
        let there = fs::read_to_string(device.path("data/local/tmp/pocketnas/bench")).unwrap();
        assert_eq!(there, fs::read_to_string(&bench).unwrap());
    }
}

#[test]
fn a_core_that_is_not_there_is_wrong_input() {
    let Some(device) = StandIn::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { cores: Some("3-9".to_owned()), ..setup(&device, folder.path()) };
    let error = run(&device, folder.path(), setup, &quiet).unwrap_err();
    assert!(matches!(error, ProfileError::Unready(_)), "{error}");
    assert!(error.to_string().contains("no core 8; it has: 0-7"), "{error}");
}

#[test]
fn a_full_device_is_told_as_such_and_goes_on_with_room() {
    let Some(device) = StandIn::start() else { return };
    device.program("bench", BENCH);
    let folder = tempfile::tempdir().unwrap();
    device.fault("full", "");
    let error = run(&device, folder.path(), setup(&device, folder.path()), &quiet).unwrap_err().to_string();
    assert!(error.contains("the storage of the device is full"), "{error}");
    device.mend("full");
    run(&device, folder.path(), setup(&device, folder.path()), &quiet).unwrap();
    complete(folder.path());
}

#[test]
fn programs_that_are_missing_or_fail_are_told_by_what_they_say() {
    let Some(device) = StandIn::start() else { return };
    let cases = [
        ("missing", None, "cannot be started (status 127)"),
        ("fails", Some("echo no such model >&2; exit 7"), "ended with status 7: no such model"),
        ("killed", Some("kill -SEGV $$"), "ended with status 139"),
        ("garbage", Some("head -c 3000 /dev/urandom"), "no times in the output of the command"),
        ("silent", Some("true"), "it printed nothing"),
        (
            "imitates",
            Some("echo END-0123456789abcdef 0; echo; echo 'END x 0'"),
            "no times in the output of the command",
        ),
        ("nothing takes no time", Some("echo 0 ms"), "no times in the output of the command"),
    ];
    for (name, script, told) in cases {
        let folder = tempfile::tempdir().unwrap();
        device.mend("bin/bench");
        if let Some(script) = script {
            device.program("bench", script);
        }
        let error = run(&device, folder.path(), setup(&device, folder.path()), &quiet).unwrap_err().to_string();
        assert!(error.contains(told), "{name}: {error}");
    }
    let unknown = open("adb:nobody", setup(&device, Path::new("."))).unwrap_err().to_string();
    assert!(unknown.contains("the device nobody cannot be used") && unknown.contains(&device.serial()), "{unknown}");
    let missing = Setup { adb: "/nonexistent/adb".into(), ..setup(&device, Path::new(".")) };
    let error = open("adb:nobody", missing).unwrap_err().to_string();
    assert!(error.contains("cannot run `/nonexistent/adb`") && error.contains("apt-get install adb"), "{error}");
}

/// Without a command of the user's TFLite's own benchmark runs, and its profile by operator is fetched and used.
#[test]
fn benchmark_model_and_its_profile_are_understood() {
    let Some(device) = StandIn::start() else { return };
    device.program(
        "benchmark_model",
        "for word in \"$@\"; do case $word in --graph=*) graph=${word#*=} ;; --num_runs=*) runs=${word#*=} ;; \
         --profiling_output_csv_file=*) csv=${word#*=} ;; esac; done\n\
         [ \"${graph##*.}\" = tflite ] || exit 3\n\
         us=$((100 + $(wc -c < \"$graph\") / 10))\n\
         echo \"count=1 first=9999 curr=9999 min=9999 max=9999 avg=9999 std=0\"\n\
         echo \"count=$runs first=$us curr=$us min=$us max=$us avg=$us std=0\"\n\
         printf 'Operator-wise Profiling Info for Regular Benchmark Runs:\\n= Run Order =\\nnode type, first, avg_ms, %%\\nCONV_2D, 1, \
         0.25, 50\\nRELU, 1, 0.125, 50\\n\\n' > \"$csv\"",
    );
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { command: None, ..setup(&device, folder.path()) };
    run(&device, folder.path(), setup, &quiet).unwrap();
    complete(folder.path());
    let journal = Journal::open(folder.path()).unwrap();
    let operators = journal.events().iter().find_map(|event| match event {
        Event::Window { measured, .. } => Some(measured.operators.clone()),
        _ => None,
    });
    assert_eq!(operators.unwrap(), [("CONV_2D".to_owned(), 0.25), ("RELU".to_owned(), 0.125)]);
    let last = plan().planned.pop().unwrap().benchmark;
    assert_eq!(Results::of(journal.events(), 0.03).profiled(&last.key), Some(0.375));
}

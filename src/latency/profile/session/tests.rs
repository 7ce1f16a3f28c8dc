#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::latency::profile::simulated::{Act, Simulated, space, time};
use crate::latency::profile::{PlanOptions, Prior};

fn plan() -> Plan {
    let options = PlanOptions { networks: 3, blocks: 2, operators: Some(6), seed: 0, copied: true };
    Plan::new(&space(), &options, &Prior::Rough).unwrap()
}

fn protocol() -> Protocol {
    Protocol { cool_down: Duration::ZERO, round: 5, ..Protocol::default() }
}

fn quiet(_: Progress) {}

const UNWATCHED: Watch = Watch { stop: &|| false, progress: &quiet };

fn run(folder: &Path, device: &mut Simulated, watch: Watch) -> Result<Ended, ProfileError> {
    let mut journal = Journal::open(folder).unwrap();
    measure(&plan(), "simulated", device, &mut journal, &protocol(), watch)
}

fn events(folder: &Path) -> Vec<Event> {
    Journal::open(folder).unwrap().events().to_vec()
}

/// Everything is measured to the full, and the medians are right.
fn complete(folder: &Path) {
    let events = events(folder);
    let results = Results::of(&events, 0.03);
    for Planned { benchmark, .. } in plan().planned {
        assert!(results.count(&benchmark.key) >= 5, "{}: {}", benchmark.name(), results.count(&benchmark.key));
        let found = results.statistics(&benchmark.key).unwrap();
        assert!(found.count >= 50 && (found.median / time(&benchmark) - 1.001).abs() < 1e-9, "{}", benchmark.name());
    }
}

#[test]
fn a_steady_device_is_measured_once_through_in_random_order() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &mut Simulated::steady(), UNWATCHED).unwrap(), Ended::Done);
    complete(folder.path());
    let events = events(folder.path());
    let keys: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::Window { key, .. } => Some(&key[..]),
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 5 * plan().planned.len(), "nothing was repeated");
    // A round of five has 25 windows; in order they would be runs of five.
    let runs = keys[..25].chunk_by(|a, b| a == b).map(<[&str]>::len).max().unwrap();
    assert!(runs < 5, "{keys:?}");
    // The reference stands at both ends, and never more than eight windows apart.
    let mut since = 100;
    for event in &events {
        match event {
            Event::Reference { .. } => since = 0,
            Event::Window { .. } => {
                since += 1;
                assert!(since <= 8, "{since} windows without a reference");
            }
            _ => {}
        }
    }
    assert_eq!(since, 0);
    // Nothing is left to do.
    let mut again = Simulated::steady();
    run(folder.path(), &mut again, UNWATCHED).unwrap();
    assert_eq!(again.goes.get(), 0);
}

#[test]
fn what_was_measured_while_the_device_throttled_is_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let drifted = Cell::new(0);
    let progress = |progress: Progress| {
        if matches!(progress, Progress::Drifted { .. }) {
            drifted.set(drifted.get() + 1);
        }
    };
    let mut device = Simulated::acting(|go, _| Act::Run(if (20..40).contains(&go) { 1.4 } else { 1.0 }));
    run(folder.path(), &mut device, Watch { stop: &|| false, progress: &progress }).unwrap();
    complete(folder.path());
    assert!(drifted.get() > 0);
    let events = events(folder.path());
    let rejected = Results::of(&events, 0.03).rejected;
    assert!((16..=40).contains(&rejected), "{rejected}");
}

#[test]
fn a_device_that_never_settles_is_given_up_in_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    // The reference alternates by a fifth: nothing ever lies between two that agree.
    let reference = plan().reference.key;
    let count = Cell::new(0u32);
    let mut device = Simulated::acting(move |_, benchmark| {
        if benchmark.key == reference {
            count.set(count.get() + 1);
        }
        Act::Run(if count.get().is_multiple_of(2) { 1.2 } else { 1.0 })
    });
    run(folder.path(), &mut device, UNWATCHED).unwrap();
    let events = events(folder.path());
    let windows = events.iter().filter(|event| matches!(event, Event::Window { .. })).count();
    assert!(windows <= 4 * 5 * plan().planned.len(), "{windows}");
    assert_eq!(Results::of(&events, 0.03).count(&plan().planned[0].benchmark.key), 0);
}

#[test]
fn a_lost_device_is_waited_for_and_nothing_before_the_loss_counts_unproven() {
    let folder = tempfile::tempdir().unwrap();
    let told = RefCell::new(Vec::new());
    let progress = |progress: Progress| match progress {
        Progress::Lost(why) => told.borrow_mut().push(why.to_owned()),
        Progress::Back => told.borrow_mut().push("back".to_owned()),
        _ => {}
    };
    let mut device = Simulated::acting(|go, _| if go == 13 { Act::Vanish } else { Act::Run(1.0) });
    run(folder.path(), &mut device, Watch { stop: &|| false, progress: &progress }).unwrap();
    assert_eq!(*told.borrow(), ["it vanished", "back"]);
    assert_eq!(device.recovered, 1);
    complete(folder.path());
    let events = events(folder.path());
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Session { .. })).count(), 2);
    // Go 0 and 9 were the reference: three windows stood open.
    assert_eq!(Results::of(&events, 0.03).rejected, 3);
}

#[test]
fn a_device_that_stays_away_ends_it_and_the_same_call_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut device = Simulated::acting(|go, _| if go >= 33 { Act::Vanish } else { Act::Run(1.0) });
    device.returns = false;
    let error = run(folder.path(), &mut device, UNWATCHED).unwrap_err();
    assert_eq!(error.to_string(), "it did not come back");
    let before = events(folder.path()).len();
    let mut device = Simulated::steady();
    run(folder.path(), &mut device, UNWATCHED).unwrap();
    complete(folder.path());
    // Reference at 0, 9, 18, 27 and 29, where the round ends: three windows were left unproven, all else counted.
    let windows = events(folder.path()).iter().filter(|event| matches!(event, Event::Window { .. })).count();
    assert!(before > 20 && windows == 5 * plan().planned.len() + 3, "{windows}");
}

#[test]
fn a_benchmark_that_kills_the_connection_each_time_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let bad = plan().planned[4].benchmark.key.clone();
    let mut device = Simulated::acting({
        let bad = bad.clone();
        move |_, benchmark| if benchmark.key == bad { Act::Vanish } else { Act::Run(1.0) }
    });
    run(folder.path(), &mut device, UNWATCHED).unwrap();
    let failed: HashMap<String, String> = (events(folder.path()).into_iter())
        .filter_map(|event| match event {
            Event::Failed { key, reason, .. } => Some((key, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[&bad].starts_with("the device is lost whenever it runs"), "{failed:?}");
    assert_eq!(device.recovered, 3);
}

#[test]
fn garbage_leaves_a_benchmark_out_and_all_garbage_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let bad = plan().planned[4].benchmark.key.clone();
    let mut device = Simulated::acting({
        let bad = bad.clone();
        move |_, benchmark| if benchmark.key == bad { Act::Refuse } else { Act::Run(1.0) }
    });
    run(folder.path(), &mut device, UNWATCHED).unwrap();
    let failed = events(folder.path()).into_iter().filter(|event| matches!(event, Event::Failed { .. })).count();
    assert_eq!(failed, 1, "it is tried twice, and recorded once");
    // The next session tries it again.
    let mut device = Simulated::steady();
    run(folder.path(), &mut device, UNWATCHED).unwrap();
    complete(folder.path());

    let folder = tempfile::tempdir().unwrap();
    let reference = plan().reference.key;
    let mut device = Simulated::acting(move |_, b| if b.key == reference { Act::Run(1.0) } else { Act::Refuse });
    let error = run(folder.path(), &mut device, UNWATCHED).unwrap_err().to_string();
    assert_eq!(error, "the first 5 benchmarks all failed; the last one: it said 42 potatoes");
    let error = run(folder.path(), &mut Simulated::acting(|_, _| Act::Refuse), UNWATCHED).unwrap_err().to_string();
    assert!(
        error.starts_with("the reference operator") && error.ends_with("does not run: it said 42 potatoes"),
        "{error}"
    );
    let error = run(folder.path(), &mut Simulated::acting(|_, _| Act::Break), UNWATCHED).unwrap_err().to_string();
    assert_eq!(error, "its storage is full");
}

/// Models would fill the device's storage.
#[test]
fn whatever_ends_it_what_was_got_ready_is_let_go() {
    for act in [Act::Run(1.0), Act::Refuse, Act::Break] {
        let folder = tempfile::tempdir().unwrap();
        let reference = plan().reference.key;
        let mut device =
            Simulated::acting(move |_, benchmark| if benchmark.key == reference { Act::Run(1.0) } else { act });
        let goes = std::rc::Rc::clone(&device.goes);
        let _ = run(folder.path(), &mut device, Watch { stop: &|| goes.get() >= 12, progress: &quiet });
        assert!(device.goes.get() > 1 && device.ready.is_empty(), "{act:?}: {:?}", device.ready);
    }
}

#[test]
fn who_asks_to_stop_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut device = Simulated::steady();
    let goes = std::rc::Rc::clone(&device.goes);
    let stop = move || goes.get() >= 12;
    assert_eq!(run(folder.path(), &mut device, Watch { stop: &stop, progress: &quiet }).unwrap(), Ended::Stopped);
    // A last reference closes what was measured.
    assert_eq!(Results::of(&events(folder.path()), 0.03).rejected, 0);
    run(folder.path(), &mut Simulated::steady(), UNWATCHED).unwrap();
    complete(folder.path());
    let windows = events(folder.path()).iter().filter(|event| matches!(event, Event::Window { .. })).count();
    assert_eq!(windows, 5 * plan().planned.len());
}

#[test]
fn time_that_is_up_ends_it_like_a_wish() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path()).unwrap();
    let protocol = Protocol { limit: Some(Duration::ZERO), ..protocol() };
    let ended = measure(&plan(), "simulated", &mut Simulated::steady(), &mut journal, &protocol, UNWATCHED);
    assert_eq!(ended.unwrap(), Ended::TimeUp);
}

#[test]
fn another_core_set_is_another_journal() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &mut Simulated::steady(), UNWATCHED).unwrap();
    let mut other = Simulated { cores: "cpu0".to_owned(), ..Simulated::steady() };
    let error = run(folder.path(), &mut other, UNWATCHED).unwrap_err().to_string();
    assert!(error.contains("another core set: `cpu7`, not `cpu0`"), "{error}");
}

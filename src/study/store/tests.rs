#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::study::lock::Lock;

fn identity() -> Identity {
    let fingerprint = vec![("evaluations".into(), "20".into()), ("limits[0]".into(), "latency <= 30 ms".into())];
    Identity {
        name: "s".into(),
        version: "0".into(),
        host: "h".into(),
        config: "x".into(),
        fingerprint,
        ..Identity::default()
    }
}

fn told(trial: u64, value: f64) -> Event {
    Event::Told {
        trial,
        architecture: format!("a{trial}"),
        hash: format!("h{trial}"),
        decisions: vec![Taken { path: "s.kernel".into(), option: 1, value: json!(5) }],
        fidelity: 1.0,
        cached: false,
        values: vec![("latency".into(), value)],
        outcome: ToldOutcome::Infeasible { violations: vec![value.abs()], screened: true },
    }
}

fn evaluated(value: f64) -> Event {
    let readings = vec![("latency".into(), "d".into(), value, 0.5)];
    Event::Evaluated { trial: 0, hash: "h0".into(), fidelity: 1.0, seed: 7, readings }
}

#[test]
fn what_is_recorded_comes_back_to_writers_and_to_readers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE);
    let mut store = Store::create(&path, &identity()).unwrap();
    let extended = Event::Extended { changes: vec![("evaluations".into(), "20".into(), "40".into())] };
    let events = [evaluated(3.0), told(0, 3.0), extended, Event::Stopped { reason: "interrupt".into() }];
    store.record(&events).unwrap();
    // The writer is still there.
    let (read, record) = Store::read(&path).unwrap();
    assert_eq!(read.events().unwrap().into_iter().map(|(_, event)| event).collect::<Vec<_>>(), events);
    assert_eq!(record.reading("h0", "d", 1.0, 7), Some(3.0));
    assert_eq!(record.reading("h0", "d", 1.0, 8), None);
    assert_eq!(record.reading("h0", "d", 0.5, 7), None);
    assert_eq!((record.trials.len(), record.identity[0].1.as_str()), (1, "40"));
    assert_eq!(record.state, State::Stopped("interrupt".into()));
    drop((store, read));
    assert_eq!(Store::open(&path).unwrap().1, record);
    assert!(matches!(Store::create(&path, &identity()), Err(StoreError::Exists(_))));
    let shell = Connection::open(&path).unwrap();
    let row = |sql: &str| shell.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(row("SELECT architecture || outcome FROM trial").unwrap(), "a0infeasible");
    assert_eq!(row("SELECT objective || value FROM reading").unwrap(), "latency3.0");
    for sql in ["DELETE FROM event", "UPDATE event SET body = ''"] {
        assert!(shell.execute(sql, []).unwrap_err().to_string().contains("events are only added"));
    }
}

#[test]
fn a_batch_is_recorded_in_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE);
    let mut store = Store::create(&path, &identity()).unwrap();
    for value in [f64::NAN, f64::INFINITY] {
        assert!(matches!(store.record(&[told(0, 1.0), told(1, value)]), Err(StoreError::NotFinite("told"))));
    }
    assert!(store.events().unwrap().is_empty());
    store.record(&[told(0, 1.0)]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn numbers_come_back_bit_for_bit(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let text = serde_json::to_string(&evaluated(value)).unwrap();
        let Event::Evaluated { readings, .. } = serde_json::from_str(&text).unwrap() else { panic!() };
        prop_assert_eq!(readings[0].2.to_bits(), bits);
    }
}

/// A kill while a store is made leaves parts of it, and nothing that is in the way of the next.
#[test]
fn what_a_killed_creation_left_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE);
    fs::write(&path, "").unwrap();
    for name in ["study.sqlite-journal", "study.partial", "study.partial-wal", "study.partial-shm"] {
        fs::write(folder.path().join(name), vec![b'x'; 5000]).unwrap();
    }
    let mut store = Store::create(&path, &identity()).unwrap();
    store.record(&[evaluated(3.0)]).unwrap();
    drop(store);
    assert_eq!(Store::open(&path).unwrap().0.events().unwrap().len(), 1);
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name.to_string_lossy().starts_with(STORE)));
}

#[test]
fn files_that_are_no_study_are_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE);
    assert!(matches!(Store::open(&path), Err(StoreError::Missing(_))));
    fs::write(&path, vec![b'x'; 9000]).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign(_))));
    assert_eq!(fs::read(&path).unwrap(), vec![b'x'; 9000]);

    type Check = fn(&StoreError) -> bool;
    let cases: [(&str, Check); 5] = [
        ("PRAGMA application_id = 1", |e| matches!(e, StoreError::Foreign(_))),
        ("PRAGMA user_version = 99", |e| matches!(e, StoreError::Newer { found: 99, known: 1, .. })),
        ("DROP TABLE study", |e| matches!(e, StoreError::Damaged { .. })),
        ("DROP TABLE event", |e| matches!(e, StoreError::Damaged { .. })),
        ("INSERT INTO event VALUES (1, 0, 'told', 0, '{')", |e| matches!(e, StoreError::Damaged { .. })),
    ];
    for (i, (sql, check)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("{i}.sqlite"));
        drop(Store::create(&path, &identity()).unwrap());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        for error in [Store::open(&path).unwrap_err(), Store::read(&path).unwrap_err()] {
            assert!(check(&error), "{sql}: {error}");
        }
    }
}

#[test]
fn differences_are_named_and_short() {
    let old = identity().fingerprint;
    assert!(difference(&old, &old).is_empty());
    let new = vec![("evaluations".to_owned(), "40".to_owned()), ("seed".to_owned(), "1".to_owned())];
    let changes = difference(&old, &new);
    assert_eq!(
        describe(&changes),
        "evaluations: 20 -> 40\nlimits[0]: latency <= 30 ms -> (absent)\nseed: (absent) -> 1\n"
    );
    assert_eq!(changes.iter().map(Change::is_extension).collect::<Vec<_>>(), [true, false, false]);
    let many: Vec<_> = (0..30).map(|i| (format!("k{i}"), "v".to_owned())).collect();
    let text = describe(&difference(&[], &many));
    assert_eq!((text.lines().count(), text.lines().last()), (12, Some("and 19 more")));
}

#[test]
fn a_second_holder_is_told_of_the_first_and_a_left_over_file_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::take(folder.path(), "pocketnas search x.yaml").unwrap();
    let told = Lock::take(folder.path(), "another").unwrap_err().to_string();
    assert!(told.contains(&std::process::id().to_string()) && told.contains("pocketnas search x.yaml"), "{told}");
    assert_eq!(Lock::holder(folder.path()).unwrap().unwrap().pid, std::process::id());
    drop(lock);
    assert!(Lock::holder(folder.path()).is_none());
    drop(Lock::take(folder.path(), "third").unwrap());
}

#[test]
fn an_older_file_is_upgraded_after_a_copy_was_put_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE);
    let mut store = Store::create(&path, &identity()).unwrap();
    store.record(&[evaluated(3.0), told(0, 3.0)]).unwrap();
    drop(store);
    let record = Store::open(&path).unwrap().1;
    let names = || fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names(), [STORE], "a file of this version is left alone");

    let connect = || Store::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    // A step that fails takes those before it back.
    let broken = [schema::MIGRATIONS[0], "CREATE TABLE note (text TEXT)", "ALTER TABLE nowhere RENAME TO there"];
    let mut store = connect();
    store.upgrade(&broken).unwrap_err();
    assert_eq!(store.number("user_version").unwrap(), 1);
    assert!(store.connection.prepare("SELECT text FROM note").is_err());
    drop(store);
    assert_eq!(Store::open(&path).unwrap().1, record);

    let mut store = connect();
    store.upgrade(&[schema::MIGRATIONS[0], "CREATE TABLE note (text TEXT)", "INSERT INTO note VALUES ('n')"]).unwrap();
    assert_eq!(store.number("user_version").unwrap(), 3);
    let note: String = store.connection.query_row("SELECT text FROM note", [], |row| row.get(0)).unwrap();
    assert_eq!((note.as_str(), store.fold().unwrap()), ("n", record.clone()));
    drop(store);
    let refused = Store::open(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 3, known: 1, .. }), "{refused}");
    let backup = folder.path().join("study.v1.sqlite");
    assert_eq!(Store::open(&backup).unwrap().1, record);
}

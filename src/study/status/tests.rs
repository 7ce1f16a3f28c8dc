#![allow(clippy::unwrap_used)]

use super::*;
use crate::study::store::ToldOutcome;

fn goal(name: &str, higher: bool) -> Goal {
    Goal { name: name.into(), unit: "1".into(), higher }
}

fn told(trial: u64, values: &[(&str, f64)], outcome: ToldOutcome) -> Event {
    Event::Told {
        trial,
        architecture: format!("a{trial}"),
        hash: format!("h{trial}"),
        decisions: Vec::new(),
        fidelity: 1.0,
        cached: false,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        outcome,
    }
}

fn opened() -> Event {
    Event::Opened { pid: 7, host: "h".into(), version: "0".into() }
}

/// The status, at second 1000, of a study in which that happened.
fn status(events: &[(f64, Event)], holder: Option<Option<Holder>>) -> Status {
    let fingerprint = vec![("evaluations".to_owned(), "100".to_owned())];
    let objectives = vec![goal("cost", false), goal("score", true)];
    let identity = Identity { objectives, fingerprint, ..Identity::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE);
    let mut store = Store::create(&path, &identity).unwrap();
    store.record(&events.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>()).unwrap();
    let (_, record) = Store::read(&path).unwrap();
    Status::of(&identity, &record, events, holder, 1000.0)
}

fn complete(trial: u64, cost: f64, score: f64) -> Event {
    told(trial, &[("cost", cost), ("score", score)], ToldOutcome::Complete)
}

#[test]
fn counts_best_values_and_the_front_follow_from_the_record() {
    let infeasible = ToldOutcome::Infeasible { violations: vec![1.0], screened: true };
    let failed = |screened| ToldOutcome::Failed { reason: "r".into(), screened };
    let events: Vec<(f64, Event)> = [
        opened(),
        complete(0, 2.0, 5.0),
        complete(1, 1.0, 3.0),
        // The cheapest of all, but outside of a limit.
        told(2, &[("cost", 0.0)], infeasible),
        told(3, &[], failed(false)),
        told(4, &[], failed(true)),
        complete(5, 3.0, 4.0),
    ]
    .into_iter()
    .map(|event| (0.0, event))
    .collect();
    let status = status(&events, None);
    assert_eq!((status.candidates, status.feasible, status.infeasible), (6, 3, 1));
    assert_eq!((status.screened, status.failed, status.dead, status.front), (1, 1, 1, 2));
    assert_eq!((status.evaluated, status.budget, status.improved), (4.0, Some(100), 2.0));
    let best: Vec<Option<f64>> = status.best.iter().map(|best| best.value).collect();
    assert_eq!(best, [Some(1.0), Some(5.0)]);
    // The box is 1 to 3 by 3 to 5, and the front its best corner in each objective: half of it, by (2, 5).
    assert_eq!(status.hypervolume, 0.5);
}

#[test]
fn the_state_is_told_by_the_last_run_and_the_lock() {
    let holder = Holder { pid: 9, host: "g".into(), since: 900.0, command: "c".into() };
    let events = vec![(1.0, Event::Finished { members: 1, seconds: 1.0, exact: false }), (950.0, opened())];
    let running = status(&events, Some(Some(holder.clone()))).state;
    assert_eq!(running, State::Running { since: 900.0, by: Some(holder) });
    assert_eq!(status(&events, Some(None)).state, State::Running { since: 950.0, by: None });
    assert_eq!(status(&events, None).state, State::Killed { last: 950.0, pid: 7, host: "h".into() });
    let stopped = [events, vec![(960.0, Event::Stopped { reason: "interrupt".into() })]].concat();
    // Whoever has said that it stops holds the lock for a moment more.
    let state = status(&stopped, Some(None)).state;
    assert_eq!(state, State::Stopped { at: 960.0, reason: "interrupt".into() });
}

#[test]
fn the_rate_is_that_of_the_last_minute_of_this_run() {
    let run = |opened_at: f64, times: &[f64]| {
        let mut events = vec![(0.0, opened()), (500.0, complete(0, 1.0, 1.0)), (opened_at, opened())];
        events.extend(times.iter().enumerate().map(|(i, &time)| (time, complete(i as u64 + 1, 1.0, 1.0))));
        let status = status(&events, Some(None));
        (status.per_second, status.seconds_left)
    };
    assert_eq!(run(990.0, &[]), (None, None));
    let (rate, left) = run(990.0, &[992.0, 994.0]);
    assert_eq!((rate, left), (Some(0.2), Some(97.0 / 0.2)));
    // One of three in the last minute; none of one, so that the whole run counts.
    assert_eq!(run(600.0, &[700.0, 800.0, 990.0]).0, Some(1.0 / 60.0));
    assert_eq!(run(600.0, &[700.0]).0, Some(1.0 / 400.0));
}

#[test]
fn an_exact_front_is_no_effort() {
    let finished = Event::Finished { members: 1, seconds: 1.0, exact: true };
    let events = [(0.0, opened()), (1.0, complete(0, 1.0, 1.0)), (1.0, finished)];
    let status = status(&events, None);
    assert_eq!((status.evaluated, status.budget, status.front), (0.0, None, 1));
}

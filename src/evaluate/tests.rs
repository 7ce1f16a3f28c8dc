#![allow(clippy::unwrap_used)]
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::objective::{Additive, Count, CountKind, Direction, Objective, ObjectiveError, Origin, Subject};
use crate::space::Space;

type Answer = Box<dyn Fn(&Subject<'_>) -> Result<f64, ObjectiveError> + Send + Sync>;

/// An objective that does as it is told, and counts how often.
struct Fake {
    name: &'static str,
    cheap: bool,
    answer: Answer,
    origin: Origin,
    calls: AtomicUsize,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Fake {
    fn new(
        name: &'static str,
        cheap: bool,
        answer: impl Fn(&Subject<'_>) -> Result<f64, ObjectiveError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let origin = Origin { kind: "count", name: name.into(), about: String::new(), hash: String::new() };
        Arc::new(Self { name, cheap, answer: Box::new(answer), origin, calls: AtomicUsize::new(0) })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Objective for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn label(&self) -> String {
        self.name.to_owned()
    }

    fn unit(&self) -> &str {
        "1"
    }

    fn direction(&self) -> Direction {
        Direction::Lower
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn value(&self, _: &Network) -> Result<f64, ObjectiveError> {
        unreachable!("an evaluator asks for the value of a subject")
    }

    fn evaluate(&self, subject: &Subject<'_>) -> Result<f64, ObjectiveError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.answer)(subject)
    }

    fn cheap(&self) -> bool {
        self.cheap
    }

    fn by_block(&self, _: &Network) -> Result<Vec<f64>, ObjectiveError> {
        Ok(Vec::new())
    }

    fn additive(&self) -> Option<&dyn Additive> {
        None
    }
}

fn job(id: u64) -> Job {
    let space = Space::load("nas-bench-201", None).unwrap();
    let architecture = space.default_architecture();
    Job {
        id,
        network: space.build(&architecture).unwrap(),
        architecture: space.format(&architecture),
        decisions: vec![("a".to_owned(), Value::Int(3))],
        seed: 5,
        fidelity: 0.25,
        known: Vec::new(),
    }
}

fn task(objectives: &[Arc<Fake>], limits: &[(usize, Bound)]) -> Task {
    let objectives = objectives.iter().map(|fake| Arc::clone(fake) as Arc<dyn Objective>).collect();
    Task { objectives, limits: limits.to_vec(), space: "nas-bench-201".to_owned() }
}

fn values(finished: &Finished) -> Vec<Option<f64>> {
    finished.readings.iter().map(|reading| reading.map(|reading| reading.value)).collect()
}

#[test]
fn objectives_see_the_whole_candidate() {
    let seen = Fake::new("seen", false, |subject| {
        let Subject { space, architecture, decisions, seed, fidelity, network } = subject;
        assert_eq!((*space, *seed, *fidelity), ("nas-bench-201", 5, 0.25));
        assert!(architecture.contains('~') && decisions[0].0 == "a" && network.len() > 10);
        Ok(1.0)
    });
    let finished = task(&[seen], &[]).judge(&job(3));
    assert_eq!((finished.id, values(&finished)), (3, vec![Some(1.0)]));
    assert_eq!(finished.verdict, Verdict::Complete);
}

#[test]
fn nothing_dear_runs_once_a_limit_is_broken() {
    let fakes = || {
        [
            Fake::new("dear", false, |_| Ok(10.0)),
            Fake::new("limited", false, |_| Ok(20.0)),
            Fake::new("cheap", true, |_| Ok(30.0)),
            Fake::new("other", true, |_| Ok(40.0)),
        ]
    };
    let run = |limits: &[(usize, Bound)]| {
        let fakes = fakes();
        let finished = task(&fakes, limits).judge(&job(0));
        (fakes.map(|fake| fake.calls()), values(&finished), finished.verdict)
    };
    let infeasible = |violations: &[f64], screened| Verdict::Infeasible { violations: violations.to_vec(), screened };
    let (calls, read, verdict) = run(&[(2, Bound::AtMost(25.0)), (3, Bound::AtLeast(47.0)), (1, Bound::AtMost(1.0))]);
    assert_eq!((calls, read), ([0, 0, 1, 1], vec![None, None, Some(30.0), Some(40.0)]));
    assert_eq!(verdict, infeasible(&[5.0, 7.0, 0.0], true));
    // A dear one that is limited comes before one that is not.
    let (calls, _, verdict) = run(&[(1, Bound::AtMost(19.0))]);
    assert_eq!((calls, verdict), ([0, 1, 1, 1], infeasible(&[1.0], true)));
    // Seen only when everything was computed.
    let (calls, _, verdict) = run(&[(0, Bound::AtMost(10.0)), (1, Bound::AtMost(19.0))]);
    assert_eq!((calls, verdict), ([1; 4], infeasible(&[0.0, 1.0], false)));
    let (calls, read, verdict) = run(&[(2, Bound::AtMost(30.0)), (3, Bound::AtLeast(40.0))]);
    assert_eq!((calls, verdict), ([1; 4], Verdict::Complete));
    assert!(read.iter().all(Option::is_some));
}

#[test]
fn known_values_are_taken_as_they_are() {
    let fakes = [Fake::new("a", true, |_| Ok(1.0)), Fake::new("b", false, |_| Ok(2.0))];
    let known = Job { known: vec![None, Some(9.0)], ..job(0) };
    let finished = task(&fakes, &[]).judge(&known);
    assert_eq!(values(&finished), [Some(1.0), Some(9.0)]);
    assert_eq!(finished.readings[1].unwrap().seconds, 0.0);
    // A known value screens like any other, and one that is no number is as good as none.
    let screened = task(&fakes, &[(1, Bound::AtMost(8.0))]).judge(&known);
    assert!(matches!(screened.verdict, Verdict::Infeasible { screened: false, .. }), "{:?}", screened.verdict);
    assert_eq!(fakes[1].calls(), 0);
    let finished = task(&fakes, &[]).judge(&Job { known: vec![None, Some(f64::NAN)], ..job(0) });
    assert_eq!(values(&finished), [Some(1.0), Some(2.0)]);
}

#[test]
fn whatever_an_objective_does_becomes_a_failure_of_one_job() {
    let cases: [(Answer, &str); 5] = [
        (Box::new(|_| Err(ObjectiveError("out of range".into()))), "out of range"),
        (Box::new(|_| Ok(f64::NAN)), "its value is NaN, which is no finite number"),
        (Box::new(|_| Ok(f64::NEG_INFINITY)), "its value is -inf, which is no finite number"),
        (Box::new(|_| panic!("index {} of 2", 3)), "it panicked, which is a mistake in pocketnas: index 3 of 2"),
        (Box::new(|_| std::panic::panic_any(7)), "it panicked, which is a mistake in pocketnas: no message"),
    ];
    for (answer, told) in cases {
        let fakes = [Fake::new("good", true, |_| Ok(1.0)), Fake::new("bad", true, answer)];
        let mut evaluator = Evaluator::new(task(&fakes, &[]), 1);
        for id in 0..2 {
            evaluator.submit(job(id));
            let finished = evaluator.next(Duration::from_secs(20)).unwrap();
            assert_eq!((finished.id, values(&finished)), (id, vec![Some(1.0), None]), "{told}");
            assert_eq!(finished.verdict, Verdict::Failed { objective: "bad".to_owned(), reason: told.to_owned() });
        }
    }
}

#[test]
fn every_job_comes_back_once() {
    let fake = Fake::new("slow", false, |subject| {
        std::thread::sleep(Duration::from_millis(subject.seed % 7));
        Ok(subject.seed as f64)
    });
    let mut evaluator = Evaluator::new(task(&[fake], &[]), 4);
    assert_eq!(evaluator.next(Duration::from_secs(20)), None, "nothing is pending");
    for id in 0..50 {
        evaluator.submit(Job { seed: id * 3, ..job(id) });
    }
    assert_eq!(evaluator.pending(), 50);
    let mut ids = Vec::new();
    while let Some(finished) = evaluator.next(Duration::from_secs(20)) {
        assert_eq!(values(&finished), [Some(3.0 * finished.id as f64)]);
        ids.push(finished.id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
    assert_eq!(evaluator.pending(), 0);
}

#[test]
fn what_has_not_begun_can_be_taken_back_and_is_given_up_at_the_end() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let held = Arc::clone(&gate);
    let fake = Fake::new("held", false, move |_| {
        let mut open = held.0.lock().unwrap();
        while !*open {
            open = held.1.wait(open).unwrap();
        }
        Ok(1.0)
    });
    let mut evaluator = Evaluator::new(task(&[Arc::clone(&fake)], &[]), 1);
    (0..4).for_each(|id| evaluator.submit(job(id)));
    while fake.calls() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(evaluator.next(Duration::from_millis(1)), None, "the gate is closed");
    let ids: Vec<u64> = evaluator.withdraw().iter().map(|job| job.id).collect();
    assert_eq!((ids, evaluator.pending()), (vec![1, 2, 3], 1));
    (4..6).for_each(|id| evaluator.submit(job(id)));
    let opener = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
    });
    drop(evaluator);
    opener.join().unwrap();
    assert_eq!(fake.calls(), 1, "what runs is waited for, and nothing else is begun");
}

#[test]
fn a_worker_answers_every_line_and_outlives_every_request() {
    let subject_job = job(0);
    let subject = Subject {
        network: &subject_job.network,
        space: "nas-bench-201",
        architecture: &subject_job.architecture,
        decisions: &subject_job.decisions,
        seed: 1,
        fidelity: 1.0,
    };
    let good = serde_json::json!({
        "version": 1, "attempt": 8, "seed": 1, "fidelity": 1, "unknown": [],
        "objective": {"name": "p", "kind": "count", "definition": "params"},
        "architecture": crate::objective::request::Described::new(&subject),
    });
    let edited = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut request = good.clone();
        edit(&mut request);
        request.to_string()
    };
    let cases = [
        (good.to_string(), ""),
        ("hello".to_owned(), "the request is not JSON"),
        ("{\"attempt\": 8".to_owned(), "the request is not JSON"),
        ("{\"attempt\": 8}".to_owned(), "the request has version null, and this program speaks 1"),
        ("[1]".to_owned(), "the request has version null"),
        ("3".to_owned(), "the request has version null"),
        ("[".repeat(100_000), "the request is not JSON"),
        (edited(&|r| r["version"] = 2.into()), "the request has version 2"),
        (edited(&|r| r["seed"] = "x".into()), "a bad request"),
        (edited(&|r| r["objective"] = 3.into()), "a bad request"),
        (edited(&|r| r["objective"]["definition"] = "weights".into()), "objective `p`: `weights` is no count"),
        (edited(&|r| r["objective"]["kind"] = "program".into()), "objective `p`: `program` is no kind that pocketnas"),
        (edited(&|r| r["objective"]["kind"] = "proxy".into()), "objective `p`: p:1:1: a proxy file is a mapping"),
        (edited(&|r| r["objective"]["kind"] = "table".into()), "objective `p`: p:1:1: a table file is a mapping"),
        (edited(&|r| r["architecture"]["network"]["nodes"] = serde_json::json!([])), "the network of the request"),
        (edited(&|r| r["architecture"]["network"]["nodes"][3]["inputs"] = serde_json::json!(["none"])), "the network"),
        (edited(&|r| r["architecture"]["decisions"]["a"] = serde_json::json!([])), "the decisions of the request"),
        (String::new(), "nothing at all"),
        (good.to_string(), ""),
    ];
    let input: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    let mut output = Vec::new();
    worker::serve(input.as_bytes(), &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    let mut answers = output.lines();
    let value = Count::new("p", None, CountKind::Params).value(subject.network).unwrap();
    for (line, told) in &cases {
        if line.is_empty() {
            continue;
        }
        let answer: serde_json::Value = serde_json::from_str(answers.next().unwrap()).unwrap();
        if told.is_empty() {
            assert_eq!((answer["attempt"].as_u64(), answer["value"].as_f64()), (Some(8), Some(value)), "{answer}");
        } else {
            assert!(answer["error"].as_str().unwrap().starts_with(told), "{answer}");
            let attempt = (line.starts_with('{') && !told.contains("not JSON")).then_some(8);
            assert_eq!(answer["attempt"].as_u64(), attempt, "{answer}");
        }
    }
    assert_eq!(answers.next(), None);
}

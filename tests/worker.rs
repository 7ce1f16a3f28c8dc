//! `pocketnas worker` and programs of the user's from outside: real processes, and the values they give.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pocketnas::config::SearchConfig;
use pocketnas::evaluate::{Bound, Evaluator, Finished, Job, Task, Verdict, WorkerOptions, in_processes};
use pocketnas::latency::LatencyTable;
use pocketnas::objective::{Count, CountKind, Latency, Objective, Subject, Zeroshot};
use pocketnas::proxy::{Conditions, Definition};
use pocketnas::space::{Space, Value};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const POCKETNAS: &str = env!("CARGO_BIN_EXE_pocketnas");

/// Every objective that the program ships, and a proxy of the user's own.
fn shipped() -> Vec<Arc<dyn Objective>> {
    let own = "{proxy: s0_bc, name: own, version: 3, definition: \"a \\\"b\\\"\", source: s, beta: 0.1, blocks: ['*']}";
    let own = pocketnas::yaml::Document::parse("own.yaml", own).unwrap();
    let mut all: Vec<Arc<dyn Objective>> =
        vec![Arc::new(Zeroshot::new("own", None, &Definition::from_document(&own).unwrap(), &Conditions::default()))];
    all.extend(CountKind::ALL.map(|kind| Arc::new(Count::new(kind.name(), None, kind)) as Arc<dyn Objective>));
    for name in Definition::names() {
        let definition = Definition::load(name).unwrap();
        // An aggregate has no score for a network by itself, and measured ones take seconds: one of them is below.
        if definition.members().is_empty() && !definition.measured() {
            all.push(Arc::new(Zeroshot::new(name, None, &definition, &Conditions::default())));
        }
    }
    let measured = "{proxy: zico_bc, version: 1, definition: d, source: s, batches: 2, batch_size: 1}";
    let measured = Definition::from_document(&pocketnas::yaml::Document::parse("measured.yaml", measured).unwrap());
    all.push(Arc::new(Zeroshot::new("measured", None, &measured.unwrap(), &Conditions::noise(5))));
    for name in LatencyTable::names() {
        all.push(Arc::new(Latency::new(name, None, name, LatencyTable::named(name).unwrap())));
    }
    all
}

fn jobs(name: &str, count: usize) -> Vec<Job> {
    let space = Space::load(name, None).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..count)
        .filter_map(|id| {
            let architecture = space.draw(&mut rng)?;
            let decisions: Vec<(String, Value)> =
                architecture.decisions.iter().map(|decision| (decision.path.clone(), decision.value.clone())).collect();
            Some(Job {
                id: id as u64,
                network: space.build(&architecture).ok()?,
                architecture: space.format(&architecture),
                decisions,
                seed: 11,
                fidelity: 1.0,
                known: Vec::new(),
            })
        })
        .collect()
}

#[test]
fn values_of_workers_are_those_of_this_process_to_the_last_bit() {
    let local = shipped();
    let remote = in_processes(&local, WorkerOptions::new(POCKETNAS, 2));
    let mut compared = 0;
    for (name, _) in Space::shipped() {
        for job in jobs(name, 6) {
            let Job { network, architecture, decisions, .. } = &job;
            let subject = Subject { network, space: name, architecture, decisions, seed: 11, fidelity: 1.0 };
            for (here, there) in local.iter().zip(&remote) {
                // Large networks take too long where nothing is optimised.
                if here.name() == "measured" && *name != "nas-bench-201" {
                    continue;
                }
                match (here.evaluate(&subject), there.evaluate(&subject)) {
                    (Ok(here), Ok(there)) => {
                        assert_eq!(here.to_bits(), there.to_bits(), "{name}: {here} is not {there}");
                        compared += 1;
                    }
                    (Err(here), Err(there)) => {
                        // A block without operators, such as a repeat that is skipped, does not reach the worker: the
                        // lists of blocks that end the messages may differ by it.
                        let reason = here.to_string();
                        let reason = reason.split(" are input").next().unwrap();
                        assert!(there.to_string().contains(reason), "{here}\n{there}");
                    }
                    (here, there) => panic!("{name}: {here:?} here, {there:?} there"),
                }
            }
        }
    }
    assert!(compared > 300, "only {compared} comparisons");
}

#[test]
fn definitions_are_read_back_as_they_were() {
    for objective in shipped() {
        let definition = objective.definition().unwrap();
        let wanted = pocketnas::objective::request::Wanted {
            name: objective.name().to_owned(),
            kind: objective.origin().kind.to_owned(),
            definition,
        };
        let again = pocketnas::objective::rebuild(&wanted).unwrap();
        assert_eq!(again.definition().unwrap(), wanted.definition);
        assert_eq!(again.direction(), objective.direction());
    }
}

#[test]
fn a_worker_ends_quietly_with_its_input_or_its_reader() {
    let mut worker = Command::new(POCKETNAS)
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(worker.stdout.take());
    worker.stdin.take().unwrap().write_all(b"hello\nhello\n").unwrap();
    let output = worker.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));

    let output = Command::new(POCKETNAS).arg("worker").stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
}

/// A config with a program beside it, which is asked about a few networks under a limit on their size.
fn ask(folder: &Path, command: &str, settings: &str, params: f64) -> Vec<Finished> {
    let text = format!(
        "search: s\nversion: 1\nspace: nas-bench-201\nobjectives:\n  params: {{count: params}}\n  \
         loss: {{command: {command}, better: lower, {settings}}}\nworkers: 2\n"
    );
    let config = match SearchConfig::parse("c.yaml", &text, folder) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    };
    let limits = vec![(0, Bound::AtMost(params))];
    let task = Task { objectives: config.objectives, limits, space: "nas-bench-201".to_owned() };
    let mut evaluator = Evaluator::new(task, 2);
    jobs("nas-bench-201", 6).into_iter().for_each(|job| evaluator.submit(job));
    let mut all: Vec<Finished> = std::iter::from_fn(|| evaluator.next(Duration::from_secs(60))).collect();
    assert_eq!(evaluator.pending(), 0);
    all.sort_by_key(|finished| finished.id);
    all
}

const PYTHON: &str = r#"
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    nodes = request["architecture"]["network"]["nodes"]
    print("looking at", request["architecture"]["text"])
    value = len(nodes) + request["seed"] / 100 + len(request["architecture"]["decisions"]) * 1000
    print(json.dumps({"attempt": request["attempt"], "value": value}), flush=True)
"#;

#[test]
fn nine_lines_of_python_are_an_objective() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        assert!(std::env::var_os("CI").is_none(), "CI needs python3 for this test");
        eprintln!("no python3, so this is not tested");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("score.py"), PYTHON).unwrap();
    let jobs = jobs("nas-bench-201", 6);
    for (finished, job) in ask(folder.path(), "[python3, score.py]", "unit: nats", 1e9).iter().zip(&jobs) {
        assert_eq!(finished.verdict, Verdict::Complete);
        let value = job.network.len() as f64 + 0.11 + 1000.0 * job.decisions.len() as f64;
        assert_eq!(finished.readings[1].unwrap().value, value);
    }
}

#[test]
fn a_program_that_fails_fails_its_jobs_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            "[sh, -c, 'echo no such module >&2; exit 1']",
            "retries: 0",
            "exit code 1 before it answered; last on stderr: no such module",
        ),
        ("[sh, -c, 'read line; sleep 60']", "timeout: 300 ms, retries: 1", "start 2: it gave no answer within 0.3 s"),
        (
            r#"[sh, -c, 'head -n 1 | sed "s/.*\"attempt\":\([0-9]*\).*/{\"attempt\": \1, \"error\": \"out of memory\"}/"']"#,
            "retries: 5",
            "says: out of memory",
        ),
        (
            r#"[sh, -c, 'head -n 1 | sed "s/.*\"attempt\":\([0-9]*\).*/{\"attempt\": \1, \"value\": \"3\"}/"']"#,
            "retries: 5",
            "answered without a finite number as `value`: {\"attempt\":",
        ),
    ];
    for (command, settings, told) in cases {
        let all = ask(folder.path(), command, settings, 1e9);
        assert_eq!(all.len(), 6);
        for finished in all {
            let Verdict::Failed { objective, reason } = finished.verdict else { panic!("{:?}", finished.verdict) };
            assert_eq!(objective, "loss");
            assert!(reason.contains(told), "{reason} lacks {told}");
            assert!(finished.readings[0].is_some() && finished.readings[1].is_none());
        }
    }
}

#[test]
fn a_program_is_not_even_started_for_what_a_limit_excludes() {
    let folder = tempfile::tempdir().unwrap();
    let all = ask(folder.path(), "[sh, -c, 'touch started; exit 1']", "retries: 0", 1.0);
    assert!(all.iter().all(|finished| matches!(finished.verdict, Verdict::Infeasible { screened: true, .. })));
    assert!(!folder.path().join("started").exists());
    ask(folder.path(), "[sh, -c, 'touch started; exit 1']", "retries: 0", 1e9);
    assert!(folder.path().join("started").exists(), "programs run in the folder of the config");
}

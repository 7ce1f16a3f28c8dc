#![allow(clippy::unwrap_used)]
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::lines::{Line, shown};
use super::*;

/// What every child below can do: read a request into `x` and `attempt`, and answer the latter with a value.
const WORDS: &str = r#"
ask() {
    IFS= read -r line || exit 0
    attempt=${line##*'"attempt":'}; attempt=${attempt%%[,\}]*}
    x=${line##*'"x":'}; x=${x%%[,\}]*}
}
answer() { printf '{"attempt": %s, "value": %s}\n' "$attempt" "$1"; }
"#;

fn command(script: &str, argument: &Path) -> Command {
    let args = vec!["-c".to_owned(), format!("{WORDS}{script}"), "child".to_owned(), argument.display().to_string()];
    Command { program: "sh".into(), args, directory: PathBuf::new() }
}

fn pool(script: &str, timeout_ms: u64, retries: u32) -> Pool {
    Pool::new(command(script, Path::new("")), 1, Duration::from_millis(timeout_ms), retries)
}

fn call(pool: &Pool, x: u64) -> Result<Value, CallError> {
    pool.call(|attempt| json!({"x": x, "attempt": attempt})).map(|answer| answer["value"].clone())
}

fn alive(pid: i32) -> bool {
    // A zombie that waits for its new parent is dead already.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(Pid::from_raw(pid), None).is_ok() && !status.contains(") Z ")
}

fn soon(condition: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// What it answers to three requests in a row, without a second chance.
#[test]
fn odd_programs_are_understood() {
    let cases = [
        ("as it should be", "while ask; do answer $x; done", 1),
        ("one request a start", "ask; answer $x", 3),
        ("no end of line", "ask; printf '{\"attempt\": %s, \"value\": %s}' $attempt $x", 3),
        ("talks first", "echo hello; echo '{\"loss\": 3}'; echo '[1,'; while ask; do echo 3; echo; answer $x; done", 1),
        ("says everything twice", "while ask; do answer $x; answer $x; answer 99; done", 1),
        ("answers something else", "while ask; do echo '{\"attempt\": 999, \"value\": 5}'; answer $x; done", 1),
        ("starts slowly", "sleep 0.5; while ask; do answer $x; done", 1),
        ("shouts", "while ask; do head -c 300000 /dev/zero | tr '\\0' '\\n' >&2; answer $x; done", 1),
        (
            "more fields",
            "while ask; do echo \"{\\\"value\\\": $x, \\\"note\\\": [], \\\"attempt\\\": $attempt}\"; done",
            1,
        ),
        ("leaves a child behind", "ask; sleep 60 & answer $x", 3),
    ];
    for (name, script, starts) in cases {
        let pool = pool(script, 20_000, 0);
        for x in [7, 8, 9] {
            assert_eq!(call(&pool, x).map_err(|error| error.to_string()), Ok(json!(x)), "{name}");
        }
        assert_eq!(pool.tally().starts, starts, "{name}");
        let strays = pool.tally().strays;
        match name {
            "says everything twice" => assert!(strays >= 2, "{strays}"),
            "answers something else" => assert_eq!(strays, 3),
            _ => assert_eq!(strays, 0, "{name}"),
        }
    }
}

#[test]
fn late_answers_are_dropped() {
    let script =
        "ask; first=$attempt; answer $x; ask; second=$attempt; attempt=$first; answer 1; attempt=$second; answer $x";
    let pool = pool(script, 20_000, 0);
    assert_eq!(call(&pool, 7).unwrap(), 7);
    assert_eq!(call(&pool, 8).unwrap(), 8);
    assert_eq!(pool.tally(), Tally { starts: 1, strays: 1 });
}

/// Each gives no answer at either of two starts; both are told, and well within the time they had.
#[test]
fn failures_are_told_start_by_start() {
    let cases = [
        (
            "crash at once",
            "echo boom >&2; exit 3",
            "it ended with exit code 3 before it answered; last on stderr: boom",
        ),
        (
            "crash in the middle",
            "ask; echo on it; exit 4",
            "it ended with exit code 4 before it answered; last on stdout: on it",
        ),
        ("leaves without a word", "exit 0", "it ended with exit code 0 before it answered"),
        ("killed", "ask; kill -SEGV $$; sleep 9", "it was ended by signal 11 before it answered"),
        (
            "half a line",
            "ask; printf '{\"attempt\": %s, \"val' $attempt; exit 5",
            "it ended with exit code 5 before it answered; last on stdout: {\"attempt\": 1, \"val",
        ),
        ("hang", "ask; echo thinking >&2; sleep 60", "it gave no answer within 1 s; last on stderr: thinking"),
        ("does not read", "exec sleep 60", "it gave no answer within 1 s"),
        ("answers others only", "ask; attempt=77; while :; do answer 1; done", "it gave no answer within 1 s"),
        (
            "never stops talking",
            "ask; while :; do echo blah; done",
            "it gave no answer within 1 s; last on stdout: blah | blah",
        ),
        ("closes its output", "exec >&-; sleep 60", "it closed its output before it answered"),
        (
            "huge line",
            "ask; head -c 18000000 /dev/zero | tr '\\0' x; sleep 60",
            "it wrote a line of more than 16 MiB: xxx",
        ),
        (
            "NaN",
            "ask; answer NaN; sleep 60",
            "its answer is not JSON (expected value at line 1 column 25; numbers have to be finite): {\"attempt\": 1, \"value\": NaN}",
        ),
        ("infinite", "ask; answer 1e999; sleep 60", "its answer is not JSON (number out of range"),
        (
            "attempt as text",
            "ask; attempt=\\\"$attempt\\\"; answer 1; sleep 60",
            "it answered without the request's `attempt`, which has to be copied as it is: {\"attempt\": \"1\", \"value\": 1}",
        ),
        (
            "no attempt",
            "ask; echo '{\"value\": 1}'; sleep 60",
            "it answered without the request's `attempt`, which has to be copied as it is: {\"value\": 1}",
        ),
    ];
    let mut wrong = String::new();
    for (name, script, told) in cases {
        // Those that should not need their time have plenty, so that a busy machine does not turn them into something
        // else. A child that does not read leaves a large request in the pipe.
        let timeout = if told.contains("within 1 s") { 1_000 } else { 20_000 };
        let pool = pool(script, timeout, 1);
        let padding = "x".repeat(if name == "does not read" { 200_000 } else { 10 });
        let began = Instant::now();
        let error = pool.call(|attempt| json!({"pad": padding, "attempt": attempt})).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(15), "{name} took {:?}", began.elapsed());
        assert_eq!((error.failures.len(), pool.tally().starts), (2, 2), "{name}");
        let given = error.failures[1].to_string();
        if !given.starts_with(told) {
            wrong.push_str(&format!("{name}\ngave {given}\nnot  {told}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_failed_call_names_the_program_and_every_start() {
    let error = pool("echo boom >&2; exit 3", 20_000, 1).call(|_| json!({})).unwrap_err();
    let told = "gave no answer: start 1: it ended with exit code 3 before it answered; last on stderr: boom; start 2: it ended";
    assert!(error.to_string().contains(told), "{error}");
    let nothing = Command { program: "/nonexistent/program".into(), args: vec!["-v".into()], directory: "".into() };
    let error = Pool::new(nothing, 1, Duration::from_secs(9), 0).call(|_| json!({})).unwrap_err();
    let told = "`/nonexistent/program -v` gave no answer: it could not be started: No such file or directory";
    assert!(error.to_string().starts_with(told), "{error}");
}

#[test]
fn a_failed_request_is_tried_on_another_start_under_another_number() {
    let folder = tempfile::tempdir().unwrap();
    let script = "if [ -e \"$1\" ]; then while ask; do answer $x; done; else touch \"$1\"; ask; exit 1; fi";
    let pool = Pool::new(command(script, &folder.path().join("seen")), 1, Duration::from_secs(20), 1);
    let attempts = Mutex::new(Vec::new());
    let answer = pool.call(|attempt| {
        attempts.lock().unwrap().push(attempt);
        json!({"x": 5, "attempt": attempt})
    });
    assert_eq!(answer.unwrap()["value"], 5);
    assert_eq!(*attempts.lock().unwrap(), [0, 1]);
    assert_eq!(call(&pool, 6).unwrap(), 6);
    assert_eq!(pool.tally().starts, 2);
}

#[test]
fn a_child_that_died_while_idle_costs_no_try() {
    let pool = pool("ask; answer $x; exit 9", 20_000, 0);
    for x in 0..3 {
        assert_eq!(call(&pool, x).unwrap(), x);
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn many_callers_share_few_children_and_get_their_own_answers() {
    let script = "while ask; do sleep 0.0$((x % 4)); answer $x; done";
    let pool = Pool::new(command(script, Path::new("")), 3, Duration::from_secs(20), 0);
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for x in 0..5 {
                    let x = 100 * caller + x;
                    assert_eq!(call(pool, x).unwrap(), x);
                }
            });
        }
    });
    let Tally { starts, strays } = pool.tally();
    assert!((1..=3).contains(&starts) && strays == 0, "{starts} {strays}");
}

#[test]
fn nothing_that_a_child_started_outlives_it() {
    let error = pool("ask; sleep 60 & echo $! >&2; wait", 500, 0).call(|_| json!({})).unwrap_err();
    let grandchild: i32 = error.failures[0].stderr[0].parse().unwrap();
    assert!(soon(|| !alive(grandchild)), "process {grandchild} still runs");
}

#[test]
fn children_end_with_their_pool() {
    for script in ["while ask; do answer $$; done", "ask; answer $$; exec sleep 60"] {
        let pool = pool(script, 20_000, 0);
        let pid = call(&pool, 1).unwrap().as_i64().unwrap() as i32;
        assert!(alive(pid));
        let began = Instant::now();
        drop(pool);
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(soon(|| !alive(pid)), "{script}: process {pid} still runs");
    }
}

/// Not a test of its own: the program that the next two start, which holds children and then ends without a farewell.
#[test]
#[ignore = "started by other tests"]
fn holder_of_children() {
    let pool = pool("while ask; do answer $$; done", 20_000, 0);
    println!("\nidle {}", call(&pool, 1).unwrap());
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| self::pool("ask; sleep 60", 60_000, 3).call(|_| json!({})).unwrap_err());
        std::io::stdin().read_line(&mut String::new()).unwrap();
        end_all();
        println!("\nbusy {}", busy.join().unwrap().failures[0]);
    });
    println!("\nidle {}", call(&pool, 1).unwrap_err().failures[0]);
}

fn holder() -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "process::tests::holder_of_children"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn told(output: &mut impl std::io::BufRead, what: &str) -> String {
    let mut line = String::new();
    while !line.starts_with(what) {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "no line starts with {what}");
    }
    line[what.len()..].trim().to_owned()
}

#[test]
fn children_end_when_this_program_is_killed() {
    let mut holder = holder();
    let mut output = std::io::BufReader::new(holder.stdout.take().unwrap());
    let child: i32 = told(&mut output, "idle ").parse().unwrap();
    assert!(alive(child));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(soon(|| !alive(child)), "process {child} still runs");
}

#[test]
fn everything_ends_at_once_when_it_has_to() {
    let mut holder = holder();
    let mut output = std::io::BufReader::new(holder.stdout.take().unwrap());
    let child: i32 = told(&mut output, "idle ").parse().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    drop(holder.stdin.take());
    assert!(told(&mut output, "busy ").ends_with("pocketnas is about to end"));
    assert!(told(&mut output, "idle ").ends_with("pocketnas is about to end"));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(soon(|| !alive(child)), "process {child} still runs");
    holder.wait().unwrap();
}

#[test]
fn lines_are_told_apart() {
    let remark = |text: &str| Line::Remark(text.to_owned());
    let of = |text: &str| Line::of(text.as_bytes(), true);
    assert_eq!(of("  hello "), remark("hello"));
    assert_eq!(of("{\"loss\": 1}"), remark("{\"loss\": 1}"));
    assert!(matches!(of("{'attempt': 1, 'value': 2}"), Line::Unusable(_)), "a Python dictionary as `print` shows it");
    assert_eq!(of("[{\"attempt\": 1}]"), remark("[{\"attempt\": 1}]"));
    assert!(matches!(of("{\"attempt\": 4, \"value\": 1}"), Line::Answer { attempt: 4, .. }));
    for text in ["{\"attempt\": -1}", "{\"attempt\": 1.5}", "{\"error\": \"x\"}", "{\"attempt\": 1,}"] {
        assert!(matches!(of(text), Line::Unusable(_)), "{text}");
    }
    assert_eq!(shown("é".repeat(5000).as_bytes()), format!("{} …", "é".repeat(300)));
    assert_eq!(shown(b"\xff\xfe\n"), "\u{fffd}\u{fffd}");
}

#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};

use super::*;

/// Three objectives and two limits; a candidate for each way in which one can end.
fn study() -> Study {
    let goal = |name: &str, unit: &str, higher| Goal { name: name.into(), unit: unit.into(), higher };
    let identity = Identity {
        name: "s".into(),
        version: "0".into(),
        objectives: vec![goal("time", "ms", false), goal("score", "1", true)],
        limits: vec!["time <= 30 ms".into(), "size <= 9 B".into()],
        ..Identity::default()
    };
    let taken = |path: &str, option, value| Taken { path: path.into(), option, value };
    let tried = |id, values: &[(&str, f64)], outcome| Tried {
        time: 0.5,
        id,
        architecture: format!("a,{id}"),
        hash: format!("h{id}"),
        decisions: vec![taken("s.depth", id as usize, json!(id + 1))],
        fidelity: 1.0,
        cached: false,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        outcome,
        on_front: id == 0,
    };
    let outside = |screened| ToldOutcome::Infeasible { violations: vec![2.5, 0.0], screened };
    let known = [("time", 32.5), ("score", 0.1), ("size", 8.0)];
    let mut trials = vec![
        tried(0, &[("time", 12.25), ("score", 0.3), ("size", 8.0)], ToldOutcome::Complete),
        tried(1, &known, outside(false)),
        tried(2, &known[..1], outside(true)),
        tried(3, &[], ToldOutcome::Failed { reason: "no \"lamp\"".into(), screened: false }),
        tried(4, &known, ToldOutcome::Complete),
    ];
    trials[1].decisions.push(taken("s.1.kernel", 2, json!("7x7")));
    trials[4].fidelity = 0.5;
    Study { identity, trials }
}

fn lines(name: &str) -> Vec<Json> {
    let text = study_exporter(name).unwrap().render(&study());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rows_have_a_column_for_everything_and_nothing_where_nothing_is_known() {
    let text = study_exporter("csv").unwrap().render(&study());
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows[..4],
        [
            "id,outcome,front,time_ms,score,size_B,violation: time <= 30 ms,violation: size <= 9 B,\
             fidelity,screened,cached,hash,reason,s.depth,s.1.kernel,architecture",
            "0,complete,true,12.25,0.3,8,0,0,1,false,false,h0,,1,,\"a,0\"",
            "1,infeasible,false,32.5,0.1,8,2.5,0,1,false,false,h1,,2,7x7,\"a,1\"",
            "2,infeasible,false,32.5,,,2.5,0,1,true,false,h2,,3,,\"a,2\"",
        ]
    );
    assert_eq!(rows[4], "3,failed,false,,,,,,1,false,false,h3,\"no \"\"lamp\"\"\",4,,\"a,3\"");
}

#[test]
fn lines_are_objects_by_path_and_name() {
    let lines = lines("jsonl");
    assert_eq!(
        lines[1],
        json!({
            "id": 1, "time": 0.5, "architecture": "a,1", "hash": "h1",
            "decisions": {"s.depth": 2, "s.1.kernel": "7x7"},
            "values": {"time": 32.5, "score": 0.1, "size": 8.0},
            "outcome": "infeasible", "violations": {"time <= 30 ms": 2.5, "size <= 9 B": 0.0},
            "screened": false, "cached": false, "fidelity": 1.0, "front": false,
        })
    );
    assert_eq!((&lines[3]["reason"], &lines[3]["violations"]), (&json!("no \"lamp\""), &Json::Null));
}

#[test]
fn each_end_has_its_state_in_the_journal() {
    let lines = lines("optuna-journal");
    assert_eq!(lines[0], json!({"op_code": 0, "worker_id": "pocketnas", "study_name": "s", "directions": [1, 2]}));
    let trials: Vec<&Json> = lines.iter().filter(|line| line["op_code"] == 4).collect();
    let states: Vec<&Json> = trials.iter().map(|trial| &trial["state"]).collect();
    assert_eq!(states, [1, 1, 2, 3, 2]);
    assert_eq!(trials[1]["values"], json!([32.5, 0.1]));
    assert_eq!(trials[1]["system_attrs"], json!({"constraints:time <= 30 ms": 2.5, "constraints:size <= 9 B": 0.0}));
    assert_eq!(trials[1]["user_attrs"]["value:size"], 8.0);
    // What is known of a trial without all of its values is not lost.
    assert_eq!((&trials[2]["values"], &trials[2]["user_attrs"]["value:time"]), (&Json::Null, &json!(32.5)));
    assert_eq!((&trials[3]["user_attrs"]["reason"], &trials[3]["system_attrs"]), (&json!("no \"lamp\""), &json!({})));
    // Without a space, the options are those that were taken.
    let distribution: Json = serde_json::from_str(trials[1]["distributions"]["s.1.kernel"].as_str().unwrap()).unwrap();
    assert_eq!(distribution["attributes"]["choices"], json!(["option 0", "option 1", "7x7"]));
    assert_eq!(trials[1]["params"], json!({"s.depth": 1, "s.1.kernel": 2}));
}

//! Spaces whose borders carry a teacher's tensors.

use std::fs;
use std::path::Path;

use super::*;

/// A space in a folder with the file of its teacher: the default architecture of a fixed space.
fn folder(teacher: &str, space: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixed = Space::from_text("teacher", &format!("{HEAD}{teacher}")).unwrap();
    let network = fixed.build(&fixed.default_architecture()).unwrap().to_raw();
    fs::write(folder.path().join("t.yaml"), serde_yaml::to_string(&serde_json::json!({ "network": network })).unwrap())
        .unwrap();
    fs::write(folder.path().join("s.yaml"), format!("{HEAD}boundary: teacher\nteacher: t.yaml\n{space}")).unwrap();
    folder
}

const TEACHER: &str = "
network:
  - { name: stem, op: conv, kernel: 3, stride: 2, channels: 8 }
  - { stage: s1, repeat: 2, block: { op: conv, kernel: 3, channels: 8 } }
  - { name: head, op: global_avg_pool }
";

fn compiled(folder: &Path) -> Result<String, String> {
    let space = Space::load(folder.join("s.yaml").to_str().unwrap(), None).map_err(|told| format!("{told:?}"))?;
    let graph = space.compile(Budget::default()).map_err(|told| format!("{:?}", Diagnostics::from(told)))?;
    Ok(graph.count().to_string())
}

#[test]
fn what_keeps_the_teachers_tensors_is_counted() {
    let space = "
blocks:
  b:
    params: { hidden: { choice: [4, 8, 12] }, kernel: { choice: [1, 3] } }
    layers: [ { op: conv, kernel: 1, channels: =hidden }, { op: conv, kernel: =kernel, channels: 8 } ]
network:
  - { name: stem, op: conv, kernel: { choice: [3, 5] }, stride: 2, channels: 8 }
  - { stage: s1, repeat: 2, block: { choice: [ { name: keep, use: b }, { name: skip, op: identity } ] } }
  - { name: head, op: global_avg_pool }
";
    assert_eq!(compiled(folder(TEACHER, space).path()).as_deref(), Ok("98"));
}

/// A wrong variant counts only where some architecture takes it.
#[test]
fn constraints_may_leave_the_wrong_variants_out() {
    let stem = |rule: &str| {
        let space = format!(
            "
network:
  - {{ name: stem, op: conv, kernel: 3, stride: 2, channels: {{ choice: [8, 16] }} }}
  - {{ stage: s1, repeat: 2, block: {{ op: conv, kernel: {{ choice: [1, 3] }}, channels: 8 }} }}
  - {{ name: head, op: global_avg_pool }}
{rule}"
        );
        compiled(folder(TEACHER, &space).path())
    };
    assert_eq!(stem("constraints: [ stem.channels == 8 ]\n").as_deref(), Ok("4"));
    let told = stem("").unwrap_err();
    for part in [
        "position `stem` makes 16×4×4",
        "makes 8×4×4 in the teacher `t.yaml`",
        "s.yaml:9:",
        "keeps the teacher's tensor",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}

#[test]
fn what_does_not_go_with_the_teacher_is_told() {
    let network = "network:\n  - { name: stem, op: conv, kernel: 3, stride: 2, channels: 8 }\n";
    let cases = [
        (
            format!("{network}  - {{ name: tail, op: identity }}\n"),
            "position `tail` is no block of the teacher",
            "stem, s1.0, s1.1, head",
        ),
        (
            "network: [ { name: stem, op: conv, kernel: 3, channels: { choice: [8] } } ]\n".to_owned(),
            "makes 8×8×8",
            "8×4×4",
        ),
    ];
    for (space, message, more) in cases {
        let told = compiled(folder(TEACHER, &space).path()).unwrap_err();
        assert!(told.contains(message) && told.contains(more), "{told}");
    }
    let sound = folder(TEACHER, network);
    assert_eq!(compiled(sound.path()).as_deref(), Ok("1"));
    let text = fs::read_to_string(sound.path().join("s.yaml")).unwrap();
    let changed = [
        ("size: 8", "size: 16", "the input is 3×16×16, but that of the teacher `t.yaml` is 3×8×8"),
        ("teacher: t.yaml", "teacher: none.yaml", "the teacher cannot be read"),
        ("teacher: t.yaml", "teacher: s.yaml", "is no architecture file"),
        ("teacher: t.yaml\n", "", "`boundary: teacher` names no teacher"),
        ("boundary: teacher\n", "", "no border is the teacher's"),
        ("boundary: teacher", "boundary: student", "`student` is not one of teacher"),
    ];
    for (from, to, message) in changed {
        fs::write(sound.path().join("s.yaml"), text.replacen(from, to, 1)).unwrap();
        let told = compiled(sound.path()).unwrap_err();
        assert!(told.contains(message) && told.contains("s.yaml"), "{told}");
    }
}

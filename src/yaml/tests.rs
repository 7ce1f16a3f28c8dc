#![allow(clippy::unwrap_used)]
use super::*;

fn parse_error(text: &str) -> String {
    format!("{:?}", Document::parse("f.yaml", text).unwrap_err())
}

#[test]
fn positions_point_at_the_value() {
    let document = Document::parse("f.yaml", "é: 1\nb:\n  - {op: conv, kernel: [3, 5]}\n").unwrap();
    let item = &document.root.get("b").unwrap().items()[0];
    let kernel = item.get("kernel").unwrap();
    for (node, text) in [(item.get("op").unwrap(), "conv"), (&kernel.items()[1], "5")] {
        assert_eq!(&document.text[node.span.offset..node.span.offset + node.span.len], text);
    }
    let key = item.key("kernel").unwrap();
    assert_eq!(&document.text[key.span.offset..][..6], "kernel");
}

#[test]
fn words_stay_words() {
    let document = Document::parse("f.yaml", "[no, yes, on, true, 1e3, 0.5, =a * b, 007x]").unwrap();
    let kinds: Vec<&str> = document.root.items().iter().map(Node::kind).collect();
    assert_eq!(kinds, ["text", "text", "text", "true/false", "a number", "a number", "text", "text"]);
}

#[test]
fn broken_yaml_is_refused_with_its_place() {
    let cases = [
        ("a: 1\na: 2\n", "f.yaml:2:1: not valid YAML: duplicate mapping key: a"),
        ("[1,2", "f.yaml:1:1: not valid YAML: unclosed bracket"),
        ("a:\n\t- b", "f.yaml:2:"),
        ("a: .nan", "f.yaml:1:4: not valid YAML: non-finite"),
        ("a: 1\n---\nb: 2\n", "f.yaml:3:1: the file holds more than one YAML document"),
    ];
    for (text, start) in cases {
        let error = parse_error(text);
        assert!(error.starts_with(start), "{text:?} gave {error}");
    }
    assert!(parse_error(&"[".repeat(100_000)).contains("recursion limit"));
}

#[test]
fn long_lines_are_not_printed() {
    let long = format!("{:?}", Document::parse("f.yaml", &"[".repeat(100_000)).unwrap_err().into_report());
    assert!(long.len() < 1000 && long.contains("recursion limit"), "{} bytes", long.len());
    let short = format!("{:?}", Document::parse("f.yaml", "a: [1").unwrap_err().into_report());
    assert!(short.contains("a: [1"), "{short}");
}

#[test]
fn nearest_names_the_slip() {
    assert_eq!(nearest("kernle", ["kernel", "expand"]), "did you mean `kernel`?");
    assert_eq!(nearest("zzz", ["kernel", "expand"]), "valid here: `kernel`, `expand`");
}

#[test]
fn structure_problems_come_all_at_once() {
    static FIELDS: &[Field] = &[
        Field { name: "name", kind: &Kind::Text, required: true, doc: "what it is called" },
        Field { name: "size", kind: &Kind::Choosable(&Kind::Int { min: 1, max: 9 }), required: true, doc: "how big" },
        Field { name: "list", kind: &Kind::List(&Kind::Word(&["relu", "gelu"]), 1), required: false, doc: "" },
    ];
    let schema = Schema { name: "test", doc: "", fields: FIELDS };
    let document = Document::parse("f.yaml", "size: {choice: [3, 12]}\nlist: [relu, gleu]\nnmae: x\n").unwrap();
    let mut problems = document.problems();
    schema.check(&document, &mut problems);
    let told = format!("{:?}", problems.into_diagnostics());
    let expected = "\
f.yaml:1:1: `name` is missing (name: what it is called)
f.yaml:1:20: expected a whole number from 1 to 9, found `12`
f.yaml:2:14: `gleu` is not one of relu, gelu (did you mean `gelu`?)
f.yaml:3:1: unknown key `nmae` (did you mean `name`?)";
    assert_eq!(told, expected);
}

/// Finding the line of every problem is a walk through the text, and only a few are shown.
#[test]
fn a_flood_of_problems_is_told_at_once() {
    let text: String = (0..30_000).map(|at| format!("key{at}: a value that is of no use\n")).collect();
    let document = Document::parse("f.yaml", &text).unwrap();
    let mut problems = document.problems();
    crate::space::SCHEMA.check(&document, &mut problems);
    let began = std::time::Instant::now();
    let report = format!("{:?}", problems.into_diagnostics().into_report());
    assert!(report.contains("problems"), "{}", &report[..200]);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

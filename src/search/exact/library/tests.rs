//! Reading, writing and refusing library files.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::search::{Options, front};

#[test]
fn a_written_graph_reads_back() {
    let columns = vec![Column::objective("ms", "ms"), Column::resource("size", "MB"), Column::objective("loss", "1")];
    let mut graph = CostGraph::new(columns, 3, 0, 2).unwrap();
    for (from, to, costs) in [(0, 1, [0.1, 7.0, -1e-9]), (1, 2, [0.2, 1e300, 0.3]), (0, 2, [1.0, 2.0, 3.0])] {
        graph.add_edge(from, to, &costs).unwrap();
    }
    let mut text = Vec::new();
    write_graph(&graph, |_| "say \"k3\"", &mut text).unwrap();
    let back = Library::parse(&text).unwrap();
    // In a file objectives stand before resources.
    let names: Vec<&str> = back.graph().columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["ms", "loss", "size"]);
    assert_eq!(back.graph().columns()[2].role, Role::Resource);
    for (ours, theirs) in graph.edges().zip(back.graph().edges()) {
        let [ms, size, loss] = ours.costs else { panic!("three columns") };
        assert_eq!((ours.from, ours.to), (theirs.from, theirs.to));
        assert_eq!(theirs.costs, [*ms, *loss, *size]);
    }
    assert_eq!(back.name(0), "say \"k3\"");
    assert_eq!(back.describe(2), "edge 2 (`say \"k3\"`)");
}

#[test]
fn a_chain_with_transitions_reports_variants_by_position() {
    let text = br#"{"version": 1, "objectives": [{"name": "a", "unit": "1"}, {"name": "b", "unit": "1"}],
        "positions": [
            {"name": "p", "variants": [{"name": "x", "costs": [0, 0]}, {"name": "y", "costs": [0, 0]}]},
            {"name": "q", "variants": [{"name": "z", "costs": [0, 0]}, {"name": "w", "costs": [0, 0]}]},
            {"name": "r", "variants": [{"name": "v", "costs": [1, 1]}]}],
        "transitions": [{"from": 0, "costs": [[[5, 5], [3, 1]], [[1, 3], [5, 5]]]}]}"#;
    let library = Library::parse(text).unwrap();
    let found = front(library.graph(), &Options::default()).unwrap();
    let points: Vec<(&[f64], Vec<u32>)> =
        found.points().map(|p| (p.costs, library.choices(p.edges).collect())).collect();
    assert_eq!(points, [(&[2.0, 4.0][..], vec![1, 0, 0]), (&[4.0, 2.0][..], vec![0, 1, 0])]);
    let last = found.point(0).edges[2] as usize;
    assert_eq!(library.describe(last), "position 2 (`r`), variant 0 (`v`)");
}

#[test]
fn a_broken_library_is_refused_where_it_is_broken() {
    let head = r#""version": 1, "objectives": [{"name": "a", "unit": "ms"}, {"name": "b", "unit": "1"}]"#;
    let chain = |positions: &str| format!("{{{head}, \"positions\": {positions}}}");
    let graph = |rest: &str| format!("{{{head}, {rest}}}");
    let ok = r#"[{"variants": [{"costs": [1, 2]}, {"costs": [2, 1]}]}, {"variants": [{"costs": [1, 2]}]}]"#;
    let with = |transitions: &str| format!("{{{head}, \"positions\": {ok}, \"transitions\": {transitions}}}");
    let cases = [
        ("{\n  \"version\": 1,\n}", "line 3, column 1"),
        ("[1, 2", "line 1, column 5"),
        ("{\"version\": 1, \"objectives\": [1e999]}", "line 1"),
        ("[]", "the document: expected an object, found []"),
        ("{}", "the document: `version` is missing"),
        (r#"{"version": 2}"#, "version: version 2 is unknown, this program reads version 1"),
        (r#"{"version": 1}"#, "the document: `objectives` is missing"),
        (r#"{"version": 1, "objectives": []}"#, "objectives: 0 objectives"),
        (r#"{"version": 1, "objectives": [{"name": "a"}]}"#, "objectives[0]: `unit` is missing"),
        (r#"{"version": 1, "objectives": [{"name": "", "unit": ""}]}"#, "objectives[0].name: the name is empty"),
        (
            r#"{"version": 1, "objectives": [{"name": "a", "unit": ""}, {"name": "a", "unit": ""}]}"#,
            "objectives[1]: two columns are called `a`",
        ),
        (&format!("{{{head}}}"), "neither `edges` nor `positions`"),
        (&graph(r#""edges": [], "positions": []"#), "both `edges` and `positions`"),
        (&graph(r#""position": []"#), "`position` is unknown: did you mean `positions`?"),
        (&chain("[]"), "positions: there are no positions"),
        (&chain("3"), "positions: expected a list, found 3"),
        (&chain(r#"[{"name": "x"}]"#), "positions[0]: `variants` is missing"),
        (&chain(r#"[{"variants": []}]"#), "positions[0].variants: there are no variants"),
        (&chain(r#"[{"variants": [{"costs": [1]}]}]"#), "positions[0].variants[0].costs: 1 entries where there are 2"),
        (
            &chain(r#"[{"variants": [{"costs": [1, null]}]}]"#),
            "positions[0].variants[0].costs[1]: expected a finite number",
        ),
        (&chain(r#"[{"variants": [{"costs": [1, "2"]}]}]"#), "(the cost in `b`), found \"2\""),
        (
            &chain(r#"[{"variants": [{"cost": [1, 2]}]}]"#),
            "positions[0].variants[0]: `cost` is unknown: did you mean `costs`?",
        ),
        (
            &with(r#"[{"from": 1, "costs": []}]"#),
            "transitions[0].from: position 1 has no next one: `from` must be 0 to 0",
        ),
        (&with(r#"[{"from": -1, "costs": []}]"#), "transitions[0].from: expected a whole number, 0 or more, found -1"),
        (
            &with(r#"[{"from": 0, "costs": [[[1, 1]]]}]"#),
            "transitions[0].costs: 1 entries where there are 2 variants at position 0",
        ),
        (
            &with(r#"[{"from": 0, "costs": [[[1, 1]], []]}]"#),
            "transitions[0].costs[1]: 0 entries where there are 1 variants at position 1",
        ),
        (&with(r#"[{"from": 0, "costs": [[[1, 1]], [[1]]]}]"#), "transitions[0].costs[1][0]: 1 entries"),
        (
            &with(r#"[{"from": 0, "costs": [[[1, 1]], [[1, 1]]]}, {"from": 0, "costs": []}]"#),
            "transitions[1].from: the transitions from position 0 are given twice",
        ),
        (&graph(r#""edges": [], "nodes": 2, "source": 0"#), "the document: `sink` is missing"),
        (
            &graph(r#""edges": [], "nodes": 2, "source": 0, "sink": 2"#),
            "the sink is node 2, but the graph has nodes 0 to 1",
        ),
        (&graph(r#""edges": [], "nodes": 4000000000, "source": 0, "sink": 1"#), "nodes: 4000000000 nodes, but 0 edges"),
        (
            &graph(r#""edges": [{"from": 0, "costs": [1, 2]}], "nodes": 2, "source": 0, "sink": 1"#),
            "edges[0]: `to` is missing",
        ),
        (
            &graph(r#""edges": [{"from": 0, "to": 5, "costs": [1, 2]}], "nodes": 2, "source": 0, "sink": 1"#),
            "edges[0]: `to` is node 5",
        ),
        (
            &graph(r#""edges": [{"from": 0.5, "to": 1, "costs": [1, 2]}], "nodes": 2, "source": 0, "sink": 1"#),
            "edges[0].from: expected a whole number",
        ),
        (
            &graph(r#""edges": [], "transitions": [], "nodes": 2, "source": 0, "sink": 1"#),
            "`transitions` belong to the chain form",
        ),
    ];
    let mut failures = Vec::new();
    for (text, part) in cases {
        match Library::parse(text.as_bytes()) {
            Err(error) if error.to_string().contains(part) => {}
            Err(error) => failures.push(format!("`{error}` lacks `{part}`")),
            Ok(_) => failures.push(format!("accepted: {text}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(matches!(Library::parse(b"\xff\xfe"), Err(LibraryError::Json { .. })));
}

/// The largest number there is has no successor.
#[test]
fn a_transition_from_a_position_beyond_all_is_refused() {
    let text = r#"{"version": 1, "objectives": [{"name": "a", "unit": "1"}],
        "positions": [{"variants": [{"costs": [1]}]}, {"variants": [{"costs": [1]}]}],
        "transitions": [{"from": 18446744073709551615, "costs": [[[0]]]}]}"#;
    let error = Library::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("`from` must be 0 to 0"), "{error}");
}

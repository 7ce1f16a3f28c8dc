//! Opens pages in headless Chromium and asks them what works.

use std::path::PathBuf;

use pocketnas::report::{ReportData, html_page};
use serde_json::{Value, json};

use crate::{chromium, long_runs, samples};

const SELF_CHECK: &str = include_str!("selfcheck.js");
const PLOT_CHECK: &str = include_str!("plotcheck.js");

/// Opens the page of `data` with the self-check, and `extra` markup, in a window of this width.
fn facts(program: &PathBuf, data: &ReportData, extra: &str, width: u32) -> Value {
    let page = html_page(data).unwrap().replace("</body>", &format!("{extra}<script>{PLOT_CHECK}</script></body>"));
    chromium::facts(program, &page, SELF_CHECK, width)
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(program) = chromium::find() else { return };
    for width in [1400, 500] {
        let facts = facts(&program, &samples::realistic(), "", width);
        let expected = serde_json::json!({
            "targets": 300, "tabStops": 1, "focused": "#11", "afterArrow": "#12", "kept": true,
            "hovered": true, "backToKept": "#12", "released": true, "clicked": true,
            "bars": 19, "rings": 1, "rows": 41, "rowsUnfolded": 300, "rowsSorted": 300, "sorted": true,
            "switches": {"sampled": [true, false], "baselines": [true, false]},
            "overflow": 0, "resources": [], "trouble": [], "broken": "undefined",
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&facts[key], value, "{key} at {width} pixels; all: {facts:#}");
        }
        assert!(facts["first"].as_str().unwrap().contains("best under the limit"), "{facts:#}");
        assert!(facts["linked"].as_str().unwrap().contains("best under the limitkept"), "{facts:#}");
        assert!(facts["label"].as_str().unwrap().starts_with("Rank 11: latency (ms) 16.6"), "{facts:#}");
        assert_eq!(facts["total"], "16.62 ms", "the blocks add up to the latency");
        // Drawn points are a quarter of a pixel apart at best, and thinned below a radius.
        assert!(facts["furthest"].as_f64().unwrap() < 8.0, "targets are not where points are: {facts:#}");
    }
}

#[test]
fn names_that_look_like_markup_stay_text_in_a_browser() {
    let Some(program) = chromium::find() else { return };
    let facts = facts(&program, &samples::hostile(), "", 1400);
    assert_eq!(facts["broken"], "undefined", "{facts:#}");
    assert_eq!(facts["trouble"], serde_json::json!([]), "{facts:#}");
    assert!(facts["text"].as_str().unwrap().contains("</script><script>window.broken=1</script><img src=x"));
}

#[test]
fn pages_without_a_front_or_with_many_objectives_work_in_a_browser() {
    let Some(program) = chromium::find() else { return };
    for (name, data) in samples::all() {
        if !["nothing-within-limits", "strip", "three", "sixty-four", "least", "overflowing"].contains(&name) {
            continue;
        }
        let facts = facts(&program, &data, "", 1400);
        assert_eq!(facts["trouble"], serde_json::json!([]), "{name}: {facts:#}");
        assert_eq!(facts["overflow"], 0, "{name}: {facts:#}");
    }
}

#[test]
fn every_plot_of_a_long_run_answers_pointer_and_keys() {
    let Some(program) = chromium::find() else { return };
    let data = long_runs::evolved();
    for width in [1400, 500] {
        let facts = facts(&program, &data, "", width);
        assert_eq!(facts["trouble"], json!([]), "{facts:#}");
        assert_eq!((&facts["overflow"], &facts["resources"]), (&json!(0), &json!([])), "{facts:#}");
        assert_eq!(facts["switches"]["infeasible"], json!([true, false]), "{facts:#}");
        let plots = &facts["plots"];
        let works = json!({"hushed": true, "keyboard": true, "end": true, "released": true, "cut": 0});
        for (name, items, told) in [
            ("choices", 162, "act = relu: "),
            ("importance", 20, "act explains 32 % of the variance of latency; 95 % interval 27–37 %"),
        ] {
            for (key, value) in works.as_object().unwrap() {
                assert_eq!(&plots[name][key], value, "{key} of {name} at {width} pixels: {plots:#}");
            }
            assert_eq!(plots[name]["items"], items, "{plots:#}");
            let hover = plots[name]["hover"].as_str().unwrap();
            assert!(hover.starts_with(told), "{hover}");
        }
        assert_eq!(plots["only-notable"], json!([61, 46, true]), "{plots:#}");
        assert_eq!(plots["all-decisions"], json!([20, 61, true]), "{plots:#}");
        let course = &plots["course"];
        assert_eq!(course["end"], "After 4,000 networks: 100.0 % of the final hypervolume, 250 members on the front");
        assert_eq!(course["start"], "After 12 networks: 26.4 % of the final hypervolume, 3 members on the front");
        assert_eq!((&course["dot"], &course["hushed"]), (&json!(1), &json!(true)), "{plots:#}");
        let parallel = &plots["parallel"];
        assert_eq!(
            (&parallel["lines"], &parallel["colours"], &parallel["corners"]),
            (&json!(250), &json!(5), &json!(3))
        );
        assert!(
            parallel["hover"].as_str().unwrap().starts_with("#1 (lowest latency): latency 16.12 ms, "),
            "{plots:#}"
        );
        assert!(parallel["last"].as_str().unwrap().starts_with("#250"), "{plots:#}");
        // The ring of a quarter pixel that both painters round to, and no more.
        assert!(parallel["apart"].as_f64().unwrap() < 1.0, "the line is not where it was drawn: {plots:#}");
        for key in ["kept", "hushed", "follows"] {
            assert_eq!(parallel[key], true, "{key}: {plots:#}");
        }
        assert_eq!(plots["odd"], 0, "{facts:#}");
    }
}

#[test]
fn a_page_whose_front_is_empty_shows_what_comes_closest() {
    let Some(program) = chromium::find() else { return };
    for width in [1400, 500] {
        let facts = facts(&program, &long_runs::nothing_within_limits(), "", width);
        assert_eq!(facts["trouble"], json!([]), "{facts:#}");
        assert_eq!((&facts["overflow"], &facts["plots"]["odd"]), (&json!(0), &json!(0)), "{facts:#}");
        assert_eq!(facts["switches"]["infeasible"], json!([true, false]), "{facts:#}");
        assert!(facts["plots"]["course"].is_null() && facts["plots"]["choices"].is_null(), "{facts:#}");
        assert!(facts["plots"]["importance"]["hover"].is_string(), "{facts:#}");
    }
}

#[test]
fn pages_with_any_part_missing_work_in_a_browser() {
    let Some(program) = chromium::find() else { return };
    type Removal = fn(&mut ReportData);
    let removals: [(&str, Removal); 5] = [
        ("course", |data| data.course = None),
        ("choices", |data| data.choices.clear()),
        ("importance", |data| data.importance.clear()),
        ("parallel", |data| {
            data.objectives.truncate(2);
            data.front.iter_mut().for_each(|member| member.values.truncate(2));
            data.importance.retain(|row| row.objective < 2);
            data.baselines.clear();
            data.limits.truncate(1);
            for rows in [&mut data.sampled, &mut data.infeasible] {
                rows.iter_mut().for_each(|row| row.truncate(2));
            }
            data.course.iter_mut().for_each(|course| course.reference.truncate(2));
        }),
        ("infeasible", |data| data.infeasible.clear()),
    ];
    for (part, remove) in removals {
        let mut data = long_runs::evolved();
        remove(&mut data);
        let facts = facts(&program, &data, "", 1400);
        assert_eq!(facts["trouble"], json!([]), "{part}: {facts:#}");
        assert_eq!((&facts["overflow"], &facts["plots"]["odd"]), (&json!(0), &json!(0)), "{part}: {facts:#}");
        for name in ["course", "choices", "importance", "parallel"] {
            assert_eq!(facts["plots"][name].is_null(), name == part, "{name} without {part}: {facts:#}");
        }
        assert_eq!(facts["switches"]["infeasible"].is_null(), part == "infeasible", "{facts:#}");
    }
}

#[test]
fn many_objectives_scroll_within_their_plot() {
    let Some(program) = chromium::find() else { return };
    for width in [1400, 500] {
        let facts = facts(&program, &long_runs::objectives(64), "", width);
        assert_eq!(facts["trouble"], json!([]), "{facts:#}");
        assert_eq!((&facts["overflow"], &facts["plots"]["odd"]), (&json!(0), &json!(0)), "{facts:#}");
        assert_eq!(facts["plots"]["parallel"]["corners"], 64, "{facts:#}");
        assert_eq!(facts["plots"]["tabs"], json!([64, ["o0"], ["o1"]]), "{facts:#}");
    }
}

/// Shows that the tests above would notice a request.
#[test]
fn the_page_cannot_reach_the_network() {
    let Some(program) = chromium::find() else { return };
    let image = "<img src=\"http://127.0.0.1:9/pixel.png\">";
    let facts = facts(&program, &samples::realistic(), image, 1400);
    let trouble = facts["trouble"].to_string();
    assert!(trouble.contains("blocked http://127.0.0.1:9/pixel.png"), "{facts:#}");
}

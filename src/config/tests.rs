#![allow(clippy::unwrap_used)]
use std::path::Path;

use super::limit::{convert, parse};
use super::*;
use crate::latency::LatencyTable;

const GOOD: &str = "\
search: s
version: 1
space: mobilenetv3-ofa
objectives:
  latency: {table: galaxy-s10-exynos9820/1large-float}
  score: {proxy: s0_bc}
limits: [latency <= 40 ms, params <= 6M]
";

fn read(text: &str) -> Result<SearchConfig, ConfigError> {
    SearchConfig::parse("c.yaml", text, Path::new(""))
}

fn mistakes(text: &str) -> String {
    match read(text) {
        Ok(_) => "none".to_owned(),
        Err(ConfigError(files)) => files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn a_good_config_is_read_with_its_defaults() {
    let config = read(GOOD).unwrap();
    let names: Vec<(&str, &str)> = config.objectives.iter().map(|o| (o.name(), o.unit())).collect();
    assert_eq!(names, [("latency", "ms"), ("score", "1")]);
    let limits: Vec<String> = config.limits.iter().map(ToString::to_string).collect();
    assert_eq!(limits, ["latency <= 40 ms", "params <= 6000000"]);
    assert_eq!((config.seed, config.sample, config.baselines, config.epsilon), (0, 1000, true, 0.0));
}

#[test]
fn mistakes_name_place_and_remedy() {
    let cases = [
        (
            ("space: mobilenetv3-ofa", "space: mobilenetv3-oaf"),
            "c.yaml:3:8: there is no space `mobilenetv3-oaf`: no shipped one has that name, and no file that path (did you mean `mobilenetv3-ofa`?)",
        ),
        (
            ("proxy: s0_bc", "proxy: s0_cb"),
            "c.yaml:6:18: there is no proxy `s0_cb`: no shipped one has that name, and no file that path (did you mean `s0_bc`?)",
        ),
        (
            ("1large-float", "1large-flaot"),
            "c.yaml:5:20: there is no latency table `galaxy-s10-exynos9820/1large-flaot`: no shipped one has that name, and no file that path (did you mean `galaxy-s10-exynos9820/1large-float`?)",
        ),
        (
            ("  score: {proxy: s0_bc}", "  score: {prxy: s0_bc}"),
            "c.yaml:6:11: this mapping does not say what it is (give it one of `table:`, `proxy:`, `count:`, `command:`)",
        ),
        (
            ("  score:", "  macs:"),
            "c.yaml:6:9: `macs` is the name of a count, but this objective is something else (give it another name)",
        ),
        (
            ("  score:", "  2nd:"),
            "c.yaml:6:8: `2nd` is no name for an objective (use letters, digits and `_`, not a digit first: limits and columns refer to it)",
        ),
        (("40 ms", "40"), "c.yaml:7:10: the bound 40 has no unit (use `ms`, `us`, `µs`, `s`)"),
        (("40 ms", "40 MB"), "c.yaml:7:10: `MB` is no unit of a quantity in ms (use `ms`, `us`, `µs`, `s`)"),
        (
            ("latency <= 40", "latancy <= 40"),
            "c.yaml:7:10: `latancy` is no objective, no quantity and no count (did you mean `latency`?)",
        ),
        (
            ("latency <= 40", "latency < 40"),
            "c.yaml:7:10: `latency < 40 ms` has a comparison that is no limit (use `<=` or `>=`)",
        ),
        (
            ("params <= 6M", "params"),
            "c.yaml:7:28: `params` does not compare anything (write it as `name <= number unit`, for example `latency <= 40 ms`)",
        ),
        (
            ("params <= 6M", "latency <= 3 s"),
            "c.yaml:7:28: `latency` is limited twice in the same direction (keep the tighter of the two)",
        ),
        (
            ("params <= 6M", "params <= nan"),
            "c.yaml:7:28: `nan` does not start with a finite number (write it as `name <= number unit`, for example `latency <= 40 ms`)",
        ),
        (
            ("search: s", "search: ../s"),
            "c.yaml:1:9: `../s` is no name for a search (use letters, digits, `-`, `_` and `.`, since a folder is named after it)",
        ),
        (("version: 1", "version: 2"), "c.yaml:2:10: expected a whole number from 1 to 1, found `2`"),
        (("limits:", "limit:"), "c.yaml:7:1: unknown key `limit` (did you mean `limits`?)"),
    ];
    let mut wrong = String::new();
    for ((from, to), told) in cases {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is not in the config");
        let given = mistakes(&text);
        if given != told {
            wrong.push_str(&format!("{to}\ngave {given}\nnot  {told}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_mistakes_are_told_at_once_and_in_order() {
    let text = GOOD.replace("mobilenetv3-ofa", "none").replace("s0_bc", "none").replace("40 ms", "40 kg") + "sede: 3\n";
    let told = mistakes(&text);
    let lines: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["c.yaml:3:8", "c.yaml:6:18", "c.yaml:7:10", "c.yaml:8:1"], "{told}");
}

#[test]
fn problems_in_other_files_come_with_those_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("space.yaml"), "space: s\nversion: 1\n").unwrap();
    std::fs::write(folder.path().join("proxy.yaml"), "proxy: s1\n").unwrap();
    let text = GOOD.replace("mobilenetv3-ofa", "space.yaml").replace("s0_bc", "proxy.yaml").replace("40 ms", "40");
    let ConfigError(files) = SearchConfig::parse("c.yaml", &text, folder.path()).unwrap_err();
    let names: Vec<String> = files.iter().map(|file| format!("{file:?}")).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for (name, told) in ["c.yaml:7:10", "space.yaml:1:1", "proxy.yaml:1:"].iter().zip(&names) {
        assert!(told.contains(name), "{told} lacks {name}");
    }
}

#[test]
fn a_file_wins_over_a_shipped_name() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = || ["a"].into_iter();
    assert_eq!(resolve("a", folder.path(), shipped()), Found::Shipped);
    assert_eq!(resolve("b", folder.path(), shipped()), Found::Nothing);
    std::fs::write(folder.path().join("a"), "").unwrap();
    assert_eq!(resolve("a", folder.path(), shipped()), Found::File(folder.path().join("a")));
}

#[test]
fn limits_are_taken_apart() {
    for (text, quantity, relation, bound, unit) in [
        ("latency<=40ms", "latency", Relation::AtMost, 40.0, "ms"),
        ("latency <= 0.5 s", "latency", Relation::AtMost, 500.0, "ms"),
        ("latency ≤ 40000 us", "latency", Relation::AtMost, 40.0, "ms"),
        ("score >= -1e2", "score", Relation::AtLeast, -100.0, "1"),
        ("params <= 5.5 M", "params", Relation::AtMost, 5.5e6, "1"),
        ("activations <= 2 MiB", "activations", Relation::AtMost, 2_097_152.0, "B"),
    ] {
        let written = parse(text).unwrap();
        let value = convert(written.number, written.unit, unit).unwrap();
        assert_eq!((written.quantity, written.relation), (quantity, relation), "{text}");
        assert!((value - bound).abs() <= 1e-12 * bound.abs(), "{text} gave {value}");
    }
    for text in ["", "<= 4", "a", "a <= ", "a <= ms", "a = 4", "a < 4", "a <= 1e999", "a <= inf"] {
        let outcome = parse(text).map(|written| convert(written.number, written.unit, "1"));
        assert!(!matches!(outcome, Ok(Ok(_))), "{text:?} was taken");
    }
}

#[test]
fn the_hash_follows_what_decides_the_result() {
    let hash = |text: &str| read(text).unwrap().hash();
    let same = ["# a comment\n", "about: words\n"].map(|more| hash(&format!("{GOOD}{more}")));
    assert_eq!(same, [hash(GOOD), hash(GOOD)]);
    let edits = [
        ("40 ms", "41 ms"),
        ("6M", "7M"),
        ("s0_bc", "s0"),
        ("1large-float", "1large-quant"),
        ("search: s", "search: t"),
        ("-ofa", "-ofa\nseed: 1"),
    ];
    let mut seen = vec![hash(GOOD)];
    for (from, to) in edits {
        seen.push(hash(&GOOD.replacen(from, to, 1)));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), edits.len() + 1);
}

const PROGRAM: &str = "  loss: {command: [sh, -c, cat], better: lower, unit: nats, timeout: 90 s, stand_in: score}\n";

fn with_program() -> String {
    GOOD.replacen("limits:", &format!("{PROGRAM}workers: 3\nlimits:"), 1)
}

#[test]
fn a_program_is_an_objective_with_what_the_file_says() {
    let config = read(&with_program()).unwrap();
    let loss = &config.objectives[2];
    assert_eq!((loss.name(), loss.unit(), loss.stand_in(), loss.cheap()), ("loss", "nats", Some("score"), false));
    assert_eq!(loss.direction(), crate::objective::Direction::Lower);
    assert_eq!((loss.origin().kind, loss.origin().name.as_str()), ("program", "sh -c cat"));
    assert!(loss.additive().is_none());
}

#[test]
fn mistakes_about_a_program_name_place_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plain.sh"), "").unwrap();
    let path = folder.path().display();
    let cases = [
        (
            ("[sh, -c, cat]", "[no-such-program]"),
            "c.yaml:7:20: there is no program `no-such-program` in any folder of PATH (install it, or write a path with a `/` in it, which is looked up from the folder of this file)".to_owned(),
        ),
        (
            ("[sh, -c, cat]", "[plain.sh]"),
            "c.yaml:7:20: there is no program `plain.sh` in any folder of PATH (for the file beside this one write `./plain.sh`)".to_owned(),
        ),
        (
            ("[sh, -c, cat]", "[./plain.sh]"),
            format!("c.yaml:7:20: `./plain.sh` may not be executed (run `chmod +x {path}/plain.sh`, or name its interpreter first)"),
        ),
        (
            ("[sh, -c, cat]", "[./none.sh]"),
            format!("c.yaml:7:20: there is no program `./none.sh`: No such file or directory (os error 2) (it is looked for as {path}/none.sh)"),
        ),
        (("[sh, -c, cat]", "[./]"), "c.yaml:7:20: `./` is no program: it is no file (name the program itself)".to_owned()),
        (("[sh, -c, cat]", "[]"), "c.yaml:7:19: needs at least 1 element(s), but has 0".to_owned()),
        (("better: lower", "better: less"), "c.yaml:7:42: `less` is not one of higher, lower (valid here: `higher`, `lower`)".to_owned()),
        ((", better: lower", ""), "c.yaml:7:10: `better` is missing (better: which values are the better ones)".to_owned()),
        (
            ("90 s", "90"),
            "c.yaml:7:70: expected text, found `90`".to_owned(),
        ),
        (
            ("90 s", "90 m"),
            "c.yaml:7:70: `90 m` is no time to wait for (write a number above 0 with `s`, `min` or `h`, for example `10 min`)".to_owned(),
        ),
        (
            ("stand_in: score", "stand_in: scor"),
            "c.yaml:7:86: `scor` is no objective and no quantity (did you mean `score`?)".to_owned(),
        ),
        (
            ("stand_in: score", "stand_in: loss"),
            "c.yaml:7:86: `loss` cannot stand in for `loss`: it does not add up (name a latency table, a proxy or a count; add it to `quantities:` if need be)".to_owned(),
        ),
    ];
    let mut wrong = String::new();
    for ((from, to), told) in cases {
        let text = with_program().replacen(from, to, 1);
        let given = match SearchConfig::parse("c.yaml", &text, folder.path()) {
            Ok(_) => "none".to_owned(),
            Err(ConfigError(files)) => files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join("\n"),
        };
        if given != told {
            wrong.push_str(&format!("{to}\ngave {given}\nnot  {told}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_hash_follows_the_files_of_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let hash = |text: &str, script: &str| {
        std::fs::write(folder.path().join("score.sh"), script).unwrap();
        SearchConfig::parse("c.yaml", text, folder.path()).unwrap().hash()
    };
    let text = with_program().replacen("[sh, -c, cat]", "[sh, score.sh, 3]", 1);
    let edits = [
        hash(&text, "cat"),
        hash(&text, "cat "),
        hash(&text.replacen("score.sh, 3", "score.sh, 4", 1), "cat"),
        hash(&text.replacen("better: lower", "better: higher", 1), "cat"),
        hash(&text.replacen("nats", "bits", 1), "cat"),
        hash(&text.replacen(", stand_in: score", "", 1), "cat"),
    ];
    let different: std::collections::HashSet<&String> = edits.iter().collect();
    assert_eq!(different.len(), edits.len(), "{edits:?}");
    for same in [text.replacen("90 s", "91 s", 1), text.replacen("workers: 3", "workers: 4", 1)] {
        assert_eq!(hash(&same, "cat"), edits[0]);
    }
}

/// A table without ratios of networks left out, beside the config that names it.
fn beside_an_uncalibrated_table(confidence: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let table = LatencyTable::named("galaxy-s10-exynos9820/1large-float").unwrap().to_yaml();
    let (start, end) = (table.find("bounds:").unwrap(), table.find("# An operator costs").unwrap());
    std::fs::write(folder.path().join("t.yaml"), [&table[..start], &table[end..]].concat()).unwrap();
    let text = GOOD.replace("galaxy-s10-exynos9820/1large-float", &format!("t.yaml, confidence: {confidence}"));
    let ConfigError(files) = SearchConfig::parse("c.yaml", &text, folder.path()).unwrap_err();
    files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join("\n").replace("\n  │ ", " ")
}

#[test]
fn a_confidence_makes_bounds_and_lists_the_mean_beside_them() {
    let config = read(&GOOD.replace("1large-float}", "1large-float, confidence: 0.95}")).unwrap();
    let names: Vec<&str> = config.named().map(Objective::name).collect();
    assert_eq!(names, ["latency", "score", "latency_mean"]);
    let network = config.space.build(&config.space.default_architecture()).unwrap();
    let value = |at: usize| config.named().nth(at).unwrap().value(&network).unwrap();
    let mean = read(GOOD).unwrap().objectives[0].value(&network).unwrap();
    let factor = LatencyTable::named("galaxy-s10-exynos9820/1large-float").unwrap().bound_factor(0.95).unwrap();
    assert_eq!(value(2), mean);
    assert!(factor > 1.0 && (value(0) - factor * mean).abs() < 1e-9, "{} and {mean}", value(0));
    // A search for bounds is another search, and so is one at another confidence.
    let fingerprint = |text: &str| read(text).unwrap().fingerprint();
    let at = |confidence: &str| GOOD.replace("1large-float}", &format!("1large-float, confidence: {confidence}}}"));
    assert!(fingerprint(GOOD) != fingerprint(&at("0.95")) && fingerprint(&at("0.9")) != fingerprint(&at("0.95")));
    // A limit may be on either.
    assert!(read(&at("0.9").replace("latency <= 40 ms", "latency_mean <= 40 ms")).is_ok());
}

#[test]
fn bounds_that_a_table_cannot_give_are_refused_with_the_remedy() {
    let at = |confidence: &str| {
        mistakes(&GOOD.replace("1large-float}", &format!("1large-float, confidence: {confidence}}}")))
            .replace("\n  │ ", " ")
    };
    for (told, wanted) in [
        (at("0.99"), "takes 99 networks left out of a fit, and there are 84"),
        (at("95"), "confidence"),
        (at("0.2"), "confidence"),
        (at("1.0"), "a confidence is a number from 0.5 up to, but not, 1"),
        (beside_an_uncalibrated_table("0.9"), "holds no ratios of networks left out"),
        (beside_an_uncalibrated_table("0.9"), "--cross-validate families"),
        (
            mistakes(
                &GOOD.replace("1large-float}", "1large-float, confidence: 0.9}").replace("  score:", "  latency_mean:"),
            ),
            "`latency_mean` is the mean that is listed beside a bound",
        ),
    ] {
        assert!(told.contains(wanted), "{wanted} is missing in {told}");
    }
}

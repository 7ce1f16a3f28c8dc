//! The report as a whole: files on disk, the page in a browser, hard data.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use pocketnas::report::*;

#[path = "report/browser.rs"]
mod browser;
#[path = "support/chromium.rs"]
mod chromium;
#[path = "report/long_runs.rs"]
mod long_runs;
#[path = "report/samples.rs"]
mod samples;

use samples::bare;
use serde_json::Value;

/// A front small enough to read, with everything a row can have.
fn small() -> ReportData {
    let mut data =
        bare(&[Direction::Minimise, Direction::Maximise], &[&[29.5, 389.25], &[15.0, 301.0], &[60.125, 420.0]], &[]);
    data.objectives[0].name = "latency".into();
    data.objectives[0].unit = "ms".into();
    data.objectives[1].name = "s0_bc".into();
    for (index, member) in data.front.iter_mut().enumerate() {
        member.hash = format!("{:08x}", 0xbeef_0000_u32 + index as u32);
        member.architecture = format!("s1.0=mbconv(k{},e4) s1.1=skip", 3 + 2 * index);
        member.metrics = vec![
            Metric { name: "params".into(), value: 3.5e6 + index as f64, unit: "1".into() },
            Metric { name: "memory".into(), value: 1.5, unit: "MB".into() },
        ];
    }
    data.front[0].flags = vec!["extrapolated, by a third".into(), "no table for `gelu`".into()];
    data.front[0].file = Some("architectures/0.yaml".into());
    data.front[1].metrics.pop();
    data.knee = Some(0);
    data.best_under_limit = Some(0);
    data
}

#[test]
fn csv_reads_like_this() {
    insta::assert_snapshot!("front_csv", csv_text(&small()).unwrap());
}

#[test]
fn the_terminal_table_reads_like_this() {
    insta::assert_snapshot!("table_small", table(&small(), 100));
    insta::assert_snapshot!("table_wide", table(&samples::realistic(), 140));
    insta::assert_snapshot!("table_narrow", table(&samples::realistic(), 60));
}

#[test]
fn the_terminal_table_keeps_to_its_width() {
    for (name, data) in samples::all() {
        for width in [60, 80, 100, 160] {
            let text = table(&data, width);
            let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
            // Five objectives and more do not fit whatever else is left out.
            assert!(name == "hostile" || data.objectives.len() > 4 || longest <= width, "{name} at {width}:\n{text}");
            assert!(text.lines().count() <= 15, "{name}:\n{text}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{name} moves the cursor");
        }
    }
}

#[test]
fn every_sample_is_written_whole_and_twice_the_same() {
    for (name, data) in samples::all() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let paths = write(&data, first.path()).unwrap();
        write(&data.clone(), second.path()).unwrap();
        assert_eq!(std::fs::read_dir(first.path()).unwrap().count(), OUTPUTS.len(), "{name} leaves other files");
        for (path, output) in paths.iter().zip(OUTPUTS) {
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.is_empty());
            assert!(bytes == std::fs::read(second.path().join(output)).unwrap(), "{output} of {name} varies");
        }
        check_svg(name, &std::fs::read_to_string(&paths[2]).unwrap());
    }
}

/// Elements balance, and every coordinate is a number on or near the canvas.
fn check_svg(name: &str, svg: &str) {
    let opened = svg.matches('<').count() - svg.matches("</").count() - svg.matches("/>").count();
    assert_eq!(opened, svg.matches("</").count(), "{name}: elements do not balance");
    for attribute in [" x=\"", " y=\"", " cx=\"", " cy=\"", " points=\""] {
        for piece in svg.split(attribute).skip(1) {
            let numbers = piece.split('"').next().unwrap();
            for number in numbers.split([' ', ',']).filter(|number| !number.is_empty()) {
                let value: f64 = number.parse().unwrap_or_else(|_| panic!("{name}:{attribute}{number}"));
                assert!((-100.0..15_000.0).contains(&value), "{name}:{attribute}{number}");
            }
        }
    }
}

#[test]
fn the_png_is_twice_the_size_of_the_svg() {
    let data = samples::realistic();
    let bytes = png_image(&data).unwrap();
    let picture = png::Decoder::new(bytes.as_slice()).read_info().unwrap();
    let svg = svg_document(&data).unwrap();
    let (width, height) = (picture.info().width / 2, picture.info().height / 2);
    assert!(svg.contains(&format!("width=\"{width}\" height=\"{height}\"")), "{width} × {height}");
}

#[test]
fn json_reads_back_and_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = samples::realistic();
    write(&data, folder.path()).unwrap();
    let path = folder.path().join("front.json");
    assert_eq!(read(&path).unwrap(), data);

    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\"version\":1,"), "{}", &text[..40]);
    std::fs::write(&path, text.replacen("\"version\":1", "\"version\":2", 1)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains("front.json"), "{error}");

    data.sampled.push(vec![f64::NAN, 1.0]);
    write(&data, folder.path()).unwrap();
    data.sampled.pop();
    assert_eq!(read(&path).unwrap(), data, "a sample that is not finite is left out");
}

#[test]
fn inconsistent_data_are_refused_before_anything_is_written() {
    type Breakage = fn(&mut ReportData);
    let cases: [(&str, Breakage); 20] = [
        ("no objective", |data| data.objectives.clear()),
        ("1 values for 2", |data| data.front[1].values.truncate(1)),
        ("value NaN", |data| data.front[2].values[0] = f64::NAN),
        ("value inf", |data| data.front[2].metrics[0].value = f64::INFINITY),
        ("sample 0", |data| data.sampled.push(vec![1.0])),
        ("baseline `b`", |data| data.baselines.push(Baseline { name: "b".into(), values: vec![] })),
        ("the limit on `latency`", |data| {
            data.limits.push(Limit { quantity: "latency".into(), bound: f64::NAN, ..Limit::default() });
        }),
        ("`knee` is 3", |data| data.knee = Some(3)),
        ("the front is empty", |data| {
            data.front.clear();
            (data.knee, data.best_under_limit) = (None, None);
        }),
        ("leave out one", |data| data.closest = long_runs::nothing_within_limits().closest),
        ("breaks no limit", |data| {
            *data = long_runs::nothing_within_limits();
            data.closest[0].broken.clear();
        }),
        ("an amount that is not finite", |data| {
            *data = long_runs::nothing_within_limits();
            data.closest[1].broken[0].by = f64::NAN;
        }),
        ("infeasible candidate 1", |data| data.infeasible = vec![vec![1.0, 2.0], vec![1.0]]),
        ("after 12 evaluations is not finite", |data| {
            data.course = Some(long_runs::course(100, vec![1.0, 2.0]));
            data.course.as_mut().unwrap().hypervolume[0].hypervolume = f64::NAN;
        }),
        ("the course goes back", |data| {
            data.course = Some(long_runs::course(100, vec![1.0, 2.0]));
            data.course.as_mut().unwrap().hypervolume.reverse();
        }),
        ("no point of 2 objectives", |data| data.course = Some(long_runs::course(100, vec![1.0]))),
        ("`act` has 2 options", |data| {
            long_runs::decide(data, &long_runs::space(1, 2));
            data.choices[0].all.pop();
        }),
        ("has the share NaN", |data| {
            long_runs::decide(data, &long_runs::space(1, 2));
            data.choices[0].front[1] = f64::NAN;
        }),
        ("objective 2, but there are 2", |data| {
            long_runs::decide(data, &long_runs::space(1, 2));
            data.importance[0].objective = 2;
        }),
        ("no share with its interval", |data| {
            long_runs::decide(data, &long_runs::space(1, 2));
            data.importance[0].low = f64::NAN;
        }),
    ];
    for (message, breakage) in cases {
        let mut data = small();
        breakage(&mut data);
        let folder = tempfile::tempdir().unwrap();
        let error = write(&data, folder.path()).unwrap_err().to_string();
        assert!(error.contains(message), "{error} lacks {message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{message}");
    }
}

#[test]
fn where_nothing_is_within_the_limits_every_file_says_so() {
    let data = long_runs::nothing_within_limits();
    let folder = tempfile::tempdir().unwrap();
    write(&data, folder.path()).unwrap();
    assert_eq!(csv_text(&data).unwrap(), "rank,id,hash,latency_ms,s0_bc,flags,file,architecture\n");

    let svg = svg_document(&data).unwrap();
    for words in
        ["Nothing is within the limits", "closest to the limits", "limit: latency ≤ 12 ms", "nothing within the limits"]
    {
        assert!(svg.contains(words), "no “{words}”");
    }
    let page = html_page(&data).unwrap();
    for words in [
        "None of the 5,310 candidates looked at keeps <strong>latency ≤ 12 ms</strong> and <strong>params ≤ 2,000,000</strong>.",
        "<strong>params ≤ 2,000,000</strong>: 2,150,000, off by <strong>150,000</strong>",
        "<a href=\"architectures/c1.yaml\">c1.yaml</a>",
        "<td class=\"number\">–</td>",
    ] {
        assert!(page.contains(words), "no “{words}”");
    }
    assert!(!page.contains("NaN"), "a value that is not known");
    assert!(table(&data, 100).contains("latency ≤ 12 ms by 3.014 ms"), "{}", table(&data, 100));

    // What is not known is null on disk, and not known after reading.
    let back = read(&folder.path().join("front.json")).unwrap();
    assert!(back.closest[4].member.values[1].is_nan());
    assert_eq!(html_page(&back).unwrap(), page);
}

#[test]
fn a_long_run_reads_back_and_its_page_stays_within_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = long_runs::evolved();
    write(&data, folder.path()).unwrap();
    data.infeasible.pop();
    assert_eq!(read(&folder.path().join("front.json")).unwrap(), data, "only the row that is not finite is left out");

    // Two thousand members in ten panels, twice for narrow screens, and sixty decisions of up to twelve options.
    let data = long_runs::broad();
    assert_eq!((data.front.len(), data.choices.len()), (2000, 61));
    let page = html_page(&data).unwrap();
    assert!(page.len() < 6 << 20, "{} bytes", page.len());
    let mut bare = data.clone();
    (bare.course, bare.choices, bare.importance) = (None, Vec::new(), Vec::new());
    let without = html_page(&bare).unwrap().len();
    assert!(page.len() - without < 400 << 10, "decisions and course take {} bytes", page.len() - without);
}

#[test]
fn parts_without_data_are_absent() {
    let page = html_page(&samples::realistic()).unwrap();
    for words in [
        "id=\"choices\"",
        "id=\"importance\"",
        "id=\"course\"",
        "id=\"parallel\"",
        "id=\"closest\"",
        "show-infeasible\"",
        "evaluated in full",
    ] {
        assert!(!page.contains(words), "{words} without its data");
    }
    let page = html_page(&long_runs::evolved()).unwrap();
    for words in [
        "id=\"choices\"",
        "id=\"importance\"",
        "id=\"course\"",
        "id=\"parallel\"",
        "id=\"show-infeasible\"",
        "<dt>evaluated in full</dt><dd>4,000 networks</dd>",
    ] {
        assert!(page.contains(words), "no {words}");
    }
}

#[test]
fn the_page_names_no_address_and_no_data_becomes_markup() {
    for (name, data) in [("realistic", samples::realistic()), ("hostile", samples::hostile())] {
        let page = html_page(&data).unwrap();
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains("http://"), "{name}");
        assert!(!page.contains("https://") && !page.contains("url("), "{name}");
        assert_eq!(page.matches("<script").count(), 2, "{name}");
        assert_eq!(page.matches("</script").count(), 2, "{name}");
        assert!(!page.contains("<img") && !page.contains("href=\"javascript"), "{name}");
        assert!(page.contains("default-src 'none'"), "{name}");
        let json = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
        let payload: Value = serde_json::from_str(json).unwrap();
        assert_eq!(payload["members"].as_array().unwrap().len(), 300, "{name}");
        check_svg(name, &svg_document(&data).unwrap());
    }
}

#[test]
fn a_large_front_gives_a_page_of_a_few_megabytes_that_says_what_it_left_out() {
    let data = samples::huge(20_000);
    let page = html_page(&data).unwrap();
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
    assert!(page.contains(" of 20,000 members, evenly spread"));
    for index in [0, 19_999, data.knee.unwrap(), data.best_under_limit.unwrap()] {
        assert!(page.contains(&format!("<tr id=\"m{index}\"")), "member {index} has no row");
    }
    assert!(svg_document(&data).unwrap().len() < 1 << 20);
}

#[test]
fn a_front_of_a_hundred_thousand_members_is_drawn() {
    let rows: Vec<[f64; 2]> = (0..100_000).map(|i| [f64::from(i), -f64::from(i).sqrt()]).collect();
    let rows: Vec<&[f64]> = rows.iter().map(|row| row.as_slice()).collect();
    let data = bare(&[Direction::Minimise, Direction::Minimise], &rows, &[]);
    let svg = svg_document(&data).unwrap();
    check_svg("large", &svg);
    assert!(svg.len() < 1 << 20, "{} bytes", svg.len());
    assert_eq!(csv_text(&data).unwrap().lines().count(), 100_001, "only the drawing is thinned");
}

#[test]
fn far_networks_and_clipped_samples_are_named_below_the_plot() {
    let mut data = samples::realistic();
    data.sampled.push(vec![900.0, 1.0]);
    data.sampled.push(vec![f64::NAN, 1.0]);
    data.baselines.push(Baseline { name: "Unpriced".into(), values: vec![None, Some(350.0)] });
    let svg = svg_document(&data).unwrap();
    for words in [
        "1 of 1,001 random samples lies outside the drawing.",
        "1 random sample has no finite score and is left out.",
        "Outside the drawing: ResNet-18 (151 ms, 118).",
        "for want of a value: Unpriced.",
    ] {
        assert!(svg.contains(words), "no “{words}”");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"").unwrap();
    let below = folder.path().join("file/run");
    for error in [prepare(&below).unwrap_err(), write(&small(), &below).unwrap_err()] {
        assert!(error.to_string().contains("file/run"), "{error}");
    }
}

/// Writes reports to look at: `REPORT_GALLERY=DIR cargo test --test report gallery`.
#[test]
fn gallery() {
    let Some(directory) = std::env::var_os("REPORT_GALLERY") else {
        return;
    };
    let mut all = samples::all();
    all.push(("huge", samples::huge(100_000)));
    for (name, data) in all {
        let folder = Path::new(&directory).join(name);
        write(&data, &folder).unwrap();
        std::fs::write(folder.join("table.txt"), table(&data, 120)).unwrap();
    }
}

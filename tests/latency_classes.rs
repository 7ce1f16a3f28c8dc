//! The class models against the measurements beside the project: cells on a Snapdragon 855, operators of two GPUs,
//! blocks of a Galaxy Note10.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::PathBuf;

use pocketnas::latency::*;
use pocketnas::space::Space;

/// The folder of measurements, or `None`, said plainly, where they are not; on CI they have to be there.
fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/latency");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing, and CI needs it", folder.display());
    eprintln!("SKIPPED: {} is missing, so nothing was compared with measurements", folder.display());
    None
}

/// Operators on a live edge of a cell, and how many additions join them, from its text alone.
fn live_counts(cell: &str) -> HashMap<&'static str, usize> {
    let mut edges = Vec::new();
    for (to, node) in cell.split('+').enumerate() {
        for edge in node.split('|').filter(|edge| !edge.is_empty()) {
            let (operator, from) = edge.split_once('~').unwrap();
            edges.push((from.parse::<usize>().unwrap(), to + 1, operator));
        }
    }
    edges.retain(|(_, _, operator)| *operator != "none");
    let mut reached = [true, false, false, false];
    for to in 1..4 {
        reached[to] = edges.iter().any(|&(from, end, _)| end == to && reached[from]);
    }
    let mut needed = [false, false, false, true];
    for from in (0..3).rev() {
        needed[from] = edges.iter().any(|&(start, to, _)| start == from && needed[to]);
    }
    edges.retain(|&(from, to, _)| reached[from] && needed[to]);
    let mut counts = HashMap::new();
    for kind in ["skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"] {
        counts.insert(kind, edges.iter().filter(|(_, _, operator)| *operator == kind).count());
    }
    let joined = |to: usize| edges.iter().filter(|(_, end, _)| *end == to).count().saturating_sub(1);
    counts.insert("additions", (1..4).map(joined).sum());
    counts
}

/// Fifteen cells, and around them a stem, two reductions and a classifier, dead edges gone.
#[test]
fn cells_are_lowered_to_their_live_operators() {
    let space = Space::load("nas-bench-201", None).unwrap();
    for cell in [
        "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
        "|none~0|+|nor_conv_3x3~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_1x1~2|",
        "|nor_conv_1x1~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|",
    ] {
        let network = space.build(&space.parse(cell).unwrap()).unwrap();
        let kernels: Vec<Kernel> = lower_whole(&network).into_iter().map(|lowered| lowered.kernel).collect();
        let number = |matches: &dyn Fn(&Kernel) -> bool| kernels.iter().filter(|kernel| matches(kernel)).count();
        let conv = |window: u32| number(&|k| k.kind == KernelKind::Conv && k.window == [window, window]);
        let live = live_counts(cell);
        assert_eq!(conv(1), 15 * live["nor_conv_1x1"] + 2, "{cell}");
        assert_eq!(conv(3), 15 * live["nor_conv_3x3"] + 5, "{cell}");
        assert_eq!(number(&|k| k.kind == KernelKind::AveragePool), 15 * live["avg_pool_3x3"] + 2, "{cell}");
        assert_eq!(number(&|k| k.kind == KernelKind::Identity), 15 * live["skip_connect"], "{cell}");
        assert_eq!(number(&|k| k.kind == KernelKind::Add), 15 * live["additions"] + 2, "{cell}");
        // What operator lists have is what they had.
        let listed = lower(&network).len();
        assert_eq!(listed, number(&|k| !k.kind.is_folded()), "{cell}");
    }
}

/// A table of cells has seen every cell, says so of anything else, and gives none of it away.
#[test]
fn what_is_no_cell_is_flagged() {
    let cells = Space::load("nas-bench-201", None).unwrap();
    let cell = "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    let cell = cells.build(&cells.parse(cell).unwrap()).unwrap();
    let other = Space::load("search_spaces/baselines/mobilenet-v2.yaml", None).unwrap();
    let other = other.build(&other.default_architecture()).unwrap();
    for name in LatencyTable::names().filter(|name| name.contains("/cells-")) {
        let table = LatencyTable::named(name).unwrap();
        assert!(predict(&table, &cell).flags.is_empty(), "{name}: {:?}", predict(&table, &cell).flags);
        let predicted = predict(&table, &other);
        let flags = predicted.flags.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        for wanted in ["DEPTHWISE_CONV_2D is not covered", "CONV_2D: input_size 224 is extrapolated"] {
            assert!(flags.contains(wanted), "{name}: {flags}");
        }
        for lowered in lower(&other) {
            assert!(table.cost(&lowered.kernel).0 > 0.0, "{name}: {} is free", lowered.kernel);
        }
    }
}

#[test]
fn cells_of_unseen_counts_are_predicted() {
    let Some(folder) = data() else { return };
    let space = Space::load("nas-bench-201", None).unwrap();
    for (column, bar) in [
        ("cpu_int8_ms", 1.7),
        ("a76_fp32_ms", 2.3),
        ("gpu_ms", 1.65),
        ("adreno640_fp32_ms", 1.2),
        ("dsp_int8_ms", 2.75),
    ] {
        let samples = read_architectures(&folder.join("snapdragon855_nas_bench_201.csv"), &space, column).unwrap();
        let result = leave_out(&samples, Split::Operators, CONFIDENCE, |seen, unseen| {
            let model = fit_totals(&seen.iter().map(|&at| &samples[at]).collect::<Vec<_>>(), &CELL, true)?;
            Ok(unseen.iter().map(|kernels| model.total(kernels)).collect())
        })
        .unwrap();
        eprintln!("{column}: {:.2} (17 terms {:.2})", result.scores.mape, result.baseline.mape);
        assert_eq!(result.scores.networks, 1000);
        assert!(result.scores.mape <= bar, "{column}: {:?}", result.scores);
    }
}

#[test]
fn a_gpu_is_predicted_from_geometry() {
    let Some(folder) = data() else { return };
    let folder = folder.join("galaxy-s10-pixel4");
    let families = read_families(&folder.join("families.csv")).unwrap();
    for (device, keep_rows, bar) in
        [("s10", false, 8.0), ("s10", true, 8.0), ("pixel4", false, 8.0), ("pixel4", true, 8.0)]
    {
        let selector = Selector { device: device.into(), cores: "gpu".into(), precision: "float".into() };
        let networks = read_timed(&folder.join("networks.csv"), &folder.join("operators_gpu.csv"), &selector);
        let networks = networks.unwrap().unwrap();
        let samples: Vec<Sample> = networks.iter().map(|network| network.sample.clone()).collect();
        let result = leave_out(&samples, Split::Families(&families), CONFIDENCE, |seen, unseen| {
            let seen: Vec<&TimedNetwork> = seen.iter().map(|&at| &networks[at]).collect();
            Ok(fit_operators(&seen, keep_rows)?.totals(unseen))
        })
        .unwrap();
        let what = if keep_rows { "with measured rows" } else { "model alone" };
        eprintln!("{device} gpu, {what}: {:.2} (17 terms {:.2})", result.scores.mape, result.baseline.mape);
        assert_eq!(result.scores.networks, 84);
        assert!(result.scores.mape <= bar, "{device}, {what}: {:?}", result.scores);
    }
}

#[test]
fn blocks_of_an_unseen_resolution_are_predicted() {
    let Some(folder) = data() else { return };
    let mut resolutions = HashMap::new();
    let mut samples = Vec::new();
    for resolution in ["160", "192", "224"] {
        for block in read_blocks(&folder.join(format!("note10/{resolution}.yaml"))).unwrap() {
            let network = format!("{resolution} {}", block.name);
            resolutions.insert(network.clone(), resolution.to_owned());
            samples.push(Sample { network, kernels: block.kernels, ms: block.row.ms.0 });
        }
    }
    let result = leave_out(&samples, Split::Families(&resolutions), CONFIDENCE, |seen, unseen| {
        let seen: Vec<&Sample> = seen.iter().map(|&at| &samples[at]).collect();
        let model = fit_totals(&seen, &MOBILE_BLOCKS, false)?;
        Ok(unseen.iter().map(|kernels| model.total(kernels)).collect())
    })
    .unwrap();
    eprintln!("Note10 blocks: {:.2} (17 terms {:.2})", result.scores.mape, result.baseline.mape);
    assert_eq!(result.scores.networks, 288);
    assert!(result.scores.mape <= 4.0, "{:?}", result.scores);
}

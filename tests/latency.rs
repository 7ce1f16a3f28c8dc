//! The operator model against the measured networks beside the project.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::PathBuf;

use pocketnas::latency::*;
use pocketnas::space::Space;

/// The folder of measurements, or `None`, said plainly, where they are not; on CI they have to be there.
fn data() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/data/latency/galaxy-s10-pixel4");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing, and CI needs it", folder.display());
    eprintln!("SKIPPED: {} is missing, so nothing was compared with measurements", folder.display());
    None
}

fn samples(folder: &std::path::Path, device: &str, cores: &str, precision: &str) -> Vec<Sample> {
    let selector = Selector { device: device.into(), cores: cores.into(), precision: precision.into() };
    let measured = read_measurements(&folder.join("networks.csv"), &selector).unwrap();
    let lists: HashMap<String, Vec<Kernel>> =
        read_operators(&folder.join("operators_gpu.csv")).unwrap().into_iter().map(|l| (l.model, l.kernels)).collect();
    measured.into_iter().map(|m| Sample { kernels: lists[&m.network].clone(), network: m.network, ms: m.ms }).collect()
}

#[test]
fn families_left_out_beat_the_baseline() {
    let Some(folder) = data() else { return };
    let families = read_families(&folder.join("families.csv")).unwrap();
    // Device, cores, precision; the baseline's published error; the error we claim.
    let cases = [
        ("s10", "1large", "float", 4.3, 3.2),
        ("s10", "1large", "quant", 8.7, 5.5),
        ("pixel4", "1large", "float", 7.3, 4.0),
    ];
    for (device, cores, precision, published, claimed) in cases {
        let samples = samples(&folder, device, cores, precision);
        let terms = terms::for_precision(precision).unwrap();
        let result = cross_validate(&samples, terms, Split::Families(&families)).unwrap();
        eprintln!("{device} {cores} {precision}: {:.2} (baseline {:.2})", result.scores.mape, result.baseline.mape);
        assert_eq!(result.scores.networks, 84);
        assert!((result.baseline.mape - published).abs() < 0.1, "baseline {:?}", result.baseline);
        assert!(result.scores.mape < claimed, "{device} {cores} {precision}: {:?}", result.scores);
    }
}

#[test]
fn lowered_networks_are_the_operators_that_were_measured() {
    let Some(folder) = data() else { return };
    let lists = read_operators(&folder.join("operators_gpu.csv")).unwrap();
    let samples = samples(&folder, "s10", "1large", "float");
    let model = fit(&samples.iter().collect::<Vec<_>>(), &terms::FLOAT).unwrap();
    for (name, space, rows) in [
        ("mobilenetv2_w1", "mobilenet-v2", 55),
        ("mobilenetv3_large_w1", "mobilenet-v3-large", 73),
        ("mobilenetv3_small_w1", "mobilenet-v3-small", 64),
        ("resnet18", "resnet-18", 23),
    ] {
        let space = Space::load(&format!("search_spaces/baselines/{space}.yaml"), None).unwrap();
        let network = space.build(&space.default_architecture()).unwrap();
        let list = &lists.iter().find(|l| l.model == name).unwrap().kernels;
        let lowered: Vec<Kernel> = lower(&network).into_iter().map(|l| l.kernel).collect();
        assert_eq!(lowered.iter().filter(|k| !k.kind.is_hidden()).count(), rows, "{name}");
        for (at, (ours, measured)) in lowered.iter().zip(list).enumerate() {
            assert_eq!(ours, measured, "{name}, operator {at}: ours is {ours}, measured was {measured}");
        }
        assert_eq!(lowered.len(), list.len(), "{name}");
        assert_eq!(model.total(&lowered), model.total(list), "{name}");
    }
}

/// A search chooses between windows, so what a wider one adds has to be right. The block table of
/// another Samsung phone (Note10, measured by others) has the same blocks with windows of 3, 5 and 7.
#[test]
fn wider_windows_add_what_they_add_on_another_phone() {
    let Some(folder) = data() else { return };
    let table = LatencyTable::named("galaxy-s10-exynos9820/1large-float").unwrap();
    let blocks = pocketnas::yaml::Document::read(&folder.join("../note10/224.yaml")).unwrap();
    let mut measured: HashMap<(u32, u32, u32), HashMap<u32, Vec<f64>>> = HashMap::new();
    for (key, block) in blocks.root.entries().iter().filter(|(key, _)| key.text.starts_with("expanded_conv")) {
        // expanded_conv-input:14x14x136-output:7x7x192-expand:408-kernel:3-stride:2-...
        let numbers: Vec<u32> =
            key.text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        let (size, expand, window, stride) = (numbers[0], numbers[6], numbers[7], numbers[8]);
        let ms = block.get("mean").unwrap().number().unwrap();
        measured.entry((size, expand, stride)).or_default().entry(window).or_default().push(ms);
    }
    let depthwise = |size: u32, channels: u32, stride: u32, window: u32| {
        let padded = size + window - 1;
        table.cost(&Kernel {
            input: [padded, padded],
            output: [size / stride, size / stride],
            window: [window, window],
            stride,
            groups: channels,
            explicit_padding: true,
            ..Kernel::pointwise(KernelKind::Depthwise, [size, size], channels)
        })
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut ratios: Vec<f64> = measured
        .iter()
        .filter(|(_, by_window)| by_window.len() == 3)
        .map(|(&(size, channels, stride), by_window)| {
            let adds = depthwise(size, channels, stride, 7).0 - depthwise(size, channels, stride, 3).0;
            adds / (mean(&by_window[&7]) - mean(&by_window[&3]))
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    eprintln!("a 7x7 window adds {median:.2} times what it adds on the Note10, median of {} blocks", ratios.len());
    assert!(ratios.len() >= 15 && (0.7..1.4).contains(&median), "{median} over {ratios:?}");
}

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

fn samples(folder: &std::path::Path, selector: &Selector) -> Vec<Sample> {
    read_samples(&folder.join("networks.csv"), Some(&folder.join("operators_gpu.csv")), selector).unwrap()
}

#[test]
fn families_left_out_beat_the_baseline() {
    let Some(folder) = data() else { return };
    let families = read_families(&folder.join("families.csv")).unwrap();
    // Device, cores, precision; the baseline's published error; the error we claim.
    let cases = [
        ("s10", "1large", "float", 4.3, 3.2),
        ("s10", "1large", "quant", 8.7, 5.5),
        ("s10", "2med", "float", 4.9, 3.7),
        ("s10", "4small", "quant", 16.8, 12.6),
        ("pixel4", "1large", "float", 7.3, 4.0),
    ];
    for (device, cores, precision, published, claimed) in cases {
        let selector = Selector { device: device.into(), cores: cores.into(), precision: precision.into() };
        let samples = samples(&folder, &selector);
        let siblings = read_siblings(&folder.join("networks.csv"), &selector).unwrap();
        assert_eq!(siblings.sets.len(), 8);
        assert!(!siblings.names().contains(&"gpu") && !siblings.names().contains(&cores), "{:?}", siblings.names());
        let terms = terms::for_precision(precision).unwrap();
        let result = cross_validate(&samples, terms, Split::Families(&families), &siblings, CONFIDENCE).unwrap();
        eprintln!("{device} {cores} {precision}: {:.2} (baseline {:.2})", result.scores.mape, result.baseline.mape);
        assert_eq!(result.scores.networks, 84);
        assert!((result.baseline.mape - published).abs() < 0.1, "baseline {:?}", result.baseline);
        assert!(result.scores.mape < claimed, "{device} {cores} {precision}: {:?}", result.scores);
        if device == "s10" {
            // The shipped table says what this run gives.
            let table = LatencyTable::named(&format!("galaxy-s10-exynos9820/{cores}-{precision}")).unwrap();
            let stated = table.info().provenance.error.clone().unwrap();
            assert!((stated.mape - result.scores.mape).abs() < 0.006, "{stated:?}");
            assert!((stated.coverage.unwrap() - result.scores.coverage.unwrap()).abs() < 0.06, "{stated:?}");
            assert_eq!(table.ratios(), Some(&result.ratios));
        }
    }
}

/// What the shipped tables say of themselves, each made by the command in it with whole families left out.
#[test]
fn every_core_set_is_a_quarter_below_the_baseline_and_its_bounds_hold() {
    let mut coverage = Vec::new();
    for name in LatencyTable::names().filter(|name| name.starts_with("galaxy-s10-exynos9820/") && !name.contains("gpu"))
    {
        let table = LatencyTable::named(name).unwrap();
        let info = table.info();
        let error = info.provenance.error.as_ref().unwrap();
        assert_eq!((info.soc.as_str(), error.left_out.as_str()), ("Exynos 9820", "families"), "{name}");
        let claimed = match (info.cores.as_str(), info.precision.as_str()) {
            ("1large", "float") => 3.2,
            ("1large", "quant") => 5.5,
            _ => 0.75 * error.baseline_mape,
        };
        assert!(error.mape <= claimed, "{name}: {error:?}");
        let (covered, width) = (error.coverage.unwrap(), error.bound_over_mean.unwrap());
        assert!(covered >= 88.0, "{name}: {error:?}");
        if info.cores.starts_with('1') && info.cores != "1large2med" && info.precision == "float" {
            assert!(width <= 1.15, "{name}: {error:?}");
        }
        assert_eq!(table.ratios().unwrap().ratios().len(), 84, "{name}");
        coverage.push(covered);
    }
    assert_eq!(coverage.len(), 18);
    let pooled = coverage.iter().sum::<f64>() / coverage.len() as f64;
    assert!(pooled >= 93.0, "{pooled}");
}

#[test]
fn lowered_networks_are_the_operators_that_were_measured() {
    let Some(folder) = data() else { return };
    let lists = read_operators(&folder.join("operators_gpu.csv")).unwrap();
    let selector = Selector { device: "s10".into(), cores: "1large".into(), precision: "float".into() };
    let samples = samples(&folder, &selector);
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

/// DeiT-Tiny is one of the eight networks of tokens that the tables were fitted to; the costs that convolutional networks
/// tell are far too low for it.
#[test]
fn a_transformer_is_priced_with_the_terms_of_sequences() {
    let Some(folder) = data() else { return };
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reports/gallery/latency-galaxy-s10/transformer.yaml");
    let network = read_network(&file).unwrap();
    // Table 1 of the DeiT paper: 5.7 million parameters; 0.9 million of them are no layers' (positions, a second classifier).
    assert!((5.4e6..5.8e6).contains(&(network.cost().params.0 as f64)), "{:?}", network.cost());
    for (cores, precision, within) in [("1large", "float", 8.0), ("1med", "quant", 8.0)] {
        let selector = Selector { device: "s10".into(), cores: cores.into(), precision: precision.into() };
        let measured = read_measurements(&folder.join("transformers.csv"), &selector).unwrap();
        let ms = measured.iter().find(|m| m.network == "deit-tiny-distilled-patch16-224").unwrap().ms;
        let table = LatencyTable::named(&format!("galaxy-s10-exynos9820/{cores}-{precision}")).unwrap();
        let prediction = predict(&table, &network);
        let error = 100.0 * (prediction.mean.0 / ms - 1.0);
        assert!(error.abs() < within, "{cores} {precision}: {error:+.1} %");
        let without: Vec<(Term, f64)> =
            table.model().coefficients().iter().copied().filter(|(term, _)| !terms::SEQUENCES.contains(term)).collect();
        assert!(without.len() < table.model().coefficients().len());
        assert!(prediction.flags.iter().any(|flag| matches!(flag, Flag::NotBounded { .. })), "{:?}", prediction.flags);
        assert!(!prediction.flags.iter().any(|flag| matches!(flag, Flag::NotCovered { .. })), "{:?}", prediction.flags);
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

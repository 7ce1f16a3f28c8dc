#![allow(clippy::unwrap_used)]
use std::collections::HashMap;

use super::*;
use crate::latency::{Coverage, KernelKind, LatencyTable, MeasuredRow, Sample, Source, TableInfo};

fn conv(size: u32, input: u32, output: u32) -> Kernel {
    Kernel { output_channels: output, ..Kernel::pointwise(KernelKind::Conv, [size, size], input) }
}

fn pool(size: u32, channels: u32) -> Kernel {
    Kernel { window: [3, 3], ..Kernel::pointwise(KernelKind::AveragePool, [size, size], channels) }
}

/// What the operators of a made-up device take, in ms, written out from their sizes.
fn true_time(kernel: &Kernel) -> f64 {
    let [size, input, output] = [kernel.input[0], kernel.input_channels, kernel.output_channels].map(f64::from);
    match kernel.kind {
        KernelKind::Conv => 0.02 + 3e-7 * size * size * input * output + 1e-4 * input,
        _ => 0.01 + 2e-6 * size * size * input,
    }
}

/// Networks of the made-up device: the whole takes 1.25 of what its operators take, 0.005 ms for each, and 2 ms.
fn networks() -> Vec<TimedNetwork> {
    let sizes = [8, 14, 20, 28, 41];
    let channels = [8, 12, 20, 48, 64, 96, 160];
    (0..24)
        .map(|i| {
            let kernels: Vec<Kernel> = (0..6 + i % 5)
                .flat_map(|j| {
                    let (size, at) = (sizes[(i + j) % 5], i * 3 + j * 5);
                    [conv(size, channels[at % 7], channels[(at / 7 + j) % 7]), pool(size, channels[(at + 2) % 7])]
                })
                .collect();
            let times: Vec<f64> = kernels.iter().map(true_time).collect();
            let ms = 1.25 * times.iter().sum::<f64>() + 0.005 * kernels.len() as f64 + 2.0;
            let sample = Sample { network: format!("n{i}"), kernels, ms };
            TimedNetwork { sample, times: times.into_iter().map(Some).collect() }
        })
        .collect()
}

#[test]
fn a_fit_finds_what_the_operators_and_the_networks_cost() {
    let networks = networks();
    for keep_rows in [false, true] {
        let fit = fit_operators(&networks.iter().collect::<Vec<_>>(), keep_rows).unwrap();
        let Calibration { scale, operator, network } = fit.model.calibration();
        assert!((scale - 1.25).abs() < 0.01 && (operator - 0.005).abs() < 0.001, "{:?}", fit.model.calibration());
        assert!((network - 2.0).abs() < 0.02, "{:?}", fit.model.calibration());
        let unseen = [conv(24, 40, 80), pool(24, 40)];
        let expected = 2.0 + unseen.iter().map(|k| 1.25 * true_time(k) + 0.005).sum::<f64>();
        let priced = fit.totals(&[&unseen])[0].0;
        assert!((priced / expected - 1.0).abs() < 0.01, "{priced} for {expected}");
        assert_eq!(fit.rows.is_empty(), !keep_rows);
    }
}

#[test]
fn one_bad_measurement_bends_nothing() {
    let mut networks = networks();
    let clean = fit_operators(&networks.iter().collect::<Vec<_>>(), false).unwrap();
    networks[3].times[0] = Some(networks[3].times[0].unwrap() * 20.0);
    networks[5].sample.ms *= 1.6;
    let dirty = fit_operators(&networks.iter().collect::<Vec<_>>(), false).unwrap();
    for kernels in networks.iter().map(|network| &*network.sample.kernels) {
        let (clean, dirty) = (clean.model.total(kernels).0, dirty.model.total(kernels).0);
        assert!((dirty / clean - 1.0).abs() < 0.02, "{dirty} for {clean}");
    }
}

#[test]
fn too_little_to_fit_to_is_refused() {
    let networks = networks();
    let few: Vec<&TimedNetwork> = networks.iter().take(3).collect();
    assert!(fit_operators(&few, false).unwrap_err().to_string().contains("at least 4"));
    let untimed: Vec<TimedNetwork> =
        networks.iter().map(|n| TimedNetwork { times: vec![None; n.times.len()], ..n.clone() }).collect();
    let error = fit_operators(&untimed.iter().collect::<Vec<_>>(), false).unwrap_err();
    assert!(error.to_string().contains("no operator"), "{error}");
}

/// A model of one cost: 1e-6 ms a multiply-add of 1×1 convolutions, doubled in networks, 0.5 ms an operator.
fn plain() -> ClassModel {
    let cost = ClassCost { class: Class::Conv1x1, work: Work::Macs, cost: 1e-6 };
    ClassModel::new(vec![cost], Calibration { scale: 2.0, operator: 0.5, network: 3.0 })
}

#[test]
fn a_price_is_measured_then_interpolated_then_fitted() {
    let row = MeasuredRow { ms: Millis(0.3), std: Millis(0.0), count: 1 };
    let measured = HashMap::from([(conv(16, 32, 32), row)]);
    let table = LatencyTable::by_class(TableInfo::default(), plain(), Coverage::default(), measured);
    let exact = table.price(&conv(16, 32, 32));
    assert_eq!((exact.source, exact.ms), (Source::Measured, Millis(2.0 * 0.3 + 0.5)));
    // One neighbour, a factor 1.5 away in output channels: its logarithm is weighed against the model's zero.
    let near = table.price(&conv(16, 32, 48));
    let (distance, model) = ((48f64 / 32.0).ln(), 16.0 * 16.0 * 32.0 * 48.0 * 1e-6);
    let weight = 1.0 / (distance * distance + 0.01);
    let ratio = (0.3f64 / (16.0 * 16.0 * 32.0 * 32.0 * 1e-6)).ln();
    let expected = 2.0 * model * (weight * ratio / (weight + 4.0)).exp() + 0.5;
    assert_eq!(near.source, Source::Interpolated);
    assert!((near.ms.0 - expected).abs() < 1e-12, "{} for {expected}", near.ms);
    let far = table.price(&conv(64, 32, 32));
    assert_eq!(far.source, Source::Fitted);
    assert!((far.ms.0 - (2.0 * 64.0 * 64.0 * 1024.0 * 1e-6 + 0.5)).abs() < 1e-12);
    assert_eq!(table.total(&[conv(16, 32, 32)]), Millis(2.0 * 0.3 + 0.5 + 3.0));
}

/// A class without costs borrows those of one like it, so that no convolution is free; what is folded into others is.
#[test]
fn no_convolution_is_free() {
    let model = plain();
    let depthwise = Kernel { kind: KernelKind::Depthwise, groups: 8, window: [3, 3], ..conv(8, 8, 8) };
    assert_eq!(model.price(&depthwise), Millis(2.0 * 64.0 * 8.0 * 9.0 * 1e-6 + 0.5));
    for kind in [KernelKind::Multiply, KernelKind::Add, KernelKind::Identity, KernelKind::HardSwish] {
        assert_eq!(model.price(&Kernel::pointwise(kind, [8, 8], 8)), Millis(0.0), "{}", kind.name());
    }
}

#[test]
fn totals_are_told_apart_by_what_the_networks_hold() {
    let samples: Vec<Sample> = (0..12)
        .map(|i| {
            let mut kernels = vec![conv(16, 32, 32); i % 4];
            kernels.extend(vec![pool(16, 32); i % 3]);
            let ms = 4.0 + 0.6 * (i % 4) as f64 + 0.25 * (i % 3) as f64;
            Sample { network: format!("n{i}"), kernels, ms }
        })
        .collect();
    let model = fit_totals(&samples.iter().collect::<Vec<_>>(), &CELL, true).unwrap();
    for (kernels, expected) in [(vec![], 4.0), (vec![conv(16, 32, 32)], 4.6), (vec![pool(16, 32); 4], 5.0)] {
        let total = model.total(&kernels).0;
        assert!((total - expected).abs() < 1e-3, "{total} for {expected}");
    }
}

#[test]
fn names_lead_back() {
    for class in Class::ALL {
        assert_eq!(Class::from_name(class.name()), Some(class));
        assert_eq!(Class::ALL[class as usize], class);
    }
    for work in Work::ALL {
        assert_eq!(Work::from_name(work.name()), Some(work));
    }
}

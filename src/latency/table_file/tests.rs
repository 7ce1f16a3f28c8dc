#![allow(clippy::unwrap_used)]
use super::*;
use crate::units::Millis;

const TABLE: &str = "table: t\nversion: 1\ndevice: d\nsoc: s\nruntime: r\nprecision: float\ncores: c\nunit: ms\n\
                     provenance: {source: somebody, licence: MIT}\n\
                     covered:\n  - {operator: CONV_2D, operators: 3, input_size: [1, 64], input_channels: [1, 32], \
                     output_channels: [1, 32], window: [1, 3], stride: [1, 2], dilation: [1, 1], group_width: [1, 1]}\n\
                     rows:\n  - {source: fitted, term: network, cost: 0.5}\n\
                     \x20 - {source: fitted, term: float_tiles, cost: 1e-6}\n\
                     \x20 - {source: measured, operator: CONV_2D, input: [8, 8], input_channels: 4, output: [8, 8], \
                     output_channels: 4, mean: 0.25, std: 0.01, count: 50}\n";

fn conv(size: u32, channels: u32) -> Kernel {
    Kernel::pointwise(KernelKind::Conv, [size, size], channels)
}

#[test]
fn measured_rows_come_before_fitted_ones() {
    use crate::latency::Source::{Fitted, Measured};
    let table = LatencyTable::parse("t.yaml", TABLE).unwrap();
    assert_eq!(table.overhead(), Millis(0.5));
    let (exact, near) = (table.price(&conv(8, 4)), table.price(&conv(8, 5)));
    assert_eq!((exact.ms, exact.source), (Millis(0.25), Measured));
    assert_eq!(near.source, Fitted);
    assert!((near.ms.0 - 64.0 * 64.0 * 1e-6).abs() < 1e-15);
    assert_eq!(table.total(&[conv(8, 4), conv(8, 4)]), Millis(1.0));
}

#[test]
fn prices_beyond_what_was_measured_are_flagged() {
    let table = LatencyTable::parse("t.yaml", TABLE).unwrap();
    assert!(table.price(&conv(64, 32)).flags.is_empty());
    let messages = |kernel: &Kernel| table.price(kernel).flags.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        messages(&Kernel { input_channels: 33, ..conv(64, 32) }),
        ["CONV_2D: input_channels 33 is extrapolated, measured networks have 1 to 32"]
    );
    assert_eq!(
        messages(&Kernel { window: [3, 7], ..conv(64, 32) }),
        ["CONV_2D: window 7 is extrapolated, measured networks have 1 to 3"]
    );
    assert_eq!(
        messages(&Kernel::pointwise(KernelKind::Resize, [8, 8], 4)),
        ["RESIZE is not covered: no measured network has one"]
    );
}

#[test]
fn microseconds_are_converted() {
    let table = LatencyTable::parse("t.yaml", &TABLE.replace("unit: ms", "unit: us")).unwrap();
    assert_eq!(table.overhead(), Millis(0.0005));
    assert_eq!(table.price(&conv(8, 4)).ms, Millis(0.00025));
}

#[test]
fn bounds_are_made_from_the_ratios_of_the_file() {
    use crate::latency::{BoundRatios, NoBound};
    let table = LatencyTable::parse("t.yaml", TABLE).unwrap();
    assert_eq!(table.bound(Millis(2.0), 0.9), Err(NoBound::NotCalibrated));
    let ratios = (1..=19).map(|i| 0.9 + 0.01 * f64::from(i)).collect();
    let table = table.with_ratios(BoundRatios::new("families", ratios));
    let again = LatencyTable::parse("again.yaml", &table.to_yaml()).unwrap();
    assert_eq!(again, table, "{}", table.to_yaml());
    assert!((again.bound(Millis(2.0), 0.95).unwrap().ms.0 - 2.0 * 1.09).abs() < 1e-12);
    let broken = table.to_yaml().replace("0.9100", "-0.9100");
    assert!(LatencyTable::parse("broken.yaml", &broken).unwrap_err().to_string().contains("-0.91"));
}

#[test]
fn written_tables_read_back_equal() {
    let table = LatencyTable::parse("t.yaml", TABLE).unwrap();
    let text = table.to_yaml();
    assert_eq!(LatencyTable::parse("again.yaml", &text).unwrap(), table, "{text}");
}

#[test]
fn broken_tables_are_refused_with_their_place() {
    let cases = [
        ("unit: ms\n", "", "`unit` is missing"),
        ("provenance: {source: somebody, licence: MIT}\n", "", "`provenance` is missing"),
        ("source: somebody", "source: ' '", "`source` is empty"),
        ("unit: ms", "unit: seconds", "`seconds` is not one of ms, us"),
        ("version: 1", "version: 2", "t.yaml:2:10: expected a whole number from 1 to 1, found `2`"),
        ("device: d", "device: d\nmodel: x", "t.yaml:4:1: unknown key `model`"),
        ("cost: 1e-6", "cost: -1e-6", "expected a number from 0 to 1000000000, found `-0.000001`"),
        ("cost: 1e-6", "cost: .nan", "non-finite"),
        ("cost: 1e-6", "cost: .inf", "non-finite"),
        ("term: float_tiles", "term: float_tile", "unknown term `float_tile` (did you mean `float_tiles`?)"),
        ("term: float_tiles", "term: network", "term `network` has two rows"),
        ("mean: 0.25", "mean: -0.25", "-0.25"),
        ("input: [8, 8]", "input: [8, 8, 8]", "needs exactly two numbers"),
        ("[1, 64]", "[64, 1]", "runs from 64 down to 1"),
    ];
    for (from, to, wanted) in cases {
        assert!(TABLE.contains(from), "{from}");
        let error = format!("{:?}", LatencyTable::parse("t.yaml", &TABLE.replacen(from, to, 1)).unwrap_err());
        assert!(error.contains(wanted) && error.contains("t.yaml:"), "{error} should say {wanted}");
    }
    let (head, row) = TABLE.rsplit_once("  - ").unwrap();
    let doubled = format!("{head}  - {row}  - {row}");
    let error = format!("{:?}", LatencyTable::parse("t.yaml", &doubled).unwrap_err());
    assert!(error.contains("has two rows"), "{error}");
}

const CLASSES: &str = "table: t\nversion: 1\ndevice: d\nsoc: s\nruntime: r\nprecision: float\ncores: gpu\nunit: us\n\
                       provenance: {source: somebody, licence: MIT}\n\
                       calibration: {scale: 1.5, operator: 20, network: 3000}\n\
                       rows:\n  - {source: fitted, class: conv_1x1, work: macs, cost: 1e-3}\n\
                       \x20 - {source: fitted, class: pool, work: calls, cost: 40}\n\
                       \x20 - {source: measured, operator: CONV_2D, input: [8, 8], input_channels: 4, output: [8, 8], \
                       output_channels: 4, mean: 250, std: 1, count: 5}\n\
                       \x20 - source: measured\n    mean: 700\n    std: 2\n    count: 9\n    block:\n\
                       \x20     - {operator: MEAN, input: [8, 8], input_channels: 4, output: [1, 1], output_channels: 4}\n\
                       \x20     - {operator: ADD, input: [8, 8], input_channels: 4, output: [8, 8], output_channels: 4}\n";

#[test]
fn class_tables_price_and_read_back_equal() {
    let table = LatencyTable::parse("t.yaml", CLASSES).unwrap();
    let near = |ms: Millis, us: f64| assert!((ms.0 - us * 1e-3).abs() < 1e-9, "{ms} for {us} us");
    near(table.overhead(), 3000.0);
    near(table.cost(&conv(8, 4)), 1.5 * 250.0 + 20.0);
    near(table.cost(&conv(64, 4)), 1.5 * 64.0 * 64.0 * 16.0 * 1e-3 + 20.0);
    let sum = Kernel { inputs: 1, ..Kernel::pointwise(KernelKind::Add, [8, 8], 4) };
    let mean = Kernel { output: [1, 1], ..Kernel::pointwise(KernelKind::Mean, [8, 8], 4) };
    assert_eq!(table.block_row(&[sum, mean]).unwrap().count, 9);
    assert_eq!(table.block_row(&[sum]), None);
    assert_eq!((table.fitted_rows(), table.measured_rows()), (2, 2));
    let text = table.to_yaml();
    let again = LatencyTable::parse("again.yaml", &text).unwrap();
    assert_eq!(again, table, "{text}");
}

#[test]
fn faults_of_class_tables_are_told() {
    let said = |text: &str| format!("{:?}", LatencyTable::parse("t.yaml", text).unwrap_err());
    for (from, to, wanted) in [
        ("class: pool", "class: pol", "did you mean `pool`"),
        ("work: calls", "work: call", "did you mean `calls`"),
        ("class: pool, work: calls", "class: conv_1x1, work: macs", "has two rows"),
        (
            "{source: fitted, class: pool, work: calls, cost: 40}",
            "{source: fitted, term: macs, cost: 1}",
            "beside class rows",
        ),
        ("scale: 1.5", "scale: -1.5", "-1.5"),
        ("operator: ADD", "operator: SUM", "SUM"),
    ] {
        let error = said(&CLASSES.replace(from, to));
        assert!(error.contains(wanted), "{to}: {error}");
    }
    let terms_alone = TABLE.replace("rows:", "calibration: {scale: 1, operator: 0, network: 0}\nrows:");
    assert!(said(&terms_alone).contains("no class rows to calibrate"));
}

#[test]
fn shipped_tables_load_and_say_what_they_rest_on() {
    for name in LatencyTable::names() {
        let table = LatencyTable::named(name).unwrap();
        let about = table.about();
        let device: &[&str] = match name.split_once('/').unwrap().0 {
            "galaxy-s10-exynos9820" => &["Samsung Galaxy S10 (Exynos 9820)", "TFLite 2.10", "qed-usc"],
            "galaxy-note10" => &["Samsung Galaxy Note10", "Once-for-All"],
            "snapdragon-855" => &["Snapdragon 855"],
            other => panic!("{other} is a new device: what has its table to say?"),
        };
        for said in device.iter().chain(&["measured none itself", "left out of the fit"]) {
            assert!(about.contains(said), "{name}: {about}");
        }
        // The chip of other phones is not that of the phone that was measured here.
        assert!(!about.contains("Snapdragon") || !about.contains("S10"), "{name}: {about}");
        // Published measurements are not copied.
        assert_eq!(table.measured_rows(), 0, "{name}");
    }
    let error = LatencyTable::named("galaxy-s10-exynos9820/1large-floot").unwrap_err();
    assert!(format!("{error:?}").contains("did you mean"), "{error:?}");
}

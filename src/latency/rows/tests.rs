#![allow(clippy::unwrap_used)]
use std::io::Write;

use super::*;

fn file(text: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    file
}

fn selector(device: &str, cores: &str, precision: &str) -> Selector {
    Selector { device: device.into(), cores: cores.into(), precision: precision.into() }
}

fn operators(rows: &str) -> Result<Vec<OperatorList>, LatencyError> {
    let header = "model,position,operator,input_hw,input_channels,output_hw,kernel,stride,filters,groups,flops\n";
    read_operators(file(format!("{header}{rows}").as_bytes()).path())
}

const NETWORKS: &str = "model,device,cores,precision,mean_us,std_us\n\
                        a,s10,1large,float,1500.5,3\n\
                        b,s10,1large,float,2000,3\n\
                        a,s10,4small,float,900,3\n\
                        a,pixel4,1large,quant,800,3\n";

#[test]
fn selected_rows_become_milliseconds() {
    let file = file(NETWORKS.as_bytes());
    let measured = read_measurements(file.path(), &selector("s10", "1large", "float")).unwrap();
    assert_eq!(measured.len(), 2);
    assert_eq!(measured[0], Measurement { network: "a".into(), ms: 1.5005 });
}

#[test]
fn pairs_are_milliseconds_already() {
    let file = file("\u{feff}network , ms\n a, 2.5\nsub/b.yaml,3e1\n".as_bytes());
    let measured = read_measurements(file.path(), &selector("any", "any", "float")).unwrap();
    let pairs: Vec<(&str, f64)> = measured.iter().map(|m| (m.network.as_str(), m.ms)).collect();
    assert_eq!(pairs, [("a", 2.5), ("sub/b.yaml", 30.0)]);
}

#[test]
fn bad_networks_files_are_refused_with_the_reason() {
    let header = "model,device,cores,precision,mean_us\n";
    let cases: [(&[u8], &str); 11] = [
        (b"", "has no rows"),
        (b"model,device\n", "has no rows"),
        (b"model,device\na,s10\n", "has no column `mean_us`; its columns are: model, device"),
        (b"model,model\na,b\n", "two columns named `model`"),
        (b"network,ms\na,1\nb,nan\n", ":3: column `ms` holds `nan`: a latency is a finite number above zero"),
        (b"network,ms\na,-1\n", "column `ms` holds `-1`"),
        (b"network,ms\na,0\n", "column `ms` holds `0`"),
        (b"network,ms\na,inf\n", "column `ms` holds `inf`"),
        (b"network,ms\na,1\na,2\n", ":3: column `network` holds `a`: this network is listed twice"),
        (b"network,ms\na,1,7\n", "not a CSV table"),
        (b"network,ms\n\xff,1\n", "line 2 is not UTF-8"),
    ];
    for (text, wanted) in cases {
        let error = read_measurements(file(text).path(), &selector("s10", "1large", "float")).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should say {wanted}");
    }
    let zero = format!("{header}a,s10,1large,float,0\n");
    assert!(read_measurements(file(zero.as_bytes()).path(), &selector("s10", "1large", "float")).is_err());
}

#[test]
fn selectors_that_pick_nothing_list_what_there_is() {
    let file = file(NETWORKS.as_bytes());
    let cases = [
        (selector("s11", "1large", "float"), "no device `s11`; there are: pixel4, s10; did you mean `s10`?"),
        (
            selector("s10", "1larg", "float"),
            "no cores `1larg` for s10; there are: 1large, 4small; did you mean `1large`?",
        ),
        (selector("s10", "4small", "quant"), "no precision `quant` for s10, 4small; there are: float"),
    ];
    for (selector, wanted) in cases {
        let error = read_measurements(file.path(), &selector).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error} should say {wanted}");
    }
}

#[test]
fn geometry_is_read_by_kind() {
    let lists = operators(
        "m,0,CONV_2D,224,3,112,3,2,16,1,1\n\
         m,1,DEPTHWISE_CONV_2D,114,16,112,3,1,1,1,1\n\
         m,2,CONV_2D_GROUP,112,16,56,3,2,32,4,1\n\
         m,3,MAX_POOL_2D,56,32,28,2,2,,,1\n\
         m,4,CONCATENATION,28,32,28,3,,96,,\n\
         m,5,MEAN,28,96,96,0,,,,1\n\
         m,6,FULLY_CONNECTED,,96,,,,10,,1\n",
    )
    .unwrap();
    let kernels = &lists[0].kernels;
    let counts: Vec<(u64, u64, u64)> = kernels.iter().map(|k| (k.macs(), k.weights(), k.output_elements())).collect();
    assert_eq!(counts[0], (112 * 112 * 27 * 16, 27 * 16, 112 * 112 * 16));
    assert_eq!(counts[1], (112 * 112 * 9 * 16, 9 * 16, 112 * 112 * 16));
    assert_eq!(counts[2], (56 * 56 * 9 * 4 * 32, 9 * 4 * 32, 56 * 56 * 32));
    assert_eq!(counts[3], (0, 0, 28 * 28 * 32));
    assert_eq!((counts[4].2, kernels[4].inputs), (28 * 28 * 96, 3));
    assert_eq!((counts[5].2, kernels[5].input_elements()), (96, 28 * 28 * 96));
    assert_eq!(counts[6], (960, 960, 10));
    assert_eq!(
        kernels.iter().map(|k| k.explicit_padding).collect::<Vec<_>>(),
        [false, true, false, false, false, false, false]
    );
}

#[test]
fn padding_steps_show_in_inputs_that_nothing_made() {
    // 56 -> padded to 58 -> 56; a 224 image read without padding down to 222 is none.
    let lists = operators(
        "p,0,CONV_2D,224,3,56,1,4,8,1,1\np,1,CONV_2D,58,8,56,3,1,8,1,1\n\
         v,0,CONV_2D,224,3,224,1,1,8,1,1\nv,1,CONV_2D,224,8,222,3,1,8,1,1\n",
    )
    .unwrap();
    assert!(lists[0].kernels[1].explicit_padding);
    assert!(!lists[1].kernels[1].explicit_padding);
}

#[test]
fn the_product_of_a_squeeze_excite_is_inferred() {
    // A shortcut's convolution may stand between the mean and the two convolutions; a classifier is no gate.
    let lists = operators(
        "m,0,MEAN,28,64,64,1,,,,1\nm,1,CONV_2D,56,32,28,1,2,64,1,1\nm,2,CONV_2D,1,64,1,1,1,16,1,1\n\
         m,3,CONV_2D,1,16,1,1,1,64,1,1\nm,4,MEAN,7,64,64,1,,,,1\nm,5,CONV_2D,1,64,1,1,1,128,1,1\n\
         m,6,CONV_2D,1,128,1,1,1,1000,1,1\n",
    )
    .unwrap();
    let kinds: Vec<KernelKind> = lists[0].kernels.iter().map(|k| k.kind).collect();
    use KernelKind::{Conv, Mean, Multiply};
    assert_eq!(kinds, [Mean, Conv, Conv, Conv, Multiply, Mean, Conv, Conv]);
    assert_eq!(lists[0].kernels[4].output_elements(), 28 * 28 * 64);

    let told = "m,0,MEAN,28,64,64,1,,,,1\nm,1,CONV_2D,1,64,1,1,1,16,1,1\nm,2,CONV_2D,1,16,1,1,1,64,1,1\n\
                m,3,MUL,28,64,28,1,1,,,\n";
    assert_eq!(operators(told).unwrap()[0].kernels.len(), 4);
}

#[test]
fn bad_operators_are_refused_with_their_place() {
    let cases = [
        (
            "m,0,CONV_3D,8,3,8,3,1,8,1,1\n",
            ":2: column `operator` holds `CONV_3D`: unknown operator; did you mean `CONV_2D`?",
        ),
        ("m,0,CONV_2D,8,3,8,3,1,-8,1,1\n", "column `filters` holds `-8`"),
        ("m,0,CONV_2D,0,3,8,3,1,8,1,1\n", "column `input_hw` holds `0`"),
        ("m,0,CONV_2D,8,3,8,3,1,99999999,1,1\n", "column `filters` holds `99999999`"),
        ("m,0,CONV_2D_GROUP,8,6,8,3,1,8,4,1\n", "groups must divide"),
        (
            "m,0,MEAN,8,3,3,1,,,,1\nm,0,MEAN,8,3,3,1,,,,1\n",
            ":3: column `position` holds `0`: operators of a model stand in order",
        ),
        (",0,MEAN,8,3,3,1,,,,1\n", "a model needs a name"),
    ];
    for (rows, wanted) in cases {
        let error = operators(rows).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error} should say {wanted}");
    }
}

/// Looking every name up among all before it took minutes for a header as long as this.
#[test]
fn a_header_of_many_columns_is_read_at_once() {
    let began = std::time::Instant::now();
    let names: Vec<String> = (0..100_000).map(|at| format!("c{at}")).collect();
    let cells = vec!["1"; names.len()].join(",");
    let error = read_families(file(format!("{}\n{cells}\n", names.join(",")).as_bytes()).path()).unwrap_err();
    assert!(error.to_string().contains("has no column `model`"));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

//! Batches from a real data set (`data/README.md` of the shared folder says where it comes from), held against the files
//! read a second way.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use pocketnas::data::{Dataset, Normalisation};
use pocketnas::engine::Target;
use pocketnas::graph::Shape;

const DATA: &str = "../shared/data/fashion-mnist";
const TEN: Shape = Shape::Vector { features: 10 };

fn is_there() -> bool {
    if Path::new(DATA).exists() {
        return true;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{DATA} is not there, and CI must not skip this");
    eprintln!("SKIPPED: {DATA} is not there, so no real data set was read");
    false
}

fn unpacked(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(File::open(format!("{DATA}/{name}")).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_image_comes_once_with_its_label() {
    if !is_there() {
        return;
    }
    let plain = Normalisation::Given { mean: vec![0.0], deviation: vec![1.0] };
    let data = Dataset::open(&format!("{DATA}/t10k"), &plain).unwrap();
    let batches = data.batches(4, 2_500, Shape::map(1, 28), TEN, 3).unwrap();
    let (images, labels) = (unpacked("t10k-images-idx3-ubyte.gz"), unpacked("t10k-labels-idx1-ubyte.gz"));
    let mut left: HashMap<(Vec<u8>, u32), usize> = HashMap::new();
    for (image, label) in images[16..].chunks(784).zip(&labels[8..]) {
        *left.entry((image.to_vec(), (*label).into())).or_default() += 1;
    }
    for batch in &batches {
        let Target::Labels(labels) = &batch.target else { panic!("labels are read") };
        for (sample, label) in batch.inputs.data.chunks(784).zip(labels) {
            let image = sample.iter().map(|x| (x * 255.0).round() as u8).collect();
            *left.get_mut(&(image, *label)).unwrap() -= 1;
        }
    }
    assert!(left.values().all(|&count| count == 0));
}

#[test]
fn the_measured_normalisation_is_the_published_one() {
    if !is_there() {
        return;
    }
    let note = |images| {
        let data = Dataset::open(DATA, &Normalisation::Measured { images }).unwrap();
        data.notes(Shape::map(1, 28), TEN).join("\n")
    };
    let whole = note(usize::MAX);
    assert!(whole.contains("60000 images in 10 classes"), "{whole}");
    assert!(whole.contains("mean 0.2860 and deviation 0.3530, measured on 60000 images"), "{whole}");
    // The default is near it.
    let data = Dataset::open(DATA, &Normalisation::default()).unwrap();
    let batch = data.batches(1, 4_096, Shape::map(1, 28), TEN, 1).unwrap().remove(0).inputs.data;
    let n = batch.len() as f64;
    let mean = batch.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = batch.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.08, "{mean} {square}");
}

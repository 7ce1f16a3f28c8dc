#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use super::*;

const TEN: Shape = Shape::Vector { features: 10 };

/// Pixels as they are, from 0 to 1.
fn plain() -> Normalisation {
    Normalisation::Given { mean: vec![0.0], deviation: vec![1.0] }
}

fn open(path: impl AsRef<Path>) -> Result<Dataset, DataError> {
    Dataset::open(path.as_ref().to_str().unwrap(), &plain())
}

fn labels(batch: &Batch) -> &[u32] {
    match &batch.target {
        Target::Labels(labels) => labels,
        Target::Values(_) => panic!("no values are read"),
    }
}

/// The bytes of one sample, pixels being `bytes / 255`.
fn bytes(batch: &Batch, sample: usize) -> Vec<u8> {
    let each: usize = batch.inputs.shape[1..].iter().product();
    batch.inputs.data[sample * each..][..each].iter().map(|x| (x * 255.0).round() as u8).collect()
}

fn idx(sizes: &[u32], content: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| file.extend(size.to_be_bytes()));
    file.extend(content);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Five images of 2×3; image `i` holds `40 i + pixel`, and its label is `i`.
fn digits() -> (Vec<u8>, Vec<u8>) {
    let pixels: Vec<u8> = (0..5).flat_map(|image| (0..6).map(move |pixel| 40 * image + pixel)).collect();
    (idx(&[5, 2, 3], &pixels), idx(&[5], &[0, 1, 2, 3, 4]))
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn mnist(folder: &TempDir, prefix: &str, packed: bool) -> PathBuf {
    let (images, labels) = digits();
    let end = if packed { ".gz" } else { "" };
    let pack = |bytes: Vec<u8>| if packed { gzip(&bytes) } else { bytes };
    write(folder, &format!("{prefix}-labels-idx1-ubyte{end}"), &pack(labels));
    write(folder, &format!("{prefix}-images-idx3-ubyte{end}"), &pack(images))
}

fn record(labels: &[u8], colour: [u8; 3]) -> Vec<u8> {
    let planes = colour.iter().flat_map(|&value| [value; 1024]);
    labels.iter().copied().chain(planes).collect()
}

fn png(folder: &TempDir, name: &str, image: impl Into<image::DynamicImage>) -> PathBuf {
    let mut bytes = Vec::new();
    image.into().write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    write(folder, name, &bytes)
}

/// Two classes of red, green and blue images.
fn pictures(folder: &TempDir) {
    png(folder, "cat/b.png", RgbImage::from_pixel(4, 4, Rgb([20, 30, 40])));
    png(folder, "cat/a.png", RgbImage::from_pixel(4, 4, Rgb([10, 20, 30])));
    png(folder, "ant/a.png", RgbImage::from_fn(4, 4, |x, y| Rgb([x as u8, y as u8, 200])));
}

#[test]
fn noise_has_unit_moments_and_uniform_labels() {
    let data = Dataset::open("noise", &Normalisation::default()).unwrap();
    let batches = data.batches(2, 256, Shape::map(3, 16), TEN, 7).unwrap();
    assert_eq!(batches.iter().map(|b| b.inputs.shape.clone()).collect::<Vec<_>>(), vec![vec![256, 3, 16, 16]; 2]);
    let all: Vec<f64> = batches.iter().flat_map(|b| &b.inputs.data).map(|&x| x.into()).collect();
    let n = all.len() as f64;
    let (mean, square) = (all.iter().sum::<f64>() / n, all.iter().map(|x| x * x).sum::<f64>() / n);
    assert!(mean.abs() < 4.0 / n.sqrt() && (square - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "{mean} {square}");
    let mut counts = [0.0; 10];
    batches.iter().flat_map(labels).for_each(|&label| counts[label as usize] += 1.0);
    let chi: f64 = counts.iter().map(|count| (count - 51.2_f64).powi(2) / 51.2).sum();
    assert!(chi < 27.9, "χ² of 9 degrees of freedom, p = 0.001: {chi}");
}

#[test]
fn noise_fits_every_input_and_output() {
    let data = Dataset::open("noise", &Normalisation::default()).unwrap();
    let dense = Shape::Map { channels: 4, height: 3, width: 5 };
    let batch = &data.batches(1, 2, Shape::Tokens { tokens: 6, features: 8 }, dense, 1).unwrap()[0];
    assert_eq!(batch.inputs.shape, [2, 6, 8]);
    assert_eq!(labels(batch).len(), 2 * 15);
    assert!(labels(batch).iter().all(|&label| label < 4));
    let ones = Dataset::open("ones", &Normalisation::default()).unwrap();
    let batch = &ones.batches(1, 2, Shape::Vector { features: 3 }, TEN, 1).unwrap()[0];
    assert_eq!(batch.inputs, Tensor::filled(vec![2, 3], 1.0));
}

#[test]
fn noise_gives_values_of_the_shape_of_the_output() {
    let data = Dataset::open("noise", &Normalisation::default()).unwrap();
    let (input, output) = (Shape::map(3, 8), Shape::map(3, 16));
    let batches = data.value_batches(2, 64, input, output, 7).unwrap();
    let labelled = data.batches(2, 64, input, output, 7).unwrap();
    for (batch, other) in batches.iter().zip(&labelled) {
        assert_eq!(batch.inputs, other.inputs, "the loss decides nothing about the inputs");
        let Target::Values(values) = &batch.target else { panic!("values were asked for") };
        assert_eq!(values.shape, [64, 3, 16, 16]);
        let n = values.data.len() as f64;
        let square: f64 = values.data.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        assert!((square - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "{square}");
        assert_eq!(batch.first(3), batch.range(0..3));
    }
    assert_ne!(batches[0].target, batches[1].target);
    let folder = TempDir::new().unwrap();
    pictures(&folder);
    let images = open(folder.path()).unwrap();
    let message = images.value_batches(1, 2, input, output, 1).unwrap_err().to_string();
    assert!(message.contains("choose a loss over classes, or give `noise`"), "{message}");
}

/// The same for every candidate; other seeds, other batches; more batches begin with those of fewer.
#[test]
fn batches_depend_on_the_seed_alone() {
    let folder = TempDir::new().unwrap();
    mnist(&folder, "train", false);
    for spec in ["noise", folder.path().to_str().unwrap()] {
        let data = Dataset::open(spec, &plain()).unwrap();
        let draw = |count, seed| data.batches(count, 2, Shape::map(3, 4), TEN, seed).unwrap();
        assert_eq!(draw(2, 3), draw(2, 3), "{spec}");
        assert_eq!(draw(1, 3), draw(2, 3)[..1], "{spec}");
        assert!((4..14).any(|seed| draw(2, seed) != draw(2, 3)), "{spec}");
    }
}

#[test]
fn orders_are_uniform_and_without_repeats() {
    for seed in 0..20 {
        let mut all = draw(100, 100, seed);
        assert_eq!(draw(100, 30, seed), all[..30]);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100));
    }
    let mut counts = [0.0_f64; 24];
    for seed in 0..4800 {
        let order = draw(4, 4, seed);
        counts[order[0] * 6 + (order[1] - usize::from(order[1] > order[0])) * 2 + usize::from(order[2] > order[3])] +=
            1.0;
    }
    let chi: f64 = counts.iter().map(|count| (count - 200.0).powi(2) / 200.0).sum();
    assert!(chi < 49.7, "χ² of 23 degrees of freedom, p = 0.001: {chi}");
}

#[test]
fn idx_files_are_found_and_read() {
    let folder = TempDir::new().unwrap();
    let input = Shape::Map { channels: 1, height: 2, width: 3 };
    let images = mnist(&folder, "t10k", true);
    let root = folder.path().to_path_buf();
    let check = |spec: PathBuf| {
        let batches = open(&spec).unwrap().batches(1, 5, input, TEN, 1).unwrap();
        let mut seen: Vec<u32> = labels(&batches[0]).to_vec();
        for (sample, &label) in seen.iter().enumerate() {
            let wanted: Vec<u8> = (0..6).map(|pixel| 40 * label as u8 + pixel).collect();
            assert_eq!(bytes(&batches[0], sample), wanted, "{}", spec.display());
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    };
    for spec in [root.clone(), root.join("t10k"), images] {
        check(spec);
    }
    mnist(&folder, "train", false);
    check(root.clone());
    check(root.join("train"));
    assert!(open(&root).unwrap().name().contains("train-images"), "a folder stands for its training files");
    mnist(&folder, "other", false);
    fs::remove_file(root.join("train-images-idx3-ubyte")).unwrap();
    let message = open(&root).unwrap_err().to_string();
    assert!(
        message.contains("2 files of images here; give one of them") && message.contains("t10k-images"),
        "{message}"
    );
}

#[test]
fn grey_is_repeated_and_sizes_are_scaled() {
    let folder = TempDir::new().unwrap();
    write(&folder, "a-images-idx3-ubyte", &idx(&[1, 2, 2], &[0, 255, 0, 255]));
    write(&folder, "a-labels-idx1-ubyte", &idx(&[1], &[3]));
    let data = open(folder.path()).unwrap();
    let batch = &data.batches(1, 1, Shape::map(3, 4), TEN, 1).unwrap()[0];
    // Centres of pixels lie at halves, so the new ones are at −1/4, 1/4, 3/4 and 5/4 of the way: 0, 63.75, 191.25, 255.
    let row = [0, 64, 191, 255];
    assert_eq!(bytes(batch, 0), row.repeat(12));
    assert_eq!(labels(batch), [3]);
    let notes = data.notes(Shape::map(3, 4), TEN).join("\n");
    assert!(notes.contains("1 image in 4 classes") && notes.contains("grey is repeated to 3 channels"), "{notes}");
    // The centre of a wide image is cut out.
    let wide = TempDir::new().unwrap();
    write(&wide, "a-images-idx3-ubyte", &idx(&[1, 2, 4], &[9, 1, 2, 9, 9, 3, 4, 9]));
    write(&wide, "a-labels-idx1-ubyte", &idx(&[1], &[0]));
    let batch = &open(wide.path()).unwrap().batches(1, 1, Shape::map(1, 2), TEN, 1).unwrap()[0];
    assert_eq!(bytes(batch, 0), [1, 2, 3, 4]);
    // A reduced pixel is the mean of what it covers.
    let batch = &data.batches(1, 1, Shape::map(1, 1), TEN, 1).unwrap()[0];
    assert!(bytes(batch, 0)[0].abs_diff(128) <= 1);
}

#[test]
fn cifar_records_are_read() {
    let folder = TempDir::new().unwrap();
    let first = [record(&[3], [10, 20, 30]), record(&[9], [40, 50, 60])].concat();
    let path = write(&folder, "data_batch_1.bin", &first);
    write(&folder, "data_batch_2.bin", &record(&[0], [70, 80, 90]));
    write(&folder, "test_batch.bin", &record(&[5], [1, 1, 1]));
    let data = open(folder.path()).unwrap();
    let batch = &data.batches(1, 3, Shape::map(3, 32), TEN, 1).unwrap()[0];
    let mut seen: Vec<(u32, u8, u8, u8)> = (0..3)
        .map(|sample| {
            let pixels = bytes(batch, sample);
            (labels(batch)[sample], pixels[0], pixels[1024], pixels[3071])
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [(0, 70, 80, 90), (3, 10, 20, 30), (9, 40, 50, 60)]);
    assert_eq!(open(path).unwrap().batches(1, 2, Shape::map(3, 32), TEN, 1).unwrap()[0].inputs.shape[0], 2);

    let hundred = TempDir::new().unwrap();
    write(&hundred, "train.bin", &[record(&[19, 99], [1, 2, 3]), record(&[0, 42], [4, 5, 6])].concat());
    let output = Shape::Vector { features: 100 };
    let data = open(hundred.path()).unwrap();
    let batch = &data.batches(1, 2, Shape::map(3, 32), output, 1).unwrap()[0];
    let mut fine = labels(batch).to_vec();
    fine.sort_unstable();
    assert_eq!(fine, [42, 99]);
    assert!(data.notes(Shape::map(3, 32), output).join("\n").contains("the fine one"));
}

/// 3,074 records of CIFAR-10 are as long as 3,073 of CIFAR-100.
#[test]
fn labels_tell_the_two_kinds_of_cifar_apart() {
    let folder = TempDir::new().unwrap();
    let ten = write(&folder, "ten.bin", &record(&[9], [255, 255, 255]).repeat(3074));
    let hundred = write(&folder, "hundred.bin", &record(&[19, 99], [255, 255, 255]).repeat(3073));
    let classes = |path| match open(path).unwrap().0 {
        Source::Images(reader, _) => (reader.classes(), reader.len()),
        _ => panic!("files are images"),
    };
    assert_eq!((classes(ten), classes(hundred)), ((10, 3074), (100, 3073)));
}

#[test]
fn class_folders_are_numbered_by_name() {
    let folder = TempDir::new().unwrap();
    pictures(&folder);
    write(&folder, "cat/readme.txt", b"cats");
    write(&folder, ".cache/x", b"");
    let data = open(folder.path()).unwrap();
    let batch = &data.batches(1, 3, Shape::map(3, 4), TEN, 1).unwrap()[0];
    let mut seen: Vec<(u32, Vec<u8>)> = (0..3).map(|s| (labels(batch)[s], bytes(batch, s)[..16].to_vec())).collect();
    seen.sort();
    assert_eq!(seen, [(0, [0, 1, 2, 3].repeat(4)), (1, vec![10; 16]), (1, vec![20; 16])]);
    let notes = data.notes(Shape::map(3, 4), TEN).join("\n");
    assert!(notes.contains("3 images in 2 classes") && notes.contains("no PNG or JPEG by name: 1 file"), "{notes}");
}

#[test]
fn wrong_extensions_and_grey_images_are_read() {
    let folder = TempDir::new().unwrap();
    let image = GrayImage::from_pixel(8, 8, Luma([77]));
    let mut jpeg = Vec::new();
    image::DynamicImage::from(image.clone()).write_to(&mut std::io::Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
    write(&folder, "a/jpeg.png", &jpeg);
    png(&folder, "a/png.JPEG", RgbImage::from_pixel(8, 8, Rgb([77, 77, 77])));
    let data = open(folder.path()).unwrap();
    let batch = &data.batches(1, 2, Shape::map(1, 8), TEN, 1).unwrap()[0];
    assert!(batch.inputs.data.iter().all(|x| (x * 255.0 - 77.0).abs() < 1.5));
    let notes = data.notes(Shape::map(1, 8), TEN).join("\n");
    assert!(notes.contains("all are taken as grey") && notes.contains("there is one class"), "{notes}");
}

#[test]
fn normalisations_are_given_or_measured() {
    let folder = TempDir::new().unwrap();
    write(&folder, "data_batch_1.bin", &[record(&[0], [0, 100, 50]), record(&[1], [255, 200, 150])].concat());
    let spec = folder.path().to_str().unwrap();
    let input = Shape::map(3, 32);
    let given = Normalisation::Given { mean: vec![0.5, 0.25, 0.0], deviation: vec![0.5, 0.25, 2.0] };
    let batch = &Dataset::open(spec, &given).unwrap().batches(1, 2, input, TEN, 1).unwrap()[0];
    let black = labels(batch).iter().position(|&label| label == 0).unwrap() * 3072;
    let close = |at: usize, wanted: f32| (batch.inputs.data[black + at] - wanted).abs() < 1e-6;
    assert!(close(0, -1.0) && close(1024, (100.0 / 255.0 - 0.25) / 0.25) && close(2048, 50.0 / 255.0 / 2.0));
    let data = Dataset::open(spec, &Normalisation::default()).unwrap();
    let batch = &data.batches(1, 2, input, TEN, 1).unwrap()[0];
    // Two values in each channel: one deviation below the mean, and one above.
    assert!(batch.inputs.data.iter().all(|x| (x.abs() - 1.0).abs() < 1e-6));
    let notes = data.notes(input, TEN).join("\n");
    assert!(notes.contains("mean 0.5000, 0.5882, 0.3922 and deviation 0.5000, 0.1961, 0.1961"), "{notes}");
    assert!(notes.contains("measured on 2 images"), "{notes}");
    let cases: [(&[f64], &[f64], &str); 4] = [
        (&[0.5, 0.5], &[1.0], "images have 3 channel(s), but the mean has 2 values"),
        (&[0.5], &[], "the deviation has 0 values"),
        (&[0.5], &[0.0], "the deviation 0 is not above 0"),
        (&[f64::NAN], &[1.0], "the mean NaN is no number"),
    ];
    for (mean, deviation, wanted) in cases {
        let given = Normalisation::Given { mean: mean.to_vec(), deviation: deviation.to_vec() };
        let message = Dataset::open(spec, &given).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    }
    write(&folder, "data_batch_1.bin", &record(&[0], [0, 100, 50]));
    let message = Dataset::open(spec, &Normalisation::default()).unwrap_err().to_string();
    assert!(
        message.contains("channel 0 is 0.0000 everywhere in 1 images") && message.contains("give a mean"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = TempDir::new().unwrap();
    let (images, labels) = digits();
    let mut short = images.clone();
    short.pop();
    let mut packed = gzip(&images);
    packed.truncate(packed.len() - 9);
    let cases: Vec<(&str, Vec<u8>, Vec<u8>, &str)> = vec![
        ("cut", short, labels.clone(), "byte 16: the sizes [5, 2, 3] make 46 bytes, but the file holds 45: cut off"),
        ("packed", packed, labels.clone(), "when unpacked"),
        ("mixed", labels.clone(), images.clone(), "byte 0: a file of images begins with the bytes [0, 0, 8, 3]"),
        ("few", images.clone(), idx(&[4], &[0; 4]), "holds 5 images, but"),
        ("none", idx(&[0, 2, 3], &[]), idx(&[0], &[]), "byte 4: a size is 0"),
        ("huge", idx(&[1, u32::MAX, u32::MAX], &[]), labels.clone(), "beyond those of any images"),
        ("empty", Vec::new(), labels, "empty, cut off, or another format"),
    ];
    for (name, images, labels, wanted) in cases {
        write(&folder, &format!("{name}-labels-idx1-ubyte"), &labels);
        let path = write(&folder, &format!("{name}-images-idx3-ubyte"), &images);
        let message = open(&path).unwrap_err().to_string();
        assert!(message.contains(wanted) && message.contains(name), "{message:?} does not say {wanted:?}");
    }
    let alone = write(&folder, "alone-images-idx3-ubyte", &images);
    let message = open(alone).unwrap_err().to_string();
    assert!(message.contains("put `alone-labels-idx1-ubyte` or `alone-labels-idx1-ubyte.gz` beside it"), "{message}");
    let odd = write(&folder, "digits.idx", &images);
    assert!(open(odd).unwrap_err().to_string().contains("name the two as MNIST does"));

    let refused = |name: &str, bytes: &[u8]| open(write(&folder, name, bytes)).unwrap_err().to_string();
    let message = refused("cut/data_batch_1.bin", &record(&[1], [0; 3]).repeat(2)[..6000]);
    assert!(message.contains("byte 3073: the file has 6000 bytes, no whole number of records"), "{message}");
    assert!(refused("x/text.bin", b"hello").contains("no whole number of records"));
    assert!(refused("x/notes.txt", b"hello").contains("neither in IDX format nor one of CIFAR's"));
    let one = png(&folder, "x/one.png", RgbImage::new(1, 1));
    assert!(open(one).unwrap_err().to_string().contains("this is one image; give the folder"));
    let message = Dataset::open("nosie", &plain()).unwrap_err().to_string();
    assert!(message.contains("there is no data `nosie`: give `noise`"), "{message}");
    let message = open(folder.path().join("absent/train")).unwrap_err().to_string();
    assert!(message.contains("there is no data"), "{message}");
}

#[test]
fn folders_that_hold_no_classes_say_why() {
    let folder = TempDir::new().unwrap();
    let message = open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("this folder holds no data; give a folder with a folder of PNG or JPEG"), "{message}");
    png(&folder, "loose.png", RgbImage::new(2, 2));
    assert!(open(folder.path()).unwrap_err().to_string().contains("holds no data"));
    png(&folder, "train/cat/a.png", RgbImage::new(2, 2));
    let message = open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("holds no PNG or JPEG files; if its folders are the classes, give"), "{message}");
    fs::create_dir(folder.path().join("train/dog")).unwrap();
    let message = open(folder.path().join("train")).unwrap_err().to_string();
    assert!(message.contains("dog") && message.contains("take the folder away"), "{message}");
    write(&folder, "train/dog/a.png", b"no image at all");
    let data = open(folder.path().join("train")).unwrap();
    let message = data.batches(1, 2, Shape::map(3, 2), TEN, 1).unwrap_err().to_string();
    assert!(message.contains("a.png: this image cannot be decoded") && message.contains("mend it"), "{message}");
}

#[test]
fn labels_beyond_the_classes_name_their_place() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "data_batch_1.bin", &[record(&[1], [0; 3]), record(&[10], [9; 3])].concat());
    let message = open(path).unwrap().batches(1, 2, Shape::map(3, 32), TEN, 1).unwrap_err().to_string();
    assert!(message.contains("byte 3073: label 10 is beyond the 10 classes"), "{message}");
}

#[test]
fn networks_that_do_not_go_with_the_data_are_refused() {
    let folder = TempDir::new().unwrap();
    mnist(&folder, "train", false);
    let grey = open(folder.path()).unwrap();
    let colours = TempDir::new().unwrap();
    pictures(&colours);
    let colour = open(colours.path()).unwrap();
    let noise = Dataset::open("noise", &Normalisation::default()).unwrap();
    let (map, vector) = (Shape::map(3, 8), Shape::Vector { features: 8 });
    let four = Shape::Vector { features: 4 };
    let none = Shape::Vector { features: 0 };
    let endless = Shape::Vector { features: 1 << 40 };
    let cases: Vec<(&Dataset, usize, usize, Shape, Shape, &str)> = vec![
        (&grey, 2, 3, map, TEN, "has 5 images, but 2 batches of 3 take 6"),
        (&grey, 0, 3, map, TEN, "0 batches of 3 images are asked for"),
        (&noise, 1, 0, map, TEN, "take at least one batch of one"),
        (&grey, 1, 1, vector, TEN, "the network's input is 8; give a network whose input is a map"),
        (&grey, 1, 1, Shape::map(2, 8), TEN, "holds grey images, but the network's input is 2×8×8; give it 1 or 3"),
        (
            &colour,
            1,
            1,
            Shape::map(1, 8),
            TEN,
            "holds images of 3 channels, but the network's input is 1×8×8; give it 3",
        ),
        (&grey, 1, 1, map, four, "has labels up to 4, but the network's output is 4; give the network a channel for"),
        (&grey, 1, 1, map, Shape::map(10, 4), "has one label for an image, but the network's output is 10×4×4"),
        (&noise, 1, 1, map, none, "`noise` has labels that are classes, but the network's output is 0"),
        (&noise, 1, 1, map, endless, "give the network an output with a channel for each class"),
        (&noise, 4, 1 << 30, Shape::map(3, 1 << 12), TEN, "MiB, more than there are; take fewer or smaller batches"),
        (&noise, usize::MAX, usize::MAX, map, TEN, "more than there are"),
    ];
    for (data, count, size, input, output, wanted) in cases {
        let message = data.batches(count, size, input, output, 1).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message:?} does not say {wanted:?}");
    }
}

/// Cuts and flips every byte: an error or other pixels may come of it, never a panic. A gzip file has a checksum, so no
/// flip but those of its header, which says nothing of the content, goes unseen.
#[test]
fn broken_files_never_panic() {
    let folder = TempDir::new().unwrap();
    let try_all = |path: &Path, spec: &Path, step: usize| -> usize {
        let whole = fs::read(path).unwrap();
        let run = |bytes: &[u8]| {
            fs::write(path, bytes).unwrap();
            open(spec).and_then(|data| data.batches(1, 1, Shape::map(3, 4), TEN, 1)).is_ok()
        };
        assert!(run(&whole), "{}", path.display());
        let mut unseen = 0;
        for at in (0..whole.len()).step_by(step) {
            run(&whole[..at]);
            for mask in [1, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= mask;
                unseen += usize::from(run(&flipped));
            }
        }
        assert!(run(&whole));
        unseen
    };
    let root = folder.path();
    mnist(&folder, "plain/a", false);
    let images = root.join("plain/a-images-idx3-ubyte");
    try_all(&images, &root.join("plain"), 1);
    try_all(&root.join("plain/a-labels-idx1-ubyte"), &images, 1);
    let images = mnist(&folder, "packed/a", true);
    let unseen = try_all(&images, &images, 1) + try_all(&root.join("packed/a-labels-idx1-ubyte.gz"), &images, 1);
    // Time, flags that add nothing, level and system: bytes 3 to 9 of either header.
    assert!(unseen <= 2 * 7 * 3, "{unseen}");
    let cifar = write(&folder, "cifar/train.bin", &record(&[3], [1, 2, 3]));
    try_all(&cifar, &cifar, 61);
    let image = png(&folder, "pictures/cat/a.png", RgbImage::from_fn(5, 4, |x, y| Rgb([x as u8, 9, y as u8])));
    try_all(&image, &root.join("pictures"), 1);
    let mut jpeg = Vec::new();
    let colours = RgbImage::from_fn(9, 9, |x, y| Rgb([20 * x as u8, 99, 20 * y as u8]));
    image::DynamicImage::from(colours).write_to(&mut std::io::Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
    let image = write(&folder, "photos/cat/a.jpg", &jpeg);
    try_all(&image, &root.join("photos"), 1);
}

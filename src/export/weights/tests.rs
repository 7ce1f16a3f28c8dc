#![allow(clippy::unwrap_used)]
use super::*;
use crate::engine::{Init, initialise};
use crate::graph::{Builder, Conv2d, Shape};

/// A convolution with its norm, and random weights for them.
fn sample() -> (Network, Weights) {
    let mut builder = Builder::new();
    let x = builder.add("x", Op::Input { shape: Shape::map(3, 4) }, &[]).unwrap();
    let conv = builder.add("s1.0.conv", Op::Conv2d(Conv2d::square(4, 3, 1)), &[x]).unwrap();
    let norm = builder.add("s1.0.conv.norm", Op::BatchNorm, &[conv]).unwrap();
    builder.output(norm);
    let network = builder.finish().unwrap();
    let weights = initialise(&network, &Init::default(), 1);
    (network, weights)
}

/// A file of that header and so many bytes of zeros.
fn file(header: &Json, zeros: usize) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; zeros]].concat()
}

/// The header of a good file, to be spoilt.
fn header(bytes: &[u8]) -> (Json, usize) {
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).unwrap(), bytes.len() - 8 - length)
}

#[test]
fn weights_come_back_and_two_files_of_them_are_the_same() {
    let (network, weights) = sample();
    let bytes = encode(&network, &weights).unwrap();
    assert_eq!(bytes, encode(&network, &weights).unwrap());
    assert_eq!(decode("w", &bytes, &network).unwrap(), weights);
    let (header, _) = header(&bytes);
    assert_eq!(header["s1.0.conv.weight"]["shape"], json!([4, 3, 3, 3]));
    assert_eq!(header["__metadata__"]["canonical_hash"], network.canonical_hash().to_string());
    assert!(header["__metadata__"]["program"].as_str().unwrap().starts_with("pocketnas "));
}

#[test]
fn a_file_is_read_from_the_folder_and_only_as_it_was() {
    let (network, weights) = sample();
    let folder = tempfile::tempdir().unwrap();
    let bytes = encode(&network, &weights).unwrap();
    let stored = WeightsFile::new("a.safetensors".to_owned(), &bytes);
    let told = |stored: &WeightsFile| stored.read(folder.path(), &network).unwrap_err().to_string();
    assert!(told(&stored).contains("cannot be read"), "{}", told(&stored));
    let path = folder.path().join("a.safetensors");
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(stored.read(folder.path(), &network).unwrap(), weights);
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(told(&stored).contains("BLAKE3"), "{}", told(&stored));
    std::fs::write(&path, &bytes[..100]).unwrap();
    assert!(told(&stored).contains("has 100 bytes"), "{}", told(&stored));
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    std::os::unix::fs::symlink(&path, inside.join("a.safetensors")).unwrap();
    let linked = stored.read(&inside, &network).unwrap_err().to_string();
    assert!(linked.contains("is a link to another folder"), "{linked}");
    #[cfg(unix)]
    {
        // Nobody writes to it, so to open it would take for ever.
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let stored = WeightsFile { file: "pipe".to_owned(), ..stored.clone() };
        assert!(told(&stored).contains("is no file of bytes"), "{}", told(&stored));
    }
    for name in ["", ".", "..", "../a.safetensors", "/a", "b/a.safetensors", "b\\a", "c:a", "a\n"] {
        let stored = WeightsFile { file: name.to_owned(), ..stored.clone() };
        assert!(told(&stored).contains("without a path"), "`{name}`: {}", told(&stored));
    }
}

#[test]
fn what_pytorch_saves_besides_is_passed_over() {
    let (network, weights) = sample();
    let bytes = encode(&network, &weights).unwrap();
    let (mut header, held) = header(&bytes);
    let counted = json!({"dtype": "I64", "shape": [], "data_offsets": [held, held + 8]});
    header["s1.0.conv.norm.num_batches_tracked"] = counted.clone();
    let mut saved = file(&header, 0);
    saved.extend(&bytes[bytes.len() - held..]);
    saved.extend([7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(decode("w", &saved, &network).unwrap(), weights);
    // Only a batch norm has it.
    header.as_object_mut().unwrap().remove("s1.0.conv.norm.num_batches_tracked");
    header["s1.0.conv.num_batches_tracked"] = counted;
    let error = decode("w", &file(&header, held + 8), &network).unwrap_err().to_string();
    assert!(error.contains("`s1.0.conv.num_batches_tracked`"), "{error}");
}

/// No spoilt file panics, passes, or is told without its name.
#[test]
fn spoilt_files_are_refused() {
    let (network, weights) = sample();
    let bytes = encode(&network, &weights).unwrap();
    let refused = |bytes: &[u8]| {
        let error = decode("w.safetensors", bytes, &network).unwrap_err();
        assert!(error.to_string().starts_with("w.safetensors: "), "{error}");
        error.to_string()
    };
    (0..bytes.len()).for_each(|end| drop(refused(&bytes[..end])));
    refused(&[&bytes[..], &[0]].concat());
    let (good, held) = header(&bytes);
    let spoilt = |change: &dyn Fn(&mut Json)| {
        let mut header = good.clone();
        change(&mut header);
        refused(&file(&header, held))
    };
    let conv = "s1.0.conv.weight";
    for (told, change) in [
        ("s1.0.conv.weight", json!({"dtype": "F32", "shape": [4, 3, 9], "data_offsets": [0, 432]})),
        ("F16", json!({"dtype": "F16", "shape": [4, 3, 3, 6], "data_offsets": [0, 432]})),
        // More elements than any number holds, offsets within other tensors, backwards, and behind the end.
        ("safetensors", json!({"dtype": "F32", "shape": [1u64 << 62, 1u64 << 62, 3], "data_offsets": [0, 432]})),
        ("safetensors", json!({"dtype": "F32", "shape": [4, 3, 3, 3], "data_offsets": [8, 440]})),
        ("safetensors", json!({"dtype": "F32", "shape": [4, 3, 3, 3], "data_offsets": [432, 0]})),
        ("safetensors", json!({"dtype": "F32", "shape": [4, 3, 3, 3], "data_offsets": [0, u64::MAX]})),
        ("safetensors", json!({"dtype": "F33", "shape": [4, 3, 3, 3], "data_offsets": [0, 432]})),
        ("safetensors", json!([1])),
    ] {
        let error = spoilt(&|header| header[conv] = change.clone());
        assert!(error.contains(told), "{change}: {error}");
    }
    let error = spoilt(&|header| {
        let taken = header.as_object_mut().unwrap().remove(conv).unwrap();
        header["other"] = taken;
    });
    assert!(error.contains("holds no `s1.0.conv.weight`"), "{error}");
    let error = spoilt(&|header| header["__metadata__"]["canonical_hash"] = json!("feed"));
    assert!(error.contains("of the network feed"), "{error}");
    // A header that claims to be large, and one that is.
    refused(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat());
    let long = vec![b' '; 3 << 20];
    let error = refused(&[&(long.len() as u64).to_le_bytes()[..], &long].concat());
    assert!(error.contains("a header of 3145728 bytes"), "{error}");
    for value in [f32::NAN, f32::INFINITY] {
        let mut weights = weights.clone();
        weights.0.get_mut("s1.0.conv.norm.bias").unwrap().data[2] = value;
        let error = encode(&network, &weights).unwrap_err().to_string();
        assert!(error.contains("`s1.0.conv.norm.bias` holds the value"), "{error}");
        let mut bytes = bytes.clone();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&value.to_le_bytes());
        assert!(refused(&bytes).contains("running_var` holds the value"), "{}", refused(&bytes));
    }
}

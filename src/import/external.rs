//! Values that lie in a file beside the model: only in the model's own folder, and only as many as are there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use crate::export::weights::leads_out;
use crate::onnx::schema::TensorProto;

/// Reads `needed` bytes of a tensor's values from the file that it names.
///
/// # Errors
/// What is wrong, and a remedy: a path that leaves the folder, a file that is not there or shorter than it should be.
pub(super) fn read(tensor: &TensorProto, folder: &Path, needed: u64) -> Result<Vec<u8>, (String, String)> {
    let name = &tensor.name;
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let Some(location) = entry("location") else {
        let message = format!("the tensor `{name}` lies in another file, but no `location` says in which");
        return Err((message, "write the model again, with its weights inside".to_owned()));
    };
    let whole = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text.trim().parse::<u64>().map(Some).map_err(|_| {
            let message = format!("the tensor `{name}` has the {key} `{text}`, which is not a whole number of bytes");
            (message, "write the model again".to_owned())
        }),
    };
    let (offset, length) = (whole("offset")?.unwrap_or(0), whole("length")?);
    if let Some(length) = length.filter(|&length| length != needed) {
        let message = format!("the tensor `{name}` takes {needed} bytes, but {length} are said to be in `{location}`");
        return Err((message, "the file was damaged; write the model again".to_owned()));
    }
    let path = inside(folder, location).ok_or_else(|| {
        let message = format!("the values of `{name}` lie in `{location}`, outside the model's own folder");
        (message, "copy that file beside the model, and name it without a folder".to_owned())
    })?;
    let shown = path.display();
    let fail = |error: std::io::Error| {
        let message = format!("the values of `{name}` lie in `{shown}`, which cannot be read: {error}");
        (message, "keep the file of weights beside the model, under the name that it was written with".to_owned())
    };
    // Asked before it is opened: a pipe that nobody writes to opens only when someone does.
    let held = std::fs::metadata(&path).map_err(fail)?;
    if !held.is_file() {
        let message = format!("the values of `{name}` lie in `{shown}`, which is no file of bytes");
        return Err((message, "keep the file of weights beside the model, not a folder, pipe or device".to_owned()));
    }
    let mut file = File::open(&path).map_err(fail)?;
    let end = offset.checked_add(needed);
    if end.is_none_or(|end| end > held.len()) {
        let message = format!(
            "the values of `{name}` take {needed} bytes from byte {offset} of `{shown}`, which has {}",
            held.len()
        );
        return Err((message, "the file was cut off; copy it again".to_owned()));
    }
    file.seek(SeekFrom::Start(offset)).map_err(fail)?;
    // No more than the file was just seen to hold.
    let mut bytes = Vec::with_capacity(usize::try_from(needed).unwrap_or(0));
    file.take(needed).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 != needed {
        return Err((format!("`{shown}` became shorter while it was read"), "try again".to_owned()));
    }
    Ok(bytes)
}

/// The path of a file within a folder; nothing where the name, or a link on the way, leads out of it.
fn inside(folder: &Path, location: &str) -> Option<PathBuf> {
    let relative = Path::new(location);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || location.contains('\\') || !plain {
        return None;
    }
    let path = folder.join(relative);
    (!leads_out(folder, &path)).then_some(path)
}

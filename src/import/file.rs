//! The file itself: its bytes as the messages of ONNX.

use std::path::Path;

use prost::Message;

use super::ImportError;
use crate::onnx::schema::ModelProto;

/// The most bytes of a model: a message of Protocol Buffers is below 2 GiB.
const LIMIT: u64 = 1 << 31;

/// Reads the messages of a file.
///
/// # Errors
/// A file that cannot be read, is too large, or holds no model.
pub(super) fn read(path: &Path) -> Result<ModelProto, ImportError> {
    let fail = |source| ImportError::Read { path: path.to_owned(), source };
    let held = std::fs::metadata(path).map_err(fail)?;
    let refuse = |message: String, remedy: &str| {
        let file = path.display().to_string();
        Err(ImportError::File { file, message, remedy: remedy.to_owned() })
    };
    // Pipes and devices may have no end.
    if !held.is_file() {
        return refuse("is no file of bytes".to_owned(), "give the path of a model");
    }
    if held.len() >= LIMIT {
        let message = format!("{} MiB are more than a message of Protocol Buffers holds", held.len() >> 20);
        return refuse(message, "write the model with its weights in a file beside it (external data)");
    }
    decode(&path.display().to_string(), &std::fs::read(path).map_err(fail)?)
}

/// The messages of a file's bytes.
///
/// # Errors
/// Bytes that are no model.
pub(super) fn decode(file: &str, bytes: &[u8]) -> Result<ModelProto, ImportError> {
    let refuse =
        |message: String, remedy: &str| ImportError::File { file: file.to_owned(), message, remedy: remedy.to_owned() };
    // Protocol Buffers check every length against the bytes that are left, so a claim alone allocates nothing.
    let model = ModelProto::decode(bytes).map_err(|error| {
        let message = format!("not an ONNX model, or not all of it: {error}");
        refuse(message, "check that the file was copied whole, and that it ends in .onnx rightly")
    })?;
    if model.graph.is_none() || model.opset_import.is_empty() {
        return Err(refuse(
            format!("not an ONNX model: {} bytes that hold no graph", bytes.len()),
            "check that the file was copied whole, and that it ends in .onnx rightly",
        ));
    }
    Ok(model)
}

//! The file format that import and export share: the messages of ONNX, and how they stand in a file.

pub mod schema;

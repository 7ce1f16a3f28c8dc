//! Attributes of operators, by name and type. What a file leaves out has the default of the specification.

use super::model::Node;
use crate::onnx::schema::{AttributeProto, AttributeType, TensorProto};

impl Node {
    /// The attribute of that name.
    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// A whole number.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        // Some writers leave zeros out.
        let zero = |attribute: &AttributeProto| (attribute.r#type == AttributeType::Int as i32).then_some(0);
        self.attribute(name).and_then(|attribute| attribute.i.or_else(|| zero(attribute)))
    }

    /// A whole number, or the default where it is left out.
    pub(super) fn int_or(&self, name: &str, default: i64) -> i64 {
        self.int(name).unwrap_or(default)
    }

    /// A number, or the default where it is left out.
    pub(super) fn float_or(&self, name: &str, default: f32) -> f32 {
        let zero = |attribute: &AttributeProto| (attribute.r#type == AttributeType::Float as i32).then_some(0.0);
        self.attribute(name).and_then(|attribute| attribute.f.or_else(|| zero(attribute))).unwrap_or(default)
    }

    /// A list of whole numbers; nothing where it is left out.
    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A list of numbers; nothing where it is left out.
    pub(super) fn floats(&self, name: &str) -> Option<&[f32]> {
        self.attribute(name).map(|attribute| attribute.floats.as_slice())
    }

    /// A word, or the default where it is left out or is no text.
    pub(super) fn text_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        let bytes = self.attribute(name).and_then(|attribute| attribute.s.as_deref());
        bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or(default)
    }

    /// A tensor.
    pub(super) fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute(name).and_then(|attribute| attribute.t.as_ref())
    }
}

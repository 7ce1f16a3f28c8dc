//! What goes into a model, with its sizes. The first size is the batch, and taken as 1: a network here is what happens to
//! one sample.

use super::Options;
use crate::onnx::schema::{DataType, ValueInfoProto, tensor_shape_proto, type_proto};

/// An input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    /// Its name.
    pub(super) name: String,
    /// Its sizes after the batch.
    pub(super) sizes: Vec<usize>,
    /// The size of the batch, where it is fixed and not 1.
    pub(super) batch: Option<i64>,
    /// The type of its elements.
    pub(super) kind: DataType,
}

impl Input {
    /// Whether its elements are whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.kind, DataType::Int32 | DataType::Int64)
    }
}

/// The inputs with their sizes, as the file has them or as `options` say.
///
/// # Errors
/// What is wrong, and what can be done: sizes that are left open, types that are no tensors.
pub(super) fn check(inputs: Vec<ValueInfoProto>, options: &Options) -> Result<Vec<Input>, (String, String)> {
    if inputs.is_empty() {
        let remedy = "a model without inputs computes nothing; write it again with its input open";
        return Err(("names no input".to_owned(), remedy.to_owned()));
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    for (name, _) in &options.inputs {
        match name {
            Some(name) if !names.contains(&name.as_str()) => {
                return Err((format!("has no input `{name}`"), format!("its inputs are `{}`", names.join("`, `"))));
            }
            None if inputs.len() > 1 => {
                let message = format!("has {} inputs: `{}`", inputs.len(), names.join("`, `"));
                return Err((message, format!("say which one is meant: --input {}=3x224x224", names[0])));
            }
            _ => {}
        }
    }
    inputs.iter().map(|input| one(input, options)).collect()
}

fn one(input: &ValueInfoProto, options: &Options) -> Result<Input, (String, String)> {
    let name = &input.name;
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        let message = format!("the input `{name}` is no tensor");
        return Err((message, "only networks on tensors are imported".to_owned()));
    };
    let kind = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
    if matches!(kind, DataType::Undefined | DataType::Bool | DataType::Int8 | DataType::Uint8) {
        let message = format!("the input `{name}` has elements of type {kind:?}");
        return Err((message, "write the model for inputs of 32-bit floats, or of 64-bit ids".to_owned()));
    }
    let dims = tensor.shape.as_ref().map(|shape| shape.dim.as_slice());
    let mut given = options.inputs.iter().filter(|(wanted, _)| wanted.as_ref().is_none_or(|wanted| wanted == name));
    let batch = dims.and_then(|dims| dims.first()).and_then(known).filter(|&batch| batch != 1);
    let said = |dims: &[tensor_shape_proto::Dimension]| {
        let text = |dim: &tensor_shape_proto::Dimension| match &dim.value {
            Some(tensor_shape_proto::Value::DimValue(size)) => size.to_string(),
            Some(tensor_shape_proto::Value::DimParam(name)) if !name.is_empty() => name.clone(),
            _ => "?".to_owned(),
        };
        dims.iter().map(text).collect::<Vec<_>>().join("×")
    };
    if let Some((_, sizes)) = given.next() {
        if given.next().is_some() {
            return Err((format!("the sizes of the input `{name}` are given twice"), "keep one --input".to_owned()));
        }
        let open = |(dim, &size): (&tensor_shape_proto::Dimension, &usize)| {
            known(dim).is_none_or(|fixed| usize::try_from(fixed) == Ok(size))
        };
        let fits = |dims: &[tensor_shape_proto::Dimension]| {
            dims.len() == sizes.len() + 1 && dims[1..].iter().zip(sizes).all(open)
        };
        if let Some(dims) = dims.filter(|dims| !fits(dims)) {
            let given = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
            let message = format!("the input `{name}` is {} with its batch, so it cannot be {given}", said(dims));
            let remedy = "give sizes for what the file leaves open, and the others as they are, with --input";
            return Err((message, remedy.to_owned()));
        }
        return Ok(Input { name: name.clone(), sizes: sizes.clone(), batch, kind });
    }
    let example = |sizes: &str| format!("say its sizes without the batch: --input {sizes}");
    match dims {
        Some(dims) if dims.len() > 1 => {
            let sizes: Option<Vec<i64>> = dims[1..].iter().map(known).collect();
            let Some(sizes) = sizes else {
                let guess = |(at, dim)| known(dim).unwrap_or(if at == 0 { 3 } else { 224 }).to_string();
                let guess: Vec<String> = dims[1..].iter().enumerate().map(guess).collect();
                let message = format!("the input `{name}` is {}, and sizes after the first are open", said(dims));
                return Err((message, example(&guess.join("x"))));
            };
            let positive = sizes.iter().map(|&size| usize::try_from(size).ok().filter(|&size| size > 0));
            let Some(sizes) = positive.collect::<Option<Vec<usize>>>() else {
                let message = format!("the input `{name}` is {}, but sizes are at least 1", said(dims));
                return Err((message, example("3x224x224")));
            };
            Ok(Input { name: name.clone(), sizes, batch, kind })
        }
        Some(dims) => {
            let message = format!("the input `{name}` is {}, and nothing is left of that without a batch", said(dims));
            Err((message, "write the model with a batch as the first size of its input".to_owned()))
        }
        None => Err((format!("the input `{name}` has no sizes"), example("3x224x224"))),
    }
}

fn known(dim: &tensor_shape_proto::Dimension) -> Option<i64> {
    match dim.value {
        Some(tensor_shape_proto::Value::DimValue(size)) => Some(size),
        _ => None,
    }
}

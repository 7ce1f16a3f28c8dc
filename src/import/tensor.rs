//! Tensors of a file as values. What a tensor claims about its size is held against the bytes that are there before
//! anything is allocated for it.

use std::path::Path;

use super::constant::{Constant, elements};
use super::external;
use crate::onnx::schema::{DataLocation, DataType, TensorProto};

/// What is wrong with a tensor, and what can be done.
type Fault = (String, String);

/// The values of a tensor. `folder` is where the model lies.
///
/// # Errors
/// Types that are not numbers, sizes that do not agree with the values, external data that cannot be had.
pub(super) fn read(tensor: &TensorProto, folder: Option<&Path>) -> Result<Constant, Fault> {
    let name = &tensor.name;
    let damaged = |message: String| (message, "the file was damaged; write the model again".to_owned());
    let dims = tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<usize>>>();
    let Some((dims, count)) = dims.and_then(|dims| elements(&dims).map(|count| (dims, count))) else {
        return Err(damaged(format!("the tensor `{name}` has the sizes {:?}", tensor.dims)));
    };
    let kind = DataType::try_from(tensor.data_type).ok().filter(|&kind| kind != DataType::Undefined);
    let Some(kind) = kind else {
        let message = format!("the tensor `{name}` has elements of type {}, which are not read", tensor.data_type);
        let remedy = "write the model with 32-bit floats; quantized models are not imported".to_owned();
        return Err((message, remedy));
    };
    let listed = match kind {
        DataType::Float => tensor.float_data.len(),
        DataType::Double => tensor.double_data.len(),
        DataType::Int64 => tensor.int64_data.len(),
        _ => tensor.int32_data.len(),
    };
    let outside = DataLocation::try_from(tensor.data_location) == Ok(DataLocation::External);
    if !outside && tensor.raw_data.is_empty() && (listed > 0 || count == 0) {
        if listed != count {
            let sizes = &dims;
            return Err(damaged(format!("the tensor `{name}` of {sizes:?} has {listed} values in place of {count}")));
        }
        return Ok(listed_values(tensor, kind, dims));
    }
    let needed = (count as u64).checked_mul(width(kind) as u64);
    let Some(needed) = needed else { return Err(damaged(format!("the tensor `{name}` has the sizes {dims:?}"))) };
    let read;
    let bytes: &[u8] = if outside {
        let Some(folder) = folder else {
            let message = format!("the values of `{name}` lie in another file, and the model came without a folder");
            return Err((message, "give the path of the model".to_owned()));
        };
        read = external::read(tensor, folder, needed)?;
        &read
    } else {
        &tensor.raw_data
    };
    if bytes.len() as u64 != needed {
        let held = bytes.len();
        return Err(damaged(format!("the tensor `{name}` of {dims:?} takes {needed} bytes, but {held} are there")));
    }
    Ok(raw_values(bytes, kind, dims))
}

/// Bytes of an element.
fn width(kind: DataType) -> usize {
    match kind {
        DataType::Uint8 | DataType::Int8 | DataType::Bool | DataType::Undefined => 1,
        DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 => 4,
        DataType::Int64 | DataType::Double => 8,
    }
}

/// Values that are listed one by one. Halves are listed as the whole numbers that have their bits.
fn listed_values(tensor: &TensorProto, kind: DataType, dims: Vec<usize>) -> Constant {
    let bits = |convert: fn(u16) -> f32| tensor.int32_data.iter().map(|&bits| convert(bits as u16)).collect();
    match kind {
        DataType::Float => Constant::floats(dims, tensor.float_data.clone()),
        DataType::Double => Constant::floats(dims, tensor.double_data.iter().map(|&x| x as f32).collect()),
        DataType::Float16 => Constant::floats(dims, bits(half)),
        DataType::Bfloat16 => Constant::floats(dims, bits(brain)),
        DataType::Int64 => Constant::ints(dims, tensor.int64_data.clone()),
        _ => Constant::ints(dims, tensor.int32_data.iter().map(|&x| i64::from(x)).collect()),
    }
}

fn raw_values(bytes: &[u8], kind: DataType, dims: Vec<usize>) -> Constant {
    fn each<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|&chunk| convert(chunk)).collect()
    }
    match kind {
        DataType::Float => Constant::floats(dims, each(bytes, f32::from_le_bytes)),
        DataType::Double => Constant::floats(dims, each(bytes, |b| f64::from_le_bytes(b) as f32)),
        DataType::Float16 => Constant::floats(dims, each(bytes, |b| half(u16::from_le_bytes(b)))),
        DataType::Bfloat16 => Constant::floats(dims, each(bytes, |b| brain(u16::from_le_bytes(b)))),
        DataType::Int64 => Constant::ints(dims, each(bytes, i64::from_le_bytes)),
        DataType::Int32 => Constant::ints(dims, each(bytes, |b| i32::from_le_bytes(b).into())),
        DataType::Int8 => Constant::ints(dims, each(bytes, |[b]: [u8; 1]| (b as i8).into())),
        DataType::Uint8 | DataType::Bool | DataType::Undefined => {
            Constant::ints(dims, each(bytes, |[b]: [u8; 1]| b.into()))
        }
    }
}

/// The upper half of a 32-bit float.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f32::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2.0f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2.0f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_ieee_754_says() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x0000, 0.0),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan() && half(0xfc00) == f32::NEG_INFINITY);
        assert_eq!(brain(0x3f80), 1.0);
    }
}

//! Tensors whose values are known before the network runs: weights, and what exporters compute shapes with.

use std::sync::Arc;

/// A tensor with its values. Truth values are whole numbers, 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    /// Sizes, outermost first; none for a single number.
    pub(super) dims: Vec<usize>,
    /// The values, as many as the sizes say.
    pub(super) data: Data,
}

/// The values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// Floating point, whatever its width in the file.
    Floats(Arc<Vec<f32>>),
    /// Whole numbers and truth values.
    Ints(Arc<Vec<i64>>),
}

impl Constant {
    pub(super) fn floats(dims: Vec<usize>, values: Vec<f32>) -> Self {
        Self { dims, data: Data::Floats(Arc::new(values)) }
    }

    pub(super) fn ints(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Self { dims, data: Data::Ints(Arc::new(values)) }
    }

    /// A list of sizes or axes.
    pub(super) fn list(values: Vec<i64>) -> Self {
        Self::ints(vec![values.len()], values)
    }

    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Floats(values) => values.len(),
            Data::Ints(values) => values.len(),
        }
    }

    pub(super) fn is_float(&self) -> bool {
        matches!(self.data, Data::Floats(_))
    }

    /// Whole numbers; nothing where they are floating point.
    pub(super) fn as_ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Ints(values) => Some(values),
            Data::Floats(_) => None,
        }
    }

    /// Floating point; nothing where they are whole numbers.
    pub(super) fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Floats(values) => Some(values),
            Data::Ints(_) => None,
        }
    }

    /// The values as numbers of one kind.
    pub(super) fn numbers(&self) -> Vec<f64> {
        match &self.data {
            Data::Floats(values) => values.iter().map(|&x| f64::from(x)).collect(),
            Data::Ints(values) => values.iter().map(|&x| x as f64).collect(),
        }
    }

    /// The only value, where there is one.
    pub(super) fn scalar(&self) -> Option<f64> {
        match (&self.data, self.len()) {
            (Data::Floats(values), 1) => Some(f64::from(values[0])),
            (Data::Ints(values), 1) => Some(values[0] as f64),
            _ => None,
        }
    }

    /// The only value, or the value that all have.
    pub(super) fn uniform(&self) -> Option<f64> {
        match &self.data {
            Data::Floats(values) => {
                let first = *values.first()?;
                values.iter().all(|&x| x == first).then_some(f64::from(first))
            }
            Data::Ints(values) => {
                let first = *values.first()?;
                values.iter().all(|&x| x == first).then_some(first as f64)
            }
        }
    }
}

/// The number of elements; nothing where that overflows, or would but for a size of zero: strides are products too.
pub(super) fn elements(dims: &[usize]) -> Option<usize> {
    let product = dims.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)))?;
    Some(if dims.contains(&0) { 0 } else { product })
}

/// An axis as files write it, from the end where it is negative.
pub(super) fn axis(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let at = if axis < 0 { axis.checked_add(rank)? } else { axis };
    if (0..rank).contains(&at) { usize::try_from(at).ok() } else { None }
}

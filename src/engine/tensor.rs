//! Plain tensors: what crosses the border of an engine.

use super::Element;

/// Numbers with a shape, the last size running fastest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor<T = f32> {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Vec<T>,
}

impl<T: Element> Tensor<T> {
    /// A tensor of that shape.
    ///
    /// # Panics
    /// When the data does not fill the shape; that is a mistake in this program, never one in its input.
    pub fn new(shape: Vec<usize>, data: Vec<T>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "a tensor holds as many elements as its shape says");
        Self { shape, data }
    }

    /// The same value everywhere.
    pub fn filled(shape: Vec<usize>, value: T) -> Self {
        let data = vec![value; shape.iter().product()];
        Self { shape, data }
    }

    /// Zeros.
    pub fn zeros(shape: Vec<usize>) -> Self {
        Self::filled(shape, T::ZERO)
    }

    /// The same numbers in another kind of element.
    pub fn cast<U: Element>(&self) -> Tensor<U> {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(|x| U::of(x.to_f64())).collect() }
    }
}

//! How kernels see maps: their layout, a stored map read through a norm and an activation, and the gradient that
//! flows back through them. Norms and activations are never passes of their own: they are applied where their
//! result is read.

use crate::engine::Element;
use crate::graph::{Activation, Shape};

/// Channels are padded to a multiple of this many elements.
pub const BLOCK: usize = 16;

/// How one sample of a map lies in memory: rows, then columns, then channels. Tokens are rows of one column, a vector is
/// one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Channels that count.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Layout {
    /// The layout of a shape.
    pub fn new(shape: Shape) -> Self {
        let (height, width) = shape.size();
        Self { channels: shape.channels(), height, width }
    }

    /// Elements from one position to the next: the channels, padded.
    pub fn stride(&self) -> usize {
        self.channels.next_multiple_of(BLOCK)
    }

    /// Positions of a sample.
    pub fn positions(&self) -> usize {
        self.height * self.width
    }

    /// Elements of a sample, padding included.
    pub fn sample(&self) -> usize {
        self.positions() * self.stride()
    }
}

/// Per-channel factors `scale` and offsets `shift`, each [`Layout::stride`] long, 0 in the padding.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a, T> {
    /// Factor.
    pub scale: &'a [T],
    /// Offset.
    pub shift: &'a [T],
}

/// A map as a consumer reads it: `act(scale · x + shift)` of the stored `x`.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, T> {
    /// The stored map, one sample after the other.
    pub data: &'a [T],
    /// Its layout.
    pub layout: Layout,
    /// The norm it is read through.
    pub affine: Option<Affine<'a, T>>,
    /// The activation it is read through, after the norm.
    pub activation: Option<Activation>,
}

impl<T: Element> Source<'_, T> {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.data.len() / self.layout.sample()
    }

    /// Checks what kernels rely on: whole samples, and a norm as long as the stride.
    ///
    /// # Panics
    /// Where that does not hold; that is a mistake in this program.
    pub(super) fn check(&self) {
        let stride = self.layout.stride();
        assert!(self.data.len().is_multiple_of(self.layout.sample()), "a map holds whole samples");
        let whole = |affine: &Affine<'_, T>| affine.scale.len() >= stride && affine.shift.len() >= stride;
        assert!(self.affine.as_ref().is_none_or(whole), "a norm is as long as the stride");
    }
}

/// The gradient that arrives at a stored map `y`: `d`, or, where `y` is read through a batch norm whose output has the
/// gradient `d`, `a · d + b · y + c` per channel.
#[derive(Clone, Copy, Debug)]
pub struct Slope<'a, T> {
    /// The stored gradient, one sample after the other, in the layout of `y`.
    pub data: &'a [T],
    /// The norm between.
    pub through: Option<Through<'a, T>>,
}

impl<T: Element> Slope<'_, T> {
    /// Checks what kernels rely on: a norm as long as the stride, and a map as large as its gradient.
    ///
    /// # Panics
    /// Where that does not hold; that is a mistake in this program.
    pub(super) fn check(&self, layout: Layout) {
        let stride = layout.stride();
        let whole = |through: &Through<'_, T>| {
            through.y.len() == self.data.len() && [through.a, through.b, through.c].iter().all(|v| v.len() >= stride)
        };
        assert!(self.through.as_ref().is_none_or(whole), "a normalised map has its gradient's layout");
    }
}

/// The way back through a batch norm.
#[derive(Clone, Copy, Debug)]
pub struct Through<'a, T> {
    /// The stored map that is normalised.
    pub y: &'a [T],
    /// Per-channel factors of the gradient.
    pub a: &'a [T],
    /// Per-channel factors of the map.
    pub b: &'a [T],
    /// Per-channel offsets.
    pub c: &'a [T],
}

/// Where the gradient with respect to what a [`Source`] reads goes. With `u = scale · x + shift` and the gradient `g` of
/// `act(u)`, `act'(u) · g` is written, or added, to `data`, which holds the gradient of `u`.
#[derive(Debug)]
pub struct Sink<'a, T> {
    /// The gradient of `u`, one sample after the other.
    pub data: &'a mut [T],
    /// Whether it is added to what is there.
    pub accumulate: bool,
    /// Where Σ of the gradient as it stands after this write, and Σ of its product with the stored `x` of the source, are
    /// added per channel.
    pub sums: Option<&'a mut Sums>,
}

impl<T: Element> Sink<'_, T> {
    /// Checks what kernels rely on: a sink as large as its source, and sums as long as the stride.
    ///
    /// # Panics
    /// Where that does not hold; that is a mistake in this program.
    pub(super) fn check(&self, source: &Source<'_, T>) {
        assert_eq!(self.data.len(), source.data.len(), "a gradient has the layout of its map");
        let stride = source.layout.stride();
        let whole = |sums: &&mut Sums| sums.first.len() >= stride && sums.second.len() >= stride;
        assert!(self.sums.as_ref().is_none_or(whole), "sums are as long as the stride");
    }
}

/// Per-channel sums in double precision: `first` over one map, `second` over its product with another.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Σ of the first map.
    pub first: Vec<f64>,
    /// Σ of the product.
    pub second: Vec<f64>,
}

impl Sums {
    /// Zeros for so many channels, padding included.
    pub fn new(stride: usize) -> Self {
        Self { first: vec![0.0; stride], second: vec![0.0; stride] }
    }

    /// Zeros again, for so many channels, padding included.
    pub fn reset(&mut self, stride: usize) {
        for sums in [&mut self.first, &mut self.second] {
            sums.clear();
            sums.resize(stride, 0.0);
        }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.first.iter_mut().zip(&other.first).for_each(|(sum, x)| *sum += x);
        self.second.iter_mut().zip(&other.second).for_each(|(sum, x)| *sum += x);
    }
}

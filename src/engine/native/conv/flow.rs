//! What happens to results while they are still in the cache: gradients flow on through the activation behind them, and
//! sums over positions are taken for the norms.

use super::gather::View;
use crate::engine::Element;
use crate::engine::native::activation;
use crate::engine::native::isa::{Kernel, Numeric};
use crate::engine::native::vector::Vector;
use crate::engine::native::view::{Affine, Sums};
use crate::graph::Activation;

/// Elements that are gone through before the next channels are.
const NEAR: usize = 4096;

/// Adds the lanes to sums in double precision.
#[inline(always)]
unsafe fn flush<V: Vector>(lanes: V, sums: &mut [f64]) {
    // Sixteen lanes at most, see `BLOCK`.
    let mut values = [V::Element::ZERO; 16];
    unsafe { lanes.store(values.as_mut_ptr()) };
    for (sum, value) in sums[..V::LANES].iter_mut().zip(values) {
        *sum += value.to_f64();
    }
}

/// Σ and Σ of squares of neighbouring positions, per channel.
pub(super) struct Moments<'a, T> {
    pub y: &'a [T],
    /// Channels, padded.
    pub stride: usize,
    pub sums: &'a mut Sums,
}

impl<T: Numeric> Kernel<T> for Moments<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        // Single precision is enough for the few positions of a part.
        for part in self.y.chunks(self.stride * (NEAR / self.stride).max(16)) {
            for c in (0..self.stride).step_by(V::LANES) {
                // A part is made of whole positions.
                unsafe {
                    let (mut first, mut second) = (V::splat(T::ZERO), V::splat(T::ZERO));
                    for p in (0..part.len()).step_by(self.stride) {
                        let y = V::load(part.as_ptr().add(p + c));
                        first = first.add(y);
                        second = y.mul_add(y, second);
                    }
                    flush(first, &mut self.sums.first[c..]);
                    flush(second, &mut self.sums.second[c..]);
                }
            }
        }
    }
}

/// Σ of a window per channel, added to what is there: the gradient of a bias.
pub(super) struct Totals<T> {
    pub slope: View<T>,
    /// Samples, rows and columns.
    pub size: [usize; 3],
    /// Channels, padded.
    pub stride: usize,
    pub to: *mut T,
}

impl<T: Numeric> Kernel<T> for Totals<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let [images, rows, columns] = self.size;
        for c in (0..self.stride).step_by(V::LANES) {
            // The view has these rows and a block to spare.
            unsafe {
                let mut sum = V::splat(T::ZERO);
                for image in 0..images {
                    for row in 0..rows {
                        let at = self.slope.at.add(image * self.slope.image + row * self.slope.row + c);
                        for column in 0..columns {
                            sum = sum.add(V::load(at.add(column * self.slope.pixel)));
                        }
                    }
                }
                let to = self.to.add(c);
                V::load(to).add(sum).store(to);
            }
        }
    }
}

/// The gradient of what a source reads becomes the gradient of what goes into its activation.
pub(super) struct Flow<'a, T> {
    /// The gradient of what is read; may be `to`.
    pub raw: *const T,
    pub to: *mut T,
    /// The stored map.
    pub x: &'a [T],
    /// Channels, padded.
    pub stride: usize,
    pub affine: Option<Affine<'a, T>>,
    pub activation: Option<Activation>,
    pub accumulate: bool,
    pub sums: Option<&'a mut Sums>,
}

impl<T: Numeric> Kernel<T> for Flow<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(mut self) {
        let part = self.stride * (NEAR / self.stride).max(16);
        for first in (0..self.x.len()).step_by(part) {
            let last = (first + part).min(self.x.len());
            for c in (0..self.stride).step_by(V::LANES) {
                // Gradients have as many elements as the map.
                unsafe {
                    match self.activation {
                        Some(Activation::Relu) => self.column::<V>(first..last, c, Some(Activation::Relu)),
                        activation => self.column::<V>(first..last, c, activation),
                    }
                }
            }
        }
    }
}

impl<T: Element> Flow<'_, T> {
    /// One vector of channels over some positions.
    #[inline(always)]
    unsafe fn column<V: Vector<Element = T>>(
        &mut self,
        range: std::ops::Range<usize>,
        c: usize,
        activation: Option<Activation>,
    ) {
        unsafe {
            let (mut first, mut second) = (V::splat(T::ZERO), V::splat(T::ZERO));
            let (scale, shift) = match self.affine {
                Some(affine) => (V::load(affine.scale.as_ptr().add(c)), V::load(affine.shift.as_ptr().add(c))),
                None => (V::splat(T::ONE), V::splat(T::ZERO)),
            };
            for p in range.step_by(self.stride) {
                let mut g = V::load(self.raw.add(p + c));
                let x = V::load(self.x.as_ptr().add(p + c));
                if let Some(activation) = activation {
                    g = g.mul(activation::slope(activation, x.mul_add(scale, shift)));
                }
                if self.accumulate {
                    g = g.add(V::load(self.to.add(p + c)));
                }
                g.store(self.to.add(p + c));
                first = first.add(g);
                second = g.mul_add(x, second);
            }
            if let Some(sums) = &mut self.sums {
                flush(first, &mut sums.first[c..]);
                flush(second, &mut sums.second[c..]);
            }
        }
    }
}

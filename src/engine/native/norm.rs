//! Batch normalisation (Ioffe and Szegedy, 2015): the sums over a batch that it needs, and the vectors through which
//! the map is then read, forward ([`Affine`]) and backward ([`Through`]).
//!
//! With the mean m, the reciprocal deviation r and x̂ = (y - m) · r, a norm gives w · x̂ + bias.

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{RUN, Tally};
use super::vector::Vector;
use super::view::{Affine, Layout, Sums, Through};
use crate::engine::{EPSILON, Element, Mode};

/// Adds Σx and Σx² of a map to the sums.
pub fn statistics<T: Numeric>(isa: Isa, x: &[T], layout: Layout, sums: &mut Sums) {
    assert!(sums.first.len() >= layout.stride() && sums.second.len() >= layout.stride(), "sums cover the stride");
    isa.run(Statistics { x, stride: layout.stride(), sums });
}

struct Statistics<'a, T> {
    x: &'a [T],
    stride: usize,
    sums: &'a mut Sums,
}

impl<T: Numeric> Kernel<T> for Statistics<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { x, stride, sums } = self;
        let rows = x.len() / stride;
        for start in (0..rows).step_by(RUN) {
            for channel in (0..stride).step_by(V::LANES) {
                // Every row is within the map.
                unsafe {
                    let mut tally = Tally::<V>::new();
                    for row in start..rows.min(start + RUN) {
                        let x = V::load(x.as_ptr().add(row * stride + channel));
                        tally.count(x, x);
                    }
                    tally.flush(sums, channel);
                }
            }
        }
    }
}

/// Adds, for every stored map `y`, Σd and Σd·y to its sums.
pub fn reduce<T: Numeric>(isa: Isa, d: &[T], layout: Layout, maps: &[&[T]], sums: &mut [Sums]) {
    assert_eq!(maps.len(), sums.len(), "every map has its sums");
    assert!(maps.iter().all(|y| y.len() == d.len()), "a gradient has the layout of its map");
    let whole = |sums: &Sums| sums.first.len() >= layout.stride() && sums.second.len() >= layout.stride();
    assert!(sums.iter().all(whole), "sums cover the stride");
    isa.run(Reduce { d, stride: layout.stride(), maps, sums });
}

struct Reduce<'a, T> {
    d: &'a [T],
    stride: usize,
    maps: &'a [&'a [T]],
    sums: &'a mut [Sums],
}

impl<T: Numeric> Kernel<T> for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { d, stride, maps, sums } = self;
        let rows = d.len() / stride;
        for start in (0..rows).step_by(RUN) {
            for channel in (0..stride).step_by(V::LANES) {
                // The run of d stays in the cache from one map to the next.
                for (y, sums) in maps.iter().zip(sums.iter_mut()) {
                    // Every row is within the maps.
                    unsafe {
                        let mut tally = Tally::<V>::new();
                        for row in start..rows.min(start + RUN) {
                            let at = row * stride + channel;
                            tally.count(V::load(d.as_ptr().add(at)), V::load(y.as_ptr().add(at)));
                        }
                        tally.flush(sums, channel);
                    }
                }
            }
        }
    }
}

/// The state of a batch norm between passes. Vectors are as long as the stride and 0 in the padding, unless their
/// documentation says otherwise.
#[derive(Clone, Debug)]
pub struct BatchNorm<T> {
    /// What the map is multiplied by when it is read: w · r.
    pub scale: Vec<T>,
    /// What is added then: bias - w · r · m.
    pub shift: Vec<T>,
    /// m.
    pub mean: Vec<f64>,
    /// r = 1 / √(variance + ε).
    pub inverse_deviation: Vec<f64>,
    /// Factor of the gradient on its way back.
    pub a: Vec<T>,
    /// Factor of the map then.
    pub b: Vec<T>,
    /// Offset then.
    pub c: Vec<T>,
    /// The gradient of the weight, one element per channel.
    pub d_scale: Vec<T>,
    /// The gradient of the bias, one element per channel.
    pub d_shift: Vec<T>,
}

impl<T: Element> BatchNorm<T> {
    /// A norm of maps of that layout, still without meaning.
    pub fn new(layout: Layout) -> Self {
        let padded = || vec![T::ZERO; layout.stride()];
        let channels = || vec![T::ZERO; layout.channels];
        Self {
            scale: padded(),
            shift: padded(),
            mean: vec![0.0; layout.stride()],
            inverse_deviation: vec![0.0; layout.stride()],
            a: padded(),
            b: padded(),
            c: padded(),
            d_scale: channels(),
            d_shift: channels(),
        }
    }

    /// How the map is read.
    pub fn affine(&self) -> Affine<'_, T> {
        Affine { scale: &self.scale, shift: &self.shift }
    }

    /// How the gradient goes back to the map `y`.
    pub fn through<'a>(&'a self, y: &'a [T]) -> Through<'a, T> {
        Through { y, a: &self.a, b: &self.b, c: &self.c }
    }

    /// Normalises by the statistics of a batch: Σy and Σy² over `count` positions of all samples.
    pub fn train(&mut self, sums: &Sums, count: usize, weight: &[T], bias: &[T]) {
        let n = count as f64;
        for channel in 0..self.d_scale.len() {
            let mean = sums.first[channel] / n;
            let variance = (sums.second[channel] / n - mean * mean).max(0.0);
            self.set(channel, mean, variance, weight, bias);
        }
    }

    /// Normalises by running statistics.
    pub fn eval(&mut self, weight: &[T], bias: &[T], running_mean: &[T], running_var: &[T]) {
        for channel in 0..self.d_scale.len() {
            self.set(channel, running_mean[channel].to_f64(), running_var[channel].to_f64(), weight, bias);
        }
    }

    fn set(&mut self, channel: usize, mean: f64, variance: f64, weight: &[T], bias: &[T]) {
        let inverse = 1.0 / (variance + EPSILON).sqrt();
        let scale = weight[channel].to_f64() * inverse;
        self.mean[channel] = mean;
        self.inverse_deviation[channel] = inverse;
        self.scale[channel] = T::of(scale);
        // Made for the factor as it was rounded: where the mean is far from zero the two nearly cancel.
        self.shift[channel] = T::of(bias[channel].to_f64() - self.scale[channel].to_f64() * mean);
    }

    /// Turns round: from Σd and Σd·y over `count` positions of all samples come the gradients of weight and bias, and
    /// the way back to `y` (Ioffe and Szegedy, section 3).
    pub fn turn(&mut self, sums: &Sums, count: usize, weight: &[T], mode: Mode) {
        let n = count as f64;
        for (channel, &weight) in weight.iter().enumerate().take(self.d_scale.len()) {
            let (m, r) = (self.mean[channel], self.inverse_deviation[channel]);
            let d_shift = sums.first[channel];
            let d_scale = r * (sums.second[channel] - m * d_shift);
            self.d_shift[channel] = T::of(d_shift);
            self.d_scale[channel] = T::of(d_scale);
            let a = weight.to_f64() * r;
            let (b, c) = match mode {
                Mode::Train => (T::of(-a * r * d_scale / n), -a * d_shift / n),
                Mode::Eval => (T::ZERO, 0.0),
            };
            self.a[channel] = T::of(a);
            self.b[channel] = b;
            // -b · m, for the factor as it was rounded, as in `set`.
            self.c[channel] = T::of(c - b.to_f64() * m);
        }
    }
}

#[cfg(test)]
mod tests;

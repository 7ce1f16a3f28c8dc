//! Enlarged maps: nearest and bilinear upsampling, and pixel shuffle (Shi et al., CVPR 2016, eq. 4).
//!
//! Centres of pixels are aligned, as with `align_corners=False` of PyTorch and `half_pixel` of ONNX.

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::vector::Vector;
use super::view::Layout;
use crate::engine::Element;
use crate::graph::Resample;

/// The two elements of an axis that a new one lies between, and the weight of the second.
#[derive(Clone, Copy, Debug)]
struct Tap<T> {
    first: usize,
    second: usize,
    weight: T,
}

fn taps<T: Element>(mode: Resample, size: usize, scale: usize) -> Vec<Tap<T>> {
    let tap = |output: usize| match mode {
        Resample::Nearest => Tap { first: output / scale, second: output / scale, weight: T::ZERO },
        Resample::Bilinear => {
            // Beyond the first and the last centre the nearest element counts alone.
            let at = ((output as f64 + 0.5) / scale as f64 - 0.5).max(0.0);
            let first = at as usize;
            Tap { first, second: (first + 1).min(size - 1), weight: T::of(at - first as f64) }
        }
    };
    (0..size * scale).map(tap).collect()
}

/// An enlargement of maps of one layout by a whole factor.
#[derive(Clone, Debug)]
pub struct Enlargement<T> {
    mode: Resample,
    scale: usize,
    layout: Layout,
    rows: Vec<Tap<T>>,
    columns: Vec<Tap<T>>,
}

impl<T: Numeric> Enlargement<T> {
    /// For maps of this layout.
    pub fn new(mode: Resample, scale: usize, layout: Layout) -> Self {
        let (rows, columns) = (taps(mode, layout.height, scale), taps(mode, layout.width, scale));
        Self { mode, scale, layout, rows, columns }
    }

    fn check(&self, small: usize, large: usize) {
        assert_eq!(small * self.scale * self.scale, large, "an enlarged map has scale² times the positions");
    }

    /// Writes the enlarged map to `out`.
    pub fn forward(&self, isa: Isa, x: &[T], out: &mut [T]) {
        self.check(x.len(), out.len());
        isa.run(Upsample { enlargement: self, x, out });
    }

    /// Takes the gradient `d` of the enlarged map back: writes it, or adds it, to `dx`.
    pub fn backward(&self, isa: Isa, d: &[T], dx: &mut [T], accumulate: bool) {
        self.check(dx.len(), d.len());
        if !accumulate {
            dx.fill(T::ZERO);
        }
        isa.run(UpsampleBackward { enlargement: self, d, dx });
    }
}

struct Upsample<'a, T> {
    enlargement: &'a Enlargement<T>,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Upsample<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { enlargement: Enlargement { mode, layout, rows, columns, .. }, x, out } = self;
        let (stride, line) = (layout.stride(), layout.width * layout.stride());
        let mut to = out.as_mut_ptr();
        for sample in x.chunks_exact(layout.sample()) {
            for row in rows {
                // Taps are within the map, and `to` moves over the positions of `out`.
                unsafe {
                    let upper = sample.as_ptr().add(row.first * line);
                    let lower = sample.as_ptr().add(row.second * line);
                    let down = V::splat(row.weight);
                    for column in columns {
                        let (left, right) = (column.first * stride, column.second * stride);
                        let across = V::splat(column.weight);
                        for channel in (0..stride).step_by(V::LANES) {
                            let mut y = V::load(upper.add(left + channel));
                            if *mode == Resample::Bilinear {
                                let top = between(y, V::load(upper.add(right + channel)), across);
                                let bottom = V::load(lower.add(left + channel));
                                let bottom = between(bottom, V::load(lower.add(right + channel)), across);
                                y = between(top, bottom, down);
                            }
                            y.store(to.add(channel));
                        }
                        to = to.add(stride);
                    }
                }
            }
        }
    }
}

struct UpsampleBackward<'a, T> {
    enlargement: &'a Enlargement<T>,
    d: &'a [T],
    dx: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for UpsampleBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { enlargement: Enlargement { mode, layout, rows, columns, .. }, d, dx } = self;
        let (stride, line) = (layout.stride(), layout.width * layout.stride());
        let mut from = d.as_ptr();
        for sample in dx.chunks_exact_mut(layout.sample()) {
            let sample = sample.as_mut_ptr();
            for row in rows {
                for column in columns {
                    let (left, right) = (column.first * stride, column.second * stride);
                    for channel in (0..stride).step_by(V::LANES) {
                        // Taps are within the map, and `from` moves over the positions of `d`.
                        unsafe {
                            let g = V::load(from.add(channel));
                            let upper = sample.add(row.first * line + channel);
                            if *mode == Resample::Nearest {
                                add(upper.add(left), g);
                                continue;
                            }
                            let lower = sample.add(row.second * line + channel);
                            let bottom = g.mul(V::splat(row.weight));
                            let top = g.sub(bottom);
                            for (line, g) in [(upper, top), (lower, bottom)] {
                                let second = g.mul(V::splat(column.weight));
                                add(line.add(left), g.sub(second));
                                add(line.add(right), second);
                            }
                        }
                    }
                    from = unsafe { from.add(stride) };
                }
            }
        }
    }
}

/// `a + weight · (b - a)`.
#[inline(always)]
unsafe fn between<V: Vector>(a: V, b: V, weight: V) -> V {
    unsafe { b.sub(a).mul_add(weight, a) }
}

#[inline(always)]
unsafe fn add<V: Vector>(to: *mut V::Element, x: V) {
    unsafe { V::load(to).add(x).store(to) }
}

/// For every element of the shuffled map of one sample, where it lies and where it came from. `layout` is the layout
/// before.
fn shuffle(scale: usize, layout: Layout, mut pair: impl FnMut(usize, usize)) {
    let channels = layout.channels / (scale * scale);
    let after = Layout { channels, height: layout.height * scale, width: layout.width * scale };
    for y in 0..after.height {
        for x in 0..after.width {
            let part = (y % scale) * scale + x % scale;
            let from = (y / scale * layout.width + x / scale) * layout.stride() + part;
            let to = (y * after.width + x) * after.stride();
            (0..channels).for_each(|channel| pair(to + channel, from + channel * scale * scale));
        }
    }
}

/// Elements of a sample after [`pixel_shuffle`].
fn shuffled(scale: usize, layout: Layout) -> usize {
    let (height, width) = (layout.height * scale, layout.width * scale);
    Layout { channels: layout.channels / (scale * scale), height, width }.sample()
}

/// Writes the map whose channel `c·s² + i·s + j` went to row `i`, column `j` of channel `c`.
pub fn pixel_shuffle<T: Element>(scale: usize, x: &[T], layout: Layout, out: &mut [T]) {
    for (x, out) in x.chunks_exact(layout.sample()).zip(out.chunks_exact_mut(shuffled(scale, layout))) {
        shuffle(scale, layout, |to, from| out[to] = x[from]);
    }
}

/// Takes the gradient `d` of the shuffled map back: writes it, or adds it, to `dx`. `layout` is that of `dx`.
pub fn pixel_shuffle_backward<T: Element>(scale: usize, d: &[T], layout: Layout, dx: &mut [T], accumulate: bool) {
    for (d, dx) in d.chunks_exact(shuffled(scale, layout)).zip(dx.chunks_exact_mut(layout.sample())) {
        shuffle(scale, layout, |to, from| if accumulate { dx[from] += d[to] } else { dx[from] = d[to] });
    }
}

#[cfg(test)]
mod tests;

//! The two kernels of depthwise convolutions: vectors of channels, each channel with its own filter.
// Constant ranges over registers are unrolled; iterators over several arrays at once say less.
#![allow(clippy::needless_range_loop)]

use super::dense::next_tile;
use super::gather::View;
use super::geometry::Run;
use crate::engine::Element;
use crate::engine::native::isa::{Kernel, Numeric};
use crate::engine::native::vector::Vector;

/// Results that a tile may have at most.
const fn longest<V: Vector>() -> usize {
    if V::REGISTERS >= 16 { 8 } else { 4 }
}

/// Taps of which one pass finds the gradient: a filter of 3×3 at once.
const fn most_taps<V: Vector>() -> usize {
    if V::REGISTERS >= 16 { 9 } else { 3 }
}

/// Pixels against filters.
pub(super) struct Sweep<'a, T> {
    /// The first tap of the first pixel.
    pub x: View<T>,
    /// Filters, tap by tap.
    pub w: *const T,
    /// What results begin with.
    pub bias: Option<*const T>,
    pub taps: &'a [Run],
    /// Channels, padded.
    pub channels: usize,
    /// The first result.
    pub out: *mut T,
    pub out_image: usize,
    pub out_row: usize,
    pub out_pixel: usize,
    /// Samples, rows and columns.
    pub size: [usize; 3],
}

impl<T: Numeric> Kernel<T> for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let [images, rows, columns] = self.size;
        for image in 0..images {
            for row in 0..rows {
                let mut column = 0;
                while column < columns {
                    let size = next_tile(columns - column, longest::<V>());
                    // Views and results hold what the driver says they do.
                    unsafe {
                        let x = self.x.at.add(image * self.x.image + row * self.x.row + column * self.x.pixel);
                        let out = self.out.add(image * self.out_image + row * self.out_row + column * self.out_pixel);
                        match size {
                            1 => self.tile::<V, 1>(x, out),
                            2 => self.tile::<V, 2>(x, out),
                            3 => self.tile::<V, 3>(x, out),
                            4 => self.tile::<V, 4>(x, out),
                            5 if longest::<V>() >= 5 => self.tile::<V, 5>(x, out),
                            6 if longest::<V>() >= 6 => self.tile::<V, 6>(x, out),
                            7 if longest::<V>() >= 7 => self.tile::<V, 7>(x, out),
                            8 if longest::<V>() >= 8 => self.tile::<V, 8>(x, out),
                            _ => {}
                        }
                    }
                    column += size;
                }
            }
        }
    }
}

impl<T: Element> Sweep<'_, T> {
    #[inline(always)]
    unsafe fn tile<V: Vector<Element = T>, const P: usize>(&self, x: *const T, out: *mut T) {
        let mut c = 0;
        while c < self.channels {
            unsafe {
                let first = self.bias.map_or(V::splat(T::ZERO), |bias| V::load(bias.add(c)));
                let mut sums = [first; P];
                for tap in self.taps {
                    let filter = V::load(self.w.add(tap.w + c));
                    let x = x.add(tap.x + c);
                    for p in 0..P {
                        sums[p] = V::load(x.add(p * self.x.pixel)).mul_add(filter, sums[p]);
                    }
                }
                for p in 0..P {
                    sums[p].store(out.add(p * self.out_pixel + c));
                }
            }
            c += V::LANES;
        }
    }
}

/// The gradient of filters, added to what is there.
pub(super) struct Reduce<'a, T> {
    /// The first tap of the first pixel.
    pub x: View<T>,
    /// Slopes of the pixels.
    pub slope: View<T>,
    pub taps: &'a [Run],
    /// Channels, padded.
    pub channels: usize,
    /// Gradient of the filters, tap by tap.
    pub w: *mut T,
    /// Samples, rows and columns.
    pub size: [usize; 3],
}

impl<T: Numeric> Kernel<T> for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let mut c = 0;
        while c < self.channels {
            let mut first = 0;
            while first < self.taps.len() {
                let size = next_tile(self.taps.len() - first, most_taps::<V>());
                let taps = &self.taps[first..first + size];
                unsafe {
                    match size {
                        1 => self.tile::<V, 1>(taps, c),
                        2 => self.tile::<V, 2>(taps, c),
                        3 => self.tile::<V, 3>(taps, c),
                        4 if most_taps::<V>() >= 4 => self.tile::<V, 4>(taps, c),
                        5 if most_taps::<V>() >= 5 => self.tile::<V, 5>(taps, c),
                        6 if most_taps::<V>() >= 6 => self.tile::<V, 6>(taps, c),
                        7 if most_taps::<V>() >= 7 => self.tile::<V, 7>(taps, c),
                        8 if most_taps::<V>() >= 8 => self.tile::<V, 8>(taps, c),
                        9 if most_taps::<V>() >= 9 => self.tile::<V, 9>(taps, c),
                        _ => {}
                    }
                }
                first += size;
            }
            c += V::LANES;
        }
    }
}

impl<T: Element> Reduce<'_, T> {
    #[inline(always)]
    unsafe fn tile<V: Vector<Element = T>, const N: usize>(&self, taps: &[Run], c: usize) {
        unsafe {
            let mut sums = [V::splat(T::ZERO); N];
            let mut places = [0; N];
            for n in 0..N {
                places[n] = taps[n].x;
            }
            let [images, rows, columns] = self.size;
            for image in 0..images {
                for row in 0..rows {
                    let mut x = self.x.at.add(image * self.x.image + row * self.x.row + c);
                    let mut slope = self.slope.at.add(image * self.slope.image + row * self.slope.row + c);
                    for _ in 0..columns {
                        let g = V::load(slope);
                        for n in 0..N {
                            sums[n] = V::load(x.add(places[n])).mul_add(g, sums[n]);
                        }
                        x = x.add(self.x.pixel);
                        slope = slope.add(self.slope.pixel);
                    }
                }
            }
            for n in 0..N {
                let w = self.w.add(taps[n].w + c);
                V::load(w).add(sums[n]).store(w);
            }
        }
    }
}

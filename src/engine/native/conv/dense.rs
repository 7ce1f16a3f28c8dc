//! The two kernels of dense convolutions: pixels against filters, and the gradient of filters. Both hold a tile of
//! results in registers, broadcast elements of the input and multiply them with vectors of output channels.
//!
//! Forward and the gradient of the input are the same kernel; what differs is which run of elements meets which filters.

use super::gather::View;
use super::geometry::Run;
use crate::engine::Element;
use crate::engine::native::isa::{Kernel, Native};
use crate::engine::native::vector::Vector;
use crate::engine::native::view::BLOCK;

/// Results a kernel may hold in registers; the rest is for operands.
const fn accumulators<V: Vector>() -> usize {
    match V::REGISTERS {
        32.. => 28,
        16.. => 12,
        _ => 4,
    }
}

/// Vectors of output channels that a tile may have at most.
const fn widest<V: Vector>() -> usize {
    match V::REGISTERS {
        32.. => 4,
        16.. => 3,
        _ => 1,
    }
}

/// Broadcast elements that a tile of `n` vectors may have at most.
const fn longest<V: Vector>(n: usize) -> usize {
    let most = accumulators::<V>() / n;
    if most > 16 { 16 } else { most }
}

/// The size of the next of equal tiles that cut `size`, none longer than `most`.
#[inline(always)]
pub(super) fn next_tile(size: usize, most: usize) -> usize {
    size.div_ceil(size.div_ceil(most))
}

/// Pixels against filters.
pub(super) struct Sweep<'a, T> {
    /// The first tap of the first pixel.
    pub x: View<T>,
    /// Filters, block by block.
    pub w: *const T,
    /// Elements from one block of filters to the next.
    pub block: usize,
    /// Blocks of output channels.
    pub blocks: usize,
    /// What results begin with.
    pub bias: Option<*const T>,
    pub runs: &'a [Run],
    /// The first result.
    pub out: *mut T,
    pub out_image: usize,
    pub out_row: usize,
    pub out_pixel: usize,
    /// Samples, rows and columns.
    pub size: [usize; 3],
}

impl<T: Native> Kernel<T> for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(mut self) {
        // Rows without a gap are one row.
        let [images, rows, columns] = self.size;
        if self.x.row == columns * self.x.pixel && self.out_row == columns * self.out_pixel {
            self.size = [images, 1, rows * columns];
        }
        let vectors = self.blocks * (BLOCK / V::LANES);
        let mut v = 0;
        while v < vectors {
            let n = next_tile(vectors - v, widest::<V>());
            // Views and results hold what the driver says they do.
            unsafe {
                match n {
                    1 => self.lines::<V, 1>(v),
                    2 if widest::<V>() >= 2 => self.lines::<V, 2>(v),
                    3 if widest::<V>() >= 3 => self.lines::<V, 3>(v),
                    4 if widest::<V>() >= 4 => self.lines::<V, 4>(v),
                    _ => {}
                }
            }
            v += n;
        }
    }
}

/// Where vector `v` of output channels is in the filters.
#[inline(always)]
fn place<V: Vector>(v: usize, block: usize) -> usize {
    v * V::LANES / BLOCK * block + v * V::LANES % BLOCK
}

impl<T: Element> Sweep<'_, T> {
    #[inline(always)]
    unsafe fn lines<V: Vector<Element = T>, const N: usize>(&self, v: usize) {
        let [images, rows, columns] = self.size;
        for image in 0..images {
            for row in 0..rows {
                let mut column = 0;
                while column < columns {
                    let size = next_tile(columns - column, longest::<V>(N));
                    unsafe {
                        let x = self.x.at.add(image * self.x.image + row * self.x.row + column * self.x.pixel);
                        let out = self.out.add(image * self.out_image + row * self.out_row + column * self.out_pixel);
                        let out = out.add(v * V::LANES);
                        self.tile_of::<V, N>(size, x, v, out);
                    }
                    column += size;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn tile_of<V: Vector<Element = T>, const N: usize>(&self, size: usize, x: *const T, v: usize, out: *mut T) {
        macro_rules! sizes {
            ($($p:literal)*) => {
                match size {
                    $($p if $p <= longest::<V>(N) => unsafe { self.tile::<V, $p, N>(x, v, out) },)*
                    _ => {}
                }
            };
        }
        sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    }

    #[inline(always)]
    unsafe fn tile<V: Vector<Element = T>, const P: usize, const N: usize>(&self, x: *const T, v: usize, out: *mut T) {
        unsafe {
            let mut sums = [[V::splat(T::ZERO); N]; P];
            if let Some(bias) = self.bias {
                for n in 0..N {
                    let bias = V::load(bias.add((v + n) * V::LANES));
                    for p in 0..P {
                        sums[p][n] = bias;
                    }
                }
            }
            let step = self.x.pixel;
            for run in self.runs {
                let mut x = x.add(run.x);
                let mut w = [self.w.add(run.w); N];
                for n in 0..N {
                    w[n] = w[n].add(place::<V>(v + n, self.block));
                }
                for _ in 0..run.len {
                    let mut filters = [V::splat(T::ZERO); N];
                    for n in 0..N {
                        filters[n] = V::load(w[n]);
                        w[n] = w[n].add(BLOCK);
                    }
                    for p in 0..P {
                        let element = V::splat(*x.add(p * step));
                        for n in 0..N {
                            sums[p][n] = element.mul_add(filters[n], sums[p][n]);
                        }
                    }
                    x = x.add(1);
                }
            }
            for p in 0..P {
                for n in 0..N {
                    sums[p][n].store(out.add(p * self.out_pixel + n * V::LANES));
                }
            }
        }
    }
}

/// The gradient of filters, added to what is there.
pub(super) struct Reduce<'a, T> {
    /// The first tap of the first pixel.
    pub x: View<T>,
    /// Slopes of the pixels.
    pub slope: View<T>,
    pub runs: &'a [Run],
    /// Gradient of the filters, block by block.
    pub w: *mut T,
    /// Elements from one block of filters to the next.
    pub block: usize,
    /// Blocks of output channels.
    pub blocks: usize,
    /// Samples, rows and columns.
    pub size: [usize; 3],
}

impl<T: Native> Kernel<T> for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(mut self) {
        let [images, rows, columns] = self.size;
        if self.x.row == columns * self.x.pixel && self.slope.row == columns * self.slope.pixel {
            self.size = [images, 1, rows * columns];
        }
        let vectors = self.blocks * (BLOCK / V::LANES);
        let mut v = 0;
        while v < vectors {
            let n = next_tile(vectors - v, widest::<V>());
            unsafe {
                match n {
                    1 => self.filters::<V, 1>(v),
                    2 if widest::<V>() >= 2 => self.filters::<V, 2>(v),
                    3 if widest::<V>() >= 3 => self.filters::<V, 3>(v),
                    4 if widest::<V>() >= 4 => self.filters::<V, 4>(v),
                    _ => {}
                }
            }
            v += n;
        }
    }
}

impl<T: Element> Reduce<'_, T> {
    #[inline(always)]
    unsafe fn filters<V: Vector<Element = T>, const N: usize>(&self, v: usize) {
        for run in self.runs {
            let mut k = 0;
            while k < run.len {
                let size = next_tile(run.len - k, longest::<V>(N));
                unsafe {
                    let x = self.x.at.add(run.x + k);
                    let w = self.w.add(run.w + k * BLOCK);
                    macro_rules! sizes {
                        ($($c:literal)*) => {
                            match size {
                                $($c if $c <= longest::<V>(N) => self.tile::<V, $c, N>(x, v, w),)*
                                _ => {}
                            }
                        };
                    }
                    sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
                }
                k += size;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Vector<Element = T>, const C: usize, const N: usize>(&self, x: *const T, v: usize, w: *mut T) {
        unsafe {
            let mut sums = [[V::splat(T::ZERO); N]; C];
            let [images, rows, columns] = self.size;
            for image in 0..images {
                for row in 0..rows {
                    let mut x = x.add(image * self.x.image + row * self.x.row);
                    let mut slope = self.slope.at.add(image * self.slope.image + row * self.slope.row + v * V::LANES);
                    for _ in 0..columns {
                        let mut slopes = [V::splat(T::ZERO); N];
                        for n in 0..N {
                            slopes[n] = V::load(slope.add(n * V::LANES));
                        }
                        for c in 0..C {
                            let element = V::splat(*x.add(c));
                            for n in 0..N {
                                sums[c][n] = element.mul_add(slopes[n], sums[c][n]);
                            }
                        }
                        x = x.add(self.x.pixel);
                        slope = slope.add(self.slope.pixel);
                    }
                }
            }
            for n in 0..N {
                let w = w.add(place::<V>(v + n, self.block));
                for c in 0..C {
                    let w = w.add(c * BLOCK);
                    V::load(w).add(sums[c][n]).store(w);
                }
            }
        }
    }
}

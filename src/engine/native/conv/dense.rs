//! The two kernels of dense convolutions: pixels against filters, and the gradient of filters. Both hold a tile of
//! results in registers, broadcast elements of the input and multiply them with vectors of output channels.
//!
//! Forward and the gradient of the input are the same kernel; what differs is which run of elements meets which filters.
// Constant ranges over registers are unrolled; iterators over several arrays at once say less.
#![allow(clippy::needless_range_loop)]

use super::gather::View;
use super::geometry::Run;
use crate::engine::native::isa::{Isa, Kernel, Numeric};
use crate::engine::native::vector::Vector;
use crate::engine::native::view::BLOCK;

/// Vectors of output channels that a tile may have at most.
const fn widest<V: Vector>() -> usize {
    match V::REGISTERS {
        // Doubles are for checks, not for speed: they need no kernels of their own for the last bit of it.
        16.. if size_of::<V::Element>() == 8 => 2,
        32.. => 4,
        16.. => 3,
        _ => 1,
    }
}

/// Broadcast elements that a tile of `n` vectors may have at most: results fill the registers, the rest of which is for
/// operands.
const fn longest<V: Vector>(n: usize) -> usize {
    match (V::REGISTERS, n) {
        (32.., 1) => 16,
        (32.., 2) => 12,
        (32.., 3) => 8,
        (32.., _) => 6,
        (16.., 1) => 12,
        (16.., 2) => 6,
        (16.., _) => 4,
        _ => 4,
    }
}

/// The size of the next of equal tiles that cut `size`, none longer than `most`.
#[inline(always)]
pub(super) fn next_tile(size: usize, most: usize) -> usize {
    size.div_ceil(size.div_ceil(most))
}

/// The number of broadcast elements in the next tile: one of the sizes there are kernels for.
#[inline(always)]
fn next_length(size: usize, most: usize) -> usize {
    match next_tile(size, most) {
        tile @ ..=4 => tile,
        5 | 6 => if size >= 6 { 6 } else { 4 }.min(most),
        7 | 8 => if size >= 8 { 8 } else { 6 }.min(most),
        9..=12 => if size >= 12 { 12 } else { 8 }.min(most),
        _ => if size >= 16 { 16 } else { 12 }.min(most),
    }
}

/// Runs a kernel whose tile has so many broadcast elements and vectors. Every size is a function of its own: one that
/// held them all would be slow to compile.
macro_rules! run_tile {
    ($isa:expr, $vector:ty, $kernel:ident { $($field:ident),* }, $length:expr, $vectors:expr) => {
        run_tile!(@ $isa, $vector, $kernel { $($field),* }, $length, $vectors,
            (1 1) (2 1) (3 1) (4 1) (6 1) (8 1) (12 1) (16 1) (1 2) (2 2) (3 2) (4 2) (6 2) (8 2) (12 2)
            (1 3) (2 3) (3 3) (4 3) (6 3) (8 3) (1 4) (2 4) (3 4) (4 4) (6 4))
    };
    (@ $isa:expr, $vector:ty, $kernel:ident $fields:tt, $length:expr, $vectors:expr, $(($p:literal $n:literal))*) => {
        match ($length, $vectors) {
            $(($p, $n) if const { $n <= widest::<$vector>() && $p <= longest::<$vector>($n) } => {
                if const { $n <= widest::<$vector>() && $p <= longest::<$vector>($n) } {
                    run_tile!(@one $isa, $kernel, $p, $n, $fields)
                }
            })*
            _ => unreachable!("tiles have one of these sizes"),
        }
    };
    (@one $isa:expr, $kernel:ident, $p:literal, $n:literal, { $($field:ident),* }) => {
        $isa.run($kernel::<T, $p, $n> { $($field),* })
    };
}

/// Pixels against filters.
pub(super) struct Sweep<'a, T> {
    pub isa: Isa,
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

impl<T: Numeric> Kernel<T> for Sweep<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(mut self) {
        // Rows without a gap are one row.
        let [images, rows, columns] = self.size;
        if self.x.row == columns * self.x.pixel && self.out_row == columns * self.out_pixel {
            self.size = [images, 1, rows * columns];
        }
        let vectors = self.blocks * (BLOCK / V::LANES);
        let [images, rows, columns] = self.size;
        let (sweep, mut v) = (&self, 0);
        while v < vectors {
            let n = next_tile(vectors - v, widest::<V>());
            for image in 0..images {
                for row in 0..rows {
                    let mut column = 0;
                    while column < columns {
                        let size = next_length(columns - column, longest::<V>(n));
                        let x = image * sweep.x.image + row * sweep.x.row + column * sweep.x.pixel;
                        let x = sweep.x.at.wrapping_add(x);
                        let out = image * sweep.out_image + row * sweep.out_row + column * sweep.out_pixel;
                        let out = sweep.out.wrapping_add(out + v * V::LANES);
                        run_tile!(self.isa, V, Pixels { sweep, x, v, out }, size, n);
                        column += size;
                    }
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

/// `P` pixels against `N` vectors of filters.
struct Pixels<'a, T, const P: usize, const N: usize> {
    sweep: &'a Sweep<'a, T>,
    x: *const T,
    v: usize,
    out: *mut T,
}

impl<T: Numeric, const P: usize, const N: usize> Kernel<T> for Pixels<'_, T, P, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { sweep, x, v, out } = self;
        // Views and results hold what the driver says they do.
        unsafe {
            let mut sums = [[V::splat(T::ZERO); N]; P];
            if let Some(bias) = sweep.bias {
                for n in 0..N {
                    let bias = V::load(bias.add((v + n) * V::LANES));
                    for p in 0..P {
                        sums[p][n] = bias;
                    }
                }
            }
            let step = sweep.x.pixel;
            for run in sweep.runs {
                let mut x = x.add(run.x);
                let mut w = [sweep.w.add(run.w); N];
                for n in 0..N {
                    w[n] = w[n].add(place::<V>(v + n, sweep.block));
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
                    sums[p][n].store(out.add(p * sweep.out_pixel + n * V::LANES));
                }
            }
        }
    }
}

/// The gradient of filters, added to what is there.
pub(super) struct Reduce<'a, T> {
    pub isa: Isa,
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

impl<T: Numeric> Kernel<T> for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(mut self) {
        let [images, rows, columns] = self.size;
        if self.x.row == columns * self.x.pixel && self.slope.row == columns * self.slope.pixel {
            self.size = [images, 1, rows * columns];
        }
        let vectors = self.blocks * (BLOCK / V::LANES);
        let (reduce, mut v) = (&self, 0);
        while v < vectors {
            let n = next_tile(vectors - v, widest::<V>());
            for run in reduce.runs {
                let mut k = 0;
                while k < run.len {
                    let size = next_length(run.len - k, longest::<V>(n));
                    let x = reduce.x.at.wrapping_add(run.x + k);
                    let w = reduce.w.wrapping_add(run.w + k * BLOCK);
                    run_tile!(self.isa, V, Rows { reduce, x, v, w }, size, n);
                    k += size;
                }
            }
            v += n;
        }
    }
}

/// `C` rows of `N` vectors of filters.
struct Rows<'a, T, const C: usize, const N: usize> {
    reduce: &'a Reduce<'a, T>,
    x: *const T,
    v: usize,
    w: *mut T,
}

impl<T: Numeric, const C: usize, const N: usize> Kernel<T> for Rows<'_, T, C, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { reduce, x, v, w } = self;
        // Views and gradients hold what the driver says they do.
        unsafe {
            let mut sums = [[V::splat(T::ZERO); N]; C];
            let [images, rows, columns] = reduce.size;
            for image in 0..images {
                for row in 0..rows {
                    let mut x = x.add(image * reduce.x.image + row * reduce.x.row);
                    let mut slope =
                        reduce.slope.at.add(image * reduce.slope.image + row * reduce.slope.row + v * V::LANES);
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
                        x = x.add(reduce.x.pixel);
                        slope = slope.add(reduce.slope.pixel);
                    }
                }
            }
            for n in 0..N {
                let w = w.add(place::<V>(v + n, reduce.block));
                for c in 0..C {
                    let w = w.add(c * BLOCK);
                    V::load(w).add(sums[c][n]).store(w);
                }
            }
        }
    }
}

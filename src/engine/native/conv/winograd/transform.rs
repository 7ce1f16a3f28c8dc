//! Tiles from one domain to the other: `L x Lᵀ` for the matrices of F(4×4, 3×3), on vectors of channels.
//!
//! The matrices interpolate at 0, ±1, ±2 and ∞: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (CVPR
//! 2016), section 4.3. Written as sums they share what they have in common.
// Constant ranges over registers are unrolled; iterators over several arrays at once say less.
#![allow(clippy::needless_range_loop)]

use crate::engine::Element;
use crate::engine::native::isa::{Kernel, Numeric};
use crate::engine::native::vector::Vector;

/// A matrix of `M` rows and `N` columns.
pub(super) trait Matrix<const N: usize, const M: usize> {
    /// Its product with a column.
    ///
    /// # Safety
    /// The instruction set of `V` is enabled.
    unsafe fn times<V: Vector>(x: [V; N]) -> [V; M];
}

#[inline(always)]
unsafe fn number<V: Vector>(value: f64) -> V {
    unsafe { V::splat(V::Element::of(value)) }
}

/// Bᵀ: what a tile reads, into the domain of products.
pub(super) struct Input;

impl Matrix<6, 6> for Input {
    #[inline(always)]
    unsafe fn times<V: Vector>(x: [V; 6]) -> [V; 6] {
        unsafe {
            let (two, four) = (number::<V>(2.0), number::<V>(4.0));
            let (minus_four, minus_five) = (number::<V>(-4.0), number::<V>(-5.0));
            let (even, odd) = (minus_four.mul_add(x[2], x[4]), minus_four.mul_add(x[1], x[3]));
            let (near, far) = (x[4].sub(x[2]), two.mul(x[3].sub(x[1])));
            [
                four.mul_add(x[0], minus_five.mul_add(x[2], x[4])),
                even.add(odd),
                even.sub(odd),
                near.add(far),
                near.sub(far),
                four.mul_add(x[1], minus_five.mul_add(x[3], x[5])),
            ]
        }
    }
}

/// Aᵀ: products, into the results of a tile.
pub(super) struct Output;

impl Matrix<6, 4> for Output {
    #[inline(always)]
    unsafe fn times<V: Vector>(x: [V; 6]) -> [V; 4] {
        unsafe {
            let (two, four, eight) = (number::<V>(2.0), number::<V>(4.0), number::<V>(8.0));
            let (ones, signs) = (x[1].add(x[2]), x[1].sub(x[2]));
            let (twos, turns) = (x[3].add(x[4]), x[3].sub(x[4]));
            [
                x[0].add(ones).add(twos),
                two.mul_add(turns, signs),
                four.mul_add(twos, ones),
                eight.mul_add(turns, signs).add(x[5]),
            ]
        }
    }
}

/// A: the gradient of the results of a tile, into that of the products.
pub(super) struct Slope;

impl Matrix<4, 6> for Slope {
    #[inline(always)]
    unsafe fn times<V: Vector>(x: [V; 4]) -> [V; 6] {
        unsafe {
            let (two, four) = (number::<V>(2.0), number::<V>(4.0));
            let (even, odd) = (x[0].add(x[2]), x[1].add(x[3]));
            let (near, far) = (four.mul_add(x[2], x[0]), two.mul(four.mul_add(x[3], x[1])));
            [x[0], even.add(odd), even.sub(odd), near.add(far), near.sub(far), x[3]]
        }
    }
}

/// G: filters, into the domain of products.
pub(super) struct Filter;

impl Matrix<3, 6> for Filter {
    #[inline(always)]
    unsafe fn times<V: Vector>(x: [V; 3]) -> [V; 6] {
        unsafe {
            let (sixth, quarter) = (number::<V>(-1.0 / 6.0), number::<V>(0.25));
            let (twelfth, part) = (number::<V>(1.0 / 12.0), number::<V>(1.0 / 24.0));
            let (even, odd) = (sixth.mul(x[0].add(x[2])), sixth.mul(x[1]));
            let near = part.mul_add(x[0], x[2].mul(number::<V>(1.0 / 6.0)));
            let far = twelfth.mul(x[1]);
            [quarter.mul(x[0]), even.add(odd), even.sub(odd), near.add(far), near.sub(far), x[2]]
        }
    }
}

/// Gᵀ: the gradient in the domain of products, into that of the filters.
pub(super) struct Gradient;

impl Matrix<6, 3> for Gradient {
    #[inline(always)]
    unsafe fn times<V: Vector>(x: [V; 6]) -> [V; 3] {
        unsafe {
            let (sixth, quarter) = (number::<V>(1.0 / 6.0), number::<V>(0.25));
            let (twelfth, part) = (number::<V>(1.0 / 12.0), number::<V>(1.0 / 24.0));
            let (ones, signs) = (x[1].add(x[2]), x[2].sub(x[1]));
            let (twos, turns) = (x[3].add(x[4]), x[3].sub(x[4]));
            let far = sixth.mul(twos.sub(ones));
            [
                quarter.mul_add(x[0], part.mul_add(twos, sixth.mul(ones).mul(number::<V>(-1.0)))),
                twelfth.mul_add(turns, sixth.mul(signs)),
                far.add(x[5]),
            ]
        }
    }
}

/// `L x Lᵀ`.
#[inline(always)]
unsafe fn both<L: Matrix<N, M>, V: Vector, const N: usize, const M: usize>(x: [[V; N]; N]) -> [[V; M]; M] {
    unsafe {
        let mut half = [[x[0][0]; N]; M];
        for j in 0..N {
            let mut column = [x[0][0]; N];
            for i in 0..N {
                column[i] = x[i][j];
            }
            let column = L::times(column);
            for i in 0..M {
                half[i][j] = column[i];
            }
        }
        let mut whole = [[x[0][0]; M]; M];
        for i in 0..M {
            whole[i] = L::times(half[i]);
        }
        whole
    }
}

/// Where tiles lie: elements from one to the next, and, in each of them, from one row and column to the next.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub image: usize,
    pub down: usize,
    pub across: usize,
    pub row: usize,
    pub column: usize,
}

/// Takes all tiles from one grid to another.
pub(super) struct Transform<T> {
    pub from: *const T,
    pub reads: Grid,
    pub to: *mut T,
    pub writes: Grid,
    /// Images, tiles down and across.
    pub tiles: [usize; 3],
    /// Rows and columns of an image that are written; tiles may reach beyond.
    pub within: [usize; 2],
    /// Elements of a position, a whole number of blocks.
    pub channels: usize,
    /// Whether results are added to what is there.
    pub adds: bool,
}

/// The kernel of a transform by `L`.
pub(super) struct By<L, T, const N: usize, const M: usize>(pub Transform<T>, pub L);

impl<L: Matrix<N, M>, T: Numeric, const N: usize, const M: usize> Kernel<T> for By<L, T, N, M> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Transform { from, reads, to, writes, tiles: [images, down, across], within, channels, adds } = self.0;
        let place = |grid: &Grid, image, y, x| image * grid.image + y * grid.down + x * grid.across;
        for image in 0..images {
            for y in 0..down {
                let rows = within[0].saturating_sub(y * M);
                for x in 0..across {
                    let columns = within[1].saturating_sub(x * M);
                    for c in (0..channels).step_by(V::LANES) {
                        // The caller vouches for all tiles, and for whole blocks of channels.
                        unsafe {
                            let from = from.add(place(&reads, image, y, x) + c);
                            let to = to.add(place(&writes, image, y, x) + c);
                            let mut tile = [[V::splat(T::ZERO); N]; N];
                            for i in 0..N {
                                for j in 0..N {
                                    tile[i][j] = V::load(from.add(i * reads.row + j * reads.column));
                                }
                            }
                            let tile = both::<L, V, N, M>(tile);
                            for i in 0..M {
                                for j in 0..M {
                                    if i < rows && j < columns {
                                        let to = to.add(i * writes.row + j * writes.column);
                                        let sum = if adds { V::load(to).add(tile[i][j]) } else { tile[i][j] };
                                        sum.store(to);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

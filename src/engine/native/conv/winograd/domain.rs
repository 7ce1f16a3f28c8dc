//! Maps, filters and their gradient in the domain of products, and the products.

use super::transform::{self, By, Grid, Transform};
use super::{SPAN, TILE, tiles};
use crate::engine::native::conv::gather::View;
use crate::engine::native::conv::geometry::Run;
use crate::engine::native::conv::{Conv, Target, dense};
use crate::engine::native::isa::{Isa, Numeric};
use crate::engine::native::view::BLOCK;

/// Elements of a tile in the domain of products.
const POSITIONS: usize = SPAN * SPAN;
/// Tiles have no end but that of their map.
const WHOLE: [usize; 2] = [usize::MAX; 2];
/// Bytes in a line of the cache, which vectors had better not straddle.
const LINE: usize = 64;

/// Buffers for one thread. They grow to what is needed and stay.
#[derive(Clone, Debug)]
pub(in super::super) struct Buffers<T> {
    /// What is read.
    input: Vec<T>,
    /// Products, or the gradient of the output.
    output: Vec<T>,
    /// The gradient of the filters.
    filters: Vec<T>,
}

impl<T> Default for Buffers<T> {
    fn default() -> Self {
        Self { input: Vec::new(), output: Vec::new(), filters: Vec::new() }
    }
}

impl<T: Numeric> Buffers<T> {
    /// A gradient of zeros for these filters.
    pub(super) fn clear(&mut self, filters: &Spectrum<T>) {
        self.filters.clear();
        self.filters.resize(POSITIONS * filters.elements(), T::ZERO);
    }
}

/// Filters of both directions.
#[derive(Clone, Debug)]
pub(in super::super) struct Spectra<T> {
    pub(super) forward: Spectrum<T>,
    pub(super) backward: Spectrum<T>,
}

impl<T: Numeric> Spectra<T> {
    /// Of filters in the order of the kernels.
    pub(in super::super) fn new(conv: &Conv, forward: &[T], backward: &[T]) -> Self {
        let (inputs, outputs) = (conv.input.channels, conv.output.channels);
        Self { forward: Spectrum::new(forward, inputs, outputs), backward: Spectrum::new(backward, outputs, inputs) }
    }
}

/// Filters in the domain of products, position by position. In each they have the order of the kernels.
#[derive(Clone, Debug)]
pub(super) struct Spectrum<T> {
    inputs: usize,
    outputs: usize,
    filters: Vec<T>,
}

impl<T: Numeric> Spectrum<T> {
    /// Of filters in the order of the kernels. It does not depend on the instruction set.
    fn new(taps: &[T], inputs: usize, outputs: usize) -> Self {
        let mut spectrum = Self { inputs, outputs, filters: Vec::new() };
        spectrum.filters.resize(POSITIONS * spectrum.elements(), T::ZERO);
        let transform = Transform {
            from: taps.as_ptr(),
            reads: spectrum.taps(),
            to: spectrum.filters.as_mut_ptr(),
            writes: spectrum.grid(),
            tiles: spectrum.blocks(),
            within: WHOLE,
            channels: BLOCK,
            adds: false,
        };
        Isa::Portable.run(By(transform, transform::Filter));
        spectrum
    }

    /// Filters of a position.
    fn elements(&self) -> usize {
        self.inputs * self.outputs.next_multiple_of(BLOCK)
    }

    /// Filters are tiles of three rows and columns: blocks are their images, inputs are one below the other.
    fn blocks(&self) -> [usize; 3] {
        [self.outputs.div_ceil(BLOCK), self.inputs, 1]
    }

    /// Filters as the direct kernels have them.
    fn taps(&self) -> Grid {
        let tap = self.inputs * BLOCK;
        Grid { image: 9 * tap, down: BLOCK, across: 0, row: 3 * tap, column: tap }
    }

    fn grid(&self) -> Grid {
        let column = self.elements();
        Grid { image: self.inputs * BLOCK, down: BLOCK, across: 0, row: SPAN * column, column }
    }

    /// A window against the filters: `size` is that of the results, images, rows and columns.
    pub(super) fn sweep(
        &self,
        isa: Isa,
        x: View<T>,
        bias: Option<&[T]>,
        out: Target<T>,
        size: [usize; 3],
        buffers: &mut Buffers<T>,
    ) {
        let x = Plane::new(&mut buffers.input, tiles(size), self.inputs).filled(isa, x, transform::Input);
        let products = Plane::new(&mut buffers.output, tiles(size), self.outputs);
        for (position, filters) in self.filters.chunks_exact(self.elements()).enumerate() {
            isa.run(dense::Sweep {
                isa,
                x: x.row(position),
                w: filters.as_ptr(),
                block: self.inputs * BLOCK,
                blocks: self.outputs.div_ceil(BLOCK),
                // Every result has the product in row and column 1 as a summand.
                bias: bias.filter(|_| position == SPAN + 1).map(<[T]>::as_ptr),
                runs: &[Run { x: 0, w: 0, len: self.inputs }],
                out: products.at(position),
                out_image: 0,
                out_row: 0,
                out_pixel: products.stride,
                size: products.size(),
            });
        }
        let transform = Transform {
            from: products.start,
            reads: products.grid(),
            to: out.at,
            writes: windows(out.image, out.row, out.pixel),
            tiles: products.tiles,
            within: [size[1], size[2]],
            channels: products.stride,
            adds: false,
        };
        isa.run(By(transform, transform::Output));
    }

    /// Adds to the gradient of the filters in the domain of products, from a window and the slopes of its results.
    pub(super) fn reduce(&self, isa: Isa, x: View<T>, slope: View<T>, size: [usize; 3], buffers: &mut Buffers<T>) {
        let x = Plane::new(&mut buffers.input, tiles(size), self.inputs).filled(isa, x, transform::Input);
        let slope = Plane::new(&mut buffers.output, tiles(size), self.outputs).filled(isa, slope, transform::Slope);
        for (position, filters) in buffers.filters.chunks_exact_mut(self.elements()).enumerate() {
            isa.run(dense::Reduce {
                isa,
                x: x.row(position),
                slope: slope.row(position),
                runs: &[Run { x: 0, w: 0, len: self.inputs }],
                w: filters.as_mut_ptr(),
                block: self.inputs * BLOCK,
                blocks: self.outputs.div_ceil(BLOCK),
                size: x.size(),
            });
        }
    }

    /// Adds the gradient to that of the filters in the order of the kernels.
    pub(super) fn give(&self, isa: Isa, buffers: &Buffers<T>, gradient: &mut [T]) {
        let transform = Transform {
            from: buffers.filters.as_ptr(),
            reads: self.grid(),
            to: gradient.as_mut_ptr(),
            writes: self.taps(),
            tiles: self.blocks(),
            within: WHOLE,
            channels: BLOCK,
            adds: true,
        };
        isa.run(By(transform, transform::Gradient));
    }
}

/// Tiles of a window.
fn windows(image: usize, row: usize, pixel: usize) -> Grid {
    Grid { image, down: TILE * row, across: TILE * pixel, row, column: pixel }
}

/// Tiles of a map in the domain of products: position by position, and in each tile by tile.
#[derive(Clone, Copy)]
struct Plane<T> {
    start: *mut T,
    tiles: [usize; 3],
    /// Channels, padded.
    stride: usize,
}

impl<T: Numeric> Plane<T> {
    /// In a buffer, which grows to hold it.
    fn new(buffer: &mut Vec<T>, tiles: [usize; 3], channels: usize) -> Self {
        let mut plane = Self { start: std::ptr::null_mut(), tiles, stride: channels.next_multiple_of(BLOCK) };
        let needed = POSITIONS * plane.position() + LINE / size_of::<T>();
        if buffer.len() < needed {
            buffer.resize(needed, T::ZERO);
        }
        let aligned = buffer.as_ptr().align_offset(LINE);
        plane.start = buffer[aligned..].as_mut_ptr();
        plane
    }

    /// Takes a window there.
    fn filled<L: transform::Matrix<N, SPAN>, const N: usize>(self, isa: Isa, view: View<T>, matrix: L) -> Self {
        let transform = Transform {
            from: view.at,
            reads: windows(view.image, view.row, view.pixel),
            to: self.start,
            writes: self.grid(),
            tiles: self.tiles,
            within: WHOLE,
            channels: self.stride,
            adds: false,
        };
        isa.run(By(transform, matrix));
        self
    }

    /// Elements from one position to the next. There is a block to spare: with a power of two the positions of a tile
    /// would all want the same few lines of the cache.
    fn position(&self) -> usize {
        self.tiles.iter().product::<usize>() * self.stride + BLOCK
    }

    fn grid(&self) -> Grid {
        let [_, down, across] = self.tiles;
        let (tile, column) = (self.stride, self.position());
        Grid { image: down * across * tile, down: across * tile, across: tile, row: SPAN * column, column }
    }

    fn at(&self, position: usize) -> *mut T {
        self.start.wrapping_add(position * self.position())
    }

    /// The tiles at a position, as pixels of one row.
    fn row(&self, position: usize) -> View<T> {
        View { at: self.at(position), image: 0, row: 0, pixel: self.stride }
    }

    /// The size of that row.
    fn size(&self) -> [usize; 3] {
        [1, 1, self.tiles.iter().product()]
    }
}

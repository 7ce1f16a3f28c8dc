//! Dense 3×3 convolutions by Winograd's F(4×4, 3×3), with a quarter of the multiplications.
//!
//! Tiles of 4×4 results read 6×6 elements. With `V = Bᵀ x B` and `U = G w Gᵀ` it is `y = Aᵀ (Σ U ⊙ V) A`, the sum over
//! input channels: 36 products of matrices, tiles by channels (Lavin and Gray, Fast Algorithms for Convolutional Neural
//! Networks, CVPR 2016, equation 8). The gradient of the input is the same with turned filters, that of the filters
//! `Gᵀ (Σ V ⊙ (A dy Aᵀ)) G`, the sum over tiles. All are exact but for rounding.

mod domain;
mod transform;

use std::ops::Range;

use super::filters::{FilterGradient, Filters};
use super::flow::{Moments, Totals};
use super::gather::{Map, view};
use super::geometry::{Chunk, Window};
use super::{Conv, Convolutions, Scratch, Target, flow_on, raw_gradient};
use crate::engine::native::isa::{Isa, Numeric};
use crate::engine::native::view::{BLOCK, Sink, Slope, Source, Sums};

pub(super) use domain::{Buffers, Spectra};

/// Rows and columns of results in a tile.
const TILE: usize = 4;
/// Rows and columns that a tile reads.
const SPAN: usize = TILE + 2;
/// Tiles that are worked on at once: they stay in the second-level cache, and filters are read anew for each lot.
const TILES: usize = 64;

impl Conv {
    /// Whether it can be computed in tiles, and with at most two thirds of the multiplications. Small maps leave tiles
    /// half empty, and for few channels the way there and back is not worth it.
    pub(super) fn tiled(&self) -> bool {
        let same = (self.kernel, self.stride, self.padding, self.dilation) == ([3, 3], 1, [1, 1], 1);
        let [_, down, across] = tiles([1, self.output.height, self.output.width]);
        same && self.groups == 1
            && self.input.channels.min(self.output.channels) >= BLOCK / 2
            && down * across * 6 <= self.output.positions()
    }

    /// Elements of the filters in the domain of products, in one order; 0 where they are not taken there.
    pub(in crate::engine::native) fn spectrum_elements(&self, convolutions: Convolutions) -> usize {
        let tiled = convolutions == Convolutions::Winograd && self.tiled();
        if tiled { SPAN * SPAN * self.input.channels * self.output.stride() } else { 0 }
    }

    /// Samples and rows that are worked on at once: whole tiles, or what is left below.
    fn lots(&self, samples: usize) -> impl Iterator<Item = Chunk> + use<> {
        let height = self.output.height;
        let [_, down, across] = tiles([1, height, self.output.width]);
        let bands = down.div_ceil((TILES / across).clamp(1, down));
        let rows = down.div_ceil(bands) * TILE;
        let images = (TILES / (down * across)).max(1);
        (0..samples).step_by(images).flat_map(move |image| {
            (0..height).step_by(rows).map(move |row| Chunk {
                images: image..(image + images).min(samples),
                rows: row..(row + rows).min(height),
            })
        })
    }

    /// What the tiles of these rows read. Beyond the map there is nothing but zeros, gradients included.
    fn reach(&self, rows: &Range<usize>) -> Window {
        let span = |rows: Range<usize>| {
            let first = rows.start as isize - 1;
            first..first + (rows.len().next_multiple_of(TILE) + SPAN - TILE) as isize
        };
        Window { rows: span(rows.clone()), columns: span(0..self.output.width) }
    }
}

/// Images, tiles down and across.
fn tiles([images, rows, columns]: [usize; 3]) -> [usize; 3] {
    [images, rows.div_ceil(TILE), columns.div_ceil(TILE)]
}

/// As [`super::forward`].
#[allow(clippy::too_many_arguments)]
pub(super) fn forward<T: Numeric>(
    isa: Isa,
    conv: &Conv,
    source: Source<'_, T>,
    filters: &Filters<T>,
    spectra: &Spectra<T>,
    y: &mut [T],
    mut sums: Option<&mut Sums>,
    scratch: &mut Scratch<T>,
) {
    let map = Map::of_source(source, conv.input);
    let (stride, width) = (conv.output.stride(), conv.output.width);
    for Chunk { images, rows } in conv.lots(source.samples()) {
        let x = view(isa, &map, images.clone(), &conv.reach(&rows), conv.input.stride(), &mut scratch.x);
        let first = (images.start * conv.output.height + rows.start) * width * stride;
        let y = &mut y[first..first + images.len() * rows.len() * width * stride];
        let out = Target { at: y.as_mut_ptr(), image: conv.output.sample(), row: width * stride, pixel: stride };
        let size = [images.len(), rows.len(), width];
        spectra.forward.sweep(isa, x, Some(&filters.bias), out, size, &mut scratch.tiles);
        if let Some(sums) = sums.as_deref_mut() {
            isa.run(Moments { y, stride, sums });
        }
    }
}

/// As [`super::backward`].
#[allow(clippy::too_many_arguments)]
pub(super) fn backward<T: Numeric>(
    isa: Isa,
    conv: &Conv,
    source: Source<'_, T>,
    slope: Slope<'_, T>,
    spectra: &Spectra<T>,
    gradient: &mut FilterGradient<T>,
    mut sink: Option<Sink<'_, T>>,
    scratch: &mut Scratch<T>,
) {
    let map = Map::of_source(source, conv.input);
    let slopes = Map::of_slope(slope, conv.output);
    let (stride, width) = (conv.input.stride(), conv.input.width);
    scratch.tiles.clear(&spectra.forward);
    for Chunk { images, rows } in conv.lots(source.samples()) {
        let window = conv.reach(&rows);
        let x = view(isa, &map, images.clone(), &window, stride, &mut scratch.x);
        let slope = view(isa, &slopes, images.clone(), &window, conv.output.stride(), &mut scratch.slope);
        let own = slope.skip(slope.row + slope.pixel);
        let size = [images.len(), rows.len(), width];
        if let Some(bias) = &mut gradient.bias {
            isa.run(Totals { slope: own, size, stride: conv.output.stride(), to: bias.as_mut_ptr() });
        }
        spectra.forward.reduce(isa, x, own, size, &mut scratch.tiles);

        let Some(sink) = &mut sink else { continue };
        let first = (images.start * conv.input.height + rows.start) * width * stride;
        let range = first..first + images.len() * rows.len() * width * stride;
        let raw = raw_gradient(sink, range.clone(), &mut scratch.gradient);
        let out = Target { at: raw, image: conv.input.sample(), row: width * stride, pixel: stride };
        spectra.backward.sweep(isa, slope, None, out, size, &mut scratch.tiles);
        flow_on(isa, raw, &source, stride, sink, range);
    }
    spectra.forward.give(isa, &scratch.tiles, &mut gradient.weight);
}

//! Convolution and pooling: windows gathered by a [`Stencil`], multiplied by dfdx.

use ::dfdx::prelude::*;

use super::stencil::Stencil;
use super::{Flat, Number, Plain, Samples, Taped};
use crate::graph::{Conv2d, Pool, PoolKind};

/// Where the windows over a map lie.
struct Windows {
    /// Channels, height and width of the map.
    map: [usize; 3],
    /// Height and width of what comes out.
    out: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    padding: [usize; 2],
    dilation: usize,
}

impl Windows {
    /// The element of the map under a tap of a window, or nothing where the tap lies in the padding.
    fn at(&self, channel: usize, tap: [usize; 2], out: [usize; 2]) -> Option<usize> {
        let [_, height, width] = self.map;
        let axis = |axis: usize, size: usize| {
            let padded = out[axis] * self.stride + tap[axis] * self.dilation;
            padded.checked_sub(self.padding[axis]).filter(|&at| at < size)
        };
        Some((channel * height + axis(0, height)?) * width + axis(1, width)?)
    }

    /// Every pair of a row and a column below `sizes`, row by row.
    fn pairs(sizes: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
        (0..sizes[0]).flat_map(move |row| (0..sizes[1]).map(move |column| [row, column]))
    }

    /// For each channel and tap, the elements under that tap in every window; zero in the padding.
    fn unfold<E: Number>(&self) -> Stencil<E> {
        let mut terms = Vec::new();
        let mut to = 0;
        for channel in 0..self.map[0] {
            for tap in Self::pairs(self.kernel) {
                for out in Self::pairs(self.out) {
                    terms.extend(self.at(channel, tap, out).map(|from| (to, from, E::of(1.0))));
                    to += 1;
                }
            }
        }
        Stencil { size: to, terms }
    }

    /// The elements of each window that lie in the map, window by window.
    fn members(&self) -> Vec<Vec<usize>> {
        let of = |channel, out| Self::pairs(self.kernel).filter_map(move |tap| self.at(channel, tap, out)).collect();
        (0..self.map[0]).flat_map(|channel| Self::pairs(self.out).map(move |out| of(channel, out))).collect()
    }
}

/// Convolution: `out = weight · windows` for each group, plus a bias for each channel.
///
/// *Shapes.* `x` holds samples of `map`; the parameters are `[out, in / groups, height, width]` and perhaps `[out]`.
pub(super) fn convolution<E: Number>(
    conv: &Conv2d,
    map: [usize; 3],
    out: [usize; 2],
    x: Taped<Samples, E>,
    parameters: &[Plain<Flat, E>],
) -> Taped<Samples, E> {
    let windows =
        Windows { map, out, kernel: conv.kernel, stride: conv.stride, padding: conv.padding, dilation: conv.dilation };
    let (batch, _) = *x.shape();
    let (groups, filters, positions) = (conv.groups, conv.channels / conv.groups, out[0] * out[1]);
    let taps = map[0] / groups * conv.kernel[0] * conv.kernel[1];
    let unfolded = windows.unfold().apply(x).reshape_like(&(batch, groups, taps, positions));
    let weight = parameters[0].clone().reshape_like(&(groups, filters, taps));
    let weight = weight.broadcast_like::<_, Axis<0>>(&(batch, groups, filters, taps));
    let (unfolded, tape) = unfolded.split_tape();
    let shape = (batch, conv.channels, positions);
    let result = weight.put_tape(tape).matmul(unfolded).reshape_like(&shape);
    let result = match parameters.get(1) {
        Some(bias) => result + bias.clone().broadcast_like::<_, Axes2<0, 2>>(&shape),
        None => result,
    };
    result.reshape_like(&(batch, conv.channels * positions))
}

/// The mean or the largest element of each window; the first of equals, as in PyTorch.
pub(super) fn pool<E: Number>(
    pool: &Pool,
    map: [usize; 3],
    out: [usize; 2],
    x: Taped<Samples, E>,
) -> Taped<Samples, E> {
    let windows =
        Windows { map, out, kernel: [pool.kernel; 2], stride: pool.stride, padding: [pool.padding; 2], dilation: 1 };
    let members = windows.members();
    let size = members.len();
    match pool.kind {
        PoolKind::Avg | PoolKind::PaddedAvg => {
            let mean = |(to, window): (usize, &Vec<usize>)| {
                let counted = if pool.kind == PoolKind::Avg { window.len() } else { pool.kernel * pool.kernel };
                let weight = E::of(1.0 / counted as f64);
                window.iter().map(move |&from| (to, from, weight)).collect::<Vec<_>>()
            };
            Stencil { size, terms: members.iter().enumerate().flat_map(mean).collect() }.apply(x)
        }
        PoolKind::Max => {
            // Which element wins depends on the sample, so the whole batch is one sample of a stencil.
            let (batch, width) = *x.shape();
            let data = x.as_vec();
            let largest = |sample: usize, window: &[usize]| {
                let mut best = None;
                for from in window.iter().map(|&at| sample * width + at) {
                    // A value that is not a number wins, so that it is not hidden.
                    if best.is_none_or(|best: usize| data[from] > data[best] || data[from].to_f64().is_nan()) {
                        best = Some(from);
                    }
                }
                best
            };
            let mut terms = Vec::with_capacity(batch * size);
            for sample in 0..batch {
                for (at, window) in members.iter().enumerate() {
                    let to = sample * size + at;
                    terms.extend(largest(sample, window).map(|from| (to, from, E::of(1.0))));
                }
            }
            let whole = x.reshape_like(&(1, batch * width));
            Stencil { size: batch * size, terms }.apply(whole).reshape_like(&(batch, size))
        }
    }
}

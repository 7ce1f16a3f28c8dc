//! Maps in another order: channels side by side, other shapes, and tensors at the border of the engine.

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{RUN, Reader, Writer, load_part, store_part};
use super::vector::Vector;
use super::view::{Layout, Sink, Source};
use crate::engine::Element;
use crate::graph::{Axis, Shape};

/// Writes what a source reads to the channels of `out` from `offset` on: one part of a concatenation.
pub fn copy_channels<T: Numeric>(isa: Isa, source: Source<'_, T>, out: &mut [T], out_layout: Layout, offset: usize) {
    check(&source, out_layout, out.len(), offset);
    isa.run(CopyChannels { source, out, out_stride: out_layout.stride(), offset });
}

fn check<T: Numeric>(source: &Source<'_, T>, whole: Layout, elements: usize, offset: usize) {
    source.check();
    assert!(offset + source.layout.channels <= whole.channels, "a part lies within the whole");
    assert_eq!(source.layout.positions(), whole.positions(), "parts have the positions of the whole");
    assert_eq!(source.samples() * whole.sample(), elements, "parts have the samples of the whole");
}

struct CopyChannels<'a, T> {
    source: Source<'a, T>,
    out: &'a mut [T],
    out_stride: usize,
    offset: usize,
}

impl<T: Numeric> Kernel<T> for CopyChannels<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, out, out_stride, offset } = self;
        let (stride, channels) = (source.layout.stride(), source.layout.channels);
        for row in 0..source.data.len() / stride {
            for channel in (0..channels).step_by(V::LANES) {
                // Only channels that count are written; behind them stands the next part.
                unsafe {
                    let x = Reader::<V>::new(&source, channel).at(row * stride + channel);
                    let to = out.as_mut_ptr().add(row * out_stride + offset + channel);
                    store_part(x, to, channels - channel);
                }
            }
        }
    }
}

/// The way back to one part of a concatenation with the gradient `d`.
pub fn copy_channels_backward<T: Numeric>(
    isa: Isa,
    source: Source<'_, T>,
    d: &[T],
    d_layout: Layout,
    offset: usize,
    sink: Sink<'_, T>,
) {
    check(&source, d_layout, d.len(), offset);
    sink.check(&source);
    isa.run(CopyChannelsBackward { source, d, d_stride: d_layout.stride(), offset, sink });
}

struct CopyChannelsBackward<'a, T> {
    source: Source<'a, T>,
    d: &'a [T],
    d_stride: usize,
    offset: usize,
    sink: Sink<'a, T>,
}

impl<T: Numeric> Kernel<T> for CopyChannelsBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, d, d_stride, offset, mut sink } = self;
        let (stride, channels) = (source.layout.stride(), source.layout.channels);
        let rows = source.data.len() / stride;
        for start in (0..rows).step_by(RUN) {
            for channel in (0..channels).step_by(V::LANES) {
                // Only channels that count are read.
                unsafe {
                    let mut writer = Writer::<V>::new(&source, &mut sink, channel);
                    for row in start..rows.min(start + RUN) {
                        let from = d.as_ptr().add(row * d_stride + offset + channel);
                        let g = load_part::<V>(from, channels - channel, T::ZERO);
                        writer.put(row * stride + channel, g);
                    }
                    writer.finish(&mut sink);
                }
            }
        }
    }
}

/// Where the elements of a sample lie in memory, in PyTorch's order: channel, row, column, or token, feature.
fn walk(shape: Shape) -> impl Iterator<Item = usize> {
    let layout = Layout::new(shape);
    let (channels, positions, stride) = (layout.channels, layout.positions(), layout.stride());
    let (outer, inner, outer_step, inner_step) = match shape {
        Shape::Map { .. } => (channels, positions, 1, stride),
        Shape::Tokens { .. } | Shape::Vector { .. } => (positions, channels, stride, 1),
    };
    (0..outer).flat_map(move |i| (0..inner).map(move |j| i * outer_step + j * inner_step))
}

/// Writes, or adds, a map to one of another shape with as many elements, in PyTorch's order: flatten and reshape. With
/// the shapes exchanged it is its own way back.
pub fn reshape<T: Element>(x: &[T], from: Shape, out: &mut [T], to: Shape, accumulate: bool) {
    let (from_sample, to_sample) = (Layout::new(from).sample(), Layout::new(to).sample());
    for (x, out) in x.chunks_exact(from_sample).zip(out.chunks_exact_mut(to_sample)) {
        for (at, to) in walk(from).zip(walk(to)) {
            if accumulate {
                out[to] += x[at];
            } else {
                out[to] = x[at];
            }
        }
    }
}

/// Copies, or adds, a map to one whose elements lie in the same order: a map as tokens and back.
pub fn copy<T: Element>(x: &[T], out: &mut [T], accumulate: bool) {
    if accumulate {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out += x);
    } else {
        out.copy_from_slice(x);
    }
}

/// Writes, or adds, the part of every sample of the layout `layout` that begins at `start` along an axis, as much as `part`
/// holds.
pub fn slice<T: Element>(
    x: &[T],
    layout: Layout,
    out: &mut [T],
    part: Layout,
    axis: Axis,
    start: usize,
    accumulate: bool,
) {
    if !accumulate {
        out.fill(T::ZERO);
    }
    let (stride, kept) = (layout.stride(), part.stride());
    let add = |x: &[T], to: &mut [T]| to.iter_mut().zip(x).for_each(|(to, &x)| *to += x);
    for (x, out) in x.chunks_exact(layout.sample()).zip(out.chunks_exact_mut(part.sample())) {
        match axis {
            Axis::Tokens => add(&x[start * stride..], out),
            Axis::Channels => {
                let rows = x.chunks_exact(stride).zip(out.chunks_exact_mut(kept));
                rows.for_each(|(x, out)| add(&x[start..], &mut out[..part.channels]));
            }
        }
    }
}

/// The way back to the whole of the layout `layout` from a part with the gradient `d`; elsewhere it is zero.
pub fn slice_backward<T: Element>(
    d: &[T],
    part: Layout,
    dx: &mut [T],
    layout: Layout,
    axis: Axis,
    start: usize,
    accumulate: bool,
) {
    if !accumulate {
        dx.fill(T::ZERO);
    }
    let (stride, kept) = (layout.stride(), part.stride());
    let add = |d: &[T], to: &mut [T]| to.iter_mut().zip(d).for_each(|(to, &d)| *to += d);
    for (d, dx) in d.chunks_exact(part.sample()).zip(dx.chunks_exact_mut(layout.sample())) {
        match axis {
            Axis::Tokens => add(d, &mut dx[start * stride..][..part.sample()]),
            Axis::Channels => {
                let rows = d.chunks_exact(kept).zip(dx.chunks_exact_mut(stride));
                rows.for_each(|(d, dx)| add(&d[..part.channels], &mut dx[start..]));
            }
        }
    }
}

/// Writes, or adds, a map with its channels mixed: channel `i · groups + j` is the one that was `i`-th of group `j`. With as
/// many groups as a group has channels it is its own way back.
pub fn shuffle<T: Element>(x: &[T], layout: Layout, groups: usize, out: &mut [T], accumulate: bool) {
    let (stride, channels) = (layout.stride(), layout.channels);
    let each = channels / groups;
    for (x, out) in x.chunks_exact(stride).zip(out.chunks_exact_mut(stride)) {
        for group in 0..groups {
            for at in 0..each {
                let (x, out) = (x[group * each + at], &mut out[at * groups + group]);
                *out = if accumulate { *out + x } else { x };
            }
        }
        if !accumulate {
            out[channels..].fill(T::ZERO);
        }
    }
}

/// Takes a tensor `[batch, …]` of samples of that shape into a map. The padding becomes 0.
pub fn pack<T: Element>(tensor: &[T], shape: Shape, out: &mut [T]) {
    let layout = Layout::new(shape);
    let elements = layout.channels * layout.positions();
    out.fill(T::ZERO);
    for (tensor, out) in tensor.chunks_exact(elements).zip(out.chunks_exact_mut(layout.sample())) {
        tensor.iter().zip(walk(shape)).for_each(|(&x, at)| out[at] = x);
    }
}

/// Brings a map into a tensor `[batch, …]` of samples of that shape.
pub fn unpack<T: Element>(x: &[T], shape: Shape, tensor: &mut [T]) {
    let layout = Layout::new(shape);
    let elements = layout.channels * layout.positions();
    for (tensor, x) in tensor.chunks_exact_mut(elements).zip(x.chunks_exact(layout.sample())) {
        tensor.iter_mut().zip(walk(shape)).for_each(|(to, at)| *to = x[at]);
    }
}

#[cfg(test)]
mod tests;
